"""Short runs whose samples embeddings are judged by, kept as uint8 files, of four sets.

A run keeps samples of the averaged generator at some steps, each so many times the one before: six
steps of the small sets, 1.7 times apart, and ten of those of 64x64, 1.3 times apart, where the
first samples are no images yet. Some runs of a set are there to choose an embedding, those of other
kinds and other seeds to report on it.
"""

import dataclasses
import functools
import json
import pathlib
import tempfile
import time
import zipfile

import keras
import numpy as np

import keras_gan
from benchmarks import digit_classifier, records

FOLDER = records.ROOT / "runs" / "embeddings"
COUNT = 700
# Latents of all checkpoints are the same, as those of all epochs are in a callback.
_SEED = 20_260_101


@dataclasses.dataclass(frozen=True)
class Set:
    """Images and what is usual for them.

    Attributes:
        name: of the set.
        steps: of a run.
        generator_filters: of DCGAN's generator.
        discriminator_filters: of DCGAN's discriminator.
        gamma: weight of R1 and R2.
        learning_rate: of both players.
        batch: samples of an update.
        checkpoints: steps at which samples are kept.
        ratio: of each of them to the one before.
        kinds: names of the runs.
    """

    name: str
    steps: int
    generator_filters: int
    discriminator_filters: int
    gamma: float
    learning_rate: float
    batch: int
    checkpoints: int
    ratio: float
    kinds: tuple[str, ...]


_SMALL = (
    "healthy",
    "three_generator_steps",
    "sngan",
    "longer",
    "non_saturating",
    "no_penalty_high_rate",
    "least_squares",
)
_LARGE = ("healthy", "sngan", "non_saturating", "late_failure")


SETS = {
    each.name: each
    for each in (
        Set("digits", 800, 16, 32, 0.1, 1e-3, 32, 6, 1.7, _SMALL),
        Set("mnist", 320, 16, 32, 0.1, 1e-3, 32, 6, 1.7, _SMALL),
        Set("sprites", 1600, 12, 12, 0.5, 2e-3, 16, 10, 1.3, _LARGE),
        Set("facades", 1600, 12, 12, 0.5, 2e-3, 16, 10, 1.3, _LARGE),
    )
}


@dataclasses.dataclass(frozen=True)
class Kind:
    """How a run differs from the usual: relativistic paired loss, R1 + R2, DCGAN.

    Attributes:
        name: of the kind.
        half: "choose" or "report".
        seed: of everything.
        loss: adversarial loss.
        penalty: "r1_r2", "r1" or "none".
        rate: factor of both learning rates.
        late_rate: another one, from the middle of the run on.
        generator_steps: updates of the generator in a step.
        width: factor of all filters.
        networks: "dcgan" or "resnet".
        length: share of a set's steps.
    """

    name: str
    half: str
    seed: int
    loss: str = "relativistic_paired"
    penalty: str = "r1_r2"
    rate: float = 1.0
    late_rate: float = 1.0
    generator_steps: int = 1
    width: float = 1.0
    networks: str = "dcgan"
    length: float = 1.0


KINDS = {
    each.name: each
    for each in (
        Kind("healthy", "choose", 0),
        Kind("three_generator_steps", "choose", 0, generator_steps=3, length=0.3),
        Kind("sngan", "choose", 0, loss="hinge", penalty="none", networks="resnet", length=0.5),
        Kind("longer", "choose", 2, width=2.0, length=2.5),
        Kind("non_saturating", "report", 1, loss="non_saturating", penalty="r1"),
        Kind("no_penalty_high_rate", "report", 1, loss="non_saturating", penalty="none", rate=4.0),
        Kind("least_squares", "report", 1, loss="least_squares", penalty="r1", width=1.5),
        Kind("late_failure", "report", 3, late_rate=8.0),
    )
}


# === Data ===


def reals(name, data_dir):
    """`(train, held out)` of a set, uint8; `COUNT` are held out."""
    return {"mnist": _mnist, "digits": _digits, "sprites": _sprites, "facades": facades}[name](
        pathlib.Path(data_dir)
    )


@functools.cache
def _mnist(data_dir):
    train, test = digit_classifier.digits(data_dir / "tfds")
    return train[0], test[0][:COUNT]


@functools.cache
def _digits(data_dir):
    images = keras_gan.data.digits()
    order = np.random.default_rng(0).permutation(len(images))
    return images[order[COUNT:]], images[order[:COUNT]]


@functools.cache
def _sprites(data_dir):
    """No character is on both sides: each has four views."""
    views = _images(data_dir / "tinyhero_64.zip", "", count=3_648).reshape(4, -1, 64, 64, 3)
    order = np.random.default_rng(0).permutation(views.shape[1])
    held, train = order[: -(-COUNT // 4)], order[-(-COUNT // 4) :]
    train, held = (views[:, rows].reshape(-1, 64, 64, 3) for rows in (train, held))
    return train, held[:COUNT]


@functools.cache
def facades(data_dir, size=64):
    """There are 506 photos. Mirrored too, the first 400 are trained on and nearly all compared."""
    parts = [
        _images(data_dir / "facades.zip", f"photos/{part}", count=count, size=size)
        for part, count in (("train", 400), ("test", 106))
    ]
    train, test = (np.concatenate([part, part[:, :, ::-1]]) for part in parts)
    return train, np.concatenate([test, train])[:COUNT]


def _images(archive, inside, count, size=64):
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(folder)
        dataset = keras_gan.data.from_folder(
            pathlib.Path(folder) / inside, image_size=size, shuffle=False
        )
        images = np.concatenate([batch.numpy() for batch in dataset])
    if len(images) != count:
        raise RuntimeError(f"{archive.name} must hold {count} images. Received: {len(images)}.")
    return images


# === Runs ===


def path(set_name, kind_name):
    """Where a run's samples lie."""
    return FOLDER / f"{set_name}_{kind_name}.npz"


def milestones(of, steps):
    """The steps at which samples of a run of so many steps are kept."""
    return [max(1, round(steps / of.ratio**back)) for back in reversed(range(of.checkpoints))]


def recorded(set_name, kind_name, data_dir, *, again=False, steps=None):
    """The samples of a run, trained if there are none: `{step: uint8 samples}`."""
    file = path(set_name, kind_name)
    if steps or again or not file.exists():
        samples, told = _train(SETS[set_name], KINDS[kind_name], data_dir, steps)
        if steps:
            return samples
        file.parent.mkdir(parents=True, exist_ok=True)
        beside = file.with_name(f".{file.name}")
        np.savez_compressed(beside, **{str(step): kept for step, kept in samples.items()})
        beside.replace(file)
        file.with_suffix(".json").write_text(json.dumps(told, indent=1) + "\n")
        print(told, flush=True)
    with np.load(file) as kept:
        return {int(step): kept[step] for step in kept.files}


def _train(of, kind, data_dir, steps):
    train, _ = reals(of.name, data_dir)
    at = milestones(of, steps or round(of.steps * kind.length))
    keras.utils.set_random_seed(kind.seed)
    gan = _game(of, kind, train.shape[1:])
    samples, middle = {}, at[-1] // 2

    class Keep(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if gan.steps_seen in at:
                # The first half is for the truth, the second one for the candidates.
                samples[gan.steps_seen] = _uint8(gan.generate(2 * COUNT, seed=_SEED))
            if gan.steps_seen == middle and kind.late_rate != 1.0:
                for optimizer in (gan.generator_optimizer, gan.discriminator_optimizer):
                    optimizer.learning_rate = of.learning_rate * kind.rate * kind.late_rate
            gan.stop_training = gan.steps_seen >= at[-1]

    processor, wall = time.process_time(), time.perf_counter()
    gan.fit(train, batch_size=of.batch, epochs=10_000, verbose=0, callbacks=[Keep()])
    return samples, {
        "set": of.name,
        "kind": kind.name,
        "steps": at,
        "processor_seconds": round(time.process_time() - processor, 1),
        "seconds": round(time.perf_counter() - wall, 1),
    }


def _uint8(samples):
    return np.clip(np.round((np.nan_to_num(samples) + 1.0) * 127.5), 0, 255).astype("uint8")


def _game(of, kind, shape):
    filters = [int(f * kind.width) for f in (of.generator_filters, of.discriminator_filters)]
    options = {"max_filters": 64} if kind.networks == "resnet" else {}
    pair = getattr(keras_gan.networks, kind.networks)(
        shape,
        64,
        generator_filters=filters[0],
        discriminator_filters=filters[1],
        precision="auto",
        **options,
    )
    gan = keras_gan.GAN(*pair, ema_halflife_images=1_000, seed=kind.seed)
    penalties = {
        "r1_r2": (keras_gan.regularizers.R1, keras_gan.regularizers.R2),
        "r1": (keras_gan.regularizers.R1,),
        "none": (),
    }
    gan.compile(
        *(
            keras.optimizers.Adam(of.learning_rate * kind.rate, beta_1=0.0, beta_2=0.99)
            for _ in range(2)
        ),
        loss=kind.loss,
        regularizers=[penalty(weight=of.gamma) for penalty in penalties[kind.penalty]],
        generator_steps=kind.generator_steps,
        steps_per_execution=1,
    )
    return gan
