"""All seeds have one range, and are refused where they are given."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

import helpers
from keras_gan import data, metrics
from keras_gan.backend import seeds
from keras_gan.callbacks import ImageGrid
from keras_gan.convergence import duality_gap
from keras_gan.metrics import kernel_distance
from keras_gan.model.gan import GAN

POINTS = helpers.points()

SEEDED = {
    "GAN": lambda seed: GAN(helpers.generator(), helpers.discriminator(), seed=seed),
    "ImageGrid": lambda seed: ImageGrid("never made", seed=seed),
    "a metric": lambda seed: metrics.KernelDistance(seed=seed),
    "kernel_distance": lambda seed: kernel_distance.kernel_distance(POINTS, POINTS, seed=seed),
    "duality_gap": lambda seed: duality_gap(helpers.gan(), seed=seed),
    "from_arrays": lambda seed: data.from_arrays(POINTS, batch_size=4, seed=seed),
    "ring": lambda seed: data.ring(8, seed=seed),
    "stacked_mnist": lambda seed: data.stacked_mnist(
        np.zeros((4, 28, 28), "uint8"), num_samples=4, seed=seed
    ),
}


@pytest.mark.parametrize("seeded", SEEDED.values(), ids=SEEDED)
@pytest.mark.parametrize("seed", [2**63, -1, 0.5])
def test_a_seed_out_of_range_is_refused(seeded, seed):
    with pytest.raises(ValueError, match=r"`seed` must be .*\. Received: seed="):
        seeded(seed)


def test_the_largest_seed_is_taken():
    for name in ("GAN", "ImageGrid", "a metric", "from_arrays", "ring", "stacked_mnist"):
        SEEDED[name](2**63 - 1)


def test_no_two_numbers_of_a_run_come_from_one_seed():
    """Model, stream, step and place within the step: each makes another seed."""
    drawn = set()
    for seed in (0, 1, 2**40):
        for stream in (seeds.TRAINING, seeds.EVALUATION, seeds.SAMPLING, seeds.STANDING):
            for step in (0, 1, 2, 2**33):
                of_step = seeds.sequence(seed, stream, step)
                drawn |= {tuple(next(of_step).numpy()) for _ in range(3)}
    assert len(drawn) == 3 * 4 * 4 * 3
    later = seeds.sequence(0, seeds.TRAINING, 0, first=2)
    third = list(itertools.islice(seeds.sequence(0, seeds.TRAINING, 0), 3))[2]
    np.testing.assert_array_equal(next(later), third)


@pytest.mark.parametrize("of_seed", ["int32", "int64"])
@pytest.mark.parametrize("of_number", ["int32", "int64"])
def test_folding_gives_what_tensorflow_gives_in_fewer_operations(of_seed, of_number):
    fold, theirs = (
        tf.function(function).get_concrete_function(
            tf.TensorSpec([2], of_seed), tf.TensorSpec([], of_number)
        )
        for function in (
            seeds.fold,
            lambda *given: tf.random.experimental.stateless_fold_in(*given, alg="philox"),
        )
    )
    random = np.random.default_rng(0)
    ranges = [np.iinfo(dtype) for dtype in (of_seed, of_number)]
    for _ in range(100):
        seed, number = (
            tf.constant(random.integers(r.min, r.max, size, endpoint=True), r.dtype)
            for r, size in zip(ranges, ([2], []), strict=True)
        )
        expected = theirs(seed, number)
        np.testing.assert_array_equal(fold(seed, number), expected)
        assert seeds.fold(seed, number).dtype == expected.dtype
    assert len(fold.graph.get_operations()) < 0.5 * len(theirs.graph.get_operations())


@pytest.mark.slow
def test_folding_is_the_same_under_xla():
    seed, number = tf.constant([5, -7]), tf.constant(3, "int64")
    compiled = tf.function(seeds.fold, jit_compile=True)(seed, number)
    np.testing.assert_array_equal(compiled, seeds.fold(seed, number))
