"""Does everything work on this machine's GPUs, and how fast is it beside the documentation's step?

One table, in at most ten minutes. Speed: networks, optimizers, batch and data are those of
`throughput/`; each contender is a process of its own, and they train in turns. It shows what
mixed precision, XLA and several steps in one call gain. Then what only a GPU shows: a recipe in
each precision, several devices against one, and an export.

Install the package with CUDA first: `pip install '.[gpu]'`. Without a GPU it stops with exit code
1; `--quick` runs it small on any machine, which shows no more than that it runs. A check that
fails is a row of the table, and the exit code is 1.
"""

import functools
import math
import os
import sys
import tempfile

# By default the first process would take the memory of all GPUs, and the others fail.
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")

import keras
import numpy as np
import tensorflow as tf

import keras_gan
from benchmarks import records
from benchmarks.speed.throughput import turns
from benchmarks.speed.throughput.contenders import TORCH_ENVIRONMENT, Contender, command
from benchmarks.speed.throughput.workloads import WORKLOADS

ROUNDS, SECONDS = 5, 2.0
QUICK = 1, 0.2
CONTENDERS = {
    "P1, float32": Contender("P1", "float32"),
    "ours, float32": Contender("ours", "float32"),
    "ours, one step a call, float32": Contender("ours one step", "float32"),
    "ours, XLA, float32": Contender("ours XLA", "float32"),
    "P1, bfloat16": Contender("P1", "bfloat16"),
    "ours, bfloat16": Contender("ours", "bfloat16"),
    "P1, float16": Contender("P1", "float16"),
    "ours, float16": Contender("ours", "float16"),
}
QUICK_CONTENDERS = ["P1, float32", "ours, float32", "ours, one step a call, float32"]


def main():
    parser = records.parser(__doc__)
    given = parser.parse_args()
    gpus = devices()
    if not gpus and not given.quick:
        raise SystemExit(
            "TensorFlow must see a GPU: see `pip install '.[gpu]'` and `nvidia-smi`. Received: a "
            "machine without one. `--quick` runs small on any machine."
        )
    runs = records.Runs("on_a_gpu", given, keep=bool(gpus) and not given.quick)
    run = runs.measured("on_a_gpu", measure, gpus, given.quick)
    runs.end()
    print(report(run))
    sys.exit(any(row["failed"] for row in run["checks"]) or bool(run["not_run"]))


def devices():
    """The names of this machine's GPUs, as TensorFlow sees them."""
    found = tf.config.list_physical_devices("GPU")
    return [tf.config.experimental.get_device_details(gpu).get("device_name") for gpu in found]


def measure(gpus, quick):
    """The record of all checks.

    Args:
        gpus: names of the GPUs.
        quick: whether to run everything small.
    """
    rounds, seconds = QUICK if quick else (ROUNDS, SECONDS)
    speeds, not_run = [], {}
    for workload in ["W4"] if quick else ["W1", "W2", "W3"]:
        facts, missing = race(workload, QUICK_CONTENDERS if quick else CONTENDERS, rounds, seconds)
        speeds += [
            {
                "workload": workload,
                "contender": name,
                "precision": CONTENDERS[name].precision,
                "milliseconds": fact["milliseconds_a_step"],
                "images_per_second": fact["median_images_per_second"],
                "first_step": fact["seconds_after_imports"],
            }
            for name, fact in facts.items()
        ]
        not_run |= {f"{workload}, {name}": why for name, why in missing.items()}
    side = 8 if quick else 64
    checks = [
        attempt(f"`dcgan` at {side} pixels, {precision}", trains, side, precision)
        for precision in ("float32", "mixed_bfloat16", "mixed_float16")
    ]
    checks += [
        attempt("the same program twice", repeats, side),
        attempt(f"{max(1, len(gpus))} devices against one", replicas, side),
        attempt("a SavedModel", exports, side),
    ]
    return {"gpus": gpus, "speeds": speeds, "not_run": not_run, "checks": checks}


# === Speed ===


def race(workload, names, rounds, seconds):
    """What contenders tell that train in turns; and why others did not run."""
    commands = {
        name: functools.partial(
            command,
            CONTENDERS[name],
            workload,
            seconds,
            TORCH_ENVIRONMENT,
        )
        for name in names
    }
    return turns.in_turns(commands, dict.fromkeys(names, WORKLOADS[workload]), rounds)


# === Checks ===


def attempt(name, check, *arguments):
    """A row of the table: what a check found, or its error."""
    try:
        return {"check": name, "found": check(*arguments), "failed": False}
    except Exception as error:  # an error of one check must not end the others
        text = str(error).strip().splitlines() or [""]
        return {"check": name, "found": f"{type(error).__name__}: {text[0][:200]}", "failed": True}


def fitted(side, precision="float32"):
    """A small `dcgan` after 24 steps on random images, and its losses."""
    keras.utils.set_random_seed(0)
    images = np.random.default_rng(0).integers(0, 256, (256, side, side, 3), "uint8")
    gan = keras_gan.recipes.dcgan((side, side, 3), precision=precision)
    history = gan.fit(images, batch_size=32, epochs=3, verbose=0)
    return gan, history.history


@functools.cache
def alone(side):
    """The `dcgan` that others are compared with: float32, on one device."""
    return fitted(side)[0]


def trains(side, precision):
    """Losses are finite, and the generator's weights too."""
    gan, history = fitted(side, precision)
    losses = [history[name][-1] for name in ("d_loss", "g_loss")]
    if not all(map(math.isfinite, losses)):
        raise RuntimeError(f"Losses must be finite. Received: {losses}")
    if gan.first_failure is not None:
        raise RuntimeError(gan.first_failure)
    return f"losses {losses[0]:.3g} and {losses[1]:.3g} after 24 steps"


def repeats(side):
    """The largest difference of a weight between two runs of one program."""
    return f"largest difference of a weight {_difference(alone(side), fitted(side)[0]):.2g}"


def replicas(side):
    """The largest difference of a weight from one device's, by the same global batch."""
    with tf.distribute.MirroredStrategy().scope():
        together = fitted(side)[0]
    return f"largest difference of a weight {_difference(alone(side), together):.2g} after 24 steps"


def exports(side):
    """The largest difference of an exported generator's samples from the model's."""
    gan = alone(side)
    latents = np.random.default_rng(1).standard_normal((4, gan.latent_dim)).astype("float32")
    with tempfile.TemporaryDirectory() as folder:
        gan.export(f"{folder}/generator")
        ours = np.asarray(gan.generate(latents=latents))
        theirs = np.asarray(tf.saved_model.load(f"{folder}/generator").serve(latents))
    difference = float(np.abs(ours - theirs).max())
    if not difference < 1e-2:
        raise RuntimeError(f"Samples must agree. Received: a difference of {difference:.2g}")
    return f"largest difference of a pixel {difference:.2g}"


def _difference(first, second):
    return max(
        float(np.abs(np.asarray(a, "float64") - np.asarray(b, "float64")).max())
        for a, b in zip(first.get_weights(), second.get_weights(), strict=True)
    )


# === Report ===


def report(run):
    """One Markdown table, after a line on the machine."""
    gpus = ", ".join(run["gpus"]) or "none: the processor was used"
    of_p1 = {
        (row["workload"], row["precision"]): row["images_per_second"]
        for row in run["speeds"]
        if CONTENDERS[row["contender"]].kind == "P1"
    }
    rows = []
    for row in run["speeds"]:
        other = of_p1.get((row["workload"], row["precision"]))
        beside = f"; {row['images_per_second'] / other:.2f} of P1's speed" if other else ""
        speed = f"{row['milliseconds']:.3g} ms a step, the first after {row['first_step']:.1f} s"
        rows.append([f"{WORKLOADS[row['workload']].title}: {row['contender']}", speed + beside])
    rows += [[name, f"FAILED: {why}"] for name, why in run["not_run"].items()]
    rows += [[row["check"], "FAILED: " * row["failed"] + row["found"]] for row in run["checks"]]
    versions = f"TensorFlow {run['machine']['tensorflow']}, Keras {run['machine']['keras']}"
    return f"GPUs: {gpus}. {versions}.\n\n{records.table(['what', 'found'], rows)}"


if __name__ == "__main__":
    main()
