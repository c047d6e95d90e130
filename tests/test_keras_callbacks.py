"""Keras's own callbacks on a model with two networks and two optimizers."""

import csv
import re
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import helpers

BATCH = 16
STEPS = 4
POINTS = helpers.points(BATCH * STEPS)
HELD_OUT = helpers.points(BATCH, seed=1)

LOSSES = {"d_loss", "g_loss", "loss", "d_accuracy", "d_real_accuracy", "d_fake_accuracy"}
NORMS = {"d_gradient_norm", "g_gradient_norm"}
VALIDATION = {f"val_{key}" for key in LOSSES}
RATES = {"learning_rate_generator_optimizer", "learning_rate_discriminator_optimizer"}


def make(regularizers=(), **settings):
    momentum = {"momentum": 0.5, **settings}
    return helpers.gan(
        generator_optimizer=keras.optimizers.SGD(1e-3, **momentum),
        discriminator_optimizer=keras.optimizers.SGD(4e-3, **momentum),
        regularizers=regularizers,
        steps_per_execution=1,
    )


@pytest.fixture(scope="module")
def shared():
    """One compiled model for all tests, and its state at the start."""
    keras.utils.set_random_seed(0)
    gan = make(["r1"])
    return gan, helpers.snapshot(gan)


@pytest.fixture
def gan(shared):
    model, before = shared
    helpers.restore(before)
    model.stop_training = False
    return model


def fit(gan, *callbacks, epochs=2, validate=False, **settings):
    return gan.fit(
        POINTS,
        batch_size=BATCH,
        epochs=epochs,
        verbose=0,
        callbacks=list(callbacks),
        validation_data=HELD_OUT if validate else None,
        **settings,
    )


def weights(gan):
    networks = (gan.generator, gan.discriminator, gan.averaged_generator)
    return [value for network in networks for value in helpers.values(network.weights)]


def rates(gan):
    return [float(o.learning_rate) for o in (gan.generator_optimizer, gan.discriminator_optimizer)]


class Script(keras.callbacks.Callback):
    """Adds a made-up value to the logs of each epoch, and keeps the weights."""

    def __init__(self, *values):
        super().__init__()
        self.values = values
        self.weights = []

    def on_epoch_end(self, epoch, logs=None):
        logs["score"] = self.values[epoch]
        self.weights.append(weights(self.model))


class Keep(keras.callbacks.Callback):
    """Keeps what each hook is given, and both networks' weights after each step."""

    def __init__(self):
        super().__init__()
        self.logs = []
        self.weights = []

    def on_train_batch_end(self, batch, logs=None):
        self.logs.append(dict(logs))
        self.weights.append([helpers.values(n.trainable_variables) for n in players(self.model)])

    def on_epoch_end(self, epoch, logs=None):
        self.logs.append(dict(logs))

    def on_test_batch_end(self, batch, logs=None):
        self.logs.append(dict(logs))


def players(gan):
    return gan.generator, gan.discriminator


# === Logs ===


def test_all_logs_are_numbers_under_the_promised_keys(gan):
    keep = Keep()
    history = fit(gan, keep, validate=True)
    assert set(history.history) == LOSSES | NORMS | {"r1"} | VALIDATION
    for logs in [*keep.logs, {k: v for k, values in history.history.items() for v in values}]:
        assert logs and all(isinstance(v, (int, float, np.number)) for v in logs.values()), logs
        assert np.isfinite(list(logs.values())).all()


def test_epoch_logs_are_means_over_the_epoch(gan, shared):
    def epoch_of(points):
        history = gan.fit(points, batch_size=BATCH, shuffle=False, verbose=0).history
        return {key: value for key, (value,) in history.items()}

    whole = epoch_of(POINTS[: 2 * BATCH])
    helpers.restore(shared[1])
    alone = [epoch_of(batch) for batch in (POINTS[:BATCH], POINTS[BATCH : 2 * BATCH])]
    for key, mean in whole.items():
        assert mean == pytest.approx(np.mean([logs[key] for logs in alone]), rel=1e-5), key
    # A mean of equal values would prove nothing.
    assert abs(whole["d_loss"] - alone[-1]["d_loss"]) > 1e-4
    assert abs(whole["r1"] - alone[-1]["r1"]) > 1e-6


@pytest.fixture(scope="module")
def logged(shared, tmp_path_factory):
    """A run with what writes logs, and with rates that a callback halves: folder and history."""
    model, before = shared
    helpers.restore(before)
    folder = tmp_path_factory.mktemp("logs")
    board = keras.callbacks.TensorBoard(
        folder, histogram_freq=1, write_steps_per_second=True, update_freq="epoch"
    )
    halve = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    table = keras.callbacks.CSVLogger(folder / "log.csv")
    finite = keras.callbacks.TerminateOnNaN()
    history = fit(model, halve, table, board, finite, validate=True)
    assert model.steps_seen == 2 * STEPS, "what is finite ends no run"
    assert rates(model) == pytest.approx([2.5e-4, 1e-3])
    assert RATES <= set(history.history)
    return folder, history


def test_csv_logger(logged):
    folder, history = logged
    rows = list(csv.DictReader((folder / "log.csv").read_text().splitlines()))
    assert set(rows[0]) == {"epoch", *history.history}
    assert [row["epoch"] for row in rows] == ["0", "1"]
    for key, values in history.history.items():
        np.testing.assert_allclose([float(row[key]) for row in rows], values, rtol=1e-5)


def test_tensorboard_and_learning_rate_scheduler(logged):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    folder, history = logged

    def scalars(part):
        events = EventAccumulator(str(folder / part), size_guidance={"tensors": 0}).Reload()
        tensors = {tag: events.Tensors(tag) for tag in events.Tags()["tensors"]}
        return {
            tag: [float(tf.make_ndarray(event.tensor_proto)) for event in events_]
            for tag, events_ in tensors.items()
            if tag.startswith("epoch_")
        }

    train, validation = scalars("train"), scalars("validation")
    wanted = {f"epoch_{key}" for key in LOSSES | NORMS | RATES | {"r1", "steps_per_second"}}
    assert set(train) == wanted
    assert set(validation) == {f"epoch_{key}" for key in LOSSES}
    generator, discriminator = (
        train[f"epoch_learning_rate_{player}_optimizer"]
        for player in ("generator", "discriminator")
    )
    np.testing.assert_allclose(generator, [5e-4, 2.5e-4], rtol=1e-6)
    np.testing.assert_allclose(discriminator, [2e-3, 1e-3], rtol=1e-6)
    np.testing.assert_allclose(train["epoch_d_loss"], history.history["d_loss"], rtol=1e-6)
    np.testing.assert_allclose(validation["epoch_g_loss"], history.history["val_g_loss"], rtol=1e-6)
    assert all(value > 0 for value in train["epoch_steps_per_second"])


def test_numbers_that_became_tensors_are_let_go(gan):
    number = float(np.pi)
    before = sys.getrefcount(number)
    tf.constant(number)
    assert sys.getrefcount(number) > before  # TensorFlow keeps it
    fit(gan, epochs=1)
    assert sys.getrefcount(number) == before


# === Learning rates ===


@pytest.mark.slow
def test_reduce_lr_on_plateau_changes_both(gan):
    plateau = keras.callbacks.ReduceLROnPlateau("score", factor=0.1, patience=1, mode="min")
    history = fit(gan, Script(1.0, 2.0), plateau)
    assert rates(gan) == pytest.approx([1e-4, 4e-4])
    assert RATES <= set(history.history)
    helpers.restore([(gan.generator_optimizer.learning_rate, 1e-3)])
    fit(gan, Script(2.0, 1.0), plateau)
    assert rates(gan) == pytest.approx([1e-3, 4e-4])


# === Checkpoints ===


def test_model_checkpoint_keeps_the_best(gan, tmp_path):
    script = Script(2.0, 1.0, 3.0)
    checkpoint = keras.callbacks.ModelCheckpoint(
        tmp_path / "best.keras", monitor="score", mode="min", save_best_only=True
    )
    fit(gan, script, checkpoint, epochs=3)
    best = keras.models.load_model(tmp_path / "best.keras")
    assert helpers.same(weights(best), script.weights[1])
    assert not helpers.same(weights(best), weights(gan))
    assert best.steps_seen == 2 * STEPS


def test_model_checkpoint_reads_the_validation_losses(gan, shared, tmp_path):
    path = str(tmp_path / "{epoch}.weights.h5")
    checkpoint = keras.callbacks.ModelCheckpoint(
        path, monitor="val_d_loss", mode="max", save_best_only=True, save_weights_only=True
    )
    fit(gan, checkpoint, epochs=1, validate=True)
    trained = helpers.state(gan)
    helpers.restore(shared[1])
    gan.load_weights(path.format(epoch=1))
    loaded = helpers.state(gan)
    trained.pop("state_evaluation_step"), loaded.pop("state_evaluation_step")
    helpers.assert_same(trained, loaded)


def test_early_stopping_restores_the_best(gan):
    script = Script(2.0, 1.0, 3.0, 0.0)
    stop = keras.callbacks.EarlyStopping("score", patience=1, mode="min", restore_best_weights=True)
    history = fit(gan, script, stop, epochs=4)
    assert history.epoch == [0, 1, 2]
    assert helpers.same(weights(gan), script.weights[1])
    # The clock is not turned back: noise and order of what follows are new.
    assert gan.steps_seen == 3 * STEPS


class Crash(keras.callbacks.Callback):
    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch:
            raise RuntimeError("crash")


def test_backup_and_restore_goes_on_exactly(gan, shared, tmp_path):
    fit(gan, epochs=2)
    straight = helpers.state(gan)
    helpers.restore(shared[1])
    backup = keras.callbacks.BackupAndRestore(tmp_path)
    with pytest.raises(RuntimeError, match="crash"):
        fit(gan, backup, Crash(1), epochs=2)
    for variable in [v for v, _ in shared[1] if v.dtype == "float32"]:
        variable.assign(variable.value * 2.0 + 0.5)  # as in a new process
    history = fit(gan, keras.callbacks.BackupAndRestore(tmp_path), epochs=2)
    assert history.epoch == [1]
    helpers.assert_same(straight, helpers.state(gan))


# === What is not finite ===


@pytest.mark.parametrize(
    "player",
    [pytest.param(0, marks=pytest.mark.slow), 1],
    ids=["generator", "discriminator"],
)
def test_terminate_on_nan(gan, player):
    # A weight that is NaN makes both losses NaN: its own player's, and that of the other.
    kernel = players(gan)[player].trainable_variables[-2]
    kernel.assign(np.full(kernel.shape, np.nan))
    other = players(gan)[1 - player]
    before = helpers.values(other.weights)
    keep = Keep()
    # It says that it stops; what failed is named by `fit`.
    with pytest.warns(UserWarning, match="Updates were skipped: .*step 0"):
        history = fit(gan, keep, keras.callbacks.TerminateOnNaN(), epochs=3)
    assert gan.steps_seen == 1 and history.epoch == [0]
    assert np.isnan([keep.logs[0][key] for key in ("d_loss", "g_loss", "loss")]).all()
    assert helpers.same(before, helpers.values(other.weights))


# === Averages of Keras's optimizers ===

MOMENTUM = 0.8


@pytest.fixture(scope="module")
def shared_averaging():
    keras.utils.set_random_seed(0)
    gan = make(use_ema=True, ema_momentum=MOMENTUM)
    return gan, helpers.snapshot(gan)


@pytest.fixture
def averaging(shared_averaging):
    helpers.restore(shared_averaging[1])
    return shared_averaging[0]


def averages(history):
    """Keras's moving average of each player's weights after each step, by the formula."""
    result = [history[0]]
    for new in history[1:]:
        result.append(
            [
                [MOMENTUM * a + (1 - MOMENTUM) * w for a, w in zip(*pair, strict=True)]
                for pair in zip(result[-1], new, strict=True)
            ]
        )
    return result


def assert_close(networks, expected):
    for network, values in zip(networks, expected, strict=True):
        for variable, value in zip(network.trainable_variables, values, strict=True):
            np.testing.assert_allclose(variable, value, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_fit_ends_with_the_averages_of_each_network(averaging):
    keep = Keep()
    fit(averaging, keep, epochs=1)
    expected = averages(keep.weights)[-1]
    assert_close(players(averaging), expected)
    for last, average in zip(keep.weights[-1], expected, strict=True):
        assert max(np.abs(a - b).max() for a, b in zip(last, average, strict=True)) > 1e-4


def test_swap_ema_weights(averaging):
    keep, seen = Keep(), []

    class Look(keras.callbacks.Callback):
        def on_test_batch_end(self, batch, logs=None):
            seen.append([helpers.values(n.trainable_variables) for n in players(averaging)])

        def on_epoch_end(self, epoch, logs=None):
            seen.append([helpers.values(n.trainable_variables) for n in players(averaging)])

    fit(averaging, keep, keras.callbacks.SwapEMAWeights(), Look(), epochs=2, validate=True)
    expected = averages(keep.weights)
    # In each epoch: the averages while it is validated, then the weights that train.
    wanted = [v for e in (STEPS - 1, 2 * STEPS - 1) for v in (expected[e], keep.weights[e])]
    assert len(seen) == len(wanted)
    for got, values in zip(seen, wanted, strict=True):
        for a, b in zip(got, values, strict=True):
            for x, y in zip(a, b, strict=True):
                np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-5)


def test_swap_ema_weights_needs_averages(gan):
    with pytest.raises(ValueError, match=re.escape("`use_ema=True`")):
        fit(gan, keras.callbacks.SwapEMAWeights(), validate=True)
