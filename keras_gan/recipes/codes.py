"""Recipes with codes: codes that are found again, and encoders of images."""

import keras
from keras import layers, ops

from keras_gan import _checks, networks, regularizers
from keras_gan.augment import Affine
from keras_gan.layers import LeakyReLU
from keras_gan.model.adversarial_model import AdversarialModel
from keras_gan.model.critic import Critic
from keras_gan.networks import _heads
from keras_gan.networks._images import image_shape_of
from keras_gan.priors import Categorical, Uniform
from keras_gan.recipes import defaults, parts
from keras_gan.terms import (
    L1,
    Classification,
    Clustering,
    FeatureMatching,
    KLDivergence,
    Regression,
)


@parts.suggesting(networks.dcgan, without=("num_classes", "conditional_norm", "heads", "pack"))
def infogan(
    image_shape,
    *,
    categories=10,
    styles=2,
    latent_dim=None,
    code_weight=1.0,
    style_weight=0.1,
    cluster_weight=3.0,
    augmentation=None,
    gamma=None,
    learning_rate=defaults.LEARNING_RATE,
    seed=0,
    precision="auto",
    metrics=(),
    **network_options,
):
    """InfoGAN: codes that can be read off a sample, and so come to mean something, without labels.

    ```python
    model = keras_gan.recipes.infogan(images.shape[1:], categories=10, styles=2)
    model.fit({"image": images}, epochs=60)
    kinds = model.generate(inputs={"code": list(range(10))}, seed=1)  # one of each
    style = numpy.array([[x, 0.0] for x in numpy.linspace(-1.0, 1.0, 8)])
    sweep = model.generate(inputs={"code": 3, "style": style, "latents": numpy.zeros((1, 32))})
    groups = model.score({"image": images})["code"].argmax(-1)  # categories of real images
    ```

    The generator gets noise, a category and continuous styles; heads of the discriminator, on one
    hidden layer of 128 units, predict category and styles of generated samples, and both players
    want them to be right. Relativistic paired loss with R1 and R2 on every step, Adam with
    beta1 = 0.

    That alone leaves open which property the categories are: slant and width of a digit can be
    found again as well as the digit. So the head of categories also learns on real images, by
    `terms.Clustering`: it shall be sure of each, use all categories alike, and say the same where
    an image is turned, scaled, sheared and shifted a little. What these changes vary is left to the
    styles and the noise.

    Args:
        image_shape: `(height, width, channels)`.
        categories: values of the categorical code "code", drawn uniformly. Default 10.
        styles: continuous codes in "style", uniform in [-1, 1]; 0 for none. Default 2.
        latent_dim: size of the noise "latents". Default 32, and 64 of images above 48 pixels a
            side.
        code_weight: of the category's cross-entropy, for both players. Default 1, as in the paper.
        style_weight: of the squared error of the styles. Default 0.1.
        cluster_weight: of the clustering of real images; 0 for the game of the paper. Default 3.
        augmentation: the changes that a category shall not see, a `keras_gan.augment.Augmentation`.
            Default `None`: `Affine()`. Changes twice as large made worse categories of MNIST.
        gamma: weight of R1 and of R2, see `dcgan`.
        learning_rate: of both players, a number or a schedule. Default 1e-3.
        seed: of noise and data order.
        precision: a Keras dtype policy for the networks, "auto", or `None`. Default "auto".
        metrics: quality metrics for `compile`.
        **network_options: passed on to `networks.dcgan`, filters by default as in `dcgan`.

    Returns:
        A compiled `AdversarialModel`. It is fed images under "image".

    Raises:
        ValueError: if an argument is out of range.

    Source: Chen et al., "InfoGAN: Interpretable Representation Learning by Information Maximizing
    Generative Adversarial Nets", NeurIPS 2016 (arXiv:1606.03657). Departures: the relativistic
    paired loss and R1 + R2 of Huang et al., NeurIPS 2024 (arXiv:2501.05441), in place of the
    non-saturating loss; this package's `dcgan` networks; styles have a fixed variance; a moving
    average of the generator; the clustering of real images, after Hu et al., ICML 2017
    (arXiv:1702.08720), with affine changes as in Ojha et al., "Elastic-InfoGAN", NeurIPS 2020
    (arXiv:1910.01112), who tell changed images apart by a contrastive loss.
    """
    image_shape = image_shape_of(image_shape)
    categories = _checks.positive_int(categories, "categories")
    styles = _checks.non_negative_int(styles, "styles")
    options = {**defaults.convolutions(image_shape), "precision": precision, **network_options}
    latent_dim = defaults.latent_dim(image_shape, latent_dim)
    heads = {"code": categories, **({"style": styles} if styles else {})}
    network, discriminator = networks.dcgan(
        image_shape,
        _checks.positive_int(latent_dim, "latent_dim") + categories + styles,
        heads={},
        **options,
    )
    discriminator = _with_heads(discriminator, heads)
    inputs = {"latents": keras.Input((latent_dim,), name="latents")}
    inputs["code"] = keras.Input((), dtype="int32", name="code")
    codes = [inputs["latents"], ops.one_hot(inputs["code"], categories)]
    priors = {"latents": "normal", "code": Categorical(categories)}
    code_weight = parts.checked_weight(code_weight, "code_weight")
    terms = [Classification(fake_labels="code", head="code", weight=code_weight)]
    cluster_weight = parts.checked_weight(cluster_weight, "cluster_weight")
    if cluster_weight:
        changes = Affine() if augmentation is None else augmentation
        terms.append(Clustering("code", changes, weight=cluster_weight))
    if styles:
        inputs["style"] = keras.Input((styles,), name="style")
        codes.append(inputs["style"])
        priors["style"] = Uniform()
        style_weight = parts.checked_weight(style_weight, "style_weight")
        terms.append(Regression(fake_labels="style", head="style", weight=style_weight))
    generated = network(layers.Concatenate(name="infogan_codes")(codes))
    model = AdversarialModel(
        keras.Model(inputs, {"generated": generated}, name="infogan_generator"),
        Critic(discriminator, real="image", fake="generated"),
        priors=priors,
        ema_halflife_images=20_000,
        seed=seed,
    )
    gamma = parts.checked_gamma(gamma, image_shape)
    return parts.relativistic(model, gamma, learning_rate, terms=terms, metrics=metrics)


def _with_heads(discriminator, heads):
    """A discriminator with heads by name, of a hidden layer that they share."""
    found = dict(discriminator.output)
    x = layers.Dense(
        defaults.WIDTH, kernel_initializer="he_normal", dtype="float32", name="infogan_hidden"
    )(found["features"])
    x = LeakyReLU(0.2, name="infogan_hidden_activation", dtype="float32")(x)
    outputs = {**found, **_heads.dense(x, heads, "discriminator")}
    return keras.Model(discriminator.input, outputs, name=discriminator.name)


@parts.suggesting()
def bigan(
    image_shape,
    *,
    latent_dim=None,
    reconstruction_weight=1.0,
    gamma=None,
    learning_rate=5e-4,
    generator_filters=None,
    discriminator_filters=None,
    seed=0,
    precision="auto",
    metrics=(),
):
    """BiGAN: a generator and the encoder that inverts it; for anomalies see `anomaly_score`.

    ```python
    model = keras_gan.recipes.bigan(images.shape[1:])
    model.fit({"image": images}, epochs=60)
    samples = model.generate(16)
    found = model.generate(inputs={"image": images[:16]}, outputs=["encoded", "rebuilt"])
    scores = keras_gan.recipes.anomaly_score(model, new_images)
    ```

    The discriminator judges pairs: an image and its code "encoded" against a sample and its
    latents. Non-saturating loss with R1 on every step, Adam with beta1 = 0.5; besides, the mean
    absolute difference of an image and what its code decodes to.

    Args:
        image_shape: `(height, width, channels)`.
        latent_dim: size of a latent, and of a code. Default 32, and 64 of images above 48 pixels a
            side.
        reconstruction_weight: of the distance of "rebuilt" from "image"; 0 for the game of the
            paper. Default 1.
        gamma: weight of R1, see `dcgan`.
        learning_rate: of both players, a number or a schedule. Default 5e-4.
        generator_filters: see `networks.dcgan`. Default: as in `dcgan`.
        discriminator_filters: those of the discriminator and of the encoder. Default: half of those
            of the discriminator in `dcgan`.
        seed: of noise and data order.
        precision: a Keras dtype policy for the networks, "auto", or `None`. Default "auto".
        metrics: quality metrics for `compile`.

    Returns:
        A compiled `AdversarialModel`. It is fed images under "image".

    Raises:
        ValueError: if an argument is out of range.

    Source: Donahue et al., "Adversarial Feature Learning", ICLR 2017 (arXiv:1605.09782).
    Departures: the distance of reconstructions (without it codes lead to other images of the same
    kind); R1; `networks.joint_discriminator`, and this package's `dcgan` generator; normal latents;
    a moving average of generator and encoder.
    """
    image_shape = image_shape_of(image_shape)
    weight = _checks.number(reconstruction_weight, "reconstruction_weight", minimum=0.0)
    generator_filters, filters = defaults.narrow(
        image_shape, generator_filters, discriminator_filters
    )
    latent_dim = defaults.latent_dim(image_shape, latent_dim)
    decoder, _ = networks.dcgan(
        image_shape, latent_dim, generator_filters=generator_filters, precision=precision
    )
    options = {"filters": filters, "precision": precision}
    encoder = networks.encoder(image_shape, {"encoded": latent_dim}, **options)
    latents = keras.Input((latent_dim,), name="latents")
    image = keras.Input(image_shape, name="image")
    encoded = encoder(image)["encoded"]
    outputs = {"generated": decoder(latents), "encoded": encoded, "rebuilt": decoder(encoded)}
    network = networks.joint_discriminator(image_shape, latent_dim, **options)
    model = AdversarialModel(
        keras.Model({"latents": latents, "image": image}, outputs, name="bigan_generator"),
        Critic(network, real=("image", "encoded"), fake=("generated", "latents")),
        priors={"latents": "normal"},
        ema_halflife_images=20_000,
        seed=seed,
    )
    gamma = parts.checked_gamma(gamma, image_shape)
    return parts.non_saturating(
        model,
        learning_rate,
        regularizers=[regularizers.R1(weight=gamma)],
        terms=[L1("image", "rebuilt", weight=weight)] if weight else [],
        metrics=metrics,
    )


@parts.suggesting()
def vae_gan(
    image_shape,
    *,
    latent_dim=None,
    likeness_weight=1.0,
    kl_weight=None,
    gamma=None,
    learning_rate=5e-4,
    generator_filters=None,
    discriminator_filters=None,
    seed=0,
    precision="auto",
    metrics=(),
):
    """VAE-GAN: a variational autoencoder whose measure of likeness a discriminator learns.

    ```python
    model = keras_gan.recipes.vae_gan(images.shape[1:])
    model.fit({"image": images}, epochs=60)
    samples = model.generate(16, outputs="sampled")
    decoded = model.generate(inputs={"image": images[:16]}, outputs="decoded")
    codes = model.generate(inputs={"image": images[:16]}, outputs="mean")
    again = model.generate(inputs={"noise": codes}, outputs="sampled")  # the decoder alone
    ```

    Two images are alike if the discriminator's features of them are. The encoder minimises the
    distance of features of an image and its reconstruction "decoded", and the KL divergence of its
    codes from the prior; the decoder that distance and the adversarial loss of reconstructions and
    of samples "sampled"; the discriminator its adversarial loss alone. Non-saturating loss with
    R1, Adam with beta1 = 0.5.

    A code is drawn from the normal that the encoder finds, so that "decoded" differs from call to
    call; with `truncation=0` it is that of the mean. "judged" is the same image as "decoded", from
    which the encoder gets no adversarial gradient.

    Args:
        image_shape: `(height, width, channels)`.
        latent_dim: size of a code. Default 32, and 64 of images above 48 pixels a side.
        likeness_weight: of the distance of features in the decoder's loss, above 0; in the
            encoder's it is 1. Default 1.
        kl_weight: of the KL divergence. Default `None`: 2 over the number of features, which is
            the paper's: there the distance is half of the sum over the features, here their mean.
        gamma: weight of R1, see `dcgan`.
        learning_rate: of both players, a number or a schedule. Default 5e-4.
        generator_filters: of the decoder, see `networks.dcgan`. Default: as in `dcgan`.
        discriminator_filters: those of the discriminator and of the encoder. Default: half of those
            of the discriminator in `dcgan`.
        seed: of noise and data order.
        precision: a Keras dtype policy for the networks, "auto", or `None`. Default "auto".
        metrics: quality metrics for `compile`.

    Returns:
        A compiled `AdversarialModel`. It is fed images under "image"; "noise" is drawn.

    Raises:
        ValueError: if an argument is out of range.

    Source: Larsen et al., "Autoencoding beyond pixels using a learned similarity metric", ICML 2016
    (arXiv:1512.09300). Departures: R1; this package's `dcgan` networks, without BatchNorm in
    encoder and discriminator; the features are the discriminator's last; reals count once for each
    kind of samples; Adam in place of RMSProp; a moving average of encoder and decoder.
    """
    image_shape = image_shape_of(image_shape)
    likeness_weight = _checks.number(likeness_weight, "likeness_weight", above=0.0)
    generator_filters, filters = defaults.narrow(
        image_shape, generator_filters, discriminator_filters
    )
    latent_dim = defaults.latent_dim(image_shape, latent_dim)
    decoder, discriminator = networks.dcgan(
        image_shape,
        latent_dim,
        generator_filters=generator_filters,
        discriminator_filters=filters,
        heads={},
        precision=precision,
    )
    encoder = networks.encoder(
        image_shape,
        {"mean": latent_dim, "log_variance": latent_dim},
        filters=filters,
        precision=precision,
    )
    image = keras.Input(image_shape, name="image")
    noise = keras.Input((latent_dim,), name="noise")
    found = encoder(image)
    code = found["mean"] + ops.exp(0.5 * found["log_variance"]) * noise
    # The same numbers, whose gradient is that of the encoder's own weight.
    scaled = code + (1.0 / likeness_weight - 1.0) * (code - ops.stop_gradient(code))
    outputs = {
        "decoded": decoder(scaled),
        "judged": decoder(ops.stop_gradient(code)),  # no adversarial loss for the encoder
        "sampled": decoder(noise),
        "mean": found["mean"],
        "log_variance": found["log_variance"],
    }
    likeness = Critic(discriminator, real="image", fake="decoded", loss="none", name="likeness")
    model = AdversarialModel(
        keras.Model({"image": image, "noise": noise}, outputs, name="vae_gan_generator"),
        [
            Critic(discriminator, real="image", fake="sampled", name="of_samples"),
            Critic(discriminator, real="image", fake="judged", name="of_reconstructions"),
            likeness,
        ],
        priors={"noise": "normal"},
        ema_halflife_images=20_000,
        seed=seed,
    )
    if kl_weight is None:
        kl_weight = 2.0 / discriminator.output["features"].shape[-1]
    kl_weight = parts.checked_weight(kl_weight, "kl_weight")
    gamma = parts.checked_gamma(gamma, image_shape)
    return parts.non_saturating(
        model,
        learning_rate,
        regularizers=[regularizers.R1(weight=gamma)],
        terms=[
            FeatureMatching("likeness", distance="l2", weight=likeness_weight),
            KLDivergence("mean", "log_variance", weight=kl_weight),
        ],
        metrics=metrics,
    )
