"""Runs of the zoo that were never made: figures, signals and records as tests need them."""

from benchmarks.zoo import harm
from keras_gan import convergence

RING = harm.Scale(total=8, direction="max", untrained=0.0, reals=0.96)
IMAGES = harm.Scale(total=10, direction="min", untrained=25.0, reals=1.0, error=0.1)


def truth(qualities, *, found=8, good=0.9):
    return [{"found": found, "good": good, "quality": quality} for quality in qualities]


SETTINGS = {"rules": convergence.default_rules(), "min_epochs": 5}


def signals(qualities, chances=None, *, fresh=None, **fields):
    chances = chances or [0.9] * len(qualities)
    fresh = fresh or [None] * len(qualities)
    return [
        convergence.Signals(
            epoch=epoch,
            quality=quality,
            quality_noise=0.01,
            discriminator_auc=chance,
            num_real=1000,
            num_fake=1000,
            fresh_discriminator_auc=asked,
            num_fresh=0 if asked is None else 1000,
            **fields,
        )
        for epoch, (quality, chance, asked) in enumerate(
            zip(qualities, chances, fresh, strict=True), start=1
        )
    ]


def record(kind, history, figures, *, seed=9, scale=RING, seconds=10.0):
    return {
        "task": "ring",
        "kind": kind,
        "seed": seed,
        "epochs": len(history),
        "seconds": seconds,
        "scale": vars(scale),
        "truth": figures,
        "signals": [s.to_dict() for s in history],
    }


FALLING = [1.0 - 0.05 * epoch for epoch in range(20)]
RISEN = truth([0.1] * 2 + [0.9] * 18)
