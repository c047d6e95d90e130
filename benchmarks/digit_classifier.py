"""The classifier of MNIST digits that counts the modes of Stacked-MNIST.

Convolutions of 32, 64 and 64 filters with BatchNorm, pooling after the first and the last, and
128 dense units with dropout: above 99 % on the test images. Trained once, then read from a file of
plain arrays.
"""

import hashlib
import os

import keras
import numpy as np
from keras import layers

from benchmarks import records

KEPT = records.ROOT / "runs" / "digit_classifier.npz"
EPOCHS = 4


def digits(data_dir):
    """MNIST by TensorFlow Datasets: `((images, labels), (test images, test labels))`, uint8."""
    import tensorflow_datasets as tfds

    return tuple(
        tfds.as_numpy(
            tfds.load("mnist", split=split, batch_size=-1, as_supervised=True, data_dir=data_dir)
        )
        for split in ("train", "test")
    )


def trained(train, test):
    """The classifier, trained if there is none yet.

    Args:
        train: uint8 images `(n, 28, 28, 1)` and labels.
        test: likewise, for the accuracy alone.

    Returns:
        `(model, {"classifier_accuracy": ..., "classifier_hash": ...})`.

    Raises:
        RuntimeError: if it is not above 99 % accurate.
    """
    model = network()
    if KEPT.exists():
        with np.load(KEPT) as kept:
            model.set_weights([kept[name] for name in kept.files])
    else:
        keras.utils.set_random_seed(0)
        model = network()
        fit(model, *train)
        KEPT.parent.mkdir(parents=True, exist_ok=True)
        beside = KEPT.with_name(".digit_classifier_beside.npz")
        np.savez(beside, *model.get_weights())
        os.replace(beside, KEPT)
    images, labels = test
    found = predict(model, images)
    accuracy = float((found == labels).mean())
    if accuracy <= 0.99:
        raise RuntimeError(
            f"The classifier must be above 99 % accurate. Received: accuracy={accuracy:.4f}. "
            f"Delete {KEPT.name!r} to train it anew."
        )
    return model, {"classifier_accuracy": round(accuracy, 4), "classifier_hash": fingerprint(model)}


def network():
    x = inputs = keras.Input((28, 28, 1))
    for filters, pooled in ((32, True), (64, False), (64, True)):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
        if pooled:
            x = layers.MaxPooling2D()(x)
    x = layers.Dropout(0.5)(layers.Dense(128, activation="relu")(layers.Flatten()(x)))
    return keras.Model(inputs, layers.Dense(10)(x), name="digit_classifier")


def fit(model, images, labels):
    steps = EPOCHS * (len(images) // 128)
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(2e-3, steps)),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    model.fit(scaled(images), labels, batch_size=128, epochs=EPOCHS, verbose=0)


def scaled(images):
    """uint8 as generators make them: float32 in [-1, 1]."""
    return images.astype("float32") / 127.5 - 1.0 if images.dtype == np.uint8 else images


def predict(model, images):
    """The classes of images `(n, 28, 28, 1)`, uint8 or float in [-1, 1]."""
    return model.predict(scaled(images), batch_size=512, verbose=0).argmax(axis=1)


def features(model):
    """The model up to the 128 numbers before the classes, of images in [-1, 1]."""
    return keras.Model(model.inputs, model.layers[-3].output, name="digit_features")


def fingerprint(model):
    """The first 16 digits of the SHA-256 of its weights."""
    digest = hashlib.sha256()
    for weight in model.get_weights():
        digest.update(np.ascontiguousarray(weight, "<f4").tobytes())
    return digest.hexdigest()[:16]
