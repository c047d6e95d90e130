"""Evaluation of any generator against real samples."""

import itertools

import numpy as np
import tensorflow as tf

from keras_gan import _checks, _registry, directions, terminal
from keras_gan.backend import seeds
from keras_gan.engine import evaluating
from keras_gan.evaluation import generator_adapters, ranges
from keras_gan.feeding import class_names, fit_data, readers, sample_spec, shapes, sources, values
from keras_gan.feeding import labels as labels_module
from keras_gan.feeding.cures import Form
from keras_gan.feeding.sample_batches import parts_of
from keras_gan.feeding.sample_spec import SampleSpec, as_floats
from keras_gan.metrics.quality_metric import QualityMetric
from keras_gan.model import generation

# Samples generated and compared at a time. Each batch has its own seed, so results depend on this.
_BATCH = 64


@_checks.suggesting
def evaluate_generator(
    generator,
    real,
    metrics,
    num_samples=None,
    seed=0,
    *,
    prior=None,
    latent_dim=None,
    num_classes=None,
    floors=False,
    verbose="auto",
):
    """Score any generator against real samples.

    As many samples are generated as there are reals, and compared in batches without keeping them.
    The same seed gives the same values, and the same ones up to rounding for a `GAN`, its averaged
    generator and its export.

    A SavedModel can run any operation of TensorFlow, which can read and write files: load one only
    from a source that you trust to run code.

    Args:
        generator: one of

            - a `keras_gan.GAN`, whose `averaged_generator` is scored, with its own prior; give
              `gan.generator` for the other one; or an `AdversarialModel`, whose first judged
              output that comes from draws alone is scored;
            - a SavedModel, loaded or the path of its folder: one of `GAN.export`, with its own
              prior, or any other whose default signature takes latents and optional labels;
            - a Keras model from latents and optional labels, or the path of a `.keras` file;
            - a callable from float32 latents `(n, latent_dim)` to samples; if `num_classes` is
              given, from latents and int32 labels `(n,)`.

        real: real samples, `(samples, labels)`, or a `tf.data.Dataset` of batches of either;
            images are uint8, or floats in [-1, 1]. Samples of an array are drawn by the seed; a
            data set is read from its start.
        metrics: one or several of `keras_gan.metrics`, by name or instance, or any
            `keras.metrics.Metric` with `update_state(real, fake)`; no two that differ only in their
            names, such as "fid" and "frechet_distance". Instances are reset first, as in
            `keras.Model.evaluate`, and have this evaluation in `description()` afterwards.
        num_samples: number of generated samples, and of reals that they are compared with.
            Default: the number of reals; it must be given if these are a generator, or have no end.
        seed: integer seed in [0, 2**63) of latents, labels and the choice of reals. Default 0.
        prior: of the latents, as in `keras_gan.GAN`, if the generator does not have one. Default
            "normal".
        latent_dim: size of a latent, if the generator does not define it.
        num_classes: of a conditional generator, if it does not define it. Samples are generated
            with the labels of the reals that they are compared with, or with uniform labels from 0
            to `num_classes - 1` if reals have none.
        floors: whether to compare real with other real samples too, with the same sample sizes: the
            values of a perfect generator. It takes twice as many reals; by default, `num_samples`
            is then half of them.
        verbose: whether to show progress on standard error after some seconds: "auto" on a
            terminal, 1 always, 0 never. Default "auto".

    Returns:
        `Figures`, a `dict` of floats by the metrics' names: `<name>`, or `<name>_<key>` for metrics
        of several values; floors end in `_floor`. Printed, it has a line for each metric with its
        value, direction and settings.

    Raises:
        ValueError: before anything is computed, for invalid arguments, samples or ranges; for too
            few reals; as soon as a sample is not finite, or complex.

    Example:

    ```python
    metric = keras_gan.metrics.SlicedWasserstein()
    images = keras_gan.data.digits()
    keras_gan.evaluate_generator("runs/digits/generator", images, metric, floors=True)
    ```
    """
    seed = _checks.seed(seed)
    num_samples = _checks.positive_int(num_samples, "num_samples", optional=True)
    floors = _checks.boolean(floors, "floors")
    _checks.one_of(verbose, "verbose", ("auto", 0, 1, False, True))
    chosen = _registry.metrics(metrics)
    _checks.check(bool(chosen), "There must be a metric.", metrics=metrics)
    adapter = generator_adapters.adapt(
        generator, prior=prior, latent_dim=latent_dim, num_classes=num_classes
    )
    dataset, form = _dataset(real, adapter, seed, num_samples)
    num_samples = _count(dataset, num_samples, floors)
    _check_needed(chosen, num_samples)
    _check_labels(dataset, adapter)
    _check_class_names(real, adapter)

    pairs = _pairs(dataset, num_samples, adapter, seed, form)
    first = next(pairs, None)  # all that is wrong with it is found before any figure is computed
    _checks.check(first is not None, "`real` must not be empty.", batches=0)
    of_reals = {}
    if floors:
        halves = _halves(_blocks(dataset, 2 * num_samples, 2 * _BATCH))
        of_reals = _figures(chosen, halves, num_samples, verbose, floors=True)
    figures = _figures(chosen, itertools.chain([first], pairs), num_samples, verbose)
    figures |= {f"{name}_floor": value for name, value in of_reals.items()}
    return Figures(figures, [_line(metric) for metric in chosen])


# === Figures ===


class Figures(dict):
    """The result of an evaluation: floats by name; printed as one line for each metric."""

    def __init__(self, figures, lines):
        super().__init__(figures)
        self._lines = lines

    def __str__(self):
        return "\n".join(self._lines)

    __repr__ = __str__


def _line(metric):
    if isinstance(metric, QualityMetric):
        return str(metric)
    words = directions.WORDS.get(directions.of_metric(metric))
    figures = [f"{name} {float(v):.6g}" for name, v in evaluating.named_results([metric]).items()]
    return ", ".join([*figures, *filter(None, [words])])


def _figures(chosen, pairs, wanted, verbose, *, floors=False):
    """The metrics' figures for batches of `(real, fake)`."""
    what = "Comparing reals with reals" if floors else "Comparing"
    batches = wanted and -(-wanted // _BATCH)
    for metric in chosen:
        metric.reset_state()
    count = 0
    for real, fake in terminal.progress(pairs, what, total=batches, verbose=verbose):
        for metric in chosen:
            metric.update_state(real, fake)
        count += len(real)
    _check_enough(count, wanted, floors)
    _check_needed(chosen, count)
    asked = terminal.progress(chosen, "Computing", unit="metrics", verbose=verbose)
    found = {name: float(value) for name, value in evaluating.named_results(asked).items()}
    for metric in chosen if floors else ():
        metric._known_floor = count, metric.result()
    return found


def _pairs(dataset, num_samples, adapter, seed, form):
    """Batches of `(real, fake)`, checked; cures are worded for reals of that form."""
    blocks = _blocks(dataset, num_samples, _BATCH, adapter.reach)
    for number, (real, labels) in enumerate(blocks):
        # Hashed, so that different evaluations share no latents.
        fake = _generated(adapter, real, labels, seeds.hashed([seed, number], 63))
        _check_shape(dataset, real, fake, form)
        if number == 0:
            ranges.check(real, fake, adapter, form)
        yield as_floats(real), as_floats(fake)


def _halves(blocks):
    """Batches of real against other real samples."""
    for samples, _ in blocks:
        samples = as_floats(samples)
        half = len(samples) // 2
        if half:
            yield samples[:half], samples[half : 2 * half]


# === Generated samples ===


def _generated(adapter, real, labels, seed):
    """As many samples as there are reals, with their labels, or uniform ones."""
    count = len(real)
    if not adapter.takes_labels:
        labels = None
    elif labels is None:
        labels = generation.labels_of(count, adapter.num_classes, seed)
    else:
        labels = tf.constant(labels_module.checked(labels, count, adapter.num_classes))
    fake = np.asarray(adapter.draw(count, seed, labels))
    _checks.check(
        fake.dtype.kind != "c",
        "`generator` must make real numbers.",
        cure=ranges.changed(adapter, "tf.math.real({})", "for their real part"),
        dtype=str(fake.dtype),
    )
    _checks.check(
        fake.shape[:1] == (count,),
        "`generator` must make one sample for each latent.",
        generated=fake.shape,
        latents=count,
    )
    bad = int(np.count_nonzero(~values.finite_rows(fake)))
    _checks.check(
        not bad,
        f"`generator` must make finite samples, but {bad} of {count} hold NaN or infinity.",
        shape=fake.shape,
    )
    return fake


def _check_shape(dataset, real, fake, form):
    """Check that reals have the shape of generated samples."""
    made, element = fake.shape[1:], tf.nest.flatten(dataset.element_spec)[0].shape
    # `rebatch` takes the first axis of single samples for that of a batch.
    single = element.is_fully_defined() and tuple(element) == made
    shape = tuple(element) if single else real.shape
    shapes.check(shape, made, "real", form, taker="`generator` makes")


# === Reals ===


def _dataset(real, adapter, seed, num_samples):
    """A data set of batches, and the `Form` of the reals.

    Arrays are checked whole, and mixed by the seed.
    """
    samples, labels, names = fit_data.unpacked(real, None, None, "real")
    if readers.is_data_set(samples):
        if num_samples is None:
            readers.check_end(samples, "real", "Give `num_samples=`.")
        form = None
        if readers.is_read(samples):
            form, reader = Form("batches", "real"), readers.reader(samples, "real")
            samples = reader.dataset
            samples.reader = reader  # which the data set alone would not keep
        spec = samples.element_spec
        parts = parts_of(spec, "real")
        _checks.check(
            all(part.shape.rank != 0 for part in parts),
            "`real` must yield batches.",
            cure=None if form else "Use `real.batch(batch_size)`.",
            element_spec=spec,
        )
        return samples, form or Form("dataset", "real", labelled=isinstance(spec, tuple))
    form = Form.of(samples, names[0])
    # The range is checked later, with that of generated samples.
    samples = sample_spec.checked(samples, names[0], reach=adapter.reach, warn=False)
    if labels is not None:
        if adapter.takes_labels:
            labels = class_names.indices(labels, adapter.class_names, names[1])
        labels = labels_module.checked(labels, len(samples), name=names[1])
    source = sources.ArraySource(samples, labels, seed=seed, check=False)
    return source.dataset(_BATCH), form


def _blocks(dataset, num_samples, size, reach=None):
    """The reals as NumPy `(samples, labels)`, `size` at a time, until there are `num_samples`."""
    source, reader = getattr(dataset, "source", None), getattr(dataset, "reader", None)
    form = Form("dataset", "real", labelled=isinstance(dataset.element_spec, tuple))
    # Those of `keras_gan.data` come in one order, however often they are read.
    dataset = dataset.rebatch(size) if source is None else source.one_pass(size)
    for batch in dataset:
        samples, labels = sources.as_arrays(batch)
        if num_samples is not None:
            samples = samples[:num_samples]
            labels = None if labels is None else labels[:num_samples]
            num_samples -= len(samples)
        spec = SampleSpec(samples.shape[1:], None, reach)
        yield spec.samples(samples, "real", form=form, warn=False), labels
        if num_samples == 0:
            return
    if reader is not None:
        reader.check(0)


def _count(dataset, num_samples, floors):
    """The number of samples to compare, `None` for all; checked if known beforehand."""
    source = getattr(dataset, "source", None)
    if source is not None:
        available = source.num_samples // (2 if floors else 1)
        _check_enough(available, num_samples or 1, floors)
        return num_samples or available
    _checks.check(
        num_samples is not None or not floors,
        "Floors of a pipeline of your own need a number.",
        cure="Give `num_samples=`.",
        num_samples=None,
    )
    return num_samples


def _check_enough(count, wanted, floors):
    _checks.check(
        wanted is None or count >= wanted,
        "There must be as many reals as samples that they are compared with, and twice as many "
        "for the floors.",
        cure="Give more reals, or a smaller `num_samples`.",
        num_reals=count * 2 if floors else count,
        num_samples=wanted,
    )


def _check_needed(chosen, count):
    """Check that each metric has a result of so many samples, where their number is known."""
    for metric in chosen:
        needed = getattr(metric, "needed", 1)
        _checks.check(
            count is None or count >= needed,
            f"`{metric.name}` compares at least {needed} samples with as many reals.",
            cure=f"Give at least {needed} reals, and no `num_samples` below {needed}.",
            num_samples=count,
        )


def _check_labels(dataset, adapter):
    labelled = isinstance(dataset.element_spec, tuple) and len(dataset.element_spec) == 2
    _checks.check(
        labelled or not adapter.takes_labels or adapter.num_classes is not None,
        "A conditional generator must be told which classes to make.",
        cure="Give `(samples, labels)` as `real`, or `num_classes=`.",
        num_classes=None,
    )


def _check_class_names(real, adapter):
    """Check that the reals and the generator have the same names of classes."""
    told = getattr(real, "class_names", None)
    _checks.check(
        not (told and adapter.class_names) or list(told) == list(adapter.class_names),
        "The classes of `real` must be those of the generator, in the same order.",
        cure="Number them alike, or leave the names out by `real.map(lambda x, y: (x, y))` if they "
        "mean the same.",
        real=told,
        generator=adapter.class_names,
    )
