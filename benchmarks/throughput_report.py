"""One Markdown table of all workloads: rates, ratios with their spread, and what is aimed at."""

import statistics

import records

WORKLOADS = ("W1", "W2", "W3", "W4")

# Ratios of rates: over, under, and what is aimed at in W1 to W4.
RATES = (
    ("ours float32", "P1 float32", (1.25, 1.3, 1.15, 2.0)),
    ("ours bfloat16", "P1 float32", (2.2, 4.5, 1.7, 2.2)),
    ("ours bfloat16", "P1 bfloat16", ()),
    ("ours float32", "P2 float32", ()),
    ("ours float32", "P3 float32", (1.3, 1.5, 1.3, 2.1)),
    ("ours bfloat16", "P3 bfloat16", (1.3, 1.6, 1.5)),
    ("ours float32", "P4 float32", (1.3, 1.3, 1.3, 2.3)),
    ("ours bfloat16", "P4 bfloat16", (1.3, 1.3, 1.3, 2.3)),
    ("ours float32", "P5 float32", (1.2, None, None, 1.5)),
)
# Ratios of other figures, where less is better.
OTHERS = (
    ("peak memory", "megabytes_at_peak", "float32", (1.05, 1.05, 0.9, 1.1)),
    ("peak memory", "megabytes_at_peak", "bfloat16", (1.05, 1.05, 0.9, 1.1)),
    ("time to first step", "seconds_to_first_step", "float32", (0.6, 0.7, 0.4, 0.7)),
    ("time to first step", "seconds_to_first_step", "bfloat16", (0.6, 0.7, 0.4, 0.7)),
    ("time to first step without imports", "seconds_after_imports", "float32", ()),
)
BOUNDS = (("float32", ()), ("bfloat16", (1.25, 1.1)))


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
