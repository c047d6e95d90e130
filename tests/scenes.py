"""A scene for terms without a model: tensors, and critics that are plain functions."""

import tensorflow as tf


class Scene:
    """What a term may ask for, from a `dict` of tensors.

    Args:
        tensors: by name.
        critics: `dict` from a name to a function of the side, "real" or "fake", that returns what
            the critic makes of it.
        tape: persistent tape on which the tensors were made.
        player: whose update it is.
        seed: int32 `(2,)`.
    """

    sample_weight = None

    def __init__(self, tensors, critics=None, *, tape=None, player="generator", seed=(1, 2)):
        self.tensors = {name: tf.convert_to_tensor(tensor) for name, tensor in tensors.items()}
        self.critics, self.tape, self.player = critics or {}, tape, player
        self.seed = tf.constant(seed, "int32")

    def __getitem__(self, name):
        return self.tensors[name]

    def real(self, critic=None):
        return self._critic(critic)("real")

    def fake(self, critic=None):
        return self._critic(critic)("fake")

    def gradient(self, of, at, weights=None):
        return self.tape.gradient(self.tensors[of], self.tensors[at], output_gradients=weights)

    def mean(self, values):
        return tf.reduce_mean(values, axis=0)

    def fraction(self, name, predicate):
        return tf.reduce_mean(tf.cast(predicate(self.tensors[name]), "float32"))

    def _critic(self, name):
        return next(iter(self.critics.values())) if name is None else self.critics[name]
