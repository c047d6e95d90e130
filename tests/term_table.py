"""Every kind of term, and the tensors that tests give them."""

import keras
import numpy as np
from keras import layers

from keras_gan import terms
from keras_gan.augment import Affine, DiffAugment

RNG = np.random.default_rng(0)
A, B = (RNG.normal(size=(4, 3, 2)).astype("float32") for _ in range(2))
LOGITS = RNG.normal(size=(4, 3)).astype("float32")
FAKE_LOGITS = RNG.normal(size=(4, 3)).astype("float32")
MATRIX = RNG.normal(size=(3, 8)).astype("float32")
CLASSES = np.array([2, 0, 1, 1], "int32")
OTHERS = np.array([0, 0, 2, 1], "int32")


def network():
    """Two outputs of different shapes, and another behaviour in training mode."""
    inputs = keras.Input((3, 2))
    x = layers.Dropout(0.5)(layers.Dense(4, activation="tanh")(inputs))
    return keras.Model(inputs, {"early": x, "late": layers.Dense(1)(layers.Flatten()(x))})


TERMS = {
    "l1_a_b": lambda **o: terms.L1("a", "b", **o),
    "l2_a_b": lambda **o: terms.L2("a", "b", **o),
    "perceptual_a_b": lambda **o: terms.Perceptual(network(), "a", "b", "l2", **o),
    "kl_divergence_a_b": lambda **o: terms.KLDivergence("a", "b", **o),
    "feature_matching": lambda **o: terms.FeatureMatching(of="means", distance="l2", **o),
    "feature_matching_faces": lambda **o: terms.FeatureMatching("faces", **o),
    "classification": lambda **o: terms.Classification("labels", **o),
    "classification_digit_faces": lambda **o: terms.Classification(
        fake_labels="codes", head="digit", critic="faces", **o
    ),
    "regression": lambda **o: terms.Regression("labels", player="discriminator", **o),
    "path_length_a_b": lambda **o: terms.PathLength("a", "b", decay=0.5, **o),
    "balanced_consistency": lambda **o: terms.BalancedConsistency(DiffAugment("translation"), **o),
    "clustering_code_faces": lambda **o: terms.Clustering("code", Affine(turn=5), "faces", **o),
    "latent_consistency": lambda **o: terms.LatentConsistency("a", "b", **o),
}


def heads(key="classes", real=LOGITS, fake=FAKE_LOGITS):
    return {"only": {"real": {key: real}, "fake": {key: fake}}.get}
