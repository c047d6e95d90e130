"""The inception score: how sure a classifier is of each sample, and how varied it finds them."""

import numpy as np

from keras_gan import _checks

# Rows of probabilities may miss one by this much; half precision does.
TOLERANCE = 5e-3

# === Pure functions ===


def inception_score(probabilities, *, splits=10):
    """The inception score, its mean and standard deviation over parts of the samples.

    `exp(mean_i KL(p_i || mean_j p_j))` in each of `splits` consecutive parts: 1 if all samples
    look alike or no class is told, the number of classes at best. Shuffle sorted samples first.

    Args:
        probabilities: array `(n, classes)`, rows of at least 0 that sum to one.
        splits: number of parts, at most n of which are made. Default 10.

    Returns:
        `(mean, std)`, floats; `std` with `splits` in the denominator.

    Raises:
        ValueError: for rows that are no probabilities.

    Source: Salimans et al., "Improved techniques for training GANs", NeurIPS 2016
    (arXiv:1606.03498).
    """
    probabilities = np.asarray(probabilities, "float64")
    _checks.check(
        probabilities.ndim == 2 and len(probabilities) > 0,
        "`probabilities` must be an array `(n, classes)` with at least one row.",
        shape=probabilities.shape,
    )
    check_rows(probabilities)
    splits = min(_checks.positive_int(splits, "splits"), len(probabilities))
    ends = [i * len(probabilities) // splits for i in range(splits + 1)]
    parts = [probabilities[a:b] for a, b in zip(ends, ends[1:], strict=False)]
    scores = scores_of_sums(
        np.array([len(part) for part in parts], "float64"),
        np.array([part.sum(axis=0) for part in parts]),
        np.array([_x_log_x(part).sum() for part in parts]),
    )
    return float(scores.mean()), float(scores.std())


def scores_of_sums(counts, sums, x_log_x):
    """The score of each part from sums over its samples.

    Args:
        counts: array `(parts,)`, samples in each.
        sums: array `(parts, classes)`, sums of the probabilities.
        x_log_x: array `(parts,)`, sums of `p log p` over samples and classes.

    Returns:
        Array `(parts,)`.
    """
    means = sums / counts[:, None]
    return np.exp(x_log_x / counts - _x_log_x(means).sum(axis=1))


def check_rows(probabilities):
    """Check that rows are probabilities.

    Raises:
        ValueError: for negative values and sums other than one.
    """
    sums = probabilities.sum(axis=-1)
    right = (np.abs(sums - 1.0) <= TOLERANCE) & (probabilities >= 0.0).all(axis=-1)
    _checks.check(
        bool(right.all()),
        "Probabilities must be at least 0, and those of a sample sum to one.",
        cure="If the classifier gives logits, take their softmax, or pass `logits=True`.",
        smallest=float(probabilities.min()),
        sums=(float(sums.min()), float(sums.max())),
    )


def _x_log_x(values):
    return values * np.log(np.where(values > 0.0, values, 1.0))
