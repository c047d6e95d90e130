"""Mechanisms of the engine, each as the smallest game that has it: the rows of the guarantees."""

import typing

import keras
import numpy as np
from keras import layers, ops

import helpers
from game_parts import BoundaryEquilibrium, CrossEntropy, Quantizer, register
from keras_gan import AdaptiveWeight, AdversarialModel, Critic, data, schedules
from keras_gan.augment import Adaptive
from keras_gan.layers import Frozen
from keras_gan.model.gan import GAN
from keras_gan.priors import Categorical, Shuffled
from keras_gan.terms import (
    L1,
    BalancedConsistency,
    Classification,
    FeatureMatching,
    KLDivergence,
    LatentConsistency,
    PathLength,
    Perceptual,
    Regression,
)
from keras_gan.terms.term import Term
from mechanism_parts import (
    BATCH,
    COUNT,
    HIDDEN,
    SIZE,
    at,
    critic_net,
    net,
    numbers,
    pairs,
    part,
    points,
    sampling,
    translating,
)


class Mechanism(typing.NamedTuple):
    """A row of the table.

    Attributes:
        title: in the table.
        make: called with the prior of noise; gives the model, its arguments of `compile`, and data.
        cannot: reasons by guarantee, of those that cannot hold.
    """

    title: str
    make: typing.Callable
    cannot: dict


EVERY = {}
OF_A_BATCH = (
    "A layer takes statistics of the rows that it sees at a time, as BatchNormalization without "
    "`synchronized=True`: of a micro-batch, of one replica's."
)


def row(title, **cannot):
    """Enter the function that makes a mechanism into the table."""

    def enter(make):
        EVERY[make.__name__] = Mechanism(title, make, cannot)
        return make

    return enter


# === GAN ===


@row("plain `GAN`")
def gan(noise):
    return GAN(helpers.generator(), helpers.discriminator(), prior=noise), {}, points()


@row("conditional `GAN`")
def conditional(noise):
    networks = [make(num_classes=3) for make in (helpers.generator, helpers.discriminator)]
    return GAN(*networks, num_classes=3, prior=noise), {}, (points(), numbers())


@row("packed `GAN`")
def packed(noise):
    discriminator = helpers.discriminator((2 * SIZE,))
    return GAN(helpers.generator(), discriminator, pack=2, prior=noise), {}, points()


# === What the generator is given, and what critics judge ===


@row("data-driven inputs")
def data_driven(noise):
    critic = Critic(critic_net(SIZE, SIZE), real="wanted", fake="made", condition="given")
    return translating(critic), {"terms": [L1("wanted", "made")]}, pairs()


@row("several critics")
def several_critics(noise):
    critics = [
        Critic(critic_net(), real="row", fake="made", name=name, weight=weight)
        for name, weight in (("first", 1.0), ("second", 0.5))
    ]
    return sampling(noise, *critics), {"regularizers": ["r1"]}, {"row": points()}


@row(
    "logits of several scales, relative to their means",
    accumulates="The loss compares with means over the rows that it sees at a time.",
)
def scales(noise):
    samples = keras.Input((SIZE,))
    hidden = [layers.Dense(HIDDEN, "tanh")(samples) for _ in range(3)]
    logits = [layers.Dense(1)(x * (1.0 + place)) for place, x in enumerate(hidden)]
    critic = Critic(keras.Model(samples, {"logits": logits}), real="row", fake="made")
    settings = {"loss": "relativistic_average", "regularizers": ["lecam"]}
    return sampling(noise, critic), settings, {"row": points()}


@row("critics that share a network")
def shared_network(noise):
    network = critic_net()
    critics = [
        Critic(network, real="row", fake="made", name="first"),
        Critic(network, real="other", fake="made", name="second", weight=0.5),
    ]
    return sampling(noise, *critics), {}, {"row": points(), "other": points(seed=1)}


@row("critics that share layers")
def shared_layers(noise):
    hidden, networks = layers.Dense(HIDDEN, "tanh"), []
    for _ in range(2):
        inputs = keras.Input((SIZE,))
        networks.append(keras.Model(inputs, layers.Dense(1)(hidden(inputs))))
    critics = [
        Critic(network, real="row", fake="made", name=name)
        for network, name in zip(networks, ("first", "second"), strict=True)
    ]
    return sampling(noise, *critics), {}, {"row": points()}


@row("a nest as a sample")
def nest(noise):
    latents = at("noise", helpers.LATENT)
    generator = keras.Model({"noise": latents}, {"made": net(latents), "code": net(latents)})
    critic = Critic(critic_net(SIZE, SIZE), real=("row", "number"), fake=("made", "code"))
    model = sampling(noise, critic, generator=generator)
    return model, {"regularizers": ["r1"]}, {"row": points(), "number": points(seed=1)}


@row("a `real` that the generator makes")
def made_real(noise):
    latents, given = at("noise", helpers.LATENT), at("row")
    generator = keras.Model(
        {"noise": latents, "row": given},
        {"made": net(latents), "code": net(given, size=helpers.LATENT)},
    )
    critic = Critic(critic_net(SIZE, helpers.LATENT), real=("row", "code"), fake=("made", "noise"))
    return sampling(noise, critic, generator=generator), {}, {"row": points()}


# === What changes in training ===


@row("pool")
def pool(noise):
    critic = Critic(critic_net(), real="row", fake="made", pool_size=12)
    return sampling(noise, critic), {}, {"row": points()}


@row("late start")
def late_start(noise):
    critics = [
        Critic(critic_net(), real="row", fake="made", name="first"),
        Critic(critic_net(), real="row", fake="made", name="second", start_step=1),
    ]
    return sampling(noise, *critics), {}, {"row": points()}


@row("adaptive weight")
def adaptive_weight(noise):
    critic = Critic(
        critic_net(), real="wanted", fake="made", weight=AdaptiveWeight("last"), start_step=1
    )

    def outputs(given):
        return {"made": net(given, name="last")}

    return translating(critic, outputs=outputs), {"terms": [L1("wanted", "made")]}, pairs()


@row("augmentation of packs that follows the critic")
def augmentation(noise):
    shape = (4, 4, 1)
    networks = helpers.generator(shape), helpers.discriminator((4, 4, 2))
    # The map of pixels is traced for seconds; draws and probability are those of any policy.
    moving = Adaptive("color", start=0.4, ramp_images=200.0)
    terms = [BalancedConsistency(moving, weight=0.1, every=2)]
    given = np.random.default_rng(0).uniform(-1, 1, (COUNT, *shape)).astype("float32")
    settings = {"augment": moving, "terms": terms, "regularizers": ["r1"]}
    return GAN(*networks, pack=2, prior=noise), settings, given


@row("a loss with state")
def loss_with_state(noise):
    return sampling(noise), {"loss": BoundaryEquilibrium(rate=0.5)}, {"row": points()}


# === Terms ===


@row("terms of the generator")
def generator_terms(noise):
    def outputs(given):
        return {"made": net(given), "mean": net(given), "log_variance": net(given)}

    fading = schedules.Piecewise({0: 1.0, 2: 0.5})
    terms = [
        L1("wanted", "made", weight=fading),
        Perceptual(part(SIZE, 3), "wanted", "made", every=2),
        KLDivergence("mean", "log_variance", weight=0.1),
    ]
    return translating(outputs=outputs), {"terms": terms}, pairs()


@register
class SizeOfLogits(Term):
    """Keeps the critic's logits small."""

    critics = (None,)
    reads = ()

    def value(self, scene):
        real, fake = (ops.cast(side()["logits"], "float32") for side in (scene.real, scene.fake))
        return ops.mean(ops.square(real) + ops.square(fake), axis=-1)


@row("terms of the critic")
def critic_terms(noise):
    terms = [SizeOfLogits(player="discriminator", weight=0.1)]
    return sampling(noise), {"terms": terms}, {"row": points()}


@row(
    "a term with state",
    xla="The term draws normal noise of its own, of which XLA draws other numbers.",
)
def term_with_state(noise):
    return sampling(noise), {"terms": [PathLength("noise", "made", every=2)]}, {"row": points()}


@row("terms of consistency")
def consistency(noise):
    latents, step = at("noise", helpers.LATENT), at("step", helpers.LATENT)
    decode = part(helpers.LATENT, SIZE)
    nearby = layers.Add()([latents, layers.Rescaling(0.1)(step)])
    generator = keras.Model(
        {"noise": latents, "step": step}, {"made": decode(latents), "near": decode(nearby)}
    )
    model = sampling(noise, generator=generator, priors={"step": noise})
    return model, {"terms": [LatentConsistency("made", "near")]}, {"row": points()}


@row("heads and features")
def heads(noise):
    latents, labels, style = at("noise", helpers.LATENT), at("labels", 0, "int32"), at("style")
    made = net(latents, layers.Embedding(3, 2)(labels), style)
    generator = keras.Model({"noise": latents, "labels": labels, "style": style}, {"made": made})
    network = critic_net(heads={"classes": 3, "style": SIZE}, features=True)
    model = sampling(
        noise,
        Critic(network, real="row", fake="made"),
        generator=generator,
        priors={"labels": Categorical(3), "style": noise},
    )
    terms = [
        Classification("labels"),
        Regression(fake_labels="style", head="style"),
        FeatureMatching("critic"),
    ]
    return model, {"terms": terms}, {"row": points(), "labels": numbers()}


@row('`loss="none"`')
def no_loss(noise):
    critics = [
        Critic(critic_net(), real="row", fake="made"),
        Critic(critic_net(heads={"classes": 3}), real="row", loss="none", name="classifier"),
    ]
    terms = [Classification("labels", critic="classifier", player="discriminator")]
    return sampling(noise, *critics), {"terms": terms}, {"row": points(), "labels": numbers()}


# === Draws, cuts and sources ===


@row("draws: classes, shuffled rows, a schedule")
def draws(noise):
    given, other, kind = at("given"), at("other"), at("kind", 0, "int32")
    level = at("level", 1)
    made = net(given, other, layers.Embedding(3, 2)(kind), level)
    generator = keras.Model(
        {"given": given, "other": other, "kind": kind, "level": level}, {"made": made}
    )
    priors = {
        "other": Shuffled("given"),
        "kind": Categorical(3, probabilities=[1, 2, 1]),
        "level": schedules.Linear(1.0, 0.0, over_steps=10),
    }
    critic = Critic(critic_net(), real="wanted", fake="made")
    return AdversarialModel(generator, critic, priors=priors), {}, pairs()


@row("cut outputs")
def cut_outputs(noise):
    given, latents = at("given"), at("noise", SIZE)
    decode = part(SIZE, SIZE)
    code = net(given)
    generator = keras.Model(
        {"given": given, "noise": latents},
        {"made": decode(code), "sampled": decode(latents), "unused": net(code)},
    )
    critic = Critic(critic_net(), real="wanted", fake="made")
    return AdversarialModel(generator, critic, priors={"noise": noise}), {}, pairs()


@row("unpaired sources")
def unpaired(noise):
    given = pairs()
    both = data.unpaired(
        given["given"], given["wanted"][:30], names=("given", "wanted"), batch_size=BATCH
    )
    return translating(), {}, both


@row("layer losses and `Frozen`")
def layer_losses(noise):
    def outputs(given):
        fixed = Frozen(part(SIZE, SIZE))(given)
        hidden = layers.Dense(HIDDEN, "tanh", kernel_regularizer="l2")(fixed)
        return {"made": layers.Dense(SIZE, activity_regularizer="l2")(hidden)}

    inputs = keras.Input((SIZE,))
    fixed = Frozen(part(SIZE, SIZE))(inputs)
    decayed = layers.Dense(HIDDEN, "tanh", kernel_regularizer="l2")(fixed)
    network = keras.Model(inputs, layers.Dense(1)(decayed))
    return translating(Critic(network, real="wanted", fake="made"), outputs=outputs), {}, pairs()


@row("codes that follow what is assigned to them", accumulates=OF_A_BATCH, replicas=OF_A_BATCH)
def codes(noise):
    def outputs(given):
        quantized = Quantizer(name="codes")(layers.Dense(3)(given))
        return {"made": net(quantized)}

    return translating(outputs=outputs), {"terms": [L1("wanted", "made")]}, pairs()


@row("`sample_weight`")
def sample_weight(noise):
    critic = Critic(critic_net(), real="row", fake="made", sample_weight="importance")
    weights = np.random.default_rng(0).uniform(-0.2, 1.0, COUNT).astype("float32")
    return sampling(noise, critic), {}, {"row": points(), "importance": weights}


@row("`MultiOptimizer`")
def multi_optimizer(noise):
    def outputs(given):
        return {"made": net(given, name="last"), "unused": net(given, name="other")}

    def optimizer():
        parts = keras.optimizers.OptimizerMap(keras.optimizers.SGD(0.1))
        parts[".*last.*"] = keras.optimizers.SGD(0.02)
        return keras.optimizers.MultiOptimizer(parts)

    settings = {"generator_optimizer": optimizer(), "discriminator_optimizer": optimizer()}
    return translating(outputs=outputs), {**settings, "terms": [L1("wanted", "made")]}, pairs()


@row("a user's term of labels")
def users_term(noise):
    def outputs(given):
        return {"made": net(given), "classes": net(given, size=3)}

    terms = [CrossEntropy("labels", "classes")]
    return translating(outputs=outputs), {"terms": terms}, {**pairs(), "labels": numbers()}
