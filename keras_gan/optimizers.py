"""Two optimizers behind the one that Keras's callbacks look for."""

import keras


@keras.saving.register_keras_serializable("keras_gan")
class OptimizerGroup(keras.optimizers.Optimizer):
    """Shows Keras both players' optimizers; updates nothing itself.

    Keras's callbacks read `model.optimizer`. Where they find `.optimizers` they treat each:
    `TensorBoard` logs both learning rates, `ReduceLROnPlateau` and `LearningRateScheduler` change
    both, `SwapEMAWeights` swaps both. At the end of `fit` Keras asks for the final values of
    averaged weights (`use_ema`), which are given to each optimizer's own variables.

    Args:
        players: list of `(optimizer, network)` pairs; the first one's clock is the group's.
    """

    def __init__(self, players):
        super().__init__(learning_rate=0.0, name="gan_optimizers")
        self._players = list(players)
        # Nothing to save: each optimizer is saved as an attribute of the model.
        self._variables = []
        self.built = True

    @property
    def optimizers(self):
        return [optimizer for optimizer, _ in self._players]

    @property
    def variables(self):
        return []

    @property
    def iterations(self):
        return self.optimizers[0].iterations

    @property
    def learning_rate(self):
        return self.optimizers[0].learning_rate

    @learning_rate.setter
    def learning_rate(self, value):
        raise AttributeError(
            "A GAN has two learning rates. Set `gan.generator_optimizer.learning_rate` and "
            "`gan.discriminator_optimizer.learning_rate`."
        )

    def build(self, variables):
        del variables  # each optimizer is built on its own network's

    def apply(self, grads, trainable_variables=None):
        raise NotImplementedError("A GAN's gradients are applied by its two optimizers.")

    def finalize_variable_values(self, var_list):
        del var_list
        for optimizer, network in self._players:
            optimizer.finalize_variable_values(network.trainable_variables)

    def save_own_variables(self, store):
        pass

    def load_own_variables(self, store):
        pass
