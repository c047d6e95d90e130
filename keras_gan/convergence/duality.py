"""The duality gap: how much each player could gain while the other is fixed."""

import numpy as np

from keras_gan import _checks
from keras_gan.engine import twins
from keras_gan.feeding.sample_spec import unchecked

# Number of points of the training at which the copies are evaluated.
_LOOKS = 10


def duality_gap(gan, *, steps=100, num_samples=1_000, batch_size=64, perturbation=0.01, seed=0):
    """A lower bound of the duality gap, by a few steps of training on copies.

    `V(g, d) = -E[discriminator_loss]`, the objective that the discriminator raises and the
    generator lowers, without penalties. The gap of a pair is

    `max_d' V(g, d') - min_g' V(g', d) = (max_d' V - V) + (V - min_g' V)`,

    the sum of the gains of the two players. It is zero exactly at an equilibrium, for every loss.
    It is large for a collapsed generator or for poor samples.

    The extremes are estimated by training a copy of each player for `steps` steps, with the GAN's
    loss, penalties and re-initialized optimizers, while the other player is fixed. The copy starts
    with a little noise on its weights, because it could not leave a saddle point otherwise. It is
    evaluated at ten points of the training and at the start without noise. The best point is chosen
    on one half of the samples, and its value on the other half is returned. Both gains are
    therefore lower bounds, up to sampling error: a large gap is certain, a small one may be due to
    slow training. Gaps are comparable only for equal arguments.

    The model itself is not changed. It costs `2 * steps` training steps and two compilations.

    Args:
        gan: a compiled `GAN` after `fit`. Its training samples are used for training, and its
            held-out samples, if there are any, for evaluation.
        steps: training steps of each copy, at least 1. Default 100.
        num_samples: number of reals, and of generated samples, for the evaluation; at least 2. One
            half selects the best point, the other gives its value. Default 1,000.
        batch_size: reals in one update of a copy. Default 64.
        perturbation: standard deviation of the noise on a copy's trainable weights, relative to
            their root mean square, at least 0. Default 0.01.
        seed: integer seed of all random numbers.

    Returns:
        `dict` of floats: `duality_gap`, the sum of `discriminator_gain` and `generator_gain`; and
        `value`, the current `V`. In units of the loss; the gains are non-negative up to sampling
        error.

    Raises:
        ValueError: if the model has seen no samples, or an argument is out of range.

    Source: Grnarova et al., "A domain agnostic measure for monitoring and evaluating GANs",
    NeurIPS 2019 (arXiv:1811.05512); the noise: Sidheekh et al., "On duality gap as a measure for
    monitoring GAN training", 2020 (arXiv:2012.06723).
    """
    steps = _checks.positive_int(steps, "steps")
    batch_size = _checks.positive_int(batch_size, "batch_size")
    seed = _checks.seed(seed)
    perturbation = _checks.number(perturbation, "perturbation", minimum=0.0)
    _checks.check(
        num_samples == _checks.positive_int(num_samples, "num_samples") and num_samples >= 2,
        "`num_samples` must be at least 2.",
        num_samples=num_samples,
    )
    _checks.check(
        getattr(gan, "reference_samples", None) is not None and gan.compiled,
        "`duality_gap` needs a compiled `GAN` that has seen samples.",
        cure="Call `fit` first.",
        gan=getattr(gan, "name", gan),
    )
    train, judges = _reals(gan, num_samples)
    twin = twins.twin(gan)
    # Optimizers are re-initialized, everything else is copied.
    new = {name: value for name, value in twin.run_state().items() if "_optimizer/" in name}
    start = {**gan.run_state(), **new}
    twin.set_run_state(start)
    values = [_value(twin, judge, seed + number) for number, judge in enumerate(judges)]
    gains = {}
    for player, sign in (("discriminator", 1.0), ("generator", -1.0)):
        twin.set_run_state(start)
        twin.set_phase(player)
        random = np.random.default_rng([seed, len(gains)])
        _perturb(getattr(twin, player).trainable_variables, perturbation, random)
        best = 0.0, 0.0  # the start is always available
        for number, count in enumerate(np.diff(np.linspace(0, steps, _LOOKS + 1).astype(int))):
            for _ in range(count):
                rows = random.integers(len(train[0]), size=batch_size * twin.discriminator_steps)
                twin.train_on_batch(*_rows(train, rows))
            if count or number == 0:
                found = tuple(
                    sign * (_value(twin, judge, seed + i) - values[i])
                    for i, judge in enumerate(judges)
                )
                best = max(best, found)
        gains[f"{player}_gain"] = best[1]
    return {"duality_gap": sum(gains.values()), **gains, "value": values[1]}


def _reals(gan, count):
    """Reals for training, and two sets for evaluation, each with labels or `None`."""
    train = gan.reference_samples, gan.reference_labels
    judged = gan.held_out_samples, gan.held_out_labels
    if judged[0] is None:
        half = len(train[0]) // 2
        judged = _rows(train, slice(half, None))
        train = _rows(train, slice(None, half))
    judged = _rows(judged, slice(None, count))
    _checks.check(
        len(judged[0]) >= 2 and len(train[0]) >= 1,
        "There must be at least two reals to measure with.",
        num_reals=len(judged[0]),
    )
    return train, [_rows(judged, slice(first, None, 2)) for first in (0, 1)]


def _rows(pair, rows):
    return tuple(None if part is None else part[rows] for part in pair)


def _value(gan, judge, seed):
    """`V` on some reals, and as many samples of the raw generator."""
    samples, labels = judge
    fake = gan.generate(len(samples), labels=labels, seed=seed, averaged=False)
    with unchecked():
        scores = gan.score(samples, labels), gan.score(fake, labels)
    losses = gan.adversarial_loss.discriminator_loss(*scores)
    return -float(np.mean(losses))


def _perturb(variables, share, random):
    values = [np.asarray(variable.value, "float32") for variable in variables]
    scale = np.sqrt(np.mean(np.concatenate([np.square(value).ravel() for value in values])))
    for variable, value in zip(variables, values, strict=True):
        noise = random.standard_normal(value.shape).astype("float32")
        variable.assign(value + share * scale * noise)
