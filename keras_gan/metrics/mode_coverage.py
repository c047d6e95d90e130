"""Coverage of the modes of a known mixture."""

import math

import keras
import numpy as np
import tensorflow as tf

from keras_gan import _checks
from keras_gan.metrics.features import numbers
from keras_gan.metrics.quality_metric import QualityMetric

# === Pure functions ===

# A high-quality sample is within this many standard deviations of its nearest mode.
RADIUS = 3.0


def mode_coverage(samples, modes, std):
    """Coverage of a mixture by samples: a `dict`, see `ModeCoverage`.

    Args:
        samples: array `(n, dimension)`.
        modes: array `(num_modes, dimension)`.
        std: standard deviation of each mode.

    Raises:
        ValueError: if a number is not finite.
    """
    samples, modes = numbers(samples, "samples"), numbers(modes, "modes")
    totals = [np.asarray(t) for t in _tally(tf.convert_to_tensor(samples), modes, std)]
    return _figures(*totals, dimension=np.shape(modes)[1], std=std)


def truncated_std(dimension):
    """Root mean square of a coordinate of a standard normal vector cut at a radius of 3.

    `sqrt(F_(d+2)(9) / F_d(9))`, where `F_k` is the distribution function of chi-squared with `k`
    degrees of freedom; to three digits, as in published protocols: 0.974 in two dimensions.
    """
    inside = [float(tf.math.igamma(k / 2.0, RADIUS**2 / 2.0)) for k in (dimension + 2, dimension)]
    return round(math.sqrt(inside[0] / inside[1]), 3)


def _tally(samples, modes, std):
    # Squares of differences, not the expanded form: at std 0.01 that would lose half the digits.
    samples, modes = tf.cast(samples, "float64"), np.asarray(modes, "float64")
    squares = tf.reduce_sum(tf.square(samples[:, None] - modes), axis=-1)
    nearest = tf.one_hot(tf.argmin(squares, axis=-1), len(modes), dtype="float64")
    smallest = tf.reduce_min(squares, axis=-1)
    good = smallest <= (RADIUS * std) ** 2
    all_counts = tf.reduce_sum(nearest, axis=0)
    good_counts = tf.reduce_sum(tf.where(good[:, None], nearest, 0.0), axis=0)
    return all_counts, good_counts, tf.reduce_sum(tf.where(good, smallest, 0.0))


def _figures(all_counts, good_counts, good_squares, *, dimension, std):
    total, good = all_counts.sum(), good_counts.sum()
    if not total:
        return dict.fromkeys(ModeCoverage.result_keys, float("nan"))
    shares = all_counts[all_counts > 0] / total
    deviation = np.sqrt(good_squares / (good * dimension)) if good else float("nan")
    return {
        "modes": float(np.count_nonzero(good_counts)),
        "high_quality": float(good / total),
        "reverse_kl": float(np.sum(shares * np.log(shares * len(all_counts)))),
        "relative_std": float(deviation / (truncated_std(dimension) * std)),
    }


# === Metric ===


@keras.saving.register_keras_serializable("keras_gan")
class ModeCoverage(QualityMetric):
    """Coverage of a mixture of equal round Gaussians whose centres are known.

    A sample is of *high quality* within 3 standard deviations of its nearest mode.

    - `modes`: modes that are nearest to at least one sample of high quality.
    - `high_quality`: fraction of samples of high quality, in [0, 1]. In two dimensions a perfect
      sampler has 0.9889; a higher value means a lack of spread, see `relative_std`.
    - `reverse_kl`: `sum_k p_k log(p_k K)`, where `p_k` is the fraction of *all* samples whose
      nearest mode is `k` of `K`; 0 if all are equal. (PacGAN's code omits samples of low quality.)
    - `relative_std`: root mean square of a coordinate's deviation from the mode's centre over
      samples of high quality, divided by 0.974 `std`, the value of a perfect sampler in two
      dimensions when cut at 3 standard deviations (other dimensions: `truncated_std`). A value
      below 1 means a lack of spread, and NaN that no sample is of high quality.

    A perfect sampler has, of 2,500 samples, 8 / 0.989 / 0.0014 / 1.00 on a ring of 8 modes and
    25 / 0.989 / 0.0049 / 1.00 on a grid of 25. Callbacks monitor `modes`, which no longer improves
    once all are found: to stop by quality, list `SlicedWasserstein` before this metric.

    Args:
        modes: array `(num_modes, dimension)` of distinct centres.
        std: standard deviation of each coordinate within a mode, above 0.
        name: the log key's stem, after `val_`. Default `"mode_coverage"`.

    Raises:
        ValueError: if modes coincide, or an argument has the wrong form.

    Example:

    ```python
    angles = 2 * np.pi * np.arange(8) / 8
    metric = keras_gan.metrics.ModeCoverage(np.c_[np.cos(angles), np.sin(angles)], 0.01)
    ```

    Sources: Srivastava et al., "VEEGAN", NeurIPS 2017 (arXiv:1705.07761); Lin et al., "PacGAN",
    NeurIPS 2018 (arXiv:1712.04086).
    """

    needs_real = False
    result_keys = ("modes", "high_quality", "reverse_kl", "relative_std")
    primary_key = "modes"

    def __init__(self, modes, std, *, name="mode_coverage"):
        super().__init__(name=name)
        self.modes = np.asarray(modes, "float64").tolist()
        self.std = _checks.number(std, "std", above=0.0)
        modes = np.asarray(self.modes)
        _checks.check(
            modes.ndim == 2 and modes.size > 0 and np.isfinite(modes).all(),
            "`modes` must be a finite array of shape `(num_modes, dimension)`.",
            modes_shape=modes.shape,
        )
        gaps = np.sqrt(np.square(modes[:, None] - modes).sum(-1))
        np.fill_diagonal(gaps, np.inf)
        _checks.check(
            gaps.min() > self.std,
            "Modes must lie further apart than `std`.",
            cure="If they come from `linspace` over a circle, its two ends are the same point: "
            "pass `endpoint=False`.",
            smallest_gap=float(gaps.min()),
            std=self.std,
        )

    def build(self, sample_shape):
        """Make the sums; `sample_shape` has no batch axis."""
        _checks.check(
            tuple(sample_shape) == (len(self.modes[0]),),
            "Samples must be vectors as long as the modes.",
            sample_shape=tuple(sample_shape),
            mode_shape=(len(self.modes[0]),),
        )
        # Sums of many small squares, and counts beyond 2^24, want float64.
        count = (len(self.modes),)
        self._sums = [
            self.add_variable(shape, "zeros", dtype="float64", name=name)
            for name, shape in {
                "all_counts": count,
                "good_counts": count,
                "good_squares": (),
            }.items()
        ]
        self.built = True

    def update_state(self, real, fake):
        """Add a batch.

        Args:
            real: ignored; the modes are known.
            fake: samples, `(batch, dimension)`.
        """
        _, fake = self._floats(fake, fake)
        if not self.built:
            self.build(fake.shape[1:])
        for variable, value in zip(self._sums, _tally(fake, self.modes, self.std), strict=True):
            variable.assign(tf.convert_to_tensor(variable) + value)

    def _counts(self):
        count = int(tf.reduce_sum(tf.convert_to_tensor(self._sums[0]))) if self.built else 0
        return count, count

    def _sides(self):
        return (), tuple(tf.convert_to_tensor(total).numpy() for total in self._sums)

    def _compare(self, real, fake):
        return _figures(*fake, dimension=len(self.modes[0]), std=self.std)
