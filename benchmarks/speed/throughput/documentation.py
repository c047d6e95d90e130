"""P1: a `keras.Model` with the training step of the Keras documentation, written out.

The steps are those of "DCGAN to generate face images" and of "WGAN-GP overriding
`Model.train_step`": each update of a player draws latents and runs the generator anew; DCGAN's
discriminator judges generated and real images in one joint batch; WGAN-GP's critic trains on the
same real batch in all its updates. For equal mathematics, and said nowhere in the documentation:
networks run in training mode, logits are float32 in the losses, labels are not smoothed, the
discriminator's loss is the sum over real and generated images (a joint mean is half of it), and
interpolation is uniform on [0, 1].
"""

import keras
import tensorflow as tf


def build(workload):
    """`(generator, discriminator)` as Keras models, from a workload's layers."""
    return _generator(workload), _discriminator(workload)


def _generator(workload):
    inputs = keras.Input((workload.latent_dim,), name="latents")
    labels = _labels(workload)
    x = inputs
    if labels is not None:
        embedding = keras.layers.Embedding(workload.num_classes, workload.label_width)
        x = keras.layers.Concatenate()([x, embedding(labels)])
    for layer in workload.generator[:-1]:
        x = _after(layer, _kernel(layer)(x))
    layer = workload.generator[-1]
    if workload.is_image:
        image = keras.layers.Conv2D(layer.outputs, layer.kernel, padding="same")
        x = keras.layers.Activation(layer.activation, dtype="float32")(image(x))
    else:
        x = _kernel(layer, dtype="float32")(x)
    return _model(inputs, labels, x, "generator")


def _discriminator(workload):
    inputs = keras.Input(workload.sample_shape, name="samples")
    labels = _labels(workload)
    x = inputs
    for layer in workload.discriminator[:-1]:
        x = _after(layer, _kernel(layer)(x))
    if workload.is_image:
        x = keras.layers.Flatten()(x)
    logit = _kernel(workload.discriminator[-1], dtype="float32")(x)
    if labels is not None:
        embedding = keras.layers.Embedding(workload.num_classes, workload.features)
        logit = keras.layers.Add()([logit, keras.layers.Dot(axes=1)([x, embedding(labels)])])
    return _model(inputs, labels, logit, "discriminator")


def _labels(workload):
    if workload.num_classes is None:
        return None
    return keras.Input((), dtype="int32", name="labels")


def _model(inputs, labels, outputs, name):
    return keras.Model(inputs if labels is None else [inputs, labels], outputs, name=name)


def _kernel(layer, **options):
    options = {"use_bias": layer.bias, **options}
    if layer.kind == "dense":
        return keras.layers.Dense(layer.outputs, **options)
    kind = keras.layers.Conv2DTranspose if layer.kind == "up" else keras.layers.Conv2D
    return kind(layer.outputs, layer.kernel, strides=layer.stride, padding="same", **options)


def _after(layer, x):
    if layer.shape:
        x = keras.layers.Reshape(layer.shape)(x)
    if layer.crop:
        over = layer.side - layer.crop
        x = keras.layers.Cropping2D(((0, over), (0, over)))(x)
    if layer.norm:
        x = keras.layers.BatchNormalization(momentum=0.9)(x)
    if layer.activation == "leaky_relu":
        return keras.layers.LeakyReLU(0.2)(x)
    return keras.layers.ReLU()(x) if layer.activation == "relu" else x


def adam(workload):
    return keras.optimizers.Adam(
        workload.learning_rate, beta_1=workload.beta_1, beta_2=workload.beta_2
    )


def dataset(workload, samples, labels):
    """Floats in memory, shuffled, batched and prefetched, as the documentation does it."""
    if workload.is_image:
        samples = samples.astype("float32") / 127.5 - 1.0
    return batches(samples if labels is None else (samples, labels), workload.batch)


def batches(parts, size):
    data = tf.data.Dataset.from_tensor_slices(parts).shuffle(1024).repeat()
    return data.batch(size, drop_remainder=True).prefetch(tf.data.AUTOTUNE)


class DocumentationGAN(keras.Model):
    """The part that both of the documentation's models share."""

    def __init__(self, workload, networks=None):
        super().__init__()
        self.workload = workload
        self.generator, self.discriminator = networks or build(workload)
        self.seed_generator = keras.random.SeedGenerator(0)
        self.d_loss_metric = keras.metrics.Mean(name="d_loss")
        self.g_loss_metric = keras.metrics.Mean(name="g_loss")
        self.built = True

    def compile(self, **options):
        super().compile(**options)
        self.d_optimizer, self.g_optimizer = adam(self.workload), adam(self.workload)

    @property
    def metrics(self):
        return [self.d_loss_metric, self.g_loss_metric]

    def latents(self):
        shape = (self.workload.batch, self.workload.latent_dim)
        return keras.random.normal(shape, seed=self.seed_generator)

    def generated(self, labels):
        return _run(self.generator, self.latents(), labels)

    def judged(self, samples, labels):
        return tf.cast(_run(self.discriminator, samples, labels), "float32")

    def train_step(self, data):
        real, labels = data if isinstance(data, tuple) else (data, None)
        d_loss = self.train_discriminator(real, labels)
        return self.told(d_loss, self.train_generator(labels))

    def told(self, d_loss, g_loss):
        self.d_loss_metric.update_state(d_loss)
        self.g_loss_metric.update_state(g_loss)
        return {m.name: m.result() for m in self.metrics}

    def _apply(self, optimizer, tape, loss, network):
        gradients = tape.gradient(loss, network.trainable_weights)
        optimizer.apply_gradients(zip(gradients, network.trainable_weights, strict=True))


class DCGAN(DocumentationGAN):
    """The step of "DCGAN to generate face images"."""

    loss_fn = keras.losses.BinaryCrossentropy(from_logits=True)

    def train_discriminator(self, real, labels):
        combined = tf.concat([self.generated(labels), real], axis=0)
        both = None if labels is None else tf.concat([labels, labels], axis=0)
        ones = tf.ones((self.workload.batch, 1))
        targets = tf.concat([tf.zeros_like(ones), ones], axis=0)
        with tf.GradientTape() as tape:
            d_loss = 2.0 * self.loss_fn(targets, self.judged(combined, both))
        self._apply(self.d_optimizer, tape, d_loss, self.discriminator)
        return d_loss

    def train_generator(self, labels):
        targets = tf.ones((self.workload.batch, 1))
        with tf.GradientTape() as tape:
            g_loss = self.loss_fn(targets, self.judged(self.generated(labels), labels))
        self._apply(self.g_optimizer, tape, g_loss, self.generator)
        return g_loss


class WGANGP(DocumentationGAN):
    """The step of "WGAN-GP overriding `Model.train_step`"."""

    def gradient_penalty(self, real, fake, labels):
        shape = (self.workload.batch, *[1] * len(self.workload.sample_shape))
        alpha = keras.random.uniform(shape, seed=self.seed_generator)
        interpolated = real + alpha * (fake - real)
        with tf.GradientTape() as tape:
            tape.watch(interpolated)
            logits = self.judged(interpolated, labels)
        gradients = tape.gradient(logits, interpolated)
        axes = tuple(range(1, len(gradients.shape)))
        norm = tf.sqrt(tf.reduce_sum(tf.square(gradients), axis=axes))
        return tf.reduce_mean((norm - 1.0) ** 2)

    def train_discriminator(self, real, labels):
        for _ in range(self.workload.discriminator_steps):
            with tf.GradientTape() as tape:
                fake = self.generated(labels)
                fake_logits = self.judged(fake, labels)
                real_logits = self.judged(real, labels)
                cost = tf.reduce_mean(fake_logits) - tf.reduce_mean(real_logits)
                penalty = self.gradient_penalty(real, fake, labels)
                d_loss = cost + self.workload.penalty_weight * penalty
            self._apply(self.d_optimizer, tape, d_loss, self.discriminator)
        return d_loss

    def train_generator(self, labels):
        with tf.GradientTape() as tape:
            g_loss = -tf.reduce_mean(self.judged(self.generated(labels), labels))
        self._apply(self.g_optimizer, tape, g_loss, self.generator)
        return g_loss


def model(workload, *, jit_compile=False):
    """The documentation's model for a workload, compiled."""
    result = (DCGAN if workload.penalty_weight is None else WGANGP)(workload)
    result.compile(jit_compile=jit_compile)
    return result


def _run(network, samples, labels):
    return network(samples if labels is None else [samples, labels], training=True)
