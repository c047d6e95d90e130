"""The convergence zoo: whether a run did harm, and who judges its samples."""

import math

import numpy as np
import pytest

from benchmarks.zoo import harm
from keras_gan import data
from zoo_runs import IMAGES, RING, truth


@pytest.mark.parametrize(
    ("figures", "scale", "reason"),
    [
        (truth([0.1, 0.9, 0.9, 0.9, 0.9]), RING, None),
        (truth([0.9] * 5, found=7), RING, None),
        (truth([0.9] * 5, found=6), RING, "modes"),
        (truth([0.9] * 5, good=0.49), RING, "samples"),
        (truth([0.1] * 6 + [0.47]), RING, "far"),
        (truth([0.9] * 4 + [0.7] * 4), RING, "lost"),
        (truth([0.1] + [0.9] * 4 + [0.7] * 4), RING, "lost"),  # of the best, not of the first
        (truth([0.9] * 4 + [0.75] * 4), RING, None),
        (truth([0.9] * 5 + [None]), RING, "broken"),
        (truth([0.9] * 5 + [math.nan]), RING, "broken"),
        (truth([25.0] * 4 + [1.5] * 4), IMAGES, None),
        (truth([25.0] * 4 + [9.1] * 4), IMAGES, "far"),  # the root goes from 5 to 3 of 1
        (truth([25.0] * 4 + [8.9] * 4), IMAGES, None),
        (truth([1.0] * 4 + [4.0] * 4), IMAGES, "lost"),
    ],
)
def test_harm_is_told_with_its_reason(figures, scale, reason):
    assert harm.harm(figures, scale) == reason


def test_a_run_improves_while_later_epochs_beat_earlier_ones_by_more_than_noise():
    falling = truth([20.0 - epoch for epoch in range(16)])
    assert harm.still_improving(falling, IMAGES, 8)
    assert not harm.still_improving(falling, IMAGES, 16)
    flat = truth([5.0] * 8 + [4.9] * 8)  # less than the error of drawing
    assert not harm.still_improving(flat, IMAGES, 8)
    assert harm.still_improving(truth([5.0] * 8 + [4.8] * 8), IMAGES, 8)
    rising = truth([0.1 + 0.05 * epoch for epoch in range(16)])
    assert harm.still_improving(rising, RING, 8)
    worse = truth([0.9 - 0.05 * epoch for epoch in range(16)])
    assert not harm.still_improving(worse, RING, 8)
    # Broken to the end has nothing to gain; what recovers from it has.
    assert not harm.still_improving(truth([5.0] * 8 + [None] * 8), IMAGES, 8)
    assert harm.still_improving(truth([None] * 8 + [5.0] * 8), IMAGES, 8)


def test_noise_alone_is_seldom_taken_for_a_gain():
    random = np.random.default_rng(0)
    runs = [truth(5.0 + random.normal(0, 1, 48)) for _ in range(200)]
    found = np.mean([harm.still_improving(run, IMAGES, 24) for run in runs])
    assert found < 0.1


# === Judges ===


def test_the_ring_is_judged_by_its_modes():
    judge = harm.RingJudge(data.ring_modes(), 0.05)
    points = data.ring(4_000, std=0.05, seed=1)
    figures = judge(points)
    assert figures["found"] == 8
    assert figures["good"] == pytest.approx(1.0, abs=0.01)
    assert figures["quality"] == pytest.approx(0.96, abs=0.02)
    half = judge(points[points[:, 1] > 0.1])  # three modes are wholly above
    assert half["found"] == 3
    assert half["quality"] == pytest.approx(3 / 8, abs=0.02)
    far = judge(points * 3)
    assert (far["found"], far["good"], far["quality"]) == (0, 0.0, 0.0)
    assert judge(points * np.nan) == harm.broken()


def test_images_are_judged_by_classes_and_by_their_distance():
    random = np.random.default_rng(0)

    def look(images):  # the image says its class and how sure one can be of it
        probabilities = np.full((len(images), 10), 0.01)
        probabilities[np.arange(len(images)), images[:, 0].astype(int)] = images[:, 1]
        return probabilities, images[:, 2:]

    def images(classes, sure):
        count = 500
        columns = [random.choice(classes, count), np.full(count, sure)]
        return np.column_stack([*columns, random.normal(size=(count, 3))])

    judge = harm.ImageJudge(look, images(range(10), 0.95))
    figures = judge(images(range(10), 0.95))
    assert (figures["found"], figures["good"]) == (10, 1.0)
    assert figures["quality"] == pytest.approx(0.0, abs=0.05)
    assert judge(images([1, 4], 0.95))["found"] == 2
    unsure = judge(images(range(10), 0.8))
    assert (unsure["found"], unsure["good"]) == (0, 0.0)
