"""Networks of `keras.applications` by name: built with their own size and preprocessing."""

import keras
import numpy as np
import pytest

from keras_gan import metrics
from keras_gan.metrics import applications, features

SHAPE = (8, 6, 3)


def images(count=30, shape=SHAPE, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (count, *shape)).astype("float32")


def filled(metric, real, fake):
    metric.update_state(real, fake)
    return metric


@pytest.fixture
def asked(monkeypatch):
    """In the place of every network one that averages what it is given, and the arguments."""
    calls = []

    def replace(name):
        original = getattr(keras.applications, name)

        def build(**arguments):
            calls.append({"network": name, "policy": keras.config.dtype_policy().name, **arguments})
            inputs = keras.Input(arguments["input_shape"])
            x = keras.layers.GlobalAveragePooling2D()(inputs)
            return keras.Model(inputs, keras.layers.Softmax()(x) if arguments["include_top"] else x)

        build.__module__ = original.__module__
        monkeypatch.setattr(keras.applications, name, build)

    for name in applications.names().values():
        replace(name)
    applications._network.cache_clear()
    yield calls
    applications._network.cache_clear()


def test_every_network_has_a_name():
    networks = {name for name in dir(keras.applications) if name[0].isupper()}
    assert set(applications.names().values()) == networks
    assert set(applications._SIZES) <= set(applications.names())
    for name in ("mobilenet_v3_small", "convnext_xlarge", "nasnet_large", "resnet50_v2", "vgg16"):
        assert name in applications.names()
    for given in ("MobileNetV3Small", "mobilenetv3_small"):
        assert applications.check(given) == "mobilenet_v3_small"
    assert applications.check("inception") == "inception_v3"


@pytest.mark.parametrize("name", ["densenet121", "efficientnet_b1", "xception", "nasnet_mobile"])
def test_the_sizes_are_those_that_keras_gives_its_classifiers(name, monkeypatch):
    sizes, original = [], keras.src.applications.imagenet_utils.obtain_input_shape

    def note(*args, **options):
        sizes.append(original(*args, **options))
        raise InterruptedError  # before any layer is made

    monkeypatch.setattr(keras.src.applications.imagenet_utils, "obtain_input_shape", note)
    with pytest.raises(InterruptedError):
        getattr(keras.applications, applications.names()[name])(weights=None)
    assert sizes == [(applications.size(name),) * 2 + (3,)]


@pytest.mark.parametrize(
    ("name", "scale"), [("inception", "-1 to 1"), ("mobilenet_v3_small", "0 to 255"), ("vgg16", "")]
)
def test_images_are_resized_and_preprocessed_as_the_network_wants(asked, name, scale):
    found = np.asarray(features.extractor(name, SHAPE)(images()))
    means = images().mean(axis=(1, 2))
    wanted = {
        "-1 to 1": means,
        "0 to 255": (means + 1.0) * 127.5,
        "": (means[:, ::-1] + 1.0) * 127.5 - (103.939, 116.779, 123.68),
    }[scale]
    np.testing.assert_allclose(found, wanted, rtol=0.05, atol=0.05 * (1 if "-" in scale else 128))
    (call,) = asked
    assert call["weights"] == "imagenet" and call["pooling"] == "avg" and not call["include_top"]
    assert call["input_shape"] == (applications.size(name),) * 2 + (3,)


def test_a_network_is_built_once_in_float32_and_told(asked):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        metric = filled(metrics.FrechetDistance(features="inception"), images(), images() * 0.5)
        other = filled(metrics.PrecisionRecall(features="inception_v3"), images(), images() * 0.5)
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
    finally:
        keras.config.set_dtype_policy("float32")
    (call,) = asked
    assert call["policy"] == "float32"
    for told in (metric.description(), other.description()):
        assert told["resize"] == "bilinear with antialiasing, to 299 x 299"
        assert "InceptionV3" in told["features"] and told["dimension"] == 3
    line = str(metric)
    assert "lower is better" in line and "299 x 299" in line and "fake_samples: 30" in line
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metric))
    assert again.features == "inception"


def test_grey_images_are_repeated_and_classes_named(asked):
    grey = images(shape=(8, 6, 1))
    extract = features.extractor("inception", (8, 6, 1))
    np.testing.assert_allclose(extract(grey), np.repeat(grey.mean(axis=(1, 2)), 3, 1), atol=0.05)
    score = filled(metrics.InceptionScore("mobilenet_v2"), grey, grey)
    assert asked[-1]["include_top"] and asked[-1]["network"] == "MobileNetV2"
    assert score.result() == pytest.approx(1.0)
    for shape in ((8, 6, 4), (12,)):
        with pytest.raises(ValueError, match="one or three channels.*sample_shape"):
            metrics.FrechetDistance(features="inception").build(shape)


def test_a_name_that_there_is_not_is_answered_with_the_nearest():
    with pytest.raises(ValueError, match="Received: features='mobilnet_v3'.*mean 'mobilenet_v"):
        metrics.KernelDistance(features="mobilnet_v3")
    with pytest.raises(ValueError, match="Known names: .*vgg19, xception"):
        metrics.KernelDistance(features="zzz")


def test_without_a_network_connection_the_missing_file_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    url = "https://storage.example/models/mobilenet_no_top.h5"

    def build(**arguments):
        raise Exception(f"URL fetch failure on {url}: None -- [Errno -2] Name not known")

    build.__module__ = keras.applications.MobileNet.__module__
    monkeypatch.setattr(keras.applications, "MobileNet", build)
    applications._network.cache_clear()
    with pytest.raises(RuntimeError, match="neither find nor download") as error:
        features.extractor("mobilenet", SHAPE)
    for part in ("'mobilenet_no_top.h5'", url, str(tmp_path / "models"), "Name not known"):
        assert part in str(error.value)
    assert "no_top.h5:" not in str(error.value).split("Download")[1]
