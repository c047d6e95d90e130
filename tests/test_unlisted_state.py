"""Variables of a part that are not listed, and so not saved, are refused with the cure."""

import keras
import pytest
from keras import Input, Model, layers

from keras_gan import AdaptiveWeight, AdversarialModel, Critic, losses, priors, regularizers, terms
from keras_gan.augment import Augmentation


def variable():
    return keras.Variable(0.0, trainable=False)


def holding(base, **held):
    """An object of a subclass of `base` with attributes."""

    class Following(base):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            for name, value in held.items():
                setattr(self, name, value)

    return Following


class AsItIs:
    def __call__(self, tensors, seed, images_seen):
        return tensors


class AsGiven(Augmentation):
    def __call__(self, tensors, seed, images_seen=0, **options):
        return tensors


def compiled(*, weight=1.0, prior="normal", **options):
    z, x = Input((4,), name="z"), Input((4,))
    critic = Critic(Model(x, layers.Dense(1)(x)), real="r", fake="y", weight=weight)
    generator = Model({"z": z}, {"y": layers.Dense(4, name="last")(z)})
    model = AdversarialModel(generator, critic, priors={"z": prior})
    options.setdefault("terms", [terms.L1("r", "y")])
    model.compile(**options)
    return model


def term(**held):
    return {"terms": [holding(terms.L1, **held)("r", "y", name="follows")]}


def built(layer):
    layer.build((None, 4))
    return layer


CASES = {
    "term": (
        lambda: term(follow=variable()),
        r"in `follow` that it does not list.*`self.variables = \(self.follow,\)`",
    ),
    "list": (lambda: term(means=[variable()]), r"`self.variables = \(\*self.means,\)`"),
    "dict": (lambda: term(by={"a": variable()}), r"`self.variables = \(\*self.by.values\(\),\)`"),
    "two": (
        lambda: term(variables=(v := variable(),), old=v, new=variable()),
        r"in `new`.*`self.variables = \(\*self.variables, self.new,\)`",
    ),
    "network": (
        lambda: term(net=built(layers.Dense(2))),
        r"in `net`.*`self.networks = \(self.net,\)`",
    ),
    "unbuilt": (lambda: term(net=layers.Dense(2)), "Dense in `net`.*do not exist yet.*Build it"),
    "metric": (
        lambda: term(mean=keras.metrics.Mean()),
        r"`self.variables = \(\*self.mean.variables,\)`",
    ),
    "seeds": (
        lambda: term(seeds=keras.random.SeedGenerator(0)),
        r"`self.variables = \(self.seeds.state,\)`",
    ),
    "loss": (
        lambda: {"loss": holding(losses.Hinge, k=variable())()},
        r"`self.variables = \(self.k,\)`",
    ),
    "regularizer": (
        lambda: {"regularizers": [holding(regularizers.R1, k=variable())()]},
        r"`self.variables = \(self.k,\)`",
    ),
    "property": (
        lambda: {"regularizers": [holding(regularizers.LeCam, k=variable())()]},
        r"Return them in `variables`: `\[\*others, self.k\]`",
    ),
    "augmentation": (
        lambda: {"augment": holding(AsGiven, k=variable())()},
        r"`self.variables = \(self.k,\)`",
    ),
    "function": (
        lambda: {"augment": holding(AsItIs, k=variable())()},
        "Subclass `keras_gan.augment.Augmentation`",
    ),
    "prior": (lambda: {"prior": holding(priors.Normal, k=variable())()}, "It can keep no state"),
    "adaptive weight": (
        lambda: {"weight": holding(AdaptiveWeight, k=variable())("last")},
        "It can keep no state",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_variable_that_is_not_listed_is_refused_with_the_cure(case):
    given, said = case
    with pytest.raises(ValueError, match=said):
        compiled(**given())


def test_what_is_listed_or_has_no_state_is_taken():
    v, net = variable(), built(layers.Dense(2))
    compiled(**term(follow=v, variables=(v,), net=net, networks=(net,), pool=layers.Flatten()))


def test_the_players_own_networks_may_be_held():
    x = Input((4,))
    judge = Model(x, layers.Dense(1)(x))
    model = AdversarialModel(
        Model({"z": (z := Input((4,), name="z"))}, {"y": layers.Dense(4)(z)}),
        Critic(judge, real="r", fake="y"),
        priors={"z": "normal"},
    )
    model.compile(**term(judge=judge))
