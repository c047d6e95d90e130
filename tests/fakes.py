"""A model that plays a written part, with what callbacks may use of a GAN and nothing else."""

import types

import keras
import numpy as np
import tensorflow as tf

from keras_gan.model.watched_gan import WatchedGAN


class FakeGAN:
    """Its samples are `shift[epoch]` away from the data; it fails when told to.

    `script` holds for each epoch a dict of `shift` (samples are data plus that), `separation`
    (how far reals score above fakes), `logs`, `fails` (a `first_failure`), `breaks` (a weight).
    """

    distribute_strategy = tf.distribute.get_strategy()

    def __init__(self, script, *, sample_shape=(2,), held_out=True, num_classes=None, image=False):
        self.script = script
        self.sample_shape, self.num_classes, self.is_image = sample_shape, num_classes, image
        self.latent_dim, self.seed, self.phase, self.pack = 3, 0, "both", 1
        self.steps_seen = 0
        self.first_failure = None
        self.verdict = "old"
        self.stop_training = False
        self.metric_directions = {}
        self.quality_metrics = []
        self.used_seeds = []
        random = np.random.default_rng(0)
        self.data = random.normal(0, 0.3, (400, *sample_shape)).clip(-1, 1).astype("float32")
        labels = None if num_classes is None else np.arange(400) % num_classes
        self.reference_samples, self.reference_labels = self.data, labels
        self.held_out_samples = self.data[:300] if held_out else None
        self.held_out_labels = labels[:300] if held_out and labels is not None else None
        self.networks = {
            name: types.SimpleNamespace(weights=[keras.Variable([0.0], name=f"{name}_kernel")])
            for name in ("generator", "averaged_generator")
        }
        self.networks["discriminator"] = keras.Sequential(
            [
                keras.Input(sample_shape),
                keras.layers.Flatten(),
                keras.layers.Dense(64, activation="relu"),
                keras.layers.Dense(1),
            ]
        )
        self.epoch = -1

    def __getattr__(self, name):
        if name in ("generator", "discriminator", "averaged_generator"):
            return self.__dict__["networks"][name]
        raise AttributeError(name)

    # === What callbacks use ===

    def watched_pairs(self, watch=None):
        return [WatchedGAN(self)]

    @property
    def networks_by_player(self):
        names = ("generator", "discriminator", "averaged_generator")
        return {name: (self.networks[name],) for name in names}

    def get_weights(self):
        return [np.array([self.weight], "float32")]

    def set_weights(self, weights):
        self.weight = float(weights[0][0])

    def sample_latents(self, num_samples, seed):
        return np.random.default_rng(seed).normal(size=(num_samples, 3)).astype("float32")

    def generate(self, num_samples=None, *, latents=None, labels=None, seed=None, averaged=True):
        assert (latents is None) != (seed is None), "noise must come from an explicit seed"
        assert (labels is None) == (self.num_classes is None)
        self.used_seeds.append((seed, averaged))
        count = len(latents) if latents is not None else num_samples
        rows = np.random.default_rng(5 if seed is None else seed).normal(
            0, 0.3, (count, *self.sample_shape)
        )
        return (rows + self.act.get("shift", 0.0)).astype("float32")

    def score(self, samples, labels=None):
        assert (labels is None) == (self.num_classes is None)
        # Reals are known by identity of their values: the fake is an oracle with noise.
        real = self.data if samples.dtype != np.uint8 else self.held_out_samples
        first = np.ravel(real.reshape(len(real), -1)[:, 0])
        is_real = np.isin(samples.reshape(len(samples), -1)[:, 0], first)
        noise = np.random.default_rng(len(samples) + self.epoch).normal(size=len(samples))
        return (noise + is_real * self.act.get("separation", 2.0)).astype("float32")

    # === Playing ===

    @property
    def act(self):
        return self.script[min(max(self.epoch, 0), len(self.script) - 1)]

    def fit(self, *callbacks, initial_epoch=0, verbose=0, batches=2):
        """Go through the script as `fit` would; returns the number of epochs played."""
        self.stop_training = False
        for callback in callbacks:
            callback.set_params({"verbose": verbose})
            callback.set_model(self)
            callback.on_train_begin()
        for epoch in range(initial_epoch, len(self.script)):
            self.epoch, self.weight = epoch, float(epoch + 1)
            for callback in callbacks:
                callback.on_epoch_begin(self.epoch)
            for batch in range(batches):
                self.first_failure = self.first_failure or self.act.get("fails")
                for callback in callbacks:
                    callback.on_train_batch_end(batch)
                if self.stop_training:
                    break
            if "breaks" in self.act:
                weight = self.networks[self.act["breaks"]].weights[0]
                weight.assign(np.full(weight.shape, np.nan))
            for callback in callbacks:
                callback.on_epoch_end(self.epoch, dict(self.act.get("logs", {"d_loss": 1.0})))
            if self.stop_training:
                break
        for callback in callbacks:
            callback.on_train_end()
        return self.epoch + 1 - initial_epoch


# === What is written of epochs ===

IMPROVING = [{"shift": 3.0 - 0.1 * i} for i in range(30)]
FLAT = [{"shift": 1.0 - 0.2 * min(i, 3)} for i in range(30)]
WORSE = [{"shift": shift} for shift in (0.8, 0.6, 0.4, 0.2, *[0.25] * 26)]
FAILURE = {"step": 17, "player": "discriminator", "variable": "d_dense/kernel"}


def logged(values, key="val_score"):
    return [{"logs": {"d_loss": 1.0, key: float(value)}} for value in values]
