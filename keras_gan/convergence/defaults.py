"""The rules that are asked unless others are given."""

import math

from keras_gan.convergence.discriminators import DiscriminatorFailed, DiscriminatorWon
from keras_gan.convergence.diverged import Diverged
from keras_gan.convergence.endings import Equilibrium, Stalled
from keras_gan.convergence.failures import ModeCollapse, Oscillating


def default_rules(*, patience=8):
    """The rules that `ConvergenceStopping` asks unless it is given others, in order.

    What names a cause comes before what only sees that there is no progress.

    Args:
        patience: epochs without improvement that mean a stall, whatever its cause. Half as many,
            three at least, mean equilibrium, and are how long a cause must be seen in a row.
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
