"""Networks, one family a file.

`dcgan`, `mlp`, `r3gan` and `resnet` return `(generator, discriminator)`, `autoencoder` returns
`(encoder, decoder)`, and the others return one network.
"""

from keras_gan.networks.autoencoder import autoencoder
from keras_gan.networks.codes import classifying_discriminator, encoder, joint_discriminator
from keras_gan.networks.dcgan import dcgan
from keras_gan.networks.mlp import mlp
from keras_gan.networks.patch_discriminator import multi_scale, patch_discriminator
from keras_gan.networks.r3gan import r3gan
from keras_gan.networks.resnet import resnet
from keras_gan.networks.resnet_translator import resnet_translator
from keras_gan.networks.super_resolution import super_resolution
from keras_gan.networks.unet import unet

__all__ = [
    "autoencoder",
    "classifying_discriminator",
    "dcgan",
    "encoder",
    "joint_discriminator",
    "mlp",
    "multi_scale",
    "patch_discriminator",
    "r3gan",
    "resnet",
    "resnet_translator",
    "super_resolution",
    "unet",
]
