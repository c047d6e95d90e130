"""Where does the time of one training step go? TensorFlow's profiler, on one thread, by kernel.

Each workload of `throughput/workloads.py` and recipe of `throughput/recipes.py` in each precision
is a process of its own, restricted to one thread, so that the kernels' times add up. When its step,
called by itself, is warm, it is profiled for some seconds, several times over; figures are medians
of the shares. A kernel's time is its own, without that of kernels that it calls. Kernels are told
by their type:

- convolutions: forward passes, and the gradients of a transposed one's inputs;
- input gradients: also the forward pass of a transposed convolution, which is the same kernel;
- weight gradients: of both;
- matrix products: of dense layers, forward and backward;
- everything else: activations, BatchNorm, losses, optimizers, random numbers;
- between kernels: what the step takes longer than all of them, the profiler's own work included.
"""

import collections
import pathlib
import re
import statistics
import sys
import tempfile
import time

from benchmarks import drawing, records
from benchmarks.speed.throughput import turns
from benchmarks.speed.throughput.contenders import processor
from benchmarks.speed.throughput.recipes import ALL, RECIPES

NAMES = ("W1", "W2", "W3", "W4", "dcgan", "sngan", "r3gan")
ROUNDS, SECONDS = 3, 4.0
QUICK_NAMES, QUICK = ("W4",), (2, 0.2)
KINDS = (
    "convolutions",
    "input gradients",
    "weight gradients",
    "matrix products",
    "everything else",
    "between kernels",
)
# The longest kernels of everything else that a record names.
NAMED = 5


def main():
    if "--work" in sys.argv:
        _, _, name, precision, rounds, seconds = sys.argv
        return work(name, precision, int(rounds), float(seconds))
    parser = records.parser(__doc__)
    parser.add_argument("--workloads", nargs="+", choices=NAMES)
    parser.add_argument("--pictures", type=pathlib.Path, help="draw into this folder")
    given = parser.parse_args()
    names = given.workloads or (QUICK_NAMES if given.quick else NAMES)
    runs = records.Runs("step_profile", given)
    for name in names:
        runs.measured(name, measure, name, given.quick)
    runs.end()
    if given.pictures:
        drawing.picture(given.pictures / "step_profile.png", draw, runs)
    print(report(runs))


# === Measuring ===


def measure(name, quick=False):
    """The record of one workload in all precisions that the machine gains from."""
    from keras_gan.backend.policies import multiplies_bfloat16

    precisions = ["float32", *["bfloat16"] * (multiplies_bfloat16() and not quick)]
    told = {}
    for precision in precisions:
        process = turns.Process(
            sys.executable,
            "-m",
            __spec__.name,
            "--work",
            name,
            precision,
            *(QUICK if quick else (ROUNDS, SECONDS)),
        )
        try:
            told[precision] = process.hear()
        finally:
            process.kill()
    return {
        "workload": name,
        "title": ALL[name].title,
        "processor": processor(),
        "precisions": told,
    }


def work(name, precision, rounds, seconds):
    """Profile a workload's step in this process, and say what was found."""
    import keras
    import tensorflow as tf

    from benchmarks.speed.throughput.with_keras import of_recipe, ours
    from benchmarks.speed.throughput.worker import Worker, steps_a_round

    records.one_thread()
    worker, workload = Worker(), ALL[name]
    policy = precision if precision == "float32" else f"mixed_{precision}"
    samples, labels = workload.data()
    if name in RECIPES:
        gan, _ = of_recipe("ours", workload, policy, samples, None)
    else:
        keras.config.set_dtype_policy(policy)
        gan, _ = ours(workload, samples, labels)
    batch = tf.constant(samples[: workload.images_a_step])
    step = tf.function(lambda: gan.train_step((batch,)), autograph=False)

    def train(steps):
        begin = time.perf_counter()
        for _ in range(steps):
            logs = step()
        float(logs["loss"])
        return (time.perf_counter() - begin) / steps

    train(2)
    steps = max(2, steps_a_round(seconds, train(2)))
    profiles = [profiled(train, steps) for _ in range(rounds)]
    worker.say(
        steps=steps,
        milliseconds_a_step=[round(1e3 * seconds, 3) for seconds, _ in profiles],
        milliseconds_by_kernel=[
            {kernel: round(1e3 * taken, 4) for kernel, taken in kernels.most_common()}
            for _, kernels in profiles
        ],
    )


def profiled(train, steps):
    """`(seconds a step, seconds a step by kernel)` while it trains so many steps."""
    import tensorflow as tf
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    with tempfile.TemporaryDirectory() as folder:
        with tf.profiler.experimental.Profile(folder):
            seconds = train(steps)
        (path,) = pathlib.Path(folder).rglob("*.xplane.pb")
        space = xplane_pb2.XSpace.FromString(path.read_bytes())
    kernels = collections.Counter()
    for plane in space.planes:
        for line in plane.lines if "CPU" in plane.name else ():
            events = [
                (plane.event_metadata[event.metadata_id].name, event.offset_ps, event.duration_ps)
                for event in line.events
            ]
            for kernel, taken in own_times(events).items():
                kernels[kernel] += taken / 1e12 / steps
    return seconds, kernels


def own_times(events):
    """Time of each type of kernel on one thread, without that of kernels within it.

    Args:
        events: `(name, begin, duration)`s; those that are not named `operation:Type` are no
            kernels. They are nested or apart, as calls on one thread are.

    Returns:
        A `Counter` by type.
    """
    result, running = collections.Counter(), []
    named = [(re.fullmatch(r"[^\s:]+:(\w+)", name), *times) for name, *times in events]
    kernels = [(match[1], begin, duration) for match, begin, duration in named if match]
    # A kernel that calls another begins no later, and is longer.
    for kernel, begin, duration in sorted(kernels, key=lambda each: (each[1], -each[2])):
        while running and running[-1][1] <= begin:
            running.pop()
        result[kernel] += duration
        if running:
            result[running[-1][0]] -= duration
        running.append((kernel, begin + duration))
    return result


# === Results ===


def kind(kernel):
    """What a type of kernel does, one of `KINDS`."""
    for part, name in (
        ("BackpropFilter", "weight gradients"),
        ("BackpropInput", "input gradients"),
        ("Conv2D", "convolutions"),
        ("MatMul", "matrix products"),
    ):
        if part in kernel:
            return name
    return "everything else"


def shares(profile):
    """By kind, the median over the rounds of its share of a step."""
    rounds = []
    for total, kernels in zip(
        profile["milliseconds_a_step"], profile["milliseconds_by_kernel"], strict=True
    ):
        share = collections.Counter({name: 0.0 for name in KINDS})
        for kernel, taken in kernels.items():
            share[kind(kernel)] += taken / total
        share["between kernels"] = 1.0 - sum(share.values())
        rounds.append(share)
    return {name: statistics.median(share[name] for share in rounds) for name in KINDS}


def others(profile):
    """The longest kernels of everything else, and their shares of a step."""
    (total, kernels), *_ = zip(
        profile["milliseconds_a_step"], profile["milliseconds_by_kernel"], strict=True
    )
    rest = {k: taken / total for k, taken in kernels.items() if kind(k) == "everything else"}
    return sorted(rest.items(), key=lambda each: -each[1])[:NAMED]


def profiles(runs):
    """`(row's name, profile)` of all workloads and precisions."""
    for run in runs:
        for precision, profile in run["precisions"].items():
            yield f"{run['workload']}, {precision}", profile


def report(runs):
    """One Markdown table, and under what load it was measured."""
    rows = [
        (
            name,
            f"{statistics.median(profile['milliseconds_a_step']):,.1f}",
            *(f"{share:.0%}" for share in shares(profile).values()),
            ", ".join(f"{kernel} {share:.1%}" for kernel, share in others(profile)),
        )
        for name, profile in profiles(runs)
    ]
    columns = ("", "ms a step, one thread", *KINDS, "the longest of everything else")
    return f"{records.table(columns, rows)}\n\n{records.conditions(runs)}"


def draw(runs, figure):
    """A stacked bar for each workload and precision."""
    axes = figure.subplots()
    rows = list(profiles(runs))[::-1]
    left = [0.0] * len(rows)
    for name in KINDS:
        widths = [max(0.0, shares(profile)[name]) for _, profile in rows]
        axes.barh([label for label, _ in rows], widths, left=left, label=name)
        left = [a + b for a, b in zip(left, widths, strict=True)]
    axes.set_xlim(0, 1)
    axes.set_xlabel("share of a step")
    axes.legend(fontsize=8, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0))


if __name__ == "__main__":
    main()
