"""What a step costs as it grows: are work, kernels and messages counted right?"""

import math

import keras
import pytest
import tensorflow as tf

import helpers
from benchmarks import records
from benchmarks.speed import all_reduce, scaling, scaling_worker, step_profile
from benchmarks.speed import page as performance_page
from benchmarks.speed.all_reduce import Game, Network, Worker
from benchmarks.speed.throughput import bound
from benchmarks.speed.throughput.workloads import WORKLOADS
from keras_gan import networks
from keras_gan.model import compute_cost

# The benchmarks are no part of the package: their tests are among the long ones.
pytestmark = pytest.mark.slow

# === Curves ===


@pytest.mark.parametrize("name", scaling.CURVES)
def test_a_curve_changes_one_thing(name):
    points = list(scaling.CURVES[name].points.values())
    assert len({str(point) for point in points}) == len(points)
    if name == "replicas":
        return
    key = {"discriminator": "discriminator_steps", "generator": "generator_steps"}.get(name, name)
    key = {"accumulation": "accumulation_steps"}.get(key, key)
    if key in ("side", "filters"):  # which change the layers
        changed = {(p.workload.batch, p.workload.images_a_step, *p[1:]) for p in points}
    else:
        changed = {(p._replace(workload=None), p.workload.generator) for p in points}
        values = [str(getattr(point.workload, key)) for point in points]
        assert values == list(scaling.CURVES[name].points)
    assert len(changed) == 1


@pytest.mark.parametrize("settings", [{"side": 16}, {"filters": 8}], ids=str)
def test_networks_of_a_point_have_the_weights_and_the_work_that_are_counted(settings):
    workload = scaling.game(**settings)
    gan = scaling_worker.model(workload)
    counts = {
        "generator": sum(math.prod(w.shape) for w in gan.generator.trainable_weights),
        "discriminator": sum(math.prod(w.shape) for w in gan.discriminator.trainable_weights),
    }
    assert counts == workload.parameters
    for network, layers in (
        (gan.generator, workload.generator),
        (gan.discriminator, workload.discriminator),
    ):
        counted = sum(bound.multiply_adds(layer) for layer in layers)
        assert counted == compute_cost.multiply_adds(network)


def test_a_point_is_compiled_with_its_settings():
    keys = ("discriminator_steps", "generator_steps", "accumulation_steps")
    workload = scaling.game(side=16, filters=8, **dict(zip(keys, (2, 3, 4), strict=True)))
    with pytest.warns(UserWarning, match="micro-batch"):
        gan = scaling_worker.model(workload)
    assert [getattr(gan, key) for key in keys] == [2, 3, 4]


def test_work_of_an_image():
    def work(**settings):
        return bound.work(scaling.game(**settings))

    assert work(batch=8) == work(batch=64)
    assert 3.5 < work(filters=32) / work(filters=16) < 4.0
    # An image of a step with two updates of the discriminator bears half of the generator's.
    assert work() / 2 < work(discriminator_steps=2) < work() < work(generator_steps=2) < 2 * work()
    workload = scaling.game()
    generator = sum(bound.multiply_adds(layer) for layer in workload.generator)
    assert work(accumulation_steps=2) - work() == generator


def curve_of(rates, work):
    return {
        "title": "batch size",
        "rounds": 3,
        "load_before_and_after": [0.5, 1.5],
        "processor": {"name": "a processor"},
        "machine": {"cores": 2},
        "points": {
            label: {
                "images_per_second": rate,
                "multiply_adds_an_image": work[label],
                "megabytes_at_peak": 100.0,
                "milliseconds_a_step": 10.0,
                "steps_per_execution": 1,
            }
            for label, rate in rates.items()
        },
    }


def test_ratios_are_to_the_first_point():
    run = curve_of({"1": [10.0, 20.0, 40.0], "2": [10.0, 5.0, 20.0]}, {"1": 3.0, "2": 6.0})
    assert scaling.ratios(run)["2"] == {"rate": (0.5, 0.375, 0.75), "work": 2.0, "product": 1.0}
    table = scaling.report([run])
    assert "| batch size | 2 | 0.50 [0.38, 0.75] | 2.00 | 1.00 | 100 | 10.0 | 1 |" in table
    assert "2 cores (a processor), at 1-minute load averages" in table
    assert "of 0.5 to 1.5." in table


def test_a_point_that_does_not_run_is_told(monkeypatch):
    monkeypatch.setattr(scaling.turns, "in_turns", lambda *_: ({}, {"8": "no memory"}))
    with pytest.raises(RuntimeError, match="no memory"):
        scaling.measure("batch")


# === Kernels ===


def test_time_of_a_kernel_is_its_own():
    events = [
        ("EagerExecute", 0, 1_000),
        ("EagerLocalExecute: __inference_step_1", 0, 900),
        ("loop/While:While", 100, 500),
        ("loop/a/MatMul:MatMul", 100, 100),
        ("loop/b/MatMul:MatMul", 250, 50),
        ("loop/inner/While:While", 300, 100),
        ("loop/inner/Mul:Mul", 310, 20),
        ("c/Mul:Mul", 600, 30),
    ]
    expected = {"While": (500 - 250) + (100 - 20), "MatMul": 150, "Mul": 50}
    assert step_profile.own_times(events) == expected
    assert step_profile.own_times(events[::-1]) == expected


@pytest.mark.parametrize(
    "kernel, kind",
    [
        ("_MklNativeFusedConv2D", "convolutions"),
        ("_MklNativeConv2DBackpropInput", "input gradients"),
        ("_MklNativeConv2DBackpropFilterWithBias", "weight gradients"),
        ("_MklNativeFusedMatMul", "matrix products"),
        ("LeakyRelu", "everything else"),
    ],
)
def test_kinds_of_kernels(kernel, kind):
    assert step_profile.kind(kernel) == kind


def test_shares_are_medians_and_fill_a_step():
    profile = {
        "milliseconds_a_step": [10.0, 20.0, 10.0],
        "milliseconds_by_kernel": [
            {"Conv2D": 5.0, "Relu": 1.0, "Mul": 2.0},
            {"Conv2D": 6.0, "Relu": 2.0, "Mul": 4.0},
            {"Conv2D": 6.0, "Relu": 1.0, "Mul": 2.0},
        ],
    }
    shares = step_profile.shares(profile)
    assert shares["convolutions"] == 0.5
    assert shares["everything else"] == pytest.approx(0.3)
    assert shares["between kernels"] == pytest.approx(0.2)
    assert step_profile.others(profile) == [("Mul", 0.2), ("Relu", 0.1)]


def test_a_profile_finds_the_kernels_of_a_step():
    x = tf.random.normal((256, 256))
    product = tf.function(lambda: tf.reduce_sum(tf.matmul(x, x)))

    def train(steps):
        for _ in range(steps):
            product().numpy()
        return 1.0

    train(1)
    seconds, kernels = step_profile.profiled(train, 3)
    assert seconds == 1.0
    products = {kernel for kernel in kernels if step_profile.kind(kernel) == "matrix products"}
    assert products and 0 < sum(kernels[kernel] for kernel in products) < 1


# === The all-reduce ===

NET = Network("a network", 1e9, 1e-3)
COMPUTER = Worker("a worker", 1e9, ())
# One second; 4 MB and 0.25 MB.
GAME = Game("a game", 1_000_000, 62_500, 1e7, 100, logs=0)


def test_ring():
    assert all_reduce.ring_seconds(1e9, 1, NET) == 0.0
    # Two workers send all bytes once, in two halves.
    assert all_reduce.ring_seconds(1e9, 2, NET) == pytest.approx(1.0 + 2e-3)
    assert all_reduce.ring_seconds(1e9, 4, NET, 5) == pytest.approx(1.5 + 30e-3)
    # However many there are, no more than twice the bytes pass.
    still = NET._replace(latency=0.0)
    assert all_reduce.ring_seconds(1e9, 10**6, still) == pytest.approx(2.0, rel=1e-5)


def test_what_is_reduced():
    once = all_reduce.GRADIENTS
    size, reductions = all_reduce.reduced(GAME)
    assert size == 4 * (once * 1_062_500 + 2)
    assert reductions == 2 * (once + 1)
    more = GAME._replace(discriminator_steps=5, generator_steps=2, logs=8)
    size, reductions = all_reduce.reduced(more)
    assert size == 4 * (once * (5 * 62_500 + 2 * 1_000_000) + 7 + 8)
    assert reductions == 7 * (once + 1) + 8
    # Six passes of two layers, and two of them backwards.
    normed = more._replace(norms=2, normed=30)
    more_size, more_reductions = all_reduce.reduced(normed)
    assert more_size - size == 4 * (6 * (2 * 30 + 2) + 2 * 2 * 30)
    assert more_reductions - reductions == 6 * 3 * 2 + 2 * 2 * 2


def test_gradients_are_reduced_as_often_as_the_training_does(two_replicas, monkeypatch):
    reduced = []
    context = tf.distribute.ReplicaContext
    original = context.all_reduce

    def noted(self, operation, value, **options):
        reduced.append([tuple(v.shape) for v in tf.nest.flatten(value)])
        return original(self, operation, value, **options)

    monkeypatch.setattr(context, "all_reduce", noted)
    with two_replicas.scope():
        gan = helpers.gan()
    gan.fit(helpers.points(16), batch_size=8, steps_per_epoch=1, verbose=0)
    shapes = [tuple(w.shape) for w in gan.generator.trainable_weights]
    # However often a step is traced, each update has one mean loss, and gradients by its side.
    assert reduced.count(shapes) == all_reduce.GRADIENTS * reduced.count([(1,)]) / 2


def test_weak_scaling():
    assert all_reduce.computed(GAME, COMPUTER) == 1.0
    assert all_reduce.weak_efficiency(GAME, COMPUTER, NET, 1) == 1.0
    size, reductions = all_reduce.reduced(GAME)
    expected = 1.0 / (1.0 + 1.5 * size / 1e9 + 6e-3 * reductions)
    assert all_reduce.weak_efficiency(GAME, COMPUTER, NET, 4) == pytest.approx(expected)


@pytest.mark.parametrize("efficiency", [0.5, 0.8])
def test_the_limit_of_weak_scaling_is_the_last_above_it(efficiency):
    limit = all_reduce.weak_limit(GAME, COMPUTER, NET, efficiency)
    assert 1 < limit < 1_000
    assert all_reduce.weak_efficiency(GAME, COMPUTER, NET, limit) >= efficiency
    assert all_reduce.weak_efficiency(GAME, COMPUTER, NET, limit + 1) < efficiency
    few = NET._replace(most_workers=3)
    assert all_reduce.weak_limit(GAME, COMPUTER, few, efficiency) == 3


def test_the_limit_of_strong_scaling_is_the_fastest_number():
    def speed_up(workers):
        return all_reduce.strong_speed_up(GAME, COMPUTER, NET, workers)

    limit = all_reduce.strong_limit(GAME, COMPUTER, NET)
    assert limit == max(range(1, 101), key=speed_up)
    assert 1 < limit < 100
    assert speed_up(1) == pytest.approx(1.0)
    # Where nothing must pass, the batch is what ends it; where too much must, nothing gains.
    free = Network("free", 1e15, 1e-12)
    assert all_reduce.strong_limit(GAME, COMPUTER, free) == 100
    assert all_reduce.strong_speed_up(GAME, COMPUTER, free, 100) == pytest.approx(100, rel=1e-4)
    assert all_reduce.strong_limit(GAME, COMPUTER, NET._replace(bytes_per_second=1e6)) == 1
    assert all_reduce.strong_limit(GAME, COMPUTER, free._replace(most_workers=8)) == 8


@pytest.fixture(scope="module")
def paper():
    return records.summary("all_reduce")["all_reduce"]


def test_the_games_on_paper_are_those_of_the_package(paper):
    w1, w2, r3gan, _ = all_reduce.games_of(paper)
    for name, game in (("W1", w1), ("W2", w2)):
        assert game == all_reduce.of_workload(name, WORKLOADS[name])
    assert (w1.norms, w1.normed, w2.norms) == (4, 256 + 128 + 64 + 32, 0)
    pair = networks.r3gan((64, 64, 3))
    assert r3gan == all_reduce.r3gan(r3gan.name, r3gan.batch, *pair)
    assert [r3gan.generator, r3gan.discriminator] == [n.count_params() for n in pair]
    assert not any(isinstance(x, keras.layers.BatchNormalization) for n in pair for x in n.layers)


# === The page ===


def test_the_page_tells_what_was_recorded():
    text = performance_page.PAGE.read_text()
    assert performance_page.filled(text) == text


def test_the_page_must_have_all_places():
    with pytest.raises(ValueError, match="Received: throughput"):
        performance_page.filled("nothing")


def test_pictures_are_drawn(tmp_path):
    run = curve_of({"1": [1.0, 2.0, 4.0], "2": [1.0, 2.0, 1.0]}, {"1": 1.0, "2": 2.0})
    performance_page.drawing.picture(tmp_path / "a" / "b.png", scaling.draw, [run], size=(3, 3))
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b.png"]
    assert (tmp_path / "a" / "b.png").read_bytes().startswith(b"\x89PNG")
