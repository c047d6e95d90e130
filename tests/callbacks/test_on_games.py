"""The callbacks on games of several critics: each is watched by itself, and no run changes."""

import json

import keras
import numpy as np
import pytest
from keras import layers

from fakes import FakeGAN
from keras_gan import AdversarialModel, Critic, convergence, terms
from keras_gan.callbacks import (
    ConvergenceStopping,
    RunReport,
    StopOnNonFinite,
    TrainingBackup,
    _fresh_discriminator,
    training_backup,
)
from keras_gan.model.watched_gan import WatchedGAN

RANDOM = np.random.default_rng(0)
A = RANDOM.normal(0.0, 1.0, (48, 2)).astype("float32")
B = RANDOM.normal(0.5, 0.3, (48, 2)).astype("float32")
# The critic of b plays from the second epoch on.
STEPS, LATE = 3, 3

pytestmark = pytest.mark.usefixtures("one_panel", "blank_plots")


def dense(size, out, name=None):
    return keras.Sequential([keras.Input((size,)), layers.Dense(out)], name=name)


@pytest.fixture(scope="module")
def two_ways():
    """Two translators with a critic each, compiled once, and their state at the start."""
    keras.utils.set_random_seed(0)
    a, b = keras.Input((2,), name="a"), keras.Input((2,), name="b")
    there, back = dense(2, 2, "there"), dense(2, 2, "back")
    outputs = {"fake_b": there(a), "fake_a": back(b), "cycled_a": back(there(a))}
    model = AdversarialModel(
        keras.Model({"a": a, "b": b}, outputs),
        [
            Critic(dense(2, 1), real="a", fake="fake_a", name="of_a"),
            Critic(dense(2, 1), real="b", fake="fake_b", name="of_b", start_step=LATE),
        ],
    )
    optimizers = [keras.optimizers.SGD(1e-2, momentum=0.9) for _ in range(2)]
    model.compile(
        *optimizers,
        loss="non_saturating",
        terms=[terms.L1("a", "cycled_a")],
        steps_per_execution=1,
    )
    return model, model.run_state()


@pytest.fixture
def begun(two_ways):
    """A function that gives the model as it was made."""

    def begin():
        model, start = two_ways
        model.set_run_state(start)
        model.stop_training = False
        return model

    return begin


def fit(model, *callbacks, epochs=3, **settings):
    held_out = {"a": A[:12] + 0.1, "b": B[:12] + 0.1}
    data = {"a": A, "b": B}
    shared = {"batch_size": 16, "verbose": 0, "validation_data": held_out}
    return model.fit(data, epochs=epochs, callbacks=list(callbacks), **{**shared, **settings})


class Says:
    """A rule that speaks of one critic's signals, once they are as many."""

    def __init__(self, kind, count, key, waits_for_all=False):
        self.kind, self.count, self.key = kind, count, key
        self.waits_for_all = waits_for_all
        self.asked = []

    def __call__(self, history):
        self.asked.append([s.epoch for s in history])
        last = history[-1]
        own = last.d_loss == last.logs[f"d_loss_{self.key}"]
        return {"epochs": len(history)} if own and len(history) >= self.count else None


def test_a_verdict_names_critic_and_pair(begun, tmp_path):
    model, rule = begun(), Says("bored", 2, "of_b")
    stopping = ConvergenceStopping(rules=[rule], min_epochs=0, directory=tmp_path)
    fit(model, stopping, epochs=6)
    verdict = model.verdict
    assert (verdict.critic, verdict.pair, verdict.epoch) == ("of_b", ("b", "fake_b"), 3)
    assert verdict.message.startswith("bored at epoch 3, critic 'of_b' (b, fake_b): epochs 2")
    text = (tmp_path / "verdict.json").read_text()
    assert json.loads(text)["pair"] == ["b", "fake_b"]
    assert convergence.Verdict.from_json(text) == verdict
    # The late critic is asked about from its first whole epoch on.
    assert rule.asked == [[1], [1, 2], [2], [1, 2, 3], [2, 3]]
    first, second = stopping.histories.values()
    assert first is stopping.history and list(stopping.histories) == ["of_a", "of_b"]
    assert [s.discriminator_auc is None for s in second] == [True, False, False]
    assert [s.discriminator_updates for s in second] == [0, STEPS, STEPS]
    assert [s.discriminator_updates for s in first] == [STEPS] * 3
    assert [s.quality for s in first] == [s.quality for s in second]
    assert first[-1].coverage != second[-1].coverage
    for name, history in (("signals.json", first), ("signals_of_b.json", second)):
        records = json.loads((tmp_path / name).read_text())
        assert [record["d_loss"] for record in records] == pytest.approx(
            [s.d_loss for s in history], rel=1e-5
        )


@pytest.mark.slow
def test_what_is_watched_can_be_chosen(begun, tmp_path):
    stopping = ConvergenceStopping(watch=("b", "fake_b"), directory=tmp_path)
    fit(begun(), stopping, epochs=1)
    assert list(stopping.histories) == ["of_b"]
    assert not (tmp_path / "signals_of_b.json").exists(), "there is one pair"
    # What an earlier version has kept of it is read.
    state = stopping.get_state()
    assert state.pop("others") == {}
    for key in ("before_start", "ended"):
        del state[key]
    again = ConvergenceStopping(watch=("b", "fake_b"))
    again.set_model(begun())
    again.on_train_begin()
    again.set_state(state)
    assert again.history == stopping.history
    own = convergence.best(stopping.history).quality
    other = ConvergenceStopping(restore_best_weights=False)
    folder = tmp_path / "report"
    fit(begun(), other, RunReport(folder), epochs=1)
    assert convergence.best(other.history).quality != own
    # The report has lights and curves of each.
    text = (folder / "report.html").read_text()
    for critic in ("of_a", "of_b"):
        assert f"Signals of {critic}" in text and f"Curves of {critic}" in text
    assert "epoch 1, the first" in text, "points are drawn"
    with pytest.raises(ValueError, match=r"`watch` must name .*\('a', 'fake_a'\)"):
        fit(begun(), ConvergenceStopping(watch=[("a", "fake_b")]))
    with pytest.raises(ValueError, match="`watch` must be a list of pairs"):
        ConvergenceStopping(watch=["a", "fake_a"])


class TwoCritics(FakeGAN):
    """A GAN that plays two parts of which the second one has another name."""

    def watched_pairs(self, watch=None):
        pairs = [WatchedGAN(self), WatchedGAN(self)]
        for pair, name in zip(pairs, ("first", "second"), strict=True):
            pair.name = pair.key = name
            pair.several = True
            pair.log_keys = {**pair.log_keys, "d_loss": f"d_loss_{name}"}
        return pairs


def ended_at(first, second, *, shifts, waits=True):
    """The epoch and critic of the verdict where rules speak from these counts of epochs on."""
    script = [
        {"shift": shift, "logs": {"d_loss_first": 1.0, "d_loss_second": 2.0}} for shift in shifts
    ]
    rules = [Says("first", first, "first", waits), Says("second", second, "second", waits)]
    gan = TwoCritics(script)
    gan.fit(ConvergenceStopping(rules=rules, min_epochs=0))
    return gan.verdict and (gan.verdict.epoch, gan.verdict.critic)


def test_an_end_waits_for_all_and_a_failure_for_none():
    steady = [0.5] * 8
    assert ended_at(2, 5, shifts=steady) == (5, "second")
    assert ended_at(2, 9, shifts=steady) is None
    assert ended_at(2, 9, shifts=steady, waits=False) == (2, "first")


@pytest.mark.slow
def test_watching_does_not_change_the_run(begun, monkeypatch):
    monkeypatch.setattr(_fresh_discriminator, "STEPS", 4)

    class Curious(convergence.Stalled):
        asked = 0

        def wants_fresh(self, history):
            self.asked += 1
            return self.asked == 1  # the second epoch tells whether it did any harm

    plain = fit(begun(), epochs=2).history
    stopping = ConvergenceStopping(rules=[Curious(patience=9)], min_epochs=0)
    stopping.restore_best_weights = False
    model = begun()
    assert fit(model, StopOnNonFinite(), stopping, epochs=2).history == plain
    assert stopping.history[0].fresh_discriminator_auc is not None


@pytest.mark.slow
def test_a_run_is_resumed_with_all_that_was_watched(begun, tmp_path):
    def run(folder, epochs):
        callbacks = [
            ConvergenceStopping(rules=[convergence.Diverged()]),
            keras.callbacks.ReduceLROnPlateau("g_loss", mode="min", patience=1),
            keras.callbacks.TensorBoard(tmp_path / "board", write_graph=False),
            TrainingBackup(tmp_path / folder),
        ]
        model = begun()
        return fit(model, *callbacks, epochs=epochs), callbacks[0], model.run_state()

    history, whole, state = run("whole", 3)
    run("parts", 2)
    (tmp_path / "parts" / "finished.npz").unlink()
    training_backup._WRITER.submit(int).result()
    again, resumed, other = run("parts", 3)
    assert again.history == history.history
    assert resumed.histories == whole.histories
    assert len(resumed.histories["of_b"]) == 3
    assert state.keys() == other.keys()
    assert all(np.array_equal(state[name], other[name]) for name in state)
    with pytest.raises(AttributeError, match=r"3 optimizers.*discriminator_optimizer\[critic\]"):
        begun().optimizer.learning_rate = 0.1
    rates = {f"learning_rate_{name}_optimizer" for name in ("generator", "of_a", "of_b")}
    assert rates <= history.history.keys()


def test_a_weight_that_is_not_finite_is_named_with_its_player(begun):
    model = begun()

    class Breaks(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            weight = self.model.critics[1].network.weights[0]
            weight.assign(np.full(weight.shape, np.nan))

    # Before the callbacks that give finite weights back.
    breaks = Breaks()
    breaks.gives_back_weights = True
    with pytest.warns(UserWarning, match="of the of b is not finite"):
        fit(model, breaks, StopOnNonFinite(), epochs=2)
    assert model.stop_training
