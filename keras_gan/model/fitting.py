"""`fit`, `evaluate` and `train_on_batch` of a GAN, and samples of the data it was trained on."""

import contextlib
import math

import keras
import tensorflow as tf

from keras_gan import _checks, _warnings, convergence
from keras_gan.backend import private_keras
from keras_gan.backend.batchwise import works_by_batches
from keras_gan.feeding import fit_data
from keras_gan.feeding.pipelines import check_divisible
from keras_gan.model import arrangement, compile_arguments, compute_cost, player_optimizers
from keras_gan.model.nested_fit import within_another
from keras_gan.model.progress import with_progress


class Fitting:
    """Mixin of `AdversarialModel` with the methods that take data."""

    @within_another
    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        epochs=1,
        verbose="auto",
        callbacks=None,
        validation_split=0.0,
        validation_data=None,
        shuffle=True,
        initial_epoch=0,
        steps_per_epoch=None,
        validation_steps=None,
        validation_batch_size=None,
        validation_freq=1,
        **unknown,
    ):
        """Train, as in Keras.

        The order of arrays is determined by `seed` and `steps_seen`, so a saved model continues
        with the next batch. A step takes `discriminator_steps * batch_size` samples. The remaining
        samples at the end of a pass are dropped; the next pass has a new order. A callback may call
        `fit`: the outer run then goes on with its own data; the inner one's steps count as seen.

        Args:
            x: real samples: an array `(n, ...)`, or a `tf.data.Dataset`, `keras.utils.PyDataset`,
                loader or generator of batches of samples or `(samples, labels)`. Images are uint8,
                or floats in [-1, 1]; see `docs/data.md`.
            y: labels of a conditional model, integers `(n,)`.
            batch_size: real samples of ONE update, for arrays. Default 64; of images from 48 pixels
                a side on 32, from 96 on 16.
            epochs: index of the last epoch.
            verbose: as in Keras.
            callbacks: Keras callbacks.
            validation_split: fraction of the samples to hold out: the end of arrays, as in Keras
                (so shuffle sorted ones before), or samples drawn by the seed from a data set of
                `keras_gan.data`. Do not cut these with `.skip` and `.take`: each of their passes
                has another order.
            validation_data: samples, `(samples, labels)`, or batches of either, as `x`.
            shuffle: whether arrays are shuffled.
            initial_epoch: as in Keras.
            steps_per_epoch: steps in an epoch; the next epoch continues with the next batch.
                Must be given for generators and data sets without an end.
            validation_steps: as in Keras.
            validation_batch_size: for arrays; default `batch_size`.
            validation_freq: as in Keras.

        Returns:
            A Keras `History`.

        Raises:
            ValueError: for data that cannot be trained on, before the first step.
            TypeError: for an argument that there is not.
        """
        compile_arguments.refuse(unknown, self.fit)
        self._check_compiled("fit")
        player_optimizers.check_trainable(self)
        epochs = _checks.non_negative_int(epochs, "epochs")
        initial_epoch = _checks.non_negative_int(initial_epoch, "initial_epoch")
        if steps_per_epoch is not None:
            steps_per_epoch = _checks.positive_int(steps_per_epoch, "steps_per_epoch")
        validation_freq = _validation_freq(validation_freq)
        if validation_steps is not None:
            validation_steps = _checks.positive_int(validation_steps, "validation_steps")
        if validation_batch_size is not None:
            _checks.positive_int(validation_batch_size, "validation_batch_size")
        feed, held_out = self._training_data(
            x,
            y,
            batch_size=batch_size,
            group=self.discriminator_steps,
            parts=self.accumulation_steps * self._game.pack * self._replicas,
            shuffle=shuffle,
            seed=self.seed,
            position=lambda: self.steps_seen,
            steps_per_epoch=steps_per_epoch,
            split=validation_split if validation_data is None else 0.0,
            epochs=epochs - initial_epoch,
        )
        held_out_feed = None
        if held_out is not None or validation_data is not None:
            held_out_feed = self._evaluation_data(
                *(held_out or (validation_data, None)),
                batch_size=validation_batch_size or batch_size,
                steps=validation_steps,
                replicas=self._replicas,
                checked=held_out is not None,
            )
        self._training_feed, self._held_out_feed = feed, held_out_feed
        self._warn_of_metrics()
        self._warned_of_losses = False
        self._learn_class_names(x)
        self._check_class_order(validation_data, "validation_data")
        self._choose_steps_per_execution(feed, callbacks)
        if self._replicas == 1:
            feed.join_epochs(self.steps_per_execution)
        self._state.forget_failure()
        self.spread_random_generators()
        # Where Keras begins. A callback that restores a run sets it, and Keras would keep it for
        # the next `fit`.
        private_keras.set_initial_epoch(self, initial_epoch)
        callbacks = arrangement.arranged(self, callbacks, epochs)
        callbacks = with_progress(callbacks, verbose)
        with (
            fit_data.passing(feed, held_out_feed),
            self._tidied(),
            arrangement.telling_of_interruption(callbacks),
        ):
            history = super().fit(
                feed.for_keras(),
                epochs=epochs,
                verbose=verbose,
                callbacks=callbacks,
                validation_data=None if held_out_feed is None else held_out_feed.for_keras(),
                shuffle=False,
                initial_epoch=initial_epoch,
                steps_per_epoch=feed.steps_per_epoch,
                validation_freq=validation_freq,
            )
        self._warn_of_failure(callbacks)
        return history

    def train_on_batch(self, x, y=None, *, return_dict=False, **unknown):
        """One step on `discriminator_steps * batch_size` samples, as in Keras.

        Args:
            x: samples, or `(samples, labels)`, as for `fit`.
            y: labels of a conditional model.
            return_dict: whether a `dict` is returned.

        Returns:
            A list of numbers, or a `dict` with `return_dict=True`.

        Raises:
            ValueError: if the samples do not fit, or `discriminator_steps` does not divide them.
            TypeError: for an argument that there is not.
        """
        compile_arguments.refuse(unknown, self.train_on_batch)
        self._check_compiled("train_on_batch")
        if self.train_function is None or self.run_eagerly:  # later, what trains is in the graph
            player_optimizers.check_trainable(self)
        _checks.check(
            self._replicas == 1,
            "With several replicas, each would train on the whole batch.",
            cure="Use `fit`.",
            replicas=self._replicas,
        )
        samples, labels = self._checked_batch(x, y)
        rows = len(keras.tree.flatten(samples)[0])
        check_divisible(rows // self.discriminator_steps, self.accumulation_steps * self._game.pack)
        _checks.check(
            rows % self.discriminator_steps == 0,
            "The batch must be a multiple of `discriminator_steps`: each update gets its share.",
            batch=rows,
            discriminator_steps=self.discriminator_steps,
        )
        self._average_watch.forget()
        logs = super().train_on_batch(samples, labels, return_dict=return_dict)
        self._custom_gradients.forget()
        return logs

    def _check_compiled(self, method):
        if not self.compiled:
            raise ValueError(f"A model must be compiled before `{method}`. Call `compile()`.")

    def _warn_of_failure(self, callbacks):
        """Warn of skipped updates, unless a callback has reported them."""
        callbacks = getattr(callbacks, "callbacks", callbacks)  # of a `CallbackList`
        told = any(getattr(callback, "has_named_failure", False) for callback in callbacks)
        if told or self.first_failure is None:
            return
        rule = convergence.Diverged()
        left = "The weights are those of finite updates alone."
        if self.first_failure["cause"] == "weight":
            left = "The weights from the start of that epoch were restored."
        _warnings.warn(
            f"Updates were skipped: {rule.describe(self.first_failure)}. {left} "
            f"{rule.cure[0].upper()}{rule.cure[1:]}. `keras_gan.callbacks.StopOnNonFinite` "
            "stops there."
        )

    def _warn_of_metrics(self):
        """Warn once of metrics without validation data."""
        if self.quality_metrics and self._held_out_feed is None and not self._warned_of_metrics:
            self._warned_of_metrics = True
            _warnings.warn(
                "`metrics` are measured on validation data, and there are none. Pass "
                "`validation_data=` or `validation_split=`."
            )

    # Of metrics without validation data, and of losses of an evaluation that are not finite.
    _warned_of_metrics = _warned_of_losses = False

    def _warn_of_losses(self, name):
        """Warn of losses of an evaluation that the data alone can have made NaN or infinite.

        Not after updates that were skipped: of those it is told anyway.

        Args:
            name: of the data.

        Returns:
            Whether there was a reason.
        """
        means = self._evaluation_means.results()
        losses = {key: float(means[key]) for key in ("d_loss", "g_loss") if key in means}
        broken = {key: loss for key, loss in losses.items() if not math.isfinite(loss)}
        weights = (weight.value for weight in self.trainable_weights)
        if (
            not broken
            or self.first_failure
            or not all(tf.reduce_all(tf.math.is_finite(w)) for w in weights)
        ):
            return False
        found = " and ".join(f"{key} is {value}" for key, value in broken.items())
        _warnings.warn(
            f"In this evaluation {found}, although all weights are finite: look for NaN, infinity "
            f"and outliers in `{name}`."
        )
        return True

    def _choose_steps_per_execution(self, feed, callbacks):
        steps = self._compile_arguments["steps_per_execution"]
        if steps == "auto":
            steps = 1
            by_batches = _work_by_batches(callbacks)
            if not self.run_eagerly and self._replicas == 1 and not by_batches:
                rows = feed.rows or 64 * self.discriminator_steps
                steps = compute_cost.steps_per_execution(self, rows)
            steps = min(steps, feed.steps or steps)
            # A number that divides the epoch lets one iterator serve all epochs.
            divisor = compute_cost.largest_divisor(feed.steps or steps, steps)
            steps = divisor if 2 * divisor >= steps else steps
        if feed.steps_per_epoch:  # Keras would not stop at the end of such an epoch
            steps = compute_cost.largest_divisor(feed.steps_per_epoch, steps)
        if steps != self.steps_per_execution:
            self.steps_per_execution = steps
            self._train_functions = {}
            self.train_function = self.test_function = None

    @contextlib.contextmanager
    def _steps_for(self, callbacks):
        """Within an evaluation whose callbacks work by batches, each step is a call of its own."""
        before = self.steps_per_execution
        chosen = self._compile_arguments["steps_per_execution"] == "auto"
        if before == 1 or not chosen or not _work_by_batches(callbacks):
            yield
            return
        try:
            self.steps_per_execution, self.test_function = 1, None
            yield
        finally:
            self.steps_per_execution, self.test_function = before, None

    @property
    def _replicas(self):
        return self.distribute_strategy.num_replicas_in_sync

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Does nothing: the networks are built already, and Keras would read a batch of data."""

    @contextlib.contextmanager
    def _tidied(self):
        """Restore the phase and release the data at the end of `fit`, also after an error."""
        before, self._phase_of_fit = self._phase_of_fit, self.phase
        self._average_watch.rest()
        try:
            yield
        finally:
            self.set_phase(self._phase_of_fit)
            self._phase_of_fit = before
            self._average_watch.note(self)
            private_keras.release_validation_data(self)
            for feed in (self._training_feed, self._held_out_feed):
                if feed is not None:
                    feed.release()
            self._custom_gradients.forget()

    @property
    def reference_samples(self):
        """Up to 2,000 of the training samples of the last `fit`, or `None`."""
        return getattr(self._training_feed, "samples", None)

    @property
    def reference_labels(self):
        """The labels of `reference_samples`, or `None`."""
        return getattr(self._training_feed, "labels", None)

    @property
    def held_out_samples(self):
        """Up to 2,000 of the validation samples of the last `fit`, or `None`."""
        return getattr(self._held_out_feed, "samples", None)

    @property
    def held_out_labels(self):
        """The labels of `held_out_samples`, or `None`."""
        return getattr(self._held_out_feed, "labels", None)

    def evaluate(
        self,
        x=None,
        y=None,
        batch_size=None,
        verbose="auto",
        *,
        steps=None,
        callbacks=None,
        return_dict=False,
        **unknown,
    ):
        """Evaluate losses of `generator`, and metrics of `averaged_generator`, on real samples.

        Repeatable, and without side effects. All are means over the rows. A critic with `pack`
        judges whole packs: the last of a batch is filled with the first rows of the batch. Several
        replicas share each batch equally: rows that are left over are not evaluated.

        Args:
            x: samples, or batches of them, as for `fit`.
            y: labels of a conditional model.
            batch_size: for arrays; default as in `fit`.
            verbose: as in Keras.
            steps: as in Keras. Must be given for generators and data sets without an end.
            callbacks: as in Keras.
            return_dict: whether a `dict` is returned, in place of a list of numbers.

        Raises:
            ValueError: for data that do not fit the model.
            TypeError: for an argument that there is not.
        """
        within_fit = private_keras.is_validation(unknown)
        compile_arguments.refuse({k: v for k, v in unknown.items() if v is not None}, self.evaluate)
        told = {"verbose": verbose, "callbacks": callbacks, "return_dict": return_dict}
        self._check_compiled("evaluate")
        self._state.evaluation_step.assign(0)
        self._evaluating = True
        try:
            if within_fit:  # whose feed is ready
                result = super().evaluate(x, **told, **private_keras.as_validation())
                if not self._warned_of_losses:
                    self._warned_of_losses = self._warn_of_losses("validation_data")
                return result
            self._check_class_order(x, "x")
            feed = self._evaluation_data(
                x,
                y,
                batch_size=batch_size,
                steps=steps,
                replicas=self._replicas,
                name="x",
            )
            told["callbacks"] = with_progress(callbacks, verbose)
            with fit_data.passing(feed), self._steps_for(callbacks):
                result = super().evaluate(feed.for_keras(), **told)
            self._warn_of_losses("x")
            return result
        finally:
            self._evaluating = False
            self._custom_gradients.forget()

    def test_on_batch(self, x, y=None, *, return_dict=False, **unknown):
        """`evaluate` on one batch, as in Keras."""
        compile_arguments.refuse(unknown, self.test_on_batch)
        self._check_compiled("test_on_batch")
        x, y = self._checked_batch(x, y)
        rows = len(keras.tree.flatten(x)[0])
        return self.evaluate(x, y, batch_size=rows, verbose=0, return_dict=return_dict)


def _work_by_batches(callbacks):
    callbacks = getattr(callbacks, "callbacks", callbacks)  # of a `CallbackList`
    return any(map(works_by_batches, compile_arguments.callback_list(callbacks)))


def _validation_freq(value):
    if isinstance(value, (list, tuple, set, range)):
        return [_checks.positive_int(epoch, "validation_freq") for epoch in value]
    return _checks.positive_int(value, "validation_freq")
