"""Where the noise comes from hardly matters, as long as there is enough of it.

The same game with eight latents from four distributions. And, to show that a difference would be
seen, with a single coin for all eight: two points of noise can become only two samples.
"""

import keras
import numpy as np
import tensorflow as tf

import common
import keras_gan

STD = 0.15
STEPS = 768


def exponential(shape, seed):
    """Skewed, and bounded on one side only; mean 0, deviation 1."""
    return -1.0 - tf.math.log(tf.random.stateless_uniform(shape, seed, 1e-7, 1.0))


def one_coin(shape, seed):
    """All latents of a sample are +1, or all are -1."""
    return tf.sign(tf.random.stateless_normal([shape[0], 1], seed)) * tf.ones(shape)


PRIORS = {
    "normal": "normal",
    "uniform": "uniform",
    "truncated normal": "truncated_normal",
    "exponential": exponential,
    "one coin": one_coin,
}
ENOUGH = list(PRIORS)[:-1]


def measure(seed):
    distances, samples = zip(*(play(seed, prior) for prior in PRIORS.values()), strict=True)
    return {
        "untrained": distances[0][0],
        "distance": {name: d[1] for name, d in zip(PRIORS, distances, strict=True)},
        "samples": samples,
    }


def play(seed, prior):
    """Distances to held-out data before and after training, and some samples."""
    keras.utils.set_random_seed(seed)  # all begin with the same networks
    networks = keras_gan.networks.mlp((2,), latent_dim=8, width=64, depth=2)
    gan = keras_gan.GAN(*networks, prior=prior, seed=seed)
    decay = keras.optimizers.schedules.CosineDecay(3e-3, STEPS)
    gan.compile(
        generator_optimizer=keras.optimizers.Adam(decay, beta_1=0.0, beta_2=0.99),
        discriminator_optimizer=keras.optimizers.Adam(decay, beta_1=0.0, beta_2=0.99),
        regularizers=[keras_gan.regularizers.R1(weight=0.1)],
    )
    held_out = keras_gan.data.ring(2_500, std=STD, seed=seed + 1)
    before = common.distance(gan, held_out)
    data = keras_gan.data.ring(50_000, std=STD, seed=seed)
    gan.fit(data, steps_per_epoch=STEPS, verbose=0)
    return (before, common.distance(gan, held_out)), gan.generate(500, seed=seed)


def conclude(runs):
    said = [
        f"{name} {common.spread([run['distance'][name] for run in runs], '.3f')}" for name in PRIORS
    ]
    gained = [run["untrained"] - run["distance"]["normal"] for run in runs]
    apart = [np.ptp([run["distance"][name] for name in ENOUGH]) for run in runs]
    little = common.trend_test([[a, 0.1 * g] for a, g in zip(apart, gained, strict=True)])
    worst = [max(run["distance"][name] for name in ENOUGH) for run in runs]
    coin = [run["distance"]["one coin"] for run in runs]
    control = common.trend_test(zip(worst, coin, strict=True))
    return (
        f"Distance of samples to held-out data: {', '.join(said)}; before training "
        f"{common.spread([run['untrained'] for run in runs], '.3f')}. The best and the worst of "
        f"the first four are {common.spread(apart, '.3f')} apart, less than a tenth of what "
        f"training gains (p = {little:.2g}); one coin is worse than all (p = {control:.2g}; sign "
        "tests, one-sided)."
    )


def draw(runs, figure):
    figure.set_size_inches(9, 2.6)
    panels = figure.subplots(1, len(PRIORS), sharey=True)
    for axes, name, samples in zip(panels, PRIORS, runs[0]["samples"], strict=True):
        axes.plot(*keras_gan.data.ring(500, std=STD).T, ".", color="0.8", markersize=3)
        axes.plot(*samples.T, "C1.", markersize=2)
        left = common.spread([run["distance"][name] for run in runs], ".3f")
        axes.set(title=name, xlabel=left, aspect="equal")
        axes.set(xlim=(-1.7, 1.7), ylim=(-1.7, 1.7), xticks=[], yticks=[])


if __name__ == "__main__":
    common.lesson(__file__, __doc__, measure, conclude, draw)

# sphinx_gallery_thumbnail_path = "images/lessons/noise.png"
