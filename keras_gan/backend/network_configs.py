"""Configs of networks with their dtype policies, which Keras leaves out for models.

Keras gives a model that it makes again the policy that is set then. Under another policy than that
of the saved one, a `Sequential` would cast its inputs, and a user's model build other layers.
"""

import keras

from keras_gan.backend import inspection

# The key of the policies: of a model and those in it, outer ones first. Earlier files lack it.
POLICIES = "policies_of_models"


def serialized(thing):
    """Keras's config of an object; of a model with the policies of it and of those in it."""
    config = keras.saving.serialize_keras_object(thing)
    if isinstance(thing, keras.Model):
        serialize = keras.saving.serialize_keras_object
        config[POLICIES] = [serialize(model.dtype_policy) for model in _models(thing)]
    return config


def deserialized(config, custom_objects=None):
    """The object of a config; a model is made again under its own policy, not that of Keras."""
    kept = config.get(POLICIES) if isinstance(config, dict) else None
    if not kept:
        return keras.saving.deserialize_keras_object(config, custom_objects=custom_objects)
    kept = [keras.saving.deserialize_keras_object(policy) for policy in kept]
    before = keras.config.dtype_policy()
    try:
        keras.config.set_dtype_policy(kept[0])
        made = keras.saving.deserialize_keras_object(config, custom_objects=custom_objects)
    finally:
        keras.config.set_dtype_policy(before)
    for model, policy in zip(_models(made), kept, strict=False):
        if model.dtype_policy.name != policy.name:
            model.dtype_policy = policy
    return made


def _models(network):
    return [layer for layer in inspection.all_layers(network) if isinstance(layer, keras.Model)]
