"""What the generator minimises: a part for each critic and each term, and what its layers add."""

import tensorflow as tf

from keras_gan.adaptive_weight import AdaptiveWeight
from keras_gan.engine.compiled_critic import mean_of_rows, over_scales
from keras_gan.engine.game import weight_of
from keras_gan.engine.parts import Part, is_number
from keras_gan.engine.term_values import evaluated


class GeneratorLosses:
    """The part of a model that says what its generator minimises."""

    def _generator_parts(self, scene, own_loss):
        """The parts of the generator's loss, and what is logged."""
        critics, values = self._critics_parts(scene)
        self._count_from_start(values, "g_loss")
        terms = []
        updates = self._state.generator_updates.value
        for place, term in self._game.terms_of("generator"):
            part, values[term.name] = evaluated(
                term, scene.with_seed_of(place), self._state, updates
            )
            if part is not None:
                terms.append(part)
        self._note_layer_losses(values, "g", own_loss)
        return [*critics, *terms, Part(own_loss)], values

    def _critics_parts(self, scene):
        parts, values = [], {"g_loss": tf.zeros([])}
        for critic in self._game.critics:
            weight = self._weight_of_critic(critic)
            if critic.loss is None or is_number(weight) and weight == 0.0:
                continue
            loss = self._adversarial_loss(critic, scene)
            active = critic.starts_by(self._state.steps_seen.value)
            if not is_number(weight):  # of a schedule
                counts = tf.not_equal(weight, 0.0)
                active = counts if active is True else active & counts
            weighted = weighted_by(weight, loss)
            parts.append(Part(weighted, active, critic))
            self._note_loss(values, critic, "g_loss", weighted, alone=loss)
        return parts, values

    def _weight_of_critic(self, critic):
        """What a critic's loss is multiplied by; 1 where the gradients of it are, afterwards."""
        adaptive = isinstance(critic.weight, AdaptiveWeight)
        return 1.0 if adaptive else weight_of(critic, self._state)

    def _adversarial_loss(self, critic, scene):
        """What the generator minimises of a critic, unweighted; 0 before its start."""
        made = self._game.generator.outputs
        learns_real = any(name in made for name in critic.real)
        judge, real_logits = scene.judge(critic.name), None
        fake_logits = judge.outputs("fake")["logits"]
        if learns_real or critic.loss.generator_needs_real:
            real_logits = judge.outputs("real")["logits"]
        needed = real_logits if critic.loss.generator_needs_real else None
        values = _of_generator(critic.loss, needed, fake_logits)
        if learns_real:
            values += over_scales(
                lambda real, _: critic.loss.generator_loss_of_real(real), real_logits, None
            )
        loss = mean_of_rows(values, scene.weights_of_rows(critic), critic.pack)
        return self._once_started(critic, loss)


def _of_generator(loss, real_logits, fake_logits):
    try:
        return over_scales(loss.generator_loss, real_logits, fake_logits)
    except (AttributeError, TypeError, ValueError) as error:
        if real_logits is not None or "None" not in str(error):
            raise
        name = type(loss).__name__
        raise ValueError(
            f"`{name}.generator_loss` is given `None` for `real_logits`, and seems to read them. "
            f"Set `generator_needs_real = True` in the class {name}."
        ) from error


def weighted_by(weight, loss):
    """A loss times its weight; as it is, without an operation, times the number 1."""
    return loss if is_number(weight) and weight == 1.0 else weight * loss
