"""Features of a critic that match between its two sides."""

import math

import keras
from keras import ops

from keras_gan import _checks
from keras_gan.terms.distances import DISTANCES, distance
from keras_gan.terms.term import CriticTerm, critic_name, float32, joined


@keras.saving.register_keras_serializable("keras_gan")
class FeatureMatching(CriticTerm):
    """The distance of a critic's features on its generated side from those on its real side.

    The critic's network returns a `dict` with "features", any nest of tensors. The value is the
    mean over them of their distances; features of real samples are constants. The critic itself
    learns nothing from it.

    - `of="samples"`: each generated sample's features against those of the real sample in its
      row, which should be its target (pix2pixHD, vocoders).
    - `of="means"`: the batch's mean features against each other, over all replicas (but not over
      the micro-batches of `accumulation_steps`); the paper takes `distance="l2"`.

    Args:
        critic: name of the critic, or `None` (default) for the only one.
        distance: "l1" (default) or "l2".
        of: "samples" (default) or "means".
        weight: see `Term`.
        every: see `Term`.
        name: default "feature_matching", with "_<critic>" where one is named.

    Raises:
        ValueError: if an argument is out of range.

    Source: Salimans et al., "Improved Techniques for Training GANs", NeurIPS 2016
    (arXiv:1606.03498); Wang et al., CVPR 2018 (arXiv:1711.11585).
    """

    reads, _needed = (), "features"

    def __init__(self, critic=None, distance="l1", of="samples", *, weight=1.0, every=1, name=None):
        self.critic = critic_name(critic)
        self.distance = _checks.one_of(distance, "distance", DISTANCES)
        self.of = _checks.one_of(of, "of", ("samples", "means"))
        name = joined("feature_matching", critic) if name is None else name
        super().__init__(weight, every=every, name=name)

    def value(self, scene):
        real, fake = (
            keras.tree.flatten(side(self.critic)["features"]) for side in (scene.real, scene.fake)
        )
        real = [ops.stop_gradient(each) for each in real]
        if self.of == "means":
            real, fake = _means(scene, real, fake)
        parts = [distance(*pair, self.distance) for pair in zip(real, fake, strict=True)]
        mean = sum(parts) / len(parts)
        return mean[0] if self.of == "means" else mean

    def get_config(self):
        config = super().get_config()
        del config["player"]
        return {"critic": self.critic, "distance": self.distance, "of": self.of, **config}


def _means(scene, real, fake):
    """The mean features of a batch, as batches of one row; by one call, as replicas must."""
    flat = [ops.reshape(float32(f), (-1, math.prod(f.shape[1:]))) for f in (*real, *fake)]
    means = scene.mean(ops.concatenate(flat, axis=1))[None]
    ends = [sum(part.shape[1] for part in flat[: k + 1]) for k in range(len(flat) - 1)]
    parts = ops.split(means, ends, axis=1)
    return parts[: len(real)], parts[len(real) :]
