"""What a GAN tells of itself: the means of its training, and evaluations on held-out data."""

import keras
import numpy as np
import tensorflow as tf

from keras_gan import directions, losses
from keras_gan.backend import packing, replicas, seeds
from keras_gan.backend.determinism import ordered
from keras_gan.engine.state import CAUSES, PLAYERS, add
from keras_gan.feeding.sample_spec import flat, to_float, unchecked, unpack

ACCURACY_KEYS = ("d_accuracy", "d_real_accuracy", "d_fake_accuracy")
_LOSS_KEYS = ("loss", "d_loss", "g_loss", *ACCURACY_KEYS)
_NORM_KEYS = ("d_gradient_norm", "g_gradient_norm")


class Evaluating:
    """The part of `GAN` that is about what a run has come to, logs and `test_step`."""

    def _make_trackers(self, penalty_names):
        names = (*_LOSS_KEYS, *_NORM_KEYS, *penalty_names)
        self._trackers = {name: keras.metrics.Mean(name=name) for name in names}
        self._evaluation_trackers = {name: keras.metrics.Mean(name=name) for name in _LOSS_KEYS}

    # === What a run has come to ===

    @property
    def steps_seen(self):
        return int(self._state.steps_seen.numpy())

    @property
    def images_seen(self):
        return int(self._state.images_seen.numpy())

    @property
    def first_failure(self):
        """The first update that was not applied: not finite, or at a learning rate below 0.

        `None`, or a `dict` of

        - `step` and `player`;
        - `cause`: "gradient", "learning_rate", or "weight" where an update before has broken one;
        - `variable`: the path of the first variable whose gradient, or value, was not finite;
          `None` for the learning rate, and where the loss alone was not;
        - `learning_rate` of the player at that step.
        """
        state = self._state
        step = int(state.failed_step.numpy())
        if step < 0:
            return None
        player = int(state.failed_player.numpy())
        index = int(state.failed_variable.numpy())
        variables = (self.discriminator, self.generator)[player].trainable_variables
        return {
            "step": step,
            "player": PLAYERS[player],
            "variable": variables[index].path if index >= 0 else None,
            "cause": CAUSES[int(state.failed_cause.numpy())],
            "learning_rate": float(np.int64(state.failed_rate.numpy()).view(np.float64)),
        }

    # === Logs ===

    @property
    def metrics(self):
        """The trackers of the logs: those of training, or those of an evaluation."""
        if not self._evaluating:
            return list(getattr(self, "_trackers", {}).values())
        return [*self._evaluation_trackers.values(), *self.quality_metrics]

    def get_metrics_result(self):
        """The logs, see `named_results`."""
        return named_results(self.metrics)

    def _get_metrics_result_or_logs(self, logs):
        # Keras takes a step's own results where their keys differ from the metrics'. A quality
        # metric's result may be costly and need not be a graph: it is asked for once, at the end.
        return self.get_metrics_result()

    @property
    def metric_directions(self):
        """`dict` from the validation key of each quality metric to "min" or "max", in order.

        `None` stands for a direction that is not known.
        """
        found = {}
        for metric in self.quality_metrics:
            key = getattr(metric, "primary_key", None)
            name = f"val_{metric.name}_{key}" if key else f"val_{metric.name}"
            found[name] = directions.of_metric(metric)
        return found

    def _log(self, results):
        """Add the results of a step's updates to the epoch's means."""
        values = {
            name: [result[name] for result in results if name in result]
            for name in self._trackers
            if name != "loss"
        }
        means = []
        for name, several in values.items():
            weights = None
            if isinstance(several[0], tuple):  # with how much each counts
                several, weights = (tf.stack(part) for part in zip(*several, strict=True))
            else:
                # Stacked: where scalars are added, TensorFlow may fuse the sums, and adds three
                # terms or more in the order in which they are ready, which makes the last bit a
                # matter of chance.
                several = tf.stack(several)
            self._trackers[name].update_state(several, sample_weight=weights)
            if name in ("d_loss", "g_loss"):
                means.append(tf.reduce_mean(several))
        self._trackers["loss"].update_state(tf.reduce_sum(tf.stack(means)))
        return replicas.logs(self.get_metrics_result())

    # === Evaluating ===

    @ordered
    def test_step(self, data):
        """Losses of the raw generator, quality of the averaged one; changes no weight."""
        self._custom_gradients.note()
        with tf.control_dependencies(flat(data)):
            samples, labels = unpack(data)
            real = to_float(samples)
            step = self._state.evaluation_step
            seed = seeds.sequence(self.seed, seeds.EVALUATION, step.value)
            latents = self._latents(real, next(seed))
            fake = self._generate(latents, labels, training=False)
            self._evaluate_losses(real, fake, labels)
            if self.quality_metrics:
                averaged = self._generate(
                    latents, labels, generator=self.averaged_generator, training=False
                )
                with unchecked():
                    for metric in self.quality_metrics:
                        metric.update_state(real, averaged)
            add(step, 1)
        results = {name: tracker.result() for name, tracker in self._evaluation_trackers.items()}
        return replicas.logs(results)

    def _evaluate_losses(self, real, fake, labels):
        logits = [
            self._score(
                packing.packed(packing.pad_to_pack(samples, self.pack), self.pack),
                labels,
                training=False,
            )
            for samples in (real, fake)
        ]
        loss = self.adversarial_loss
        d_loss = tf.reduce_mean(loss.discriminator_loss(*logits))
        g_loss = tf.reduce_mean(loss.generator_loss(*logits))
        accuracies = losses.discriminator_accuracies(*logits, loss.threshold)
        rows = tf.shape(real)[0]
        for name, value in zip(
            _LOSS_KEYS, (d_loss + g_loss, d_loss, g_loss, *accuracies), strict=True
        ):
            self._evaluation_trackers[name].update_state(value, sample_weight=rows)


def named_results(metrics):
    """The results of metrics: a scalar per name; those of a `dict` as `<name>_<key>`."""
    named = {}
    for metric in metrics:
        result = metric.result()
        if isinstance(result, dict):
            named.update({f"{metric.name}_{key}": value for key, value in result.items()})
        else:
            named[metric.name] = result
    return named
