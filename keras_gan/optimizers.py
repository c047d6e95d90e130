"""Adam with schedules, and a group of both optimizers for Keras's callbacks."""

import keras
import tensorflow as tf

from keras_gan import _checks, schedules
from keras_gan.backend import private_keras

__all__ = ["Adam"]


@keras.saving.register_keras_serializable("keras_gan")
class Adam(keras.optimizers.Adam):
    """Keras's Adam, with schedules over images or steps for learning rate and `beta_2`.

    Schedules use the counters of the model that it is compiled into, or 0 without one. With a
    schedule of `beta_2` the bias correction of the second moment is `1 - beta_2^updates` with the
    current `beta_2`, as in PyTorch and so in R3GAN.

    Args:
        learning_rate: number above 0, or a schedule such as `schedules.Cosine`. Default 2e-4.
        beta_1: decay of the first moment. Default 0, as in R3GAN.
        beta_2: decay of the second moment, in [0, 1), or a schedule. Default 0.99.
        **kwargs: as in `keras.optimizers.Adam`.

    Raises:
        ValueError: if a number is out of range.
    """

    _counts = staticmethod(lambda: (0, 0))

    @lambda function: _checks.suggesting(function, keras.optimizers.Adam.__init__)
    def __init__(self, learning_rate=2e-4, beta_1=0.0, beta_2=0.99, **kwargs):
        rate = schedules.number_or_schedule(learning_rate, "learning_rate", steps=True, above=0.0)
        super().__init__(rate, beta_1=beta_1, beta_2=beta_2, **kwargs)
        self._schedule = rate if callable(rate) else None

    def follow(self, images_seen, steps_seen=None):
        """Set the counters, Keras variables, that the schedules use.

        Raises:
            ValueError: for a schedule over steps without a counter of steps.
        """
        # Behind a function: the counters are not the optimizer's own, to be saved with it.
        self._counts = lambda: (images_seen.value, None if steps_seen is None else steps_seen.value)
        for setting in (self._schedule, self._beta_2):
            schedules.value(setting, *self._counts())

    @property
    def learning_rate(self):
        if self._schedule is not None:
            return schedules.value(self._schedule, *self._counts())
        return super().learning_rate

    @learning_rate.setter
    def learning_rate(self, rate):
        if self._schedule is not None:
            raise TypeError(
                f"The learning rate of `{self.name}` follows a schedule, and cannot be set. "
                "Create the optimizer with a number."
            )
        keras.optimizers.Adam.learning_rate.fset(self, rate)

    @property
    def beta_2(self):
        return schedules.value(self._beta_2, *self._counts())

    @beta_2.setter
    def beta_2(self, beta_2):
        self._beta_2 = schedules.number_or_schedule(
            beta_2, "beta_2", steps=True, minimum=0.0, below=1.0
        )

    def get_config(self):
        return {**super().get_config(), "beta_2": schedules.config(self._beta_2)}


def follow(optimizer, images_seen, steps_seen=None):
    """Set the counters of an optimizer with schedules; others need none."""
    for part in optimizer_parts(optimizer):
        if isinstance(part, Adam):
            part.follow(images_seen, steps_seen)


def optimizer_parts(optimizer):
    """The optimizers with a learning rate of their own that an optimizer consists of: a list.

    Those of a `keras.optimizers.MultiOptimizer`, that in a loss scale, or else itself.
    """
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    if not isinstance(inner, keras.optimizers.MultiOptimizer):
        return [inner]
    used = [each for each in inner.optimizers if each.built]  # a part may match no variable
    return used or list(inner.optimizers)


def learning_rates(optimizer):
    """The learning rates of now: a list of floats, one for each of the `optimizer_parts`."""
    return [float(tf.convert_to_tensor(part.learning_rate)) for part in optimizer_parts(optimizer)]


def held(optimizer):
    """What Keras's callbacks treat: an optimizer, or the parts of a `MultiOptimizer`: a list."""
    several = isinstance(optimizer, keras.optimizers.MultiOptimizer)
    return optimizer_parts(optimizer) if several else [optimizer]


def built_on(optimizer):
    """The variables that an optimizer was built for; empty if it is not built."""
    return private_keras.optimized_variables(optimizer)


@keras.saving.register_keras_serializable("keras_gan")
class OptimizerGroup(keras.optimizers.Optimizer):
    """Gives Keras access to both players' optimizers; it updates nothing itself.

    Keras's callbacks read `model.optimizer`. Where they find `.optimizers` they treat each:
    `TensorBoard` logs both learning rates, `ReduceLROnPlateau` and `LearningRateScheduler` change
    both, `SwapEMAWeights` swaps both. Of a `MultiOptimizer` they find the parts. At the end of
    `fit` Keras asks for the final values of averaged weights (`use_ema`), which are given to each
    optimizer's own variables.

    Args:
        optimizers: list of them; the first one's clock is the group's.
    """

    def __init__(self, optimizers):
        super().__init__(learning_rate=0.0, name="gan_optimizers")
        # Behind a function: Keras would look for a second copy of them in files.
        self._both = lambda: list(optimizers)
        # Nothing to save: each optimizer is saved as an attribute of the model.
        self._variables = []
        self.built = True

    @property
    def optimizers(self):
        return self._both()

    @property
    def variables(self):
        return []

    @property
    def iterations(self):
        return self.optimizers[0].iterations

    # As Keras's `MultiOptimizer`: of two rates neither is the model's.
    @property
    def learning_rate(self):
        raise AttributeError(self._not_one("learning_rate"))

    @learning_rate.setter
    def learning_rate(self, value):
        raise AttributeError(self._not_one("learning_rate"))

    def __setattr__(self, name, value):
        own = name.startswith("_") or name in ("built", "name")
        if not own and any(hasattr(each, name) for each in getattr(self, "_both", list)()):
            raise AttributeError(self._not_one(name))
        super().__setattr__(name, value)

    def _not_one(self, name):
        count = len(self.optimizers)
        if count == 2:
            return (
                f"A GAN has two optimizers, each with a `{name}` of its own. Use "
                f"`gan.generator_optimizer.{name}` and `gan.discriminator_optimizer.{name}`."
            )
        return (
            f"This model has {count} optimizers, each with a `{name}` of its own. Use "
            f"`model.generator_optimizer.{name}`, and "
            f"`model.discriminator_optimizer[critic].{name}` with the name of a critic."
        )

    def build(self, variables):
        del variables  # each optimizer is built on its own network's

    def apply(self, grads, trainable_variables=None):
        raise NotImplementedError("A GAN's gradients are applied by its two optimizers.")

    def finalize_variable_values(self, var_list):
        del var_list
        for optimizer in self.optimizers:
            # The variables it was built for, even if some are frozen now: Keras uses their order.
            optimizer.finalize_variable_values(built_on(optimizer))

    def save_own_variables(self, store):
        pass

    def load_own_variables(self, store):
        pass
