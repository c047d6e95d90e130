"""Two workers of a run on several, one of which dies: `python worker.py OUT`.

All of them are forks of one process, which has imported TensorFlow and done nothing with it.
"""

import json
import multiprocessing
import os
import pathlib
import socket
import sys

import lean

tf = lean.import_tensorflow()

# Only once TensorFlow is there.
import keras  # noqa: E402
import numpy as np  # noqa: E402

import helpers  # noqa: E402
from keras_gan import callbacks, losses, metrics, regularizers  # noqa: E402
from keras_gan.model.gan import GAN  # noqa: E402


def train(out, strategy, index, *, dies=False, **settings):
    """Train a tiny conditional GAN and write its weights and history."""

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
            regularizers=[regularizers.LeCam()],
            metrics=[metrics.SlicedWasserstein()],
            **settings,
        )
    points, labels = helpers.points(32), np.arange(32) % 3
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


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("localhost", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def work(out, ports, index, dies):
    """What a worker does, in a process of its own: its output goes to a file."""
    with open(out / f"log_{index}.txt", "w") as log:
        for stream in (1, 2):
            os.dup2(log.fileno(), stream)
    # Graphs as they were traced run sooner than they can be optimized.
    lean.optimize_graphs(False)
    cluster = {"worker": [f"localhost:{port}" for port in ports]}
    os.environ["TF_CONFIG"] = json.dumps(
        {"cluster": cluster, "task": {"type": "worker", "index": index}}
    )
    train(out, tf.distribute.MultiWorkerMirroredStrategy(), index, dies=dies)


def start(out, *, dies):
    ports, fork = free_ports(2), multiprocessing.get_context("fork")
    workers = [fork.Process(target=work, args=(out, ports, index, dies)) for index in range(2)]
    for worker in workers:
        worker.start()
    return workers


def main(out):
    """Two workers until the second dies as its second epoch begins, and then two others."""
    first, second = start(out, dies=True)
    second.join(240)
    first.kill()  # it would wait for the other one
    first.join()
    assert second.exitcode == 9, second.exitcode
    workers = start(out, dies=False)
    for worker in workers:
        worker.join(240)
        worker.kill()
    assert [worker.exitcode for worker in workers] == [0, 0]


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
