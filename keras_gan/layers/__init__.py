"""Layers that Keras lacks, or whose Keras version does not suit adversarial training."""

from keras_gan.backend.frozen import Frozen
from keras_gan.layers.basis import Basis
from keras_gan.layers.batch_normalization import BatchNormalization
from keras_gan.layers.conditional_affine import ConditionalAffine
from keras_gan.layers.fusing import fuse
from keras_gan.layers.grouped_convolution import GroupedConv2D
from keras_gan.layers.image_convolution import ImageConv2D
from keras_gan.layers.leaky_relu import LeakyReLU
from keras_gan.layers.low_pass import LowPass
from keras_gan.layers.minibatch_std_dev import MinibatchStdDev
from keras_gan.layers.self_attention import SelfAttention
from keras_gan.layers.spectral_normalization import SpectralNormalization

__all__ = [
    "Basis",
    "BatchNormalization",
    "ConditionalAffine",
    "Frozen",
    "GroupedConv2D",
    "ImageConv2D",
    "LeakyReLU",
    "LowPass",
    "MinibatchStdDev",
    "SelfAttention",
    "SpectralNormalization",
    "fuse",
]
