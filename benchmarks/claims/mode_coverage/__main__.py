"""How many modes does a generator reach? Rings, grids and Stacked-MNIST, by published protocols.

- *ring*, *grid* (VEEGAN, PacGAN Table 1): 2,500 samples. Of high quality is a sample within 3
  standard deviations of the nearest mode; a mode counts if a sample of high quality is nearest to
  it; reverse KL is between the histogram of nearest modes and the uniform one. `relative std` is
  1 for a perfect sampler; less, with a high quality above 98.89 %, is a lack of spread.
- *stacked_quarter*, *stacked_half* (Metz et al., PacGAN Table 3): Stacked-MNIST with small
  networks, the discriminator a quarter or half of the generator's size, 25,600 samples; a mode is
  what a classifier reads in the three channels. *stacked_full*: networks of our choice, 26,000.

One evaluation, at the end of training, with a seed for the samples that was fixed beforehand.
Settings are sought on seeds from 100 on, never on those reported. One thread of TensorFlow's for
these small networks, but not where *stacked_full* is among the tasks.
"""

import time

from benchmarks import records

PUBLISHED = {
    "ring": [
        ("GAN (PacGAN's)", "6.3", "98.2 %", "0.45"),
        ("PacGAN2", "7.9", "95.6 %", "0.07"),
        ("PacGAN4", "7.8", "95.9 %", "0.07"),
        ("VEEGAN, its own paper", "8", "52.9 %", "-"),
        ("perfect sampler", "8", "98.89 %", "0.0013"),
    ],
    "grid": [
        ("GAN (PacGAN's)", "17.3", "94.8 %", "0.70"),
        ("PacGAN2", "23.8", "91.3 %", "0.13"),
        ("PacGAN4", "24.8", "93.6 %", "0.04"),
        ("VEEGAN, its own paper", "24.6", "40 %", "-"),
        ("perfect sampler", "25", "98.89 %", "0.0051"),
    ],
    "stacked_quarter": [
        ("DCGAN", "78.5", "-", "5.21"),
        ("unrolled GAN, 10 steps", "327.2", "-", "4.66"),
        ("PacDCGAN2", "484.5", "-", "2.61"),
        ("PacDCGAN4", "667.4", "-", "1.81"),
    ],
    "stacked_half": [
        ("DCGAN", "487.7", "-", "2.24"),
        ("unrolled GAN, 10 steps", "817.4", "-", "1.43"),
        ("PacDCGAN2", "840.7", "-", "1.00"),
        ("PacDCGAN3", "866.6", "-", "0.90"),
    ],
    "stacked_full": [
        ("DCGAN", "99", "-", "3.40"),
        ("WGAN-GP", "959", "-", "0.73"),
        ("PacDCGAN2", "1000", "-", "0.06"),
        ("R3GAN", "1000", "-", "0.029"),
        ("perfect sampler", "1000", "-", "0.0193"),
    ],
}
FIGURES = {"modes": "{:.1f}", "high_quality": "{:.2%}", "reverse_kl": "{:.4f}"}
FIGURES |= {"relative_std": "{:.3f}"}


def main():
    parser = records.parser(__doc__)
    parser.set_defaults(seeds=[0, 1, 2, 3, 4])
    parser.add_argument("--tasks", nargs="+", choices=list(PUBLISHED), default=["ring", "grid"])
    parser.add_argument("--data-dir", help="of TensorFlow Datasets, for Stacked-MNIST")
    parser.add_argument(
        "--budget-minutes",
        type=float,
        help="start no run that is not expected to finish within them",
    )
    given = parser.parse_args()
    if "stacked_full" not in given.tasks:
        records.one_thread()  # more cost small networks more than they gain
    start, runs = time.monotonic(), records.Runs("mode_coverage", given)
    for task in given.tasks:
        for seed in runs.seeds:
            name = f"{task}_seed{seed}"
            measure, minutes = prepared(task, seed, given)
            if given.budget_minutes is not None and not runs.has(name):
                minutes = expected_minutes(runs, task, minutes)
                if (time.monotonic() - start) / 60 + minutes > given.budget_minutes:
                    print(f"{name}: not started, {minutes:.1f} minutes are not left.")
                    continue
            runs.measured(name, measure)
    print(report(runs.end()))
    for said in sorted({classifier(run) for run in runs if "classifier_hash" in run}):
        print(said)


def classifier(run):
    """The sentence on what counted a run's modes."""
    accuracy, weights = run["classifier_accuracy"], run["classifier_hash"]
    return f"Classifier of digits: {accuracy:.2%} of the test images, weights {weights}."


def prepared(task, seed, given):
    """A run to call, and the minutes that its settings state."""
    if task.startswith("stacked"):
        from benchmarks.claims.mode_coverage import stacked

        def measure():
            return stacked.run(task, seed, data_dir=given.data_dir, quick=given.quick)

        return measure, stacked.SET_UPS[task].minutes * (0.1 if given.quick else 1.0)
    from benchmarks.claims.mode_coverage import mixtures

    def measure():
        return mixtures.run(task, seed, quick=given.quick)

    return measure, mixtures.MIXTURES[task].minutes * (0.2 if given.quick else 1.0)


def expected_minutes(runs, task, stated):
    """The longest finished run of a task, or what its settings state."""
    return max([run["minutes"] for run in runs if run["task"] == task], default=stated)


def report(runs):
    """One table: for each task the published figures, each seed, the mean and the spread."""
    columns = ["task", "what", "modes", "high quality", "reverse KL", "relative std"]
    columns += ["steps", "minutes (of one core)"]
    rows = []
    for task, published in PUBLISHED.items():
        same = [run for run in runs if run["task"] == task]
        if not same:
            continue
        rows += [
            [task, *line, "1" if "perfect" in line[0] else "-", "-", "-"] for line in published
        ]
        for run in same:
            cells = [form.format(run[key]) if key in run else "-" for key, form in FIGURES.items()]
            minutes = f"{run['minutes']:.1f} ({run['processor_minutes']:.1f})"
            rows.append([task, f"seed {run['seed']}", *cells, run["steps"], minutes])
        means = [
            records.mean([run[key] for run in same if key in run], form)
            for key, form in FIGURES.items()
        ]
        rows.append([task, f"**mean of {len(same)} (deviation)**", *means, "", ""])
    return records.table(columns, rows)


if __name__ == "__main__":
    main()
