"""Turns of whole epochs, counted from the beginning of the run."""

import types

import keras
import pytest

from keras_gan.callbacks import AlternatingPeriods


def phases(callback, epochs):
    model = types.SimpleNamespace(phase="both")
    model.set_phase = lambda phase: setattr(model, "phase", phase)
    callback.set_model(model)
    callback.on_train_begin()
    seen = []
    for epoch in epochs:
        callback.on_epoch_begin(epoch)
        seen.append(model.phase[0])
    callback.on_train_end()
    assert model.phase == "both"
    return "".join(seen)


@pytest.mark.parametrize(
    ("periods", "expected"), [((1, 1), "dgdgdgd"), ((2, 1), "ddgddgd"), ((1, 3), "dgggdgg")]
)
def test_the_discriminator_begins(periods, expected):
    assert phases(AlternatingPeriods(*periods), range(7)) == expected


def test_a_resumed_run_goes_on_with_the_right_player():
    whole = phases(AlternatingPeriods(2, 3), range(20))
    for start in range(20):
        assert phases(AlternatingPeriods(2, 3), range(start, 20)) == whole[start:]


@pytest.mark.parametrize("name", ["discriminator_epochs", "generator_epochs"])
@pytest.mark.parametrize("value", [0, 1.5, True, "2"])
def test_periods_are_checked(name, value):
    with pytest.raises(ValueError, match=f"`{name}`.*Received: {name}="):
        AlternatingPeriods(**{name: value})


def test_another_model_is_refused():
    callback = AlternatingPeriods()
    callback.set_model(keras.Sequential())
    with pytest.raises(ValueError, match="needs a model of `keras_gan`.*Received"):
        callback.on_train_begin()
