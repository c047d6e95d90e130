"""What `AdversarialModel.export` writes: a part of the averaged generator, by names."""

import os

import keras
import tensorflow as tf

from keras_gan import priors
from keras_gan.engine.preserved import preserved_statistics
from keras_gan.model import drawing


class ExportedGame:
    """The part of a model's averaged generator that makes some outputs, for export.

    Attributes:
        network: the Keras model.
    """

    def __init__(self, model, outputs):
        self._model, self._outputs = model, list(outputs)
        self._cut = model._named_average.cut(outputs)
        self.network = self._cut.network

    def functional(self, network):
        """A functional model of named inputs, of a network like the exported one."""
        inputs = {
            name: keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=name)
            for name, tensor in self._cut.inputs.items()
        }
        made = self._cut.of_copy(network)(inputs, training=False)
        outputs = single({name: made[name] for name in self._outputs})
        return keras.Model(list(inputs.values()), outputs, name="generator")

    def call_once(self, network):
        """Call such a functional model on one row."""
        rows = [
            tf.zeros([1, *(size or 1 for size in tensor.shape[1:])], tensor.dtype)
            for tensor in self._cut.inputs.values()
        ]
        network(rows if len(rows) > 1 else rows[0], training=False)

    @property
    def arguments(self):
        """What the endpoints take, for people: `dict`s of descriptions by name."""
        inputs = {
            name: f"{tensor.dtype} ({', '.join(map(str, ('batch', *tensor.shape[1:])))})"
            for name, tensor in self._cut.inputs.items()
        }
        drawn = self._drawn
        if not drawn:
            return {"serve": inputs}
        given = {name: told for name, told in inputs.items() if name not in drawn}
        return {"serve": inputs, "sample": given or {"num_samples": "int32"}}

    @property
    def _drawn(self):
        """The inputs that `sample` draws; what is drawn from the rows of a batch is an input."""
        own = self._model.priors
        return [
            name
            for name in self._cut.inputs
            if name in own and not isinstance(own[name], priors.Shuffled)
        ]

    def archive(self):
        """The `ExportArchive` of a SavedModel."""
        archive = keras.export.ExportArchive()
        archive.track(self.network)
        inputs = self._cut.inputs
        specs = {
            name: tf.TensorSpec([None, *tensor.shape[1:]], tensor.dtype, name=name)
            for name, tensor in inputs.items()
        }
        archive.add_endpoint(
            "serve", _with_arguments(self._made, inputs), list(specs.values())
        )  # the first is the default
        drawn = self._drawn
        if drawn:
            given = [name for name in inputs if name not in drawn]
            self._add_sample(archive, specs, drawn, given)
        add_class_names(archive, self._model)
        return archive

    def _add_sample(self, archive, specs, drawn, given):
        def sample(tensors):
            seed, truncation = tensors.pop("seed"), tensors.pop("truncation")
            count = tensors.pop("num_samples") if not given else tf.shape(tensors[given[0]])[0]
            found = drawing.drawn(self._model, drawn, tensors, count, seed, truncation)
            with preserved_statistics(self.network, drawing.seed_of(seed, drawing.RANDOM_LAYERS)):
                return self._made({**tensors, **found})

        first = {name: specs[name] for name in given} or {
            "num_samples": tf.TensorSpec([], "int32", name="num_samples")
        }
        arguments = {
            **first,
            "seed": tf.TensorSpec([], "int64", name="seed"),
            "truncation": tf.TensorSpec([], "float32", name="truncation"),
        }
        defaults = {"truncation": 1.0}
        archive.add_endpoint(
            "sample", _with_arguments(sample, arguments, defaults), list(arguments.values())
        )

    def _made(self, tensors):
        with tf.control_dependencies(self._class_checks(tensors)):
            tensors = {name: tf.identity(tensor) for name, tensor in tensors.items()}
        made = self._cut(tensors, training=False)
        return single({name: tf.cast(made[name], "float32") for name in self._outputs})

    def _class_checks(self, tensors):
        """Assert that classes are in range, which TensorFlow's lookups do not check."""
        classes = {
            name: prior.num_classes
            for name, prior in self._model.priors.items()
            if isinstance(prior, priors.Categorical)
            and name in tensors
            and tensors[name].dtype.is_integer
        }
        return [class_check(name, tensors[name], count) for name, count in classes.items()]


def class_check(name, indices, num_classes):
    """Assert that whole numbers are indices of classes."""
    rule = f"`{name}` must be class indices from 0 to {num_classes - 1}. Received:"
    known = tf.reduce_all((indices >= 0) & (indices < num_classes))
    return tf.debugging.Assert(known, [rule, indices])


def add_class_names(archive, model):
    """Add an endpoint that tells the names of a model's classes, if there are any."""
    if model.class_names:
        names = [os.fsencode(name) for name in model.class_names]
        archive.add_endpoint("class_names", lambda: tf.constant(names), [])


def single(made):
    """Outputs by name, or the output itself if there is one only."""
    return made if len(made) > 1 else next(iter(made.values()))


def _with_arguments(function, names, defaults=None):
    """A function of arguments of these names, which are identifiers, from one of a `dict`.

    SavedModel takes names of arguments from the source of a function.
    """
    defaults = defaults or {}
    arguments = ", ".join(f"{n}={defaults[n]!r}" if n in defaults else n for n in names)
    passed = ", ".join(f"{name!r}: {name}" for name in names)
    return eval(f"lambda {arguments}: function({{{passed}}})", {"function": function})  # noqa: S307
