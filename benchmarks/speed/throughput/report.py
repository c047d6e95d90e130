"""One Markdown table of all workloads: rates, ratios with their spread, and what is aimed at."""

import statistics

from benchmarks import records

WORKLOADS = ("W1", "W2", "W3", "W4")

# Ratios of rates: over, under, and what is aimed at in W1 to W4.
RATES = (
    ("ours float32", "P1 float32", (1.25, 1.4, 1.05, 1.5)),
    ("ours bfloat16", "P1 float32", ()),
    ("ours bfloat16", "P1 bfloat16", (1.4, 1.3, 1.1)),
    ("ours float32", "P2 float32", ()),
    ("ours float32", "P3 float32", ()),
    ("ours bfloat16", "P3 bfloat16", ()),
    ("ours float32", "P4 float32", ()),
    ("ours bfloat16", "P4 bfloat16", ()),
    ("ours float32", "P5 float32", ()),
)
# The same of the quicker precision of each: what the best choice of it gives.
BETTER = (("ours", "P1", ()), ("ours", "P3", (1.05, 1.5, 1.0, 1.5)))
PRECISIONS = ("float32", "bfloat16")
# Ratios of other figures, where less is better.
MEMORY = (1.0, 1.05, 0.8, 1.2)
OTHERS = (
    ("peak memory", "megabytes_at_peak", "float32", MEMORY),
    ("peak memory", "megabytes_at_peak", "bfloat16", MEMORY),
    ("time to first step", "seconds_to_first_step", "float32", ()),
    ("time to first step", "seconds_to_first_step", "bfloat16", ()),
    ("time to first step without imports", "seconds_after_imports", "float32", ()),
)
BOUNDS = (("float32", ()), ("bfloat16", (1.35, 1.3, 1.5)))


def report(runs):
    """The table; a dash stands where nothing was run."""
    names = list(dict.fromkeys(name for run in runs for name in run["contenders"]))
    rows = [
        (f"{name}, images/s", *(rate(run, name) for run in runs))
        for name in [*names, *dict.fromkeys(name for run in runs for name in run["not_run"])]
    ]
    for over, under, targets in RATES:
        cells = [ratio(run, over, under, target(run, targets)) for run in runs]
        rows.append((f"**{over} / {under}**", *cells))
    for over, under, targets in BETTER:
        cells = [better(run, over, under, target(run, targets)) for run in runs]
        rows.append((f"**better of {over} / better of {under}**", *cells))
    for precision, targets in BOUNDS:
        cells = [over_bound(run, precision, target(run, targets)) for run in runs]
        rows.append((f"step of ours / its kernels, {precision}", *cells))
        cells = [outside(run, precision) for run in runs]
        rows.append((f"share of it outside the kernels, {precision}", *cells))
    for title, key, precision, targets in OTHERS:
        cells = [other(run, key, precision, target(run, targets)) for run in runs]
        rows.append((f"{title}, ours / P1, {precision}", *cells))
    rows = [row for row in rows if set(row[1:]) != {"-"}]
    return records.table(("", *(f"{run['workload']}: {run['title']}" for run in runs)), rows)


def target(run, targets):
    """What is aimed at in a run, or `None`."""
    named = dict(zip(WORKLOADS, targets, strict=False))
    return named.get(run["workload"])


def rate(run, name):
    if name in run["contenders"]:
        value = run["contenders"][name]["median_images_per_second"]
        return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
    return f"not run: {run['not_run'][name]}" if name in run["not_run"] else "-"


def ratio(run, over, under, aim):
    """The ratio of the medians, with the quartiles of the rounds' ratios."""
    rates = [run["contenders"].get(name, {}).get("images_per_second") for name in (over, under)]
    if not all(rates):
        return "-"
    middle, low, high = of_medians(*rates)
    return f"{middle:.2f} [{low:.2f}, {high:.2f}]" + beside(">=", aim)


def better(run, over, under, aim):
    """The ratio of two kinds, each in the precision that is quicker for it."""
    names = [quickest(run, kind) for kind in (over, under)]
    if None in names:
        return "-"
    precisions = " / ".join(name.split()[-1] for name in names)
    return f"{ratio(run, *names, None)}, {precisions}" + beside(">=", aim)


def quickest(run, kind):
    """The name of a kind's contender with the higher rate, or `None` unless all have run."""
    names = [f"{kind} {precision}" for precision in PRECISIONS]
    if not set(names) <= set(run["contenders"]):
        return None
    return max(names, key=lambda name: run["contenders"][name]["median_images_per_second"])


def of_waiting(runs):
    """The table of what it changes to stop those that wait, of records with both ways.

    The difference is that of the ratios of medians; in brackets the quartiles of the rounds' own.
    """
    rows = []
    for run in runs:
        for over, under, _ in RATES:
            pair = [run["contenders"].get(name) for name in (over, under)]
            if None in pair:
                continue
            stopped, idle = (
                [fact[key] for fact in pair]
                for key in ("images_per_second", "images_per_second_idle")
            )
            middle, low, high = changed(stopped, idle)
            rows.append(
                (
                    run["workload"],
                    f"{over} / {under}",
                    f"{of_medians(*stopped)[0]:.3f}",
                    f"{of_medians(*idle)[0]:.3f}",
                    f"{middle - 1:+.1%} [{low - 1:+.1%}, {high - 1:+.1%}]",
                )
            )
    return records.table(("workload", "ratio", "stopped", "idle", "stopped over idle"), rows)


def changed(stopped, idle):
    """The ratio of two ratios of medians, and the quartiles of the rounds' own."""
    middle = of_medians(*stopped)[0] / of_medians(*idle)[0]
    rounds = [a / b / (c / d) for a, b, c, d in zip(*stopped, *idle, strict=True)]
    low, _, high = statistics.quantiles(rounds, n=4, method="inclusive")
    return middle, low, high


def of_medians(over, under):
    """The ratio of two medians, and the quartiles of the rounds' ratios."""
    paired = [a / b for a, b in zip(over, under, strict=True)]
    low, _, high = statistics.quantiles(paired, n=4, method="inclusive")
    return statistics.median(over) / statistics.median(under), low, high


def other(run, key, precision, aim):
    values = [run["contenders"].get(f"{kind} {precision}", {}).get(key) for kind in ("ours", "P1")]
    if None in values:
        return "-"
    return f"{values[0] / values[1]:.2f} ({values[0]:.1f} / {values[1]:.1f})" + beside("<=", aim)


def over_bound(run, precision, aim):
    part = _times(run, precision)
    return "-" if part is None else f"{part[0] / part[1]:.2f}" + beside("<=", aim)


def outside(run, precision):
    part = _times(run, precision)
    return "-" if part is None else f"{1 - part[1] / part[0]:.0%}"


def _times(run, precision):
    """Milliseconds of a step of ours, and of its kernels."""
    ours = run["contenders"].get(f"ours {precision}")
    if ours is None or precision not in run["bound"]:
        return None
    return ours["milliseconds_a_step"], run["bound"][precision]["milliseconds"]


def beside(sign, aim):
    return "" if aim is None else f", aim {sign} {aim}"
