"""What a run shows epoch by epoch, as numbers that mean the same for every loss.

NumPy only: how the numbers are taken from a model is the business of callbacks.
"""

import dataclasses
import math

import numpy as np

# How far from 1/2 the chance that a real scores above a fake may lie for a coin flip, beyond what
# its sampling error explains: a discriminator that is right 55 times in 100 has little to teach.
COIN_MARGIN = 0.05
# Standard errors that a sampling error is allowed: 95 % of a normal distribution.
STANDARD_ERRORS = 2.0


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Signals:
    """What one epoch showed; `None` where something was not measured.

    Attributes:
        epoch: the epoch's number, from 1.
        quality: the watched quality, as logged.
        quality_noise: standard error of `quality`; 0 where it is not known yet.
        quality_floor: what reals would reach against other reals, at the same counts.
        quality_name: log key of the quality.
        direction: `"min"` or `"max"`: which way the quality improves.
        real_above_fake: chance in [0, 1] that a real scores above a fresh fake.
        num_real: reals behind `real_above_fake`.
        num_fake: fakes behind `real_above_fake`.
        held_out: whether the reals were kept out of training.
        train_above_held_out: chance that a training real scores above a held-out real: 1/2 unless
            the discriminator knows its training data by heart.
        num_train: training reals behind `train_above_held_out`.
        real_above_noise: chance that a real scores above a sample of the untrained generator;
            measured until it has once been clear.
        num_noise: samples behind `real_above_noise`, on either side.
        fresh_real_above_fake: `real_above_fake` of a discriminator trained afresh against the
            generator as it is; measured where a rule asks for it.
        num_fresh: samples behind `fresh_real_above_fake`, on either side.
        coverage: share of reals that have a sample nearby, see `metrics.DensityCoverage`.
        density: how deep samples lie among reals, likewise; 1 for reals.
        real_coverage: the coverage that other reals reach at the same counts.
        num_covered: reals behind `coverage`.
        spread: the samples' spread over the reals', see `relative_spread`.
        js_estimate: `jensen_shannon` of the logged loss, in nats, for cross-entropy losses.
        d_loss: the discriminator's loss.
        g_loss: the generator's loss.
        d_accuracy: the discriminator's accuracy on its own batches.
        d_gradient_norm: norm of the discriminator's gradient.
        g_gradient_norm: norm of the generator's gradient.
        generator_trained: `False` in an epoch of the discriminator alone.
        discriminator_updates: updates of the discriminator in this epoch; `None` in records of
            versions that did not count them.
        generator_updates: updates of the generator in this epoch, likewise.
        discriminator_rate: the discriminator's learning rate at the end of the epoch.
        generator_rate: the generator's learning rate, likewise.
        samples_seen: reals that the model has been trained on so far, repetitions included.
        settings: how the run is set up, where the epoch is the first one or the settings have
            changed: `loss`, `penalties`, `batch_size`, `discriminator_steps`, `generator_steps`,
            `discriminator_optimizer`, `generator_optimizer`. Otherwise empty.
        first_failure: `dict` of `step`, `player` and `variable` of the first update that was not
            finite.
        broken_weight: `dict` of `player` and `variable` of a weight that is not finite.
        logs: all numbers logged for the epoch.
    """

    epoch: int
    quality: float | None = None
    quality_noise: float = 0.0
    quality_floor: float | None = None
    quality_name: str = "quality"
    direction: str = "min"
    real_above_fake: float | None = None
    num_real: int = 0
    num_fake: int = 0
    held_out: bool = True
    train_above_held_out: float | None = None
    num_train: int = 0
    real_above_noise: float | None = None
    num_noise: int = 0
    fresh_real_above_fake: float | None = None
    num_fresh: int = 0
    coverage: float | None = None
    density: float | None = None
    real_coverage: float | None = None
    num_covered: int = 0
    spread: float | None = None
    js_estimate: float | None = None
    d_loss: float | None = None
    g_loss: float | None = None
    d_accuracy: float | None = None
    d_gradient_norm: float | None = None
    g_gradient_norm: float | None = None
    generator_trained: bool = True
    discriminator_updates: int | None = None
    generator_updates: int | None = None
    discriminator_rate: float | None = None
    generator_rate: float | None = None
    samples_seen: int | None = None
    settings: dict = dataclasses.field(default_factory=dict)
    first_failure: dict | None = None
    broken_weight: dict | None = None
    logs: dict = dataclasses.field(default_factory=dict)

    def to_dict(self):
        """The fields that were measured as a `dict` of plain values, for JSON."""
        return {
            field.name: value
            for field in dataclasses.fields(self)
            if (value := getattr(self, field.name)) != field.default and value != {}
        }

    @classmethod
    def from_dict(cls, fields):
        """The signals of a `to_dict`."""
        return cls(**fields)


def columns(history):
    """A list of `Signals` as a `dict` of lists, one for each field, and of those of the logs."""
    names = [field.name for field in dataclasses.fields(Signals) if field.name != "logs"]
    keys = {key: None for signals in history for key in signals.logs}
    return {
        "fields": {name: [getattr(signals, name) for signals in history] for name in names},
        "logs": {key: [signals.logs.get(key) for signals in history] for key in keys},
    }


def from_columns(table):
    """The list of `Signals` of a `columns`."""
    fields, logs = table["fields"], table["logs"]
    return [
        Signals(
            **{name: values[i] for name, values in fields.items()},
            logs={key: values[i] for key, values in logs.items() if values[i] is not None},
        )
        for i in range(len(fields["epoch"]))
    ]


# === Measures ===


def real_above_fake(real_scores, fake_scores):
    """Chance that a real scores above a fake: the area under the ROC curve.

    `(#{r > f} + #{r = f} / 2) / (n m)` over all `n m` pairs. It needs no threshold, and is 1/2 at
    equilibrium whatever the loss.

    Args:
        real_scores: array `(n,)` of the discriminator's logits of reals.
        fake_scores: array `(m,)`, those of fakes.

    Returns:
        A float in [0, 1]; NaN if a score is NaN or there is none.

    Source: Hanley and McNeil, "The meaning and use of the area under a receiver operating
    characteristic (ROC) curve", Radiology 143, 1982.
    """
    real = np.ravel(np.asarray(real_scores, "float64"))
    fake = np.sort(np.ravel(np.asarray(fake_scores, "float64")))
    if not real.size or not fake.size or np.isnan(real).any() or np.isnan(fake).any():
        return float("nan")
    below = np.searchsorted(fake, real, side="left")
    not_above = np.searchsorted(fake, real, side="right")
    return float((below + not_above).sum() / (2.0 * real.size * fake.size))


def real_above_fake_error(num_real, num_fake):
    """Standard error of `real_above_fake` where reals and fakes score alike.

    `sqrt((n + m + 1) / (12 n m))`, the exact one of the Mann-Whitney statistic without ties.
    """
    return math.sqrt((num_real + num_fake + 1) / (12.0 * num_real * num_fake))


def coin_tolerance(num_real, num_fake, margin=COIN_MARGIN):
    """How far from 1/2 `real_above_fake` of a coin flip may lie.

    `2 sqrt((n + m + 1) / (12 n m)) + margin`.
    """
    return STANDARD_ERRORS * real_above_fake_error(num_real, num_fake) + margin


def relative_spread(real, fake):
    """How widely samples are spread compared with reals.

    `sqrt(mean |f - mean f|^2 / mean |r - mean r|^2)`: 1 for samples like the data, 0 if all are
    one. A generator that drops some of several modes may keep it; that is for coverage to see.

    Args:
        real: array `(n, dimension)` of features.
        fake: array `(m, dimension)`, likewise.

    Returns:
        A float of at least 0; NaN if all reals are one.
    """
    real, fake = (float(np.var(np.asarray(x, "float64"), axis=0).sum()) for x in (real, fake))
    return math.sqrt(fake / real) if real > 0.0 else float("nan")


def jensen_shannon(d_loss):
    """A lower bound of the Jensen-Shannon divergence from a cross-entropy loss, in nats.

    `log 2 - d_loss / 2`, where `d_loss` is the mean of `softplus(-r)` plus that of `softplus(f)`:
    the best discriminator's is `2 log 2 - 2 JSD`, and no other's is lower. On training data an
    overfitting discriminator exceeds it.

    Args:
        d_loss: the discriminator's loss, without regularizers or smoothed labels.

    Returns:
        A float up to `log 2`; negative for a discriminator that is worse than a coin.

    Source: Goodfellow et al., NeurIPS 2014 (arXiv:1406.2661), theorem 1.
    """
    return math.log(2.0) - d_loss / 2.0


def is_finite(value):
    """Whether a number is there and neither infinite nor NaN."""
    return value is not None and math.isfinite(value)


def latest_measured(history, epochs, *names):
    """The latest epochs, if there are as many and all of these signals are finite in them."""
    latest = history[-epochs:]
    finite = all(is_finite(getattr(s, name)) for s in latest for name in names)
    return latest if len(latest) == epochs and finite else None


# === Logs ===


def numbers(logs):
    """The numbers among an epoch's logs, as `float`: callbacks of a user's may add anything."""
    return {key: float(value) for key, value in logs.items() if _is_number(value)}


def _is_number(value):
    # Scalar arrays and tensors have a shape; nested lists may have none.
    is_scalar = isinstance(value, (bool, int, float)) or getattr(value, "shape", None) == ()
    return is_scalar and np.asarray(value).dtype.kind in "biuf"
