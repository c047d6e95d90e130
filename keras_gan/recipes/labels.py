"""Recipes for samples with labels: a critic that names classes, a classifier of few labels."""

from keras_gan import _checks, networks
from keras_gan.model.adversarial_model import AdversarialModel
from keras_gan.model.critic import Critic
from keras_gan.networks._images import image_shape_of
from keras_gan.priors import Categorical
from keras_gan.recipes import defaults, parts
from keras_gan.terms import Classification, FeatureMatching


@parts.suggesting(networks.dcgan, without=("heads", "pack"))
def acgan(
    image_shape,
    num_classes,
    *,
    latent_dim=None,
    class_weight=1.0,
    gamma=None,
    learning_rate=defaults.LEARNING_RATE,
    seed=0,
    precision="auto",
    metrics=(),
    **network_options,
):
    """AC-GAN: the discriminator also names the class, and both players want it to be right.

    ```python
    model = keras_gan.recipes.acgan(images.shape[1:], num_classes=10)
    model.fit({"image": images, "labels": labels}, epochs=60)
    threes = model.generate(8, inputs={"labels": 3})  # without `inputs`, classes are drawn
    found = model.score({"image": images[:100]})["classes"].argmax(-1)
    ```

    Relativistic paired loss with R1 and R2 on every step, Adam with beta1 = 0, and the
    cross-entropy of the discriminator's head "classes": on real and on generated samples for the
    discriminator, on generated ones for the generator. The generator's only output is "generated".

    Args:
        image_shape: `(height, width, channels)`.
        num_classes: number of classes.
        latent_dim: size of a latent. Default 32, and 64 of images above 48 pixels a side.
        class_weight: of the cross-entropy, for both players. Default 1, as in the paper.
        gamma: weight of R1 and of R2, see `dcgan`.
        learning_rate: of both players, a number or a schedule. Default 1e-3.
        seed: of noise and data order.
        precision: a Keras dtype policy for the networks, "auto", or `None`. Default "auto".
        metrics: quality metrics for `compile`.
        **network_options: passed on to `networks.dcgan`, filters by default as in `dcgan`.

    Returns:
        A compiled `AdversarialModel`. It is fed images under "image", classes under "labels".

    Raises:
        ValueError: if an argument is out of range.

    Source: Odena et al., "Conditional Image Synthesis with Auxiliary Classifier GANs", ICML 2017
    (arXiv:1610.09585). Departures: the relativistic paired loss and R1 + R2 of Huang et al.,
    NeurIPS 2024 (arXiv:2501.05441), in place of the non-saturating loss; this package's `dcgan`
    networks, without dropout and noise in the discriminator; a moving average of the generator.
    """
    image_shape = image_shape_of(image_shape)
    num_classes = _checks.positive_int(num_classes, "num_classes")
    class_weight = parts.checked_weight(class_weight, "class_weight")
    options = {**defaults.convolutions(image_shape), "precision": precision, **network_options}
    latent_dim = defaults.latent_dim(image_shape, latent_dim)
    generator, _ = networks.dcgan(image_shape, latent_dim, num_classes=num_classes, **options)
    # The discriminator names the class, and must not be told it.
    options |= {"heads": {"classes": num_classes}, "conditional_norm": False}
    _, discriminator = networks.dcgan(image_shape, latent_dim, **options)
    model = AdversarialModel(
        generator,
        Critic(discriminator, real="image", fake="generated"),
        priors={"latents": "normal", "labels": Categorical(num_classes)},
        ema_halflife_images=20_000,
        seed=seed,
    )
    gamma = parts.checked_gamma(gamma, image_shape)
    terms = [Classification("labels", weight=class_weight)]
    return parts.relativistic(model, gamma, learning_rate, terms=terms, metrics=metrics)


@parts.suggesting()
def semi_supervised(
    image_shape,
    num_classes,
    *,
    latent_dim=None,
    noise=0.3,
    dropout=0.5,
    learning_rate=5e-4,
    generator_filters=None,
    discriminator_filters=None,
    seed=0,
    precision="auto",
    metrics=(),
):
    """A classifier that learns from few labels and from many images without one.

    ```python
    model = keras_gan.recipes.semi_supervised(images.shape[1:], num_classes=10)
    few = {"labelled": images[:100], "labels": labels[:100]}
    data = keras_gan.data.unpaired({"image": images}, few, batch_size=64)
    model.fit(data, epochs=20)
    found = model.score({"labelled": images}, critic="classifier")["classes"].argmax(-1)
    ```

    The discriminator is the classifier, with generated samples as one class more: an image without
    a label is of some class of the real ones, and of which one is left to it. With labels in a
    source of their own, each batch has as many images with a label as without.

    The generator learns by feature matching alone: the mean features of a batch of its samples
    shall be those of a batch of images. Samples are worse by it, and the classifier is better.

    Args:
        image_shape: `(height, width, channels)`.
        num_classes: number of classes.
        latent_dim: size of a latent. Default 32, and 64 of images above 48 pixels a side.
        noise: standard deviation of normal noise on what the discriminator sees, in training; of
            images in [-1, 1]. Default 0.3.
        dropout: share of the features that the classes do not see in training. Default 0.5.
        learning_rate: of both players, a number or a schedule. Default 5e-4.
        generator_filters: see `networks.dcgan`. Default: as in `dcgan`.
        discriminator_filters: likewise. Default: half of those in `dcgan`.
        seed: of noise and data order.
        precision: a Keras dtype policy for the networks, "auto", or `None`. Default "auto".
        metrics: quality metrics for `compile`.

    Returns:
        A compiled `AdversarialModel`. It is fed images under "image", and images under "labelled"
        with classes under "labels" beside them. Its critics are "critic" and "classifier", which
        are one network.

    Raises:
        ValueError: if an argument is out of range.

    Source: Salimans et al., "Improved Techniques for Training GANs", NeurIPS 2016
    (arXiv:1606.03498): K + 1 classes with the logit of the last one at 0, feature matching.
    Departures: convolutions after DCGAN for all images, where the paper has dense layers for MNIST;
    noise on the images alone; no weight normalisation; Adam with learning rate 5e-4; labels as a
    source of batches of their own.
    """
    image_shape = image_shape_of(image_shape)
    generator_filters, filters = defaults.narrow(
        image_shape, generator_filters, discriminator_filters
    )
    latent_dim = defaults.latent_dim(image_shape, latent_dim)
    generator, _ = networks.dcgan(
        image_shape,
        latent_dim,
        generator_filters=generator_filters,
        precision=precision,
    )
    network = networks.classifying_discriminator(
        image_shape,
        num_classes,
        filters=filters,
        noise=noise,
        dropout=dropout,
        precision=precision,
    )
    model = AdversarialModel(
        generator,
        [
            Critic(network, real="image", fake="generated", weight=0.0, name="critic"),
            Critic(network, real="labelled", loss="none", name="classifier"),
        ],
        priors={"latents": "normal"},
        seed=seed,
    )
    return parts.non_saturating(
        model,
        learning_rate,
        terms=[
            Classification("labels", critic="classifier", player="discriminator"),
            FeatureMatching("critic", distance="l2", of="means"),
        ],
        metrics=metrics,
    )
