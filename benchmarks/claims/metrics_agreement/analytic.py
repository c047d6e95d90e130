"""Cases of the metrics whose figures are known without another library."""

import numpy as np

TOLERANCE = 1e-6


def features(random, count, dimension, *, rank=None):
    """Features like those of a network: correlated, never negative, of falling variances."""
    rank = rank or dimension
    mixing = random.standard_normal((rank, dimension)) / np.sqrt(rank)
    noise = random.standard_normal((count, rank)) / np.sqrt(1.0 + np.arange(rank) / 10.0)
    return np.maximum(noise @ mixing * 2.0 + 0.3, 0.0)


def analytic():
    """Cases whose figures are known."""
    from keras_gan.metrics import (
        density_coverage,
        frechet_distance,
        inception_score,
        kernel_distance,
        precision_recall,
    )

    random, rows = np.random.default_rng(0), []

    def add(case, ours, known, scale=0.0):
        agrees = abs(ours - known) <= TOLERANCE * max(abs(known), scale)
        rows.append({"case": case, "ours": ours, "known": known, "agrees": bool(agrees)})

    dimension = 64
    means = random.standard_normal((2, dimension))
    shift = float(np.square(means[0] - means[1]).sum())
    variances = random.uniform(0.1, 2.0, (2, dimension))
    add(
        "Fréchet: Gaussians with the same axes",
        frechet_distance.distance_of_moments(
            means[0], np.diag(variances[0]), means[1], np.diag(variances[1])
        ),
        shift + float(np.square(np.sqrt(variances[0]) - np.sqrt(variances[1])).sum()),
    )
    # The best transport between N(0, S) and N(0, T S T), for symmetric positive T, is T itself.
    root = random.standard_normal((dimension, dimension))
    covariance = root @ root.T / dimension
    root = random.standard_normal((dimension, dimension))
    transport = root @ root.T / dimension + 0.1 * np.eye(dimension)
    moved = np.eye(dimension) - transport
    add(
        "Fréchet: Gaussians with other axes",
        frechet_distance.distance_of_moments(
            means[0], covariance, means[1], transport @ covariance @ transport
        ),
        shift + float(np.trace(moved @ covariance @ moved)),
    )
    real = features(random, 1_000, dimension)
    trace = float(2 * np.var(real, axis=0, ddof=1).sum())
    add("Fréchet: identical sets", frechet_distance.frechet_distance(real, real), 0.0, trace)
    few = real[:20]
    add("Fréchet: identical, 20 x 64", frechet_distance.frechet_distance(few, few), 0.0, trace)
    add(
        "Fréchet: shifted by 100",
        frechet_distance.frechet_distance(real, real + 100.0),
        dimension * 100.0**2,
    )
    # x = (1, 1, ...), y = -x: kernels 8 within each set, 0 between them.
    ones = np.ones((50, dimension))
    add("kernel: two points", kernel_distance.kernel_distance(ones, -ones)[0], 16.0)
    # Identical sets: only the diagonal between them counts, 2 (mean off it - mean with it).
    kernel = (real @ real.T / dimension + 1.0) ** 3
    off = (kernel.sum() - np.trace(kernel)) / (1_000 * 999)
    known = float(2.0 * (off - kernel.mean()))
    found, _ = kernel_distance.kernel_distance(real, real, subset_size=1_000)
    add("kernel: identical sets", found, known, float(np.trace(kernel)) / 1_000)
    everything = np.eye(10)[np.arange(1_000) % 10]
    add("inception: sure, ten classes", inception_score.inception_score(everything)[0], 10.0)
    add("inception: not sure", inception_score.inception_score(np.full((100, 10), 0.1))[0], 1.0)
    identical = precision_recall.precision_recall(real, real, k=3)
    apart = precision_recall.precision_recall(real, real + 100.0, k=3)
    for key in ("precision", "recall"):
        add(f"{key}: identical sets", identical[key], 1.0)
        add(f"{key}: disjoint sets", apart[key], 0.0)
    identical = density_coverage.density_coverage(real, real, k=5)
    apart = density_coverage.density_coverage(real, real + 100.0, k=5)
    # In each ball are its own centre and the four nearest to it; the fifth is on the surface.
    add("density: identical sets", identical["density"], 1.0)
    add("coverage: identical sets", identical["coverage"], 1.0)
    for key in ("density", "coverage"):
        add(f"{key}: disjoint sets", apart[key], 0.0)
    return {"tolerance": TOLERANCE, "rows": rows}
