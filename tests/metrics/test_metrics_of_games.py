"""Metrics of games: of pairs of names, which validation data alone may have."""

import keras
import numpy as np
import pytest
from keras import layers

import helpers
from keras_gan import AdversarialModel, Critic, evaluate_generator, metrics, priors

RANDOM = np.random.default_rng(0)
SOURCE = RANDOM.normal(size=(32, 2)).astype("float32")
TARGET = SOURCE + 1.0
LABELS = (SOURCE[:, 0] > 0).astype("int32")
PAIRS = {
    ("target", "shifted"): [metrics.FrechetDistance(), metrics.SlicedWasserstein()],
    ("labels", "predicted"): [keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
    ("target", "sampled"): [metrics.FrechetDistance(name="of_sampled")],
}


@pytest.fixture(scope="module")
def model():
    """A translator of points; its classifier and its sampler are for metrics alone."""
    keras.utils.set_random_seed(0)
    source, noise = keras.Input((2,), name="source"), keras.Input((3,), name="noise")
    outputs = {
        "shifted": layers.Dense(2)(source),
        "predicted": layers.Lambda(
            lambda x: keras.ops.concatenate([-x[:, :1], x[:, :1]], axis=1), output_shape=(2,)
        )(source),
        "sampled": layers.Dense(2)(noise),
    }
    generator = keras.Model({"source": source, "noise": noise}, outputs)
    critic = Critic(helpers.discriminator(), real="target", fake="shifted")
    model = AdversarialModel(generator, critic, priors={"noise": "normal"})
    model.compile(metrics=PAIRS, run_eagerly=True)
    return model


def fit(model, data, **settings):
    return model.fit(data, epochs=1, batch_size=16, verbose=0, **settings).history


def test_names_of_metrics_are_asked_of_validation_data_alone(model):
    data = {"source": SOURCE, "target": TARGET}
    held_out = {**data, "labels": LABELS}
    logs = fit(model, data, validation_data=held_out)
    assert logs["val_accuracy"] == [1.0], "the labels are those of the held-out rows"
    made = model.generate(inputs={"source": SOURCE}, outputs="shifted")
    expected = metrics.SlicedWasserstein()
    expected.update_state(TARGET, made)
    assert logs["val_sliced_wasserstein"][0] == pytest.approx(float(expected.result()), rel=1e-5)
    assert logs["val_of_sampled"][0] > 0.0, "what it is sampled from is drawn"
    again = model.evaluate(held_out, batch_size=16, return_dict=True, verbose=0)
    assert again["of_sampled"] == pytest.approx(logs["val_of_sampled"][0], rel=1e-5)
    one = model.test_on_batch({**held_out, "labels": 1 - LABELS}, return_dict=True)
    assert one["accuracy"] == 0.0
    model.train_on_batch({name: part[:8] for name, part in data.items()})


def test_a_share_that_is_held_out_has_them_from_the_training_data(model):
    everything = {"source": SOURCE, "target": TARGET, "labels": LABELS}
    assert fit(model, everything, validation_split=0.25)["val_accuracy"] == [1.0]


def test_validation_data_without_them_are_refused(model):
    data = {"source": SOURCE, "target": TARGET}
    with pytest.raises(ValueError, match="`validation_data` must have .*missing=.*'labels'"):
        fit(model, data, validation_data=data)


def test_any_game_that_draws_is_evaluated(model):
    with pytest.raises(ValueError, match="takes data.*needs=.*'source'.*compile"):
        evaluate_generator(model, TARGET, "sliced_wasserstein")
    keras.utils.set_random_seed(0)
    noise, labels = keras.Input((3,), name="noise"), keras.Input((), dtype="int32", name="kind")
    x = layers.Concatenate()([noise, layers.Embedding(2, 4)(labels)])
    critic = Critic(helpers.discriminator(), real="row", fake="made")
    drawing = {"noise": "normal", "kind": priors.Categorical(2)}
    game = AdversarialModel(
        keras.Model({"noise": noise, "kind": labels}, {"made": layers.Dense(2)(x)}),
        critic,
        priors=drawing,
    )
    metric = metrics.SlicedWasserstein()
    found = evaluate_generator(game, (TARGET, LABELS), metric, seed=3)
    twice = evaluate_generator(game, (TARGET, LABELS), metric, seed=3)
    other = evaluate_generator(game, (TARGET, 1 - LABELS), metric, seed=3)
    assert found == twice and found != other, "a sample has the class of its real"


def test_accuracies_are_of_named_pairs_alone():
    accuracy = keras.metrics.SparseCategoricalAccuracy()
    with pytest.raises(ValueError, match="it compares labels with predictions"):
        helpers.gan(metrics=[accuracy])
