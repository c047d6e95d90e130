"""Losses against independent formulas, numerical gradients, extremes and a known divergence."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gan import losses


def softplus(x):
    return np.logaddexp(0.0, x)


# Written down from the papers, not from the package: (discriminator, generator) of (r, f).
FORMULAS = {
    "minimax": (lambda r, f: softplus(-r) + softplus(f), lambda r, f: -softplus(f)),
    "non_saturating": (lambda r, f: softplus(-r) + softplus(f), lambda r, f: softplus(-f)),
    "least_squares": (
        lambda r, f: 0.5 * (r - 1) ** 2 + 0.5 * f**2,
        lambda r, f: 0.5 * (f - 1) ** 2,
    ),
    "wasserstein": (lambda r, f: f - r, lambda r, f: -f),
    "hinge": (
        lambda r, f: np.maximum(0, 1 - r) + np.maximum(0, 1 + f),
        lambda r, f: -f,
    ),
    "relativistic_paired": (lambda r, f: softplus(f - r), lambda r, f: softplus(r - f)),
    "relativistic_average": (
        lambda r, f: softplus(f.mean() - r) + softplus(f - r.mean()),
        lambda r, f: softplus(r.mean() - f) + softplus(r - f.mean()),
    ),
}
NAMES = sorted(FORMULAS)
THRESHOLDS = {
    "minimax": 0.0,
    "non_saturating": 0.0,
    "hinge": 0.0,
    "least_squares": 0.5,
    "wasserstein": None,
    "relativistic_paired": None,
    "relativistic_average": None,
}


def logits(seed=0, shape=(16, 1)):
    rng = np.random.default_rng(seed)
    return rng.normal(0.5, 2, shape).astype("float32"), rng.normal(-0.5, 2, shape).astype("float32")


def both(name):
    loss = losses.get(name)
    return (loss.discriminator_loss, loss.generator_loss)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("player", [0, 1])
def test_agrees_with_the_formula(name, player):
    real, fake = logits()
    expected = FORMULAS[name][player](real[:, 0].astype("float64"), fake[:, 0].astype("float64"))
    result = both(name)[player](tf.constant(real), tf.constant(fake))
    assert result.shape == (16,) and result.dtype == tf.float32
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("player", [0, 1])
def test_gradient_is_the_numerical_one(name, player):
    real, fake = logits(1, (5,))
    formula = FORMULAS[name][player]
    with tf.GradientTape() as tape:
        inputs = [tf.constant(real), tf.constant(fake)]
        tape.watch(inputs)
        total = tf.reduce_sum(both(name)[player](*inputs))
    gradients = tape.gradient(total, inputs, unconnected_gradients="zero")
    for which, gradient in enumerate(gradients):
        for i in range(5):
            step = np.zeros((2, 5))
            step[which, i] = 1e-5
            base = np.stack([real, fake]).astype("float64")
            numerical = (formula(*(base + step)).sum() - formula(*(base - step)).sum()) / 2e-5
            assert float(gradient[i]) == pytest.approx(numerical, abs=2e-4)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("player", [0, 1])
@pytest.mark.parametrize("real, fake", [(1e4, -1e4), (-1e4, 1e4), (1e4, 1e4), (-1e4, -1e4)])
def test_extreme_logits_stay_finite(name, player, real, fake):
    with tf.GradientTape() as tape:
        inputs = [tf.constant([[real], [0.0]]), tf.constant([[fake], [0.0]])]
        tape.watch(inputs)
        value = both(name)[player](*inputs)
    gradients = tape.gradient(value, inputs, unconnected_gradients="zero")
    assert np.isfinite(value).all() and np.isfinite(gradients).all()


@pytest.mark.parametrize("name", NAMES)
def test_patch_logits_are_averaged_after_the_pointwise_loss(name):
    real, fake = logits(2, (3, 2, 2, 1))
    for player in (0, 1):
        result = both(name)[player](tf.constant(real), tf.constant(fake))
        expected = FORMULAS[name][player](real.astype("float64"), fake.astype("float64"))
        np.testing.assert_allclose(result, expected.mean(axis=(1, 2, 3)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_half_precision_logits_give_float32(name):
    real, fake = (tf.constant(x, "float16") * 300 for x in logits())
    for value in (f(real, fake) for f in both(name)):
        assert value.dtype == tf.float32 and np.isfinite(value).all()


@pytest.mark.parametrize("name", NAMES)
def test_round_trip_and_threshold(name):
    loss = losses.get(name)
    config = keras.saving.serialize_keras_object(loss)
    twin = losses.get(config)
    assert type(twin) is type(loss) and twin.get_config() == loss.get_config()
    assert loss.threshold == THRESHOLDS[name]
    assert losses.get(loss) is loss


def test_generator_needs_real_says_what_the_loss_reads():
    fake = tf.constant([[0.3]])
    for name in NAMES:
        loss = losses.get(name)
        if loss.generator_needs_real:
            low, high = (loss.generator_loss(tf.constant([[r]]), fake) for r in (-1.0, 1.0))
            assert not np.allclose(low, high)
        else:
            assert np.isfinite(loss.generator_loss(None, fake)).all()


def generator_gradient(name, logit):
    fake = tf.constant([logit])
    with tf.GradientTape() as tape:
        tape.watch(fake)
        value = losses.get(name).generator_loss(None, fake)
    return float(tape.gradient(value, fake)[0])


def test_minimax_saturates_and_non_saturating_does_not():
    # The discriminator is sure: both want a higher logit, one of them hardly says so.
    assert -1e-4 < generator_gradient("minimax", -10.0) < 0
    assert generator_gradient("non_saturating", -10.0) == pytest.approx(-1.0, abs=1e-4)
    # Where the generator fools the discriminator it is the other way round.
    assert generator_gradient("minimax", 10.0) == pytest.approx(-1.0, abs=1e-4)
    assert -1e-4 < generator_gradient("non_saturating", 10.0) < 0


def test_one_sided_label_smoothing():
    real, fake = logits()
    loss = losses.NonSaturating(label_smoothing=0.1)
    expected = 0.9 * softplus(-real) + 0.1 * softplus(real) + softplus(fake)
    np.testing.assert_allclose(loss.discriminator_loss(real, fake), expected[:, 0], rtol=1e-5)
    plain = losses.NonSaturating().generator_loss(None, fake)
    np.testing.assert_array_equal(loss.generator_loss(None, fake), plain)
    with pytest.raises(ValueError, match="label_smoothing=0.5"):
        losses.NonSaturating(label_smoothing=0.5)


@pytest.mark.parametrize("name", ["minimax", "non_saturating"])
@pytest.mark.parametrize("overlap", ["none", "half", "all"])
def test_the_optimal_discriminator_measures_the_jensen_shannon_divergence(name, overlap):
    # Two mixtures on four points whose divergence is known.
    data = np.array([0.5, 0.5, 0.0, 0.0])
    made = {
        "none": np.array([0.0, 0.0, 0.5, 0.5]),
        "half": np.array([0.0, 0.5, 0.5, 0.0]),
        "all": data,
    }[overlap]
    divergence = {"none": np.log(2), "half": 0.5 * np.log(2), "all": 0.0}[overlap]
    with np.errstate(divide="ignore", invalid="ignore"):
        best = np.clip(np.nan_to_num(np.log(data) - np.log(made)), -50, 50)
    loss = losses.get(name)
    # Each expectation is over its own distribution: the other term is switched off by a logit
    # at which it is zero.
    real_term = loss.discriminator_loss(best, np.full(4, -50.0)).numpy()
    fake_term = loss.discriminator_loss(np.full(4, 50.0), best).numpy()
    d_loss = data @ real_term + made @ fake_term
    assert np.log(2) - d_loss / 2 == pytest.approx(divergence, abs=1e-5)
    # Any other discriminator says less.
    worse = best + np.array([0.5, -0.5, 0.5, -0.5])
    d_loss = data @ loss.discriminator_loss(worse, np.full(4, -50.0)).numpy()
    d_loss += made @ loss.discriminator_loss(np.full(4, 50.0), worse).numpy()
    assert np.log(2) - d_loss / 2 <= divergence + 1e-5


@pytest.mark.parametrize("name", NAMES)
def test_accuracies(name):
    threshold = losses.get(name).threshold
    middle = threshold or 0.0
    apart = losses.discriminator_accuracies(
        tf.constant([[middle + 2.0]] * 4), tf.constant([[middle - 2.0]] * 4), threshold
    )
    np.testing.assert_allclose(apart, [1.0, 1.0, 1.0])
    wrong = losses.discriminator_accuracies(
        tf.constant([[middle - 2.0]] * 4), tf.constant([[middle + 2.0]] * 4), threshold
    )
    np.testing.assert_allclose(wrong, [0.0, 0.0, 0.0])
    # A discriminator that says nothing is a coin flip, not always wrong.
    flat = tf.fill([4, 1], middle)
    np.testing.assert_allclose(losses.discriminator_accuracies(flat, flat, threshold), [0.5] * 3)


def test_unknown_names_suggest_the_nearest():
    with pytest.raises(ValueError, match="Did you mean 'wasserstein'"):
        losses.get("wasserstien")
    with pytest.raises(ValueError, match="instance"):
        losses.get(losses.Hinge)
    with pytest.raises(ValueError, match="generator_loss"):
        losses.get(object())


def test_least_squares_needs_two_values():
    assert losses.LeastSquares(fake=-1, real=1, target=0).threshold == 0.0
    with pytest.raises(ValueError, match="must differ"):
        losses.LeastSquares(fake=1, real=1)


# === Several scales ===


def scales(seed=0):
    """Logits of three scales: patches, vectors and single logits; for both kinds."""
    shapes = ((4, 3, 3, 1), (4, 2, 1), (4, 1))
    pairs = [logits(seed + number, shape) for number, shape in enumerate(shapes)]
    return [list(kind) for kind in zip(*pairs, strict=True)]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("player", [0, 1])
def test_a_samples_value_is_the_mean_over_scales(name, player):
    real, fake = scales()
    single = [both(name)[player](r, f) for r, f in zip(real, fake, strict=True)]
    result = both(name)[player](real, tuple(fake))
    assert result.shape == (4,) and result.dtype == tf.float32
    np.testing.assert_allclose(result, np.mean(single, axis=0), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_accuracies_are_of_the_mean_over_scales(name):
    # The second scale alone would say the contrary.
    real, fake = [np.full((4, 2, 1), 9.0), np.full((4, 1), -2.0)], [np.zeros((4, 2, 1))] * 2
    threshold = losses.get(name).threshold
    _, real_accuracy, _ = losses.discriminator_accuracies(real, fake, threshold)
    assert float(real_accuracy) == 1.0


def test_scales_must_be_as_many_on_both_sides():
    real, fake = scales()
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        losses.RelativisticPaired().discriminator_loss(real, fake[:2])


# === Reals of the generator ===

OF_REAL = {
    "minimax": lambda r: -softplus(-r),
    "non_saturating": softplus,
    "least_squares": lambda r: 0.5 * r**2,
    "wasserstein": lambda r: r,
    "hinge": lambda r: r,
    "relativistic_paired": lambda r: 0.0 * r,
    "relativistic_average": lambda r: 0.0 * r,
}


@pytest.mark.parametrize("name", NAMES)
def test_what_the_generator_wants_of_its_own_reals(name):
    loss, (real, _) = losses.get(name), logits(4, (5, 2, 1))
    result = loss.generator_loss_of_real(tf.constant(real, "float16"))
    assert result.shape == (5,) and result.dtype == tf.float32
    expected = OF_REAL[name](real.astype("float16").astype("float64")).mean(axis=(1, 2))
    np.testing.assert_allclose(result, expected, rtol=1e-3, atol=1e-4)
    several = loss.generator_loss_of_real([real, 3.0 * real])
    expected = [loss.generator_loss_of_real(values) for values in (real, 3.0 * real)]
    np.testing.assert_allclose(several, np.mean(expected, axis=0), rtol=1e-5)


def test_least_squares_sends_its_reals_to_the_value_of_fakes():
    loss = losses.LeastSquares(fake=-1.0, real=1.0, target=0.0)
    np.testing.assert_allclose(loss.generator_loss_of_real(np.array([[-1.0], [2.0]])), [0.0, 4.5])


def test_a_loss_says_what_it_lacks_and_has_no_state_by_default():
    class Own(losses.AdversarialLoss):
        """Without `generator_loss_of_real`."""

    assert Own().variables == () and Own().after_update(None, None) is None
    with pytest.raises(NotImplementedError, match="Own must define `generator_loss_of_real"):
        Own().generator_loss_of_real(tf.zeros((2, 1)))
