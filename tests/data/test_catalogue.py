"""Data sets by name: the same as TFDS gives, in memory or streamed."""

import pathlib
import time
import types

import numpy as np
import pytest
import tensorflow as tf

from keras_gan import data
from keras_gan.data import catalogue, pixels
from keras_gan.feeding import sources

TFDS = pathlib.Path(__file__).resolve().parents[3] / "shared" / "data" / "tfds"
needs_mnist = pytest.mark.skipif(not TFDS.exists(), reason="MNIST is not there")


def arrays(dataset):
    """All samples and labels (or `None`) of a data set, joined."""
    batches = [sources.as_arrays(batch) for batch in dataset]
    samples, labels = zip(*batches, strict=True)
    return np.concatenate(samples), None if labels[0] is None else np.concatenate(labels)


def mnist(**settings):
    return data.from_tfds("mnist", data_dir=TFDS, download=False, **settings)


@needs_mnist
def test_tfds_equals_what_tfds_itself_gives():
    import tensorflow_datasets as tfds

    expected = tfds.load("mnist", split="test[:300]", data_dir=TFDS, download=False, batch_size=-1)
    dataset = mnist(split="test[:300]", labels=True, shuffle=False)
    assert isinstance(dataset.source, sources.ArraySource)
    assert dataset.class_names == [str(digit) for digit in range(10)]
    assert len(dataset) == 5
    samples, labels = arrays(dataset)
    assert (samples.dtype, labels.dtype) == ("uint8", "int32")
    np.testing.assert_array_equal(samples, expected["image"])
    np.testing.assert_array_equal(labels, expected["label"])


@needs_mnist
def test_tfds_without_labels_and_with_another_size():
    dataset = mnist(split="test[:70]", image_size=(14, 16), resample="box", batch_size=32)
    assert dataset.class_names is None
    assert dataset.element_spec.shape[1:] == (14, 16, 1)
    assert arrays(dataset)[0].shape == (70, 14, 16, 1)


@needs_mnist
def test_tfds_streams_what_does_not_fit(monkeypatch):
    monkeypatch.setattr(catalogue.TFDSSource, "block", 40)
    settings = {"split": "test[:150]", "labels": True, "batch_size": 16}
    memory = mnist(**settings, shuffle=False)
    streamed = mnist(**settings, memory_limit_gib=0.0, seed=5)
    assert isinstance(streamed.source, catalogue.TFDSSource)
    assert streamed.source.element_spec == memory.source.element_spec
    samples, labels = arrays(memory)
    known = {bytes(sample): label for sample, label in zip(samples, labels, strict=True)}
    numbers = {bytes(sample): number for number, sample in enumerate(samples)}
    firsts = []
    for _ in range(2):
        seen, classes = arrays(streamed)
        assert sorted(map(bytes, seen)) == sorted(map(bytes, samples))
        assert [known[bytes(sample)] for sample in seen] == classes.tolist()
        # Mixed within its block, and not beyond.
        assert {bytes(s) for s in seen[:40]} == {bytes(s) for s in samples[:40]}
        places = [numbers[bytes(sample)] for sample in seen[:80]]
        assert places[:40] != [place - 40 for place in places[40:]]
        firsts.append(seen[:40].tobytes())
    assert len({*firsts, samples[:40].tobytes()}) == 3
    unmixed, _ = arrays(mnist(**settings, memory_limit_gib=0.0, shuffle=False))
    np.testing.assert_array_equal(unmixed, samples)


@pytest.mark.slow
@needs_mnist
def test_tfds_stream_resumes_exactly():
    source = mnist(split="test[:150]", labels=True, memory_limit_gib=0.0, seed=5).source
    start = 0  # asked for when an iterator starts
    stream = source.stream(lambda: start, 25, 16)  # 9 steps a pass
    straight = list(stream)
    assert straight[0][0].shape == (16, 28, 28, 1)
    tf.random.set_seed(99)
    for start in (9, 20):
        resumed = list(stream.take(25 - start))
        for one, other in zip(straight[start:], resumed, strict=True):
            np.testing.assert_array_equal(one[0], other[0])
            np.testing.assert_array_equal(one[1], other[1])


@needs_mnist
def test_tfds_examples_of_a_stream():
    source = mnist(split="test[:150]", labels=True, memory_limit_gib=0.0).source
    samples, labels = source.examples(60)
    assert len({bytes(sample) for sample in samples}) == 60
    assert (labels.shape, labels.dtype) == ((60,), "int32")
    np.testing.assert_array_equal(samples, source.examples(60)[0])
    assert len(source.examples(500)[0]) == 150


@needs_mnist
@pytest.mark.parametrize(
    "settings, message",
    [
        ({"split": "dev"}, r"`split` must be one that 'mnist' has \(train, test\)"),
        ({"split": None}, "`split` must be a string"),
        ({"split": "train[:0]"}, "`split`"),
        ({"batch_size": -1}, "`batch_size`"),
        ({"labels": 1}, "`labels`"),
        ({"image_size": 0}, "`image_size`"),
        ({"memory_limit_gib": "2"}, "`memory_limit_gib`"),
        ({"split": "test[:9]", "seed": -1}, "`seed`"),
    ],
)
def test_tfds_checks_its_arguments(settings, message):
    with pytest.raises(ValueError, match=message):
        mnist(**settings)


@needs_mnist
def test_tfds_unknown_version():
    with pytest.raises(ValueError, match="known version.*only: 3.0.1"):
        data.from_tfds("mnist:9.9.9", data_dir=TFDS, download=False)


def test_tfds_not_prepared_is_said_at_once(tmp_path):
    began = time.monotonic()
    with pytest.raises(ValueError, match="'mnist' is not prepared in .*download=True"):
        data.from_tfds("mnist", data_dir=tmp_path, download=False)
    assert time.monotonic() - began < 20.0


def test_tfds_unknown_name(tmp_path):
    with pytest.raises(ValueError, match="Received: name='mnits'. Did you mean 'mnist'?"):
        data.from_tfds("mnits", data_dir=tmp_path, download=False)
    with pytest.raises(ValueError, match="`name` must be a string"):
        data.from_tfds(None, data_dir=tmp_path, download=False)


@pytest.mark.parametrize("missing", ["tensorflow_datasets.core", "importlib_resources"])
def test_tfds_says_what_to_install(monkeypatch, missing):
    importing = catalogue.importlib.import_module

    def without(name, *arguments):
        if name == missing:
            raise ImportError("pyarrow requires NumPy 2.0 or newer")
        return importing(name, *arguments)

    monkeypatch.setattr(catalogue.importlib, "import_module", without)
    message = f"{missing}.*NumPy 2.0.*pip install tensorflow-datasets importlib_resources"
    with pytest.raises(ImportError, match=message):
        data.from_tfds("mnist", download=False)


class TestFeatures:
    """Which features are taken."""

    def info(self, features, supervised=None):
        import tensorflow_datasets as tfds

        made = tfds.features.FeaturesDict(
            {
                name: {
                    "image": lambda: tfds.features.Image(shape=(8, 8, 3)),
                    "wide": lambda: tfds.features.Image(shape=(8, 8, 1), dtype=np.uint16),
                    "class": lambda: tfds.features.ClassLabel(num_classes=3),
                    "text": lambda: tfds.features.Text(),
                }[kind]()
                for name, kind in features.items()
            }
        )
        info = types.SimpleNamespace(features=made, supervised_keys=supervised, name="toys")
        return tfds, info

    def test_the_supervised_ones_come_first(self):
        features = {"a": "image", "image": "image", "kind": "class", "label": "class", "z": "image"}
        assert catalogue._features(*self.info(features, ("z", "kind")), True) == ("z", "kind")
        assert catalogue._features(*self.info(features), True) == ("image", "label")
        assert catalogue._features(*self.info({"photo": "image"}), False) == ("photo", None)

    def test_without_images_or_labels(self):
        with pytest.raises(ValueError, match="must have uint8 images.*name='toys'"):
            catalogue._features(*self.info({"t": "text"}), False)
        with pytest.raises(ValueError, match="must have uint8 images"):
            catalogue._features(*self.info({"x": "wide"}), False)
        with pytest.raises(ValueError, match="must have a class label.*labels=False"):
            catalogue._features(*self.info({"image": "image"}), True)


def test_a_stream_is_not_split():
    options = {"resample": "box", "crop_to_aspect_ratio": False, "background": "white"}
    decoder = pixels.Decoder(4, channels=3, **options)
    encoded = tf.data.Dataset.from_tensors((b"",))
    source = catalogue.TFDSSource(1, encoded, decoder, labels=False, origin="")
    with pytest.raises(ValueError, match=r"validation_split=0.1.*split='train\[:90%\]'"):
        source.split(0.1)
