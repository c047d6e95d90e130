"""Data sets whose entries do not belong together."""

from keras_gan import _checks
from keras_gan.feeding import entry_sources, readers, sources
from keras_gan.feeding.entries import check_names, plain
from keras_gan.feeding.unpaired_source import unpaired as joined


@_checks.suggesting
def unpaired(*sources, names=None, seed=0, batch_size=None, shuffle=True):
    """A data set of several sources, each in a shuffled order of its own.

    A pass is one over the longest source. A shorter one continues where it was, pass after pass,
    each pass newly shuffled and with each sample once. So labelled rows may lie beside many more
    without labels, and horses beside zebras. As validation data, it goes up to the shortest source;
    `validation_split` splits each of them.

    Args:
        *sources: each an array `(n, ...)`, a `dict` of arrays of one length, whose rows stay
            together, or a data set of `keras_gan.data`, whose own order does not count.
        names: list of the entries' names, one for each source that is no `dict`, in their order. A
            tuple of two for a data set with labels.
        seed: non-negative integer, from which the order of each source follows. Defaults to 0.
        batch_size: samples of one update, from each source. Defaults to 64, to 32 where a source
            has images from 48 pixels a side on, and to 16 from 96 on.
        shuffle: whether each pass of each source has an order of its own. Defaults to `True`.

    Returns:
        A finite `tf.data.Dataset` with `len()` of dicts of batches. Images in `uint8` stay so,
        floats become `float32`, other integers stay. `AdversarialModel.fit` reads `dataset.source`
        instead, in full batches and from any step on: the order is a function of the seed, the
        source's place and the step, which is what lets a run resume with the exact batch.

    Raises:
        ValueError: for sources that are something else, are empty, hold values that are not finite
            or cannot be read in any order; for names that are missing or doubled.

    Example:
        ```python
        data = keras_gan.data.unpaired(horses, zebras, names=("a", "b"))
        for batch in data:
            ...  # {"a": (16, 256, 256, 3), "b": (16, 256, 256, 3)}
        ```
    """
    _checks.check(sources, "`unpaired` must be given sources: arrays, dicts or data sets.")
    batch_size = _checks.positive_int(batch_size, "batch_size", optional=True)
    seed, shuffle = _checks.seed(seed), _checks.boolean(shuffle, "shuffle")
    unnamed = [number for number, source in enumerate(sources) if not _has_names(source)]
    given = _checks.listed(names, "names", (str,), "names")
    _checks.check(
        len(given) == len(unnamed),
        "`names` must have one name for each source that is no dict.",
        names=names,
        sources=[type(source).__name__ for source in sources],
    )
    named = dict(zip(unnamed, given, strict=True))
    found = [_source(each, number, named.get(number)) for number, each in enumerate(sources)]
    check_names([name for source in found for name in source.element_spec])
    return joined(found, shuffle=shuffle, seed=seed).dataset(batch_size)


def _has_names(source):
    own = getattr(source, "source", None)
    return isinstance(source if own is None else own.element_spec, dict)


def _source(given, number, name):
    """One source, as a `sources.Source` of dicts."""
    told = f"sources[{number}]"
    if isinstance(given, dict):
        return sources.ArraySource(plain(given, told), check=False)
    source = getattr(given, "source", None)
    _checks.check(
        source is not None or not readers.is_data_set(given),
        f"`{told}` must be an array, a dict of arrays, or a data set of `keras_gan.data`: others "
        "cannot be read from any sample on.",
        type=type(given).__name__,
    )
    if source is None:
        arrays = plain({name: given}, told) if isinstance(name, str) else None
        _checks.check(arrays, f"The name of `{told}` must be a text.", name=name)
        return sources.ArraySource(arrays, check=False)
    spec = source.element_spec
    if isinstance(spec, dict):
        return source
    wanted = tuple(_checks.listed(name, "names", (str,), "names"))
    parts = len(spec) if isinstance(spec, tuple) else 1
    _checks.check(
        len(wanted) == parts,
        f"`names` must have a tuple of two for `{told}`, which has labels."
        if parts == 2
        else f"`names` must have one name for `{told}`, which has no labels.",
        names=name,
    )
    places = [()] if parts == 1 else [(0,), (1,)]
    return entry_sources.named(source, dict(zip(wanted, places, strict=True)))
