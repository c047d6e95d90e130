"""Papers' games with encoders of rows, at toy size."""

import keras
import numpy as np
from keras import layers, ops

from game_parts import (
    ROWS,
    CrossEntropy,
    PlayedGame,
    adam,
    check,
    classes,
    dense,
    judge,
    rows,
    vector,
)
from keras_gan import AdversarialModel, Critic, data
from keras_gan.terms import L2, FeatureMatching, KLDivergence


def adversarial_autoencoder():
    """Makhzani et al., 2015: codes that are like a prior."""
    row, prior = vector(ROWS, "row"), vector(3, "prior")
    code, decode = dense(ROWS, 3)(row), dense(3, ROWS)
    generator = keras.Model(
        {"row": row, "prior": prior},
        {"code": code, "decoded": decode(code), "sampled": decode(prior)},
    )
    critic = Critic(judge(3), real="prior", fake="code")
    model = AdversarialModel(generator, critic, priors={"prior": "normal"})
    model.compile(adam(), adam(), terms=[L2("row", "decoded")])

    def use(model):
        check(model.generate(inputs={"row": rows(2)}), 2, 3)  # codes
        check(model.generate(inputs={"row": rows(2)}, outputs="decoded"), 2, ROWS)
        check(model.generate(4, outputs="sampled"), 4, ROWS)

    return PlayedGame(model, {"row": rows()}, use)


def autoencoder_without_samples():
    """The same, whose prior is no input of the generator."""
    row = vector(ROWS, "row")
    code = dense(ROWS, 3)(row)
    generator = keras.Model({"row": row}, {"code": code, "decoded": dense(3, ROWS)(code)})
    critic = Critic(judge(3), real="prior", fake="code")
    model = AdversarialModel(generator, critic, priors={"prior": "normal"})
    model.compile(adam(), adam(), terms=[L2("row", "decoded")])

    def use(model):
        check(model.generate(inputs={"row": rows(2)}), 2, 3)

    return PlayedGame(model, {"row": rows()}, use)


def bigan():
    """Donahue et al., ICLR 2017, and the anomaly score of Zenati et al., 2018."""
    latents, row = vector(3, "latents"), vector(ROWS, "row")
    generate, encode = dense(3, ROWS), dense(ROWS, 3)
    code = encode(row)
    generator = keras.Model(
        {"latents": latents, "row": row},
        {"generated": generate(latents), "encoded": code, "rebuilt": generate(code)},
    )
    critic = Critic(
        judge(ROWS, 3, features=True), real=("row", "encoded"), fake=("generated", "latents")
    )
    model = AdversarialModel(generator, critic, priors={"latents": "normal"})
    model.compile(adam(), adam(), regularizers=["r1"])

    def use(model):
        check(model.generate(5), 5, ROWS)
        given = rows(4)
        made = model.generate(inputs={"row": given}, outputs=["encoded", "rebuilt"])
        features = [
            model.score({"row": row, "encoded": made["encoded"]})["features"][0]
            for row in (given, made["rebuilt"])
        ]
        distance = np.abs(features[0] - features[1]).sum(-1)
        check(np.abs(given - made["rebuilt"]).sum(-1) + distance, 4)
        assert (distance > 0.0).all()

    return PlayedGame(model, {"row": rows()}, use)


def vae_gan():
    """Larsen et al., ICML 2016: three parts, three mixtures of terms."""
    row, noise = vector(ROWS, "row"), vector(3, "noise")
    hidden, decode = dense(ROWS, 8)(row), dense(3, ROWS, name="decoder")
    mean, log_variance = layers.Dense(3)(hidden), layers.Dense(3)(hidden)
    code = mean + ops.exp(0.5 * log_variance) * noise
    # The weight of the likeness is 0.01 for the decoder and 1 for the encoder.
    scaled = code * 100.0 + ops.stop_gradient(code - code * 100.0)
    generator = keras.Model(
        {"row": row, "noise": noise},
        {
            "decoded": decode(scaled),
            "judged": decode(ops.stop_gradient(code)),
            "sampled": decode(noise),
            "mean": mean,
            "log_variance": log_variance,
        },
    )
    network = judge(ROWS, features=True)
    model = AdversarialModel(
        generator,
        [  # one network, three uses; the last for its features alone
            Critic(network, real="row", fake="judged"),
            Critic(network, real="row", fake="sampled", name="of_samples"),
            Critic(network, real="row", fake="decoded", loss="none", name="likeness"),
        ],
        priors={"noise": "normal"},
    )
    model.compile(
        adam(),
        adam(),
        terms=[FeatureMatching("likeness", weight=0.01), KLDivergence("mean", "log_variance")],
    )

    def use(model):
        check(model.generate(4, outputs="sampled"), 4, ROWS)
        check(model.generate(inputs={"row": rows(2)}, outputs="decoded"), 2, ROWS)

    return PlayedGame(model, {"row": rows()}, use)


def domain_adaptation():
    """Ganin & Lempitsky, ICML 2015: features of which a critic cannot tell the domain."""
    source, target = vector(ROWS, "source"), vector(ROWS, "target")
    encode, classify = dense(ROWS, 4, name="encoder"), dense(4, 5, name="classifier")
    of_source, of_target = encode(source), encode(target)
    generator = keras.Model(
        {"source": source, "target": target},
        {
            "source_code": of_source,
            "target_code": of_target,
            "classes": classify(of_source),
            "target_classes": classify(of_target),
        },
    )
    critic = Critic(judge(4), real="source_code", fake="target_code", weight=0.1)
    model = AdversarialModel(generator, critic)
    model.compile(adam(), adam(), "minimax", terms=[CrossEntropy("labels", "classes")])

    def use(model):
        # The classifier on the other domain, which had no labels.
        logits = model.generate(inputs={"target": rows(3, seed=1)}, outputs="target_classes")
        check(logits, 3, 5)

    labelled = {"source": rows(), "labels": classes()}
    both = data.unpaired(labelled, {"target": rows(20, seed=1)}, batch_size=4)
    return PlayedGame(model, both, use, None)
