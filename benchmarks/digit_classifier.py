"""A classifier of real digits, which judges generated ones.

Two convolutions of 32 and 64 filters, dropout, 128 dense units; chosen before any sample was
judged, and trained on real digits alone.
"""

import hashlib

import numpy as np


def trained(images, labels, seed):
    """The network, from images in [-1, 1] to ten probabilities."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(seed)
    network = keras.Sequential(
        [
            keras.Input(images.shape[1:]),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Dropout(0.25),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )
    network.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    epochs = 30 if len(images) < 10_000 else 3
    network.fit(images, labels, batch_size=64, epochs=epochs, verbose=0)
    return network


def accuracy(network, images, labels):
    """The share of held-out reals whose class it tells."""
    measured = network.evaluate(images, labels, verbose=0, return_dict=True)
    return round(measured["accuracy"], 4)


def probabilities(network, images):
    """Of the ten classes: `(n, 10)`."""
    return network.predict(images, verbose=0, batch_size=500)


def features(network):
    """A model to the 128 numbers before the classes."""
    import keras

    return keras.Model(network.inputs, network.layers[-3].output, name="digit_classifier")


def fingerprint(network):
    """Twelve hexadecimal digits of its weights."""
    digest = hashlib.sha256()
    for weight in network.get_weights():
        digest.update(np.ascontiguousarray(weight).tobytes())
    return digest.hexdigest()[:12]
