"""What several recipes are made of."""

import keras

from keras_gan import _checks, losses, optimizers, regularizers, schedules
from keras_gan.recipes import defaults

DCGAN_BETAS = {"beta_1": 0.5, "beta_2": 0.999}


def suggesting(*networks, without=()):
    """Names of arguments as in `_checks.suggesting`, those that networks are passed included."""
    return lambda recipe: _checks.suggesting(recipe, *networks, without=without)


def checked_weight(value, name):
    """The weight of a term or penalty, checked under the name that it has in the recipe."""
    return schedules.number_or_schedule(value, name, steps=True, minimum=0.0)


def checked_gamma(value, image_shape):
    """Likewise of R1 and R2; `None` for the one that follows from the size, see `defaults`."""
    value = defaults.gamma(image_shape, 0.1) if value is None else value
    return checked_weight(value, "gamma")


def adam(learning_rate, *, beta_1=0.0, beta_2=0.99):
    """A function that makes an Adam, whose learning rate is a number or a schedule."""
    kind = optimizers.Adam
    if not callable(learning_rate):
        kind = keras.optimizers.Adam
        learning_rate = _checks.number(learning_rate, "learning_rate", minimum=0.0)
    return lambda: kind(learning_rate, beta_1=beta_1, beta_2=beta_2)


def relativistic(model, gamma, learning_rate, **settings):
    """The model, compiled with the relativistic paired loss, and R1 and R2 of one weight."""
    return compiled(
        model,
        adam(learning_rate),
        loss=losses.RelativisticPaired(),
        regularizers=[regularizers.R1(weight=gamma), regularizers.R2(weight=gamma)],
        **settings,
    )


def non_saturating(model, learning_rate, **settings):
    """The model, compiled with the non-saturating loss and the Adam of DCGAN."""
    optimizer = adam(learning_rate, **DCGAN_BETAS)
    return compiled(model, optimizer, loss=losses.NonSaturating(), **settings)


def compiled(model, optimizer, **settings):
    """The model, compiled; each player gets an optimizer of its own from `optimizer()`."""
    model.compile(generator_optimizer=optimizer(), discriminator_optimizer=optimizer(), **settings)
    return model
