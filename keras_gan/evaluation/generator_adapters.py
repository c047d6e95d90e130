"""Adapters that draw samples from any generator: a model, a file or a function."""

import collections
import os

import keras
import tensorflow as tf

from keras_gan import _checks, priors
from keras_gan.backend import inspection
from keras_gan.feeding import values
from keras_gan.model import export_files, generation
from keras_gan.model.adversarial_model import AdversarialModel
from keras_gan.model.gan import GAN
from keras_gan.storage import files, loadable

# draw: callable `(count, seed, labels) -> samples`; `labels` is `None` unless it takes labels.
# takes_labels: whether the generator is conditional.
# num_classes: of a conditional generator, `None` if unknown.
# reach: the `values.Reach` of a network, `None` if unknown.
# class_names: tuple of the names of the classes, `None` if unknown.
# code: code of a function that makes the same samples, for error messages, or `None`.
GeneratorAdapter = collections.namedtuple(
    "GeneratorAdapter",
    ["draw", "takes_labels", "num_classes", "reach", "class_names", "code"],
    defaults=[None, None, None],
)

_DEFAULT = "serving_default"
_OWN = ("num_samples", "seed", "truncation")
_WRAP = "Wrap it into a function of latents, and give `latent_dim=`."

_TAKES_DATA = "A generator that takes data makes no samples of draws alone."
_FOR_DATA = (
    "For samples use `model.generate(inputs=...)` in Python. For figures give metrics to "
    "`compile(metrics={(real, fake): [...]})` and call `evaluate(data)`, or wrap "
    "`model.generate(inputs=...)` into a function of latents."
)


def adapt(generator, *, prior=None, latent_dim=None, num_classes=None):
    """The `GeneratorAdapter` of any generator that `keras_gan.evaluate_generator` takes.

    The same seed gives the same latents to a `GAN`, to its export, and to any other generator of
    that prior and latent size.
    """
    num_classes = _checks.positive_int(num_classes, "num_classes", optional=True)
    noted = None
    if isinstance(generator, (str, bytes, os.PathLike)):
        path = files.expanded(generator)
        config, generator = export_files.read_config(path), _loaded(path)
        noted = config.get("num_classes")
        if config.get("keras_gan") and not isinstance(generator, keras.Model):
            _refuse_data(generator, config)
    if isinstance(generator, AdversarialModel) or _is_own(generator):
        given = {"prior": prior, "latent_dim": latent_dim}
        given = {name: value for name, value in given.items() if value is not None}
        _checks.check(
            not given,
            "This generator draws its own latents: a prior and a size must be left out.",
            **given,
        )
        if not isinstance(generator, AdversarialModel):
            return _own_export(generator, num_classes, noted)
        _checks.check(
            num_classes in (None, generator.num_classes),
            "A model knows how many classes it has.",
            cure="Leave `num_classes` out.",
            num_classes=num_classes,
            of_the_model=generator.num_classes,
        )
        return (_gan if isinstance(generator, GAN) else _game)(generator)
    run, shape, takes_labels = _network(generator, num_classes)
    if not takes_labels:
        _refuse_classes(num_classes)
    prior = priors.get("normal" if prior is None else prior)
    shape = _latent_shape(shape, latent_dim)

    def draw(count, seed, labels):
        latents = generation.latents_of(prior, count, shape.num_elements(), seed)
        return run(tf.reshape(latents, (count, *shape)), labels)

    is_model = isinstance(generator, keras.Model)
    reach, code = values.reach(generator) if is_model else None, None
    if not hasattr(generator, "signatures"):
        arguments = "latents, labels" if takes_labels else "latents"
        given = f"[{arguments}]" if takes_labels and is_model else arguments
        code = f"lambda {arguments}: generator({given})"
    return GeneratorAdapter(draw, takes_labels, num_classes, reach, code=code)


def _gan(gan):
    def draw(count, seed, labels):
        return gan.generate(count, seed=seed, labels=labels)

    takes_labels = gan.num_classes is not None
    return GeneratorAdapter(draw, takes_labels, gan.num_classes, gan.spec.reach, gan.class_names)


def _game(model):
    """The adapter of a game: the first output that a critic judges, if it comes from draws."""
    known = model._named_generator.outputs
    judged = [name for critic in model.critics for name in critic.fake if name in known]
    outputs = [name for name in judged or known if not model._missing([name], ())]
    _checks.check(
        bool(outputs),
        _TAKES_DATA,
        cure=_FOR_DATA,
        needs=model._missing([(judged or list(known))[0]], ()),
    )
    output, entry = outputs[0], model.class_entry
    network = model._named_average.cut([output])
    takes_labels = entry is not None and entry in network.inputs

    def draw(count, seed, labels, truncation=1.0):
        inputs = None if labels is None else {entry: labels}
        settings = {"seed": seed, "truncation": truncation}
        return model.generate(count, inputs=inputs, outputs=output, **settings)

    num_classes = model.num_classes if takes_labels else None
    reach = values.reach(network.network)
    return GeneratorAdapter(draw, takes_labels, num_classes, reach, model.class_names)


# === SavedModels ===


def _loaded(path):
    """Load a SavedModel or a Keras model."""
    if path.is_dir() and path.joinpath("saved_model.pb").exists():
        return tf.saved_model.load(str(path))
    _checks.check(
        path.is_file() and path.suffix in (".keras", ".h5"),
        "The path of a generator must be a folder with a SavedModel or a `.keras` file.",
        path=str(path),
    )
    return loadable.load(path)


def _refuse_data(exported, config):
    """Refuse an export of a game that takes data: noise in their place would get a figure, too."""
    arguments = (config.get("arguments") or {}).get("serve") or {}
    _checks.check(_is_own(exported), _TAKES_DATA, cure=_FOR_DATA, needs=list(arguments) or "data")


def _is_own(generator):
    """Whether it is a SavedModel with the endpoints of `GAN.export`."""
    concrete = getattr(getattr(generator, "sample", None), "concrete_functions", ())
    return len(concrete) == 1 and _arguments(concrete[0])[: len(_OWN)] == _OWN


def _arguments(concrete):
    return tuple(spec.name for spec in tf.nest.flatten(concrete.structured_input_signature))


def _own_export(model, num_classes, noted=None):
    """The adapter of an export; `noted` is what its `config.json` says of `num_classes`."""
    takes_labels = len(_arguments(model.sample.concrete_functions[0])) > len(_OWN)
    if not takes_labels:
        _refuse_classes(num_classes)

    def draw(count, seed, labels):
        position = (tf.constant(count), tf.constant(seed, "int64"), tf.constant(1.0))
        return model.sample(*position, *([tf.constant(labels)] if takes_labels else []))

    names = None
    if takes_labels and hasattr(model, "class_names"):
        names = tuple(name.decode() for name in model.class_names().numpy())
    if takes_labels and num_classes is None:
        num_classes = len(names) if names else noted
    return GeneratorAdapter(draw, takes_labels, num_classes, class_names=names)


def _foreign_export(model, name):
    """A signature of another SavedModel, from latents and optional labels."""
    signature = model.signatures[name]
    inputs = signature.structured_input_signature[1]
    latents = [key for key, spec in inputs.items() if spec.dtype.is_floating]
    classes = [key for key, spec in inputs.items() if spec.dtype.is_integer]
    _checks.check(
        len(latents) == 1 and len(classes) == len(inputs) - 1 < 2,
        f"The signature {name!r} must take floating-point latents, and integer labels perhaps.",
        cure=_WRAP,
        inputs=inputs,
    )
    _checks.check(
        len(signature.structured_outputs) == 1,
        f"The signature {name!r} must have one output, the samples.",
        cure=_WRAP,
        outputs=list(signature.structured_outputs),
    )

    def run(values, labels):
        values = {latents[0]: values, **dict.fromkeys(classes, labels)}
        values = {key: tf.cast(value, inputs[key].dtype) for key, value in values.items()}
        for key in classes:
            values[key] = tf.reshape(values[key], [-1, 1][: inputs[key].shape.rank or 1])
        # Look up in each call: the functions of a SavedModel do not keep it alive.
        return next(iter(model.signatures[name](**values).values()))

    return run, inputs[latents[0]].shape, bool(classes)


# === Anything from latents to samples ===


def _network(generator, num_classes):
    """`(run, latent_shape, takes_labels)` of a model, or a function; the shape may be `None`."""
    if _DEFAULT in getattr(generator, "signatures", ()):
        return _foreign_export(generator, _DEFAULT)
    _checks.check(
        callable(generator),
        "A generator must be a model, the path of one, or a function from latents to samples.",
        generator=generator,
    )
    inputs = inspection.inputs_of(generator) if isinstance(generator, keras.Model) else None
    shapes = inputs and [tensor.shape for tensor in inputs]
    takes_labels = len(shapes) == 2 if shapes else num_classes is not None
    _checks.check(
        not shapes or len(shapes) == 1 or takes_labels and shapes[1][1:] in ((), (1,)),
        "A generator must take latents, and labels perhaps, one a sample.",
        cure=_WRAP,
        inputs=shapes,
    )

    def run(latents, labels):
        if not isinstance(generator, keras.Model):
            return generator(latents, labels) if takes_labels else generator(latents)
        return generator([latents, labels] if takes_labels else latents, training=False)

    return run, tf.TensorShape(shapes[0] if shapes else None), takes_labels


def _latent_shape(known, latent_dim):
    """The shape of one latent from the known shape of a batch and `latent_dim`."""
    if latent_dim is not None:
        given = [None, _checks.positive_int(latent_dim, "latent_dim")]
        _checks.check(
            known.is_compatible_with(given),
            "`latent_dim` must be the size that the generator takes.",
            cure="Leave it out.",
            latent_dim=latent_dim,
            latents=known,
        )
        known = tf.TensorShape(given)
    _checks.check(
        (known.rank or 0) > 1 and known[1:].is_fully_defined(),
        "The size of a latent must be known.",
        cure="Give `latent_dim=`.",
        latent_dim=latent_dim,
        latents=known,
    )
    return known[1:]


def _refuse_classes(num_classes):
    _checks.check(
        num_classes is None,
        "`num_classes` must be left out: the generator takes no labels.",
        num_classes=num_classes,
    )
