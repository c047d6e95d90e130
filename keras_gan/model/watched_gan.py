"""What is watched of a `GAN`, by its public methods alone."""

import numpy as np

from keras_gan.feeding.sample_spec import as_floats, unchecked
from keras_gan.model import watched


class WatchedGAN(watched.WatchedPair):
    """What is watched of a `GAN`: samples and labels, by its public methods alone."""

    def __init__(self, gan):
        self.model = gan

    name = key = "discriminator"
    names, several = ("samples", "generated"), False
    has_started = True
    reals_change = False
    log_keys = dict(zip(watched.LOGGED, watched.LOGGED, strict=True))

    @property
    def network(self):
        return self.model.discriminator

    @property
    def pack(self):
        return self.model.pack

    @property
    def loss(self):
        return getattr(self.model, "adversarial_loss", None)

    @property
    def regularizers(self):
        return self.model.regularizers

    @property
    def optimizer(self):
        return getattr(self.model, "discriminator_optimizer", None)

    def _arrays(self, held_out):
        gan = self.model
        if held_out:
            return _labelled(gan.held_out_samples, gan.held_out_labels)
        return _labelled(gan.reference_samples, gan.reference_labels)

    def _as_networks_take(self, rows):
        return rows

    def joined(self, parts):
        samples = np.concatenate([in_model_range(part["samples"]) for part in parts])
        labels = [part["labels"] for part in parts if "labels" in part]
        return _labelled(samples, np.concatenate(labels) if labels else None)

    def tensors(self, rows, seed, *, averaged=True, kinds=("real", "fake"), count=None):
        if "fake" not in kinds:
            return rows
        made = self.model.generate(
            watched.length(rows), labels=rows.get("labels"), seed=seed, averaged=averaged
        )
        return {**rows, "generated": made}

    def score(self, kind, tensors):
        samples = tensors["samples" if kind == "real" else "generated"]
        with unchecked():
            return self.model.score(samples, tensors.get("labels"))

    def compared(self, rows, seed, kind):
        if kind == "real":
            return in_model_range(rows["samples"])
        latents = self.model.sample_latents(watched.length(rows), seed)
        return self.model.generate(latents=latents, labels=rows.get("labels"))

    def sides(self, rows, seed):
        tensors = self.tensors(rows, seed)
        return in_model_range(rows["samples"]), tensors["generated"], rows.get("labels")

    def first_samples(self, count):
        return self.model.generate(count, labels=self._classes(count), seed=0, averaged=False)

    def score_first(self, samples):
        with unchecked():
            return self.model.score(samples, self._classes(len(samples)))

    def _classes(self, count):
        gan = self.model
        return None if gan.num_classes is None else np.arange(count) % gan.num_classes


def in_model_range(samples):
    """Samples as float32 in the generator's range."""
    return as_floats(samples).numpy()


def _labelled(samples, labels):
    if samples is None:
        return None
    return {"samples": samples} if labels is None else {"samples": samples, "labels": labels}
