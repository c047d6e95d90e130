"""Discriminators of patches after pix2pix, at one or several scales, for images of any size."""

import keras
from keras import layers

from keras_gan import _checks
from keras_gan.backend import policies
from keras_gan.layers import LeakyReLU
from keras_gan.networks import _images

# Pixels that a logit sees along each axis, by the number of convolutions with stride 2: with
# kernels of 4, and two convolutions of stride 1 after them.
_HALVINGS = {1: 0, 16: 1, 34: 2, 70: 3, 142: 4, 286: 5}
_NORMALIZATIONS = (*_images.NORMALIZATIONS, "spectral")


@_checks.suggesting
def patch_discriminator(
    image_shape,
    *,
    condition_channels=None,
    receptive_field=70,
    filters=64,
    max_filters=512,
    normalization="instance",
    features=False,
    precision=None,
    name="patch_discriminator",
):
    """A network from images to a map of logits, each of which sees a patch of the image.

    Convolutions of 4x4 with stride 2 and leaky ReLU (0.2), doubling the filters, as many as the
    receptive field needs, then two with stride 1, the last of which makes the logits.

    Args:
        image_shape: `(height, width, channels)` of the images to judge, of any number of channels.
        condition_channels: channels of a condition of the same height and width, which is the
            second input and lies beside the images. Default `None`: no condition.
        receptive_field: height and width in pixels of what a logit sees: 1 (convolutions of 1x1),
            16, 34, 70, 142, 286, or `None` for one logit of the whole image. Default 70.
        filters: of the first convolution. Default 64.
        max_filters: bound of the doubling. Default 512.
        normalization: "instance" (default) or "batch", between the first convolution and the last;
            "spectral": every kernel divided by its spectral norm; or `None`.
        features: whether to return a `dict` with "logits" and, for `terms.FeatureMatching`,
            "features": the list of all activations. Default `False`: the logits alone.
        precision: a Keras dtype policy, "auto" or `None`, see `dcgan`. Default `None`.
        name: of the network. Default "patch_discriminator".

    Returns:
        A built Keras model, from `images`, or `[images, condition]`, to logits `(batch, h, w, 1)`,
        where `h` and `w` are those of the image, halved with each stride; or `(batch, 1)`.

    Raises:
        ValueError: if an argument is out of range, or the images are too small for the receptive
            field: less than 2x2 logits.

    Source: Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks", CVPR
    2017 (arXiv:1611.07004), with the same parameters for 1, 16, 70 and 286. Departures: "instance"
    in place of "batch", which is the same in batches of one, the paper's size; padding "same", so
    that a map is not one or two rows smaller than half of the last.
    """
    settings = _Settings(image_shape, condition_channels, filters, max_filters, normalization)
    settings.check_field(receptive_field)
    _checks.boolean(features, "features")
    with policies.scope(precision, on_processors=_images.are_large(image_shape)):
        inputs, x = settings.inputs(name)
        logits, activations = settings.judged(x, receptive_field, name)
        outputs = {"logits": logits, "features": activations} if features else logits
        return keras.Model(inputs, outputs, name=name)


@_checks.suggesting
def multi_scale(
    image_shape,
    *,
    scales=3,
    condition_channels=None,
    receptive_field=70,
    filters=64,
    max_filters=512,
    normalization="instance",
    precision=None,
    name="multi_scale",
):
    """Discriminators of patches at several scales, each of half the resolution of the last.

    They have the same layers and share no weights. Images are halved by means over 3x3 pixels.

    Args:
        image_shape: `(height, width, channels)` of the images to judge, of any number of channels.
        scales: number of discriminators. Default 3.
        condition_channels, receptive_field, filters, max_filters, normalization, precision: as in
            `patch_discriminator`.
        name: of the network. Default "multi_scale".

    Returns:
        A built Keras model, from `images`, or `[images, condition]`, to a `dict` with "logits", a
        list of maps from the finest scale on, and "features", a list of the lists of activations,
        for `terms.FeatureMatching`.

    Raises:
        ValueError: as in `patch_discriminator`, of the smallest scale.

    Source: Wang et al., "High-Resolution Image Synthesis and Semantic Manipulation with Conditional
    GANs", CVPR 2018 (arXiv:1711.11585). MelGAN (arXiv:1910.06711) does the same with waveforms.
    Departures: padding as in `patch_discriminator`.
    """
    settings = _Settings(image_shape, condition_channels, filters, max_filters, normalization)
    scales = _checks.positive_int(scales, "scales")
    settings.check_field(receptive_field, scales)
    with policies.scope(precision, on_processors=_images.are_large(image_shape)):
        inputs, x = settings.inputs(name)
        found = []
        for number in range(1, scales + 1):
            if number > 1:
                half = layers.AveragePooling2D(
                    3, strides=2, padding="same", name=f"{name}_{number}_half"
                )
                x = half(x)
            found.append(settings.judged(x, receptive_field, f"{name}_{number}"))
        logits, activations = map(list, zip(*found, strict=True))
        return keras.Model(inputs, {"logits": logits, "features": activations}, name=name)


def field_for(image_shape):
    """The largest receptive field up to 70, the paper's, that leaves 4x4 logits if any does."""
    side = min(image_shape[:2])
    fitting = [f for f, n in _HALVINGS.items() if 1 <= n <= 3 and -(-side // 2**n) >= 4]
    return max(fitting, default=16)


class _Settings:
    """What all discriminators of a network have in common."""

    def __init__(self, image_shape, condition_channels, filters, max_filters, normalization):
        self.image_shape = _images.maps_shape_of(image_shape)
        self.condition_channels = _checks.positive_int(
            condition_channels, "condition_channels", optional=True
        )
        self.filters, self.max_filters = _checks.positive_ints(
            filters=filters, max_filters=max_filters
        )
        self.normalization = _checks.one_of(normalization, "normalization", _NORMALIZATIONS)

    def check_field(self, field, scales=1):
        """`field` is one that there is, and leaves 2x2 logits at the smallest scale."""
        _checks.one_of(field, "receptive_field", (*_HALVINGS, None))
        size = [-(-side // 2 ** (scales - 1)) for side in self.image_shape[:2]]
        fitting = [known for known, halvings in _HALVINGS.items() if min(size) > 2**halvings]
        cures = [f"`receptive_field={max(fitting)}`"] if fitting else []
        cures += ["fewer scales"] if scales > 1 else []
        _checks.check(
            min(size) > 2 ** _HALVINGS.get(field, 0),
            f"The smaller side {'of the smallest scale ' if scales > 1 else ''}must be larger than "
            "`2 ** strides`, so that there are 2x2 logits.",
            cure=f"Choose {' or '.join(cures)}.",
            receptive_field=field,
            strides=_HALVINGS.get(field, 0),
            size=tuple(size),
        )

    def inputs(self, name):
        """The inputs of the network, and the images with their condition."""
        images = keras.Input(self.image_shape, name="images")
        if self.condition_channels is None:
            return images, images
        shape = (*self.image_shape[:2], self.condition_channels)
        condition = keras.Input(shape, name="condition")
        joined = layers.Concatenate(name=f"{name}_with_condition")([images, condition])
        return [images, condition], joined

    def judged(self, x, field, name):
        """Logits and activations of one discriminator."""
        if field is None:
            halvings, closing = len(_images.map_sizes(*x.shape[1:3])) - 1, 0
        else:
            halvings, closing = _HALVINGS[field], 2 if field == 1 else 1
        size = 1 if field == 1 else 4
        widths = _images.widths(self.filters, self.max_filters, halvings + closing)
        activations = []
        for number, channels in enumerate(widths, start=1):
            strides = 2 if number <= halvings else 1
            x = self._convolved(x, channels, size, strides, f"{name}_conv_{number}", number > 1)
            x = LeakyReLU(0.2, name=f"{name}_activation_{number}")(x)
            activations.append(x)
        if field is None:
            x = layers.Flatten(name=f"{name}_flatten")(x)
            score = layers.Dense(1, dtype="float32", name=f"{name}_score")
        else:
            score = layers.Conv2D(
                1,
                size,
                padding="same",
                kernel_initializer=_images.normal(),
                dtype="float32",
                name=f"{name}_score",
            )
        return self._wrapped(score)(x), activations

    def _convolved(self, x, channels, size, strides, name, inner):
        kind = self.normalization if inner and self.normalization != "spectral" else None
        conv = layers.Conv2D(
            channels,
            size,
            strides=strides,
            padding="same",
            use_bias=kind is None,
            kernel_initializer=_images.normal(),
            name=name,
        )
        return _images.norm(self._wrapped(conv)(x), kind, f"{name}_norm")

    def _wrapped(self, layer):
        return _images.spectral(layer) if self.normalization == "spectral" else layer
