"""Do two devices, or two workers, train like one with the same global batch?

Each row trains a GAN, on 2-D points and by SGD where nothing else is said, for 20 steps in float32:
on one device, on one device of a `MirroredStrategy`, on two replicas of one process, and on two
processes (`MultiWorkerMirroredStrategy`). Rows "64 pixels" are of colour images and of
`networks.dcgan`
with 8 filters; the embeddings are those of labels in both networks.
The figure is the largest difference of any weight, moving average included, from one device's.
"""

import json
import pathlib
import socket
import subprocess
import sys
import tempfile

import numpy as np

from benchmarks import records

BATCH, LATENT = 16, 4
ALONE, ONE, REPLICAS, WORKERS = "one device", "one replica", "two replicas", "two workers"
KINDS = ONE, REPLICAS, WORKERS


def rows():
    """`dict` from a row's name to what is given to `compile`, and to `networks`."""
    from keras_gan import losses, regularizers
    from keras_gan.schedules import Cosine

    def penalties():
        return [_regularizer(name) for name in ("r1", "r2")]

    names = sorted(losses._KNOWN)
    table = {f"loss {name}": {"loss": name} for name in names}
    table |= {
        f"{name}{', every=2' * lazy}": {
            "loss": "hinge",
            "regularizers": lambda name=name, lazy=lazy: [_regularizer(name, 1 + lazy)],
        }
        for name in sorted(regularizers._KNOWN)
        for lazy in (False, True)
        if not (lazy and name == "weight_clipping")
    }
    table |= {
        f"{n}:{m} updates": {"discriminator_steps": n, "generator_steps": m}
        for n, m in ((2, 1), (1, 2), (5, 1), (2, 3))
    }
    table |= {
        "4 micro-batches": {"accumulation_steps": 4},
        "no moving average": {"ema_halflife_images": None},
        "BatchNorm, synchronised": {"batch_norm": True},
        "spectral norm, minibatch deviation": {"whole_batch": True},
        "packs of two": {"pack": 2, "loss": "relativistic_paired"},
        "schedules in images": {
            "ema_halflife_images": Cosine(50.0, 500.0, over_images=200),
            "regularizers": lambda: [regularizers.R1(weight=Cosine(1.0, 0.1, over_images=200))],
        },
        "gradients clipped": {"clipnorm": 0.05},
        "Adam": {"adam": True},
        "embeddings": {"labels": 3},
        "embeddings, Adam": {"labels": 3, "adam": True},
        "embeddings, Adam, 4 micro-batches": {"labels": 3, "adam": True, "accumulation_steps": 4},
        "64 pixels": {"side": 64, "loss": "relativistic_paired", "regularizers": penalties},
        "64 pixels, Adam": {"side": 64, "adam": True},
        "64 pixels, 2:2 updates": {"side": 64, "discriminator_steps": 2, "generator_steps": 2},
        "64 pixels, 4 micro-batches": {"side": 64, "accumulation_steps": 4},
        "all together": {
            "loss": "relativistic_average",
            "regularizers": lambda: [
                _regularizer(name) for name in ("lecam", "dragan", "r1", "r2", "gradient_penalty")
            ],
            "discriminator_steps": 2,
            "generator_steps": 2,
            "accumulation_steps": 2,
        },
    }
    return table


def _regularizer(name, every=1):
    from keras_gan import regularizers

    regularizer = regularizers.get(name)
    regularizer.every = every
    regularizer.weight = 0.1  # plain SGD would not bear the papers' weights
    return regularizer


def networks(batch_norm=False, whole_batch=False, pack=1, labels=None, side=None):
    """A small generator and discriminator of 2-D points or packs of them, or of images."""
    import keras

    import keras_gan

    if labels or side:
        kind = keras_gan.networks.dcgan if side else keras_gan.networks.mlp
        filters = {"generator_filters": 8, "discriminator_filters": 8} if side else {"width": 16}
        shape = (side, side, 3) if side else (2,)
        return kind(shape, LATENT, num_classes=labels, **filters)
    from keras import layers

    from keras_gan.layers import MinibatchStdDev, SpectralNormalization

    latents = x = keras.Input((LATENT,))
    x = layers.Dense(16)(x)
    if batch_norm:
        x = layers.BatchNormalization(synchronized=True)(x)
    generator = keras.Model(latents, layers.Dense(2)(layers.ReLU()(x)))
    samples = x = keras.Input((2 * pack,))
    first = layers.Dense(16)
    x = layers.LeakyReLU(0.2)((SpectralNormalization(first) if whole_batch else first)(x))
    x = MinibatchStdDev(4)(x) if whole_batch else x
    return generator, keras.Model(samples, layers.Dense(1)(x))


def train(strategy, steps, settings):
    """All weights of a GAN trained under a strategy."""
    import keras

    import keras_gan

    settings = dict(settings)
    keys = ("batch_norm", "whole_batch", "pack", "labels", "side")
    shape = {key: settings.pop(key) for key in keys if key in settings}
    model = {k: settings.pop(k) for k in ("ema_halflife_images",) if k in settings}
    model |= {"pack": shape.get("pack", 1), "num_classes": shape.get("labels")}
    clipnorm, adam = settings.pop("clipnorm", None), settings.pop("adam", False)
    with strategy.scope():
        settings = {k: v() if callable(v) else v for k, v in settings.items()}
        keras.utils.set_random_seed(0)
        gan = keras_gan.GAN(*networks(**shape), **model)
        optimizers = [
            # Adam divides by the size of a gradient: where that is rounding alone, so is the rest.
            keras.optimizers.Adam(1e-2, epsilon=1e-3)
            if adam
            else keras.optimizers.SGD(0.1 if "side" not in shape else 0.01, clipnorm=clipnorm)
            for _ in range(2)
        ]
        gan.compile(*optimizers, **settings)
    count = BATCH * steps * settings.get("discriminator_steps", 1)
    data = [keras_gan.data.ring(count)]
    if "side" in shape:
        pixels = np.random.default_rng(0).integers(0, 256, (count, *gan.sample_shape))
        data = [pixels.astype("uint8")]
    if "labels" in shape:
        data.append(np.arange(count) % shape["labels"])
    gan.fit(*data, batch_size=BATCH, verbose=0)
    return gan.get_weights()


# === Processes ===


def work(kind, steps, names, out):
    """Train some rows in this process, one of several perhaps, and write all weights."""
    import tensorflow as tf

    strategy = tf.distribute.get_strategy()
    if kind == ONE:
        strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    elif kind == REPLICAS:
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * 2
        )
        strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    elif kind == WORKERS:
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    table = rows()
    weights = {name: train(strategy, steps, table[name]) for name in names}
    np.savez(out, **{f"{name}/{i}": w for name, ws in weights.items() for i, w in enumerate(ws)})


def run(kind, steps, names):
    """All weights of the rows: `dict` from a name to a list of arrays."""
    with tempfile.TemporaryDirectory() as folder:
        ports = _free_ports(2)
        processes = []
        for index in range(2 if kind == WORKERS else 1):
            environment = records.environment(CUDA_VISIBLE_DEVICES="")
            if kind == WORKERS:
                workers = [f"localhost:{port}" for port in ports]
                task = {"type": "worker", "index": index}
                cluster = {"cluster": {"worker": workers}, "task": task}
                environment["TF_CONFIG"] = json.dumps(cluster)
            out = pathlib.Path(folder) / f"{index}.npz"
            command = [sys.executable, "-m", __spec__.name, "--work", kind, str(steps), out, *names]
            processes.append(subprocess.Popen(command, env=environment, stderr=subprocess.PIPE))
        for process in processes:
            _, error = process.communicate()
            if process.returncode:
                raise RuntimeError(error.decode()[-2_000:])
        with np.load(pathlib.Path(folder) / "0.npz") as arrays:
            return {
                name: [arrays[key] for key in arrays.files if key.rsplit("/", 1)[0] == name]
                for name in names
            }


def _free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("localhost", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


# === Results ===


def main():
    if "--work" in sys.argv:
        _, _, kind, steps, out, *names = sys.argv
        return work(kind, int(steps), names, out)
    given = records.parser(__doc__).parse_args()
    names, steps = list(rows()), 20
    if given.quick:
        names, steps = ["loss relativistic_average", "all together"], 5
    alone = []  # trained once, and only if something is measured

    def measure(kind):
        if not alone:
            alone.append(run(ALONE, steps, names))
        return {"differences": differences(alone[0], run(kind, steps, names)), "steps": steps}

    runs = records.Runs("replicas", given)
    for kind in KINDS:
        runs.measured(kind.replace(" ", "_"), measure, kind)
    print(report(runs.end()))


def differences(alone, several):
    return {
        name: float(max(np.abs(a - b).max() for a, b in zip(weights, several[name], strict=True)))
        for name, weights in alone.items()
    }


def report(runs):
    """One Markdown table of all rows."""
    return records.table(
        ("row", *KINDS),
        [
            (name, *(f"{each['differences'][name]:.1e}" for each in runs))
            for name in runs[0]["differences"]
        ],
    )


if __name__ == "__main__":
    main()
