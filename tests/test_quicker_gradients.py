"""Slow gradients are computed by other kernels, with the same results."""

import numpy as np
import pytest
import tensorflow as tf

from keras_gan.backend import determinism, policies, replaced_operations

pytestmark = pytest.mark.usefixtures("optimized_graphs")

SEED = 3


@pytest.fixture
def replaced(monkeypatch):
    """The types of operations that were replaced, on a processor with AMX."""
    monkeypatch.setattr(policies, "has_amx", lambda: True)
    seen = []

    def noting(op_type, replace):
        def note(*args):
            result = replace(*args)
            if result is not None:
                seen.append(op_type)
            return result

        return note

    for op_type, replace in replaced_operations._REPLACED.items():
        monkeypatch.setitem(replaced_operations._REPLACED, op_type, noting(op_type, replace))
    return seen


# How far apart two kernels in bfloat16 are, of the norm of the results. On a processor that has no
# instruction for its products TensorFlow's own rounds otherwise than a sum of products does.
APART = 2e-3 if {"avx512_bf16", "amx_bf16"} & policies._processor() else 2e-2


def normal(shape, dtype="float32"):
    random = np.random.default_rng(SEED)
    return tf.cast(tf.constant(random.standard_normal(shape), "float32"), dtype)


def both_ways(function, *args, signature=None):
    """Results of a function in a graph: TensorFlow's own, and with what is replaced."""
    plain = tf.function(function, input_signature=signature)
    ours = determinism.ordered(
        tf.function(determinism.ordered(function), input_signature=signature)
    )
    return [[np.asarray(tf.cast(r, "float32")) for r in call(*args)] for call in (plain, ours)]


# === Kernels of convolutions ===


def of_convolution(stride, padding, **options):
    def gradients(samples, kernel):
        with tf.GradientTape() as outer:
            outer.watch([samples, kernel])
            with tf.GradientTape() as tape:
                tape.watch(kernel)
                outputs = tf.nn.conv2d(samples, kernel, stride, padding, **options)
                loss = tf.reduce_sum(tf.sin(tf.cast(outputs, "float32")))
            gradient = tape.gradient(loss, kernel)
            penalty = tf.reduce_sum(tf.square(tf.cast(gradient, "float32")))
        return gradient, *outer.gradient(penalty, [samples, kernel])

    return gradients


@pytest.mark.parametrize(
    ("side", "kernel", "stride", "padding"),
    [
        (7, 4, 2, "SAME"),
        (6, 3, 1, "SAME"),
        (11, 4, 2, "VALID"),
        *(
            pytest.param(*sizes, marks=pytest.mark.slow)
            for sizes in (
                *((8, 4, 2, "SAME"), (6, 3, 1, "VALID"), (5, 1, 1, "SAME")),
                *((9, 3, 3, "SAME"), (10, 2, 2, "VALID")),
            )
        ),
    ],
)
def test_gradients_of_a_kernel_are_those_of_the_convolution(
    replaced, side, kernel, stride, padding
):
    samples, weights = normal((3, side, side + 1, 8)), normal((kernel, kernel, 8, 128))
    expected, _ = both_ways(of_convolution(stride, padding), samples, weights)
    assert "Conv2DBackpropFilter" not in replaced  # float32 stays as it is
    samples, weights = tf.cast(samples, "bfloat16"), tf.cast(weights, "bfloat16")
    plain, ours = both_ways(of_convolution(stride, padding), samples, weights)
    assert "Conv2DBackpropFilter" in replaced
    for a, b, reference in zip(ours, plain, expected, strict=True):
        # As near to the exact results as TensorFlow's own: bfloat16 has 8 bits.
        size = np.linalg.norm(reference)
        assert np.linalg.norm(a - b) < APART * size
        assert np.linalg.norm(a - reference) < 1.1 * np.linalg.norm(b - reference) + 1e-6 * size


def test_a_batch_of_any_size(replaced):
    signature = [
        tf.TensorSpec((None, 8, 8, 8), "bfloat16"),
        tf.TensorSpec((3, 3, 8, 128), "bfloat16"),
    ]
    for rows in (1, 4):
        given = normal((rows, 8, 8, 8), "bfloat16"), normal((3, 3, 8, 128), "bfloat16")
        plain, ours = both_ways(of_convolution(1, "SAME"), *given, signature=signature)
        assert np.linalg.norm(ours[0] - plain[0]) < APART * np.linalg.norm(plain[0])
    assert "Conv2DBackpropFilter" in replaced


@pytest.mark.parametrize(
    ("shape", "kernel", "stride", "options"),
    [
        ((2, 8, 8, 8), (3, 3, 8, 127), 1, {}),  # few filters
        ((2, 9, 9, 8), (3, 3, 8, 128), 1, {}),  # wide maps
        ((2, 8, 8, 8), (3, 3, 8, 128), 2, {}),  # the stride does not divide the kernel
        ((2, 8, 8, 8), (2, 2, 8, 128), (2, 1), {}),
        ((2, 8, 8, 8), (3, 3, 8, 128), 1, {"dilations": 2}),
        ((2, 8, 8, 8), (3, 3, 4, 128), 1, {}),  # groups
    ],
)
def test_other_convolutions_stay(replaced, shape, kernel, stride, options):
    given = normal(shape, "bfloat16"), normal(kernel, "bfloat16")

    def gradient(samples, kernel):
        with tf.GradientTape() as tape:
            tape.watch(kernel)
            outputs = tf.nn.conv2d(samples, kernel, stride, "SAME", **options)
        return [tape.gradient(outputs, kernel)]

    tf.function(determinism.ordered(gradient)).get_concrete_function(*given)
    assert "Conv2DBackpropFilter" not in replaced


@pytest.mark.parametrize("kind", ["GPU", "TPU", "a processor without AMX"])
def test_other_devices_keep_their_kernels(replaced, monkeypatch, kind):
    if kind in ("GPU", "TPU"):
        monkeypatch.setattr(
            tf.config, "list_physical_devices", lambda asked=None: [asked] * (asked == kind)
        )
    else:
        monkeypatch.setattr(policies, "has_amx", lambda: False)
    given = normal((2, 8, 8, 8), "bfloat16"), normal((3, 3, 8, 128), "bfloat16")
    both_ways(of_convolution(1, "SAME"), *given)
    assert "Conv2DBackpropFilter" not in replaced


# === Slices ===


def of_slice(cut):
    def gradients(samples):
        with tf.GradientTape() as outer:
            outer.watch(samples)
            with tf.GradientTape() as tape:
                tape.watch(samples)
                loss = tf.reduce_sum(tf.sin(cut(samples)))
            gradient = tape.gradient(loss, samples)
            penalty = tf.reduce_sum(tf.square(gradient))
        return gradient, outer.gradient(penalty, samples)

    return gradients


SLICES = {
    "cropped": lambda x: x[:, 1:, :-1],
    "first rows": lambda x: x[:2],
    "rows counted as they come": lambda x: x[: tf.shape(x)[0] // 2],
    "channels": lambda x: x[..., 1:3],
    "beyond the end": lambda x: x[:, 2:100],
    "nothing": lambda x: x[:, 5:5],
    "every other": lambda x: x[:, ::2],
    "backwards": lambda x: x[:, ::-1],
    "the last two": lambda x: x[:, -2:],
    "one of an axis": lambda x: x[:, 1],
    "a new axis": lambda x: x[:, None, 1:],
}
PADDED = {"cropped", "first rows", "rows counted as they come", "beyond the end", "nothing"}


@pytest.mark.parametrize("static", [pytest.param(True, marks=pytest.mark.slow), False])
@pytest.mark.parametrize("name", SLICES)
def test_gradients_of_slices_are_the_same_bits(replaced, name, static):
    shape = (4, 5, 6, 3)
    signature = None if static else [tf.TensorSpec((None, *shape[1:]), "float32")]
    plain, ours = both_ways(of_slice(SLICES[name]), normal(shape), signature=signature)
    for a, b in zip(ours, plain, strict=True):
        np.testing.assert_array_equal(a, b)
    assert ("StridedSliceGrad" in replaced) == (name in PADDED)
