"""A network's own statistics and random generators, preserved while the other player learns."""

import contextlib

import keras
import numpy as np
import tensorflow as tf

from keras_gan.backend import inspection, private_keras, replicas, seeds
from keras_gan.engine.players import unique
from keras_gan.engine.state import random_generators
from keras_gan.layers.spectral_normalization import SpectralNormalization


class Statistics:
    """A network's own statistics and random generators as they were, to go back to.

    BatchNorm's moving averages and a power iteration's vectors advance with every pass in training
    mode: with those made for the other player, and with those of an update that is not applied
    since something in it was not finite. Dropout's random generator advances likewise, and so does
    the kernel in Keras's `SpectralNormalization`.

    Args:
        network: Keras model whose variables are kept, but for those that its optimizer moves.
    """

    def __init__(self, network):
        self._weights = _kept_of_replicas(
            unique([*network.non_trainable_weights, *_overwritten(network)])
        )
        self._generators = _kept_of_replicas(random_generators(network))

    def restore(self, *, unless=False):
        """Go back.

        Args:
            unless: condition for statistics to stay as they are, a bool or a tensor of one. With a
                tensor the network has had its turn, and its random numbers are used up.
        """
        for variable, before in self._weights:
            if unless is not False:
                before = tf.where(unless, variable.value, before)
            variable.assign(before)
        if unless is False:
            for variable, before in self._generators:
                variable.assign(before)

    def draw_anew(self, seed):
        """Let random layers draw other numbers than they would: those of a seed, int32 `(2,)`."""
        for variable, before in self._generators:
            variable.assign(before + tf.cast(tf.stack([seed[0], 0]), before.dtype))
        if tf.executing_eagerly():
            self._anew = [variable.numpy() for variable, _ in self._generators]

    @property
    def have_moved(self):
        """Whether a random layer has drawn a number since `draw_anew`, which was run eagerly."""
        pairs = zip(self._generators, self._anew, strict=True)
        return any(np.any(variable.numpy() != anew) for (variable, _), anew in pairs)


def begins_anew(networks, parts):
    """A callable that takes power iterations back to where they are now, for each micro-batch.

    They depend on the kernels alone: each micro-batch makes those that the whole batch would.

    Args:
        networks: Keras models that the update runs in training mode.
        parts: the number of micro-batches; with 1 there is nothing to do.
    """
    layers = [layer for network in networks for layer in inspection.all_layers(network)]
    vectors = [layer.vector for layer in layers if isinstance(layer, SpectralNormalization)]
    kept = _kept(vectors) if parts > 1 else []

    def begin():
        for vector, before in kept:
            vector.assign(before)

    return begin


def _drawn_from(network):
    """The states of random generators but for Keras's own layers, which draw in training alone."""
    layers = inspection.all_layers(network)
    own = [x for x in layers if type(x).__module__.startswith("keras.src.layers.")]
    idle = {id(g.state) for layer in own for g in private_keras.seed_generators(layer)}
    return [state for state in random_generators(network) if id(state) not in idle]


def _overwritten(network):
    """The kernels that Keras's `SpectralNormalization` overwrites in each pass in training mode."""
    layers = inspection.all_layers(network)
    own = [x for x in layers if isinstance(x, keras.layers.SpectralNormalization)]
    return [layer.kernel for layer in own if layer.built]


def _kept(variables):
    return [(variable, tf.identity(variable.value)) for variable in variables]


def _kept_of_replicas(variables):
    """`_kept`; outside of a step, each replica's own, which may differ."""
    if tf.distribute.has_strategy() and not tf.distribute.in_cross_replica_context():
        return _kept(variables)
    held = [part for v in variables for part in getattr(v.value, "values", [v])]
    return [(variable, tf.identity(variable)) for variable in held]


@contextlib.contextmanager
def kept_unless(condition, variables):
    """Restore variables after the block, unless a boolean tensor holds."""
    kept = _kept(variables)
    yield
    for variable, before in kept:
        variable.assign(tf.where(condition, variable.value, before))


@contextlib.contextmanager
def preserved_statistics(network, seed):
    """Restore a network's statistics and random generators after the block.

    Inside the block its random layers use `seed`. Without that, dropout would be the same in all
    passes between two of the network's own updates, because the generators are restored each time.
    """
    statistics = Statistics(network)
    statistics.draw_anew(seed)
    yield statistics
    statistics.restore()


@contextlib.contextmanager
def draws_of_evaluation(networks, seed):
    """Let random layers draw by a seed alone inside the block, and go on after it as before.

    Some draw in inference, too, such as the sampling of a variational autoencoder.

    Args:
        networks: Keras models.
        seed: callable that gives an int32 `(2,)`; called if there is a random generator.
    """
    kept = _kept(unique(v for network in networks for v in _drawn_from(network)))
    if kept:
        words = seeds.fold(seed(), tf.cast(replicas.number(), "int32"))
    for place, (variable, before) in enumerate(kept):
        variable.assign(tf.cast(words + [place, 0], before.dtype))
    yield
    for variable, before in kept:
        variable.assign(before)
