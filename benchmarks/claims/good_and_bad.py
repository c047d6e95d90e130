"""What do a good and a bad run look like at 28, 64 and 128 pixels? One picture a size.

`python -m benchmarks.claims.good_and_bad --data-dir DIR` draws
`docs/images/good_and_bad_<size>.png` and prints the signals of the last epochs. Both runs of a size
have the networks of `recipes.dcgan`:

- *good*: the recipe with its defaults;
- *bad*: four times its learning rate, no penalty, and three generator updates a step, until
  `ConvergenceStopping` stops it.

Sets: MNIST (28, batches of 64 images), sprites (64, of 32) and photos of facades (128, of 32).
"""

import json
import pathlib
import tempfile
import time

import keras
import numpy as np

import keras_gan
from benchmarks import drawing, records
from benchmarks.claims import first_try

IMAGES, GRIDS = records.ROOT / "docs" / "images", records.ROOT / "runs" / "good_and_bad"
# Name of the set, batch size and epochs, by size.
SETS = {28: ("mnist", 64, 40), 64: ("sprites", 32, 40), 128: ("facades_128", 32, 16)}
EPOCH, QUICK_EPOCH = 50, 2
RATE = 4e-3
SHOWN = 25
SAMPLING_SEED = 1_000
CURVES = {"quality": "distance to held-out images", "discriminator_auc": "discriminator_auc"}


def main():
    parser = records.parser(__doc__)
    parser.set_defaults(seeds=[0])
    parser.add_argument("--data-dir", type=pathlib.Path, required=True)
    parser.add_argument("--sizes", type=int, nargs="+", choices=SETS, default=list(SETS))
    given = parser.parse_args()
    records.one_thread()
    runs = records.Runs("good_and_bad", given)
    for size in given.sizes:
        for kind in ("good", "bad"):
            name = f"{size}_{kind}_seed{given.seeds[0]}"
            again = given.again or not grid_path(size, kind).exists()
            runs.measured(name, run, size, kind, given, again=again)
            print(report(runs[-1:]), flush=True)
        if not given.quick:
            path = IMAGES / f"good_and_bad_{size}.png"
            drawing.picture(path, draw, *runs[-2:], size=(11.0, 4.0))
    print(report(runs.end()))


def grid_path(size, kind):
    """Where a run's samples are drawn."""
    return GRIDS / f"{size}_{kind}.png"


def run(size, kind, given):
    """Train one model, and return its signals, its verdict and some of its samples."""
    name, batch, epochs = SETS[size]
    seed, epochs = given.seeds[0], 2 if given.quick else epochs
    train, held_out = first_try.reals(name, given.data_dir)
    keras.utils.set_random_seed(seed)
    gan = keras_gan.recipes.dcgan(train.shape[1:], seed=seed)
    if kind == "bad":
        optimizers = [keras.optimizers.Adam(RATE, beta_1=0.5) for _ in "dg"]
        gan.compile(*optimizers, loss="non_saturating", generator_steps=3)
    start = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        stopping = keras_gan.callbacks.ConvergenceStopping(
            directory=folder, restore_best_weights=False
        )
        gan.fit(
            train,
            batch_size=batch,
            epochs=epochs,
            steps_per_epoch=QUICK_EPOCH if given.quick else EPOCH,
            validation_data=held_out,
            verbose=0,
            callbacks=[stopping],
        )
        signals = json.loads((pathlib.Path(folder) / "signals.json").read_text())
    samples = gan.generate(SHOWN, seed=SAMPLING_SEED)
    GRIDS.mkdir(parents=True, exist_ok=True)
    keras_gan.images.save_png(grid_path(size, kind), keras_gan.images.grid(samples, 5, 5))
    return {
        "size": size,
        "kind": kind,
        "steps": gan.steps_seen,
        "verdict": stopping.verdict.kind if stopping.verdict else "still learning",
        "signals": [
            {key: each.get(key) for key in ("epoch", *CURVES, "coverage")} for each in signals
        ],
        "processor_seconds": round(time.process_time() - start, 1),
    }


def draw(good, bad, figure):
    """Samples of either run, and their signals."""
    from PIL import Image

    left, middle, right = figure.subfigures(1, 3, width_ratios=(1.0, 1.0, 1.2))
    for part, one in ((left, good), (middle, bad)):
        axes = part.subplots()
        grid = np.asarray(Image.open(grid_path(one["size"], one["kind"])))
        axes.imshow(grid, cmap="gray", interpolation="nearest")
        axes.set(title=f"{one['kind']}, {one['steps']:,} steps: {one['verdict']}")
        axes.axis("off")
    panels = right.subplots(2, 1, sharex=True)
    for axes, (key, title) in zip(panels, CURVES.items(), strict=True):
        for one in (good, bad):
            epochs = [each["epoch"] for each in one["signals"]]
            axes.plot(epochs, [each[key] for each in one["signals"]], label=one["kind"])
        axes.set(title=title)
    panels[0].set(ylim=(0.0, None))
    panels[1].set(ylim=(0.0, 1.05), xlabel="epoch of 50 steps")
    panels[1].legend(loc="lower right")


def report(runs):
    """The last epoch of each run."""
    columns = {"size": "{size}", "run": "{kind}", "steps": "{steps}"}
    columns |= {key: f"{{{key}:.3f}}" for key in (*CURVES, "coverage")}
    rows = [{**run, **run["signals"][-1]} for run in runs]
    return records.listing(rows, {**columns, "verdict": "{verdict}"})


if __name__ == "__main__":
    main()
