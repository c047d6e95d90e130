"""One training step: the discriminator's updates, then the generator's."""

import tensorflow as tf

from keras_gan.backend.determinism import ordered
from keras_gan.engine.discriminator_update import DiscriminatorUpdate
from keras_gan.engine.generator_update import GeneratorUpdate
from keras_gan.engine.loops import in_turn
from keras_gan.engine.state import DISCRIMINATOR
from keras_gan.feeding.sample_spec import flat


class TrainStep(DiscriminatorUpdate, GeneratorUpdate):
    """The part of `GAN` that is one training step."""

    @ordered
    def train_step(self, data):
        """One step: the discriminator's updates, then the generator's.

        Called by `fit` in a graph. `data` is a flat batch of `discriminator_steps * batch_size`
        real samples, with their labels if the model is conditional. The last discriminator
        update and the first generator update share one pass of the generator.
        """
        self._custom_gradients.note()
        with tf.control_dependencies(flat(data)):  # at the end of data nothing may run
            scene_of, last = self._scenes(data), self.discriminator_steps - 1
            results = []
            if self.trains(DISCRIMINATOR):
                results += in_turn(lambda k: self._discriminator_step(k, scene_of(k)), last)
            scene = scene_of(last)
            results += self._shared_step(last, scene)
            results += in_turn(
                lambda k: self._generator_step(k, scene), self._generator_updates - 1
            )
            self._count_step(data)
            return self._log(results)
