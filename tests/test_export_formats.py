"""Every format of every network is exported, and gives what the model gives."""

import numpy as np
import pytest
import tensorflow as tf

import helpers
import odd_networks
from keras_gan import networks
from keras_gan.model.gan import GAN

CLASSES = 3
SMALL = {
    "mlp": {"width": 4},
    "dcgan": {"generator_filters": 2, "discriminator_filters": 2},
    "resnet": {"generator_filters": 2, "discriminator_filters": 2},
    "r3gan": {"filters": 4, "group_size": 4},
}
SUFFIXES = ("", ".onnx", ".tflite")


def of_family(family, num_classes, precision="mixed_bfloat16"):
    pair = getattr(networks, family)(
        (8, 8, 1), helpers.LATENT, num_classes=num_classes, precision=precision, **SMALL[family]
    )
    return GAN(*pair, num_classes=num_classes)


def of_subclasses(num_classes=None):
    """A model whose generator was built by a call."""
    if num_classes is None:
        generator = odd_networks.Subclass(2, 1.0), tf.zeros((1, helpers.LATENT))
        return GAN(odd_networks.called(*generator), helpers.discriminator())
    labels = tf.zeros((1,), "int32")
    inputs = tf.zeros((1, helpers.LATENT)), labels
    return GAN(
        odd_networks.called(odd_networks.Conditional(2), *inputs),
        helpers.discriminator(num_classes=num_classes),
        num_classes=num_classes,
    )


def check_export(gan, path):
    """Batches of 1 and 3 give what the model gives."""
    gan.export(path)  # its ending is its format
    latents, labels = gan.sample_latents(3, seed=1), np.arange(3, dtype="int32")
    run = {"": run_saved_model, ".onnx": run_onnx, ".tflite": run_litert}[path.suffix](path)
    for count in (1, 3):
        inputs = {"latents": latents[:count]}
        if gan.num_classes:
            inputs["labels"] = labels[:count]
        expected = gan.generate(**inputs)
        # Where the model computes in bfloat16, a file in float32 differs by its rounding.
        np.testing.assert_allclose(run(inputs), expected, rtol=0.03, atol=0.03)


def run_saved_model(path):
    model = tf.saved_model.load(str(path))
    return lambda inputs: model.serve(**{k: tf.constant(v) for k, v in inputs.items()})


def run_onnx(path):
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [given.name for given in session.get_inputs()]

    def run(inputs):
        return session.run(None, dict(zip(names, inputs.values(), strict=True)))[0]

    return run


def run_litert(path):
    def run(inputs):
        interpreter = tf.lite.Interpreter(str(path))
        for number in range(len(inputs)):
            given = interpreter.get_input_details()[number]
            value = next(v for v in inputs.values() if v.dtype == given["dtype"])
            interpreter.resize_tensor_input(given["index"], value.shape)
        interpreter.allocate_tensors()
        for given in interpreter.get_input_details():
            value = next(v for v in inputs.values() if v.dtype == given["dtype"])
            interpreter.set_tensor(given["index"], value)
        interpreter.invoke()
        (made,) = interpreter.get_output_details()
        return interpreter.get_tensor(made["index"])

    return run


QUIET = ("ignore:(?s).*tf.lite.Interpreter is deprecated:UserWarning",)


def exported(make, suffix, tmp_path):
    if suffix == ".onnx":
        pytest.importorskip("tf2onnx")
    check_export(make(), tmp_path / f"generator{suffix}")
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.filterwarnings(*QUIET)
@pytest.mark.parametrize("suffix", SUFFIXES[1:])
def test_a_model_in_bfloat16_is_exported_in_float32(suffix, tmp_path):
    exported(lambda: of_family("dcgan", num_classes=CLASSES), suffix, tmp_path)


def test_a_subclass_that_was_built_by_a_call_is_exported(tmp_path):
    exported(lambda: of_subclasses(CLASSES), "", tmp_path)


PLAIN, LABELLED = (None, "float32"), (CLASSES, "mixed_bfloat16")
# Each family and each format come with labels in bfloat16 and without; the tests above have some.
CASES = [
    *(("mlp", PLAIN, ""), ("mlp", LABELLED, ".onnx"), ("mlp", PLAIN, ".tflite")),
    ("dcgan", PLAIN, ""),
    *(("resnet", LABELLED, ""), ("resnet", PLAIN, ".onnx"), ("resnet", LABELLED, ".tflite")),
    *(("r3gan", PLAIN, ""), ("r3gan", LABELLED, ".onnx"), ("r3gan", PLAIN, ".tflite")),
    *(("subclass", PLAIN, ""), ("subclass", LABELLED, ".onnx"), ("subclass", PLAIN, ".tflite")),
]


@pytest.mark.slow
@pytest.mark.filterwarnings(*QUIET)
@pytest.mark.parametrize(
    ("family", "kind", "suffix"), CASES, ids=[f"{family}{suffix}" for family, _, suffix in CASES]
)
def test_every_export_runs(family, kind, suffix, tmp_path):
    num_classes, precision = kind
    if family == "subclass":
        exported(lambda: of_subclasses(num_classes), suffix, tmp_path)
    else:
        exported(lambda: of_family(family, num_classes, precision), suffix, tmp_path)
