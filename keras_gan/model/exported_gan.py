"""What `GAN.export` writes: the averaged generator with its endpoints for latents and seeds."""

import keras
import tensorflow as tf

from keras_gan.model import generation
from keras_gan.model.exported_game import add_class_names, class_check


class ExportedGAN:
    """The averaged generator of a `GAN`, for export.

    Attributes:
        network: the Keras model.
    """

    def __init__(self, gan):
        self._gan, self.network = gan, gan.averaged_generator

    def functional(self, network):
        """Work around Keras, which exports all inputs of a subclassed model as floats."""
        if getattr(network, "inputs", None):
            return network
        gan = self._gan
        inputs = keras.Input((gan.latent_dim,), name="latents")
        if gan.num_classes is not None:
            inputs = [inputs, keras.Input((), dtype="int32", name="labels")]
        return keras.Model(inputs, network(inputs), name="generator")

    def call_once(self, network):
        """Call a network like the generator on one row."""
        latents, labels = tf.zeros([1, self._gan.latent_dim]), tf.zeros([1], "int32")
        network(latents if self._gan.num_classes is None else [latents, labels], training=False)

    def archive(self):
        """The `ExportArchive` of a SavedModel."""
        gan = self._gan
        made = _conditional_endpoints if gan.num_classes else _endpoints
        serve, sample, sample_uint8 = made(gan)
        labels = [tf.TensorSpec([None], "int32", name="labels")] if gan.num_classes else []
        latents = [tf.TensorSpec([None, gan.latent_dim], "float32", name="latents")]
        seeds = [
            tf.TensorSpec([], "int32", name="num_samples"),
            tf.TensorSpec([], "int64", name="seed"),
            tf.TensorSpec([], "float32", name="truncation"),
        ]
        archive = keras.export.ExportArchive()
        archive.track(gan.averaged_generator)
        archive.add_endpoint("serve", serve, [*latents, *labels])  # the first is the default
        archive.add_endpoint("sample", sample, [*seeds, *labels])
        if gan.is_image:
            archive.add_endpoint("sample_uint8", sample_uint8, [*seeds, *labels])
        add_class_names(archive, gan)
        return archive


def to_uint8(images):
    """Images from [-1, 1] to uint8: `round((x + 1) * 127.5)`, saturating."""
    return tf.saturate_cast(tf.round((images + 1.0) * 127.5), "uint8")


def _endpoints(gan):
    def serve(latents):
        return tf.cast(gan.averaged_generator(latents, training=False), "float32")

    def sample(num_samples, seed, truncation=1.0):
        return serve(
            generation.latents_of(
                gan.prior, num_samples, gan.latent_dim, seed, truncation=truncation
            )
        )

    def sample_uint8(num_samples, seed, truncation=1.0):
        return to_uint8(sample(num_samples, seed, truncation))

    return serve, sample, sample_uint8


def _conditional_endpoints(gan):
    def serve(latents, labels):
        with tf.control_dependencies(_label_checks(labels, tf.shape(latents)[0], gan.num_classes)):
            inputs = [latents, tf.identity(labels)]
            return tf.cast(gan.averaged_generator(inputs, training=False), "float32")

    def sample(num_samples, seed, truncation=1.0, labels=None):
        latents = generation.latents_of(
            gan.prior, num_samples, gan.latent_dim, seed, truncation=truncation
        )
        return serve(latents, labels)

    def sample_uint8(num_samples, seed, truncation=1.0, labels=None):
        return to_uint8(sample(num_samples, seed, truncation, labels))

    return serve, sample, sample_uint8


def _label_checks(labels, count, num_classes):
    one_each = tf.equal(tf.shape(labels)[0], count)
    rule = "`labels` must be one for each sample. Received:"
    return [
        class_check("labels", labels, num_classes),
        tf.debugging.Assert(one_each, [rule, labels]),
    ]
