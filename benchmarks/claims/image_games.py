"""Do the recipes from images to images do more than a distance alone, and than nothing at all?

Images are of 64x64 pixels. Figures are of test images that no run has seen:

- *L1*: mean absolute difference from the true image (of cycles: from the image itself), of values
  in [-1, 1];
- *PSNR* and *SSIM*: of `uint8` images, means over images;
- *Frechet distance*: on SqueezeNet's `fire9`, as in `embeddings`, of what is made from the true
  test images.

Tasks:

- *pix2pix*: facades from labels, 400 pairs (each mirrored, too) and 106 of the test; the recipe
  with patches of 1, 16 and 70 pixels, the same U-Net with L1 alone, and the mean photo;
- *cycle_facades*: labels and photos without pairs: labels of the first 200 facades, photos of the
  others. Each direction beside the identity, that is, the images as they are;
- *cycle_sprites*: sprites of one view and of another, of different characters;
- *super_resolution*: sprites from 16x16 pixels: the recipe with the discriminator's features and
  with SqueezeNet's (`fire4`, of the network that judges, but five modules earlier), with L1 alone,
  and bicubic interpolation.

Each run takes one thread, and its record is kept. Runs whose records are there are not repeated, so
a benchmark that was interrupted goes on.
"""

import functools
import pathlib
import tempfile
import time
import zipfile

import keras
import numpy as np
import tensorflow as tf
from keras import layers

import keras_gan
from benchmarks import records
from benchmarks.claims.embeddings import checkpoints, judges
from keras_gan.metrics.frechet_distance import frechet_distance

SIZE = 64
# Steps and images of a step.
LENGTHS = {
    "pix2pix": (4_000, 4),
    "cycle_facades": (2_000, 4),
    "cycle_sprites": (2_000, 4),
    "super_resolution": (3_000, 8),
}
VARIANTS = {
    "pix2pix": ("l1", "patch1", "patch16", "patch70"),
    "cycle_facades": ("cycle_gan",),
    "cycle_sprites": ("cycle_gan",),
    "super_resolution": ("l1", "features", "perceptual"),
}
# How far below its reference a Frechet distance should be.
AIMS = {
    "pix2pix": ("l1", 0.3),
    "cycle_facades": ("identity", 0.4),
    "cycle_sprites": ("identity", 0.4),
}
NEVER = 10**9
VIEWS = 2, 3


def main():
    parser = records.parser(__doc__)
    parser.add_argument("--data-dir", type=pathlib.Path, required=True)
    parser.add_argument("--tasks", nargs="+", choices=list(VARIANTS), default=list(VARIANTS))
    parser.add_argument("--pictures", type=pathlib.Path, help="folder for grids of test images")
    given = parser.parse_args()
    records.one_thread()
    bench, runs = Bench(given), records.Runs("image_games", given)
    for seed in runs.seeds:
        for task in given.tasks:
            for variant in VARIANTS[task]:
                runs.measured(f"{task}_{variant}_seed{seed}", bench.run, task, variant, seed)
                print(report(runs[-1:]), flush=True)
    print(report(runs.end()))


class Bench:
    """Data, the judge, and runs."""

    def __init__(self, given):
        self.given = given

    def run(self, task, variant, seed):
        """Train one variant and judge what it makes of the test images."""
        steps, batch_size = LENGTHS[task]
        if self.given.quick:
            steps = 4
        keras.utils.set_random_seed(seed)
        start, wall = time.process_time(), time.perf_counter()
        kind = "cycle" if task.startswith("cycle") else task
        train, test = getattr(self, f"_{task}_data")()
        if self.given.quick:
            test = {name: images[:8] for name, images in test.items()}
        model = getattr(self, f"_{kind}_model")(variant, seed, steps * batch_size)
        if kind == "cycle":
            train = keras_gan.data.unpaired(
                *train.values(), names=list(train), batch_size=batch_size, seed=seed
            )
            batch_size = None
        model.fit(train, batch_size=batch_size, epochs=1, steps_per_epoch=steps, verbose=0)
        times = time.process_time() - start, time.perf_counter() - wall
        figures = getattr(self, f"_{kind}_figures")(model, train, test, f"{task}_{variant}_{seed}")
        return {
            "task": task,
            "variant": variant,
            "seed": seed,
            "steps": steps,
            "batch_size": LENGTHS[task][1],
            "cpu_minutes": round(times[0] / 60, 2),
            "minutes": round(times[1] / 60, 2),
            "figures": figures,
        }

    # === Data ===

    @functools.cached_property
    def facades(self):
        """`{part: (labels, photos)}`."""
        found = {}
        with tempfile.TemporaryDirectory() as folder:
            with zipfile.ZipFile(self.given.data_dir / "facades.zip") as opened:
                opened.extractall(folder)
            for part in ("train", "test"):
                pairs = keras_gan.data.from_paired_folder(
                    *(pathlib.Path(folder) / kind / part for kind in ("labels", "photos")),
                    image_size=SIZE,
                    shuffle=False,
                )
                batches = list(pairs.as_numpy_iterator())
                found[part] = tuple(np.concatenate([b[name] for b in batches]) for name in "ab")
        return found

    @functools.cached_property
    def sprites(self):
        """`(views, characters, 64, 64, 3)` in mixed order of characters."""
        images = checkpoints._images(self.given.data_dir / "tinyhero_64.zip", "", count=3_648)
        views = images.reshape(4, -1, SIZE, SIZE, 3)
        return views[:, np.random.default_rng(0).permutation(views.shape[1])]

    def _pix2pix_data(self):
        labels, photos = self.facades["train"]
        mirrored = {
            "input": np.concatenate([labels, labels[:, :, ::-1]]),
            "target": np.concatenate([photos, photos[:, :, ::-1]]),
        }
        return mirrored, dict(zip(("input", "target"), self.facades["test"], strict=True))

    def _cycle_facades_data(self):
        labels, photos = self.facades["train"]
        train = {"a": labels[:200], "b": photos[200:]}
        train = {name: np.concatenate([x, x[:, :, ::-1]]) for name, x in train.items()}
        return train, dict(zip("ab", self.facades["test"], strict=True))

    def _cycle_sprites_data(self):
        a, b = (self.sprites[view] for view in VIEWS)
        return {"a": a[106:509], "b": b[509:]}, {"a": a[:106], "b": b[:106]}

    def _super_resolution_data(self):
        test, train = (
            part.reshape(-1, SIZE, SIZE, 3)
            for part in (self.sprites[:, :100], self.sprites[:, 100:])
        )
        return tuple({"low": resized(x, SIZE // 4), "high": x} for x in (train, test))

    # === Models ===

    def _pix2pix_model(self, variant, seed, images):
        field = 70 if variant == "l1" else int(variant.removeprefix("patch"))
        shape = (SIZE, SIZE, 3)
        model = keras_gan.recipes.pix2pix(shape, receptive_field=field, seed=seed, **rate(images))
        if variant != "l1":
            return model
        critic = keras_gan.Critic(
            model.critics[0].network,
            real="target",
            fake="translated",
            condition="input",
            start_step=NEVER,
        )
        alone = keras_gan.AdversarialModel(
            model.generator, critic, ema_halflife_images=model.ema_halflife_images, seed=seed
        )
        adams = [keras_gan.optimizers.Adam(**rate(images), beta_1=0.5, beta_2=0.999) for _ in "ab"]
        alone.compile(*adams, terms=[keras_gan.terms.L1("target", "translated", weight=100.0)])
        return alone

    def _cycle_model(self, variant, seed, images):
        return keras_gan.recipes.cycle_gan((SIZE, SIZE, 3), seed=seed, **rate(images))

    def _super_resolution_model(self, variant, seed, images):
        options = {"seed": seed, **rate(images)}
        if variant == "l1":
            options["start_step"] = NEVER
        if variant == "perceptual":
            options |= {"perceptual": self._early_features(), "perceptual_weight": 0.1}
        return keras_gan.recipes.super_resolution((SIZE, SIZE, 3), 4, **options)

    # === Figures ===

    @functools.cached_property
    def _features(self):
        return judges.judge("facades", self.given.data_dir)

    def _early_features(self):
        """SqueezeNet up to `fire4` of images in [-1, 1], scaled to a mean of 1 on sprites."""
        weights = self.given.data_dir / "squeezenet" / "squeezenet_v1.0_decoded.npz"
        maps = judges.squeezenet_maps(weights, SIZE, fires=4)
        first = maps.get_layer("conv1")
        kernel, bias = first.get_weights()
        first.set_weights([kernel[:, :, ::-1], bias])  # of RGB
        offset = [127.5 - mean for mean in judges.BGR_MEANS[::-1]]
        image = keras.Input((SIZE, SIZE, 3))
        features = maps(layers.Rescaling(127.5, offset)(image))
        sample = self.sprites[0, 100:200] / 127.5 - 1.0
        mean = float(np.mean(keras.Model(image, features).predict(sample, verbose=0)))
        return keras.Model(image, layers.Rescaling(1.0 / mean)(features))

    def _frechet(self, real, fake):
        return round(float(frechet_distance(self._features(real), self._features(fake))), 2)

    def _pix2pix_figures(self, model, train, test, name):
        made = bytes_of(model.generate(inputs={"input": test["input"]}))
        target = test["target"]
        mean = np.rint(train["target"].mean(0, keepdims=True)).astype("uint8")
        mean = np.repeat(mean, len(target), axis=0)
        self._draw(name, test["input"], made, target)
        return {
            "made": {"l1": l1(made, target), "frechet": self._frechet(target, made)},
            "mean photo": {"l1": l1(mean, target), "frechet": self._frechet(target, mean)},
        }

    def _cycle_figures(self, model, train, test, name):
        made = model.generate(inputs=test, outputs=list(model.generator.output))
        made = {key: bytes_of(x) for key, x in made.items()}
        self._draw(f"{name}_to_b", test["a"], made["fake_b"], made["cycled_a"])
        self._draw(f"{name}_to_a", test["b"], made["fake_a"], made["cycled_b"])
        return {
            f"{other} to {kind}": {
                "l1": l1(made[f"cycled_{other}"], test[other]),
                "frechet": self._frechet(test[kind], made[f"fake_{kind}"]),
                "identity": self._frechet(test[kind], test[other]),
            }
            for other, kind in ("ab", "ba")
        }

    def _super_resolution_figures(self, model, train, test, name):
        high, low = test["high"], test["low"]
        made = bytes_of(model.generate(inputs={"low": low}))
        bicubic = resized(low, SIZE)
        self._draw(name, resized(low, SIZE, "nearest"), bicubic, made, high)
        return {
            key: {"l1": l1(x, high), **fidelity(x, high), "frechet": self._frechet(high, x)}
            for key, x in (("made", made), ("bicubic", bicubic))
        }

    def _draw(self, name, *columns):
        """The first rows of the test images, side by side."""
        if self.given.pictures:
            cells = np.stack([column[:8] for column in columns], axis=1)
            cells = cells.reshape(-1, SIZE, SIZE, 3)
            self.given.pictures.mkdir(parents=True, exist_ok=True)
            grid = keras_gan.images.grid(cells, rows=4, columns=2 * len(columns))
            keras_gan.images.save_png(self.given.pictures / f"{name}.png", grid)


def rate(images):
    """The learning rate of the papers, which falls in the second half."""
    rate = keras_gan.schedules.Linear(2e-4, 2e-6, over_images=images, after=images / 2)
    return {"learning_rate": rate}


def bytes_of(samples):
    return keras_gan.images.to_uint8(samples)


def resized(images, size, method="bicubic"):
    """Resized with smoothing where they become smaller, as `uint8`."""
    found = [
        tf.image.resize(part, (size, size), method, antialias=method == "bicubic")
        for part in np.array_split(images.astype("float32"), -(-len(images) // 500))
    ]
    return np.clip(np.rint(np.concatenate(found)), 0, 255).astype("uint8")


def l1(made, target):
    return round(float(np.abs(made.astype("float64") - target).mean() / 127.5), 4)


def fidelity(made, target):
    """PSNR in dB and SSIM."""
    return {
        "psnr": round(float(tf.reduce_mean(tf.image.psnr(made, target, 255))), 2),
        "ssim": round(float(tf.reduce_mean(tf.image.ssim(made, target, 255))), 4),
    }


# === Report ===


def report(runs):
    """One row for each variant and reference, as means over seeds with standard deviations."""
    found = {}
    for run in runs:
        for what, figures in run["figures"].items():
            variant = run["variant"] if what == "made" else what
            found.setdefault((run["task"], variant), []).append({**run, **figures})
    columns = ["task", "run", "L1", "PSNR", "SSIM", "Frechet distance", "below the reference"]
    columns += ["seeds", "steps", "CPU minutes"]
    rows = []
    for (task, variant), of in found.items():
        told = [spread(of, key, digits) for key, digits in (("l1", 3), ("psnr", 1), ("ssim", 3))]
        told += [spread(of, "frechet", 1), below(found, task, variant, of)]
        made = variant not in ("mean photo", "bicubic")
        told += [len({run["seed"] for run in of}), f"{of[0]['steps']:,}" if made else "-"]
        told.append(spread(of, "cpu_minutes", 1) if made else "-")
        rows.append([task, variant, *told])
    return records.table(columns, rows)


def spread(of, key, digits):
    return records.mean([run[key] for run in of if key in run], f"{{:.{digits}f}}")


def below(found, task, variant, of):
    """How far the distance is below that of the reference, and the aim."""
    reference, aim = AIMS.get(task, (None, None))
    mean = np.mean([run["frechet"] for run in of])
    if reference == "identity":
        least = np.mean([run["identity"] for run in of])
    elif variant.startswith("patch") and (task, reference) in found:
        least = np.mean([run["frechet"] for run in found[task, reference]])
    else:
        return "-"
    return f"{1 - mean / least:.0%} (aim {aim:.0%})"


if __name__ == "__main__":
    main()
