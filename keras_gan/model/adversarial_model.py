"""Any Keras model, trained against any number of critics under `fit`."""

import keras

from keras_gan import _checks, losses, schedules
from keras_gan.backend import memory
from keras_gan.backend.determinism import Deterministic
from keras_gan.engine import ema
from keras_gan.engine.evaluating import Evaluating
from keras_gan.engine.named_network import named
from keras_gan.engine.players import Player, critics_by_player, unique
from keras_gan.engine.state import DISCRIMINATOR, GENERATOR, PLAYERS, TrainingState
from keras_gan.engine.train_step import TrainStep
from keras_gan.model import (
    assembly,
    augmentation_checks,
    compile_arguments,
    critic_checks,
    pairs,
    part_owners,
    player_optimizers,
    run_fingerprint,
    unlisted_state,
)
from keras_gan.model.classes import Classes
from keras_gan.model.configs import Configs
from keras_gan.model.fitting import Fitting
from keras_gan.model.game_data import GameData
from keras_gan.model.sampling import Sampling
from keras_gan.model.saving import Saving
from keras_gan.optimizers import OptimizerGroup, follow, held, learning_rates

_PHASES = ("both", *PLAYERS)


@keras.saving.register_keras_serializable("keras_gan")
class AdversarialModel(
    TrainStep,
    Fitting,
    GameData,
    Classes,
    Evaluating,
    Sampling,
    Saving,
    Configs,
    Deterministic,
    keras.Model,
):
    """Any Keras model, trained against any number of critics under `fit`.

    The generator is a model from named inputs to named outputs. A critic learns to tell real
    tensors from generated ones; a term is added to what a player minimises. A step updates each
    critic, by its loss, penalties and terms, and then the generator, by the sum of `weight * loss`
    of the critics, its weighted terms and what its layers add. Meanwhile the others are fixed.

    ```python
    sketch = keras.Input((64, 64, 1), name="sketch")
    generator = keras.Model({"sketch": sketch}, {"painted": unet(sketch)})
    critic = keras_gan.Critic(patches, real="photo", fake="painted", condition="sketch")
    model = keras_gan.AdversarialModel(generator, critic)
    model.compile(terms=[keras_gan.terms.L1("photo", "painted", weight=100.0)])
    model.fit({"sketch": sketches, "photo": photos}, epochs=50)
    painted = model.generate(inputs={"sketch": new_sketches})
    ```

    A name is an entry of the data, a drawn tensor, or an output of the generator, and means one
    tensor, `(batch, ...)`, of images in [-1, 1]. In training, only the outputs that critics and
    terms name are computed.

    Args:
        generator: built Keras model. Its inputs are named by its input dict, or by the names of its
            `Input`s ("latents" for a single one without a name); its outputs by its output dict
            ("generated" for a single one). Names are Python identifiers.
        critics: a `Critic`, or a list of them. They may share networks and layers.
        priors: `dict` of distributions by name, as `GAN` takes them ("normal", "uniform", ...), for
            inputs of the generator or of critics that are drawn: `priors.Categorical` for classes,
            `priors.Shuffled` for another row's entry, a schedule for a number that changes. Where
            the data have an entry of that name, training reads it, and `generate` draws.
        values: names of entries that are any numbers although they have the shape of an image.
        ema_halflife_images: see `GAN`. The average follows all floating weights of the generator
            and copies the rest; networks in `layers.Frozen` are shared. Default 10,000.
        seed: integer in [0, 2**63) that determines all noise and the order of arrays.
        name: of the model.

    Attributes:
        generator: the network that trains.
        critics: list of the `Critic`s.
        averaged_generator: the moving average of the generator, which `generate`, `predict`,
            metrics and `export` use; the same object as `generator` without an average.
        generator_optimizer: once compiled.
        discriminator_optimizer: once compiled: the optimizer of the critic; of several that share
            no weights, a `dict` by the name of the critic.
        steps_seen: training steps done.
        images_seen: rows of the data used in these steps.
        verdict: what `ConvergenceStopping` found, or `None`.

    Raises:
        ValueError: if the networks do not fit each other, or an argument is out of range.
    """

    @_checks.suggesting
    def __init__(
        self,
        generator,
        critics,
        *,
        priors=None,
        values=(),
        ema_halflife_images=10_000,
        seed=0,
        name=None,
    ):
        super().__init__(name=name)
        pairs.check_network(generator, "generator", "{'photo': photos[:1], ...}")
        self._play(
            generator,
            named(generator),
            critic_checks.named_critics(critics),
            priors=priors,
            values=values,
            ema_halflife_images=ema_halflife_images,
            seed=seed,
        )
        self._find_classes()
        for critic in self.critics:
            critic_checks.warn_of_activation(critic)
        self.critic_networks = unique(critic.network for critic in self.critics)

    def _play(
        self, generator, named_generator, critics, *, priors, values, ema_halflife_images, seed
    ):
        """Take the parts of a game: what `__init__` of all models does."""
        if ema_halflife_images is not None:
            ema_halflife_images = schedules.number_or_schedule(
                ema_halflife_images, "ema_halflife_images", steps=True, above=0.0
            )
        self._named_generator = named_generator
        self.priors = critic_checks.checked_priors(priors, named_generator, critics)
        for prior in self.priors.values():
            run_fingerprint.of_prior(prior)  # its config before the first call
        for critic in critics:
            critic_checks.check_critic(critic, named_generator)
        self._critics = tuple(critics)
        self.generator = generator
        self.values = tuple(_checks.listed(values, "values", (str,), "names"))
        self.ema_halflife_images = ema_halflife_images
        self.seed = _checks.seed(seed)
        self.averaged_generator, self._named_average = generator, named_generator
        if ema_halflife_images is not None:
            self.averaged_generator = ema.copy(generator)
            self._named_average = named_generator.of_copy(self.averaged_generator)
        self.verdict = None
        self.generator_optimizer = self.discriminator_optimizer = None
        self.quality_metrics = []
        self._state = TrainingState()
        self._training_feed = self._held_out_feed = None
        self._evaluating, self._thread_of_fit = False, None
        self._trained_in_file = None
        self._has_loaded = False
        self._phase, self._phase_of_fit = "both", None
        self._train_functions = {}
        self._custom_gradients = memory.CustomGradients()
        self._average_watch = ema.Watch()
        self._average_watch.note(self)
        self.built = True

    @property
    def critics(self):
        return list(self._critics)

    # === Compiling ===

    def compile(
        self,
        generator_optimizer=None,
        discriminator_optimizer=None,
        loss="non_saturating",
        *,
        terms=(),
        regularizers=(),
        discriminator_steps=1,
        generator_steps=1,
        accumulation_steps=1,
        augment=None,
        metrics=(),
        steps_per_execution="auto",
        jit_compile="auto",
        run_eagerly=False,
        **unknown,
    ):
        """Configure the training of all players.

        Args:
            generator_optimizer: Keras optimizer or its name; a `keras.optimizers.MultiOptimizer`
                gives parts of a network rates of their own. `None` for `Adam(2e-4, beta_1=0.5)`.
            discriminator_optimizer: likewise; another instance than the generator's. Each critic
                has a copy of its own; or give a `dict` by the names of critics. Critics that share
                weights are one player, under the name of the first.
            loss: name or `keras_gan.losses.AdversarialLoss` of critics that have none of their own.
                Default "non_saturating".
            terms: list of `keras_gan.terms.Term`s: what a player minimises besides.
            regularizers: names or `keras_gan.regularizers.Regularizer`s of critics that have none
                of their own.
            discriminator_steps: updates of the critics in a step, each with `batch_size` rows of
                its own. Default 1.
            generator_steps: updates of the generator after those. Default 1.
            accumulation_steps: micro-batches that the batch of an update is split into to save
                memory; their gradients are averaged. Statistics of a batch (BatchNorm,
                the means of `RelativisticAverage`, `DRAGAN`'s deviation) are then those of a
                micro-batch, and layers of your own with a state move it by each. Default 1.
            augment: what critics are shown, for few images: one of `keras_gan.augment`, or any
                callable `(tensors, seed, images_seen) -> tensors`. `tensors` is a `dict` by name:
                the samples of one side, and the images of its condition (one that is a sample, too,
                as "condition_<name>"). It must be differentiable, and draw by the seed alone (int32
                `(2,)`), the same for real and generated samples. Default `None`.
            metrics: quality metrics: names such as "frechet_distance", "fid" and "kid" (the
                Frechet and the kernel distance under these names, with their default features),
                or `keras.metrics.Metric`s with `update_state(real, fake)`. No two may differ in
                their names alone. They are evaluated on validation data with the averaged
                generator, and compare what the first critic is shown, of several names that it
                judges together the first. Or a `dict` of such lists by pairs of names,
                `{("photo", "painted"): ["kid"]}`, by metrics of Keras too; such names may be in the
                validation data alone.
            steps_per_execution: steps in one compiled call; "auto" chooses in `fit`: many for
                small networks, 1 under a strategy.
            jit_compile: as in Keras; "auto" is off on CPUs.
            run_eagerly: as in Keras.

        Raises:
            ValueError: for anything that could not train.
            TypeError: for an argument that there is not.
        """
        compile_arguments.refuse(unknown, self.compile)
        if self._thread_of_fit is not None:
            raise ValueError(
                "A model cannot be compiled by a callback of its `fit`, whose step is in use. "
                "Compile it after `fit`; learning rates can be set at any time."
            )
        # All arguments are checked before any attribute is set, so a failed `compile` changes
        # nothing.
        if steps_per_execution != "auto":
            steps_per_execution = _checks.positive_int(steps_per_execution, "steps_per_execution")
        jit_compile = _checks.one_of(jit_compile, "jit_compile", (True, False, "auto"))
        run_eagerly = _checks.boolean(run_eagerly, "run_eagerly")
        discriminator_steps = _checks.positive_int(discriminator_steps, "discriminator_steps")
        generator_steps = _checks.positive_int(generator_steps, "generator_steps")
        accumulation_steps = _checks.positive_int(accumulation_steps, "accumulation_steps")
        augmentation_checks.check_given(augment)
        loss = loss if loss == "none" else losses.get(loss)
        regularizers = compile_arguments.regularizer_list(regularizers)
        terms = compile_arguments.term_list(terms)
        game = assembly.assembled(self, loss, regularizers, terms, augment)
        players = self._made_players(generator_optimizer, discriminator_optimizer, game)
        trained = self._trained_in_file or player_optimizers.trained(players)
        player_optimizers.check_optimizers(players, trained)
        compared = compile_arguments.compared(metrics, self._default_pair(), self._shape_of)
        assembly.admit_compared(self, game, compared)
        part_owners.check(self.generator, game.parts_with_state)
        unlisted_state.check(self, game, [player.optimizer for player in players])
        compile_arguments.check_strategy(
            self.distribute_strategy,
            players,
            [*game.parts_with_state, *(metric for metric, *_ in compared)],
            steps_per_execution=steps_per_execution,
            jit_compile=jit_compile,
        )

        super().compile(
            optimizer=None,
            jit_compile=jit_compile,
            run_eagerly=run_eagerly,
            steps_per_execution=1 if steps_per_execution == "auto" else steps_per_execution,
        )
        for player in players:
            # An optimizer that is not built when a file is loaded would lose its state.
            if not player.optimizer.built:
                player.optimizer.build(player.variables)
            follow(player.optimizer, self._state.images_seen, self._state.steps_seen)
        part_owners.note(self.generator, game.parts_with_state)
        self._game, self._players = game, tuple(players)
        self.generator_optimizer = players[-1].optimizer
        own = {player.name: player.optimizer for player in players[:-1]}
        self.discriminator_optimizer = own if len(own) > 1 else next(iter(own.values()))
        self.optimizer = OptimizerGroup(
            [each for player in players[-1:] + players[:-1] for each in held(player.optimizer)]
        )
        self._trained = trained
        self._has_loaded = False
        self.adversarial_loss = loss
        self.regularizers, self.terms, self.augment = regularizers, terms, augment
        self.discriminator_steps = discriminator_steps
        self.generator_steps = generator_steps
        self.accumulation_steps = accumulation_steps
        self.quality_metrics = [metric for metric, *_ in compared]
        self._compared = tuple(compared)
        self._first_rates = [learning_rates(player.optimizer) for player in players]
        self._compile_arguments = {
            "steps_per_execution": steps_per_execution,
            "jit_compile": jit_compile,
            "run_eagerly": run_eagerly,
        }
        self._logged_layer_losses = self._layer_losses_to_log()
        compile_arguments.warn_of_batch_norm(self)
        if compared and self._trained_in_file is None and not isinstance(metrics, dict):
            compile_arguments.warn_of_nest(self)
        self._make_means()
        self._train_functions = {}
        self._phase = "both"

    def _made_players(self, generator_optimizer, discriminator_optimizer, game):
        """The `Player`s: critics, those that share weights together, and last the generator."""
        parts, players = critics_by_player(game.critics), []
        saved = {"from_file": self._trained_in_file is not None}
        given = player_optimizers.optimizers_of_critics(discriminator_optimizer, list(parts))
        for (name, critics), optimizer in zip(parts.items(), given, strict=True):
            own = tuple(unique(critic.network for critic in critics))
            optimizer = player_optimizers.optimizer(optimizer, name, own, **saved)
            players.append(
                Player(len(players), DISCRIMINATOR, name, own, optimizer, tuple(critics))
            )
        own = (self.generator,)
        optimizer = player_optimizers.optimizer(generator_optimizer, "generator", own, **saved)
        return [*players, Player(len(players), GENERATOR, "generator", own, optimizer)]

    def _default_pair(self):
        """The names that metrics compare by default: those of the first critic with fakes."""
        for critic in self.critics:
            for real, fake in zip(critic.real, critic.fake, strict=False):
                if fake in self._named_generator.outputs:
                    return real, fake
        return self.critics[0].real[0], next(iter(self._named_generator.outputs))

    def _shape_of(self, name):
        """The shape of one row under a name, `None` if no network tells it."""
        outputs, inputs = self._named_generator.outputs, self._named_generator.inputs
        if name in outputs or name in inputs:
            return tuple(outputs.get(name, inputs.get(name)).shape[1:])
        return None

    def _layer_losses_to_log(self):
        parts = {"d": [c.network for c in self.critics], "g": [self.generator]}
        return [
            f"{letter}_layer_losses"
            for letter, networks in parts.items()
            if any(map(compile_arguments.may_add_losses, networks))
        ]

    # === Phases ===

    @property
    def phase(self):
        """Which players are trained: "both", "discriminator" or "generator"."""
        return self._phase

    def set_phase(self, phase):
        """Train all players from the next step on, or only critics or the generator.

        `fit` starts in the current phase and restores it at the end, even if callbacks change it.
        `compile` sets it to "both". `save` keeps it, that which `fit` will restore while it runs;
        `TrainingBackup` keeps what callbacks have set, too. The loss of a player that is not
        trained is still evaluated, so the keys of the logs do not change. Each phase has its own
        compiled training function.

        Args:
            phase: "both", "discriminator" or "generator".

        Raises:
            ValueError: for another value.
        """
        _checks.one_of(phase, "phase", _PHASES)
        if phase == self._phase:
            return
        self._train_functions[self._phase] = self.train_function
        self._phase = phase
        self.train_function = self._train_functions.get(phase)
        if self.train_function is None and self.compiled:
            self.make_train_function(force=True)

    def trains(self, player):
        """Whether a kind of player (`DISCRIMINATOR` or `GENERATOR`) trains in this phase."""
        return self._phase in ("both", PLAYERS[player])

    @property
    def _generator_updates(self):
        # An idle generator is evaluated once.
        return self.generator_steps if self.trains(GENERATOR) else 1

    def _rows_of(self, further):
        """Which part of the rows a further update of the generator uses: the next, if it takes
        data.
        """
        last = self.discriminator_steps - 1
        if not self._game.takes_data:
            return last
        return (last + 1 + further) % self.discriminator_steps
