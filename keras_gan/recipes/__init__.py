"""Compiled models with matching networks and settings, ready for `fit`."""

from keras_gan.recipes.anomaly import anomaly_score
from keras_gan.recipes.codes import bigan, infogan, vae_gan
from keras_gan.recipes.games import dcgan, mlp, r3gan, sngan, wgan_gp
from keras_gan.recipes.image_to_image import cycle_gan, pix2pix, super_resolution
from keras_gan.recipes.labels import acgan, semi_supervised
from keras_gan.recipes.plans import for_data

__all__ = [
    "acgan",
    "anomaly_score",
    "bigan",
    "cycle_gan",
    "dcgan",
    "for_data",
    "infogan",
    "mlp",
    "pix2pix",
    "r3gan",
    "semi_supervised",
    "sngan",
    "super_resolution",
    "vae_gan",
    "wgan_gp",
]
