"""`AdversarialModel.score`: any number of rows, a part at a time, and what is asked for alone."""

import keras
import numpy as np
import pytest
from keras import layers

import helpers
from keras_gan import AdversarialModel, Critic
from keras_gan.model import sampling

ROWS = helpers.points(11)


def game(pack=1):
    """A game of rows of two numbers, whose critic returns features in a list."""
    x = keras.Input((2 * pack,))
    hidden = layers.Dense(3, "tanh")(x)
    outputs = {"logits": layers.Dense(1)(hidden), "features": [hidden, 2.0 * hidden]}
    critic = Critic(keras.Model(x, outputs), real="row", fake="generated", pack=pack)
    return AdversarialModel(helpers.generator(), critic, priors={"latents": "normal"})


@pytest.fixture
def shown(monkeypatch):
    """The numbers of rows that critics are shown, pass by pass."""
    found, made = [], sampling.Scene

    def scene(tensors, *args, **kwargs):
        found.append(len(tensors["row"]))
        return made(tensors, *args, **kwargs)

    monkeypatch.setattr(sampling, "Scene", scene)
    return found


def test_scores_do_not_depend_on_the_size_of_the_parts(shown):
    model = game()
    whole = model.score({"row": ROWS})
    parts = model.score({"row": ROWS}, batch_size=4)
    assert shown == [11, 4, 4, 3]
    assert [part.shape for part in parts["features"]] == [(11, 3), (11, 3)]
    keras.tree.map_structure(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), whole, parts)


def test_parts_hold_whole_packs(shown):
    model = game(pack=3)
    whole = model.score({"row": ROWS})["logits"]
    parts = model.score({"row": ROWS}, batch_size=8)["logits"]
    assert shown == [12, 6, 6]
    np.testing.assert_allclose(parts, whole, atol=1e-6)
    assert model.score({"row": ROWS}, batch_size=1)["logits"].shape == (4, 1)


def test_parts_are_smaller_where_a_pass_needs_much_memory(shown, monkeypatch):
    monkeypatch.setattr(sampling.compute_cost, "samples_per_pass", lambda network: 5)
    game().score({"row": ROWS})
    assert shown == [5, 5, 1]


def test_only_the_outputs_that_are_asked_for_are_returned():
    model = game()
    every = model.score({"row": ROWS})
    assert set(every) == {"logits", "features"}
    for asked in ("logits", ["logits"]):
        (name,) = found = model.score({"row": ROWS}, outputs=asked)
        np.testing.assert_array_equal(found[name], every["logits"])


@pytest.mark.parametrize(
    ("inputs", "settings", "message"),
    [
        ({"row": ROWS}, {"outputs": "logit"}, "logits, features.*Did you mean 'logits'"),
        ({"row": ROWS}, {"outputs": []}, r"outputs=\[\]"),
        ({"row": ROWS}, {"batch_size": 0}, "batch_size=0"),
        ({"row": ROWS}, {"names": "rows"}, "not there.*missing=.'rows'.*Did you mean 'row'"),
        ({"row": ROWS}, {"names": ("row", "row")}, "as many as critic 'critic' judges: row"),
    ],
)
def test_wrong_arguments_are_refused(inputs, settings, message):
    with pytest.raises(ValueError, match=message):
        game().score(inputs, **settings)


def test_what_is_judged_together_must_have_one_length():
    a, b = keras.Input((2,)), keras.Input((2,))
    network = keras.Model([a, b], layers.Dense(1)(layers.Concatenate()([a, b])))
    critic = Critic(network, real="row", fake="generated", condition="other")
    model = AdversarialModel(helpers.generator(), critic, priors={"latents": "normal"})
    with pytest.raises(ValueError, match="must have one length. Received: row=11, other=10"):
        model.score({"row": ROWS, "other": ROWS[:10]})
