"""One worker of a run on several: `python worker.py OUT [dies]`, with TF_CONFIG set.

With `dies`, the second worker is gone, as if it had been killed, when the second epoch begins.
"""

import json
import os
import pathlib
import sys

import numpy as np
import tensorflow as tf


def train(out, strategy, index, dies):
    """Train a tiny conditional GAN and write its weights and history."""
    import keras

    import helpers
    from keras_gan import callbacks, losses, metrics, regularizers
    from keras_gan.model.gan import GAN

    class Death(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if dies and index == 1 and epoch == 1:
                os._exit(9)

    with strategy.scope():
        keras.utils.set_random_seed(0)
        gan = GAN(
            helpers.generator(num_classes=3), helpers.discriminator(num_classes=3), num_classes=3
        )
        gan.compile(
            keras.optimizers.SGD(0.1, clipnorm=0.5),
            keras.optimizers.SGD(0.1),
            loss=losses.RelativisticAverage(),
            regularizers=[regularizers.GradientPenalty(1.0), regularizers.LeCam()],
            discriminator_steps=2,
            metrics=[metrics.SlicedWasserstein()],
        )
    points, labels = helpers.points(128), np.arange(128) % 3
    history = gan.fit(
        points,
        labels,
        batch_size=8,
        epochs=2,
        callbacks=[Death(), callbacks.TrainingBackup(out / "backup")],
        validation_data=(helpers.points(24, seed=1), np.arange(24) % 3),
        verbose=0,
    )
    np.savez(out / f"weights_{index}.npz", *gan.get_weights())
    (out / f"history_{index}.json").write_text(json.dumps(history.history))


if __name__ == "__main__":
    if "TF_CONFIG" in os.environ:
        own_index = json.loads(os.environ["TF_CONFIG"])["task"]["index"]
        own_strategy = tf.distribute.MultiWorkerMirroredStrategy()
    else:
        own_index, own_strategy = "alone", tf.distribute.get_strategy()
    train(pathlib.Path(sys.argv[1]), own_strategy, own_index, "dies" in sys.argv)
