"""Do the contenders of the throughput benchmark play the same game?"""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_gan
from benchmarks.speed import fast_and_plain
from benchmarks.speed.throughput import bound, documentation, turns, workloads
from benchmarks.speed.throughput import report as throughput_report
from benchmarks.speed.throughput.workloads import WORKLOADS
from keras_gan import networks, regularizers

# The benchmarks are no part of the package: their tests are among the long ones.
pytestmark = pytest.mark.slow

BATCH = 4


def small(**settings):
    """A workload of small images."""
    shape, classes = (8, 8, 1), settings.get("num_classes") or 0
    pair = workloads.dcgan(
        8, 1, 3, generator_filters=4, discriminator_filters=4, num_classes=classes
    )
    return workloads.Workload(
        "small", shape, 3, BATCH, BATCH, generator=pair[0], discriminator=pair[1], **settings
    )


def shapes(network):
    return sorted(tuple(weight.shape) for weight in network.trainable_weights)


# === The same networks ===


@pytest.mark.parametrize("name", WORKLOADS)
def test_networks_have_the_weights_that_all_are_compared_with(name):
    pair = documentation.build(WORKLOADS[name])
    counts = [sum(np.prod(shape) for shape in shapes(network)) for network in pair]
    assert counts == list(WORKLOADS[name].parameters.values())


@pytest.mark.parametrize("name", ["W1", "W3", "W4", "W5"])
def test_networks_are_those_of_the_package(name):
    workload = WORKLOADS[name]
    make = networks.dcgan if workload.is_image else networks.mlp
    pair = make(workload.sample_shape, workload.latent_dim, num_classes=workload.num_classes)
    for ours, theirs in zip(pair, documentation.build(workload), strict=True):
        assert shapes(ours) == shapes(theirs)


def test_other_networks_are_refused():
    right = {"parameters": WORKLOADS["W4"].parameters}
    workloads = dict.fromkeys(("ours float32", "P3 float32"), WORKLOADS["W4"])
    turns.check_parameters(workloads, {"ours float32": right})
    wrong = {"parameters": {**right["parameters"], "generator": 1}}
    with pytest.raises(SystemExit, match="P3 float32 with"):
        turns.check_parameters(workloads, {"ours float32": right, "P3 float32": wrong})


@pytest.mark.parametrize("name", WORKLOADS)
def test_networks_in_torch_have_the_same_weights(name):
    pytest.importorskip("torch")
    from benchmarks.speed.throughput import torch_game

    workload = WORKLOADS[name]
    few = [part if part is None else part[:BATCH] for part in workload.data()]
    game = torch_game.Game(workload, *few, compiled=False, bfloat16=False)
    assert game.parameters() == workload.parameters


# === The same step ===


@pytest.mark.parametrize(
    "workload",
    [
        pytest.param(small(), marks=pytest.mark.slow),  # which the other two contain
        small(num_classes=3),
        small(discriminator_steps=2, penalty_weight=10.0),
    ],
    ids=["dcgan", "conditional", "wgan_gp"],
)
def test_a_step_of_the_documentation_is_a_step_of_ours(workload, monkeypatch):
    """With the same noise, all weights are the same after a step with SGD."""
    random = np.random.default_rng(0)
    latents = tf.constant(random.standard_normal((BATCH, workload.latent_dim)), "float32")
    real = random.uniform(-1, 1, (BATCH, *workload.sample_shape)).astype("float32")
    labels = np.array([0, 1, 2, 1], "int32") if workload.num_classes else None
    monkeypatch.setattr(keras.random, "uniform", lambda shape, seed: tf.fill(shape, 0.5))
    monkeypatch.setattr(regularizers, "mix", lambda real, fake, seed: (real + fake) / 2.0)

    documented = documentation.model(workload)
    documented.latents = lambda: latents
    pair = [keras.models.clone_model(n) for n in (documented.generator, documented.discriminator)]
    for copy, network in zip(pair, (documented.generator, documented.discriminator), strict=True):
        copy.set_weights(network.get_weights())
    before = [weight.numpy() for network in pair for weight in network.trainable_weights]
    documented.d_optimizer, documented.g_optimizer = (keras.optimizers.SGD(0.1) for _ in "dg")
    inputs = tf.constant(real) if labels is None else (tf.constant(real), tf.constant(labels))
    documented.train_step(inputs)

    gan = keras_gan.GAN(
        *pair,
        prior=lambda shape, seed: tf.constant(latents)[: shape[0]],
        num_classes=workload.num_classes,
        ema_halflife_images=None,
    )
    penalised = workload.penalty_weight is not None
    gan.compile(
        *(keras.optimizers.SGD(0.1) for _ in "gd"),
        "wasserstein" if penalised else "non_saturating",
        regularizers=["gradient_penalty"] if penalised else [],
        discriminator_steps=workload.discriminator_steps,
        run_eagerly=True,
    )
    # The documentation's critic trains on one batch in all of its updates.
    gan.train_on_batch(np.repeat(real, workload.discriminator_steps, axis=0), labels)

    after = [weight.numpy() for network in pair for weight in network.trainable_weights]
    theirs = [
        weight.numpy()
        for network in (documented.generator, documented.discriminator)
        for weight in network.trainable_weights
    ]
    assert all(np.abs(a - b).max() > 0 for a, b in zip(after, before, strict=True) if a.size > 20)
    for ours, other in zip(after, theirs, strict=True):
        np.testing.assert_allclose(ours, other, rtol=1e-5, atol=1e-5)


# === The bound ===


@pytest.mark.parametrize("layer", [*small().generator, *small().discriminator], ids=str)
def test_kernels_make_what_a_layer_does(layer):
    dense = layer.kind == "dense"
    x = (BATCH, layer.inputs) if dense else (BATCH, layer.size, layer.size, layer.inputs)
    g = (BATCH, layer.outputs) if dense else (BATCH, layer.side, layer.side, layer.outputs)
    layer_in_keras = documentation._kernel(layer)
    layer_in_keras.build(x)
    expected = {"forward": g, "inputs": x, "weights": tuple(layer_in_keras.kernel.shape)}
    for kind, shape in expected.items():
        call, tensors = bound.kernel(layer, kind, BATCH, "float32")
        assert tuple(call(*tensors).shape) == shape
        # A loop whose kernel were left out would give another value.
        last = bound.repeated(call)(tf.constant(3), *tensors)
        np.testing.assert_allclose(last, np.ravel(call(*tensors))[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["forward", "weights"])
def test_the_other_way_to_make_an_image_is_the_same_convolution(kind):
    layer = WORKLOADS["W1"].generator[-1]
    assert layer.makes_image and not WORKLOADS["W1"].generator[-2].makes_image
    plain, _ = bound.kernel(layer, kind, BATCH, "float32")
    other, tensors = bound.to_image(layer, kind, BATCH, "float32")
    np.testing.assert_allclose(other(*tensors), plain(*tensors), rtol=1e-4, atol=1e-4)


def test_a_step_has_as_many_kernels_as_it_needs():
    counts = {(name, kind): times for name, _, kind, times in bound.kernels(WORKLOADS["W3"])}
    # Five updates with the points of the penalty, and one of the generator.
    assert counts["discriminator 1", "forward"] == 5 * 4 + 1
    assert counts["discriminator 1", "weights"] == 5 * 3
    assert counts["discriminator 1", "inputs"] == 5 * 3 + 1
    assert counts["discriminator 0", "inputs"] == 5 + 1
    assert counts["generator 1", "forward"] == 5
    assert ("generator 0", "inputs") not in counts


def test_more_updates_of_the_generator_and_micro_batches_have_more_kernels():
    def counts(**settings):
        return {(name, kind): times for name, _, kind, times in bound.kernels(small(**settings))}

    both = counts(discriminator_steps=2, generator_steps=3)
    assert both["generator 1", "forward"] == 2 + 2  # the last and the first pass are one
    assert both["generator 1", "weights"] == both["generator 1", "inputs"] == 3
    assert both["discriminator 1", "forward"] == 2 * 2 + 3
    assert both["discriminator 1", "weights"] == 2 * 2
    assert both["discriminator 1", "inputs"] == 2 * 2 + 3
    one, cut = counts(), counts(accumulation_steps=4)
    assert cut["generator 1", "forward"] == one["generator 1", "forward"] + 1
    assert cut["discriminator 1", "forward"] == one["discriminator 1", "forward"]


@pytest.mark.parametrize("kind", ["conv", "up"])
def test_multiply_adds_are_those_of_keras_gan(kind):
    from keras_gan.model import compute_cost

    layer = workloads.Layer(kind, 3, 5, 8, 4, 2)
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, documentation._kernel(layer)(inputs))
    assert bound.multiply_adds(layer) == compute_cost.multiply_adds(model)


# === The table ===


def run_of(**rates):
    contenders = {
        name.replace("_", " "): {
            "images_per_second": rate,
            "median_images_per_second": sorted(rate)[1],
            "milliseconds_a_step": 10.0,
            "megabytes_at_peak": 100.0,
            "seconds_to_first_step": 5.0,
            "seconds_after_imports": 2.0,
        }
        for name, rate in rates.items()
    }
    return {
        "workload": "W1",
        "title": "DCGAN",
        "contenders": contenders,
        "not_run": {"P3 float32": "no torch"},
        "bound": {"float32": {"milliseconds": 8.0}},
    }


def test_ratios_are_of_medians_and_their_spread_of_rounds():
    run = run_of(ours_float32=[100.0, 200.0, 400.0], P1_float32=[100.0, 100.0, 100.0])
    assert throughput_report.ratio(run, "ours float32", "P1 float32", 1.25) == (
        "2.00 [1.50, 3.00], aim >= 1.25"
    )
    assert throughput_report.ratio(run, "ours float32", "P3 float32", None) == "-"


def test_table_has_rates_bounds_and_what_was_not_run():
    run = run_of(ours_float32=[100.0, 200.0, 400.0], P1_float32=[100.0, 100.0, 100.0])
    table = throughput_report.report([run])
    assert "| P3 float32, images/s | not run: no torch |" in table
    assert "| step of ours / its kernels, float32 | 1.25 |" in table
    assert "| share of it outside the kernels, float32 | 20% |" in table
    assert "1.00 (100.0 / 100.0), aim <= 1.0" in table
    assert "bfloat16" not in table


# === Does quality pay for speed? ===


def test_plain_and_fast_play_the_same_game():
    class Tiny:
        shape = (8, 8, 1)
        options = {"generator_filters": 4, "discriminator_filters": 4, "latent_dim": 3}

    pair, data = [], np.random.default_rng(0).integers(0, 256, (8, 8, 8, 1), "uint8")
    for way in fast_and_plain.WAYS:
        keras.utils.set_random_seed(0)
        gan = fast_and_plain.model(Tiny, way, seed=3)
        assert isinstance(gan, fast_and_plain.PlainGAN) == (way == "plain")
        before = [weight.numpy() for weight in gan.generator.trainable_weights]
        gan.run_eagerly = True
        gan.fit(data, batch_size=8, verbose=0)
        assert (gan.steps_seen, gan.images_seen) == (1, 8)
        moved = zip(before, gan.generator.trainable_weights, strict=True)
        assert all(np.any(old != new.numpy()) for old, new in moved)
        pair.append(gan)
    # The generators have drawn other noise by then, as is usual. Adam's first update is the sign of
    # a gradient, which rounding may turn where it is near zero.
    weights = zip(*(gan.discriminator.get_weights() for gan in pair), strict=True)
    same = [np.isclose(a, b, rtol=1e-4, atol=1e-5).ravel() for a, b in weights]
    assert np.concatenate(same).mean() > 0.99


def test_worse_is_what_two_standard_errors_do_not_explain():
    plain = [10.0, 11.0, 12.0]
    assert "+0.5, with a standard error of 0.816: within the noise" in fast_and_plain.verdict(
        "x", plain, [10.5, 11.5, 12.5]
    )
    assert "WORSE" in fast_and_plain.verdict("x", plain, [13.0, 14.0, 15.0])
    assert "within" in fast_and_plain.verdict("x", plain, [1.0, 2.0, 3.0])
