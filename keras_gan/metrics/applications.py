"""The networks of `keras.applications` by name, as feature extractors of images."""

import functools
import os
import re

import keras
import tensorflow as tf

from keras_gan import _checks

FILTER = "bilinear"
_SIZE = 224
# Sizes that networks were trained at, if not 224.
_SIZES = {
    **{f"efficientnet_b{i}": n for i, n in enumerate((240, 260, 300, 380, 456, 528, 600), 1)},
    "efficientnet_v2_b1": 240,
    "efficientnet_v2_b2": 260,
    "efficientnet_v2_b3": 300,
    "efficientnet_v2_s": 384,
    "efficientnet_v2_m": 480,
    "efficientnet_v2_l": 480,
    "inception_resnet_v2": 299,
    "inception_v3": 299,
    "nasnet_large": 331,
    "xception": 299,
}
_ALIASES = {"inception": "inception_v3"}


# === Names ===


@functools.cache
def names():
    """A `dict` of names in snake case, such as "mobilenet_v3_small", to those of Keras."""
    known = (name for name in dir(keras.applications) if name[0].isupper())
    return {_snake_case(name): name for name in known}


def check(name):
    """The name in snake case, of a name of any case or with an alias."""
    wanted = name.replace("_", "").replace("-", "").lower()
    known = {known.replace("_", ""): known for known in names()} | _ALIASES
    _checks.check(
        wanted in known,
        "`features` must be a Keras model, a callable, a network of `keras.applications` by name, "
        'such as "inception_v3", or None.',
        cure=_checks.did_you_mean(name, [*names(), *_ALIASES])
        or f"Known names: {', '.join(sorted(names()))}.",
        features=name,
    )
    return known[wanted]


def _snake_case(name):
    """`MobileNetV3Small` as `mobilenet_v3_small`."""
    for capitals, word in (("NeXt", "next"), ("NASNet", "Nasnet"), ("Net", "net"), ("XL", "Xl")):
        name = name.replace(capitals, word)
    return "_".join(re.findall(r"[A-Z]+[a-z]*\d*", name)).lower()


# === Description ===


def size(name):
    """Height and width that images are resized to."""
    return _SIZES.get(check(name), _SIZE)


def resize(name):
    """How images are resized, in words."""
    return f"{FILTER} with antialiasing, to {size(name)} x {size(name)}"


def text(name):
    """What is compared, in words."""
    return (
        f"Keras {names()[check(name)]} with ImageNet weights; values compare only among themselves"
    )


# === Features ===


def extractor(name, sample_shape, *, classifier=False):
    """A function from images in [-1, 1] to a network's features, float32 `(batch, dimension)`.

    The weights are those that Keras has for ImageNet, which it downloads once. They are not those
    of published FIDs: values compare only among those of the same network. Images are resized to
    the size it was trained at, with the bilinear filter and antialiasing, grey ones are repeated
    to three channels, and its own `preprocess_input` is applied. It computes in float32, whatever
    Keras's dtype policy is. Features are the last layer before the classes, averaged over all
    positions; those of a `classifier` are the probabilities of the 1,000 classes.

    Raises:
        ValueError: if samples do not have one or three channels, or the network is unknown.
        RuntimeError: if Keras has no weights and cannot download them.
    """
    name = check(name)
    _checks.check(
        len(sample_shape) == 3 and sample_shape[-1] in (1, 3),
        f'`features="{name}"` needs images of one or three channels.',
        cure="Pass a model of your own.",
        sample_shape=tuple(sample_shape),
    )
    with tf.init_scope():
        network = _network(name, classifier)
    # The module that has the network's own preprocessing.
    module = getattr(keras.applications, names()[name]).__module__.rpartition(".")[2]
    preprocess = getattr(keras.applications, module).preprocess_input
    sides = (size(name),) * 2

    def extract(images):
        images = tf.image.resize(images, sides, method=FILTER, antialias=True)
        if images.shape[-1] == 1:
            images = tf.repeat(images, 3, axis=-1)
        images = preprocess((images + 1.0) * 127.5, data_format="channels_last")
        return tf.cast(network(images, training=False), "float32")

    return extract


@functools.cache
def _network(name, classifier):
    """One for all metrics."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        return getattr(keras.applications, names()[name])(
            include_top=classifier,
            weights="imagenet",
            input_shape=(size(name), size(name), 3),
            pooling=None if classifier else "avg",
        )
    except Exception as error:  # Keras raises a plain one where a download fails
        if "URL fetch failure" not in str(error) and not isinstance(error, OSError):
            raise
        raise RuntimeError(_missing(name, error)) from error
    finally:
        keras.config.set_dtype_policy(policy)


def _missing(name, error):
    """What to do without a network connection."""
    url = re.search(r"https?://\S+?(?=:? |:$|$)", str(error))
    file = url.group().rpartition("/")[2] if url else "the weights"
    origin = f" from {url.group()}" if url else ""
    home = os.path.expanduser(os.environ.get("KERAS_HOME", os.path.join("~", ".keras")))
    folder = os.path.join(home, "models")  # where Keras looks for them
    return _checks.sentence(
        f"Keras could neither find nor download the weights of `features={name!r}`.",
        cure=f"Download {file!r} elsewhere{origin}, and put it into {folder!r}.",
        error=str(error),
    )
