"""What the generator minimises: a part for each critic and each term, and what its layers add."""

import tensorflow as tf

from keras_gan.adaptive_weight import AdaptiveWeight
from keras_gan.engine.compiled_critic import mean_of_rows, over_scales
from keras_gan.engine.game import weight_of
from keras_gan.engine.parts import Part, is_active, is_number
from keras_gan.engine.term_values import evaluated


class GeneratorLosses:
    """The part of a model that says what its generator minimises."""

    def _generator_parts(self, scene, own_loss):
        """The parts of the generator's loss, and what is logged."""
        critics, values = self._critics_parts(scene)
        terms = []
        updates = self._state.generator_updates.value
        for place, term in self._game.terms_of("generator"):
            weighted, values[term.name] = evaluated(
                term, scene.with_seed_of(place), self._state, updates
            )
            active = is_active(term, self._state)
            if active is not False:
                terms.append(Part(weighted, active))
        self._note_layer_losses(values, "g", own_loss)
        return [*critics, *terms, Part(own_loss)], values

    def _critics_parts(self, scene):
        parts, values = [], {"g_loss": tf.zeros([])}
        for critic in self._game.critics:
            weight = critic.weight
            if not isinstance(weight, AdaptiveWeight):
                weight = weight_of(critic, self._state)
            if critic.loss is None or is_number(weight) and weight == 0.0:
                continue
            loss = self._adversarial_loss(critic, scene)
            (loss,) = self._once_started(critic, loss)
            active = critic.starts_by(self._state.steps_seen.value)
            weighted = loss
            if tf.is_tensor(weight):  # of a schedule
                counts = tf.not_equal(weight, 0.0)
                active = counts if active is True else active & counts
            if tf.is_tensor(weight) or is_number(weight) and weight != 1.0:
                weighted = weight * loss
            parts.append(Part(weighted, active, critic))
            self._note(values, critic, "g_loss", weighted, alone=loss)
        return parts, values

    def _adversarial_loss(self, critic, scene):
        made = self._game.generator.outputs
        learns_real = any(name in made for name in critic.real)
        judge, real_logits = scene.judge(critic.name), None
        fake_logits = judge.outputs("fake")["logits"]
        if learns_real or critic.loss.generator_needs_real:
            real_logits = judge.outputs("real")["logits"]
        needed = real_logits if critic.loss.generator_needs_real else None
        values = over_scales(critic.loss.generator_loss, needed, fake_logits)
        if learns_real:
            values += over_scales(
                lambda real, _: critic.loss.generator_loss_of_real(real), real_logits, None
            )
        rows = None if critic.sample_weight is None else scene[critic.sample_weight]
        return mean_of_rows(values, rows, critic.pack)
