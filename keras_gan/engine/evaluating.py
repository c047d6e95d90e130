"""What a GAN tells of itself: the means of its training, and evaluations on held-out data."""

import numpy as np
import tensorflow as tf

from keras_gan import directions
from keras_gan.backend import packing, replicas, seeds
from keras_gan.backend.determinism import ordered
from keras_gan.engine import adaptive, means
from keras_gan.engine.critics_update import ACCURACY_KEYS
from keras_gan.engine.generator_losses import weighted_by
from keras_gan.engine.players import unique
from keras_gan.engine.preserved import draws_of_evaluation
from keras_gan.engine.scene import Scene, num_rows
from keras_gan.engine.state import CAUSES, add
from keras_gan.engine.term_values import mean_of_term
from keras_gan.feeding.sample_spec import flat, unchecked

_LOSS_KEYS = ("loss", "d_loss", "g_loss", *ACCURACY_KEYS)
_NORM_KEYS = ("d_gradient_norm", "g_gradient_norm")
# What every game may log.
LOG_KEYS = (*_LOSS_KEYS, *_NORM_KEYS, "d_layer_losses", "g_layer_losses", "adaptive_weight")


class Evaluating:
    """The part of a model with the counters of a run, its logs, and `test_step`."""

    def _make_means(self):
        game, of_each, norms = self._game, [], [*_NORM_KEYS]
        if len(game.critics) > 1:
            plays = [critic.name for critic in game.critics if critic.loss is not None]
            keys = ("d_loss", "g_loss", *ACCURACY_KEYS)
            of_each = [f"{key}_{name}" for name in plays for key in keys]
        if len(self._players) > 2:
            norms += [f"d_gradient_norm_{player.name}" for player in self._players[:-1]]
        names = [*_LOSS_KEYS, *norms, *of_each]
        names += [name for critic in game.critics for name in critic.penalties]
        names += [term.name for term in game.terms]
        names += [f"d_{term.name}" for term in game.terms if term.player == "both"]
        names += [adaptive.log_key(c, self._adaptive_critics) for c in self._adaptive_critics]
        names += [*self._logged_layer_losses, *game.logs_of_augmentation()]
        self._means = means.Means(names)
        terms = [term.name for term in game.terms if not term.differentiates]
        self._evaluation_means = means.Means([*_LOSS_KEYS, *of_each, *terms])

    def _note_layer_losses(self, values, player, loss):
        name = f"{player}_layer_losses"
        if name in self._logged_layer_losses:
            values[name] = values.get(name, 0.0) + loss

    # === Counters ===

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
        player = self._players[int(state.failed_player.numpy())]
        index = int(state.failed_variable.numpy())
        return {
            "step": step,
            "player": player.name,
            "variable": player.variables[index].path if index >= 0 else None,
            "cause": CAUSES[int(state.failed_cause.numpy())],
            "learning_rate": float(np.int64(state.failed_rate.numpy()).view(np.float64)),
        }

    # === Logs ===

    @property
    def metrics(self):
        """The means in the logs: those of training, or those of an evaluation, and its metrics."""
        if self._evaluating:
            return [*self._evaluation_means.metrics, *self.quality_metrics]
        return list(self._means.metrics) if hasattr(self, "_means") else []

    def get_metrics_result(self):
        """The logs, see `named_results`."""
        if not self._evaluating:
            return self._means.results()
        return {**self._evaluation_means.results(), **named_results(self.quality_metrics)}

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
        told = {}
        for name in {name: None for result in results for name in result}:
            several = [result[name] for result in results if name in result]
            if isinstance(several[0], tuple):  # with how much each counts
                told[name] = means.pair(*zip(*several, strict=True))
            else:
                told[name] = means.pair(several)
        losses = [told[name] for name in ("d_loss", "g_loss") if name in told]
        loss = means.total([tf.math.divide_no_nan(*of_updates) for of_updates in losses])
        told["loss"] = loss, tf.ones([])
        self._means.add(told)
        return replicas.logs(self.get_metrics_result())

    # === Evaluating ===

    @ordered
    def test_step(self, data):
        """Losses of the raw generator, quality of the averaged one; changes no weight."""
        self._custom_gradients.note()
        with tf.control_dependencies(flat(data)):
            tensors = self._tensors_of(data)
            step = self._state.evaluation_step
            with draws_of_evaluation(self._evaluated_networks(), lambda: self._evaluation_seed(2)):
                self._evaluate(tensors)
            add(step, 1)
        return replicas.logs(self._evaluation_means.results())

    def _evaluation_seed(self, number):
        position = self._state.evaluation_step.value
        return next(seeds.sequence(self.seed, seeds.EVALUATION, position, number))

    def _evaluated_networks(self):  # no property: Keras would save it
        of_critics = [critic.network for critic in self._game.critics]
        of_terms = [network for term in self._game.terms for network in term.networks]
        return unique([self.generator, self.averaged_generator, *of_critics, *of_terms])

    def _evaluate(self, tensors):
        game, size = self._game, num_rows(tensors)
        seed = self._evaluation_seed(0)
        tensors = {**tensors, **game.drawn(tensors, size, seed, self._state, evaluating=True)}
        made = game.generator(tensors, training=False)
        of_terms = self._evaluation_seed(1) if game.terms else None
        self._evaluate_losses({**tensors, **made}, size, of_terms)
        if self.quality_metrics:
            self._evaluate_quality(tensors)

    def _evaluate_losses(self, tensors, size, seed):
        game, values = self._game, {"d_loss": tf.zeros([]), "g_loss": tf.zeros([])}
        filled = {name: packing.pad_to_pack(t, game.pack) for name, t in tensors.items()}
        scene = Scene(
            filled,
            game.critics,
            player="generator",
            seed=seed,
            training=False,
            images_seen=self._state.images_seen.value,
        )
        logits = {}
        for critic in game.critics:
            if critic.loss is None:
                continue
            judge = scene.judge(critic.name)
            pair = {f"{kind}_logits": judge.outputs(kind)["logits"] for kind in ("real", "fake")}
            logits[critic.name] = pair
            self._note_loss(values, critic, "d_loss", self._critic_loss(critic, scene, pair))
            loss = self._adversarial_loss(critic, scene)
            weighted = weighted_by(self._weight_of_critic(critic), loss)
            self._note_loss(values, critic, "g_loss", weighted, alone=loss)
        values.update(self._accuracies(logits), loss=values["d_loss"] + values["g_loss"])
        for place, term in enumerate(game.terms):
            if not term.differentiates:
                of_term = scene.with_seed_of(place)
                if not term.critics:
                    of_term = of_term.with_rows(tensors)
                of_term.player = "discriminator" if term.player == "discriminator" else "generator"
                values[term.name] = mean_of_term(term, of_term)
        self._evaluation_means.add({name: means.pair([v], [size]) for name, v in values.items()})

    def _evaluate_quality(self, tensors):
        """Update the metrics of pairs of tensors, those of the averaged generator."""
        names = {name for _, *pair in self._compared for name in pair}
        wanted = [name for name in self._named_average.outputs if name in names]
        averaged = self._named_average.cut(wanted)(tensors, training=False) if wanted else {}
        made = {name: tf.cast(tensor, "float32") for name, tensor in averaged.items()}
        known = {**tensors, **made}
        with unchecked():
            for metric, real, fake in self._compared:
                metric.update_state(known[real], known[fake])


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
