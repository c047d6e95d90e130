"""Detects unusual settings of a run."""

from keras_gan.convergence.signals import settings_of

# Players are usually updated 1 to 5 times for one update of the other one's, at rates that differ
# by a factor of 4 or so; Adam's are 1e-5 to 1e-3.
_GENERATOR_STEPS, _DISCRIMINATOR_STEPS = 3, 10
_RATIO, _HIGH_RATE = 10.0, 5e-3
_ADAPTIVE = ("Adam", "AdamW", "Nadam", "Adamax", "RMSprop", "Lion")
_SMALL_BATCH = 8
# Adaptive optimizers with rates from here on move every weight by about its size in a step.
_HOPELESS_RATE = 0.1


def unusual(history):
    """A sentence on an unusual setting of a run and its usual value, or `None`."""
    settings = settings_of(history)
    found = _updates(settings) or _rates(settings, history[-1])
    size = settings.get("batch_size", _SMALL_BATCH)
    if not found and settings.get("loss") == "Wasserstein" and not settings.get("penalties"):
        found = "a Wasserstein loss needs a penalty: add regularizers.GradientPenalty first"
    if not found and size < _SMALL_BATCH:
        found = f"batch_size={size} is small: try 32 or more first"
    return found


def hopeless(settings, rates):
    """A sentence on a learning rate with which no run can succeed, or `None`.

    Args:
        settings: as of `Signals`; the names of the optimizers are read.
        rates: learning rate of each player, or `None`.
    """
    names = {player: settings.get(f"{player}_optimizer") for player in rates}
    found = {player: rate for player, rate in rates.items() if names[player] in _ADAPTIVE}
    found = {player: rate for player, rate in found.items() if (rate or 0.0) >= _HOPELESS_RATE}
    return _high(found) if found else None


def _high(rates):
    """The sentence on the learning rates of some players that are too high."""
    of = "'s and the ".join(rates)
    high, several = max(rates.values()), "s" * (len(rates) > 1)
    are = "are" if several else "is"
    return f"the {of}'s learning rate{several} ({high:.2g}) {are} high: try 2e-4 to 1e-3 first"


def _updates(settings):
    generator, discriminator = (
        settings.get(f"{player}_steps", 1) for player in ("generator", "discriminator")
    )
    if generator >= _GENERATOR_STEPS * discriminator:
        return (
            f"generator_steps={generator} with discriminator_steps={discriminator} lets the "
            "generator become too strong: try generator_steps=1 first"
        )
    if discriminator >= _DISCRIMINATOR_STEPS * generator:
        return (
            f"discriminator_steps={discriminator} with generator_steps={generator} lets the "
            "discriminator become too strong: try discriminator_steps=1 first"
        )
    return None


def _rates(settings, last):
    rates = {"generator": last.generator_rate, "discriminator": last.discriminator_rate}
    if None in rates.values():
        return None
    high, low = sorted(rates, key=rates.get, reverse=True)
    if rates[low] <= 0.0 < rates[high]:
        return f"the {low}'s learning rate is {rates[low]:g}: it no longer learns"
    names = {player: settings.get(f"{player}_optimizer") for player in rates}
    if names[high] == names[low] and rates[high] >= _RATIO * rates[low] > 0.0:
        return (
            f"the {high}'s learning rate ({rates[high]:.2g}) is {rates[high] / rates[low]:.0f} "
            f"times the {low}'s ({rates[low]:.2g}): try equal ones first"
        )
    if names[high] in _ADAPTIVE and rates[high] > _HIGH_RATE:
        equal = [each for each in rates if rates[each] == rates[high] and names[each] in _ADAPTIVE]
        return _high(dict.fromkeys(equal, rates[high]))
    return None
