"""The signals of six recorded runs of the zoo: a picture, and a table of their last epochs.

`python -m benchmarks.claims.going_well` draws `docs/images/going_well.png` and writes the table of
`docs/going_well.md`. Needs the records of the zoo and matplotlib alone.
"""

import argparse

from benchmarks import drawing, records

PAGE = records.ROOT / "docs" / "going_well.md"
# A run's kind, and what is special about it.
RUNS = {
    "relativistic_r1_r2": "healthy: relativistic paired loss, R1 and R2",
    "generator_heavy": "sick: eight generator updates for one of the discriminator",
    "stale_discriminator": "sick: the discriminator stops learning",
    "discriminator_rate_high": "sick: the discriminator's learning rate a hundred times too high",
    "weak_discriminator": "sick: a discriminator of one linear unit",
    "tiny_data": "sick: a few dozen training images",
}
SIGNALS = {
    "quality": "distance to held-out data",
    "coverage": "coverage",
    "real_above_fake": "discriminator_auc",
    "train_above_held_out": "train_vs_held_out_auc",
}


def signals(kind):
    """The signals of all epochs of a run on digits."""
    return records.summary("zoo")[f"digits_{kind}_seed0"]["signals"]


def draw(runs, figure):
    """One panel a signal, one line a run."""
    panels = figure.subplots(2, 2, sharex=True).flat
    for axes, (name, title) in zip(panels, SIGNALS.items(), strict=True):
        for number, (kind, history) in enumerate(runs.items()):
            values = [record.get(name) for record in history]
            epochs = [record["epoch"] for record in history]
            style = {"linewidth": 3.0} if number == 0 else {"linewidth": 1.2}
            label = "healthy" if number == 0 else kind.replace("_", " ")
            axes.plot(epochs, values, f"C{number}", label=label, **style)
        axes.set(title=title, xlabel="epoch" if name.startswith(("real", "train")) else None)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)


def table(runs):
    """The last epoch of every run, in Markdown."""
    columns = {
        "run": "{run}",
        "distance": "{quality:.2f}",
        "coverage": "{coverage:.2f}",
        "spread": "{spread:.2f}",
        "discriminator_auc": "{real_above_fake:.2f}",
        "train_vs_held_out_auc": "{train_above_held_out:.2f}",
        "d_loss, g_loss": "{d_loss:.2f}, {g_loss:.2f}",
    }
    last = [{**history[-1], "run": RUNS[kind]} for kind, history in runs.items()]
    return records.listing(last, columns)


def main():
    """Draw the picture and write the table."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    runs = {kind: signals(kind) for kind in RUNS}
    drawing.picture(PAGE.parent / "images" / "going_well.png", draw, runs, size=(9.0, 6.2))
    PAGE.write_text(records.put(PAGE.read_text(), "runs", table(runs)))


if __name__ == "__main__":
    main()
