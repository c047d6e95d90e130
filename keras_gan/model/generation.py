"""Generation of samples from latents, and of latents from a seed."""

import contextlib

import keras
import numpy as np
import tensorflow as tf

from keras_gan import _checks, losses, priors
from keras_gan.backend import packing
from keras_gan.engine.preserved import preserved_statistics
from keras_gan.feeding import class_names, conversion, readers, values
from keras_gan.feeding.cures import Form
from keras_gan.feeding.sample_spec import are_checked, to_float
from keras_gan.model import compute_cost
from keras_gan.model.drawing import RANDOM_LAYERS, seed_of

# === Pure functions: the same in `generate` and in an exported model ===


def latents_of(prior, num_samples, latent_dim, seed, truncation=1.0):
    """Latents of an integer seed, scaled towards the prior's mean by `truncation`.

    Args:
        prior: callable `(shape, seed) -> latents`.
        num_samples: integer, or int32 scalar tensor.
        latent_dim: integer.
        seed: integer, or int64 scalar tensor.
        truncation: scale of the deviation from the prior's mean, 1 for none.

    Returns:
        float32, `(num_samples, latent_dim)`.
    """
    drawn = prior(tf.stack([num_samples, latent_dim]), seed_of(seed, 0))
    rows = num_samples if isinstance(num_samples, int) else None
    drawn = priors.as_drawn(drawn, "latents", (latent_dim,), rows)
    drawn = priors.truncate(prior, tf.ensure_shape(drawn, [None, latent_dim]), truncation)
    return tf.cast(drawn, "float32") if drawn.dtype.is_floating else drawn


def labels_of(num_samples, num_classes, seed):
    """Uniform classes of an integer seed: int32, `(num_samples,)`."""
    return tf.random.stateless_uniform(
        [num_samples], seed_of(seed, 1), 0, num_classes, dtype="int32", alg="philox"
    )


def checked(latents, name):
    """Check that latents are finite real numbers; returns them as float32 NumPy array."""
    latents = conversion.array(latents, name)
    values.check_real(latents.dtype, name)
    with np.errstate(over="ignore"):
        latents = latents.astype("float32", copy=False)
    bad = int((~np.isfinite(latents)).sum())
    _checks.check(
        not bad,
        f"`{name}` must be finite, in float32.",
        cure="Draw some with `gan.sample_latents(num_samples, seed)`.",
        not_finite=bad,
        shape=latents.shape,
    )
    return latents


def path(start, end, steps, mode):
    """Latents on a path between two: `(steps, latent_dim)`, both ends included.

    `lerp` is the straight line. `slerp` follows the great circle,
    `sin((1-t)a)/sin(a) * start + sin(t a)/sin(a) * end` with `a` the angle between them, which
    keeps the typical norm of a normal latent (White, "Sampling Generative Networks", 2016,
    arXiv:1609.04468).

    Args:
        start: `(latent_dim,)`.
        end: `(latent_dim,)`.
        steps: number of points, at least 2.
        mode: "slerp" or "lerp".

    Returns:
        float32 tensor.
    """
    _checks.one_of(mode, "mode", ("slerp", "lerp"))
    start, end = tf.cast(start, "float32"), tf.cast(end, "float32")
    t = tf.linspace(0.0, 1.0, steps)[:, None]
    line = (1.0 - t) * start + t * end
    if mode == "lerp":
        return line
    cosine = tf.reduce_sum(tf.math.l2_normalize(start) * tf.math.l2_normalize(end))
    angle = tf.acos(tf.clip_by_value(cosine, -1.0, 1.0))
    sine = tf.sin(angle)
    arc = (tf.sin((1.0 - t) * angle) * start + tf.sin(t * angle) * end) / sine
    # Between parallel latents the circle is not defined, and the line is as good.
    return tf.where(sine > 1e-4, arc, line)


def _cure_of_counts(counts, labels):
    """What to do where so many latents and labels, and `num_samples`, do not agree."""
    if counts.get("labels") == 1:
        return f"For one class of all samples use `labels={np.ravel(labels).tolist()[0]!r}`."
    if len(set(counts.values())) == 1:
        return "Leave `num_samples` out."
    return "Give one label for each of the latents."


# === The model's part ===


class Generation:
    """Mixin of `AdversarialModel` with the methods that generate and score samples.

    Samples come from `averaged_generator`, except in `generate(averaged=False)`. None of the
    methods changes the model.
    """

    def call(self, inputs, training=False):
        """Samples of `averaged_generator` for latents, or for `[latents, labels]`."""
        return tf.cast(self.averaged_generator(inputs, training=training), "float32")

    @_checks.suggesting
    def predict(self, x, batch_size=None, verbose="auto", steps=None, callbacks=None):
        """Samples of `averaged_generator` for given latents, as in Keras.

        Args:
            x: latents `(n, latent_dim)`, or `[latents, labels]` with one class a latent, by index
                or name, or a data set of batches.
            batch_size: as in Keras.
            verbose: as in Keras.
            steps: as in Keras.
            callbacks: as in Keras.

        Returns:
            float32 NumPy samples.

        Raises:
            ValueError: if the latents have another shape, or a class is not known.
        """
        if steps is None:
            readers.check_end(x, "x", "Give `steps=`.")
        self._average_watch.look(self)
        if self.num_classes is not None and not isinstance(x, tf.data.Dataset):
            _checks.check(
                isinstance(x, (list, tuple)) and len(x) == 2,
                "A conditional model predicts from `[latents, labels]`.",
                x=type(x).__name__,
            )
            latents = self._given_latents(x[0])
            x = [latents, self._asked_labels(x[1], len(latents))]
        elif hasattr(x, "shape"):
            x = self._given_latents(x)
        # Keras would unroll as many batches into one graph as training runs in one call.
        before, self.steps_per_execution = self.steps_per_execution, 1
        try:
            with self._own_draws(self.averaged_generator):
                return keras.Model.predict(self, x, batch_size, verbose, steps, callbacks)
        finally:
            self.steps_per_execution = before

    @_checks.suggesting
    def generate(
        self,
        num_samples=None,
        *,
        latents=None,
        labels=None,
        seed=None,
        truncation=1.0,
        batch_size=256,
        averaged=True,
    ):
        """Samples of `averaged_generator`, or of `generator` with `averaged=False`.

        Args:
            num_samples: how many; may be left out with `latents` or `labels`. Default 1.
            latents: `(n, latent_dim)`, instead of drawing them.
            labels: classes of a conditional model, one for each sample, or one for all, by index
                or, where `class_names` are known, by name. `None` draws them uniformly.
            seed: integer; the same seed gives the same samples, for every `batch_size` but for the
                last bits, unless a layer draws in inference, which does so by batches. `None` draws
                from a separate random stream that does not affect training.
            truncation: scales the deviation of latents from the prior's mean; below 1 gives more
                typical and less varied samples.
            batch_size: samples generated at a time; reduced if they would need much memory.
            averaged: `True` for `averaged_generator`, `False` for `generator`. Default `True`.

        Returns:
            float32 NumPy array `(n, ...)` in the generator's range ([-1, 1] for images).

        Raises:
            ValueError: if the arguments contradict each other, or a class is not known.
        """
        if _checks.boolean(averaged, "averaged"):
            self._average_watch.look(self)
        asked, labels = labels, self._indices(labels)
        batch_size = _checks.positive_int(batch_size, "batch_size")
        truncation = _checks.number(truncation, "truncation", minimum=0.0)
        if latents is not None:
            latents = self._given_latents(latents)
        given = {"latents": latents, "labels": labels}
        counts = {name: len(a) for name, a in given.items() if a is not None and np.ndim(a) > 0}
        if num_samples is None:
            num_samples = next(iter(counts.values()), 1)
        num_samples = _checks.positive_int(num_samples, "num_samples")
        _checks.check(
            all(count == num_samples for count in counts.values()),
            "`num_samples`, `latents` and `labels` must agree.",
            cure=lambda: _cure_of_counts(counts, asked),
            num_samples=num_samples,
            **counts,
        )
        drawn = latents is None or (labels is None and self.num_classes is not None)
        if seed is None and drawn:  # asking for given latents must not change later draws
            seed = self._draw()
        if seed is not None:
            seed = _checks.seed(seed)
        if latents is None:
            latents = self.sample_latents(num_samples, seed)
        latents = priors.truncate(self.prior, tf.constant(latents), truncation)
        labels = self._labels_for(labels, num_samples, seed)
        network = self.averaged_generator if averaged else self.generator
        return self._in_batches(network, latents, labels, batch_size, seed)

    @_checks.suggesting
    def interpolate(self, start, end, steps=8, mode="slerp", labels=None):
        """Samples of `averaged_generator` along a path between two latents.

        Args:
            start: `(latent_dim,)`.
            end: `(latent_dim,)`.
            steps: samples on the path, both ends included; at least 2.
            mode: "slerp", along the great circle, or "lerp", along the line.
            labels: classes of a conditional model, one for all samples or one for each, by index
                or name. `None` draws one for all.

        Returns:
            float32 NumPy array `(steps, ...)`.

        Raises:
            ValueError: if a latent has another shape, or a class is not known.
        """
        steps = _checks.positive_int(steps, "steps")
        _checks.check(steps >= 2, "`steps` must be at least 2.", steps=steps)
        ends = [checked(start, "start"), checked(end, "end")]
        _checks.check(
            all(end_.shape == (self.latent_dim,) for end_ in ends),
            f"`start` and `end` must have the shape ({self.latent_dim},).",
            start=ends[0].shape,
            end=ends[1].shape,
        )
        if self.num_classes is not None and labels is None:
            labels = self._draw() % self.num_classes
        return self.generate(latents=path(*ends, steps, mode).numpy(), labels=labels)

    @_checks.suggesting
    def sample_latents(self, num_samples, seed):
        """The latents of an integer seed: float32 NumPy `(num_samples, latent_dim)`."""
        num_samples = _checks.positive_int(num_samples, "num_samples")
        seed = _checks.seed(seed)
        return latents_of(self.prior, num_samples, self.latent_dim, seed).numpy()

    @_checks.suggesting
    def score(self, samples, labels=None, *, batch_size=256):
        """The discriminator's logits of samples; nothing is trained.

        Args:
            samples: `(n, ...)`, uint8 images or floats, as for `fit`.
            labels: their classes, by index or name, if the model is conditional.
            batch_size: samples scored at a time; reduced if they would need much memory.

        Returns:
            float32 NumPy `(n,)`: the mean logit of each sample. With `pack=m`, `(ceil(n / m),)`:
            the mean logit of each pack; the last pack is filled with the first samples.

        Raises:
            ValueError: for samples or labels that do not fit, or are not finite.
        """
        batch_size = _checks.positive_int(batch_size, "batch_size")
        # Those of a generator may be out of range; that is for the discriminator to judge.
        samples = (self.spec.generated if are_checked() else self.spec.typed)(samples)
        labels = self._asked_labels(labels, len(samples))
        packs = packing.packed(packing.pad_to_pack(samples, self.pack), self.pack)
        logits = self._in_batches(self.discriminator, packs, labels, batch_size, seed=0)
        return losses.per_sample(logits).numpy()

    @contextlib.contextmanager
    def _own_draws(self, network, seed=None):
        """A block in which layers draw by a seed; by the next unseeded one without."""
        given = self._next_draw() if seed is None else seed
        with preserved_statistics(network, seed_of(given, RANDOM_LAYERS)) as statistics:
            yield
            if seed is None and statistics.have_moved:
                self._draw()

    def _in_batches(self, network, inputs, labels, batch_size, seed=None):
        parts, batch_size = [], min(batch_size, compute_cost.samples_per_pass(network))
        with self._own_draws(network, seed):
            for first in range(0, len(inputs), batch_size):
                rows = slice(first, first + batch_size)
                batch = to_float(tf.convert_to_tensor(inputs[rows]))
                if labels is not None:  # Keras takes no mixture of tensors and arrays
                    batch = [batch, tf.convert_to_tensor(labels[rows])]
                parts.append(network(batch, training=False))
        return np.concatenate([np.asarray(tf.cast(part, "float32")) for part in parts])

    def _labels_for(self, labels, num_samples, seed):
        if self.num_classes is None:
            _checks.check(labels is None, "The networks take no labels.", labels=labels)
            return None
        if labels is None:
            return labels_of(num_samples, self.num_classes, seed)
        labels = np.asarray(labels)
        labels = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels
        if labels.ndim == 0:
            labels = np.full(num_samples, labels)
        return tf.constant(self._asked_labels(labels, num_samples))

    def _asked_labels(self, labels, num_samples):
        """Labels, by index or name, as they are checked where they are no data to train on."""
        labels, form = self._indices(labels), Form.of(labels, "labels", asked=True)
        return self.spec.labels(labels, num_samples, form=form)

    def _indices(self, labels):
        """Labels with the names of classes replaced by their indices."""
        if self.num_classes is None:  # to be refused as such
            return labels
        return class_names.indices(labels, self.class_names)

    def _given_latents(self, latents):
        latents = checked(latents, "latents")
        _checks.check(
            latents.shape[1:] == (self.latent_dim,),
            f"Latents must have the shape (n, {self.latent_dim}).",
            cure="Draw some with `gan.sample_latents(num_samples, seed)`.",
            shape=latents.shape,
        )
        _checks.check(len(latents) > 0, "Latents must not be empty.", shape=latents.shape)
        return latents
