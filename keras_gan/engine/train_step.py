"""One training step: the critics' updates, then the generator's."""

import tensorflow as tf

from keras_gan.backend.determinism import ordered
from keras_gan.engine.critics_update import CriticsUpdate
from keras_gan.engine.generator_update import GeneratorUpdate
from keras_gan.engine.loops import in_turn
from keras_gan.engine.state import DISCRIMINATOR
from keras_gan.feeding.sample_spec import flat


class TrainStep(CriticsUpdate, GeneratorUpdate):
    """The part of a model that is one training step."""

    @ordered
    def train_step(self, data):
        """One step: the critics' updates, then the generator's.

        Called by `fit` in a graph. `data` is a flat batch of `discriminator_steps * batch_size`
        rows. The critics' last update and the generator's first share one pass of the generator.
        """
        self._custom_gradients.note()
        with tf.control_dependencies(flat(data)):  # at the end of data nothing may run
            batch_of, last = self._batches(data), self.discriminator_steps - 1
            results = []
            if self.trains(DISCRIMINATOR):
                results += in_turn(lambda k: self._critics_step(k, batch_of(k)), last)
            results += self._shared_step(last, batch_of(last))
            results += in_turn(
                lambda k: self._generator_step(k, batch_of(self._rows_of(k))),
                self._generator_updates - 1,
            )
            self._count_step(data)
            return self._log(results)
