"""The rules of the entries that a game reads, as far as its networks and terms tell them."""

import tensorflow as tf

from keras_gan import _checks, priors
from keras_gan.engine.game import critics_of
from keras_gan.feeding import values
from keras_gan.feeding.entries import EntrySpec, LabelSpec
from keras_gan.model import critic_checks
from keras_gan.terms import Classification, Regression


def drawable(generator):
    """The inputs that look like noise: vectors of numbers."""
    return [
        name
        for name, tensor in generator.inputs.items()
        if len(tensor.shape) == 2 and tf.as_dtype(tensor.dtype).is_floating
    ]


def rules_of(model, generator, terms):
    """The rules of all names that the data may have, as far as inputs tell them."""
    takers = dict(model._named_generator.inputs)
    packs, reaches = {}, {}
    for critic in model.critics:
        for name, tensor in critic_checks.taken(critic):
            if name not in takers and name not in generator.outputs:
                takers[name], packs[name] = tensor, critic.pack
        for real, fake in zip(critic.real, critic.fake, strict=False):
            if fake in generator.outputs:
                reaches[real] = values.reach(generator.cut([fake]).network)
    labels = {name for t in terms if isinstance(t, Classification) for name in t.reads}
    unknown = labels - set(model._named_generator.inputs)
    found = {}
    for name, tensor in takers.items():
        shape, pack = tuple(tensor.shape[1:]), packs.get(name, 1)
        if pack > 1 and shape and shape[-1] is not None:
            shape = (*shape[:-1], shape[-1] // pack)
        found[name] = _spec(model, name, shape, tensor.dtype, reaches.get(name), name in unknown)
    for name in unknown - set(found):
        found[name] = _label_spec(model, name, terms)
    return found


def _label_spec(model, name, terms):
    """The rule of labels that no input takes, by the head that they are compared with."""
    heads = set()
    for term in terms:
        if isinstance(term, Classification) and name in term.reads:
            critic = critics_of(term, model.critics)[0]
            shape = tuple(critic_checks.logits_of(critic)[term.head].shape[1:])
            heads.add(shape if critic.pack == 1 and shape else (None,))
    head = heads.pop()
    if heads or head[-1] is None:
        return EntrySpec(name, allow_unknown=True)
    return LabelSpec(name, head)


def labels_of_data(model, terms):
    """The names of labels of real samples that the data hold: a tuple.

    They belong to these samples, so that they are data too, also where they have a prior for
    generated ones.
    """
    others = {*model.priors, *model._named_generator.outputs}
    return tuple(
        term.labels
        for term in terms
        if isinstance(term, (Classification, Regression))
        and term.player != "generator"
        and not others.intersection(critics_of(term, model.critics)[0].real)
    )


def _spec(model, name, shape, dtype, reach, allow_unknown):
    prior, whole = model.priors.get(name), tf.as_dtype(dtype).is_integer
    classes = prior.num_classes if isinstance(prior, priors.Categorical) and whole else None
    return EntrySpec(
        name,
        shape,
        dtype,
        is_values=name in model.values,
        num_classes=classes,
        reach=reach,
        allow_unknown=allow_unknown,
    )


def drawn_as(name, specs):
    """The shape and type of what is drawn under a name."""
    spec = specs.get(name)
    _checks.check(
        spec is not None and None not in (spec.shape or ()),
        "What is drawn must have a size: an input of the generator, or of a critic, must take it.",
        cure="Give that input a full shape, or remove the prior.",
        name=name,
        shape=None if spec is None else spec.shape,
    )
    return spec.shape, spec.dtype
