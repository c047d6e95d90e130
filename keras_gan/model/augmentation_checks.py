"""Checks of `augment=` of `compile`, and of the augmentations of terms."""

import inspect

import keras

from keras_gan import _checks
from keras_gan.augment import Augmentation
from keras_gan.engine.game import critics_of
from keras_gan.model import critic_checks


def check_given(augment):
    """Check that `augment` can be called as a step calls it.

    Raises:
        ValueError: otherwise.
    """
    if augment is None:
        return
    _checks.check(
        callable(augment)
        and not isinstance(augment, (type, keras.layers.Layer))
        and _takes_three(augment),
        "`augment` must be an object of `keras_gan.augment`, or a callable "
        "`(tensors, seed, images_seen) -> tensors`.",
        cure="Such as `keras_gan.augment.DiffAugment()`. A layer of Keras goes into a function, "
        "which draws by `seed`.",
        augment=augment,
    )


def _takes_three(augment):
    try:
        inspect.signature(augment).bind({}, None, 0)
    except TypeError:
        return False
    except ValueError:  # of what is not written in Python
        return True
    return True


def followed(model, game):
    """The critic whose logits an augmentation is told: the first player that it shows changes."""
    shown = _shown(model)
    return next(
        (
            critic
            for critic in game.critics
            for each in game.augmentations
            if critic.loss is not None and _changes(each, shown[critic.name])
        ),
        None,
    )


def check_fits(model, game):
    """Check that augmentations have something to change, and something to follow.

    Raises:
        ValueError: otherwise.
    """
    shown = _shown(model)
    for term in game.terms:
        for each in term.augmentations:
            read = {c.name: shown[c.name] for c in critics_of(term, game.critics)}
            _check_changes(each, read, f"Leave out {term.name!r}.")
            _check_is_moved(each, term, game)
    for each in game.augmentations:
        cure = "Leave `augment` out, or give a function `(tensors, seed, images_seen) -> tensors`."
        _check_changes(each, shown, cure)
        _check_has_reals(each, game.followed)


def _shown(model):
    """The shapes of what each critic takes, by its name."""
    return {
        critic.name: [tuple(tensor.shape) for tensor in critic_checks.symbolic_inputs(critic)]
        for critic in model.critics
    }


def _changes(augmentation, shapes):
    """Whether it changes anything of these shapes: images, if it has no `__call__` of its own."""
    own = type(augmentation).__call__ is not Augmentation.__call__
    return own or any(len(shape) == 4 for shape in shapes)


def _check_changes(augmentation, shown, cure):
    _checks.check(
        any(_changes(augmentation, shapes) for shapes in shown.values()),
        f"{type(augmentation).__name__} changes images (batch, height, width, channels), which no "
        "critic takes.",
        cure=cure,
        inputs=list(shown.values()),
    )


def _check_is_moved(augmentation, term, game):
    _checks.check(
        not augmentation.follows_reals or augmentation is game.augment,
        f"{type(augmentation).__name__} follows the logits of reals as the model's `augment` "
        f"alone: in term {term.name!r} its probability would stay where it is.",
        cure="Give the same object as `augment=`, too; or take a fixed probability: "
        "`keras_gan.augment.Adaptive(target=None, start=0.3)`.",
        augmentation=augmentation,
    )


def _check_has_reals(augmentation, first):
    _checks.check(
        not augmentation.follows_reals or first is not None and first.loss.threshold is not None,
        f"{type(augmentation).__name__} follows how sure the first critic of images is of real "
        "ones, which its loss does not tell: only differences of its logits mean something.",
        cure="Use a loss with a threshold, such as 'non_saturating' or 'hinge'; or a fixed "
        "probability: `keras_gan.augment.Adaptive(target=None, start=0.3)`.",
        loss=None if first is None else type(first.loss).__name__,
    )
