"""What the functions of Keras's callbacks hold goes on, or is named; no model is needed to tell."""

import collections
import functools
import random

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gan.callbacks import AlternatingPeriods, _states
from keras_gan.storage import backups

CALLS = 0
SEEN = []


def by_global(epoch, rate):
    global CALLS
    CALLS += 1
    SEEN.append(epoch)
    return rate * CALLS


def by_attribute(epoch, rate):
    by_attribute.calls = getattr(by_attribute, "calls", 0) + 1
    return rate * by_attribute.calls


class Counter:
    """Counts in several ways, some of which begin later."""

    def __init__(self):
        self.calls, self.table = 0, np.zeros(2)
        self.by_epoch, self.known = collections.defaultdict(list), set()
        self.setting = "as given"

    def __call__(self, epoch, rate):
        self.calls += 1
        self.table[epoch % 2] += 1  # in place
        self.by_epoch[epoch].append(self.calls)
        self.known.add(epoch)
        self.last = (epoch, self.calls)
        return rate * (self.calls + self.table.sum() + len(self.by_epoch) + len(self.known))

    method = __call__


def closure():
    calls, seen = 0, collections.deque(maxlen=3)

    def schedule(epoch, rate):
        nonlocal calls
        calls += 1
        seen.append(epoch)
        return rate * (calls + sum(seen))

    return schedule


def within(counter):
    return lambda epoch, rate: counter(epoch, rate)


def with_default():
    def schedule(epoch, rate, seen=[]):  # noqa: B006
        seen.append(epoch)
        return rate * len(seen)

    return schedule


def anew():
    """As in a new process."""
    global CALLS
    CALLS = 0
    SEEN.clear()
    vars(by_attribute).clear()


MAKERS = {
    "an object": Counter,
    "a method": lambda: Counter().method,
    "an object in a closure": lambda: within(Counter()),
    "a partial": lambda: functools.partial(closure()),
    "a closure": closure,
    "a default": with_default,
    "a global variable": lambda: by_global,
    "an attribute of a function": lambda: by_attribute,
}


def numbers(callback, epochs):
    return [float(callback.schedule(epoch, 1.0)) for epoch in epochs]


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_a_schedule_goes_on(make):
    anew()
    whole = numbers(keras.callbacks.LearningRateScheduler(make()), range(6))
    anew()
    first = keras.callbacks.LearningRateScheduler(make())
    start = _states.start([first])
    assert _states.get_all([first], start) == {"LearningRateScheduler": {}}
    numbers(first, range(3))
    states = _states.get_all([first], start)
    numbers(first, range(3))  # what is kept does not change with the run
    anew()
    second = keras.callbacks.LearningRateScheduler(make())
    if isinstance(second.schedule, Counter):
        second.schedule.setting = "another"
    assert _states.set_all([second], states) == ([], [], [])
    assert numbers(second, range(3, 6)) == whole[3:]
    if isinstance(second.schedule, Counter):
        assert second.schedule.setting == "another"
        assert second.schedule.last == (5, 6)
        assert second.schedule.by_epoch[99] == [], "still a defaultdict"


class Classwise(keras.callbacks.LearningRateScheduler):
    """Counts in its class, as another object does in its own."""

    calls, seen, constant, names = 0, [], 0.5, ("rate",)

    class Rate:
        total = 0

        def __call__(self, epoch, rate):
            type(self).total += 1
            return rate * self.total

    def __init__(self):
        super().__init__(self.Rate())

    def on_epoch_begin(self, epoch, logs=None):
        type(self).calls += 1
        self.seen.append(epoch)
        self.schedule(epoch, 1.0)


def test_what_classes_hold_goes_on():
    callback = Classwise()
    start, seen = _states.start([callback]), Classwise.seen
    assert _states.get_all([callback], start) == {"Classwise": {}}
    for epoch in range(3):
        callback.on_epoch_begin(epoch)
    states = _states.get_all([callback], start)
    assert "constant" not in str(states)
    Classwise.calls = Classwise.Rate.total = 0  # as in a new process
    seen.clear()
    assert _states.set_all([Classwise()], states) == ([], [], [])
    assert (Classwise.calls, Classwise.seen, Classwise.Rate.total) == (3, [0, 1, 2], 3)
    assert Classwise.seen is seen


def test_what_a_class_holds_that_cannot_be_kept_is_named(monkeypatch):
    monkeypatch.setattr(Classwise, "rates", iter([1.0]), raising=False)
    _, told, _ = _states.set_all([Classwise()], {"Classwise": {}})
    assert told == ["Classwise.Classwise.rates"]


def test_a_hook_goes_on_into_the_same_list():
    def make(losses):
        return keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: losses.append(logs["loss"])
        )

    first, losses = make([]), []
    start = _states.start([first])
    for loss in (3.0, 2.0):
        first.on_epoch_end(0, {"loss": loss})
    second = make(losses)
    _states.set_all([second], _states.get_all([first], start))
    second.on_epoch_end(2, {"loss": 1.0})
    assert losses == [3.0, 2.0, 1.0]


@pytest.mark.parametrize(
    ("lost", "name"),
    [
        (iter([1.0, 2.0]), "lost"),
        ((rate for rate in [1.0]), "lost"),
        ([iter([1.0, 2.0])], "lost"),
        ([random.Random(0)], "lost"),
        (random.SystemRandom(), "lost"),
    ],
)
def test_what_cannot_go_on_is_named(lost, name):
    callback = keras.callbacks.LearningRateScheduler(lambda epoch: next(lost))
    _, told, _ = _states.set_all([callback], {"LearningRateScheduler": {}})
    assert told == [f"LearningRateScheduler.schedule.{name}"]
    schedule = Counter()
    schedule.lost = object()
    callback = keras.callbacks.LearningRateScheduler(schedule)
    _, told, _ = _states.set_all([callback], {"LearningRateScheduler": {}})
    assert told == ["LearningRateScheduler.schedule.lost"]


def test_what_keras_and_models_hold_is_left_alone():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    decay = keras.optimizers.schedules.ExponentialDecay(1.0, 2, 0.5)
    callbacks = [
        keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: model.save("x")),
        keras.callbacks.LearningRateScheduler(lambda epoch: float(decay(epoch))),
        keras.callbacks.LambdaCallback(on_epoch_end=model.summary),
        keras.callbacks.ReduceLROnPlateau(),
    ]
    start = _states.start(callbacks)
    assert not any(start[name][_states._HELD].get("on_epoch_end") for name in start)
    anew, unkept, left = _states.set_all(callbacks, _states.get_all(callbacks, start))
    assert (anew, unkept, left) == ([], [], [])


def test_a_state_that_lacks_something_is_not_used():
    stopping = keras.callbacks.EarlyStopping("loss", mode="min")
    stopping.on_train_begin()
    states = _states.get_all([stopping])
    del states["EarlyStopping"]["wait"]
    assert _states.set_all([stopping], states)[0] == ["EarlyStopping"]


class Log(keras.callbacks.CSVLogger):
    def __init__(self, path):
        super().__init__(path)
        self.rows = collections.Counter()

    def on_epoch_end(self, epoch, logs=None):
        self.rows[epoch % 2] += 1
        super().on_epoch_end(epoch, {**logs, "rows": sum(self.rows.values())})


def test_what_subclasses_of_csv_logger_hold_goes_on(tmp_path):
    def run(log, epochs):
        for epoch in epochs:
            log.on_epoch_end(epoch, {"loss": 1.0 / (1 + epoch)})

    whole, first, second = (Log(tmp_path / name) for name in ("whole", "first", "second"))
    for log in (whole, first, second):
        log.set_model(keras.Sequential())
        log.on_train_begin()
    run(whole, range(4))
    start = _states.start([first])
    run(first, range(2))
    states = _states.get_all([first], start)
    assert _states.set_all([second], states) == ([], [], [])
    run(second, range(2, 4))
    assert second.rows == whole.rows and type(second.rows) is collections.Counter
    for log in (whole, first, second):
        log.on_train_end()
    assert (tmp_path / "second").read_bytes() == (tmp_path / "whole").read_bytes()


class CountedPeriods(AlternatingPeriods):
    """Counts in attributes of names that methods of its base read, but do not set."""

    def __init__(self, setting, lost=0):
        super().__init__(setting, 1)
        self.calls, self.phase_of_epoch, self.positive_int = 0, {}, []
        self.lost = lost

    def phase_of(self, epoch):
        self.calls += 1
        self.positive_int.append(epoch)
        self.phase_of_epoch[epoch] = super().phase_of(epoch)
        return self.phase_of_epoch[epoch]


def test_what_subclasses_of_callbacks_of_this_package_hold_goes_on():
    first, second = CountedPeriods(1), CountedPeriods(2)
    start = _states.start([first])
    first.phase_of(0), first.phase_of(1)
    states = _states.get_all([first], start)
    assert _states.set_all([second], states) == ([], [], [])
    assert (second.calls, second.positive_int) == (2, [0, 1])
    assert second.phase_of_epoch == first.phase_of_epoch
    assert second.discriminator_epochs == 2, "a setting, which may change"
    lost = CountedPeriods(1, lost=object())
    assert _states.set_all([lost], states) == ([], ["CountedPeriods.lost"], [])


class Slow(keras.callbacks.Callback):
    """Has nothing to keep."""


class Counting(keras.callbacks.Callback):
    """A user's callback that knows nothing of backups."""

    def __init__(self, setting, lost=0):
        super().__init__()
        self.seen, self.setting, self.lost = [], setting, lost

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append(epoch)


def test_what_callbacks_of_users_hold_goes_on():
    first, second = [Slow(), Counting(1)], [Slow(), Counting(2)]
    start = _states.start(first)
    for callback in first:
        callback.set_model(keras.Sequential())
        callback.set_params({"epochs": 3})
        callback.on_epoch_end(0)
    states = _states.get_all(first, start)
    assert states == {"Slow": {}, "Counting": {"seen": [0]}}
    assert _states.set_all(second, states) == ([], [], [])
    assert (second[1].seen, second[1].setting, second[1].params) == ([0], 2, None)
    _, told, _ = _states.set_all([Slow(), Counting(1, lost=object())], states)
    assert told == ["Counting.lost"]


# How a generator is made, and a number that is drawn from it.
GENERATORS = {
    "PCG64": (lambda: np.random.default_rng(5), lambda g: g.normal()),
    "MT19937": (lambda: np.random.Generator(np.random.MT19937(5)), lambda g: g.normal()),
    "Philox": (lambda: np.random.Generator(np.random.Philox(5)), lambda g: g.normal()),
    "SFC64": (lambda: np.random.SFC64(5), lambda g: float(g.random_raw())),
    "RandomState": (lambda: np.random.RandomState(5), lambda g: g.normal()),
    "RandomState of PCG64": (
        lambda: np.random.RandomState(np.random.PCG64(5)),
        lambda g: g.normal(),
    ),
    "Random": (lambda: random.Random(5), lambda g: g.gauss(0.0, 1.0)),
    "SeedGenerator": (
        lambda: keras.random.SeedGenerator(5),
        lambda g: float(keras.random.normal((), seed=g)),
    ),
    "tf.random.Generator": (
        lambda: tf.random.Generator.from_seed(5),
        lambda g: float(g.normal(())),
    ),
}


class Drawing(keras.callbacks.LearningRateScheduler):
    """Draws from a generator of its own."""

    def __init__(self, generator, draw):
        self.generator, self.draw = generator, draw
        super().__init__(lambda epoch, rate: self.draw(self.generator))


@pytest.mark.parametrize("kind", GENERATORS)
def test_random_generators_go_on(kind, tmp_path):
    make, draw = GENERATORS[kind]

    def in_closure(rng):
        return keras.callbacks.LearningRateScheduler(lambda epoch, rate: draw(rng))

    for of in (lambda: Drawing(make(), draw), lambda: in_closure(make())):
        whole, first = numbers(of(), range(6)), of()
        start = _states.start([first])
        assert not any(_states.get_all([first], start).values())
        numbers(first, range(3))
        backups.write(tmp_path / "states.npz", _states.get_all([first], start))
        second, states = of(), backups.read(tmp_path / "states.npz")
        assert _states.set_all([second], states) == ([], [], [])
        assert numbers(second, range(3, 6)) == whole[3:]
    # One that is made later, or of another kind by now, is replaced.
    for other in (None, np.random.Generator(np.random.PCG64DXSM(1))):
        first, second = Drawing(make(), draw), Drawing(other, draw)
        start = _states.start([first])
        numbers(first, range(3))
        _states.set_all([second], _states.get_all([first], start))
        assert numbers(second, range(3, 6)) == whole[3:]
