"""What several recipes are made of."""

import keras

from keras_gan import _checks, optimizers


def suggesting(*networks):
    """Names of arguments as in `_checks.suggesting`, those that networks are passed included."""
    return lambda recipe: _checks.suggesting(recipe, *networks)


def adam(learning_rate, *, beta_1=0.0, beta_2=0.99):
    """A function that makes an Adam, whose learning rate is a number or a schedule."""
    kind = optimizers.Adam if callable(learning_rate) else keras.optimizers.Adam
    return lambda: kind(learning_rate, beta_1=beta_1, beta_2=beta_2)


def compiled(model, optimizer, **settings):
    """The model, compiled; each player gets an optimizer of its own from `optimizer()`."""
    model.compile(generator_optimizer=optimizer(), discriminator_optimizer=optimizer(), **settings)
    return model
