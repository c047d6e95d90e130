"""Compiled models with matching networks and settings, ready for `fit`."""

from keras_gan.recipes.games import dcgan, mlp, r3gan, sngan, wgan_gp
from keras_gan.recipes.plans import for_data

__all__ = ["dcgan", "for_data", "mlp", "r3gan", "sngan", "wgan_gp"]
