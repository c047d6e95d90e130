"""The signals of a run: one record of measurements per epoch, comparable between losses.

NumPy only. Callbacks measure the signals of a model.
"""

import dataclasses
import math

import numpy as np

# How far from 1/2 an AUC counts as chance level, beyond its sampling error: a discriminator with an
# AUC of 0.55 gives the generator little to learn from.
AUC_MARGIN = 0.05
# Standard errors allowed for sampling error: covers 95 % of a normal distribution.
STANDARD_ERRORS = 2.0


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Signals:
    """The measurements of one epoch; `None` for what was not measured.

    An AUC (area under the ROC curve) is a probability in [0, 1], see `discriminator_auc`. Names
    that earlier versions used are accepted by `from_dict`.

    Attributes:
        epoch: the epoch's number, from 1.
        quality: the watched quality, as logged.
        quality_noise: standard error of `quality`; 0 while unknown.
        quality_floor: the quality of reals against other reals, with the same sample sizes.
        quality_name: log key of the quality.
        direction: `"min"` if a lower quality is better, else `"max"`.
        discriminator_auc: probability that the discriminator scores a random real above a random
            generated sample; 1/2 at equilibrium.
        num_real: number of reals in `discriminator_auc`.
        num_fake: number of generated samples in `discriminator_auc`.
        held_out: whether these reals are held out from training.
        train_vs_held_out_auc: probability that the discriminator scores a random training real
            above a random held-out real; above 1/2 if it overfits its training data.
        num_train: number of training reals in `train_vs_held_out_auc`.
        first_samples_auc: probability that the discriminator scores a random real above a random
            sample of the untrained generator; measured until it is clearly above 1/2.
        num_first_samples: number of samples of each kind in `first_samples_auc`.
        fresh_discriminator_auc: the AUC, on unseen samples, of a new discriminator that was trained
            from random weights against the current generator; measured when a rule asks for it.
        num_fresh: number of samples of each kind in `fresh_discriminator_auc`.
        coverage: fraction of reals with a generated sample nearby, see `metrics.DensityCoverage`.
        density: how densely reals surround the samples, likewise; 1 for reals.
        real_coverage: the coverage of other reals, with the same sample sizes.
        num_covered: number of reals in `coverage`.
        spread: standard deviation of the samples over that of reals, see `relative_spread`.
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
        samples_seen: reals that the model has been trained on so far, counted with repetition.
        settings: the settings of the run, in the first epoch and after a change: `loss`,
            `penalties`, `batch_size`, `discriminator_steps`, `generator_steps`,
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
    discriminator_auc: float | None = None
    num_real: int = 0
    num_fake: int = 0
    held_out: bool = True
    train_vs_held_out_auc: float | None = None
    num_train: int = 0
    first_samples_auc: float | None = None
    num_first_samples: int = 0
    fresh_discriminator_auc: float | None = None
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
        """The signals of a `to_dict`, also of one that an earlier version wrote."""
        return cls(**{_RENAMED.get(name, name): value for name, value in fields.items()})


# Names of fields in files of earlier versions.
_RENAMED = {
    "real_above_fake": "discriminator_auc",
    "fresh_real_above_fake": "fresh_discriminator_auc",
    "real_above_noise": "first_samples_auc",
    "train_above_held_out": "train_vs_held_out_auc",
    "num_noise": "num_first_samples",
}


def columns(history):
    """A list of `Signals` as a `dict` of lists: one per field, and one per key of the logs."""
    names = [field.name for field in dataclasses.fields(Signals) if field.name != "logs"]
    keys = {key: None for signals in history for key in signals.logs}
    return {
        "fields": {name: [getattr(signals, name) for signals in history] for name in names},
        "logs": {key: [signals.logs.get(key) for signals in history] for key in keys},
    }


def from_columns(table):
    """The list of `Signals` of a `columns`, also of one that an earlier version wrote."""
    fields, logs = table["fields"], table["logs"]
    return [
        Signals.from_dict(
            {name: values[i] for name, values in fields.items()}
            | {"logs": {key: values[i] for key, values in logs.items() if values[i] is not None}}
        )
        for i in range(len(fields["epoch"]))
    ]


# === Measures ===


def discriminator_auc(real_scores, fake_scores):
    """Area under the ROC curve: the probability that a random real scores above a random fake.

    `(#{r > f} + #{r = f} / 2) / (n m)` over all `n m` pairs. It needs no threshold, and is 1/2 at
    equilibrium for every loss.

    Args:
        real_scores: array `(n,)` of the discriminator's logits of reals.
        fake_scores: array `(m,)`, those of fakes.

    Returns:
        A float in [0, 1]; NaN if a score is NaN or an array is empty.

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


def discriminator_auc_error(num_real, num_fake):
    """Standard error of `discriminator_auc` if reals and fakes have equally distributed scores.

    `sqrt((n + m + 1) / (12 n m))`, exact for the Mann-Whitney statistic without ties.
    """
    return math.sqrt((num_real + num_fake + 1) / (12.0 * num_real * num_fake))


def auc_tolerance(num_real, num_fake, margin=AUC_MARGIN):
    """How far from 1/2 a `discriminator_auc` at chance level may be.

    `2 sqrt((n + m + 1) / (12 n m)) + margin`.
    """
    return STANDARD_ERRORS * discriminator_auc_error(num_real, num_fake) + margin


def relative_spread(real, fake):
    """Standard deviation of generated samples relative to that of reals.

    `sqrt(mean |f - mean f|^2 / mean |r - mean r|^2)`: 1 for samples like the data, 0 if all are
    identical. It can stay near 1 if the generator drops some modes; `coverage` detects that. One
    real that is far from all others hides their spread: callbacks leave such reals out.

    Args:
        real: array `(n, dimension)` of features.
        fake: array `(m, dimension)`, likewise.

    Returns:
        A float of at least 0; NaN if all reals are identical.
    """
    real, fake = (float(np.var(np.asarray(x, "float64"), axis=0).sum()) for x in (real, fake))
    return math.sqrt(fake / real) if real > 0.0 else float("nan")


def jensen_shannon(d_loss):
    """A lower bound of the Jensen-Shannon divergence from a cross-entropy loss, in nats.

    `log 2 - d_loss / 2`, where `d_loss` is the mean of `softplus(-r)` plus that of `softplus(f)`:
    the optimal discriminator has the lowest loss, `2 log 2 - 2 JSD`. On training data an
    overfitting discriminator can exceed the bound.

    Args:
        d_loss: the discriminator's loss, without regularizers or smoothed labels.

    Returns:
        A float up to `log 2`; negative if the loss is higher than that of a constant output 1/2.

    Source: Goodfellow et al., NeurIPS 2014 (arXiv:1406.2661), theorem 1.
    """
    return math.log(2.0) - d_loss / 2.0


def is_finite(value):
    """Whether a value is not `None`, infinite or NaN."""
    return value is not None and math.isfinite(value)


def settings_of(history):
    """The latest recorded settings of a run, or an empty `dict`."""
    return next((s.settings for s in reversed(history) if s.settings), {})


def latest_measured(history, epochs, *names):
    """The latest `epochs` records, if all named signals are finite in them; else `None`."""
    latest = history[-epochs:]
    finite = all(is_finite(getattr(s, name)) for s in latest for name in names)
    return latest if len(latest) == epochs and finite else None


# === Logs ===


def numbers(logs):
    """The numbers in an epoch's logs, `float`s by text; user callbacks may log anything."""

    def is_number(value):
        # Lists are skipped: they have no shape and may be ragged.
        is_scalar = isinstance(value, (bool, int, float)) or getattr(value, "shape", None) == ()
        return is_scalar and np.asarray(value).dtype.kind in "biuf"

    return {str(key): float(value) for key, value in logs.items() if is_number(value)}
