"""Parts of `compile` with a state go on with the model that they began with, and with no other."""

import keras
import pytest

import helpers
from keras_gan import losses
from keras_gan.augment import Adaptive, DiffAugment
from keras_gan.model.gan import GAN
from keras_gan.regularizers import R1, LeCam
from keras_gan.terms import PathLength

SHAPE = (4, 4, 1)


class Counting(losses.NonSaturating):
    """Counts its updates."""

    def __init__(self):
        super().__init__()
        self.count = keras.Variable(0.0, trainable=False)

    @property
    def variables(self):
        return [self.count]


def settings(augment=None, term=None, regularizer=None, loss="non_saturating"):
    terms = [] if term is None else [term]
    regularizers = [] if regularizer is None else [regularizer]
    return {"augment": augment, "terms": terms, "regularizers": regularizers, "loss": loss}


def gan():
    return GAN(helpers.generator(SHAPE), helpers.discriminator(SHAPE))


@pytest.mark.parametrize(
    "given",
    [
        lambda: settings(augment=Adaptive()),
        lambda: settings(regularizer=LeCam()),
        lambda: settings(term=PathLength("latents", "generated")),
        lambda: settings(loss=Counting()),
    ],
    ids=["augmentation", "regularizer", "term", "loss"],
)
def test_a_part_with_a_state_is_of_one_model(given):
    given, first = given(), gan()
    first.compile(**given)
    first.compile(**given)  # with new optimizers
    GAN(first.generator, helpers.discriminator(SHAPE)).compile(**given)
    with pytest.raises(ValueError, match="keeps a state, so that it must be new.*Create a new one"):
        gan().compile(**given)


def test_a_compile_that_fails_takes_nothing():
    part = LeCam()
    with pytest.raises(ValueError, match="must have an optimizer of its own"):
        same = keras.optimizers.Adam()
        gan().compile(same, same, regularizers=[part])
    gan().compile(regularizers=[part])


def test_parts_without_a_state_are_of_any_number():
    given = settings(augment=DiffAugment(), regularizer=R1(0.1))
    for _ in range(2):
        gan().compile(**given)
