"""Label inputs of conditional networks."""

import keras

from keras_gan import _checks


def label_input(num_classes):
    """The second input of a conditional network, `(batch,)` int32, or `None`."""
    if num_classes is None:
        return None
    return keras.Input((), dtype="int32", name="labels")


def join_label(x, labels, num_classes, width, prefix, initializer="uniform"):
    """Vectors with the label's learned embedding beside them (Mirza and Osindero, 2014)."""
    if labels is None:
        return x
    embedding = keras.layers.Embedding(
        num_classes, width, embeddings_initializer=initializer, name=f"{prefix}_label_embedding"
    )
    return keras.layers.Concatenate(name=f"{prefix}_with_label")([x, embedding(labels)])


def project_label(logit, features, labels, num_classes, prefix, wrap=lambda layer: layer):
    """The logit plus `<embedding(label), features>` (Miyato and Koyama, ICLR 2018)."""
    if labels is None:
        return logit
    embedding = wrap(
        keras.layers.Embedding(num_classes, features.shape[-1], name=f"{prefix}_label_embedding")
    )(labels)
    match = keras.layers.Dot(axes=1, name=f"{prefix}_label_match")([features, embedding])
    return keras.layers.Add(name=f"{prefix}_logit")([logit, match])


def checked_norm(conditional_norm, num_classes):
    """Whether BatchNorm shall follow the class; refused without classes."""
    conditional_norm = _checks.boolean(conditional_norm, "conditional_norm")
    _checks.check(
        not conditional_norm or num_classes is not None,
        "`conditional_norm=True` needs classes.",
        cure="Pass `num_classes=`.",
        num_classes=num_classes,
    )
    return conditional_norm


def model(inputs, labels, outputs, name):
    """A Keras model of one input, or of two if there are labels."""
    return keras.Model(inputs if labels is None else [inputs, labels], outputs, name=name)
