"""Base classes of quality metrics, with reference, floor, description and features."""

import keras
import numpy as np
import tensorflow as tf

from keras_gan import _checks, _registry, _warnings, directions, terminal
from keras_gan.backend import network_configs
from keras_gan.feeding import sample_spec, shapes
from keras_gan.metrics import applications, reals, wording
from keras_gan.metrics import features as features_module
from keras_gan.metrics.reservoir import Reservoir

_BATCH = 256


class QualityMetric(_checks.Suggesting, keras.metrics.Metric):
    """A metric of reals and fakes, to be given to `compile`.

    Subclasses define the statistics of both sides in `build` and read them eagerly in `_sides()`,
    with their numbers of samples in `_counts()`. `_compare(*sides)` gives the result, and
    `_add_real(batch)` takes in a reference.

    Attributes:
        direction: "min" or "max", which way it improves; that of the classes here, and of their
            figures, is in the table of `directions`. `None` where it is not known.
        result_keys: keys of a `dict` result; `None` where the result is a number.
        primary_key: the key that callbacks watch.
    """

    direction = None
    result_keys = None
    primary_key = None
    # Whether it reads the reals that `update_state` is given.
    needs_real = True
    # Minimum number of samples of each side.
    needed = 1

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        known = directions.of_key(cls.primary_key or directions.kind(cls))
        if known and "direction" not in vars(cls):
            cls.direction = known

    def __init__(self, *, name):
        super().__init__(name=name, dtype="float32")
        self.built = False
        self._known_floor = None
        self._reference = self._outcome = None
        self._has_warned = False

    # === Results ===

    def reset_state(self):
        """Reset all batches, but not a reference."""
        super().reset_state()
        self._outcome = None

    def result(self):
        """A float, or a `dict` of floats; NaN before any sample. Call it outside of graphs."""
        return self._result_of(self._compared())

    def _compared(self):
        """The cached result of `_compare` for all batches so far; `None` without batches."""
        if not self._is_computed():
            counts = self._counts()
            enough = min(counts) >= self.needed
            shortage = self._shortage(*counts) if enough else self._lack(*counts)
            if shortage and not self._has_warned:
                self._has_warned = True
                _warnings.warn(f"`{self.name}`: {shortage}")
            sides = self._sides() if enough else None
            finite = sides and all(np.isfinite(part).all() for part in tf.nest.flatten(sides))
            self._outcome = self._position(), self._compare(*sides) if finite else None
        return self._outcome[1]

    def _is_computed(self):
        """Whether the cached result is up to date."""
        return self._outcome is not None and self._outcome[0] == self._position()

    def _result_of(self, outcome):
        """The metric's result from that of `_compare`."""
        if outcome is None:
            nothing = float("nan")
            return dict.fromkeys(self.result_keys, nothing) if self.result_keys else nothing
        return dict(outcome) if self.result_keys else outcome

    def _position(self):
        """A value that changes with every batch, eagerly."""
        return self._counts()

    def _lack(self, real_count, fake_count):
        """A warning if there are too few samples of both sides for a result, or `None`."""
        if min(real_count, fake_count) == 0:
            return None
        return (
            f"{real_count} reals and {fake_count} fakes are too few for a result, which takes "
            f"{self.needed} of each. Evaluate on more."
        )

    def _shortage(self, real_count, fake_count):
        """A warning if there are too few samples for a reliable result, or `None`."""
        return None

    # === Reals against reals ===

    def floor(self, real, num_samples=None, seed=0):
        """The value of a perfect generator: reals against other reals, with the same sample sizes.

        Two disjoint halves, drawn by `seed`, are compared. Most metrics depend on the number of
        samples, so compare a value with its floor. From then on `print` shows both.

        Args:
            real: array `(n, *sample_shape)`, or a `tf.data.Dataset` of batches, which is read
                into memory; see `set_reference`.
            num_samples: samples in each half; `None` for as many as fakes have been compared since
                the last reset, or half of the reals if none have. Default `None`.
            seed: integer seed of the halves. Default 0.

        Returns:
            As `result`.

        Raises:
            ValueError: if there are fewer than twice `num_samples` reals, or they cannot be
                compared, see `keras_gan.feeding.fit_data.values`.
        """
        seed = _checks.seed(seed)
        real = reals.array(real)
        if num_samples is None:
            num_samples = (self.built and self._counts()[1]) or len(real) // 2
        num_samples = _checks.positive_int(num_samples, "num_samples")
        _checks.check(
            2 * num_samples <= len(real),
            "A floor needs two reals for each sample of a half.",
            cure=f"Pass `num_samples={len(real) // 2}`, and compare it with a generator judged on "
            "as many samples; or give more reals, those of the training data too.",
            num_samples=num_samples,
            reals=len(real),
        )
        drawn = np.random.default_rng(seed).permutation(len(real))
        twin = self._twin()
        starts = range(0, num_samples, _BATCH)
        for start in terminal.progress(starts, "Comparing reals with reals"):
            end = min(start + _BATCH, num_samples)
            halves = drawn[start:end], drawn[num_samples + start : num_samples + end]
            twin.update_state(*(sample_spec.as_floats(real[half]) for half in halves))
        self._known_floor = num_samples, twin.result()
        return self._known_floor[1]

    def set_reference(self, real):
        """Compute the statistics of reals once, for all later evaluations.

        From then on `update_state` uses fakes only. `reset_state` keeps the reference, which is not
        part of the config and so not saved. Call it before `fit`: an existing graph continues to
        extract the features of reals, which are not used. Under a strategy, call it outside of its
        scope.

        Args:
            real: array `(n, *sample_shape)`, or an iterable of batches such as a
                `tf.data.Dataset`, of samples or of `(samples, labels)`. Images are uint8, or
                floats in [-1, 1], as for `fit`. An iterable is never read as a whole. Of a
                generator, give some batches: `itertools.islice(real, batches)`.

        Raises:
            ValueError: for no samples, values that `fit` does not accept, and under a strategy's
                scope.
        """
        twin = self._twin()
        batches = 0
        read = reals.batches(real, _BATCH, self._subsample)
        for batch in terminal.progress(read, "Reading the reference"):
            batches += 1
            if self.needs_real:
                twin._add_real(sample_spec.as_floats(batch))
        _checks.check(batches > 0, "A reference needs samples.", batches=batches)
        if self.needs_real:
            self._reference = twin._real.count(), twin._real.value()
            self._outcome = None

    def _subsample(self, real):
        """The reals whose features are needed."""
        return real

    def _floats(self, real, fake):
        """Both sides of a batch as floats; checked, unless `fit` feeds them."""
        if sample_spec.are_checked():
            if self.needs_real and self._reference is None:
                real = sample_spec.checked(real, "real", warn=not tf.is_tensor(real))
            fake = sample_spec.checked_generated(fake, "fake")
        floats = sample_spec.as_floats
        return (None if real is None else floats(real)), floats(fake)

    def _twin(self):
        """A copy of the metric with the same features and without samples."""
        _checks.check(
            not tf.distribute.has_strategy(),
            "Reals are taken in by one device.",
            cure="Call this outside of `strategy.scope()`.",
            metric=self.name,
        )
        twin = type(self)(**self._settings())
        twin._has_warned = self._has_warned
        return twin

    # === Description ===

    def description(self):
        """The settings of the measurement: a `dict` of plain values.

        `real_samples` and `fake_samples` are the samples compared, `reference` says whether the
        reals are those of `set_reference`.
        """
        real, fake = self._counts() if self.built else (0, 0)
        counts = {"real_samples": real} if self.needs_real else {}
        counts["fake_samples"] = fake
        if self.needs_real:
            counts["reference"] = self._reference is not None
        return counts

    def __str__(self):
        return wording.line(self, compute=True)

    def __repr__(self):
        # `repr` must not compute for minutes.
        return wording.line(self, compute=False)

    # === Config ===

    def measures_like(self, other):
        """Whether a metric is of this class, with the same settings, whatever its name."""
        if type(other) is not type(self) or other._reference is not self._reference:
            return False

        def equal(a, b):
            plain = isinstance(a, (str, int, float, list, tuple, np.ndarray))
            return a is b or plain and type(a) is type(b) and np.array_equal(a, b)

        own, others = self._settings(), other._settings()
        return all(equal(own[key], others[key]) for key in own if key != "name")

    def _settings(self):
        return {name: getattr(self, name) for name in _registry.arguments(self)}

    def get_config(self):
        """The constructor's arguments."""
        return self._settings()


class FeatureMetric(QualityMetric):
    """A metric that compares the features of reals with those of fakes.

    Subclasses make the statistics of a side in `_make_side(name)`: an object with `add`, `value`,
    `count` and `seen`.
    """

    # Whether Keras writes and reads the weights of `features`, as in files of earlier versions. The
    # model does, see `state_parts`: Keras writes a network once, and misses it in a second metric.
    keras_keeps_features = False

    def __init__(self, *, features, seed, name):
        super().__init__(name=name)
        self.features = features_module.check(features)
        self.seed = _checks.seed(seed)

    def __dir__(self):
        # Where Keras looks for the parts of a file.
        hidden = () if self.keras_keeps_features else ("features",)
        return [name for name in super().__dir__() if name not in hidden]

    def build(self, sample_shape):
        """Make the variables; `sample_shape` has no batch axis."""
        self._sample_shape = tuple(sample_shape)
        self._extract = self._extractor(self._sample_shape)
        with tf.init_scope():
            self._dimension = self._extract(tf.zeros((1, *sample_shape))).shape[-1]
            self._real = self._make_side("real") if self.needs_real else None
            self._fake = self._make_side("fake")
        self.built = True

    def _extractor(self, sample_shape):
        return features_module.extractor(self.features, sample_shape, seed=self.seed)

    def _rows(self, samples):
        """The features of a batch of samples: `(batch, width)`."""
        return self._extract(tf.cast(samples, "float32"))

    def update_state(self, real, fake):
        """Add a batch.

        Args:
            real: reals, `(batch, *sample_shape)`, images uint8 or in [-1, 1]; ignored if there is a
                reference.
            fake: fakes, likewise.

        Raises:
            ValueError: outside of graphs and of `fit`, for values that `fit` does not accept.
                Inside, values that are not finite make the result NaN.
        """
        real, fake = self._floats(real, fake)
        if not self.built:
            self.build(fake.shape[1:])
        self._check_shape(fake)
        if self.needs_real and self._reference is None:
            self._add_real(real)
        self._fake.add(self._rows(fake))

    def _add_real(self, real):
        if not self.built:
            self.build(real.shape[1:])
        self._check_shape(real)
        self._real.add(self._rows(real))

    def _check_shape(self, samples):
        shape = tuple(samples.shape[1:])
        _checks.check(
            shapes.agree(shape, self._sample_shape),
            f"`{self.name}` was built for samples of another shape.",
            cure="Use a new metric for other data.",
            built_for=self._sample_shape,
            sample_shape=shape,
        )

    def _counts(self):
        if not self.built:
            return 0, 0
        fake = self._fake.count()
        if not self.needs_real:
            return fake, fake
        return (self._reference[0] if self._reference else self._real.count()), fake

    def _position(self):
        sides = (self._real, self._fake) if self.built else ()
        return tuple(side.seen() for side in sides if side is not None)

    def _sides(self):
        if not self.needs_real:
            return (), self._fake.value()
        return (self._reference[1] if self._reference else self._real.value()), self._fake.value()

    def description(self):
        if not self.built:
            return super().description()
        told = {
            "features": features_module.text(self.features, self._sample_shape, seed=self.seed),
            "dimension": self._dimension,
        }
        if isinstance(self.features, str):
            told["resize"] = applications.resize(self.features)
        return {**told, **super().description()}

    def get_config(self):
        """The constructor's arguments."""
        features = network_configs.serialized(self.features)
        return {**self._settings(), "features": features}

    @classmethod
    def from_config(cls, config):
        """The metric of a `get_config`."""
        features = network_configs.deserialized(config["features"])
        return cls(**{**config, "features": features})


class KeptFeatures(FeatureMetric):
    """A metric of the features of up to `max_samples` reals and as many fakes."""

    def __init__(self, *, max_samples, features, seed, name):
        super().__init__(features=features, seed=seed, name=name)
        self.max_samples = _checks.positive_int(max_samples, "max_samples")

    def _make_side(self, name):
        return Reservoir(
            self, name, max_samples=self.max_samples, width=self._width(), seed=self.seed
        )

    def _subsample(self, real):
        if not hasattr(real, "shape") or len(real) <= self.max_samples:
            return real
        drawn = np.random.default_rng(self.seed).permutation(len(real))
        return real[np.sort(drawn[: self.max_samples])]

    def _width(self):
        return self._dimension
