"""The rules that are asked unless others are given."""

import math

from keras_gan.convergence.diverged import Diverged
from keras_gan.convergence.endings import Equilibrium, Stalled
from keras_gan.convergence.failures import (
    DiscriminatorFailed,
    DiscriminatorWon,
    ModeCollapse,
    Oscillating,
)


def default_rules(*, patience=8):
    """The rules that `ConvergenceStopping` asks unless it is given others, in order.

    What names a cause comes before what only sees that there is no progress.

    Args:
        patience: epochs without improvement that mean a stall, or a cycle. Half as many, three at
            least, are enough for a rule that sees more than that.
    """
    epochs = max(3, math.ceil(patience / 2))
    return [
        Diverged(),
        DiscriminatorFailed(epochs=epochs),
        DiscriminatorWon(epochs=epochs),
        ModeCollapse(epochs=epochs),
        Equilibrium(epochs=epochs),
        Oscillating(patience=patience),
        Stalled(patience=patience),
    ]
