"""The model: two networks that train against each other under `fit`."""

import keras

from keras_gan import _checks, priors, schedules
from keras_gan.backend import copies, inspection, packing
from keras_gan.engine.named_network import NamedNetwork
from keras_gan.feeding import fit_data
from keras_gan.feeding.sample_spec import SampleSpec, to_float, unpack
from keras_gan.feeding.values import reach
from keras_gan.model import pairs
from keras_gan.model.adversarial_model import AdversarialModel
from keras_gan.model.configs import check_complete, deserialized
from keras_gan.model.critic import Critic
from keras_gan.model.exported_gan import ExportedGAN
from keras_gan.model.generation import Generation
from keras_gan.model.watched_gan import WatchedGAN
from keras_gan.storage import loadable


@keras.saving.register_keras_serializable("keras_gan")
class GAN(Generation, AdversarialModel):
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
        keras.Model.__init__(self, name=name)
        num_classes = _checks.positive_int(num_classes, "num_classes", optional=True)
        pack = packing.checked(pack, num_classes)
        self.latent_dim, self.sample_shape, conditional = pairs.check_pair(
            generator, discriminator, pack
        )
        pairs.check_apart(generator, discriminator, "the discriminator")
        _checks.check(
            conditional == (num_classes is not None),
            "`num_classes` must be given exactly if both networks take labels.",
            num_classes=num_classes,
            networks_take_labels=conditional,
        )
        if num_classes is not None:
            pairs.check_classes(num_classes, generator, discriminator)
        self.discriminator = discriminator
        self.num_classes = num_classes
        self.class_names = class_names
        self.pack = pack
        names = ("latents", "labels")[: 1 + conditional]
        known = {"latents": prior}
        if conditional:  # in the data while it trains, drawn by `generate`
            known["labels"] = priors.Categorical(num_classes)
        inputs = zip(names, inspection.inputs_of(generator), strict=True)
        output = keras.tree.flatten(inspection.output_structure(generator))[0]
        self._play(
            generator,
            NamedNetwork(generator, inputs, {"generated": output}),
            [
                Critic(
                    discriminator,
                    real="samples",
                    fake="generated",
                    condition=names[1:],
                    pack=pack,
                    name="discriminator",
                )
            ],
            priors=known,
            values=(),
            ema_halflife_images=ema_halflife_images,
            seed=seed,
        )
        self.prior = self.priors["latents"]
        self.spec = SampleSpec(self.sample_shape, num_classes, reach(generator))
        self.is_image = self.spec.is_image

    # === Data ===

    is_fed_entries = False

    def _training_data(self, x, y, **options):
        return fit_data.training_feed(x, y, spec=self.spec, **options)

    def _evaluation_data(self, x, y, **options):
        return fit_data.evaluation_feed(x, y, spec=self.spec, **options)

    def _checked_batch(self, x, y):
        return fit_data.checked_batch(x, y, self.spec)

    def watched_pairs(self, watch=None):
        _checks.check(
            watch is None or list(watch) == [("samples", "generated")],
            "A GAN has one pair to watch, ('samples', 'generated').",
            cure="Leave it out.",
            watch=watch,
        )
        return [WatchedGAN(self)]

    def _tensors_of(self, data):
        samples, labels = unpack(data)
        tensors = {"samples": to_float(samples)}
        return tensors if labels is None else {**tensors, "labels": labels}

    def _shape_of(self, name):
        return self.sample_shape

    def _exported(self, outputs):
        _checks.check(
            outputs in (None, "generated"),
            "A GAN has one output, 'generated'.",
            outputs=outputs,
        )
        return ExportedGAN(self)

    # === Configs ===

    def _parts_described(self, of_network, of_prior, of_part):
        return {
            "generator": of_network(self.generator),
            "discriminator": of_network(self.discriminator),
            "prior": of_prior(self.prior),
            "num_classes": self.num_classes,
            **({} if self.pack == 1 else {"pack": self.pack}),
        }

    def get_config(self):
        return {
            **{
                name: loadable.serialized(getattr(self, name), name)
                for name in ("generator", "discriminator", "prior")
            },
            "num_classes": self.num_classes,
            "class_names": self.class_names and list(self.class_names),
            "pack": self.pack,
            "ema_halflife_images": schedules.config(self.ema_halflife_images),
            "seed": self.seed,
            "name": self.name,
        }

    def _config_of_twin(self):
        networks = {"generator": self.generator, "discriminator": self.discriminator}
        copied = {name: copies.copy(n, n.name, local=True) for name, n in networks.items()}
        return {**self.get_config(), **copied, "prior": self.prior}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        check_complete(config, _CONFIG)
        for key in ("generator", "discriminator", "prior"):
            config[key] = deserialized(config[key], key, custom_objects)
        return cls(**config)


_CONFIG = (
    "generator",
    "discriminator",
    "prior",
    "num_classes",
    "pack",
    "ema_halflife_images",
    "seed",
)
