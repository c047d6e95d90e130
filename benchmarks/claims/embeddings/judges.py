"""The truth that embeddings are judged by: Frechet distances in features of trained networks.

Digits and MNIST are compared on the 128 features of a classifier trained on them, sprites and
facades on the 512 outputs of SqueezeNet's `fire9`, averaged over positions, of images resized to
127 x 127. `COUNT` samples are compared with `COUNT` reals everywhere, and the noise of a distance
is its standard deviation over draws of the samples with replacement.
"""

import functools
import pathlib

import keras
import numpy as np
import tensorflow as tf
from keras import layers

import keras_gan
from benchmarks import digit_classifier
from benchmarks.claims.embeddings import checkpoints
from keras_gan.metrics.frechet_distance import frechet_distance

DRAWS = 3
BGR_MEANS = (104.0, 117.0, 123.0)
_SIZE = 127


def distances(set_name, kinds, data_dir):
    """The truth of some runs of a set.

    Returns:
        A `dict` of `(kind, step)` to `(distance, its standard error)`.
    """
    look_at = functools.cache(lambda: judge(set_name, data_dir))
    _, held_out = checkpoints.reals(set_name, data_dir)
    real = _kept(f"{set_name}_reals", lambda: {"reals": look_at()(held_out)})["reals"]
    truth = {}
    for kind in kinds:
        samples = checkpoints.recorded(set_name, kind, data_dir)

        def look(samples=samples):
            return {str(s): look_at()(x[: checkpoints.COUNT]) for s, x in samples.items()}

        features = _kept(f"{set_name}_{kind}", look)

        def compare(features=features):
            random = np.random.default_rng(0)
            result = {}
            for step, fake in features.items():
                rows = random.integers(0, len(fake), (DRAWS, len(fake)))
                drawn = [frechet_distance(real, fake[row]) for row in rows]
                result[step] = np.array([frechet_distance(real, fake), np.std(drawn, ddof=1)])
            return result

        found = _kept(f"{set_name}_{kind}_distances", compare)
        truth |= {(kind, int(step)): tuple(pair) for step, pair in found.items()}
    return truth


def of_mean_image(set_name, data_dir):
    """The distance of samples that are all the mean of the reals."""
    _, held_out = checkpoints.reals(set_name, data_dir)

    def look():
        features = judge(set_name, data_dir)
        mean = np.round(held_out.mean(axis=0, keepdims=True)).astype("uint8")
        fake = np.repeat(features(mean), 2, axis=0)
        real = _kept(f"{set_name}_reals", lambda: {"reals": features(held_out)})["reals"]
        return {"distance": np.array(frechet_distance(real, fake))}

    return float(_kept(f"{set_name}_mean_image", look)["distance"])


def is_known(set_name, kind):
    """Whether the truth of a run lies in a file."""
    return _file(f"{set_name}_{kind}_distances").exists()


def _file(name):
    return checkpoints.FOLDER / "truth" / f"{name}.npz"


def _kept(name, make):
    """Arrays by name, read from a file that is made if there is none."""
    file = _file(name)
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        beside = file.with_name(f".{file.name}")
        np.savez(beside, **make())
        beside.replace(file)
    with np.load(file) as kept:
        return {key: kept[key] for key in kept.files}


# === Judges ===


def judge(set_name, data_dir):
    """A function from uint8 images to features."""
    if set_name == "mnist":
        return _mnist_judge(data_dir)
    if set_name == "digits":
        return _digits_judge()
    return squeezenet(pathlib.Path(data_dir) / "squeezenet" / "squeezenet_v1.0_decoded.npz")


def _mnist_judge(data_dir):
    train, test = digit_classifier.digits(pathlib.Path(data_dir) / "tfds")
    return _predicting(digit_classifier.features(digit_classifier.trained(train, test)[0]))


def _predicting(network):
    return lambda images: network.predict(digit_classifier.scaled(images), verbose=0)


def _digits_judge():
    """Two convolutions and 128 units, trained on the digits that are not held out."""
    images, labels = keras_gan.data.digits(labels=True)
    train = np.random.default_rng(0).permutation(len(images))[checkpoints.COUNT :]
    keras.utils.set_random_seed(0)
    network = keras.Sequential(
        [
            keras.Input(images.shape[1:]),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(128, activation="relu", name="features"),
            layers.Dropout(0.5),
            layers.Dense(10),
        ]
    )
    network.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    scaled = digit_classifier.scaled(images[train])
    network.fit(scaled, labels[train], batch_size=32, epochs=40, verbose=0)
    return _predicting(keras.Model(network.inputs, network.get_layer("features").output))


def squeezenet(path, size=_SIZE):
    """SqueezeNet v1.0 up to `fire9`, averaged: uint8 images to `(n, 512)`."""
    maps = squeezenet_maps(path, size)
    network = keras.Model(maps.input, layers.GlobalAveragePooling2D()(maps.output))

    @tf.function
    def look(images):
        images = tf.image.resize(tf.cast(images, "float32"), (size, size), "bicubic")
        if images.shape[-1] == 1:
            images = tf.repeat(images, 3, axis=-1)
        return network(images[..., ::-1] - np.array(BGR_MEANS, "float32"), training=False)

    def batches(images):
        starts = range(0, len(images), 50)
        return np.concatenate([np.asarray(look(images[i : i + 50])) for i in starts])

    return batches


def squeezenet_maps(path, size, fires=9):
    """SqueezeNet v1.0 up to a fire module: a Keras model of BGR images less `BGR_MEANS`."""
    weights = np.load(path)
    x = inputs = keras.Input((size, size, 3))

    def conv(x, name, **options):
        kernel, bias = weights[f"{name}__kernel"], weights[f"{name}__bias"]
        layer = layers.Conv2D(
            kernel.shape[-1], kernel.shape[:2], activation="relu", name=name, **options
        )
        result = layer(x)
        layer.set_weights([kernel, bias])
        return result

    def pool(x):
        # "same" pads as pooling with ceiling does where a window would begin inside: 113 -> 56.
        return layers.MaxPooling2D(3, 2, padding="valid" if x.shape[1] % 2 else "same")(x)

    def fire(x, name):
        x = conv(x, f"{name}__conv1x1_1")
        wide = conv(x, f"{name}__conv3x3_2", padding="same")
        return layers.Concatenate()([conv(x, f"{name}__conv1x1_2"), wide])

    x = pool(conv(x, "conv1", strides=2))
    for number in range(2, fires + 1):
        x = fire(x, f"fire{number}")
        x = pool(x) if number in (4, 8) and number < fires else x
    return keras.Model(inputs, x)
