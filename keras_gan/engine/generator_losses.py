"""What the generator minimises: a part for each critic and each term, and what its layers add."""

import typing

import tensorflow as tf

from keras_gan.adaptive_weight import AdaptiveWeight
from keras_gan.engine.compiled_critic import mean_of_rows, over_scales
from keras_gan.engine.game import weight_of
from keras_gan.engine.term_values import evaluated


class Part(typing.NamedTuple):
    """A part of the generator's loss.

    Attributes:
        loss: weighted scalar; not weighted if the weight is a ratio of gradients.
        active: whether it counts in this step: `True`, or a boolean tensor.
        critic: the `CompiledCritic` whose loss it is; `None` of terms and layers.
    """

    loss: typing.Any
    active: typing.Any = True
    critic: typing.Any = None

    @property
    def is_adaptive(self):
        """Whether its weight is a ratio of gradients."""
        return self.critic is not None and isinstance(self.critic.weight, AdaptiveWeight)


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
            weight = weight_of(term, self._state)
            if not _is_number(weight):
                terms.append(Part(weighted, tf.not_equal(weight, 0.0)))
            elif weight:
                terms.append(Part(weighted))
        self._note_layer_losses(values, "g", own_loss)
        return [*critics, *terms, Part(own_loss)], values

    def _critics_parts(self, scene):
        parts, values = [], {"g_loss": tf.zeros([])}
        for critic in self._game.critics:
            weight = critic.weight
            if not isinstance(weight, AdaptiveWeight):
                weight = weight_of(critic, self._state)
            if critic.loss is None or _is_number(weight) and weight == 0.0:
                continue
            loss = self._adversarial_loss(critic, scene)
            (loss,) = self._once_started(critic, loss)
            active = critic.starts_by(self._state.steps_seen.value)
            weighted = loss
            if tf.is_tensor(weight):  # of a schedule
                counts = tf.not_equal(weight, 0.0)
                active = counts if active is True else active & counts
            if tf.is_tensor(weight) or _is_number(weight) and weight != 1.0:
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


def has_turn(parts):
    """Whether any part counts in this step: `True`, or a boolean tensor.

    What layers add does not count: weight decay alone trains nothing.
    """
    actives = [part.active for part in parts[:-1]]
    if True in [active is True for active in actives] or not actives:
        return True
    return tf.reduce_any(tf.stack(actives))


def turns(tape, parts, variables):
    """Which variables have no turn in every step.

    A variable that nothing but inactive parts can reach is left out of an update, and not given a
    gradient of zeros, by which momentum and weight decay would still move it.

    Args:
        tape: persistent tape of the parts.
        parts: list of `Part`s.
        variables: the generator's.

    Returns:
        `dict` from places of variables to boolean tensors; others always have their turn.
    """
    always, sometimes = set(), {}
    for part in parts[:-1]:
        # Nothing of these gradients is used, so that none is computed in a graph.
        reached = tape.gradient(part.loss, variables)
        places = [place for place, gradient in enumerate(reached) if gradient is not None]
        if part.active is True:
            always.update(places)
        else:
            for place in places:
                before = sometimes.get(place)
                sometimes[place] = part.active if before is None else before | part.active
    return {place: active for place, active in sometimes.items() if place not in always}


def _is_number(weight):
    return isinstance(weight, (int, float))
