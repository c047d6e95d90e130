"""The model: two networks that train against each other under `fit`."""

import functools

import keras
import tensorflow as tf

from keras_gan import (
    _checks,
    ema,
    inspection,
    losses,
    memory,
    packing,
    priors,
    replicas,
    schedules,
    seeds,
    settings,
    updates,
)
from keras_gan.class_names import checked as checked_names
from keras_gan.determinism import Deterministic, ordered
from keras_gan.evaluating import ACCURACY_KEYS, Evaluating
from keras_gan.fitting import Fitting
from keras_gan.gradients import Scores
from keras_gan.optimizers import OptimizerGroup, follow
from keras_gan.samples import SampleSpec, flat, to_float, unpack
from keras_gan.sampling import Sampling
from keras_gan.saving import Saving
from keras_gan.state import DISCRIMINATOR, GENERATOR, PLAYERS, TrainingState, add
from keras_gan.updates import activity_losses, layer_losses, standing_still

_PHASES = ("both", *PLAYERS)


@keras.saving.register_keras_serializable("keras_gan")
class GAN(Fitting, Evaluating, Sampling, Saving, Deterministic, keras.Model):
    """Two networks trained against each other under `fit`.

    The discriminator learns to tell real samples from generated ones; the generator learns
    through it: noise, sample, verdict, loss, gradients through both, applied to the generator
    alone. While one learns, the other stands still.

    ```python
    generator, discriminator = keras_gan.networks.mlp((2,))
    gan = keras_gan.GAN(generator, discriminator)
    gan.compile()
    gan.fit(keras_gan.data.ring(10_000), epochs=10)
    points = gan.generate(500)
    ```

    Args:
        generator: built Keras model from latents `(batch, latent_dim)` to samples
            `(batch, ...)`. With a second input, labels `(batch,)`, it is conditional.
        discriminator: built Keras model from samples to one logit a sample, `(batch, 1)` or
            `(batch,)`, or to patch logits `(batch, h, w, 1)`. Takes labels if the generator does.
        prior: where latents come from: "normal", "uniform", "truncated_normal", or a callable
            `(shape, seed) -> latents`. Default "normal".
        num_classes: number of classes of a conditional model, else `None`.
        class_names: list of their names. Default `None`: `fit` takes them from a data set that has
            `class_names`. They are saved and exported with the model.
        pack: samples that the discriminator judges at a time, neighbours of a batch joined along
            their last axis (PacGAN, arXiv:1712.04086): it sees samples that are too much alike.
            It must be built for them (`networks.dcgan(shape, pack=2)`) and gives one logit a
            pack: losses, accuracies and penalties are then those of packs, a gradient's norm
            that of the joint input. Only without labels. Default 1.
        ema_halflife_images: half-life of the generator's moving average in images, above 0;
            `None` for no average. Early in training it is at most 0.05 times the images seen.
            Or a schedule of it, see `keras_gan.schedules`.
        seed: integer in [0, 2**63). All noise and the order of arrays follow from it.
        name: of the model.

    Attributes:
        generator: the network that trains.
        discriminator: its opponent.
        averaged_generator: the moving average, what `generate`, `predict`, image grids, metrics
            and `export` use; is `generator` where `ema_halflife_images=None`.
        generator_optimizer: once compiled.
        discriminator_optimizer: once compiled.
        latent_dim: size of a latent.
        sample_shape: shape of a sample.
        is_image: whether samples are images (rank 3, last axis 1, 3 or 4).
        steps_seen: training steps done.
        images_seen: real samples that they were given.
        verdict: what `ConvergenceStopping` found, or `None`.

    Raises:
        ValueError: if the networks do not fit each other, or an argument is out of range.

    Source: Goodfellow et al., "Generative Adversarial Nets", NeurIPS 2014 (arXiv:1406.2661).
    """

    def __init__(
        self,
        generator,
        discriminator,
        *,
        prior="normal",
        num_classes=None,
        class_names=None,
        pack=1,
        ema_halflife_images=10_000,
        seed=0,
        name=None,
    ):
        super().__init__(name=name)
        pack = packing.checked(pack, num_classes)
        self.latent_dim, self.sample_shape, conditional = inspection.check_pair(
            generator, discriminator, pack
        )
        _checks.check(
            conditional == (num_classes is not None),
            "`num_classes` must be given exactly if both networks take labels.",
            num_classes=num_classes,
            networks_take_labels=conditional,
        )
        if num_classes is not None:
            num_classes = _checks.positive_int(num_classes, "num_classes")
            inspection.check_classes(num_classes, generator, discriminator)
        if ema_halflife_images is not None:
            ema_halflife_images = schedules.number_or_schedule(
                ema_halflife_images, "ema_halflife_images", above=0.0
            )
        self.generator = generator
        self.discriminator = discriminator
        self.prior = priors.get(prior)
        self.num_classes = num_classes
        self.class_names = class_names
        self.pack = pack
        self.ema_halflife_images = ema_halflife_images
        self.seed = _checks.non_negative_int(seed, "seed")
        _checks.check(self.seed < 2**63, "`seed` must be below 2**63.", seed=seed)

        self.averaged_generator = generator
        if ema_halflife_images is not None:
            self.averaged_generator = inspection.copy(generator, "averaged_generator")
        self.spec = SampleSpec(self.sample_shape, num_classes)
        self.is_image = self.spec.is_image
        self.verdict = None
        self.generator_optimizer = self.discriminator_optimizer = None
        self.quality_metrics = []
        self._state = TrainingState()
        self._training_feed = self._held_out_feed = None
        self._evaluating = False
        self._phase = "both"
        self._train_functions = {}
        self._custom_gradients = memory.CustomGradients()
        self.built = True

    @property
    def class_names(self):
        """The names of the classes, that of class `i` at place `i`, or `None`."""
        return self._class_names

    @class_names.setter
    def class_names(self, class_names):
        names = checked_names(class_names, self.num_classes or 0)
        self._class_names = None if names is None else tuple(names)  # Keras would wrap a list

    # === Compiling ===

    def compile(
        self,
        generator_optimizer=None,
        discriminator_optimizer=None,
        loss="non_saturating",
        *,
        regularizers=(),
        discriminator_steps=1,
        generator_steps=1,
        accumulation_steps=1,
        metrics=(),
        steps_per_execution="auto",
        jit_compile="auto",
        run_eagerly=False,
        **unknown,
    ):
        """Say how the two networks train.

        Args:
            generator_optimizer: Keras optimizer or its name; `None` for
                `Adam(2e-4, beta_1=0.5)`.
            discriminator_optimizer: likewise; another instance than the generator's.
            loss: name or `keras_gan.losses.AdversarialLoss`. Default "non_saturating".
            regularizers: names or `keras_gan.regularizers.Regularizer`s of the discriminator.
            discriminator_steps: updates of the discriminator in a step, each with `batch_size`
                real samples of its own. Default 1.
            generator_steps: updates of the generator that follow. Default 1.
            accumulation_steps: micro-batches that each update's batch is cut into to save memory;
                their gradients are averaged into one update. Statistics of a batch (BatchNorm,
                the means of `RelativisticAverage`, `DRAGAN`'s deviation) are then those of a
                micro-batch. Default 1.
            metrics: quality metrics, `keras.metrics.Metric`s with `update_state(real, fake)`,
                evaluated on validation data with the averaged generator.
            steps_per_execution: steps in one compiled call; "auto" chooses in `fit`: many for
                small networks, 1 under a strategy.
            jit_compile: as in Keras; "auto" is off on CPUs.
            run_eagerly: as in Keras.

        Raises:
            ValueError: for anything that could not train.
            TypeError: for an argument that there is not.
        """
        settings.refuse(unknown, self.compile)
        # All is resolved and checked before anything is set: a model whose compiling failed is as
        # it was.
        if steps_per_execution != "auto":
            steps_per_execution = _checks.positive_int(steps_per_execution, "steps_per_execution")
        players = [
            (settings.optimizer(generator_optimizer, "generator", self.generator), self.generator),
            (
                settings.optimizer(discriminator_optimizer, "discriminator", self.discriminator),
                self.discriminator,
            ),
        ]
        settings.check_optimizers(players)
        loss = losses.get(loss)
        regularizers = settings.regularizer_list(regularizers)
        discriminator_steps = _checks.positive_int(discriminator_steps, "discriminator_steps")
        generator_steps = _checks.positive_int(generator_steps, "generator_steps")
        accumulation_steps = _checks.positive_int(accumulation_steps, "accumulation_steps")
        metrics = settings.metric_list(metrics, self.sample_shape)
        settings.check_strategy(
            self.distribute_strategy,
            players,
            [*regularizers, *metrics],
            steps_per_execution=steps_per_execution,
            jit_compile=jit_compile,
        )

        super().compile(
            optimizer=None,
            jit_compile=jit_compile,
            run_eagerly=run_eagerly,
            steps_per_execution=1 if steps_per_execution == "auto" else steps_per_execution,
        )
        for optimizer, network in players:
            # An optimizer that is not built when a file is loaded would lose its state.
            if not optimizer.built:
                optimizer.build(network.trainable_variables)
            follow(optimizer, self._state.images_seen)
        (self.generator_optimizer, _), (self.discriminator_optimizer, _) = players
        self.optimizer = OptimizerGroup(players)
        self.adversarial_loss = loss
        self.regularizers = regularizers
        self.discriminator_steps = discriminator_steps
        self.generator_steps = generator_steps
        self.accumulation_steps = accumulation_steps
        self.quality_metrics = metrics
        rates = [optimizer.learning_rate for optimizer, _ in players]
        self._first_rates = [float(tf.convert_to_tensor(rate)) for rate in rates]
        self._compile_arguments = {
            "steps_per_execution": steps_per_execution,
            "jit_compile": jit_compile,
            "run_eagerly": run_eagerly,
        }
        self._penalties = [r for r in regularizers if r.penalizes]
        self._penalty_names = settings.log_names(self._penalties)
        settings.warn_of_batch_norm(self)
        self._make_trackers(self._penalty_names)
        self._train_functions = {}
        self._phase = "both"

    # === Training ===

    @ordered
    def train_step(self, data):
        """One step: the discriminator's updates, then the generator's.

        Called by `fit` in a graph. `data` is a flat batch of `discriminator_steps * batch_size`
        real samples, with their labels if the model is conditional. The last discriminator
        update and the first generator update share one pass of the generator.
        """
        self._custom_gradients.note()
        with tf.control_dependencies(flat(data)):  # at the end of data nothing may run
            share, last = self._shares(data), self.discriminator_steps - 1
            results = []
            if self.trains(DISCRIMINATOR):
                results += updates.in_turn(lambda k: self._discriminator_step(k, *share(k)), last)
            real, labels = share(last)
            results += self._shared_step(last, real, labels)
            results += updates.in_turn(
                lambda k: self._generator_step(k, real, labels), self._generator_updates - 1
            )
            self._count_step(data)
            return self._log(results)

    def _discriminator_step(self, number, real, labels):
        """One of the discriminator's updates but the last, on noise of its own."""
        seed = self._seeds(number)
        fake = self._still_samples(self._latents(real, next(seed)), labels)
        return self._update_discriminator(real, fake, labels, seed)

    def _shared_step(self, number, real, labels):
        """The discriminator's last update and the generator's first, on the same samples."""
        seed = self._seeds(number)
        latents = self._latents(real, next(seed))
        statistics = updates.Statistics(self.generator)
        if self.accumulation_steps == 1:
            shared = self._generator_pass(latents, labels)
            generate, fake = (lambda number: shared), tf.stop_gradient(shared[1])
        else:  # keeping all passes for later would take the memory of all
            generate = functools.partial(self._generator_pass, latents, labels)
            fake = self._still_samples(latents, labels)
        return [
            self._update_discriminator(real, fake, labels, seed),
            self._update_generator(generate, real, labels, statistics),
        ]

    def _generator_step(self, number, real, labels):
        """One of the generator's updates but the first, on noise of its own."""
        latents = self._latents(real, next(self._seeds(self.discriminator_steps, number)))
        statistics = updates.Statistics(self.generator)
        generate = functools.partial(self._generator_pass, latents, labels)
        return self._update_generator(generate, real, labels, statistics)

    # --- The discriminator's update ---

    def _update_discriminator(self, real, fake, labels, seed):
        """Score both batches, sum the loss and the penalties, apply ONE update."""
        statistics = updates.Statistics(self.discriminator)
        keys = [next(seed) for _ in self._penalties]
        scale = updates.loss_scale(self.discriminator_optimizer)

        def part(number):
            with replicas.micro_batch(number, self.accumulation_steps):
                batch = self._part(number, real, fake, labels)
                return self._discriminator_gradients(*batch, keys, scale)

        gradients, total, logits, values = updates.accumulated(part, self.accumulation_steps, scale)

        def after_update(logits):
            for regularizer in self.regularizers:
                regularizer.after_update(self.discriminator, **logits)

        norm = self._apply(DISCRIMINATOR, gradients, total, statistics, after_update, logits)
        accuracies = losses.discriminator_accuracies(
            **logits, threshold=self.adversarial_loss.threshold
        )
        return {
            "d_gradient_norm": norm,
            **dict(zip(ACCURACY_KEYS, accuracies, strict=True)),
            **values,
        }

    def _discriminator_gradients(self, real, fake, labels, keys, scale):
        def judge(samples):
            return self._score(samples, labels, training=True)

        real, fake = packing.packed(real, self.pack), packing.packed(fake, self.pack)
        with tf.GradientTape() as tape:
            scores = Scores(judge, scale)
            logits = {"real_logits": scores(real)}
            own_loss = layer_losses(self.discriminator)
            logits["fake_logits"] = scores(fake)
            own_loss += activity_losses(self.discriminator)
            loss = tf.reduce_mean(self.adversarial_loss.discriminator_loss(**logits))
            penalty, values = self._penalise(scores, real, fake, logits, keys)
            total = loss + penalty + own_loss
        gradients = tape.gradient(
            total, self.discriminator.trainable_variables, output_gradients=scale
        )
        return gradients, total, logits, {"d_loss": loss, **values}

    def _penalise(self, scores, real, fake, logits, keys):
        """The sum of the weighted penalties, and the unweighted ones for the logs."""
        total, values = 0.0, {}
        for name, regularizer, key in zip(self._penalty_names, self._penalties, keys, strict=True):
            k = regularizer.every if self.trains(DISCRIMINATOR) else 1
            # A branch that may not run must not share its passes with what is outside of it.
            branches = k > 1 and replicas.count() == 1
            evaluate = functools.partial(
                regularizer.value,
                scores.anew() if branches else scores,
                real,
                fake,
                seed=key,
                **logits,
            )
            due = tf.equal(self._state.discriminator_updates.value % k, 0)
            if branches:
                penalty = tf.reduce_mean(
                    tf.cond(due, evaluate, lambda: tf.zeros([tf.shape(real)[0]]))
                )
            else:  # replicas cannot meet inside of a branch
                penalty = tf.cast(due, "float32") * tf.reduce_mean(evaluate())
            weight = schedules.value(regularizer.weight, self._state.images_seen.value)
            total += weight * k * penalty
            # Where it was not evaluated it does not count in the mean of the logs.
            values[name] = (penalty, tf.cast(due, "float32"))
        return total, values

    # --- The generator's update ---

    def _generator_pass(self, latents, labels, number=0):
        """The generator's pass on one micro-batch, on its tape."""
        latents, labels = self._part(number, latents, labels)
        with tf.GradientTape() as tape:
            fake = self._generate(latents, labels)
            own_loss = layer_losses(self.generator)
        return tape, fake, own_loss

    def _update_generator(self, generate, real, labels, statistics):
        """Score the samples, and take the verdict back through them to the generator alone."""
        scale = updates.loss_scale(self.generator_optimizer)

        def part(number):
            batch = self._part(number, real, labels)
            return self._generator_gradients(generate(number=number), *batch, scale)

        gradients, total, _, values = updates.accumulated(part, self.accumulation_steps, scale)
        images = tf.shape(real)[0] * replicas.count()
        norm = self._apply(GENERATOR, gradients, total, statistics, self._follow_generator, images)
        return {"g_gradient_norm": norm, **values}

    def _generator_gradients(self, generated, real, labels, scale):
        tape, fake, own_loss = generated
        with standing_still(self.discriminator), tf.GradientTape() as verdict_tape:
            verdict_tape.watch(fake)
            loss = self._generator_loss(real, fake, labels)
        verdict = verdict_tape.gradient(loss, fake, output_gradients=scale)
        gradients = tape.gradient(
            [fake, own_loss],
            self.generator.trainable_variables,
            output_gradients=[verdict, tf.ones([]) if scale is None else scale],
        )
        return gradients, loss + own_loss, {}, {"g_loss": loss}

    def _generator_loss(self, real, fake, labels):
        fake_logits = self._score(packing.packed(fake, self.pack), labels, training=True)
        real_logits = None
        if self.adversarial_loss.generator_needs_real:
            real_logits = self._score(packing.packed(real, self.pack), labels, training=True)
        return tf.reduce_mean(self.adversarial_loss.generator_loss(real_logits, fake_logits))

    def _follow_generator(self, images):
        add(self._state.generator_images, images)
        if self.ema_halflife_images is not None:
            halflife = ema.halflife(
                self.ema_halflife_images,
                self._state.images_seen.value,
                self._state.generator_images.value,
            )
            weight = ema.decay(images, halflife)
            ema.follow(self.averaged_generator.weights, self.generator.weights, weight)

    # --- Both ---

    def _apply(self, player, gradients, loss, statistics, after_update, *tensors):
        """Update a player, if it trains; returns the norm of its gradients."""
        gradients, applied = replicas.total(updates.dense(gradients)), False
        norm = updates.norm(gradients, player)
        if self.trains(player):
            applied = updates.apply_if_finite(
                player,
                (self.discriminator_optimizer, self.generator_optimizer)[player],
                gradients,
                (self.discriminator, self.generator)[player].trainable_variables,
                norm,
                replicas.mean(loss),
                self._state,
                after_update,
                *tensors,
            )
        statistics.restore(unless=applied)
        return norm

    def _count_step(self, data):
        add(self._state.steps_seen, 1)
        add(self._state.images_seen, tf.shape(flat(data)[0])[0] * replicas.count())

    # === What a step is made of ===

    def _shares(self, data):
        """A function from an update's number to its `(real, labels)`: the flat batch by stride."""
        samples, labels = unpack(data)
        n = self.discriminator_steps
        real = to_float(samples, self.is_image)

        def share(number):
            return tuple(None if t is None else packing.every(t, number, n) for t in (real, labels))

        return share

    def _seeds(self, update, further=0):
        """Seeds from the discriminator's update of that number on, but for the first `further`."""
        first = update * (1 + len(self._penalties)) + further
        return seeds.sequence(self.seed, seeds.TRAINING, self._state.steps_seen.value, first)

    def _part(self, number, *batch):
        """One of `accumulation_steps` micro-batches: whole packs of a batch, by stride."""
        k, size = self.accumulation_steps, self.pack
        return tuple(None if t is None else packing.every(t, number, k, size) for t in batch)

    def _latents(self, real, seed):
        """As many latents as there are real samples: this replica's rows of the global noise."""
        latents = replicas.rows(
            lambda rows: self.prior(tf.stack([rows, self.latent_dim]), seed), tf.shape(real)[0]
        )
        return tf.ensure_shape(latents, [real.shape[0], self.latent_dim])

    def _still_samples(self, latents, labels):
        """Samples for the discriminator to learn from, while the generator stands still."""
        with standing_still(self.generator):
            return self._generate(latents, labels)

    def _generate(self, latents, labels, *, generator=None, training=True):
        samples = self._run(generator or self.generator, latents, labels, training=training)
        return tf.cast(samples, "float32")

    def _score(self, samples, labels, *, training):
        return self._run(self.discriminator, samples, labels, training=training)

    def _run(self, network, inputs, labels, *, training):
        if self.num_classes is None:
            return network(inputs, training=training)
        # Keras takes no mixture of tensors and arrays.
        return network([inputs, tf.convert_to_tensor(labels)], training=training)

    # === Phases ===

    @property
    def phase(self):
        """Who trains: "both", "discriminator" or "generator"."""
        return self._phase

    def set_phase(self, phase):
        """Let both players train from the next step on, or one while the other stands still.

        The idle player's losses are evaluated all the same, so the logs keep their keys. Each
        phase has a compiled training function of its own, made once.

        Args:
            phase: "both", "discriminator" or "generator".

        Raises:
            ValueError: for another value.
        """
        _checks.one_of(phase, "phase", _PHASES)
        if phase == self._phase:
            return
        self._train_functions[self._phase] = self.train_function
        self._phase = phase
        self.train_function = self._train_functions.get(phase)
        if self.train_function is None and self.compiled:
            self.make_train_function(force=True)

    def trains(self, player):
        """Whether a player (`DISCRIMINATOR` or `GENERATOR`) trains in this phase."""
        return self._phase in ("both", PLAYERS[player])

    @property
    def _generator_updates(self):
        # An idle generator is evaluated once.
        return self.generator_steps if self.trains(GENERATOR) else 1
