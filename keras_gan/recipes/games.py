"""Recipes: compiled models with matching networks and settings, ready for `fit`."""

from keras_gan import _checks, losses, networks, optimizers, regularizers, schedules
from keras_gan.model.gan import GAN
from keras_gan.networks._images import image_shape_of
from keras_gan.recipes import defaults, parts


@_checks.suggesting
def mlp(
    sample_shape,
    *,
    latent_dim=16,
    width=defaults.WIDTH,
    num_classes=None,
    pack=1,
    learning_rate=defaults.LEARNING_RATE,
    seed=0,
    precision="auto",
    metrics=(),
):
    """Fully connected networks for points, rows and small images.

    Relativistic paired loss with R1 and R2 (gamma 0.02) on every step, Adam with beta1 = 0.

    Args:
        sample_shape: shape of a sample, for example `(2,)`.
        latent_dim: size of a latent. Default 16.
        width: units of each of the three hidden layers. Default 128.
        num_classes: for a conditional model.
        pack: samples that the discriminator judges at a time, see `GAN`. Default 1.
        learning_rate: of both players, a number or a schedule. Default 1e-3.
        seed: of noise and data order.
        precision: a Keras dtype policy for the networks, "auto", or `None`, see the networks.
            Default "auto".
        metrics: quality metrics for `compile`.

    Returns:
        A compiled `GAN`.

    Raises:
        ValueError: if an argument is out of range.

    Source: the game of Huang et al., "The GAN is dead; long live the GAN!", NeurIPS 2024
    (arXiv:2501.05441). Departures: fully connected networks, a gamma for data of unit scale,
    beta2 = 0.99 and a learning rate without schedules.
    """
    shared = {"num_classes": num_classes, "pack": pack}
    pair = networks.mlp(sample_shape, latent_dim, width=width, precision=precision, **shared)
    gan = GAN(*pair, seed=seed, ema_halflife_images=50_000, **shared)
    return parts.relativistic(gan, 0.02, learning_rate, metrics=metrics)


@parts.suggesting(networks.dcgan, without=("heads",))
def dcgan(
    image_shape,
    *,
    latent_dim=None,
    num_classes=None,
    pack=1,
    gamma=None,
    learning_rate=defaults.LEARNING_RATE,
    seed=0,
    precision="auto",
    metrics=(),
    **network_options,
):
    """Convolutional networks after DCGAN, with a loss and penalties that converge.

    Relativistic paired loss with R1 and R2 on every step, Adam with beta1 = 0.

    Args:
        image_shape: `(height, width, channels)`.
        latent_dim: size of a latent. Default 32, and 64 of images above 48 pixels a side.
        gamma: weight of R1 and of R2. Default: 0.1 up to 28 pixels a side, from there on growing as
            the number of pixels: 0.52 at 64, 2.1 at 128.
        learning_rate: of both players, a number or a schedule. Default 1e-3.
        num_classes, pack, seed, precision, metrics: as in `mlp`.
        **network_options: passed on to `networks.dcgan`. Default: filters of 1,024 over the side,
            as a power of two, at most 32 in the generator and 64 in the discriminator, at least 8.

    Returns:
        A compiled `GAN`.

    Raises:
        ValueError: if an argument is out of range.

    Source: Radford et al., ICLR 2016 (arXiv:1511.06434), for the networks. Departures: the
    relativistic paired loss and R1 + R2 of Huang et al., NeurIPS 2024 (arXiv:2501.05441), in
    place of the non-saturating loss; no BatchNorm in the discriminator; Adam with learning rate
    1e-3, beta1 = 0 and beta2 = 0.99 in place of 2e-4, 0.5 and 0.999; a moving average of the
    generator.
    """
    image_shape = image_shape_of(image_shape)
    shared = {"num_classes": num_classes, "pack": pack}
    options = {**defaults.convolutions(image_shape), **shared, **network_options}
    latent_dim = defaults.latent_dim(image_shape, latent_dim)
    pair = networks.dcgan(image_shape, latent_dim, precision=precision, **options)
    gan = GAN(*pair, seed=seed, ema_halflife_images=20_000, **shared)
    gamma = parts.checked_gamma(gamma, image_shape)
    return parts.relativistic(gan, gamma, learning_rate, metrics=metrics)


@parts.suggesting(networks.dcgan, without=("heads",))
def wgan_gp(
    image_shape,
    *,
    latent_dim=64,
    num_classes=None,
    pack=1,
    learning_rate=1e-4,
    seed=0,
    precision="auto",
    metrics=(),
    **network_options,
):
    """Wasserstein GAN with gradient penalty: five updates of the critic for one of the generator.

    Args:
        image_shape: `(height, width, channels)`.
        latent_dim: size of a latent. Default 64.
        learning_rate: of both players, a number or a schedule. Default 1e-4, as in the paper.
        num_classes, pack, seed, precision, metrics: as in `mlp`.
        **network_options: passed on to `networks.dcgan`. Default: filters as in `dcgan`.

    Returns:
        A compiled `GAN`.

    Raises:
        ValueError: if an argument is out of range.

    Source: Gulrajani et al., "Improved Training of Wasserstein GANs", NeurIPS 2017
    (arXiv:1704.00028): lambda 10, five critic steps, Adam(1e-4, beta1 = 0, beta2 = 0.9), no
    BatchNorm in the critic. Departures: this package's `dcgan` networks with their filters; a
    moving average of the generator.
    """
    image_shape = image_shape_of(image_shape)
    shared = {"num_classes": num_classes, "pack": pack}
    options = {**defaults.convolutions(image_shape), **shared, **network_options}
    pair = networks.dcgan(image_shape, latent_dim, precision=precision, **options)
    return parts.compiled(
        GAN(*pair, seed=seed, **shared),
        parts.adam(learning_rate, beta_2=0.9),
        loss=losses.Wasserstein(),
        regularizers=[regularizers.GradientPenalty(weight=10.0)],
        discriminator_steps=5,
        metrics=metrics,
    )


@parts.suggesting(networks.resnet)
def sngan(
    image_shape,
    *,
    latent_dim=128,
    num_classes=None,
    pack=1,
    learning_rate=5e-4,
    discriminator_steps=1,
    seed=0,
    precision="auto",
    metrics=(),
    **network_options,
):
    """Residual networks with spectral normalisation, and the hinge loss.

    Args:
        image_shape: `(height, width, channels)`.
        latent_dim: size of a latent. Default 128, as in the paper.
        learning_rate: of both players, a number or a schedule. Default 5e-4.
        discriminator_steps: updates of the discriminator for one of the generator. Default 1.
        num_classes, pack, seed, precision, metrics: as in `mlp`.
        **network_options: passed on to `networks.resnet`. Default: filters of 1,024 over the side,
            as a power of two, at most 32 and at least 8.

    Returns:
        A compiled `GAN`.

    Raises:
        ValueError: if an argument is out of range.

    Source: Miyato et al., "Spectral Normalization for Generative Adversarial Networks", ICLR 2018
    (arXiv:1802.05957): hinge loss, Adam with beta1 = 0 and beta2 = 0.9. Departures: one
    discriminator step and a learning rate of 5e-4, without decay, in place of five and 2e-4 with
    linear decay: in a minute on two cores, digits come out better; this package's `resnet`
    networks with their filters; both players see batches of one size, where the paper's generator
    sees twice as many samples; a moving average of the generator.
    """
    image_shape = image_shape_of(image_shape)
    shared = {"num_classes": num_classes, "pack": pack}
    filters = defaults.filters(image_shape, 32)
    options = {"generator_filters": filters, "discriminator_filters": filters, **shared}
    options |= network_options
    pair = networks.resnet(image_shape, latent_dim, precision=precision, **options)
    return parts.compiled(
        GAN(*pair, seed=seed, **shared),
        parts.adam(learning_rate, beta_2=0.9),
        loss=losses.Hinge(),
        discriminator_steps=discriminator_steps,
        metrics=metrics,
    )


@parts.suggesting(networks.r3gan)
def r3gan(
    image_shape,
    *,
    latent_dim=64,
    num_classes=None,
    pack=1,
    gamma=None,
    learning_rate=1e-3,
    burn_in_images=100_000,
    seed=0,
    precision="auto",
    metrics=(),
    **network_options,
):
    """The strongest simple baseline: residual networks, relativistic paired loss, R1 and R2.

    Both penalties act on every step. While the first `burn_in_images` pass, four numbers move
    together along a cosine: the learning rate down to a quarter, gamma down to a tenth, beta2 from
    0.9 to 0.99, the half-life of the moving average from 0 to a tenth of `burn_in_images`.

    Args:
        image_shape: `(height, width, channels)`.
        latent_dim: size of a latent. Default 64, as in the paper.
        gamma: weight of R1 and of R2 at the start. Default: 1 up to 28 pixels a side, from there on
            growing as the number of pixels: 5.2 at 64, 21 at 128.
        learning_rate: of both players at the start. Default 1e-3.
        burn_in_images: length of the schedules in images. Default 100,000.
        precision: as in `mlp`. The paper's authors found float16 to hurt and bfloat16 not.
        num_classes, pack, seed, metrics: as in `mlp`.
        **network_options: passed on to `networks.r3gan`. Default: filters of 1,024 over the side,
            as a power of two, at most 32 and at least 8.

    Returns:
        A compiled `GAN`.

    Raises:
        ValueError: if an argument is out of range.

    Source: Huang et al., "The GAN is dead; long live the GAN!", NeurIPS 2024 (arXiv:2501.05441).
    Departures: this package's `r3gan` networks with their filters; a learning rate of 1e-3 in
    place of 2e-4, and a burn-in of 100,000 in place of 20 million images, for short runs; the
    generator is updated on the real samples that the discriminator has just seen, not on others;
    no augmentation.
    """
    learning_rate = _checks.number(learning_rate, "learning_rate", above=0.0)
    image_shape = image_shape_of(image_shape)
    gamma = defaults.gamma(image_shape, 1.0) if gamma is None else gamma
    gamma = _checks.number(gamma, "gamma", minimum=0.0)
    burn_in_images = _checks.positive_int(burn_in_images, "burn_in_images")

    def cosine(start, end):
        return schedules.Cosine(start, end, over_images=burn_in_images)

    shared = {"num_classes": num_classes, "pack": pack}
    options = {"filters": defaults.filters(image_shape, 32), **shared, **network_options}
    pair = networks.r3gan(image_shape, latent_dim, precision=precision, **options)
    rate, weight = cosine(learning_rate, learning_rate / 4), cosine(gamma, gamma / 10)
    return parts.compiled(
        GAN(*pair, seed=seed, ema_halflife_images=cosine(0.0, burn_in_images / 10), **shared),
        lambda: optimizers.Adam(rate, beta_2=cosine(0.9, 0.99)),
        loss=losses.RelativisticPaired(),
        regularizers=[regularizers.R1(weight), regularizers.R2(weight)],
        metrics=metrics,
    )
