"""Histories of runs that are made up, and what rules would say of them."""

from keras_gan import convergence
from keras_gan.convergence import Signals

RULES = convergence.default_rules()


def run(qualities, chances=None, *, noise=0.01, fresh=0.5, **fields):
    """A history of given qualities and chances that a real scores above a fake.

    Of other `fields`, a list holds one value an epoch.
    """
    chances = [0.9] * len(qualities) if chances is None else chances
    return [
        Signals(
            epoch=epoch,
            quality=quality,
            quality_noise=noise,
            discriminator_auc=chance,
            num_real=1000,
            num_fake=1000,
            fresh_discriminator_auc=fresh,
            num_fresh=1000,
            **{k: v[epoch - 1] if isinstance(v, list) else v for k, v in fields.items()},
        )
        for epoch, (quality, chance) in enumerate(zip(qualities, chances, strict=True), start=1)
    ]


def first_verdict(history, rules=RULES, **options):
    """What a run that is watched from its first epoch would be told."""
    for epoch in range(1, len(history) + 1):
        verdict = convergence.judge(history[:epoch], rules, **options)
        if verdict is not None:
            return verdict
    return None


PACE = {"discriminator_updates": 50, "generator_updates": 50}
ALIKE = {"spread": 0.09, "density": 3.0, "num_covered": 500, "real_coverage": 0.97, "coverage": 0.1}
