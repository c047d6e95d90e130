"""An overtrained discriminator starves a minimax generator, and no other.

The generator is a shift, set by hand: data and samples are two Gaussians further and further
apart. At each distance the discriminator alone is trained on, and the norm of the gradient that it
would give the generator is read from the logs.
"""

import keras
import numpy as np

import common
import keras_gan

DISTANCES = [1, 2, 4, 8, 16]  # in standard deviations of either Gaussian
GAMES = {
    "minimax": {},
    "non_saturating": {},
    "wasserstein": {"regularizers": [keras_gan.regularizers.GradientPenalty(weight=10.0)]},
}


def measure(seed):
    return {loss: gradient_norms(seed, loss, **settings) for loss, settings in GAMES.items()}


def gradient_norms(seed, loss, **settings):
    """The generator's gradient norm at each distance, once the discriminator has been trained."""
    shift = keras.layers.Dense(2, kernel_initializer="identity")
    generator = keras.Sequential([keras.Input((2,)), shift])
    _, discriminator = keras_gan.networks.mlp((2,), width=64, depth=2)
    gan = keras_gan.GAN(generator, discriminator, ema_halflife_images=None, seed=seed)
    gan.compile(discriminator_optimizer=keras.optimizers.Adam(1e-3), loss=loss, **settings)
    data = np.random.default_rng(seed).standard_normal((20_000, 2)).astype("float32")
    norms = []
    for distance in DISTANCES:
        shift.bias.assign([distance, 0.0])
        history = gan.fit(
            data,
            batch_size=256,
            epochs=3,
            steps_per_epoch=320,
            verbose=0,
            callbacks=[keras_gan.callbacks.AlternatingPeriods(discriminator_epochs=3)],
        )
        norms.append(history.history["g_gradient_norm"][-1])
    return norms


def conclude(runs):
    falls = common.trend_test([run["minimax"][:0:-1] for run in runs])
    least = common.trend_test([[run["minimax"][-1], run["non_saturating"][-1]] for run in runs])
    near, far = DISTANCES[1], DISTANCES[-1]
    said = [
        f"{loss.replace('_', '-')} {common.spread([run[loss][1] for run in runs], '.2g')} and "
        f"{common.spread([run[loss][-1] for run in runs], '.2g')}"
        for loss in GAMES
    ]
    return (
        f"Gradient norm of the generator at {near} and at {far} deviations: {'; '.join(said)}. "
        f"Minimax falls with the distance: p = {falls:.2g}; at {far} it is below non-saturating: "
        f"p = {least:.2g} (Page's exact test, one-sided)."
    )


def draw(runs, figure):
    axes = figure.subplots()
    for number, loss in enumerate(GAMES):
        for run in runs:
            label = loss.replace("_", "-") if run is runs[0] else None
            axes.loglog(DISTANCES, run[loss], f"C{number}.-", alpha=0.6, label=label)
    axes.set(
        xlabel="distance of samples from data, in standard deviations",
        ylabel="norm of the generator's gradient",
        ylim=(1e-8, None),
    )
    axes.set_xticks(DISTANCES, DISTANCES)
    axes.legend()


if __name__ == "__main__":
    common.lesson(__file__, __doc__, measure, conclude, draw)

# sphinx_gallery_thumbnail_path = "images/lessons/gradients.png"
