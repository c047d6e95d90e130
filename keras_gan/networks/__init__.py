"""Networks, one family a file: functions that return `(generator, discriminator)`, or one."""

from keras_gan.networks.codes import classifying_discriminator, encoder, joint_discriminator
from keras_gan.networks.dcgan import dcgan
from keras_gan.networks.mlp import mlp
from keras_gan.networks.r3gan import r3gan
from keras_gan.networks.resnet import resnet

__all__ = [
    "classifying_discriminator",
    "dcgan",
    "encoder",
    "joint_discriminator",
    "mlp",
    "r3gan",
    "resnet",
]
