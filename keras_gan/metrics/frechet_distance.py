"""The Fréchet distance, which compares mean and covariance of two sets of samples."""

import keras
import numpy as np

from keras_gan import _checks
from keras_gan.metrics import features as features_module
from keras_gan.metrics.moments import Moments
from keras_gan.metrics.quality_metric import FeatureMetric

_EPSILON, _TINY = np.finfo("float64").eps, np.finfo("float64").tiny
# Relative rounding error of the trace.
_TOLERANCE = 1e-7
# Two covariances of this many features take a gigabyte.
_MAX_DIMENSION = 8192

# === Pure functions ===


def frechet_distance(real, fake):
    """The Fréchet distance between two sets of feature vectors.

    See `distance_of_moments`, here of means and of covariances with `n - 1` in the denominator.
    With the features of an Inception network it is known as FID.

    Args:
        real: array `(n, dimension)` with n of at least 2; the number of samples may differ.
        fake: array `(m, dimension)`.

    Returns:
        A float of at least 0.

    Raises:
        ValueError: for arrays of another form.
    """
    means, factors, traces = [], [], []
    for samples in features_module.pair(real, fake):
        means.append(samples.mean(axis=0))
        centred = samples - means[-1]
        if len(centred) < centred.shape[1]:  # fewer samples than dimensions are a factor
            factors.append(centred.T / np.sqrt(len(centred) - 1))
            traces.append(np.square(factors[-1]).sum())
        else:
            covariance = centred.T @ centred / (len(centred) - 1)
            factors.append(_factor(covariance))
            traces.append(np.trace(covariance))
    return _distance(means, traces, _nuclear_norm(*factors))


def distance_of_moments(real_mean, real_covariance, fake_mean, fake_covariance):
    """The Fréchet distance between two Gaussians, from their moments.

    `|m1 - m2|^2 + tr(S1) + tr(S2) - 2 tr((S1 S2)^(1/2))`, the square of the Wasserstein-2
    distance. With `S1 = A A'` and `S2 = B B'` the last trace is the sum of the singular values of
    `A' B`: eigenvalues of one symmetric matrix, or singular values where rounding would spoil
    these; no root of a matrix is taken.

    Args:
        real_mean: array `(dimension,)`.
        real_covariance: array `(dimension, dimension)`, symmetric, without negative eigenvalues;
            it may be singular.
        fake_mean: like `real_mean`.
        fake_covariance: like `real_covariance`.

    Returns:
        A float of at least 0.

    Raises:
        ValueError: if a number is not finite.

    Source: Dowson and Landau, "The Fréchet distance between multivariate normal distributions",
    1982.
    """
    numbers = features_module.numbers
    means = numbers(real_mean, "real_mean"), numbers(fake_mean, "fake_mean")
    real_covariance = numbers(real_covariance, "real_covariance")
    covariances = real_covariance, numbers(fake_covariance, "fake_covariance")
    # Constant features of one side do not contribute, and would make Cholesky fail.
    varies = np.logical_and(*(c.diagonal() > _EPSILON * c.diagonal().max() for c in covariances))
    within = slice(None) if varies.all() else np.ix_(varies, varies)
    factors = [_factor(covariance[within]) for covariance in covariances]
    traces = [np.trace(covariance) for covariance in covariances]
    return _distance(means, traces, _nuclear_norm(*factors))


def error_of_moments(
    real_mean, real_covariance, fake_mean, fake_covariance, real_count, fake_count
):
    """Standard error of `distance_of_moments` over the drawing of both samples, to first order.

    A sample `x` of the fakes moves the distance by `2 d.y + y'(I - T) y`, with `d` the difference
    of the means, `y = x - m2` and `T` the linear map that transports `S2` to `S1`. Over normal `x`
    this has the variance `4 d'S2 d + 2 (tr(S2 S2) + tr(S1 S2) - 2 tr((S1 S2)^(1/2) S2))`, which is
    divided by the number of fakes; reals likewise. The error is that of features which are normal,
    and tells nothing of the bias of small samples, which `FrechetDistance.floor` shows.

    Args:
        real_mean: array `(dimension,)`.
        real_covariance: array `(dimension, dimension)`.
        fake_mean: like `real_mean`.
        fake_covariance: like `real_covariance`.
        real_count: number of reals.
        fake_count: number of fakes.

    Returns:
        A float of at least 0.

    Source: the delta method, with the derivative of the distance after Rippl, Munk and Sturm,
    "Limit laws of the empirical Wasserstein distance: Gaussian distributions", Journal of
    Multivariate Analysis 151, 2016 (arXiv:1507.04090).
    """
    numbers = features_module.numbers
    real, fake = numbers(real_covariance, "real_covariance"), numbers(fake_covariance, "fake")
    shift = numbers(real_mean, "real_mean") - numbers(fake_mean, "fake_mean")
    first, second = _factor(real), _factor(fake)
    product = first.T @ second
    squares, vectors = np.linalg.eigh(product.T @ product)
    kept = squares > len(squares) * _EPSILON * squares[-1:].sum()
    roots, vectors = np.sqrt(squares[kept]), vectors[:, kept]
    # `(S1 S2)^(1/2) = A U V' B'` with `A'B = U diag(roots) V'`, and `U = A'B V / roots`.
    with_fake = (roots * np.square(second @ vectors).sum(axis=0)).sum()
    with_real = (np.square(first @ (product @ vectors)).sum(axis=0) / roots).sum()
    common = np.square(product).sum()
    variance = 0.0
    for covariance, crossed, count in (
        (real, with_real, real_count),
        (fake, with_fake, fake_count),
    ):
        spread = np.square(covariance).sum() + common - 2.0 * crossed
        variance += (4.0 * shift @ covariance @ shift + 2.0 * max(spread, 0.0)) / count
    return float(np.sqrt(variance))


def _factor(covariance):
    """`A` with `A A'` the covariance, with as many columns as it has rank."""
    if len(covariance) == 0:
        return covariance
    try:
        factor = np.linalg.cholesky(covariance)
        smallest, largest = (limit(factor.diagonal()) ** 2 for limit in (np.min, np.max))
        if smallest > len(factor) * _EPSILON * largest:
            return factor
    except np.linalg.LinAlgError:
        pass
    # For (nearly) singular matrices drop eigenvalues at rounding level. Cholesky is much faster.
    values, vectors = np.linalg.eigh(covariance)
    kept = values > len(values) * _EPSILON * values[-1]
    return vectors[:, kept] * np.sqrt(values[kept])


def _nuclear_norm(first, second):
    """`tr((A A' B B')^(1/2))`, the sum of the singular values of `A' B`."""
    product = first.T @ second
    if not product.size:
        return 0.0
    if len(product) > product.shape[1]:
        product = product.T
    squares = np.linalg.eigvalsh(product @ product.T)
    roots = np.sqrt(np.maximum(squares, 0.0))
    # Rounding moves an eigenvalue by some `noise`, and so the root of a small one by far more.
    noise = 8.0 * _EPSILON * squares[-1]
    lost = np.minimum(noise / np.maximum(roots, _TINY), np.sqrt(noise)).sum()
    if lost > _TOLERANCE * np.sqrt((first**2).sum() * (second**2).sum()):
        roots = np.linalg.svd(product, compute_uv=False)  # exact, and several times slower
    return float(roots.sum())


def _distance(means, traces, root):
    shift = means[0] - means[1]
    return max(float(shift @ shift + sum(traces) - 2.0 * root), 0.0)


# === Metric ===


@keras.saving.register_keras_serializable("keras_gan")
class FrechetDistance(FeatureMetric):
    """The Fréchet distance between the features of reals and fakes, see `distance_of_moments`.

    Lower is better. Count, mean and covariance are accumulated in float64, without keeping samples.
    With fewer samples than features it warns once.

    Two values are comparable if they are of the same features (and `seed`, without `features`), of
    the same reals at the same size, and of as many samples: the fewer there are, the larger it is,
    see `floor`. A difference is meaningful if it is well above `standard_error`. A built metric
    refuses samples of another shape; `description` and `print` tell the rest.

    Args:
        features: Keras model or callable from `(batch, *sample_shape)` to `(batch, ...)`;
            the name of a network of `keras.applications`, such as "mobilenet_v3_small" or
            "inception" (InceptionV3), a download, whose values compare only among those of that
            network and not with published ones; `None` takes samples of up to 1,024 values as
            they are, larger images by `metrics.gradient_histograms.GradientHistograms`, and other
            samples through a fixed random embedding. Default `None`.
        seed: integer seed of the random embedding. Default 0.
        name: the log key, after `val_`. Default `"frechet_distance"`.

    Raises:
        ValueError: if `features` is not callable; in `build`, for more than 8,192 features.

    Example:

    ```python
    metric = keras_gan.metrics.FrechetDistance(features=classifier)
    metric.set_reference(images)  # the real side, once for all epochs
    gan.compile(metrics=[metric])
    ```

    Source: Heusel et al., "GANs trained by a two time-scale update rule", NeurIPS 2017
    (arXiv:1706.08500).
    """

    needed = 2

    def __init__(self, *, features=None, seed=0, name="frechet_distance"):
        super().__init__(features=features, seed=seed, name=name)

    def _make_side(self, name):
        _checks.check(
            self._dimension <= _MAX_DIMENSION,
            f"A covariance of more than {_MAX_DIMENSION} features is too large to be kept.",
            cure="Pass `features`, a model that maps to fewer numbers, or pool its output.",
            dimension=self._dimension,
        )
        return Moments(self, name, dimension=self._dimension)

    def _compare(self, real, fake):
        return distance_of_moments(*real, *fake)

    def standard_error(self):
        """The standard error of `result`, see `error_of_moments`; NaN before any sample."""
        counts = self._counts()
        if min(counts) < self.needed:
            return float("nan")
        real, fake = self._sides()
        finite = all(np.isfinite(part).all() for part in (*real, *fake))
        return error_of_moments(*real, *fake, *counts) if finite else float("nan")

    def _shortage(self, real_count, fake_count):
        if min(real_count, fake_count) > self._dimension:
            return None
        return (
            f"{real_count} reals and {fake_count} fakes are too few for {self._dimension} "
            "features: a covariance needs more samples than dimensions, and the distance is far "
            "above that of many samples. Evaluate on more, pass `features` of fewer dimensions, or "
            "use `KernelDistance`."
        )
