"""What a report shows of samples: points, the way between two latents, nearest training samples."""

import numpy as np

from keras_gan import images
from keras_gan.backend import inspection
from keras_gan.metrics import features
from keras_gan.model import watched_gan

# Points of either kind, and the part of the reals' range that is added to its sides.
_POINTS, _MARGIN = 500, 0.3
# Samples that are compared with the training data, and how many of these are floats at a time.
NEAREST, _PART = 8, 100


class PointPictures:
    """Reals and samples as points, where samples are no images.

    Vectors of more than two numbers are projected on the first two principal components of reals.

    Args:
        pair: the `WatchedPair` whose samples are compared.
        seed: integer seed of the samples.
    """

    def __init__(self, pair, seed):
        self._pair, self._seed, self._rows = pair, seed, None

    def picture(self):
        """Samples of the averaged generator over reals; `None` while there are no rows."""
        if self._rows is None:
            self._rows = self._pair.rows(True, _POINTS)
            if self._rows is None:
                self._rows = self._pair.rows(False, _POINTS)
            if self._rows is None:
                return None
            self._reals, self._axes = _projected(self._pair.compared(self._rows, 0, "real"))
        samples = _flat(self._pair.compared(self._rows, self._seed, "fake"))
        mean, axes = self._axes
        return _drawn(self._reals, (samples - mean) @ axes)

    def real(self):
        """Nothing: reals are in each picture."""
        return None


def _flat(samples):
    samples = np.asarray(samples, "float64")
    return np.nan_to_num(samples.reshape(len(samples), -1))


def _projected(reals):
    reals = _flat(reals)
    count = reals.shape[1]
    if count <= 2:
        mean, axes = np.zeros(count), np.eye(count, 2)
    else:
        mean = reals.mean(axis=0)
        axes = np.linalg.svd(reals - mean, full_matrices=False)[2][:2].T
    return (reals - mean) @ axes, (mean, axes)


def _drawn(reals, samples):
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.12, 5.12), dpi=100, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axis = figure.subplots()
    axis.scatter(*reals.T, s=14, c="#999999", marker="o", label="reals", linewidths=0)
    axis.scatter(*samples.T, s=14, c="#D55E00", marker="x", label="samples", linewidths=1)
    low, high = reals.min(axis=0), reals.max(axis=0)
    room = _MARGIN * (high - low) + 1e-6
    axis.set_xlim(low[0] - room[0], high[0] + room[0])
    axis.set_ylim(low[1] - room[1], high[1] + room[1])
    axis.legend(loc="upper right", fontsize=9)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def interpolation(gan, rows, columns, seed):
    """A grid whose rows lead from one latent to another, a class a row."""
    ends = gan.sample_latents(2 * rows, seed)
    parts = []
    for row in range(rows):
        labels = None if gan.num_classes is None else row % gan.num_classes
        parts.append(gan.interpolate(ends[2 * row], ends[2 * row + 1], columns, labels=labels))
    return images.grid(np.clip(np.concatenate(parts), -1.0, 1.0), rows, columns)


class Nearest:
    """The training samples that are nearest to generated ones.

    They are compared by `metrics.features.extractor(None, ...)`: pixel by pixel up to 1,024 values,
    by gradient histograms above. `reference_samples` are searched, up to 2,000.

    Args:
        gan: a `GAN` of images whose training samples are known.
    """

    def __init__(self, gan):
        self._gan, self._reals = gan, gan.reference_samples
        self._extract = features.extractor(None, gan.sample_shape)
        # Part by part: as floats, 2,000 images of 256x256 would take 1.5 GB.
        parts = np.array_split(self._reals, -(-len(self._reals) // _PART))
        parts = [features.in_batches(self._extract, watched_gan.in_model_range(p)) for p in parts]
        self._known = np.concatenate(parts)

    @property
    def count(self):
        """The number of training samples that are searched."""
        return len(self._reals)

    def picture(self, seed):
        """Samples, and the nearest training sample below each."""
        gan = self._gan
        labels = None if gan.num_classes is None else np.arange(NEAREST) % gan.num_classes
        latents = gan.sample_latents(NEAREST, seed)
        samples = np.clip(gan.generate(latents=latents, labels=labels, seed=seed), -1.0, 1.0)
        asked = features.in_batches(self._extract, samples)
        distances = (self._known**2).sum(1) - 2.0 * asked @ self._known.T  # up to a constant
        found = watched_gan.in_model_range(self._reals[np.argmin(distances, axis=1)])
        return images.grid(np.concatenate([samples, found]), 2, NEAREST)


def makes_images(gan):
    """Whether this is a `GAN` of images, by its public attributes."""
    shape = getattr(gan, "sample_shape", None)
    return hasattr(gan, "interpolate") and shape is not None and inspection.is_image(shape)
