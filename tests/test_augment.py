"""Augmentation: what it changes, gradients, seeds, and a probability that follows reals."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gan.augment import Adaptive, Affine, DiffAugment
from keras_gan.augment.warping import shifted, warped
from keras_gan.backend import packing, replicas

SEED = (3, 4)
IMAGES = np.random.default_rng(0).uniform(-1, 1, (6, 8, 9, 3)).astype("float32")
ALWAYS = {"target": None, "start": 1.0, "maximum": 1.0}
EVERY = {
    "diff": DiffAugment(),
    "translation": DiffAugment("translation"),
    "adaptive": Adaptive(**ALWAYS),
    "blit": Adaptive("blit", **ALWAYS),
    "affine": Affine(turn=40.0, scale=0.3, shear=0.3, shift=0.2),
}


def change(one, images, seed=SEED, **options):
    return one({"x": tf.constant(images)}, seed, **options)["x"].numpy()


# === What all of them hold ===


@pytest.mark.parametrize("name", EVERY)
def test_seeds_reproduce_and_rows_differ(name):
    same_rows = np.repeat(IMAGES[:1], 6, axis=0)
    one = change(EVERY[name], same_rows)
    np.testing.assert_array_equal(one, change(EVERY[name], same_rows))
    assert not np.array_equal(one, change(EVERY[name], same_rows, seed=(3, 5)))
    different = {row.tobytes() for row in one}
    assert len(different) > 2


@pytest.mark.parametrize("name", ["diff", "adaptive", "affine"])
def test_a_round_trip_through_its_config(name):
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(EVERY[name]))
    assert type(again) is type(EVERY[name]) and repr(again) == repr(EVERY[name])
    np.testing.assert_array_equal(change(again, IMAGES), change(EVERY[name], IMAGES))


@pytest.mark.parametrize("name", ["diff", "adaptive", "affine"])
def test_gradients_are_those_of_finite_differences(name):
    images = IMAGES[:2, :, :8]
    weights = np.random.default_rng(1).normal(size=images.shape).astype("float32")
    direction = np.random.default_rng(2).normal(size=images.shape).astype("float32")

    def value(given):
        return tf.reduce_sum(weights * EVERY[name]({"x": given}, SEED)["x"] ** 2)

    with tf.GradientTape() as outer:
        given = tf.constant(images)
        outer.watch(given)
        with tf.GradientTape() as tape:
            tape.watch(given)
            total = value(given)
        gradient = tape.gradient(total, given)
        along = tf.reduce_sum(gradient * direction)
    # The value is a quadratic form: central differences are exact up to rounding.
    up, down = (value(images + sign * direction) for sign in (1.0, -1.0))
    assert abs(float(along)) > 1.0
    np.testing.assert_allclose(along, (up - down) / 2.0, rtol=1e-3)
    curvature = tf.reduce_sum(outer.gradient(along, given) * direction)
    assert float(curvature) != 0.0
    np.testing.assert_allclose(curvature, up + down - 2.0 * value(images), rtol=1e-2)


@pytest.mark.parametrize("name", ["diff", "adaptive", "affine"])
@pytest.mark.parametrize("shape", [(3, 5, 8, 1), (2, 1, 1, 4)])
def test_any_size_and_number_of_channels_and_half_precision(name, shape):
    images = np.random.default_rng(1).uniform(-1, 1, shape).astype("float32")
    changed = EVERY[name]({"x": tf.constant(images, "bfloat16")}, SEED)["x"]
    assert changed.dtype == "bfloat16" and changed.shape == shape
    assert np.isfinite(np.asarray(changed, "float32")).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["diff", "adaptive", "affine"])
def test_sizes_may_be_known_in_a_step_only(name):
    of_unknown_size = tf.function(
        lambda x: EVERY[name]({"x": x}, SEED)["x"],
        input_signature=[tf.TensorSpec((None, None, None, 3))],
    )
    np.testing.assert_allclose(of_unknown_size(IMAGES), change(EVERY[name], IMAGES), atol=1e-5)


@pytest.mark.parametrize("name", ["diff", "adaptive"])
def test_conditions_move_with_the_samples_and_keep_their_colors(name):
    labels = (IMAGES[..., :1] > 0).astype("int32")
    tensors = {"x": tf.constant(IMAGES), "same": tf.constant(IMAGES), "labels": tf.constant(labels)}
    tensors["codes"] = tf.ones((6, 2))
    changed = EVERY[name](tensors, SEED, conditions=("same", "labels"))
    assert changed["codes"] is tensors["codes"]
    geometry = "translation,cutout" if name == "diff" else "blit,geometry"
    options = ALWAYS if name == "adaptive" else {}
    moved = change(type(EVERY[name])(geometry, **options), IMAGES)
    np.testing.assert_array_equal(changed["same"], moved)
    assert np.abs(changed["x"] - moved).max() > 0.1  # its colours have changed
    assert changed["labels"].dtype == "int32" and set(np.unique(changed["labels"])) <= {0, 1}


def test_labels_take_whole_pixels_of_the_same_places():
    labels = np.arange(6 * 8 * 8).reshape(6, 8, 8, 1)
    both = {"x": tf.constant(labels, "float32"), "labels": tf.constant(labels, "int32")}
    changed = EVERY["blit"](both, SEED, conditions=("labels",))
    np.testing.assert_allclose(changed["x"], changed["labels"], atol=1e-3)


@pytest.mark.parametrize("name", ["diff", "adaptive", "affine"])
def test_micro_batches_get_the_draws_of_the_whole_batch(name):
    whole = change(EVERY[name], IMAGES)
    for part in range(2):
        with replicas.micro_batch(part, 2):
            np.testing.assert_allclose(
                change(EVERY[name], IMAGES[part::2]), whole[part::2], atol=1e-6
            )


def test_micro_batches_of_packs_get_the_draws_of_the_whole_batch():
    samples = np.concatenate([IMAGES, IMAGES[:2]])
    whole = change(EVERY["diff"], samples)
    for part in range(2):
        own = packing.take_every(tf.constant(samples), part, 2, size=2)
        expected = packing.take_every(tf.constant(whole), part, 2, size=2)
        # The penalty of a critic that judges packs draws for packs, but an augmentation does not.
        with replicas.micro_batch(part, 2, pack=2), replicas.rows_of(2):
            np.testing.assert_allclose(change(EVERY["diff"], own), expected, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["diff", "adaptive", "affine"])
def test_xla_agrees(name):
    def both(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            changed = EVERY[name]({"x": x}, SEED)["x"]
            total = tf.reduce_sum(changed**2)
        return changed, tape.gradient(total, x)

    plain = both(tf.constant(IMAGES))
    for ours, theirs in zip(
        tf.function(both, jit_compile=True)(tf.constant(IMAGES)), plain, strict=True
    ):
        np.testing.assert_allclose(ours, theirs, atol=2e-4)


@pytest.mark.parametrize("kind, known", [(DiffAugment, "color"), (Adaptive, "geometry")])
def test_policies_are_checked(kind, known):
    with pytest.raises(ValueError, match=f"`policy` must be one of .* Did you mean '{known}'"):
        kind(f"{known[:-1]}")
    with pytest.raises(ValueError, match="must differ"):
        kind("color,color")
    with pytest.raises(ValueError, match="must be a string"):
        kind(["color"])
    assert kind(" color ").policy == "color"


# === Moving pixels ===


def test_shifts_fill_with_zeros():
    down, right = [2, -1, 0, 0, 9, 0], [0, 3, 0, 1, 0, -9]
    moved = shifted(tf.constant(IMAGES), tf.constant(down), tf.constant(right))
    expected = np.zeros_like(IMAGES)
    expected[0, 2:] = IMAGES[0, :-2]
    expected[1, :-1, 3:] = IMAGES[1, 1:, :-3]
    expected[2] = IMAGES[2]
    expected[3, :, 1:] = IMAGES[3, :, :-1]
    np.testing.assert_array_equal(moved, expected)


def test_maps_turn_reflect_and_interpolate():
    square = IMAGES[:1, :, :8]
    quarter = warped(tf.constant(square), tf.constant([[[0.0, -1], [1, 0]]]), tf.zeros((1, 2)))
    assert any(np.array_equal(quarter, np.rot90(square, k, (1, 2))) for k in (1, 3))
    still = tf.eye(2)[None]
    moved = warped(tf.constant(square), still, tf.constant([[3.0, 0.0]]))
    padded = np.pad(square, ((0, 0), (0, 3), (0, 0), (0, 0)), mode="reflect")
    np.testing.assert_array_equal(moved, padded[:, 3:])
    between = warped(tf.constant(square), still, tf.constant([[0.0, 0.25]]))
    expected = 0.75 * square[:, :, :-1] + 0.25 * square[:, :, 1:]
    np.testing.assert_allclose(between[:, :, :-1], expected, atol=1e-6)


def test_diff_augment_moves_by_an_eighth_and_cuts_out_half():
    many = np.ones((400, 16, 16, 1), "float32")
    moved = change(DiffAugment("translation"), many)[..., 0]
    lost = 16 - moved.any(axis=2).sum(axis=1)
    assert sorted(set(lost)) == [0, 1, 2]
    hidden = 1 - change(DiffAugment("cutout"), many)[..., 0]
    heights, widths = hidden.any(axis=2).sum(axis=1), hidden.any(axis=1).sum(axis=1)
    assert heights.max() == widths.max() == 8 and heights.min() == widths.min() >= 4
    assert (hidden.sum(axis=(1, 2)) == heights * widths).all()


def test_affine_changes_reach_their_limits_and_stay_within_them():
    places = np.stack(np.meshgrid(np.arange(21.0), np.arange(31.0), indexing="ij"), axis=-1)
    ramps = np.repeat(places[None], 400, axis=0).astype("float32")
    np.testing.assert_allclose(change(Affine(turn=0, scale=0, shear=0, shift=0), ramps), ramps)

    def maps(**options):
        """By row, what the height and the width at the centre are made of, and where it was."""
        found = change(Affine(**{"turn": 0, "scale": 0, "shear": 0, "shift": 0, **options}), ramps)
        down, right = found[:, 11, 15] - found[:, 10, 15], found[:, 10, 16] - found[:, 10, 15]
        return np.stack([down, right], axis=2), found[:, 10, 15] - [10, 15]

    turns = np.degrees(np.arctan2(*maps(turn=30)[0][:, :, 0].T[::-1]))
    scales = np.log(np.diagonal(maps(scale=0.2)[0], axis1=1, axis2=2)) / np.log(1.2)
    shears, moves = maps(shear=0.3)[0][:, 1, 0] / 0.3, maps(shift=0.1)[1] / [2.1, 3.1]
    for values in (turns / 30, scales[:, 0], scales[:, 1], shears, moves[:, 0], moves[:, 1]):
        assert -1.001 < values.min() < -0.95 and 0.95 < values.max() < 1.001
        assert abs(values.mean()) < 0.12
    assert np.abs(np.corrcoef(scales.T)[0, 1]) < 0.15


def test_all_channels_move_alike():
    grey = np.repeat(IMAGES[..., :1], 3, axis=3)
    for name in ("translation", "blit", "affine"):
        changed = change(EVERY[name], grey)
        assert np.array_equal(changed[..., 0], changed[..., 1])
        assert not np.array_equal(changed, grey)


# === Colours ===


def test_saturation_leaves_grey_alone_and_zero_makes_grey():
    grey = np.repeat(IMAGES[..., :1], 3, axis=3)
    colored, single = (change(DiffAugment("color"), x) for x in (grey, IMAGES[..., :1]))
    np.testing.assert_allclose(colored, np.repeat(single, 3, axis=3), atol=1e-5)


def test_hue_and_saturation_keep_the_mean_over_channels():
    adaptive = Adaptive("color", **ALWAYS)
    drawn = adaptive.draws(SEED, 6)
    neutral = {"brightness": 0.0, "contrast": 1.0, "luma": 1.0}
    drawn |= {name: tf.fill([6], value) for name, value in neutral.items()}
    changed = adaptive.changed(tf.constant(IMAGES), drawn, colors=True).numpy()
    np.testing.assert_allclose(changed.mean(axis=3), IMAGES.mean(axis=3), atol=1e-5)
    chroma, before = (x - x.mean(axis=3, keepdims=True) for x in (changed, IMAGES))
    lengths = np.linalg.norm(chroma, axis=3) / np.linalg.norm(before, axis=3)
    expected = np.broadcast_to(drawn["saturation"].numpy()[:, None, None], lengths.shape)
    np.testing.assert_allclose(lengths, expected, rtol=1e-4)
    angles = np.sum(chroma * before, axis=3) / np.linalg.norm(before, axis=3) ** 2
    turned = expected * np.cos(drawn["hue"].numpy())[:, None, None]
    np.testing.assert_allclose(angles, turned, atol=1e-3)


# === Adaptive: its probability ===


def test_nothing_changes_at_probability_zero_and_more_at_higher_ones():
    shares = []
    many = np.repeat(IMAGES[:1], 300, axis=0)
    for p in (0.0, 0.1, 0.8):
        changed = change(Adaptive("color", target=None, start=p), many)
        shares.append((changed != many).any(axis=(1, 2, 3)).mean())
    np.testing.assert_array_equal(change(Adaptive(), IMAGES), IMAGES)
    # Five changes, of which the mirrored mean is one only half of the time.
    expected = [1.0 - (1.0 - p) ** 4 * (1.0 - p / 2.0) for p in (0.0, 0.1, 0.8)]
    np.testing.assert_allclose(shares, expected, atol=0.08)


def test_the_probability_follows_the_signs_of_reals():
    one = Adaptive(ramp_images=100.0, maximum=0.3)
    sure, unsure = tf.ones((10, 1)), tf.constant([[1.0], [-1.0]] * 5)

    def after(logits, times=1, **options):
        for _ in range(times):
            one.after_update(logits, None, **options)
        return float(one.probability.numpy())

    np.testing.assert_allclose(after(sure), 0.1, rtol=1e-6)
    np.testing.assert_allclose(after(sure, pack=2), 0.3, rtol=1e-6)
    np.testing.assert_allclose(after(sure), 0.3, rtol=1e-6)  # the maximum
    np.testing.assert_allclose(after(unsure), 0.2, rtol=1e-6)
    np.testing.assert_allclose(after(sure, threshold=1.5), 0.1, rtol=1e-5)
    assert after(unsure, 3) == 0.0
    patches = [tf.ones((10, 2, 2, 1)), tf.ones((10, 1, 1, 1))]
    np.testing.assert_allclose(after(patches), 0.1, rtol=1e-6)
    fixed = Adaptive(target=None, start=0.5)
    fixed.after_update(sure, None)
    assert float(fixed.probability.numpy()) == 0.5


def test_replicas_have_one_probability_and_draws_of_their_own(two_replicas):
    with two_replicas.scope():
        one = Adaptive(start=0.4, ramp_images=100.0)

    def step():
        number = replicas.number()
        changed = one({"x": tf.constant(IMAGES)[3 * number : 3 * number + 3]}, SEED)["x"]
        one.after_update(tf.ones((3, 1)), None)
        return changed

    parts = two_replicas.run(step)
    parts = tf.concat(two_replicas.experimental_local_results(parts), axis=0)
    whole = change(Adaptive(target=None, start=0.4), IMAGES)
    np.testing.assert_allclose(parts, whole, atol=1e-5)
    values = two_replicas.experimental_local_results(one.probability.value)
    np.testing.assert_allclose([float(value) for value in values], [0.46, 0.46], rtol=1e-6)
