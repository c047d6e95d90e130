"""The game that a model plays, from its networks and the arguments of `compile`."""

import keras
import tensorflow as tf

from keras_gan import _checks, losses, priors
from keras_gan.adaptive_weight import AdaptiveWeight
from keras_gan.augment import Augmentation
from keras_gan.engine import adaptive
from keras_gan.engine.compiled_critic import CompiledCritic
from keras_gan.engine.evaluating import LOG_KEYS
from keras_gan.engine.game import Draw, Game, critics_of
from keras_gan.engine.pools import Pool
from keras_gan.engine.term_values import log_key
from keras_gan.feeding import shapes
from keras_gan.feeding.entries import EntrySpec, EntrySpecs, WeightSpec
from keras_gan.model import (
    augmentation_checks,
    compile_arguments,
    critic_checks,
    entry_rules,
    pairs,
    state_parts,
)
from keras_gan.terms import Classification, Perceptual, Regression


def assembled(model, loss, regularizers, terms, augment):
    """The `Game` of a model.

    Args:
        model: an `AdversarialModel`, whose networks are known.
        loss: of the critics without one.
        regularizers: likewise, a list.
        terms: list of `Term`s.
        augment: callable, or `None`.

    Raises:
        ValueError: if parts do not fit each other.
    """
    _check_terms(model, terms)
    critics = [_compiled(model, critic, loss, regularizers) for critic in model.critics]
    _check_log_names(critics, terms, augment)
    _check_term_networks(model, terms)
    _check_perceptual(model, terms)
    _check_pools_have_no_labels(model, terms)
    generator = model._named_generator
    read = [name for critic in model.critics for name in critic.names]
    read += [name for term in terms for name in term.reads]
    cut = generator.cut([name for name in generator.outputs if name in read])
    shuffled = [p.name for p in model.priors.values() if isinstance(p, priors.Shuffled)]
    given = [name for name in read if name not in generator.outputs]
    needed = list(dict.fromkeys([*cut.inputs, *given, *shuffled]))
    specs = entry_rules.rules_of(model, cut, terms)
    _check_priors_are_read(model, needed)
    for critic in model.critics:
        pairs.check_apart(model.generator, critic.network, f"critic {critic.name!r}")
    draws = _draws(model, needed, specs)
    weights = {critic.sample_weight for critic in model.critics}
    rules = {name: specs.get(name) or _rule_of(model, name, weights) for name in needed}
    rules = EntrySpecs(rules, made=generator.outputs, drawable=entry_rules.drawable(cut))
    for critic in critics:
        if isinstance(critic.weight, AdaptiveWeight):
            adaptive.kernel_place(critic.weight.layer, model.generator.trainable_variables)
            _check_is_balanced(model, critic, terms)
    game = Game(cut, critics, terms, draws, rules, augment)
    game.labels_of_data = entry_rules.labels_of_data(model, terms)
    game.followed = augmentation_checks.followed(model, game)
    for draw in draws.values():
        draw.check()
    augmentation_checks.check_fits(model, game)
    return game


def _rule_of(model, name, weights):
    """The rule of an entry that no input takes."""
    return WeightSpec(name) if name in weights else EntrySpec(name, is_values=name in model.values)


def admit_compared(model, game, compared):
    """Let a game take what metrics compare: entries that validation data alone need to have.

    Args:
        model: the `AdversarialModel`.
        game: its `Game`.
        compared: a list of `(metric, real, fake)`: metrics, and names of what they compare.

    Raises:
        ValueError: for a metric whose features are those of a network that trains.
    """
    for metric, *_ in compared:
        _check_does_not_train(
            model,
            state_parts.metric_weights(metric),
            f"metric {metric.name!r}",
            "Values of other epochs would be of other features. Give it a copy "
            "(`keras.models.clone_model`, then `set_weights`).",
        )
    names = [name for _, *pair in compared for name in pair]
    _check_values_are_read(model, [*game.specs, *names])
    extra = [name for name in model._inputs_for(names) if name not in game.specs]
    if not extra:
        return
    specs = specs_of(model, extra)
    game.evaluated_specs = EntrySpecs({**game.specs, **specs}, made=model._named_generator.outputs)
    draws = _draws(model, extra, specs)
    for draw in draws.values():
        draw.check()
    game.evaluated_draws = {**game.draws, **draws}


def uncompiled(critic, **options):
    """A critic that only scores, without a loss; `options` are the rest of a `CompiledCritic`."""
    return CompiledCritic(
        critic.name,
        critic.network,
        real=critic.real,
        fake=critic.fake,
        condition=critic.condition,
        fake_condition=critic.fake_condition,
        pack=critic.pack,
        **options,
    )


def specs_of(model, names):
    """The rules of names, as far as networks tell them, whether the model is compiled or not."""
    known = entry_rules.rules_of(model, model._named_generator, ())
    return {name: known.get(name) or _rule_of(model, name, ()) for name in names}


def draws_of(model):
    """The `Draw`s of all priors of the generator's inputs, by name."""
    names = model._named_generator.inputs
    return _draws(model, names, specs_of(model, names))


def _draws(model, names, specs):
    return {
        name: Draw(name, prior, *entry_rules.drawn_as(name, specs))
        for name, prior in model.priors.items()
        if name in names
    }


def _compiled(model, critic, loss, regularizers):
    own = loss if critic.loss is None else critic.loss
    own = None if own == "none" else losses.get(own)
    given = regularizers if critic.regularizers is None else critic.regularizers
    several = len(model.critics) > 1
    if several:
        own = own and _with_state_of_its_own(own)
        given = [_with_state_of_its_own(part) for part in given]
    penalties = [] if own is None else [r for r in given if r.penalizes]
    names = compile_arguments.log_names(penalties)
    if several:
        names = [f"{name}_{critic.name}" for name in names]
    pool = None
    if critic.pool_size:
        shapes, dtypes = _pooled(model, critic)
        pool = Pool(critic.pool_size, shapes, dtypes, critic.name)
    return uncompiled(
        critic,
        loss=own,
        regularizers=given,
        penalties=dict(zip(names, penalties, strict=True)),
        weight=critic.weight,
        pool=pool,
        start_step=critic.start_step,
        sample_weight=critic.sample_weight,
    )


def _with_state_of_its_own(part):
    return type(part).from_config(part.get_config()) if part.variables else part


def _pooled(model, critic):
    """Shapes and types of what a pool holds: single samples, also where packs are judged."""
    outputs, shapes, dtypes = model._named_generator.outputs, {}, {}
    names = (*critic.fake, *critic.fake_condition)
    for name, tensor in zip(names, critic_checks.symbolic_inputs(critic), strict=True):
        taken = tuple(tensor.shape[1:])
        if critic.pack > 1 and taken[-1] is not None:  # joined along the last axis
            taken = (*taken[:-1], taken[-1] // critic.pack)
        made = outputs[name].shape[1:] if name in outputs else taken
        shape = tuple(b if a is None else a for a, b in zip(made, taken, strict=True))
        _checks.check(
            None not in shape,
            f"A pool needs the size of what critic {critic.name!r} judges.",
            cure="Build the networks for one size.",
            name=name,
            shape=shape,
        )
        floating = tf.as_dtype(tensor.dtype).is_floating
        shapes[name], dtypes[name] = shape, "float32" if floating else tensor.dtype
    return shapes, dtypes


def _check_terms(model, terms):
    known = {critic.name: critic for critic in model.critics}
    outputs = model._named_generator.outputs
    for term in terms:
        for name in term.critics:
            _checks.check(
                name in known or name is None and len(known) == 1,
                f"Term {term.name!r} must read a critic that there is: {', '.join(known)}.",
                cure=_checks.did_you_mean(name, known) if name else "Name one: `critic=`.",
                critic=name,
            )
        for name, key in term.needs:
            critic = known[name or next(iter(known))]
            has = critic_checks.logits_of(critic)
            _checks.check(
                key in has,
                f"Term {term.name!r} needs '{key}' of critic {critic.name!r}, whose network does "
                "not return it.",
                cure=f"Return a dict: `{{'logits': logits, '{key}': ...}}`.",
                outputs=list(has),
            )
        if term.player in ("generator", "both"):
            cures = (_checks.did_you_mean(name, outputs) for name in term.reads)
            _checks.check(
                any(name in outputs for name in term.reads) or bool(term.critics),
                f"Term {term.name!r} can reach no weight of the generator: it reads nothing that "
                f"the generator makes ({', '.join(outputs)}).",
                cure=next(filter(None, cures), None),
                reads=list(term.reads),
            )


def _check_is_balanced(model, critic, terms):
    others = [term.name for term in terms if term.player in ("generator", "both")]
    _checks.check(
        bool(others) or compile_arguments.may_add_losses(model.generator),
        f"The `AdaptiveWeight` of critic {critic.name!r} balances it against terms of the "
        "generator, and is 0 without any.",
        cure="Give a term, such as `terms=[keras_gan.terms.L1('image', 'decoded')]`, or a number "
        "as `weight`.",
        terms=others,
    )


def _check_term_networks(model, terms):
    for term in terms:
        _check_does_not_train(
            model,
            [v for network in term.networks for v in network.weights],
            f"term {term.name!r}",
            "Give the term a copy (`keras.models.clone_model`, then `set_weights`), or use "
            "`FeatureMatching` for the critic's own features.",
        )


def _check_does_not_train(model, weights, owner, cure):
    players = [model.generator, *(critic.network for critic in model.critics)]
    training = {id(v) for network in players for v in network.trainable_variables}
    shared = [v.path for v in weights if id(v) in training]
    _checks.check(
        not shared,
        f"The network of {owner} must not train, but a player trains weights of it.",
        cure=cure,
        shared=shared[:3],
    )


def _check_perceptual(model, terms):
    """Check that the network of each `Perceptual` takes what it compares.

    Of a subclass or a `Sequential`, which may have been built for another size, nothing is known.
    """
    made = {**model._named_generator.inputs, **model._named_generator.outputs}
    for term in terms:
        network = getattr(term, "network", None)
        is_known = getattr(network, "inputs", None) and not isinstance(network, keras.Sequential)
        if not isinstance(term, Perceptual) or not is_known:
            continue
        tensors = network.inputs
        _checks.check(
            len(tensors) == 1,
            f"The network of term {term.name!r} must take one tensor.",
            inputs=[tuple(tensor.shape[1:]) for tensor in tensors],
        )
        for name in term.reads:
            taken, shape = tuple(tensors[0].shape[1:]), made.get(name)
            shape = taken if shape is None else tuple(shape.shape[1:])
            # Keras adds or takes away a last axis of 1 itself.
            _checks.check(
                len(shape) != len(taken) or shapes.agree(shape, taken),
                f"The network of term {term.name!r} must take what it compares, but `{name}` has "
                "another shape.",
                cure=f"Build it for `keras.Input({shape})`.",
                shape_of_it=shape,
                network_takes=taken,
            )


def _check_pools_have_no_labels(model, terms):
    for term in terms:
        if not isinstance(term, (Classification, Regression)) or term.player != "both":
            continue
        pooled = [c.name for c in critics_of(term, model.critics) if c.pool_size]
        _checks.check(
            not pooled,
            f"Term {term.name!r} has labels of generated samples, but the critic is shown older "
            "ones of a pool, whose labels are others.",
            cure="Leave out `pool_size`, or use player='discriminator'.",
            critics=pooled,
        )


# Keys of the logs, and of the engine's sums, that a term or a critic must not take.
_LOGGED = (*LOG_KEYS, "total", "totals")


def _check_log_names(critics, terms, augment):
    names = [name for critic in critics for name in critic.penalties]
    names += [name for term in terms for name in {term.name, log_key(term, "discriminator")}]
    names += [f"{key}_{critic.name}" for critic in critics for key in _LOGGED]
    names += augment.logs() if isinstance(augment, Augmentation) else ()
    names += _LOGGED
    doubled = sorted({name for name in names if names.count(name) > 1})
    _checks.check(
        not doubled,
        "Terms and penalties must have names of their own, which are their keys in the logs.",
        cure="Give one of them another: `name=`.",
        doubled=doubled,
    )


def _check_values_are_read(model, read):
    known = [*model._named_generator.inputs, *model._named_generator.outputs, *read]
    unread = [name for name in model.values if name not in known]
    _checks.check(
        not unread,
        f"`values` must name entries that the model reads: {', '.join(dict.fromkeys(known))}.",
        cure=_checks.did_you_mean(unread[0], known) if unread else None,
        unread=unread,
    )


def _check_priors_are_read(model, needed):
    known = [*model._named_generator.inputs, *needed]
    unread = [name for name in model.priors if name not in known]
    _checks.check(
        not unread,
        f"A prior must be that of an input of the generator, or of a name that a critic or a term "
        f"reads: {', '.join(dict.fromkeys(known))}.",
        cure=_checks.did_you_mean(unread[0], known) if unread else None,
        unread=unread,
    )
