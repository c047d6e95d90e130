"""Conversion of the data of `fit` to batches of named entries, for a model that is fed dicts.

The namesakes of `feeding.fit_data` do the same for samples and labels.
"""

import types

from keras_gan.feeding import batch_sizes, entry_sources, fit_data, readers, sources
from keras_gan.feeding.entry_batches import EntryBatches
from keras_gan.feeding.entry_forms import unpacked


def training_feed(
    x,
    y,
    *,
    entries,
    batch_size,
    group,
    parts,
    shuffle,
    seed,
    position,
    steps_per_epoch,
    split=0.0,
    epochs=1,
    optional=(),
):
    """The feed of a training run, and the held-out data if `split` is given.

    What is not told of here is as in `fit_data.training_feed`.

    Args:
        x: a `dict` of arrays of one length; a pair of them, which are joined; an array, if one
            entry is needed; or a data set of such dicts.
        y: a `dict` that is joined with `x`, or `None`.
        entries: the model's `entries.EntrySpecs`.
        optional: names of entries that may be missing.

    Returns:
        `(feed, held_out)`; `held_out` is `None` or `(x, y)` for `evaluation_feed`.

    Raises:
        ValueError: for data that a step cannot take.
    """
    steps = dict(group=group, parts=parts, position=position, steps_per_epoch=steps_per_epoch)
    if readers.is_data_set(x):
        fit_data.check_alone(y, batch_size)
        source = getattr(x, "source", None)
        if source is None:
            order = {"shuffle": shuffle, "seed": seed, "split": split, "epochs": epochs}
            rule = EntryBatches(entries, "x", optional)
            return fit_data.own_pipeline(x, rule, **order, **steps), None
        batch_size, held_out = x.batch_size, None
        source = entry_sources.by_entry(source, entries, "x", optional)
        source = entry_sources.checked(source, entries, "x")
        if split:
            source, rest = source.split(split)
            held_out = rest.dataset(batch_size), None
    else:
        arrays, names = unpacked(x, y, entries, "x", optional)
        arrays = entries.checked(arrays, "x", names=names, optional=optional)
        arrays, rest = fit_data.split_arrays(arrays, split)
        held_out = None if rest is None else (rest, None)
        source = sources.ArraySource(arrays, shuffle=shuffle, seed=seed, check=False)
        batch_size = batch_sizes.chosen(batch_size, source.element_spec)
    examples = entry_sources.examples(source, entries, "x")
    return fit_data.source_feed(source, examples, batch_size=batch_size, **steps), held_out


def evaluation_feed(
    x,
    y,
    *,
    entries,
    batch_size,
    steps=None,
    replicas=1,
    name="validation_data",
    checked=False,
    optional=(),
):
    """The feed of an evaluation: not grouped, not shuffled, nothing dropped.

    What is not told of here is as in `fit_data.evaluation_feed`.

    Args:
        x: as in `training_feed`.
        y: a `dict` that is joined with `x`, or `None`.
        entries: the model's `entries.EntrySpecs`.
        optional: names of entries that may be missing.

    Returns:
        A `Feed`.

    Raises:
        ValueError: for data that do not fit the model.
    """
    rule = EntryBatches(entries, name, optional)
    if isinstance(x, types.GeneratorType) and name != "x":
        x = fit_data.gathered(x, rule, steps, name)
        batch_size, steps = len(next(iter(x.values()))) // steps, None
    if readers.is_data_set(x):
        fit_data.check_unlabelled(y)
        source = getattr(x, "source", None)
        if source is not None:
            source = entry_sources.by_entry(source, entries, name, optional)
        told = {"steps": steps, "replicas": replicas, "source": source}
        return fit_data.pipeline_evaluation(x, rule, name, **told)
    arrays, names = unpacked(x, y, entries, name, optional)
    told = {"names": names, "optional": optional, "typed": checked, "warn": not checked}
    source = sources.ArraySource(entries.checked(arrays, name, **told), seed=0, check=False)
    return fit_data.array_evaluation(source, batch_size, steps, replicas)


def checked_batch(x, y, entries, *, optional=()):
    """Check a batch for `train_on_batch`: a `dict` of arrays."""
    arrays, names = unpacked(x, y, entries, "x", optional)
    return entries.checked(arrays, "x", names=names, optional=optional)
