"""What the games of `mechanisms.py` are made of: data, networks, models."""

import keras
import numpy as np
from keras import layers

import helpers
from keras_gan import AdversarialModel, Critic

SIZE, HIDDEN, BATCH, COUNT = 2, 8, 8, 48


def points(count=COUNT, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (count, SIZE)).astype("float32")


def numbers(kinds=3, count=COUNT):
    return (np.arange(count) * 7 % kinds).astype("int32")


def at(name, size=SIZE, dtype=None):
    return keras.Input((size,) if size else (), name=name, dtype=dtype)


def net(*tensors, size=SIZE, name=None, activation="tanh"):
    """A network of two layers on tensors."""
    x = layers.Concatenate()(list(tensors)) if len(tensors) > 1 else tensors[0]
    hidden = layers.Dense(HIDDEN, activation)(x)
    return layers.Dense(size, name=name)(hidden)


def part(inputs, outputs, name=None):
    """A network of two layers, to be called several times."""
    return keras.Sequential(
        [keras.Input((inputs,)), layers.Dense(HIDDEN, "tanh"), layers.Dense(outputs)], name=name
    )


def critic_net(*sizes, heads=None, features=False):
    inputs = [keras.Input((size,)) for size in sizes or (SIZE,)]
    x = layers.Concatenate()(inputs) if len(inputs) > 1 else inputs[0]
    hidden = layers.Dense(HIDDEN, "tanh")(x)
    outputs = {"logits": layers.Dense(1)(hidden)}
    outputs |= {name: layers.Dense(size)(hidden) for name, size in (heads or {}).items()}
    if features:
        outputs["features"] = [hidden]
    return keras.Model(inputs if len(inputs) > 1 else inputs[0], outputs)


def sampler():
    noise = at("noise", helpers.LATENT)
    return keras.Model({"noise": noise}, {"made": net(noise)})


def sampling(noise, *critics, generator=None, priors=None, **options):
    """A game of drawn samples."""
    critics = critics or (Critic(critic_net(), real="row", fake="made"),)
    priors = {"noise": noise, **(priors or {})}
    return AdversarialModel(generator or sampler(), list(critics), priors=priors, **options)


def translating(*critics, outputs=None, size=SIZE):
    """A game that takes data: rows to other rows."""
    given = at("given")
    made = outputs(given) if outputs else {"made": net(given)}
    critics = critics or (Critic(critic_net(size), real="wanted", fake="made"),)
    return AdversarialModel(keras.Model({"given": given}, made), list(critics))


def pairs():
    return {"given": points(), "wanted": points(seed=1)}
