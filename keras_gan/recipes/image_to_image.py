"""Recipes of games from images to images, ready for `fit`."""

import keras

from keras_gan import _checks, losses, networks, schedules, terms
from keras_gan.model.adversarial_model import AdversarialModel
from keras_gan.model.critic import Critic
from keras_gan.networks._images import image_shape_of
from keras_gan.networks.patch_discriminator import field_for
from keras_gan.recipes import parts

# Filters next to the image: half of the papers', so that a step costs about a quarter.
_FILTERS = 32
_MAX_FILTERS = 256
# Half-life of the generators' averages, in images. Image to image is learned from fewer images than
# samples from noise are.
_HALFLIFE = 2_000


@parts.suggesting(networks.unet, without=("output_channels",))
def pix2pix(
    image_shape,
    *,
    input_channels=None,
    names=("input", "target"),
    receptive_field="auto",
    l1_weight=100.0,
    discriminator_filters=_FILTERS,
    learning_rate=2e-4,
    seed=0,
    precision="auto",
    metrics=(),
    **network_options,
):
    """Images from images, learned from pairs: a U-Net, L1, and a discriminator of patches.

    The discriminator sees an image with its input, and judges each patch of it. The generator
    minimises the non-saturating loss and `l1_weight` times the L1 distance from the target.

    ```python
    data = keras_gan.data.from_paired_folder(
        "labels", "photos", names=("input", "target"), image_size=256, batch_size=4
    )
    model = keras_gan.recipes.pix2pix((256, 256, 3))
    model.fit(data, epochs=100, validation_split=0.1)
    photos = model.generate(inputs={"input": labels})
    ```

    Args:
        image_shape: `(height, width, channels)` of the targets.
        input_channels: channels of the inputs, any number. Default `None`: those of the targets.
        names: of the two entries of the data: input and target. The generator's output is
            "translated".
        receptive_field: pixels that a logit sees along each axis, see
            `networks.patch_discriminator`, or `None` for one logit of the whole image. Default
            "auto": 70, or less where there would be fewer than 4x4 logits.
        l1_weight: weight of the L1 distance. Default 100.
        discriminator_filters: of the discriminator's first convolution. Default 32.
        learning_rate: of both players, a number or a schedule. Default 2e-4.
        seed: of noise and data order.
        precision: as in `dcgan`.
        metrics: quality metrics for `compile`.
        **network_options: passed on to `networks.unet`. Default: 32 filters, at most 256.

    Returns:
        A compiled `AdversarialModel`.

    Raises:
        ValueError: if an argument is out of range.

    Source: Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks", CVPR
    2017 (arXiv:1611.07004): Adam(2e-4, beta1 = 0.5), L1 with weight 100, patches of 70 pixels.
    Departures: half of the paper's filters (`filters=64, max_filters=512,
    discriminator_filters=64` are the paper's); an output for an input, since dropout is for
    training alone; instance normalisation for any batch size (the paper's batches are of 1 on most
    data); the discriminator's loss is not halved, which Adam would undo; no jitter of the data; a
    moving average of the generator.
    """
    image_shape = image_shape_of(image_shape, drawn=False)
    source, target = _two_names(names, "translated")
    l1_weight = parts.checked_weight(l1_weight, "l1_weight")
    input_channels = _checks.positive_int(input_channels, "input_channels", optional=True)
    input_shape = (*image_shape[:2], input_channels or image_shape[-1])
    options = {"filters": _FILTERS, "max_filters": _MAX_FILTERS, **network_options}
    painter = networks.unet(input_shape, image_shape[-1], precision=precision, **options)
    judge = _patches(
        image_shape,
        receptive_field,
        discriminator_filters,
        precision,
        condition_channels=input_shape[-1],
    )
    given = keras.Input(input_shape, name=source)
    model = AdversarialModel(
        keras.Model({source: given}, {"translated": painter(given)}, name="generator"),
        Critic(judge, real=target, fake="translated", condition=source),
        ema_halflife_images=_HALFLIFE,
        seed=seed,
    )
    return parts.non_saturating(
        model,
        learning_rate,
        terms=[terms.L1(target, "translated", weight=l1_weight)],
        metrics=metrics,
    )


@parts.suggesting(networks.resnet_translator, without=("output_channels", "name"))
def cycle_gan(
    image_shape,
    *,
    names=("a", "b"),
    cycle_weight=10.0,
    identity_weight=0.0,
    pool_size=50,
    receptive_field="auto",
    discriminator_filters=_FILTERS,
    learning_rate=2e-4,
    seed=0,
    precision="auto",
    metrics=(),
    **network_options,
):
    """Images of one kind as images of another, learned without pairs: two translators in a cycle.

    Each translator has a discriminator of patches with the least-squares loss. What is translated
    there and back must be what it was: L1 with `cycle_weight`.

    ```python
    data = keras_gan.data.unpaired(horses, zebras, names=("a", "b"), batch_size=4)
    model = keras_gan.recipes.cycle_gan(horses.shape[1:])
    model.fit(data, epochs=100)
    zebras = model.generate(inputs={"a": new_horses}, outputs="fake_b")
    ```

    Args:
        image_shape: `(height, width, channels)` of both kinds.
        names: of the two entries of the data. Default `("a", "b")`, with which the outputs are
            "fake_a", "fake_b", "cycled_a" and "cycled_b", and the critics "of_a" and "of_b".
        cycle_weight: weight of the L1 distance of each cycle. Default 10.
        identity_weight: weight of the L1 distance of an image from what the translator to its own
            kind makes of it, which keeps colours; the paper has 5 for paintings, and the outputs
            are then "same_a" and "same_b". Default 0: not computed.
        pool_size: older translations of each kind that are shown to its discriminator again.
            Default 50.
        receptive_field: as in `pix2pix`.
        discriminator_filters: of the first convolution of both discriminators. Default 32.
        learning_rate: of all players, a number or a schedule. Default 2e-4.
        seed: of noise and data order.
        precision: as in `dcgan`.
        metrics: quality metrics for `compile`.
        **network_options: passed on to `networks.resnet_translator`. Default: 32 filters.

    Returns:
        A compiled `AdversarialModel`.

    Raises:
        ValueError: if an argument is out of range.

    Source: Zhu et al., "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial
    Networks", ICCV 2017 (arXiv:1703.10593): Adam(2e-4, beta1 = 0.5), cycles with weight 10, pools
    of 50, patches of 70 pixels. Departures: half of the paper's filters (`filters=64,
    discriminator_filters=64` are the paper's); a constant learning rate, where the paper's falls to
    0 over the second half (`schedules.Linear(2e-4, 0.0, over_images=n, after=n / 2)` does); the
    discriminators' losses are not halved, which Adam would undo; a moving average of the
    translators.
    """
    image_shape = image_shape_of(image_shape, drawn=False)
    names = _two_names(names)
    cycle_weight = parts.checked_weight(cycle_weight, "cycle_weight")
    identity_weight = _checks.number(identity_weight, "identity_weight", minimum=0.0)
    options = {"filters": _FILTERS, "precision": precision, **network_options}
    inputs = {name: keras.Input(image_shape, name=name) for name in names}
    to = {
        name: networks.resnet_translator(image_shape, **options, name=f"to_{name}")
        for name in names
    }
    other = dict(zip(names, reversed(names), strict=True))
    fakes = {name: to[name](inputs[other[name]]) for name in names}
    outputs = {f"fake_{name}": fakes[name] for name in names}
    outputs |= {f"cycled_{name}": to[name](fakes[other[name]]) for name in names}
    distances = [terms.L1(name, f"cycled_{name}", weight=cycle_weight) for name in names]
    if identity_weight:
        outputs |= {f"same_{name}": to[name](inputs[name]) for name in names}
        distances += [terms.L1(name, f"same_{name}", weight=identity_weight) for name in names]
    critics = [
        Critic(
            _patches(image_shape, receptive_field, discriminator_filters, precision),
            real=name,
            fake=f"fake_{name}",
            pool_size=pool_size,
            name=f"of_{name}",
        )
        for name in names
    ]
    model = AdversarialModel(
        keras.Model(inputs, outputs, name="generator"),
        critics,
        ema_halflife_images=_HALFLIFE,
        seed=seed,
    )
    return parts.compiled(
        model,
        parts.adam(learning_rate, **parts.DCGAN_BETAS),
        loss=losses.LeastSquares(),
        terms=distances,
        metrics=metrics,
    )


@parts.suggesting(networks.super_resolution)
def super_resolution(
    image_shape,
    scale=4,
    *,
    names=("low", "high"),
    perceptual=None,
    perceptual_weight=None,
    l1_weight=1.0,
    adversarial_weight=0.01,
    start_step=1_000,
    receptive_field="auto",
    discriminator_filters=_FILTERS,
    learning_rate=2e-4,
    seed=0,
    precision="auto",
    metrics=(),
    **network_options,
):
    """Large images from small ones: L1 first, then a discriminator and a distance of features too.

    L1 alone makes the mean of all large images that could be meant, which is blurred. From
    `start_step` on the generator minimises the non-saturating loss besides, and the distance of
    features of what it makes from those of the true image.

    ```python
    high = ...  # (n, 64, 64, 3)
    low = high.reshape(-1, 16, 4, 16, 4, 3).mean((2, 4)).round().astype("uint8")
    model = keras_gan.recipes.super_resolution(high.shape[1:], scale=4)
    model.fit({"low": low, "high": high}, epochs=50, batch_size=16, validation_split=0.1)
    larger = model.generate(inputs={"low": low[:16]})  # (16, 64, 64, 3)
    ```

    Args:
        image_shape: `(height, width, channels)` of the large images; `scale` divides both sides.
        scale: 2, 4 (default) or 8.
        names: of the two entries of the data: small and large images. The generator's output is
            "upscaled".
        perceptual: a network whose outputs are the features, as for `terms.Perceptual`: pretrained,
            with its preprocessing inside. Default `None`: the discriminator's own features, by
            `terms.FeatureMatching`, which need no other data.
        perceptual_weight: weight of the distance of features. Default `None`: 10 times
            `adversarial_weight`, as for the discriminator's features in pix2pixHD; with
            `perceptual` and without an adversarial loss it must be given.
        l1_weight: weight of the L1 distance. Default 1.
        adversarial_weight: weight of the non-saturating loss. Default 0.01: as L1 to it in
            pix2pix. With 0, and no weight of features, L1 alone is minimised.
        start_step: step from which on the discriminator trains and counts, and features do.
            Default 1,000.
        receptive_field: as in `pix2pix`.
        discriminator_filters: of the discriminator's first convolution. Default 32.
        learning_rate: of both players, a number or a schedule. Default 2e-4.
        seed: of noise and data order.
        precision: as in `dcgan`.
        metrics: quality metrics for `compile`.
        **network_options: passed on to `networks.super_resolution`. Default: 32 filters, 8 blocks.

    Returns:
        A compiled `AdversarialModel`.

    Raises:
        ValueError: if an argument is out of range, or `scale` does not divide the image, or leaves
            less than 4x4 pixels of it.

    Source: Ledig et al., "Photo-Realistic Single Image Super-Resolution Using a Generative
    Adversarial Network", CVPR 2017 (arXiv:1609.04802): a likeness first, then the game. Departures:
    half of the paper's filters and blocks (`filters=64, blocks=16` are the paper's), no BatchNorm;
    a discriminator of patches in place of one logit; L1 with features beside it, in the same
    ratios as in pix2pix and pix2pixHD (Wang et al., CVPR 2018, arXiv:1711.11585), in place of VGG's
    features alone; a moving average of the generator.
    """
    image_shape = image_shape_of(image_shape, drawn=False)
    low, high = _two_names(names, "upscaled")
    l1_weight = parts.checked_weight(l1_weight, "l1_weight")
    _checks.one_of(scale, "scale", (2, 4, 8))
    whole = tuple(side // scale * scale for side in image_shape[:2])
    _checks.check(
        min(whole) >= 4 * scale and whole == image_shape[:2],
        "`scale` must divide the height and width of the large images into 4 pixels or more.",
        cure=f"Crop them: `images[:, :{whole[0]}, :{whole[1]}]`."
        if min(whole) >= 4 * scale
        else "Use larger images, or a smaller `scale`.",
        image_shape=image_shape,
        scale=scale,
    )
    adversarial_weight = _checks.number(adversarial_weight, "adversarial_weight", minimum=0.0)
    if perceptual_weight is None:
        _checks.check(
            perceptual is None or adversarial_weight > 0.0,
            "`perceptual_weight` must be given where `adversarial_weight` is 0: without it the "
            "features of `perceptual` have 10 times that weight, and so none.",
            cure="Pass `perceptual_weight=0.1`, which is the usual one.",
            adversarial_weight=adversarial_weight,
        )
        perceptual_weight = 10.0 * adversarial_weight
    perceptual_weight = _checks.number(perceptual_weight, "perceptual_weight", minimum=0.0)
    start_step = _checks.non_negative_int(start_step, "start_step")
    options = {"filters": _FILTERS, "blocks": 8, **network_options}
    input_shape = (*(side // scale for side in image_shape[:2]), image_shape[-1])
    upscaler = networks.super_resolution(input_shape, scale, precision=precision, **options)
    judge = _patches(image_shape, receptive_field, discriminator_filters, precision, features=True)
    given = keras.Input(input_shape, name=low)
    model = AdversarialModel(
        keras.Model({low: given}, {"upscaled": upscaler(given)}, name="generator"),
        Critic(judge, real=high, fake="upscaled", weight=adversarial_weight, start_step=start_step),
        ema_halflife_images=_HALFLIFE,
        seed=seed,
    )
    weight = perceptual_weight
    if start_step:
        weight = schedules.Piecewise({0: 0.0, start_step: perceptual_weight})
    if perceptual is None:
        features = terms.FeatureMatching(weight=weight)
    else:
        features = terms.Perceptual(perceptual, high, "upscaled", weight=weight)
    return parts.non_saturating(
        model,
        learning_rate,
        terms=[terms.L1(high, "upscaled", weight=l1_weight), features],
        metrics=metrics,
    )


def _two_names(names, output=None):
    known = names if isinstance(names, (tuple, list)) else ()
    good = {n for n in known if isinstance(n, str) and n.isidentifier() and n != output}
    _checks.check(
        len(known) == len(good) == 2,
        "`names` must be two names of entries of the data, Python identifiers, which differ"
        + ("." if output is None else f", also from {output!r}, the name of the output."),
        names=names,
    )
    return tuple(names)


def _patches(image_shape, receptive_field, filters, precision, **options):
    filters = _checks.positive_int(filters, "discriminator_filters")
    if receptive_field == "auto":
        receptive_field = field_for(image_shape)
    return networks.patch_discriminator(
        image_shape,
        receptive_field=receptive_field,
        filters=filters,
        precision=precision,
        **options,
    )
