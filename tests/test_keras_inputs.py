"""What Keras's `fit` takes beside arrays and data sets: PyDatasets, generators, loaders."""

import os
import re
import subprocess
import sys
import threading

import numpy as np
import pytest
import tensorflow as tf

import helpers
import keras_gan
from keras_gan.feeding import fit_data, readers, sample_spec
from sample_feeds import (
    CLASSES,
    FORMS,
    DataLoader,
    Rows,
    counted_up,
    generator,
    judged,
    let_go,  # noqa: F401
    noting,
    numbered,
    numbers,
    told,
    without_end,
)


def up_to(count):
    return counted_up(count // 4, 4)


# === What is taken ===


@pytest.mark.parametrize("form", FORMS)
def test_other_inputs_are_trained_on(form):
    gan = noting(num_classes=CLASSES)
    steps = 6 if form == "a generator" else None
    gan.fit(FORMS[form](*numbered(24)), shuffle=False, steps_per_epoch=steps, verbose=0)
    assert numbers(gan) == up_to(24)
    assert sorted(gan.reference_samples[:, 0]) == list(range(24))


@pytest.mark.parametrize("form", ["a PyDataset", "a loader"])
def test_each_epoch_is_a_pass(form):
    gan = noting(n=2)
    data = FORMS[form](numbered(26)[0])  # the last batch is short
    gan.fit(data, epochs=2, validation_data=FORMS[form](numbered(8)[0]), verbose=0, shuffle=False)
    assert [sum(numbers(gan)[e : e + 3], []) for e in (0, 3)] == [list(range(24))] * 2
    assert len(gan.held_out_samples) == 8
    if form == "a PyDataset":
        assert data.hooks == ["begin", "end"] * 2


def test_batches_of_a_py_dataset_are_shuffled_by_the_seed_and_the_pass():
    gan = noting()

    def order(start, epochs, seed=0):
        gan.seed, gan.batches = seed, []
        gan._state.steps_seen.assign(start)
        gan.fit(Rows(numbered(26)[0]), epochs=epochs, verbose=0)  # the last batch is short
        return numbers(gan)

    straight = order(0, 2)
    first, second = straight[:6], straight[6:]
    assert sorted(first) == sorted(second) == up_to(24)
    assert first != second and first != up_to(24)
    assert order(6, 1) == second  # a resumed run goes on with the epoch
    assert order(0, 1, seed=1) != first


@pytest.mark.slow
@pytest.mark.parametrize("rows, n", [(26, 2), (28, 2)])
def test_a_resumed_run_goes_on_with_the_pass_where_passes_drop_batches(rows, n):
    # 7 batches of 4; a short last one, and what makes no step, are not trained on.
    def order(start, epochs):
        gan = noting(n=n)
        gan._state.steps_seen.assign(start)
        gan.fit(Rows(numbered(rows)[0]), epochs=epochs, verbose=0)
        return numbers(gan), gan.steps_seen - start

    straight, steps = order(0, 3)
    done = steps // 3 * 2
    assert order(done, 1)[0] == straight[-len(straight) // 3 :]


def test_a_pass_that_is_read_ahead_has_an_order_of_its_own():
    def passes(*starts):
        left = iter(starts)
        read = readers.reader(Rows(numbered(48)[0]), "x", shuffle=True, position=lambda: next(left))
        return [[batch[0, 0] for batch in read.one_pass()] for _ in starts]

    first, second, third = passes(0, 12, 24)
    assert first != second != third != first
    assert passes(0, 11, 23) == [first, second, third]
    assert passes(13, 23) == [second, third]


def test_workers_read_ahead_in_order():
    threads = set()

    class Slow(Rows):
        def __getitem__(self, index):
            threads.add(threading.current_thread().name)
            return super().__getitem__(index)

    gan = noting()
    gan.fit(Slow(numbered(64)[0], workers=3), shuffle=False, verbose=0)
    assert numbers(gan) == up_to(64)
    assert any("ThreadPoolExecutor" in name for name in threads)


def test_what_does_not_end_is_cut_into_epochs():
    x = numbered(16)[0]
    gan = noting()
    gan.fit(Rows(x, endless=True), epochs=2, steps_per_epoch=3, verbose=0)
    assert numbers(gan) == [*up_to(16), *up_to(16)[:2]]
    gan.batches = []
    gan.fit(Rows(x, endless=True), steps_per_epoch=2, verbose=0)  # goes on where it was
    assert numbers(gan) == up_to(16)[2:]


def test_a_generator_goes_on_over_epochs():
    x = numbered(24)[0]
    gan = noting()
    gan.fit(
        generator(x),
        epochs=3,
        steps_per_epoch=2,
        validation_data=generator(x),
        validation_steps=2,
        verbose=0,
    )
    assert numbers(gan) == up_to(24)
    assert gan.held_out_samples.shape == (8, 2)


def test_evaluations_take_them():
    gan = helpers.gan(run_eagerly=True, **helpers.by_sgd())
    x = helpers.points(8)
    expected = gan.evaluate(x, batch_size=4, verbose=0, return_dict=True)
    for name, form in FORMS.items():
        steps = 2 if name == "a generator" else None
        assert gan.evaluate(form(x), steps=steps, verbose=0, return_dict=True) == expected
    data = Rows(x), DataLoader(x), generator(x), tf.data.Dataset.from_tensor_slices(x).batch(4)
    figures = [keras_gan.evaluate_generator(gan, d, "sliced_wasserstein", 8) for d in data]
    assert figures == [figures[0]] * 4
    metric = keras_gan.metrics.SlicedWasserstein()
    metric.set_reference(DataLoader(x))
    assert metric._reference[0] == 8


# === What is refused ===


REFUSED = {
    "weights": (
        lambda f, x, y: f(x, y, np.ones(len(x))),
        "batches of samples, or of .samples, labels.*draw them by theirs",
    ),
    "labels": (lambda f, x, y: f(x, y), "take no labels.*Leave them out of the batches"),
    "no batch": (lambda f, x, y: f(x[:0]), "must not be empty"),
    "in [0, 255]": (lambda f, x, y: f(x * 127 + 128), r"`samples / 127.5 - 1` in each batch"),
    "channels first": (
        lambda f, x, y: f(np.moveaxis(x, -1, 1)),
        r"channels go last: `np.moveaxis\(samples, 1, -1\)` in each batch",
    ),
}


# Of each form some, and each kind.
QUICK = {
    *(("weights", "a loader"), ("labels", "a PyDataset"), ("no batch", "a generator")),
    *(("in [0, 255]", "a loader"), ("channels first", "a generator")),
}


@pytest.mark.parametrize(
    ("form", "kind"),
    [
        pytest.param(form, kind, marks=() if (kind, form) in QUICK else pytest.mark.slow)
        for form in FORMS
        for kind in REFUSED
    ],
)
def test_bad_batches_are_refused_before_the_first_step(form, kind):
    make, message = REFUSED[kind]
    gan = noting((8, 8, 1))
    x = helpers.images(8) / np.float32(127.5) - 1
    steps = 1 if form == "a generator" else None
    data = make(FORMS[form], x, np.zeros(8, int))
    text = told(lambda: gan.fit(data, steps_per_epoch=steps, verbose=0))
    assert re.search(message, text), text
    assert gan.steps_seen == 0


def test_an_error_of_the_users_code_is_told():
    class Broken(Rows):
        def __getitem__(self, index):
            if index == 2:
                raise OSError("no such picture")
            return super().__getitem__(index)

    gan = noting()
    text = told(lambda: gan.fit(Broken(numbered(24)[0]), shuffle=False, verbose=0))
    assert "`x` must be readable to its end" in text and "OSError: no such picture" in text
    assert gan.steps_seen == 2


def test_a_generator_must_last():
    gan, x = noting(), numbered(24)[0]
    assert "steps_per_epoch=" in told(lambda: gan.fit(generator(x), epochs=2, verbose=0))
    assert gan.steps_seen == 0
    more = {"epochs": 4, "steps_per_epoch": 2, "verbose": 0}
    text = told(lambda: gan.fit(generator(x), **more))
    assert "batches=6, needed=8. Use `epochs=3`, or a `keras.utils.PyDataset`." in text
    assert gan.steps_seen == 6
    gan.fit(generator(x), **{**more, "epochs": 3})  # the cure


def test_a_generator_that_ends_in_the_first_epoch_needs_fewer_steps():
    gan, x = noting(), numbered(24)[0]
    more = {"epochs": 2, "steps_per_epoch": 7, "verbose": 0}
    text = told(lambda: gan.fit(generator(x), **more))
    assert "batches=6, needed=14. Use `steps_per_epoch=6` and one epoch, or" in text
    gan.fit(generator(x), **{**more, "epochs": 1, "steps_per_epoch": 6})  # the cure
    validation = {"validation_data": generator(x), "validation_steps": 7, "batch_size": 4}
    text = told(lambda: gan.fit(x, **validation))
    assert "batches=6, needed=7. Use `validation_steps=6`, or arrays." in text
    data = {"validation_data": generator(x), "batch_size": 4, "verbose": 0}
    assert "validation_steps=" in told(lambda: gan.fit(x, **data))
    assert "steps_per_epoch" in told(lambda: gan.fit(Rows(x, endless=True), verbose=0))


class Loader:
    """A loader of a user's own."""

    def __init__(self, *parts):
        self.parts = parts

    def __len__(self):
        return -(-len(self.parts[0]) // 4)

    def __iter__(self):
        for batch in generator(*self.parts):
            yield batch if len(batch) > 1 else batch[0]


@pytest.mark.parametrize("labelled", [pytest.param(False, marks=pytest.mark.slow), True])
def test_other_iterables_are_refused_with_code_that_makes_a_data_set(labelled):
    parts = numbered(24) if labelled else numbered(24)[:1]
    gan = noting(num_classes=CLASSES if labelled else None)
    text = told(lambda: gan.fit(Loader(*parts), verbose=0))
    names = {"x": Loader(*parts), "tf": tf}
    gan.fit(eval(re.search(r"`(tf[^`]*from_generator.*)`", text)[1], names), epochs=2, verbose=0)
    assert numbers(gan) == up_to(24) * 2


def test_other_iterators_are_refused_with_code_that_makes_a_generator():
    gan, x = noting(), numbered(24)[0]
    text = told(lambda: gan.fit(map(np.asarray, Loader(x)), verbose=0))
    names = {"x": map(np.asarray, Loader(x))}
    gan.fit(eval(re.search(r"`(\(batch.*)`", text)[1], names), steps_per_epoch=6, verbose=0)
    assert numbers(gan) == up_to(24)
    assert "Call it, `x()`" in told(lambda: gan.fit(without_end, verbose=0))


class Stopped(Rows):
    def __getitem__(self, index):
        if index == 2:
            raise self.error
        return super().__getitem__(index)


def stopped_pipeline(x, error):
    def batches():
        yield x[:4]
        yield x[4:8]
        raise error

    return tf.data.Dataset.from_generator(batches, output_signature=tf.TensorSpec((None, 2)))


@pytest.mark.parametrize(
    ("form", "error"),
    [("a PyDataset", KeyboardInterrupt()), ("a pipeline", SystemExit(3))],
)
def test_what_ends_a_program_passes(form, error):
    gan, x = noting(), numbered(24)[0]
    data = Stopped(x)
    data.error = error
    with pytest.raises(type(error)) as caught:
        gan.fit(stopped_pipeline(x, error) if form == "a pipeline" else data, verbose=0)
    assert caught.value.args == error.args


def test_an_error_while_reals_are_read_is_told():
    data = Stopped(numbered(24)[0])
    data.error = OSError("no such picture")
    assert "OSError: no such picture" in told(lambda: judged(data))


def test_keras_takes_our_adapter_in_the_place_of_data():
    from keras.src.trainers import data_adapters

    x = helpers.points(16)
    spec = sample_spec.SampleSpec((2,), None)
    feed = fit_data.evaluation_feed(x, None, spec=spec, batch_size=4)
    adapter = feed.for_keras()
    assert data_adapters.get_data_adapter(adapter) is adapter
    assert adapter.num_batches == 4 and adapter.get_tf_dataset() is feed.dataset


BAD_FOLDER = """
import sys
sys.path.insert(0, "tests")
import lean
lean.import_tensorflow()
import keras
import helpers
data = keras.utils.image_dataset_from_directory(
    sys.argv[1], labels=None, image_size=(8, 8), color_mode="grayscale", batch_size=4, verbose=False
)
gan = helpers.watched((8, 8, 1))
print("begin", file=sys.stderr, flush=True)
try:
    gan.fit(data, verbose=0)
except ValueError as error:
    print(error, file=sys.stderr)
gan.fit(data.map(lambda samples: samples / 127.5 - 1), verbose=0)
"""


@pytest.mark.slow
def test_bad_data_are_told_without_the_call_stacks_of_tensorflow(tmp_path):
    for number, image in enumerate(helpers.images(16)):
        keras_gan.images.save_png(tmp_path / f"{number}.png", image)
    environment = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    done = subprocess.run(
        [sys.executable, "-c", BAD_FOLDER, str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    (line,) = done.stderr.split("begin\n", 1)[1].splitlines()
    assert "must be uint8 in [0, 255] or floats in [-1, 1]" in line and "x.map(" in line
