"""Distances between two tensors in play."""

import keras
from keras import ops

from keras_gan import _checks
from keras_gan.backend import inspection, network_configs
from keras_gan.backend.logits import per_sample
from keras_gan.feeding.shapes import agree
from keras_gan.terms.term import Term, float32, joined, tensor_names

DISTANCES = {"l1": ops.abs, "l2": ops.square}


class _Pair(Term):
    """A distance between two tensors by name."""

    kind = None

    def __init__(self, a, b, *, weight=1.0, player="generator", every=1, name=None):
        self.a, self.b = tensor_names(a=a, b=b)
        name = joined(self.kind, a, b) if name is None else name
        super().__init__(weight, player=player, every=every, name=name)

    @property
    def reads(self):
        return (self.a, self.b)

    def value(self, scene):
        return distance(scene[self.a], scene[self.b], self.kind, names=self.reads)

    def get_config(self):
        return {"a": self.a, "b": self.b, **super().get_config()}


def distance(a, b, kind, names=None):
    """Mean of `|a - b|` ("l1") or `(a - b)^2` ("l2") over all axes but the first: `(batch,)`.

    Raises:
        ValueError: if the shapes of samples differ.
    """
    shapes = tuple(a.shape[1:]), tuple(b.shape[1:])
    _checks.check(
        agree(*shapes),
        "Tensors whose distance is taken must have one shape.",
        names=names,
        shapes=shapes,
    )
    return per_sample(DISTANCES[kind](float32(a) - float32(b)))


@keras.saving.register_keras_serializable("keras_gan")
class L1(_Pair):
    """`mean |a - b|` over all axes but the first, in float32: `(batch,)`.

    Images are in [-1, 1], so their distance is in [0, 2]. Gradients reach whichever of the two the
    generator makes.

    Image to image: `L1("photo", "painted", weight=100.0)`; a cycle: `L1("a", "cycled_a")`.

    Args:
        a: name of a tensor in play.
        b: name of another of the same shape.
        weight: see `Term`.
        player: see `Term`.
        every: see `Term`.
        name: default "l1_<a>_<b>".

    Raises:
        ValueError: if an argument is out of range; in training, if the shapes differ.

    Source: Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks", CVPR
    2017 (arXiv:1611.07004).
    """

    kind = "l1"


@keras.saving.register_keras_serializable("keras_gan")
class L2(_Pair):
    """`mean (a - b)^2` over all axes but the first, in float32: `(batch,)`.

    Images are in [-1, 1], so their distance is in [0, 4].

    Args:
        a: name of a tensor in play.
        b: name of another of the same shape.
        weight: see `Term`.
        player: see `Term`.
        every: see `Term`.
        name: default "l2_<a>_<b>".

    Raises:
        ValueError: if an argument is out of range; in training, if the shapes differ.

    Source: Pathak et al., "Context Encoders: Feature Learning by Inpainting", CVPR 2016
    (arXiv:1604.07379).
    """

    kind = "l2"


@keras.saving.register_keras_serializable("keras_gan")
class Perceptual(_Pair):
    """The distance of what a fixed network makes of two tensors.

    The mean over the network's outputs (any nest) of their distances, each a mean over all axes but
    the first. The network runs in inference mode and never trains; gradients reach the tensors. It
    may be any Keras model of one input, also one without weights (a blur, a mel spectrogram). It
    gets the tensors as they are: put the preprocessing that a pretrained network expects into it.

    ```python
    vgg = keras.applications.VGG19(include_top=False, input_shape=(64, 64, 3))
    image = keras.Input((64, 64, 3))
    pixels = keras.applications.vgg19.preprocess_input(127.5 * (image + 1.0))
    layers = [vgg.get_layer(f"block{k}_conv2").output for k in (1, 2, 3)]
    features = keras.Model(image, keras.Model(vgg.input, layers)(pixels))
    term = keras_gan.terms.Perceptual(features, "photo", "painted", weight=10.0)
    ```

    Args:
        network: built Keras model.
        a: name of a tensor in play.
        b: name of another of the same shape.
        distance: "l1" (default) or "l2".
        weight: see `Term`.
        player: see `Term`.
        every: see `Term`.
        name: default "perceptual_<a>_<b>".

    Raises:
        ValueError: if an argument is out of range.

    Source: Johnson et al., "Perceptual Losses for Real-Time Style Transfer and Super-Resolution",
    ECCV 2016 (arXiv:1603.08155).
    """

    kind = "perceptual"

    def __init__(
        self, network, a, b, distance="l1", *, weight=1.0, player="generator", every=1, name=None
    ):
        super().__init__(a, b, weight=weight, player=player, every=every, name=name)
        inspection.check_built(network)
        inspection.check_takes_floats(network, "network")
        self.network = network
        self.distance = _checks.one_of(distance, "distance", DISTANCES)

    @property
    def networks(self):
        return (self.network,)

    def value(self, scene):
        a, b = (
            keras.tree.flatten(self.network(scene[name], training=False)) for name in self.reads
        )
        parts = [
            distance(*pair, self.distance, names=self.reads) for pair in zip(a, b, strict=True)
        ]
        return sum(parts) / len(parts)

    def get_config(self):
        # Its weights are saved by the model that has the term.
        network = network_configs.serialized(self.network)
        return {"network": network, **super().get_config(), "distance": self.distance}

    @classmethod
    def from_config(cls, config):
        network = network_configs.deserialized(config["network"])
        return cls(**{**config, "network": network})

    def __repr__(self):
        return (
            f"Perceptual({self.network.name!r}, {self.a!r}, {self.b!r}, {self.distance!r}, "
            f"weight={self.weight!r})"
        )
