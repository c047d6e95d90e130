"""Pairs of networks, one family a file: functions that return `(generator, discriminator)`."""

from keras_gan.networks.dcgan import dcgan
from keras_gan.networks.mlp import mlp
from keras_gan.networks.r3gan import r3gan
from keras_gan.networks.resnet import resnet

__all__ = ["dcgan", "mlp", "r3gan", "resnet"]
