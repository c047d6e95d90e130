"""Arguments that take one thing or several: what else they are given is told in one sentence."""

import pytest

import helpers
import keras_gan
from keras_gan import AdversarialModel, Critic, evaluate_generator, metrics, regularizers, terms


@pytest.fixture(scope="module")
def gan():
    return helpers.gan(run_eagerly=True)


R1, L1, DISTANCE = regularizers.R1, terms.L1, metrics.SlicedWasserstein
COMPILE = {
    "a class": ({"regularizers": R1}, "`regularizers` must be a list of .*Create one: `R1"),
    "a class in a list": ({"regularizers": ["r1", R1]}, "regularizer=<class .*Create one: `R1"),
    "a class of terms": ({"terms": L1}, r"`terms` must be a list of .*Create one: `L1\(\.\.\.\)`"),
    "a class of terms in a list": ({"terms": [L1]}, "term=<class .*Create one: `L1"),
    "a class of metrics": ({"metrics": DISTANCE}, "`metrics` must be .*Create one: `Sliced"),
    "a class of metrics in a list": ({"metrics": [DISTANCE]}, "Create one: `SlicedWasserstein"),
    "a class of losses": ({"loss": keras_gan.losses.Hinge}, "Create one: `Hinge"),
    "a number": ({"terms": 5}, "must be a list of `keras_gan.terms.Term`s. Received: terms=5"),
    "a number of metrics": ({"metrics": 5}, "`metrics` must be a list .*metrics=5"),
    "a number of regularizers": ({"regularizers": 0.1}, "must be a list .*regularizers=0.1"),
    "a word": ({"terms": "l1"}, "A term must be .*term='l1'. Use one of"),
}


@pytest.mark.parametrize("kind", COMPILE)
def test_what_is_no_list_is_refused_by_compile(gan, kind):
    settings, message = COMPILE[kind]
    with pytest.raises(ValueError, match=message):
        gan.compile(**settings)


def test_one_thing_is_as_good_as_a_list_of_one(gan):
    ours = helpers.gan(regularizers=R1(0.1), metrics=DISTANCE(), run_eagerly=True)
    theirs = helpers.gan(regularizers=[R1(0.1)], metrics=[DISTANCE()], run_eagerly=True)
    for each in (ours, theirs):
        assert [r.weight for r in each.regularizers] == [0.1]
        assert [m.name for m in each.quality_metrics] == ["sliced_wasserstein"]


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda g, d: Critic(d, real=5, fake="x"), "`real` must be a list of names.*real=5"),
        (lambda g, d: Critic(d, real="x", fake="y", condition=1), "`condition` must be a list"),
        (lambda g, d: Critic(d, real="x", fake="y", regularizers=R1), "Create one: `R1"),
        (lambda g, d: AdversarialModel(g, Critic), "`critics` must be .*critic=<class"),
        (lambda g, d: AdversarialModel(g, 5), "`critics` must be a `keras_gan.Critic`"),
        (
            lambda g, d: AdversarialModel(g, Critic(d, real="x", fake="generated"), values=5),
            "`values` must be a list of names. Received: values=5",
        ),
        (lambda g, d: evaluate_generator(g, helpers.points(), 5), "metrics=5"),
        (lambda g, d: evaluate_generator(g, helpers.points(), DISTANCE), "Create one: `Sliced"),
        (lambda g, d: DISTANCE(features=metrics.FrechetDistance), "Create one: `Frechet"),
        (
            lambda g, d: keras_gan.callbacks.ConvergenceStopping(
                rules=keras_gan.convergence.Stalled
            ),
            "`rules` must be a list of rules.*Create one: `Stalled",
        ),
        (
            lambda g, d: keras_gan.callbacks.ConvergenceStopping(
                rules=[keras_gan.convergence.Stalled]
            ),
            "Create one: `Stalled",
        ),
        (lambda g, d: keras_gan.data.unpaired(helpers.points(), names=5), "`names` must be a list"),
    ],
)
def test_what_is_no_list_is_refused_elsewhere(call, message):
    with pytest.raises(ValueError, match=message):
        call(helpers.generator(), helpers.discriminator())


def test_what_is_no_list_of_callbacks_or_outputs_is_refused(gan):
    with pytest.raises(ValueError, match="`callbacks` must be a list .*Create one: `ImageGrid"):
        gan.fit(helpers.points(8), batch_size=8, callbacks=keras_gan.callbacks.ImageGrid)
    with pytest.raises(ValueError, match="`callbacks` must be a list of instances.*callback=5"):
        gan.fit(helpers.points(8), batch_size=8, callbacks=5)
    assert gan.steps_seen == 0
