"""Any generator against real samples: which are compared, what comes out."""

import re

import numpy as np
import pytest
import tensorflow as tf

import helpers
from keras_gan import data, terminal
from keras_gan.evaluation.scoring import evaluate_generator
from keras_gan.metrics import ModeCoverage, SlicedWasserstein
from scored import Recorder, compared, identity, points, rows

# === What is compared ===


def test_all_reals_are_compared_each_with_a_sample_of_its_own():
    real, fake = compared(identity, points(), latent_dim=2)
    np.testing.assert_array_equal(rows(real), rows(points()))
    assert fake.shape == (200, 2) and len(np.unique(fake, axis=0)) == 200
    assert abs(fake.mean()) < 0.2 and 0.8 < fake.std() < 1.2


def test_some_reals_are_drawn_by_the_seed():
    first, again, other = (
        compared(identity, points(), 70, seed, latent_dim=2)[0] for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    known = {tuple(row) for row in points()}
    assert len(first) == len({tuple(row) for row in first} & known) == 70
    assert not np.array_equal(rows(first), rows(other))
    assert not np.array_equal(rows(first), rows(points()[:70]))  # sorted data do no harm


def test_the_seed_stands_for_the_samples():
    fakes = [compared(identity, points(), seed=s, latent_dim=2)[1] for s in (0, 0, 2**62)]
    np.testing.assert_array_equal(fakes[0], fakes[1])
    # Not even a batch is shared, in any order.
    everything = np.concatenate([fakes[0], fakes[2]])
    assert len(np.unique(everything, axis=0)) == 400


def test_images_are_scaled_as_in_training():
    images = helpers.images(70)
    real, fake = compared(lambda latents: tf.reshape(latents, (-1, 8, 8, 1)), images, latent_dim=64)
    np.testing.assert_allclose(rows(real), rows(images / np.float32(127.5) - 1), atol=1e-6)
    assert fake.shape == real.shape


def test_a_generator_of_uint8_images_is_scaled_too():
    def generator(latents):
        return tf.cast(tf.reshape(latents, (-1, 8, 8, 1)) * 40 + 128, "uint8")

    _, fake = compared(generator, helpers.images(70), latent_dim=64)
    assert -1 <= fake.min() < -0.7 and 0.7 < fake.max() <= 1


@pytest.mark.parametrize("prior", ["uniform", lambda shape, seed: tf.fill(shape, 0.5)])
def test_a_prior_may_be_chosen(prior):
    _, fake = compared(identity, points(), prior=prior, latent_dim=2)
    if prior == "uniform":
        assert -1 <= fake.min() < -0.9 and 0.9 < fake.max() <= 1
    else:
        assert np.all(fake == 0.5)


def test_data_sets_are_streamed():
    mine = tf.data.Dataset.from_tensor_slices(points()).batch(33)
    unknown = mine.filter(lambda batch: True)
    ours = data.from_arrays(points(), batch_size=10)
    for dataset in (mine, unknown, ours, mine.map(lambda x: (x, tf.zeros(len(x), "int32")))):
        real, fake = compared(identity, dataset, latent_dim=2)
        np.testing.assert_array_equal(rows(real), rows(points()))
        assert len(fake) == 200
    real, _ = compared(identity, unknown, 50, latent_dim=2)
    np.testing.assert_array_equal(real, points()[:50])
    real, _ = compared(identity, mine.repeat(), 450, latent_dim=2)
    assert len(real) == 450
    once, again = (compared(identity, ours, 50, latent_dim=2)[0] for _ in range(2))
    np.testing.assert_array_equal(once, again)


# === Labels ===


def labelled(latents, labels):
    """Samples that tell their labels."""
    return tf.stack([tf.cast(labels, "float32"), latents[:, 0]], axis=1)


def reals_with_labels(count=150):
    labels = np.random.default_rng(0).permutation(count) % 3
    return np.stack([labels, labels], axis=1).astype("float32"), labels


@pytest.mark.parametrize("form", ["arrays", "columns", "ours", "mine"])
def test_samples_are_made_with_the_labels_of_the_reals(form):
    samples, labels = reals_with_labels()
    real = {
        "arrays": (samples, labels),
        "columns": (samples, labels[:, None]),
        "ours": data.from_arrays(samples, labels),
        "mine": tf.data.Dataset.from_tensor_slices((samples, labels[:, None])).batch(20),
    }[form]
    real, fake = compared(labelled, real, latent_dim=1, num_classes=3)
    np.testing.assert_array_equal(real[:, 0], fake[:, 0])
    assert len(np.unique(fake[:, 0])) == 3


def test_without_labels_they_are_uniform():
    real = reals_with_labels(600)[0]
    _, fake = compared(labelled, real, latent_dim=1, num_classes=4)
    counts = np.bincount(fake[:, 0].astype(int))
    assert len(counts) == 4 and counts.min() > 100


def test_labels_do_no_harm_where_none_are_taken():
    _, with_labels = compared(identity, reals_with_labels(), latent_dim=2)
    _, without = compared(identity, reals_with_labels()[0], latent_dim=2)
    np.testing.assert_array_equal(with_labels, without)


# === Figures ===


def test_figures_are_those_of_the_metric():
    metric = SlicedWasserstein(seed=3)
    result = evaluate_generator(identity, points(), metric, latent_dim=2)
    recorder, by_hand = Recorder(), SlicedWasserstein(seed=3)
    evaluate_generator(identity, points(), recorder, latent_dim=2)
    by_hand.update_state(recorder.real, recorder.fake)
    assert result == {"sliced_wasserstein": pytest.approx(by_hand.result(), rel=1e-6)}
    assert type(result["sliced_wasserstein"]) is float
    # It holds this evaluation, and begins anew with the next.
    assert metric.result() == result["sliced_wasserstein"]
    assert evaluate_generator(identity, points(), metric, latent_dim=2) == result


def test_metrics_by_name_and_of_several_figures():
    modes = ModeCoverage([[0.0, 0.0], [9.0, 9.0]], 1.0)
    result = evaluate_generator(identity, points(), ["sliced_wasserstein", modes], latent_dim=2)
    keys = {f"mode_coverage_{key}" for key in modes.result_keys}
    assert set(result) == {"sliced_wasserstein"} | keys
    assert result["mode_coverage_modes"] == 1.0
    assert all(type(value) is float for value in result.values())


def test_closer_generators_score_better():
    far, near = (
        evaluate_generator(lambda z, s=s: z + s, points(), "sliced_wasserstein", latent_dim=2)
        for s in (np.float32(2.0), np.float32(0.0))
    )
    assert far["sliced_wasserstein"] == pytest.approx(2.0, rel=0.15)
    assert near["sliced_wasserstein"] < 0.3


def test_floors_compare_reals_with_other_reals():
    class Keeping(Recorder):
        seen = []

        def reset_state(self):
            if getattr(self, "pairs", None):
                self.seen.append((self.real, self.fake))
            super().reset_state()

    recorder = Keeping()
    result = evaluate_generator(identity, points(301), recorder, floors=True, latent_dim=2)
    (first, second), *more = recorder.seen
    assert not more and len(first) == len(second) == len(recorder.real) == len(recorder.fake) == 150
    known = {tuple(row) for row in points(301)}
    assert len({tuple(row) for row in np.concatenate([first, second])} & known) == 300
    assert set(result) == {"recorder", "recorder_floor"}
    assert result["recorder_floor"] == pytest.approx(second.mean())
    assert result["recorder"] == pytest.approx(recorder.fake.mean())


def test_floors_of_a_pipeline():
    pipeline = tf.data.Dataset.from_tensor_slices(points(1_000)).batch(33)
    figures = {
        num: evaluate_generator(
            lambda z: z + 1, pipeline, "sliced_wasserstein", num, floors=True, latent_dim=2
        )
        for num in (100, 500)
    }
    for figure in figures.values():
        assert 0 < figure["sliced_wasserstein_floor"] < 0.4 < figure["sliced_wasserstein"]
    with pytest.raises(ValueError, match="num_reals=1000, num_samples=501"):
        evaluate_generator(identity, pipeline, "sliced_wasserstein", 501, floors=True, latent_dim=2)


def test_a_gan_is_as_before():
    gan = helpers.gan(metrics=[SlicedWasserstein()])
    before = helpers.state(gan)
    evaluate_generator(gan, helpers.points(100), gan.quality_metrics)
    helpers.assert_same(before, helpers.state(gan))


# === What is shown ===


def test_figures_say_what_they_were_measured_with():
    named = ["frechet_distance", "precision_recall", Recorder()]
    figures = evaluate_generator(identity, points(), named, floors=True, latent_dim=2)
    assert isinstance(figures, dict) and dict(figures) == {**figures}
    lines = str(figures).splitlines()
    assert len(lines) == 3 and repr(figures) == str(figures)
    without_error, errors = re.subn(r" \+- [-.e\d]+", "", lines[0])
    assert errors == 1 and without_error == (
        f"frechet_distance {figures['frechet_distance']:.6g}, lower is better, reals reach "
        f"{figures['frechet_distance_floor']:.6g} (features: the samples as they are, "
        "dimension: 2, real_samples: 100, fake_samples: 100, reference: False)"
    )
    assert f"recall {figures['precision_recall_recall']:.6g}, higher is better" in lines[1]
    assert lines[2] == f"recorder {figures['recorder']:.6g}"  # whose direction nobody knows


@pytest.mark.parametrize(
    ("verbose", "shown"),
    [
        *((True, True), ("auto", False)),
        *(pytest.param(number, bool(number), marks=pytest.mark.slow) for number in (0, 1)),
    ],
)
def test_a_long_evaluation_shows_how_far_it_is(monkeypatch, capsys, verbose, shown):
    monkeypatch.setattr(terminal, "_DELAY", 0.0)
    evaluate_generator(
        identity, points(500), Recorder(), floors=True, latent_dim=2, verbose=verbose
    )
    text = capsys.readouterr().err
    for words in ("Comparing reals with reals: 100%", "Comparing: 100%", "4/4", "Computing"):
        assert (words in text) == shown, text


def test_verbose_is_checked():
    with pytest.raises(ValueError, match="`verbose` must be one of 'auto'.*verbose='yes'"):
        evaluate_generator(identity, points(), Recorder(), latent_dim=2, verbose="yes")
