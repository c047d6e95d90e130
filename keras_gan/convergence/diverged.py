"""Rule for NaN and infinity."""

import dataclasses
import math


@dataclasses.dataclass(frozen=True, kw_only=True)
class Diverged:
    """A loss, a gradient or a weight is not finite. The verdict is immediate.

    Gradients are judged only by `first_failure`: with dynamic loss scaling, gradients overflow
    occasionally in normal training.
    """

    kind = "diverged"
    immediate = True
    cure = "try lower learning rates or clipnorm=1.0 in both optimizers, and look for outliers"

    def __call__(self, history):
        """Evidence of the latest epoch, or `None`."""
        last = history[-1]
        found = last.first_failure or last.broken_weight
        if found:
            return {key: value for key, value in found.items() if value is not None}
        losses = {"d_loss": last.d_loss, "g_loss": last.g_loss}
        broken = {k: v for k, v in losses.items() if v is not None and not math.isfinite(v)}
        return broken or None

    def describe(self, evidence):
        """A sentence on the evidence."""
        if "player" not in evidence:
            return " and ".join(f"{key} is {value}" for key, value in evidence.items())
        player, variable = evidence["player"].replace("_", " "), evidence.get("variable")
        if "step" not in evidence:
            return f"{variable} of the {player} is not finite"
        rate = evidence.get("learning_rate")
        if evidence.get("cause") == "learning_rate":
            return (
                f"the {player}'s update at step {evidence['step']} has been skipped: its learning "
                f"rate was {rate}, so look at what sets it"
            )
        if evidence.get("cause") == "weight":
            return (
                f"{variable} of the {player} was not finite at step {evidence['step']}: an earlier "
                f"update made it so, at a learning rate of {rate:g}"
            )
        where = f"the gradient of {variable}" if variable else "its loss"
        return (
            f"the {player}'s update at step {evidence['step']} was not finite "
            f"(first in {where}) and has been skipped"
        )
