"""Samples of unusual types and values: taken, or told in one sentence."""

import fractions

import ml_dtypes
import numpy as np
import pytest

import helpers
from keras_gan import GAN, _checks, networks
from keras_gan.feeding import fit_data, sample_spec
from value_feeds import IMAGE, fed, pixels

POINTS = helpers.points(64)

# === Samples that are all the same ===


@pytest.mark.parametrize(
    "x",
    [np.ones((64, 2)), np.tile([[0.2, -0.4]], (64, 1)), np.full((9, 2), 2**63, "uint64")],
    ids=["ones", "one point", "huge"],
)
@pytest.mark.parametrize("activation", ["linear", "leaky_relu"])
def test_samples_that_are_all_the_same_are_told(x, activation):
    with pytest.warns(UserWarning) as caught:
        fed(x, activation=activation)
    (told,) = [str(w.message) for w in caught]
    assert f"All {len(x)} samples of `x` that were looked at are the same" in told


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "x",
    [
        np.zeros((64, 1)),
        np.eye(3)[[0, 0, 0, 1]],
        np.eye(3)[[0, 1, 2, 0, 1, 2]],
        np.tile([[0.1, 0.2], [0.3, 0.4]], (32, 1)),
    ],
    ids=["one number", "rare", "one-hot", "two points"],
)
def test_few_samples_and_discrete_ones_are_not(x):
    fed(x)


def test_images_that_are_all_the_same_are_told():
    with pytest.warns(UserWarning, match="All 8 samples of `x` that were looked at are the same"):
        fed(np.repeat(pixels(1, *IMAGE), 8, 0), activation="tanh")


# === Large numbers ===


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_numbers_near_the_end_of_float32_are_told_without_overflow():
    x = POINTS * np.float32(1e37)
    told = r"deviation of 6\.1\de\+36, .*Scale them first: `x / "
    with pytest.warns(UserWarning, match=told) as caught:
        fed(x, activation="linear")
    code = str(caught[0].message).split("first: `")[1].split("`")[0]
    scaled = eval(code, {"x": x})
    assert 0.9 < np.abs(scaled).max() <= 1.0


# === Types ===


@pytest.mark.parametrize("dtype", [np.longdouble, ml_dtypes.int4, ml_dtypes.uint4])
def test_numbers_that_tensorflow_does_not_know_are_taken(dtype):
    whole = np.arange(8).reshape(4, 2)
    found = sample_spec.SampleSpec((2,), None).samples(whole.astype(dtype), "x")
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, whole)


def test_columns_of_a_structured_array_are_stacked():
    x = np.array([(0.1, 0.2), (0.3, 0.4)], [("a", "f4"), ("b", "f8")])
    spec = sample_spec.SampleSpec((2,), None)
    with pytest.raises(ValueError, match="array of numbers.*'a'.*Use `np.stack") as error:
        spec.samples(x, "x")
    code = str(error.value).split("Use `")[1].split("`")[0]
    np.testing.assert_allclose(spec.samples(eval(code, {"x": x, "np": np}), "x"), x.tolist())


# === What is left out ===


def test_validation_data_of_nothing_are_told_as_such():
    spec = sample_spec.SampleSpec((2,), None)
    with pytest.raises(ValueError, match="Give held-out samples: `validation_data=samples`, or"):
        fit_data.evaluation_feed((None, None), None, spec=spec, batch_size=8)
    with pytest.raises(ValueError, match=r"Give the real samples: `fit\(samples\)`"):
        fit_data.unpacked(None, None, 1, "x")


def test_classes_of_a_model_without_any():
    pair = helpers.generator(), helpers.discriminator()
    with pytest.raises(ValueError, match="Leave it out, or build networks .*`num_classes=1`"):
        GAN(*pair, class_names=["a"])
    for wrong in ("3", 3.0, True):
        with pytest.raises(ValueError, match="`num_classes` must be a positive integer"):
            GAN(*pair, num_classes=wrong)
    GAN(*networks.mlp((2,), num_classes=1), num_classes=1, class_names=["a"])  # the cure


def test_latents_that_are_not_finite_say_how_many():
    gan = GAN(helpers.generator(), helpers.discriminator())
    bad = np.zeros((3, helpers.LATENT))
    bad[1, :2] = np.nan
    with pytest.raises(ValueError, match=r"not_finite=2, shape=\(3, 4\). Draw some with `gan.sam"):
        gan.generate(latents=bad)
    with pytest.raises(ValueError, match="`start` must be finite.*not_finite=4"):
        gan.interpolate(np.full(4, np.inf), np.zeros(4))
    gan.generate(latents=gan.sample_latents(3, seed=0))  # the cure


def test_precisions_that_there_are_not():
    with pytest.raises(ValueError, match="'auto' or None. Received: precision='fp16'. Names are"):
        networks.mlp((2,), precision="fp16")
    for name in ("float32", "mixed_bfloat16", "mixed_float16", "auto", None):
        networks.mlp((2,), precision=name)  # the cure


@pytest.mark.parametrize("value", [10**30, fractions.Fraction(1, 3), np.float16(2.0)])
def test_every_finite_number_is_one(value):
    assert _checks.number(value, "value", above=0.0) == float(value)


@pytest.mark.parametrize("value", [10**400, float("inf"), float("nan"), 1j, "1", True])
def test_what_no_float_holds_is_told(value):
    with pytest.raises(ValueError, match="must be a finite number"):
        _checks.number(value, "value")
