"""Inputs of a generator from an integer seed: the same in `generate` and in an exported model."""

from keras_gan import _checks, priors
from keras_gan.backend import seeds
from keras_gan.model import assembly

# The part of a seed that random layers of the generator draw by.
RANDOM_LAYERS = 1_000


def drawn(model, names, given, num_samples, seed, truncation, *, draws=None):
    """Inputs that have a prior: a `dict` of tensors.

    Args:
        model: an `AdversarialModel`.
        names: of the inputs to draw.
        given: the other inputs, a `dict`.
        num_samples: integer, or int32 scalar tensor.
        seed: integer, or int64 scalar tensor.
        truncation: scale of the deviation of floating draws from their prior's mean.
        draws: `dict` of the `Draw`s by name. Default: those of the generator's inputs.
    """
    draws, found, state = draws or assembly.draws_of(model), {}, model._state
    for name in names:
        draw, own = draws[name], seed_of(seed, list(model.priors).index(name))
        tensors = {**given, **found}
        source = draw.prior.name if isinstance(draw.prior, priors.Shuffled) else None
        _checks.check(
            source is None or source in tensors,
            f"`inputs` must have `{name}`, or `{source}`, which it is drawn from.",
            inputs=list(given),
        )
        seen = state.images_seen.value, state.steps_seen.value
        rows = draw.rows(tensors, num_samples, own, *seen)
        found[name] = priors.truncate(draw.prior, rows, truncation)
    return found


def seed_of(seed, part):
    """The seed of a part of what is drawn: int32 `(2,)`."""
    return seeds.fold(seeds.fold(seeds.pair(seed), seeds.SAMPLING), part)
