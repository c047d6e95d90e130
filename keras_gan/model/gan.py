"""The model: two networks that train against each other under `fit`."""

import keras
import tensorflow as tf

from keras_gan import _checks, losses, priors, schedules
from keras_gan.backend import memory, packing
from keras_gan.backend.determinism import Deterministic
from keras_gan.engine import ema
from keras_gan.engine.evaluating import Evaluating
from keras_gan.engine.state import GENERATOR, PLAYERS, TrainingState
from keras_gan.engine.train_step import TrainStep
from keras_gan.feeding.class_names import checked as checked_names
from keras_gan.feeding.sample_spec import SampleSpec
from keras_gan.feeding.values import reach
from keras_gan.model import compile_arguments, pairs, run_fingerprint
from keras_gan.model.configs import Configs
from keras_gan.model.fitting import Fitting
from keras_gan.model.generation import Generation
from keras_gan.model.saving import Saving
from keras_gan.optimizers import OptimizerGroup, follow

_PHASES = ("both", *PLAYERS)


@keras.saving.register_keras_serializable("keras_gan")
class GAN(TrainStep, Fitting, Evaluating, Generation, Saving, Configs, Deterministic, keras.Model):
    """Two networks trained against each other under `fit`.

    The discriminator learns to tell real samples from generated ones; the generator learns
    from the discriminator's gradient with respect to generated samples. While one network is
    updated, the weights of the other are fixed.

    ```python
    generator, discriminator = keras_gan.networks.mlp((2,))
    gan = keras_gan.GAN(generator, discriminator)
    gan.compile()
    gan.fit(keras_gan.data.ring(10_000), epochs=10)
    points = gan.generate(500)
    ```

    Args:
        generator: built Keras model from latents `(batch, latent_dim)` to samples
            `(batch, ...)`. With a second input, labels `(batch,)`, it is conditional.
        discriminator: built Keras model from samples to one logit a sample, `(batch, 1)` or
            `(batch,)`, or to patch logits `(batch, h, w, 1)`. Takes labels if the generator does.
        prior: distribution of the latents: "normal", "uniform", "truncated_normal", or a callable
            `(shape, seed) -> latents`, with a seed as `tf.random.stateless_normal` takes it.
            Default "normal".
        num_classes: number of classes of a conditional model, else `None`.
        class_names: list of their names. Default `None`: `fit` takes them from a data set that has
            `class_names`. They are saved and exported with the model.
        pack: samples that the discriminator judges at a time, neighbours of a batch joined along
            their last axis (PacGAN, arXiv:1712.04086), which makes a lack of variety visible. It
            must be built for them (`networks.dcgan(shape, pack=2)`) and gives one logit a
            pack: losses, accuracies and penalties are then those of packs, a gradient's norm
            that of the joint input. Only without labels. Default 1.
        ema_halflife_images: half-life of the generator's moving average in images, above 0;
            `None` for no average. Early in training it is at most 0.05 times the images seen.
            Or a schedule of it, see `keras_gan.schedules`.
        seed: integer in [0, 2**63) that determines all noise and the order of arrays.
        name: of the model.

    Attributes:
        generator: the network that trains.
        discriminator: the network that is trained to separate real from generated samples.
        averaged_generator: the moving average of the generator, used by `generate`, `predict`,
            image grids, metrics and `export`; the same object as `generator` if
            `ema_halflife_images=None`.
        generator_optimizer: once compiled.
        discriminator_optimizer: once compiled.
        latent_dim: size of a latent.
        sample_shape: shape of a sample.
        is_image: whether samples are images (rank 3, last axis 1, 3 or 4).
        steps_seen: training steps done.
        images_seen: real samples used in these steps.
        verdict: what `ConvergenceStopping` found, or `None`.

    Raises:
        ValueError: if the networks do not fit each other, or an argument is out of range.

    Source: Goodfellow et al., "Generative Adversarial Nets", NeurIPS 2014 (arXiv:1406.2661).
    """

    @_checks.suggesting
    def __init__(
        self,
        generator,
        discriminator,
        *,
        prior="normal",
        num_classes=None,
        class_names=None,
        pack=1,
        ema_halflife_images=10_000,
        seed=0,
        name=None,
    ):
        super().__init__(name=name)
        pack = packing.checked(pack, num_classes)
        self.latent_dim, self.sample_shape, conditional = pairs.check_pair(
            generator, discriminator, pack
        )
        pairs.check_apart(generator, discriminator)
        _checks.check(
            conditional == (num_classes is not None),
            "`num_classes` must be given exactly if both networks take labels.",
            num_classes=num_classes,
            networks_take_labels=conditional,
        )
        if num_classes is not None:
            num_classes = _checks.positive_int(num_classes, "num_classes")
            pairs.check_classes(num_classes, generator, discriminator)
        if ema_halflife_images is not None:
            ema_halflife_images = schedules.number_or_schedule(
                ema_halflife_images, "ema_halflife_images", above=0.0
            )
        self.generator = generator
        self.discriminator = discriminator
        self.prior = priors.get(prior)
        run_fingerprint.of_prior(self.prior)  # its config before the first call
        self.num_classes = num_classes
        self.class_names = class_names
        self.pack = pack
        self.ema_halflife_images = ema_halflife_images
        self.seed = _checks.seed(seed)

        self.averaged_generator = generator
        if ema_halflife_images is not None:
            self.averaged_generator = ema.copy(generator)
        self.spec = SampleSpec(self.sample_shape, num_classes, reach(generator))
        self.is_image = self.spec.is_image
        self.verdict = None
        self.generator_optimizer = self.discriminator_optimizer = None
        self.quality_metrics = []
        self._state = TrainingState()
        self._training_feed = self._held_out_feed = None
        self._evaluating = False
        self._trained_in_file = None
        self._has_loaded = False
        self._phase = "both"
        self._train_functions = {}
        self._custom_gradients = memory.CustomGradients()
        self._average_watch = ema.Watch()
        self._average_watch.note(self)
        self.built = True

    @property
    def class_names(self):
        """The names of the classes by index, or `None`."""
        return self._class_names

    @class_names.setter
    def class_names(self, class_names):
        names = checked_names(class_names, self.num_classes or 0)
        self._class_names = None if names is None else tuple(names)  # Keras would wrap a list

    # === Compiling ===

    def compile(
        self,
        generator_optimizer=None,
        discriminator_optimizer=None,
        loss="non_saturating",
        *,
        regularizers=(),
        discriminator_steps=1,
        generator_steps=1,
        accumulation_steps=1,
        metrics=(),
        steps_per_execution="auto",
        jit_compile="auto",
        run_eagerly=False,
        **unknown,
    ):
        """Configure the training of both networks.

        Args:
            generator_optimizer: Keras optimizer or its name. `None` for
                `Adam(2e-4, beta_1=0.5)`.
            discriminator_optimizer: likewise; another instance than the generator's.
            loss: name or `keras_gan.losses.AdversarialLoss`. Default "non_saturating".
            regularizers: names or `keras_gan.regularizers.Regularizer`s of the discriminator.
            discriminator_steps: updates of the discriminator in a step, each with `batch_size`
                real samples of its own. Default 1.
            generator_steps: updates of the generator after those. Default 1.
            accumulation_steps: micro-batches that the batch of an update is split into to save
                memory; their gradients are averaged. Statistics of a batch (BatchNorm,
                the means of `RelativisticAverage`, `DRAGAN`'s deviation) are then those of a
                micro-batch. Default 1.
            metrics: quality metrics: names such as "frechet_distance", "fid" and "kid" (the
                Frechet and the kernel distance under these names, with their default features),
                or `keras.metrics.Metric`s with `update_state(real, fake)`. No two may differ in
                their names alone. They are evaluated on validation data with the averaged
                generator.
            steps_per_execution: steps in one compiled call; "auto" chooses in `fit`: many for
                small networks, 1 under a strategy.
            jit_compile: as in Keras; "auto" is off on CPUs.
            run_eagerly: as in Keras.

        Raises:
            ValueError: for anything that could not train.
            TypeError: for an argument that there is not.
        """
        compile_arguments.refuse(unknown, self.compile)
        # All arguments are checked before any attribute is set, so a failed `compile` changes
        # nothing.
        if steps_per_execution != "auto":
            steps_per_execution = _checks.positive_int(steps_per_execution, "steps_per_execution")
        jit_compile = _checks.one_of(jit_compile, "jit_compile", (True, False, "auto"))
        run_eagerly = _checks.boolean(run_eagerly, "run_eagerly")
        given = {"generator": generator_optimizer, "discriminator": discriminator_optimizer}
        networks = {player: getattr(self, player) for player in given}
        players = [
            (compile_arguments.optimizer(given[player], player, network), network)
            for player, network in networks.items()
        ]
        trained = self._trained_in_file or compile_arguments.trained(self)
        compile_arguments.check_optimizers(players, trained)
        loss = losses.get(loss)
        regularizers = compile_arguments.regularizer_list(regularizers)
        discriminator_steps = _checks.positive_int(discriminator_steps, "discriminator_steps")
        generator_steps = _checks.positive_int(generator_steps, "generator_steps")
        accumulation_steps = _checks.positive_int(accumulation_steps, "accumulation_steps")
        metrics = compile_arguments.metric_list(metrics, self.sample_shape)
        compile_arguments.check_strategy(
            self.distribute_strategy,
            players,
            [*regularizers, *metrics],
            steps_per_execution=steps_per_execution,
            jit_compile=jit_compile,
        )

        super().compile(
            optimizer=None,
            jit_compile=jit_compile,
            run_eagerly=run_eagerly,
            steps_per_execution=1 if steps_per_execution == "auto" else steps_per_execution,
        )
        for optimizer, network in players:
            # An optimizer that is not built when a file is loaded would lose its state.
            if not optimizer.built:
                optimizer.build(network.trainable_variables)
            follow(optimizer, self._state.images_seen)
        (self.generator_optimizer, _), (self.discriminator_optimizer, _) = players
        self.optimizer = OptimizerGroup([optimizer for optimizer, _ in players])
        self._trained = trained
        self._has_loaded = False
        self.adversarial_loss = loss
        self.regularizers = regularizers
        self.discriminator_steps = discriminator_steps
        self.generator_steps = generator_steps
        self.accumulation_steps = accumulation_steps
        self.quality_metrics = metrics
        rates = [optimizer.learning_rate for optimizer, _ in players]
        self._first_rates = [float(tf.convert_to_tensor(rate)) for rate in rates]
        self._compile_arguments = {
            "steps_per_execution": steps_per_execution,
            "jit_compile": jit_compile,
            "run_eagerly": run_eagerly,
        }
        self._penalties = [r for r in regularizers if r.penalizes]
        self._penalty_names = compile_arguments.log_names(self._penalties)
        compile_arguments.warn_of_batch_norm(self)
        self._make_trackers(self._penalty_names)
        self._train_functions = {}
        self._phase = "both"

    # === Phases ===

    @property
    def phase(self):
        """Which networks are trained: "both", "discriminator" or "generator"."""
        return self._phase

    def set_phase(self, phase):
        """Train both networks from the next step on, or only one of them.

        `fit` starts in the current phase and restores it at the end, even if callbacks change it.
        `compile` sets it to "both". The loss of the network that is not trained is still evaluated,
        so the keys of the logs do not change. Each phase has its own compiled training function.

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
        """Whether a player (`DISCRIMINATOR` or `GENERATOR`) trains in this phase."""
        return self._phase in ("both", PLAYERS[player])

    @property
    def _generator_updates(self):
        # An idle generator is evaluated once.
        return self.generator_steps if self.trains(GENERATOR) else 1
