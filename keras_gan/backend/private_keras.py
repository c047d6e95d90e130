"""Keras's private API, as far as the package needs it: no other module names it.

The record of functional models is in `private_graphs`. Each docstring tells what is private, why
no public name does, and what it is needed for. All were checked with Keras 3.15.1.
`tests/test_private_api.py` tries each, and fails with that sentence where a new version has taken
it away.
"""

import contextlib
import functools

import keras
import tensorflow as tf

from keras_gan.backend import requirement

CHECKED = "3.15.1"

try:
    from keras.src.backend.common import global_state
    from keras.src.trainers.data_adapters.tf_dataset_adapter import TFDatasetAdapter
except ImportError as error:
    raise requirement.changed("keras", CHECKED, error) from error

# Methods and attributes of Keras's that a class of the package overrides, and what for.
OVERRIDDEN = {
    "_maybe_symbolic_build": "`Trainer._maybe_symbolic_build`: a GAN's networks are built, and "
    "Keras would take a batch of data for it",
    "_get_metrics_result_or_logs": "`Trainer._get_metrics_result_or_logs`: the logs of an epoch "
    "are the metrics', whatever keys a step's own results have",
    "_variables": "`Optimizer._variables`: the group of both optimizers has none of its own to "
    "save",
}
# Where Keras keeps the generator of those who draw without a seed.
_SHARED = "global_seed_generator"


# === Layers ===


def sublayers(layer):
    """The layers that a layer itself holds, in order.

    Private: `Layer._layers`. Only models have a public `layers`, and a `Sequential` shows a part.
    Needed for: all that is said of a network's layers (checks, copies, saving).
    """
    return layer._layers


def own_variables(layer):
    """The variables of a layer itself, without those of the layers in it.

    Private: `Layer._trainable_variables` and `_non_trainable_variables`. The public lists have
    those of all layers within.
    Needed for: first weights for one layer after the other, where a discriminator is trained anew.
    """
    return [*layer._trainable_variables, *layer._non_trainable_variables]


def unbuild(layer):
    """Take a layer's own variables from it, so that it can be built again.

    Private: `Layer._tracker`, with `unlock`, `stored_ids` and `config`. Nothing public removes a
    weight.
    Needed for: first weights, where a discriminator is trained anew.
    """
    tracker = layer._tracker
    tracker.unlock()
    for kind in ("trainable_variables", "non_trainable_variables"):
        tracker.stored_ids[kind].clear()
        tracker.config[kind][1].clear()
    layer.built = False


def build_shapes(layer):
    """The arguments that a layer was built with: a `dict`, or `None`.

    Private: `Layer._build_shapes_dict`. The public `get_build_config` may be of a class's own, and
    `build_from_config` calls the layer where it is a model.
    Needed for: first weights, where a discriminator is trained anew.
    """
    return layer._build_shapes_dict


def draws_unseeded(initializer):
    """Whether a random initializer was given no seed, and has chosen one.

    Private: `RandomInitializer._init_seed`. The public `seed` is the one that was chosen, and
    `get_config` may be of a class's own.
    Needed for: first weights that follow from a seed, where a discriminator is trained anew.
    """
    return getattr(initializer, "_init_seed", 0) is None


def seed_generators(layer):
    """The `SeedGenerator`s that a layer itself holds.

    Private: `Layer._seed_generators`. Public lists show their states alone, as variables.
    Needed for: dropout that follows from a seed, where a discriminator is trained anew.
    """
    return layer._seed_generators


@contextlib.contextmanager
def shared_generator(generator):
    """Inside, whatever draws from `keras.random` without a seed draws from this generator.

    Private: `global_state` of `keras.src.backend.common`, and its "global_seed_generator".
    `keras.utils.set_random_seed` changes it for all that follows.
    Needed for: first weights that follow from a seed, where a discriminator is trained anew.
    """
    before = global_state.get_global_attribute(_SHARED)
    global_state.set_global_attribute(_SHARED, generator)
    try:
        yield
    finally:
        global_state.set_global_attribute(_SHARED, before)


# === Copies ===


@functools.cache
def tracker_class():
    """The class of what notes the parts of a layer, a metric or an optimizer.

    Private: `Layer._tracker`. Its class has no public name.
    Needed for: copies of networks.
    """
    return type(keras.layers.Layer(name="blank")._tracker)


def recount(tracker):
    """Let a copied tracker know its parts, which it knows by their identities.

    Private: `Tracker.config` and `Tracker.stored_ids`. Nothing public tells it.
    Needed for: copies of networks, which could not be changed later.
    """
    stores = {name: store for name, (_, store) in tracker.config.items()}
    tracker.stored_ids = {name: {id(part) for part in stores[name]} for name in stores}


def forget_parts(layer, parts):
    """Take parts, by a set of their `id`s, out of what a layer has noted.

    Private: `Layer._tracker` and `Tracker.config`. Keras forgets an attribute that is deleted, but
    not the variables in it.
    Needed for: copies of compiled networks, which are not compiled.
    """
    for _, store in layer._tracker.config.values():
        store[:] = [part for part in store if id(part) not in parts]


@functools.cache
def trainer_attributes():
    """The attributes that `compile` gives a model: a `dict` to those before, or `NotImplemented`.

    Private: whatever `Model.compile` sets. Keras has no way back from it.
    Needed for: copies of compiled networks, which are not compiled.
    """
    model, layer = keras.Model(name="blank"), keras.layers.Layer(name="blank")
    before = dict(vars(model))
    model.compile(keras.optimizers.SGD(name="blank"), "mse", metrics=["mse"])
    names = vars(model).keys() - vars(layer).keys() - {"_distribute_strategy"}
    return {n: before.get(n, NotImplemented) for n in names if not n.startswith("_self_")}


def replace_dtype(thing, dtypes, dtype):
    """Say that a copied variable, symbolic tensor or input of one of some dtypes has another one.

    Private: `Variable._dtype`, `KerasTensor._dtype` and `InputLayer._dtype`. The public `dtype`
    cannot be set.
    Needed for: copies in full precision.
    """
    if getattr(thing, "_dtype", None) in dtypes:
        thing._dtype = dtype


def set_value(variable, value):
    """Give a copied Keras variable a TensorFlow variable of another dtype.

    Private: `Variable._value`. `assign` keeps the dtype.
    Needed for: copies in full precision.
    """
    variable._value = tf.Variable(value, trainable=False)


# === Training ===


class DatasetAdapter(TFDatasetAdapter):
    """What `fit` takes in the place of data: a `tf.data.Dataset`, with hooks around each epoch.

    Private: `TFDatasetAdapter` of `keras.src.trainers.data_adapters`, which asks `num_batches`,
    `on_epoch_begin` and `on_epoch_end`. With a plain data set, Keras guesses how long an epoch is.
    Needed for: epochs of a known length, and clear errors for bad data.
    """


def initial_epoch(model):
    """The epoch that was set with `set_initial_epoch`, or `None`.

    Private: `Trainer._initial_epoch`. Nothing public tells it to callbacks.
    Needed for: backups of a run that begins later, and curves that go on.
    """
    return model._initial_epoch


def set_initial_epoch(model, epoch):
    """Say which epoch `fit` begins with, even after `on_train_begin`.

    Private: `Trainer._initial_epoch`. Keras's own `BackupAndRestore` sets it, too.
    Needed for: a resumed run, which begins where its backup was made.
    """
    model._initial_epoch = epoch


def release_validation_data(model):
    """Drop the validation data that Keras leaves behind where `fit` was cut off.

    Private: `Trainer._eval_epoch_iterator`. Nothing public drops it before the next `fit`.
    Needed for: data that are freed with their last user.
    """
    if getattr(model, "_eval_epoch_iterator", None) is not None:
        del model._eval_epoch_iterator


def is_validation(options):
    """Take out of the arguments of `evaluate` whether `fit` calls it, for its validation.

    Private: the argument `_use_cached_eval_dataset` of `Trainer.evaluate`. Nothing public tells.
    Needed for: validation data that are checked and prepared once.
    """
    return options.pop("_use_cached_eval_dataset", False)


def as_validation():
    """Arguments for `evaluate` of Keras within its `fit`: a `dict`.

    Private: the argument `_use_cached_eval_dataset` of `Trainer.evaluate`. Nothing public does it.
    Needed for: validation data that are checked and prepared once.
    """
    return {"_use_cached_eval_dataset": True}


def optimized_variables(optimizer):
    """The variables that an optimizer has been built for; none if it has not been.

    Private: `Optimizer._trainable_variables`. The public `variables` are its own.
    Needed for: errors where a variable is missing, averaged weights, and saving.
    """
    return list(getattr(optimizer, "_trainable_variables", ()))


def slots(optimizer, variable):
    """The state that an optimizer keeps of one of its variables: moments, averages.

    Private: `Optimizer._trainable_variables`, and lists beside it with an entry for each of them.
    The public `variables` do not say whose they are.
    Needed for: leaving out a variable that has no turn.
    """
    known = optimized_variables(optimizer)
    place = next((i for i, other in enumerate(known) if other is variable), None)
    if place is None:
        return []
    lists = [value for value in vars(optimizer).values() if isinstance(value, list)]
    return [
        each[place]
        for each in lists
        if each is not optimizer._trainable_variables
        and len(each) == len(known)
        and all(isinstance(slot, keras.Variable) for slot in each)
        and tuple(each[place].shape) == tuple(variable.shape)
    ]


def learning_rate_variable(optimizer):
    """The variable that holds an optimizer's learning rate, or its schedule.

    Private: `Optimizer._learning_rate`. The public `learning_rate` may be a tensor.
    Needed for: telling the learning rate from an optimizer's moments.
    """
    return optimizer._learning_rate


# === Callbacks ===

_COUNTERS = {
    keras.callbacks.ModelCheckpoint: ("_batches_seen_since_last_saving", "_last_batch_seen"),
    keras.callbacks.SwapEMAWeights: ("_ema_weights_in_model",),
    # The step axes of its curves.
    keras.callbacks.TensorBoard: ("_global_train_batch", "_global_test_batch"),
}


def counters(kind):
    """The attributes in which a callback of Keras's remembers what it has seen: their names.

    Private: `ModelCheckpoint._batches_seen_since_last_saving` and `_last_batch_seen`,
    `SwapEMAWeights._ema_weights_in_model`, `TensorBoard._global_train_batch` and
    `_global_test_batch`. Keras's callbacks have no public state.
    Needed for: backups, from which callbacks go on.
    """
    return _COUNTERS.get(kind, ())


def profiles(board):
    """Whether a `TensorBoard` profiles some batches.

    Private: `TensorBoard._start_batch`. The argument `profile_batch` is not kept.
    Needed for: callbacks that must be called with every batch.
    """
    return board._start_batch > 0


def continue_curves(callback, step):
    """Let a `TensorBoard` go on with its curves over batches from a step.

    Private: `TensorBoard._global_train_batch`. Nothing public sets it.
    Needed for: curves of a second `fit` that do not overlap those of the first one.
    """
    if hasattr(callback, "_global_train_batch"):
        callback._global_train_batch = step


def is_called_in_fit(bar):
    """Whether a `ProgbarLogger` shows the validation of a `fit`, and not an `evaluate`.

    Private: `ProgbarLogger._called_in_fit`. No hook tells it.
    Needed for: the length of an evaluation in its progress bar.
    """
    return bar._called_in_fit
