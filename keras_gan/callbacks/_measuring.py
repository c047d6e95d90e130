"""Taking signals from a model, by its public attributes alone.

All noise comes from explicit seeds: watching a run never changes it.
"""

import keras
import numpy as np

from keras_gan import _checks, signals
from keras_gan.metrics import features
from keras_gan.metrics import sliced_wasserstein as sliced

# Samples on either side of a comparison.
NUM_SAMPLES = 1000
# Latents of the quality signal are the same in every epoch, so that epochs compare.
QUALITY_SEED = 20_260_101
_NETWORKS = ("generator", "discriminator", "averaged_generator")


def require(model, attribute, callback):
    """Check that a callback watches a GAN.

    Raises:
        ValueError: if `model` lacks `attribute`.
    """
    _checks.check(
        hasattr(model, attribute),
        f"`{type(callback).__name__}` needs a `keras_gan.GAN`.",
        model=type(model).__name__,
    )


def reals(gan):
    """Real samples to score, always the same ones.

    Returns:
        `(samples, labels, held_out)`: up to 1,000 held-out samples if there are any, otherwise
        training samples; `labels` is `None` for an unconditional model. `(None, None, False)` if
        the model has seen no sample yet.
    """
    held_out = gan.held_out_samples is not None
    if held_out:
        return *_some(gan.held_out_samples, gan.held_out_labels, NUM_SAMPLES), True
    return *_some(gan.reference_samples, gan.reference_labels, NUM_SAMPLES), False


def real_above_fake(gan, samples, labels, epoch):
    """The chance that one of these reals scores above a fresh fake of the raw generator."""
    seed = np.random.SeedSequence([gan.seed, epoch]).generate_state(1)[0]
    fake = gan.generate(len(samples), labels=labels, seed=int(seed), averaged=False)
    return signals.real_above_fake(gan.score(samples, labels), gan.score(fake, labels))


def sample_quality(gan):
    """The sliced Wasserstein distance of 1,000 reals to the averaged generator's samples.

    The held-out reals, if there are fewer, are filled up with training samples: of 180 reals the
    sampling error alone would drown what a generator still has to gain, and copies of training
    samples are no concern of a distance between distributions.

    Returns:
        `(distance, standard_error)`, or `(None, None)` if the model has seen no sample yet.
    """
    parts = [_some(gan.held_out_samples, gan.held_out_labels, NUM_SAMPLES)]
    missing = NUM_SAMPLES - sum(len(samples) for samples, _ in parts if samples is not None)
    parts.append(_some(gan.reference_samples, gan.reference_labels, missing))
    parts = [(samples, labels) for samples, labels in parts if samples is not None]
    if not parts:
        return None, None
    real = np.concatenate([_in_model_range(samples) for samples, _ in parts])
    labels = [labels for _, labels in parts if labels is not None]
    latents = gan.sample_latents(len(real), QUALITY_SEED)
    fake = gan.generate(latents=latents, labels=np.concatenate(labels) if labels else None)
    extract = features.extractor(None, real.shape[1:])
    projections = sliced.project(*(features.in_batches(extract, x) for x in (real, fake)))
    return sliced.distance(*projections), sliced.distance_error(*projections)


def _some(samples, labels, limit):
    """At most `limit` samples, and their labels, if there are any."""
    if samples is None or limit <= 0:
        return None, None
    # Held-out samples are often sorted by class: take them from everywhere.
    chosen = np.random.default_rng(0).permutation(len(samples))[:limit]
    return samples[chosen], None if labels is None else labels[chosen]


def _in_model_range(samples):
    scaled = samples.astype("float32")
    return scaled / 127.5 - 1.0 if samples.dtype == np.uint8 else scaled


def metric_error(gan, monitor):
    """The standard error of a logged metric, or `None` if the metric does not tell."""
    for metric in getattr(gan, "quality_metrics", ()):
        if f"val_{metric.name}" == monitor and hasattr(metric, "standard_error"):
            return metric.standard_error()
    return None


def broken_weight(gan):
    """`dict` of `player` and `variable` of the first weight that is not finite, or `None`."""
    for player in _NETWORKS:
        for variable in getattr(gan, player).weights:
            if not np.all(np.isfinite(np.asarray(keras.ops.convert_to_tensor(variable)))):
                return {"player": player, "variable": variable.path}
    return None


def new_failure(gan, known):
    """`gan.first_failure`, unless it is the one `known` from before this run."""
    failure = gan.first_failure
    return None if failure == known else failure
