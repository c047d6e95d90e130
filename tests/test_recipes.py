"""Defaults that follow from the size of the data, and plans for a given time."""

import json
import re
import types

import keras
import numpy as np
import pytest
import tensorflow as tf

import helpers
import keras_gan
from keras_gan import networks, recipes
from keras_gan.model import compute_cost
from keras_gan.recipes import defaults, facts, plans

SIZES = [(8, 8, 1), (28, 28, 1), (32, 32, 3), (48, 64, 3), (64, 64, 4), (128, 128, 3)]


@pytest.mark.parametrize(
    "name",
    [
        "dcgan",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("r3gan", "wgan_gp", "sngan")),
    ],
)
def test_what_a_user_gives_comes_before_the_defaults(name):
    options = {"filters": 16} if name == "r3gan" else {"generator_filters": 16}
    recipe = getattr(recipes, name)
    small = recipe((8, 6, 3), **options, max_filters=16, latent_dim=5)
    assert small.generator.input_shape == (None, 5)
    assert small.generator.count_params() < recipe((8, 6, 3)).generator.count_params()


def test_the_game_of_wgan_gp_is_the_papers():
    gan = recipes.wgan_gp((8, 8, 1), generator_filters=8, discriminator_filters=8)
    (penalty,) = gan.regularizers
    assert (gan.discriminator_steps, gan.generator_steps) == (5, 1)
    assert type(gan.adversarial_loss) is keras_gan.losses.Wasserstein
    assert type(penalty) is keras_gan.regularizers.GradientPenalty and penalty.weight == 10.0
    for optimizer in (gan.generator_optimizer, gan.discriminator_optimizer):
        rates = float(optimizer.learning_rate), optimizer.beta_1, optimizer.beta_2
        assert rates == (pytest.approx(1e-4), 0.0, 0.9)


def test_a_latent_of_no_size_is_refused_and_not_taken_for_the_default():
    with pytest.raises(ValueError, match="latent_dim=0"):
        recipes.dcgan((8, 8, 1), latent_dim=0)


def test_small_images_keep_the_settings_they_were_tuned_with():
    for shape in [(8, 8, 1), (28, 28, 1), (28, 20, 3)]:
        assert defaults.gamma(shape, 0.1) == 0.1
        assert defaults.latent_dim(shape) == 32
        assert defaults.filters(shape, 32) == 32


def test_penalties_grow_as_the_number_of_pixels():
    gammas = [defaults.gamma((side, side, 3), 1.0) for side in (28, 56, 112)]
    np.testing.assert_allclose(gammas, [1.0, 4.0, 16.0])
    r1, r2 = recipes.dcgan((56, 56, 1), max_filters=8).regularizers
    assert r1.weight == r2.weight == pytest.approx(0.4)


def test_a_step_costs_about_as_the_side_and_not_as_its_cube():
    def multiply_adds(shape, **options):
        return sum(map(compute_cost.multiply_adds, networks.dcgan(shape, **options)))

    costs = {
        side: multiply_adds((side, side, 3), **defaults.convolutions((side, side, 3)))
        for side in (32, 64)
    }
    assert costs[64] < 2.5 * costs[32]
    # What the networks' own defaults would cost.
    assert costs[64] < multiply_adds((64, 64, 3)) / 3.0


@pytest.mark.parametrize("name", ["wgan_gp", "sngan"])
def test_the_learning_rate_of_the_papers_adam_may_be_a_schedule(name):
    rate = keras_gan.schedules.Cosine(1e-3, 1e-5, over_images=64)
    filters = {"generator_filters": 2, "discriminator_filters": 2}
    gan = getattr(recipes, name)((4, 4, 1), latent_dim=2, learning_rate=rate, **filters)
    for optimizer in (gan.generator_optimizer, gan.discriminator_optimizer):
        assert float(optimizer.learning_rate) == pytest.approx(1e-3)
        assert optimizer.beta_1 == 0.0 and float(optimizer.beta_2) == pytest.approx(0.9)


def test_a_learning_rate_may_be_a_schedule():
    rate = keras_gan.schedules.Cosine(1e-3, 1e-5, over_images=64)
    gan = recipes.mlp((2,), learning_rate=rate)
    gan._state.images_seen.assign(64)
    for optimizer in (gan.generator_optimizer, gan.discriminator_optimizer):
        assert float(optimizer.learning_rate) == pytest.approx(1e-5, rel=1e-4)  # in float32


# === Plans ===


MEASURING = "Measuring how long a step takes on this machine.\n"


@pytest.fixture
def measured(monkeypatch):
    """Nothing is trained to measure a step: start 5 s, a step 0.1 s, watching an epoch 1 s."""
    costs = plans._Costs(start=5.0, step=0.1, epoch=1.0)
    made = []
    monkeypatch.setattr(plans, "_measured", lambda *arguments: made.append(1) or costs)
    return costs, made


@pytest.fixture
def untried(monkeypatch, measured):
    """Nor is a model built to measure it; a call makes 20 steps."""
    build = plans._build
    monkeypatch.setattr(
        plans,
        "_build",
        lambda *facts, over_images=None, **options: (
            None if over_images is None else build(*facts, over_images=over_images, **options)
        ),
    )
    monkeypatch.setattr(compute_cost, "steps_per_execution", lambda trial, size: 20)
    return measured


def planned(capsys, *data, **options):
    """The model, the settings, and the plan in words."""
    gan, settings = recipes.for_data(*data, **options)
    told = capsys.readouterr().out
    return gan, settings, told.removeprefix(MEASURING)


def test_a_plan_takes_the_time_that_there_is(capsys, measured):
    _, settings, told = planned(capsys, np.zeros((400, 32, 32, 3), "uint8"), minutes=20)
    steps = settings["epochs"] * settings["steps_per_epoch"]
    seconds = 5.0 + 0.1 * steps + 1.0 * settings["epochs"]
    assert 0.97 * 1_200 < seconds <= 1_200
    assert settings["epochs"] / seconds <= 0.05  # a second of watching each
    assert told == (
        f"400 colour pictures of 32x32, {plans._devices()}: dcgan with 32 filters, batch 64, "
        f"{steps:,} steps, about 20 minutes\n"
    )


def test_a_measurement_is_told_before_it_is_made(capsys, untried, tmp_path):
    for told in (MEASURING, ""):  # the second time the plan is read
        recipes.for_data(helpers.points(100), directory=tmp_path)
        assert capsys.readouterr().out.startswith(told or "100 samples")


def test_the_shortest_plan_is_one_epoch(capsys, untried):
    _, settings, told = planned(capsys, helpers.points(100), minutes=0.001)
    assert settings["epochs"] == 1 and settings["steps_per_epoch"] >= 1
    assert ": more than the 0 seconds asked for, since steps are measured first. So few" in told


def test_the_learning_rate_falls_over_the_images_of_the_plan(capsys, untried):
    gan, settings, _ = planned(capsys, helpers.points(1_000), minutes=1, seed=3)
    images = settings["batch_size"] * settings["epochs"] * settings["steps_per_epoch"]
    rate = gan.generator_optimizer._learning_rate
    assert (rate.start, rate.over_images) == (1e-3, images) and rate.end < 0.05 * rate.start
    assert gan.seed == 3 and gan.steps_seen == 0


def test_a_plan_that_is_kept_is_the_plan_of_a_run_that_goes_on(capsys, untried, tmp_path):
    costs, made = untried
    data, folder = helpers.points(1_000), tmp_path / "runs"
    _, settings, told = planned(capsys, data, directory=folder)
    again = planned(capsys, data, directory=folder)
    assert made == [1] and again[1:] == (settings, told)
    assert again[0].generator_optimizer._learning_rate.over_images == (
        settings["batch_size"] * settings["epochs"] * settings["steps_per_epoch"]
    )
    for other in [{"minutes": 5}, {"labels": np.arange(1_000) % 2}]:
        assert planned(capsys, data, directory=folder, **other)[1:] != (settings, told)
    assert made == [1, 1, 1]
    assert planned(capsys, data, directory=folder)[1:] == (settings, told), "the data came back"
    plans_of = json.loads((folder / "plan.json").read_text())
    (folder / "plan.json").write_text(json.dumps(plans_of[0]))  # as earlier versions wrote it
    assert planned(capsys, data, directory=folder)[1:] == (settings, told)
    assert made == [1, 1, 1]


def grey(*shape):
    return np.zeros((60, *shape), "uint8")


LABELS = np.arange(60) % 3
DATA = {
    "pictures": ((grey(8, 8, 1),), "60 grey pictures of 8x8,", "batch 15", None),
    "pairs": (((grey(8, 8, 1), LABELS),), "60 grey pictures of 8x8 in 3 classes,", "batch 15", 3),
    "labels": ((helpers.points(60), LABELS), "60 samples of 2 in 3 classes,", "mlp", 3),
    "series": ((np.zeros((60, 24, 6), "float32"),), "60 samples of 24x6,", "mlp", None),
    "data set": (
        (keras_gan.data.from_arrays(grey(8, 8, 4), LABELS, batch_size=10),),
        "60 transparent pictures of 8x8 in 3 classes,",
        "batch 10",
        3,
    ),
    "pipeline": (
        (tf.data.Dataset.from_tensor_slices(helpers.points(60)).batch(20),),
        "60 samples of 2,",
        "batch 20",
        None,
    ),
    "endless pipeline": (
        (tf.data.Dataset.from_tensor_slices(helpers.points(60)).repeat().batch(20),),
        "samples of 2,",
        "batch 20",
        None,
    ),
}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name, marks=pytest.mark.slow if name in ("pictures", "pairs", "series") else ()
        )
        for name in DATA
    ],
)
def test_a_plan_follows_from_the_data(capsys, untried, name):
    data, begins, has, num_classes = DATA[name]
    gan, settings, told = planned(capsys, *data)
    assert told.startswith(begins) and has in told
    assert gan.num_classes == num_classes
    assert ("batch_size" in settings) == isinstance(data[0], (np.ndarray, tuple))


@pytest.mark.parametrize("side, batch", [(2, 64), (28, 64), (64, 32), (128, 16)])
def test_larger_samples_come_in_smaller_batches(side, batch):
    shape = (side,) if side == 2 else (side, side, 3)
    assert plans.batch_size(facts.Facts(shape, 1_000, None, None)) == batch


@pytest.mark.parametrize("count, batch", [(1, 2), (30, 6), (1_000, 64)])
def test_replicas_share_a_batch_of_a_plan_equally(count, batch, monkeypatch):
    strategy = types.SimpleNamespace(num_replicas_in_sync=2)
    monkeypatch.setattr(tf.distribute, "get_strategy", lambda: strategy)
    assert plans.batch_size(facts.Facts((8, 8, 1), count, None, None)) == batch


def test_labels_beside_a_data_set_are_refused_before_a_step_is_measured(capsys):
    data = tf.data.Dataset.from_tensor_slices(helpers.points(60)).batch(20)
    with pytest.raises(ValueError, match="labels must be left out.*Put them into the data set"):
        recipes.for_data(data, LABELS)
    assert "Measuring" not in "".join(capsys.readouterr())


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 3

    def __getitem__(self, index):
        return helpers.points(20, seed=index), np.arange(20) % 2


def test_classes_that_are_not_known_must_be_given(capsys, untried):
    with pytest.raises(ValueError, match="Pass `num_classes=`"):
        recipes.for_data(Batches())
    gan, _, told = planned(capsys, Batches(), num_classes=2)
    assert gan.num_classes == 2 and told.startswith("60 samples of 2 in 2 classes,")


@pytest.mark.parametrize(
    ("data", "options", "told"),
    [
        ((batch for batch in [helpers.points(4)]), {}, "can be read once"),
        (np.zeros((4, 20, 20, 20, 1), "float32"), {}, "images of 1, 3 or 4 channels"),
        (np.full((4, 2), np.nan), {}, "finite"),
        (helpers.points(4), {"minutes": 0}, "`minutes` must be .* above 0"),
        ("pictures", {}, "from_folder"),
    ],
)
def test_what_cannot_be_planned_is_told_before_anything_is_built(data, options, told):
    with pytest.raises(ValueError, match=told):
        recipes.for_data(data, **options)


GREY = helpers.images(32)[..., 0]
# Pixels without a channel axis, and whether their labels come with them.
FLAT = {
    "an array": (GREY, False),
    "booleans": (GREY > 127, False),
    "with labels": ((GREY, np.arange(32) % 2), True),
    "a data set": (keras_gan.data.from_arrays(GREY), False),
    "a pipeline": (tf.data.Dataset.from_tensor_slices(GREY).batch(8), False),
    "a labelled pipeline": (
        tf.data.Dataset.from_tensor_slices((GREY, np.arange(32) % 2)).batch(8),
        True,
    ),
}


@pytest.mark.parametrize("kind", FLAT)
def test_pixels_without_a_channel_axis_are_told(kind):
    data, labelled = FLAT[kind]
    classes = {"num_classes": 2} if labelled else {}
    with pytest.raises(ValueError, match=r"channel axis.*Did you mean \(8, 8, 1\)\?") as caught:
        recipes.for_data(data, **classes)
    code = re.search("Add the channel axis: `([^`]*)`", str(caught.value))[1]
    mended = eval(code, {"data": data})
    assert facts.look(mended, as_images=True, **classes).sample_shape == (8, 8, 1)
    assert facts.look(data, **classes).sample_shape == (8, 8)  # which `mlp` takes


SLICES = tf.data.Dataset.from_tensor_slices
COLOURS = helpers.images(32, (8, 8, 3))
CLASSES = np.arange(32) % 2
# What is no batch of samples, and what the first code of the error makes of it.
ODD_FORMS = {
    "channels first": (np.moveaxis(COLOURS, -1, 1), (8, 8, 3)),
    "channels first, floats": (np.moveaxis(COLOURS, -1, 1) / np.float32(127.5) - 1, (8, 8, 3)),
    "channels first, a pipeline": (SLICES(np.moveaxis(COLOURS, -1, 1)).batch(8), (8, 8, 3)),
    "single images": (SLICES(COLOURS), (8, 8, 3)),
    "single labelled images": (SLICES((COLOURS, CLASSES)), (8, 8, 3)),
    "single vectors": (SLICES(helpers.points(32)), (2,)),
    "batches of numbers": (SLICES(helpers.points(32)[:, 0]).batch(8), None),
    "a dict": (SLICES({"image": COLOURS}).batch(8), (8, 8, 3)),
    "a dict with labels": (SLICES({"image": COLOURS, "label": CLASSES}).batch(8), (8, 8, 3)),
    "weights": (SLICES((COLOURS, CLASSES, np.ones(32))).batch(8), (8, 8, 3)),
}


@pytest.mark.parametrize("kind", ODD_FORMS)
def test_a_plan_refuses_what_are_no_batches_of_samples(kind):
    data, shape = ODD_FORMS[kind]
    with pytest.raises(ValueError, match="^`data` ") as caught:
        recipes.for_data(data, num_classes=2)
    codes = re.findall("`([^`]*)`", str(caught.value).split("Received: ")[1])
    if shape is None:
        codes, shape = codes[1:], (1,)
    mended = eval(codes[0], {"data": data, "np": np, "tf": tf, "batch_size": 4})
    assert facts.look(mended, num_classes=2, as_images=True).sample_shape == shape


def test_floats_that_may_be_single_images_are_warned_of():
    """A batch of a known size may have this shape, too."""
    data = SLICES(COLOURS / np.float32(127.5) - 1)
    with pytest.warns(UserWarning, match=r"taken for a batch of 8 .*data\.batch\("):
        assert facts.look(data, as_images=True).sample_shape == (8, 3)


def test_the_shape_of_a_pipeline_may_be_unknown():
    for shape in (None, [None, None, None, 3]):
        spec = tf.TensorSpec(shape, tf.uint8)
        data = tf.data.Dataset.from_generator(lambda: iter([COLOURS]), output_signature=spec)
        assert facts.look(data, as_images=True)[::3] == ((8, 8, 3), 32)


@pytest.mark.slow
def test_a_plan_is_a_whole_run():
    data = helpers.points(500)
    gan, settings = recipes.for_data(data, minutes=0.1)
    stopping = keras_gan.callbacks.ConvergenceStopping(rules=[keras_gan.convergence.Diverged()])
    gan.fit(data, **settings, validation_split=0.1, verbose=0, callbacks=[stopping])
    assert gan.steps_seen == settings["epochs"] * settings["steps_per_epoch"] > 0
    assert float(gan.generator_optimizer.learning_rate) < 1e-4


@pytest.mark.slow
def test_a_step_is_measured_on_a_model_that_is_thrown_away():
    """What is measured is above 0, and watching is no part of a step."""
    gan = plans._build(plans.look(helpers.points(64)), seed=0, precision=None)
    costs = plans._measured(gan, helpers.points(64), None, {"batch_size": 16}, 2, 60.0)
    assert costs.step > 0.0 and costs.epoch > 0.0 and costs.start > costs.step
    assert gan.steps_seen == 2 * plans._CALLS * plans._MEASURED_EPOCHS
    # Where it takes too long, two epochs must do.
    gan = plans._build(plans.look(helpers.points(64)), seed=0, precision=None)
    plans._measured(gan, helpers.points(64), None, {"batch_size": 16}, 2, 0.0)
    assert gan.steps_seen == 2 * plans._CALLS * 2
