"""Every cure that an error about data offers is followed, as code, for the thing it was told of."""

import ast
import inspect
import re
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import helpers
import keras_gan
from cures_models import codes, complaint
from keras_gan import networks
from keras_gan.feeding import conversion, cures, fit_data, labels, shapes, values
from keras_gan.feeding.sample_spec import SampleSpec
from value_feeds import IMAGE, fed, pipeline, pixels, reach

SERIES = np.random.default_rng(0).normal(size=(16, 8, 3)).astype("float32")
IMAGES = pixels(16, *IMAGE)
INDICES = np.arange(16) % 3


def dots(values, bad):
    values = values.copy()
    values[3, 0, 0] = bad
    return values


def far_away(bad, shape=(400, 3), scale=1.0, dtype="float32"):
    """Samples of which some are replaced: a `dict` from places to values."""
    found = np.random.default_rng(0).normal(size=shape) * scale
    for place, value in bad.items():
        found[place] = value
    return found.astype(dtype)


# All of 400 rows but the one that is replaced.
OTHERS = (np.arange(400) != 7)[:, None]


def standardised(x):
    return (x - x.mean(0)) / x.std(0)


# What is wrong with x alone: the samples, and what `fed` is told of the networks.
SAMPLES = {
    "floats in [0, 255]": (IMAGES.astype("float32"), {}),
    "floats of 12 bits": (IMAGES * np.float32(16.0), {}),
    "standardised images": (SERIES[:, :, :1, None].repeat(8, 2), {}),
    "int64 in [0, 255]": (IMAGES.astype("int64"), {}),
    "uint16": (IMAGES.astype("uint16") * 257, {}),
    "negative integers": (IMAGES.astype("int64") - 128, {}),
    "NaN": (dots(SERIES, np.nan), {}),
    "vectors of bytes": (pixels(16, 32), {}),
    "bits": (IMAGES // 128, {}),
    "bits of a series": (pixels(16, 8, 4) // 128, {}),
    "floats in [0, 1]": (IMAGES / np.float32(255.0), {}),
    "beyond tanh": (SERIES, {"activation": "tanh"}),
    "codes beyond tanh": ((IMAGES[:, :, 0, 0] % 10).astype("uint8"), {"activation": "tanh"}),
    "beyond sigmoid": (SERIES, {"activation": "sigmoid"}),
    "counts beyond sigmoid": (np.abs(SERIES) * 3, {"activation": "sigmoid"}),
    "bytes beyond sigmoid": (pixels(16, 8, 4), {"activation": "sigmoid"}),
    "bits beyond sigmoid": (pixels(16, 8, 4) > 127, {"activation": "sigmoid"}),
    "below relu": (SERIES, {"activation": "relu"}),
    "bytes below relu": (pixels(16, 8, 4), {"activation": "relu"}),
    "images below sigmoid": (IMAGES, {"activation": "sigmoid"}),
    "far from linear": (SERIES * 100 + 300, {"activation": "linear"}),
    "huge": (SERIES * np.float32(1e30), {"activation": "linear"}),
    "an outlier": (far_away({7: 1e6}), {}),
    "an outlier beside linear": (far_away({7: 1e6}), {"activation": "linear"}),
    "a standardised outlier": (standardised(far_away({(7, 1): 1e6})), {"activation": "linear"}),
    "an outlier of a series": (far_away({(7, 2, 1): -1e3}, (400, 5, 2)), {}),
    "an outlier of single numbers": (far_away({7: 1e3}, (400, 1)), {}),
    "outliers of two columns": (far_away({(7, 0): 1e3, (9, 2): 1e6}, (800, 3)), {}),
    "an outlier at 0": (far_away({(7, 1): 0.0}) + np.float32([[0, 1e3, 0]]) * OTHERS, {}),
    "an outlier of integers": (far_away({7: -9999}, scale=30.0, dtype="int64"), {}),
    "no channels": (IMAGES[..., 0], {"shape": IMAGE}),
    "one axis too many": (IMAGES, {"shape": IMAGE[:2]}),
    "channels first": (np.moveaxis(pixels(16, 8, 8, 3), -1, 1), {"shape": (8, 8, 3)}),
    "colours": (pixels(16, 8, 8, 3), {"shape": IMAGE}),
    "grey": (IMAGES, {"shape": (8, 8, 3)}),
    "alpha": (pixels(16, 8, 8, 4), {"shape": (8, 8, 3)}),
    "no alpha": (pixels(16, 8, 8, 3), {"shape": (8, 8, 4)}),
    "another size": (pixels(16, 6, 6, 1), {"shape": IMAGE}),
    "flat": (IMAGES.reshape(16, 64), {"shape": IMAGE}),
    "other vectors": (SERIES[:, 0], {"shape": (2,)}),
}
LABELS = {
    "one-hot": np.eye(3, dtype=int)[INDICES],
    "multi-hot": np.ones((16, 3), int),
    "floats": INDICES.astype("float32"),
    "fractions": INDICES + 0.5,
    "large floats": INDICES * 1e20,
    "complex": INDICES + 1j * INDICES,
    "words": np.array(["a", "b", "c"])[INDICES],
    "a column of words": np.array(["a", "b", "c"])[INDICES][:, None],
    "bytes": np.array([b"a", b"b", b"c"])[INDICES],
    "from 1": INDICES + 1,
    "from -1": INDICES - 1,
    "with gaps": INDICES * 10,
    "too many": np.arange(16),
    "numbers of something": INDICES + 2**40,
    "too few": INDICES[:15],
}


def batches(*parts):
    """Four of 16 samples, of others a quarter in each: few do not tell what is far from them."""
    return pipeline(*parts).rebatch(len(parts[0]) // 4)


FORMS = {"array": lambda x: x, "list": list, "tensor": tf.constant, "dataset": batches}


def taken(x, y=None, *, shape, num_classes=None, activation="leaky_relu"):
    """Check data as `fit` does, without a graph for the batches of a pipeline."""
    spec = SampleSpec(shape, num_classes, reach(activation))
    if not isinstance(x, tf.data.Dataset):
        fit_data.checked_batch(x, y, spec)
        return
    parts = x.element_spec if isinstance(x.element_spec, tuple) else (x.element_spec, None)
    form = cures.Form("dataset", "x", labelled=parts[1] is not None)
    spec.tensors(*parts, "x", form)
    batch = next(iter(x))
    samples, classes = batch if isinstance(batch, tuple) else (batch, None)
    spec.samples(samples.numpy(), "x", form=form)
    spec.labels(None if classes is None else classes.numpy(), len(samples), form=form)


def follow(text, x, y, told):
    """Do what a complaint asks for, in every way that it names; returns how many there were."""
    ways = []
    for code in codes(text):
        if match := re.fullmatch(r"num_classes=(\d+)", code):
            ways.append((x, y, {**told, "num_classes": int(match[1])}))
        elif not re.search(r"\b[xy]\b", code) or re.fullmatch("[xy]", code):
            continue  # `image_size=8` and the like
        else:
            names = {"np": np, "tf": tf, "keras": keras, "x": x, "y": y}
            changed = eval(code, names)
            of_labels = y is not None and re.search(r"\by\b", code)
            ways.append((x, changed, told) if of_labels else (changed, y, told))
    for words, activation in (("in tanh", "tanh"), ("without an activation", "linear")):
        if f"End the generator {words}" in text or f"end the generator {words}" in text:
            ways.append((x, y, {**told, "activation": activation}))
    if match := re.search(r"(?:for samples of|for) the shape (\(.*?\))|samples of the shape", text):
        got = match[1] or re.search(r"samples of the shape (\(.*?\))", text)[1]
        ways.append((x, y, {**told, "shape": ast.literal_eval(got)}))
    if match := re.search(r"networks for (\d) channels", text):
        ways.append((x, y, {**told, "shape": (*told["shape"][:2], int(match[1]))}))
    for changed, classes, now in ways:
        assert complaint(taken, changed, classes, **now) is None, text
    return len(ways)


@pytest.mark.parametrize("kind", SAMPLES)
def test_cures_of_samples_cure(kind):
    x, told = SAMPLES[kind]
    told = {"shape": x.shape[1:], **told}
    for form in FORMS.values():
        text = complaint(taken, form(x), **told)
        assert text is not None, kind
        assert follow(text, form(x), None, told), text


# What nothing can be done about by code alone.
NO_CODE = ("multi-hot", "numbers of something", "too few")


# Labels whose type and shape in a data set tell enough.
OF_FORM = ("one-hot", "floats", "from 1", "from -1", "with gaps", "too many")


@pytest.mark.parametrize("kind", LABELS)
def test_cures_of_labels_cure(kind):
    y, told = LABELS[kind], {"shape": IMAGE, "num_classes": 3}
    for name, form in FORMS.items():
        if name == "dataset" and kind not in OF_FORM:
            continue  # of these the form alone is known, and cures begin with "if"
        x, given = (form(IMAGES, y), None) if name == "dataset" else (IMAGES, form(y))
        text = complaint(taken, x, given, **told)
        assert text is not None
        assert bool(follow(text, x, given, told)) is (kind not in NO_CODE), text


def test_samples_without_a_class_are_left_out():
    y = INDICES.astype("float32")
    y[[3, 7]] = np.nan, np.inf
    told = {"shape": IMAGE, "num_classes": 3}
    for form in (np.asarray, list, tf.constant):
        (code,) = codes(complaint(taken, IMAGES, form(y), **told))
        known = eval(code, {"np": np, "tf": tf, "y": form(y)})
        text = complaint(taken, IMAGES[known], form(y[known]), **told)
        assert follow(text, IMAGES[known], form(y[known]), told), text


def test_cures_for_what_is_read_in_python_change_each_batch():
    x = IMAGES.astype("float32")

    class Rows(keras.utils.PyDataset):
        num_batches = 4

        def __getitem__(self, index):
            samples = x[4 * index :][:4]
            return eval(code, {"samples": samples, "np": np}) if code else samples

    code = None
    text = complaint(lambda: fed(Rows(), shape=IMAGE))
    for found in codes(text):
        code = found
        assert complaint(lambda: fed(Rows(), shape=IMAGE)) is None, code


def test_cures_of_forms_cure(tmp_path):
    def cured(bad, told, *good, **settings):
        """`bad` is refused with the words `told`; `good` does what they say."""
        text = complaint(lambda: fed(bad, **settings))
        assert text is not None and re.search(told, text), text
        assert complaint(lambda: fed(*good, **settings)) is None

    images = {"shape": IMAGE}
    cured(IMAGES[0], r"Add the batch axis: `x\[None\]`", IMAGES[:4], **images)
    one = tf.data.Dataset.from_tensor_slices(IMAGES)
    cured(one, r"Use `x.batch\(batch_size\)`", one.batch(4), **images)
    cured(pipeline(IMAGES).repeat(), r"Leave out `.repeat\(\)`", pipeline(IMAGES), **images)
    named = pipeline(IMAGES, INDICES).map(lambda a, b: {"image": a, "label": b})
    pair = named.map(lambda batch: (batch["image"], batch["label"]))
    told = r"`x.map\(lambda batch: \(batch\['image'\], batch\['label'\]\)\)`"
    cured(named, told, pair, **images, num_classes=3)
    cured(pair, r"`x.map\(lambda samples, labels: samples\)`", pair.map(lambda a, b: a), **images)
    triple = pipeline(IMAGES, INDICES, INDICES)
    told = r"`x.map\(lambda samples, labels, weights: \(samples, labels\)\)`"
    cured(triple, told, triple.map(lambda a, b, w: (a, b)), **images, num_classes=3)
    sizes = [pixels(8, 8, 1), pixels(9, 8, 1)] * 2
    resized = np.stack([keras.ops.image.resize(image, (8, 8)) for image in sizes])
    cured(sizes, r"`np.stack\(\[keras.ops.image.resize\(image, \(8, 8\)\) for", resized, **images)
    masked = np.ma.masked_greater(SERIES[:, 0], 1.0)
    cured(masked, r"`x.filled\(0\)`", masked.filled(0), shape=(3,))
    cured(None, r"fit\(samples\)", IMAGES, **images)
    # What comes of this cure is tried in `cures_table.py`, with those of other readers.
    assert "`(batch for batch in x)`" in complaint(lambda: fed(iter([1]), **images))
    weights = np.linspace(1, 2, 16)
    drawn = IMAGES[
        np.random.default_rng(0).choice(len(IMAGES), len(IMAGES), p=weights / weights.sum())
    ]
    cured((IMAGES, INDICES, weights), r"`x\[np.random.default_rng\(0\).choice", drawn, **images)
    for number, image in enumerate(IMAGES):
        keras_gan.images.save_png(tmp_path / f"{number}.png", image)
    folder = keras_gan.data.from_folder(tmp_path, image_size=6, channels=1, batch_size=4)
    right = keras_gan.data.from_folder(tmp_path, image_size=8, channels=1, batch_size=4)
    cured(folder, "Use `image_size=8` where the data set is made", right, **images)
    numbers = complaint(lambda: keras_gan.data.from_arrays(np.arange(8.0)))
    assert "`samples[:, None]`" in numbers
    keras_gan.data.from_arrays(np.arange(8.0)[:, None])


def test_networks_ask_for_the_channel_axis():
    with pytest.raises(ValueError, match=r"Did you mean \(28, 28, 1\)\?.*`images\[..., None\]`"):
        networks.dcgan(np.zeros((5, 28, 28)).shape[1:])
    with pytest.raises(ValueError, match=r"Did you mean \(32, 32, 3\)\? The channels go last"):
        networks.dcgan((3, 32, 32))


@pytest.mark.parametrize("make", [keras_gan.data.ring, keras_gan.data.grid])
def test_seeds_of_data_have_an_end(make):
    with pytest.raises(ValueError, match=r"`seed` must be below 2\*\*63"):
        make(5, seed=2**63)
    with pytest.raises(ValueError, match=r"`seed` must be below 2\*\*63"):
        keras_gan.data.from_arrays(helpers.points(), seed=2**63)
    with pytest.raises(ValueError, match="`seed` must be a non-negative"):
        keras_gan.metrics.FrechetDistance().floor(helpers.points(), seed=-1)


# === None is left out ===

MODULES = (conversion, cures, labels, shapes, values)


def _returns(module):
    """The lines of each `return` in a module's functions that word cures."""
    tree = ast.parse(inspect.getsource(module))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    if module is not cures:
        functions = [node for node in functions if "cure" in node.name]
    for function in functions:
        for node in ast.walk(function):
            if isinstance(node, ast.Return) and node.value is not None:
                yield function.name, range(node.lineno, node.end_lineno + 1)


@pytest.mark.slow
def test_the_tables_reach_every_cure():
    reached = {module.__file__: set() for module in MODULES}

    def trace(frame, event, argument):
        if frame.f_code.co_filename not in reached:
            return None
        if event in ("line", "return"):
            reached[frame.f_code.co_filename].add(frame.f_lineno)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        for x, told in SAMPLES.values():
            for form in FORMS.values():
                complaint(taken, form(x), **{"shape": x.shape[1:], **told})
        spec = SampleSpec(IMAGE, 3)
        for y in LABELS.values():
            for kind in ("dataset", "batches"):
                form = cures.Form(kind, "x", labelled=True)
                complaint(spec.labels, y, 16, form=form)
            complaint(spec.labels, y, 16)
        complaint(spec.labels, LABELS["from 1"], 16, form=cures.Form("array", "y", asked=True))
        complaint(spec.labels, INDICES * np.nan, 16)
        types = tf.TensorSpec((None, *IMAGE)), tf.TensorSpec(None, "complex64")
        complaint(spec.tensors, *types, "x", cures.Form("dataset", "x", labelled=True))
        complaint(spec.samples, SAMPLES["uint16"][0], form=cures.Form("batches", "x"))
        for kind in ("dataset", "batches"):
            form = cures.Form(kind, "x", entry="photo")
            complaint(spec.samples, SAMPLES["uint16"][0], form=form)
        complaint(SampleSpec(IMAGE, None).labels, INDICES, 16, form=cures.Form("array", "x"))
        for kind in ("array", "dataset"):
            complaint(SampleSpec(IMAGE, None).samples, IMAGES[0], form=cures.Form(kind, "x"))
        for scale in (300.0, 200.0):
            form = cures.Form("array", "x", entry="photo")
            complaint(values.checked, IMAGES[:1] / 255 * scale, True, "x", form, entry="photo")
        grey, form = IMAGES[..., 0], cures.Form("array", "x")
        complaint(shapes.check, grey[0].shape, (*IMAGE[:2], 1), "x", form)
        complaint(shapes.check, grey.shape, (*IMAGE[:2], 3), "x", form)
        complaint(conversion.array, [IMAGES[0], IMAGES[0, :4]], "x")
        complaint(conversion.array, "x", "x")
    finally:
        sys.settrace(before)
    missed = [
        (module.__name__, name, lines.start)
        for module in MODULES
        for name, lines in _returns(module)
        if not reached[module.__file__].intersection(lines)
    ]
    assert not missed
