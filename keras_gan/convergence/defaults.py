"""The default rules."""

import math

from keras_gan.convergence.discriminators import DiscriminatorFailed, DiscriminatorWon
from keras_gan.convergence.endings import Equilibrium, Stalled
from keras_gan.convergence.failures import Diverged, ModeCollapse, Oscillating


def default_rules(*, patience=8):
    """The default rules of `ConvergenceStopping`, in order.

    Rules that name a cause come before rules that only detect missing progress.

    Args:
        patience: epochs without improvement until `stalled`. The other rules need their symptom for
            half as many consecutive epochs, at least three.
    """
    epochs = max(3, math.ceil(patience / 2))
    return [
        Diverged(),
        DiscriminatorFailed(epochs=epochs, patience=patience),
        DiscriminatorWon(epochs=epochs, patience=patience),
        ModeCollapse(epochs=epochs, patience=patience),
        Equilibrium(epochs=epochs),
        Oscillating(patience=patience),
        Stalled(patience=patience),
    ]
