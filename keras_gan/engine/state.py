"""What a run must remember beside weights and optimizers."""

import keras

DISCRIMINATOR, GENERATOR = 0, 1
PLAYERS = ("discriminator", "generator")
# What of an update was not finite: its gradient or loss, the learning rate, which may also be below
# 0, or a weight before it.
GRADIENT, RATE, WEIGHT = 0, 1, 2
CAUSES = ("gradient", "learning_rate", "weight")


class TrainingState:
    """The counters of a run.

    Kept apart from the model's weights on purpose: restoring the best epoch's weights must not
    turn the clock back. The random numbers of a step that are not those of layers (dropout has a
    state, see `random_generators`), and the order of the data, follow from `steps_seen`.

    Attributes:
        steps_seen: training steps done.
        images_seen: real samples those steps were given.
        generator_images: samples the generator has been updated on.
        discriminator_updates: attempted updates of the discriminator.
        generator_updates: likewise of the generator.
        evaluation_step: batches seen by the evaluation that is running.
        draws: numbers that `generate` and `interpolate` drew where they were given no seed.
        failed_step: the first step with an update that was not finite, or -1.
        failed_player: whose it was: `DISCRIMINATOR` or `GENERATOR`.
        failed_variable: the first variable whose gradient, or value, was not finite; -1 for none.
        failed_cause: `GRADIENT`, `RATE` or `WEIGHT`.
        failed_rate: the bits of that player's learning rate, a float64.
    """

    _START = {
        "steps_seen": 0,
        "images_seen": 0,
        "generator_images": 0,
        "discriminator_updates": 0,
        "generator_updates": 0,
        "evaluation_step": 0,
        "draws": 0,
        "failed_step": -1,
        "failed_player": -1,
        "failed_variable": -1,
        "failed_cause": -1,
        "failed_rate": 0,
    }

    def __init__(self):
        for name, start in self._START.items():
            variable = keras.Variable(start, dtype="int64", trainable=False, name=name)
            setattr(self, name, variable)

    def variables(self):
        """`dict` from name to variable, for saving."""
        return {name: getattr(self, name) for name in self._START}

    def forget_failure(self):
        """Let the next update that is not finite be the first again."""
        for name, start in self._START.items():
            if name.startswith("failed_"):
                getattr(self, name).assign(start)


def random_generators(network):
    """The states of the random generators of a network's layers (dropout, noise): variables."""
    weights = {id(variable) for variable in network.weights}
    return [variable for variable in network.variables if id(variable) not in weights]


def add(variable, number):
    """Add to a counter inside a training step."""
    variable.assign(variable.value + keras.ops.cast(number, "int64"))
