"""Rows that are far from all others: a wrong unit, a code for what is missing, a damaged record.

Of `n` distances from a median, those of 0 left out, let 99 % be at most `R` and 90 % at most `r`.
A distance is far if it is above

    R max(10, (R / r)^(2 + log10 n)).

If the tail goes on as it does between `r` and `R`, as that of Student's t, one in ten thousand sets
of `n` has such a distance. Lighter tails, as of normal and log-normal distributions, have none.
Zeros are left out since most values of a sparse column are equal.
"""

import math

import numpy as np

from keras_gan import _warnings
from keras_gan.feeding import cures

# With fewer rows nothing is called far.
FEWEST = 100
# How many times as far as 99 % of the others.
_TIMES = 10.0
# Rows and values that are looked at to choose the columns that are looked at completely.
_ROWS, _VALUES, _COLUMNS, _CHOSEN = 2000, 100_000, 1024, 4
# A column is looked at completely from this share of its limit on, as estimated from some rows.
_UNSURE = 0.25
# At least how many distances, and one of how many, are beyond `R` and beyond `r`.
_OUTER = (1, 100), (2, 10)


def far_points(points):
    """Which rows of an array `(n, dimension)` are far from all others: a boolean array `(n,)`.

    Distances are Euclidean ones from the median of each column.
    """
    points = np.asarray(points, "float64")
    distances = np.linalg.norm(points - np.median(points, axis=0), axis=1)
    return distances > _limit(distances, len(points))


def warn(samples, name, form, dtype):
    """Warn of rows with a value that is far from all others of its column.

    Of samples with more than 1,024 values, so many are looked at. Columns are chosen by their
    extremes and 2,000 rows at most, and the four most suspicious are looked at completely.

    Args:
        samples: float32 array `(n, ...)` of finite values.
        name: what they are called.
        form: `cures.Form` of them.
        dtype: their NumPy type as they were given.

    Returns:
        Whether there are some.
    """
    flat = samples.reshape(len(samples), -1)
    found = _columns(flat) if len(flat) >= FEWEST and flat.shape[1] else []
    if not found:
        return False
    rows = np.zeros(len(flat), bool)
    code = []
    for column, far in found:
        # Rows that are told already, and more of them than a few.
        if code and (rows[far].all() or np.count_nonzero(rows | far) > len(flat) // 100):
            continue
        rows |= far
        code.append((_place(column, samples), *_near(flat[:, column], far)))
    (column, far), first = found[0], np.flatnonzero(found[0][1])
    values = flat[:, column]
    first = first[np.argmax(np.abs(values[first] - np.median(values)))]
    place = _place(column, samples)
    where = f" in column {place}" if place else ""
    count = int(np.count_nonzero(rows))
    looked = f" of the {len(flat)} that were looked at" if form.is_dataset else ""
    _warnings.warn(
        f"`{name}` have {count} row{'s' if count > 1 else ''}{looked} far from all others: row "
        f"{first} is {values[first]:.3g}{where}, where the others are from "
        f"{values[~far].min():.3g} to {values[~far].max():.3g}. No scale suits both. Leave "
        f"such rows out if they are mistakes: {cures.near(form, code, dtype, len(flat))}, and the "
        "same rows of labels and other entries."
    )
    return True


def _limit(distances, count):
    """The distance above which one of `count` is far; infinite if few are known."""
    moved = distances[distances > 0.0]
    if len(moved) < FEWEST:
        return math.inf
    places = [len(moved) - 1 - max(least, len(moved) // part) for least, part in _OUTER]
    usual, inner = np.partition(moved, places)[places].astype("float64")
    return float(usual * _times(usual, inner, count))


def _times(usual, inner, count):
    # The bound keeps powers of extreme quotients finite.
    return np.maximum(_TIMES, np.minimum(usual / inner, 1e30) ** (2.0 + math.log10(count)))


def _columns(flat):
    """Columns with far values and where these are, the worst first: a list of pairs."""
    found = []
    for column in _suspicious(flat):
        values = flat[:, column].astype("float64")
        distances = np.abs(values - np.median(values))
        limit = _limit(distances, flat.size)
        if (far := distances > limit).any():
            found.append((distances.max() / limit, int(column), far))
    return [pair for _, *pair in sorted(found, key=lambda one: -one[0])]


def _suspicious(flat):
    """The columns whose extremes are the most times as far as some rows make one expect."""
    columns = np.arange(0, flat.shape[1], -(-flat.shape[1] // _COLUMNS))
    low, high = (_extremes(flat, which)[columns].astype("float64") for which in (np.min, np.max))
    rows = min(max(_VALUES // len(columns), 200), _ROWS)
    some = flat[:: -(-len(flat) // rows), columns].T.astype("float64")
    middle = np.median(some, axis=1)
    distances = np.sort(np.abs(some - middle[:, None]), axis=1)
    moved = np.count_nonzero(distances, axis=1)
    usual, inner = (
        distances[np.arange(len(columns)), -1 - np.clip(moved // part, least, moved.max(initial=0))]
        for least, part in _OUTER
    )
    away = np.maximum(high - middle, middle - low)
    known = inner > 0.0
    limits = usual * _times(usual, np.where(known, inner, 1.0), flat.size)
    # Of a column whose values were all but equal nothing is known.
    times = np.where(known, away / np.where(known, limits, 1.0), _UNSURE * 2.0 * (away > 0.0))
    worst = np.argsort(-times, kind="stable")[:_CHOSEN]
    return columns[worst[times[worst] > _UNSURE]]


def _extremes(flat, which):
    """The smallest or the largest value of each column."""
    # NumPy is slow along rows of a few values, so several of them count as one.
    together = max(1, 1024 // flat.shape[1])
    whole = len(flat) // together * together
    parts = [flat[whole:]] if whole < len(flat) else []
    if whole:
        found = which(flat[:whole].reshape(-1, together * flat.shape[1]), axis=0)
        parts.append(found.reshape(together, -1))
    return which(np.concatenate(parts), axis=0)


def _place(column, samples):
    """The index of a column in a sample, as text; "" if there is one column."""
    if samples[0].size == 1:
        return ""
    return ", ".join(map(str, np.unravel_index(column, samples.shape[1:])))


def _near(values, far):
    """`(centre, bound)`, as text: others are nearer to the centre than the bound, far ones not."""
    values = values.astype("float64")
    middle = np.median(values)
    for centre in ("0", f"{middle:.9g}", f"{middle:.17g}"):
        distances = np.abs(values - float(centre))
        inside, outside = distances[~far].max(), distances[far].min()
        if inside < outside:
            break
    between = math.sqrt(inside * outside)
    bounds = (f"{float(f'{between:.{digits}g}'):.{max(digits, 6)}g}" for digits in range(2, 17))
    found = (bound for bound in bounds if inside < float(bound) < outside)
    return centre, next(found, f"{outside:.17g}")
