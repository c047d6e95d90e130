"""A generator that trains too much against too little of a discriminator drops modes.

The Helvetica scenario: each update of the generator moves all samples to where the present
discriminator scores them highest. While the discriminator does not learn, they all go to one place.
Eight Gaussians on a ring, the same number of generator updates for every schedule.
"""

import keras
import numpy as np

import common
import keras_gan

SCHEDULES = [(1, 8), (1, 4), (1, 1), (4, 1)]  # discriminator's updates : generator's
GENERATOR_UPDATES, EPOCHS = 1_600, 20
STD = 0.05


def measure(seed):
    modes, samples = zip(*(play(seed, *schedule) for schedule in SCHEDULES), strict=True)
    return {"modes": modes, "samples": samples}


def play(seed, discriminator_steps, generator_steps):
    """Modes kept in the second half of the training, and some of the last samples."""
    networks = keras_gan.networks.mlp((2,), latent_dim=8, width=64, depth=2)
    gan = keras_gan.GAN(*networks, ema_halflife_images=None, seed=seed)
    gan.compile(
        generator_optimizer=keras.optimizers.Adam(1e-3, beta_1=0.5),
        discriminator_optimizer=keras.optimizers.Adam(1e-3, beta_1=0.5),
        regularizers=[keras_gan.regularizers.R1(weight=0.1)],
        discriminator_steps=discriminator_steps,
        generator_steps=generator_steps,
        metrics=[keras_gan.metrics.ModeCoverage(keras_gan.data.ring_modes(), std=STD)],
    )
    history = gan.fit(
        keras_gan.data.ring(50_000, std=STD, seed=seed),
        epochs=EPOCHS,
        steps_per_epoch=GENERATOR_UPDATES // generator_steps // EPOCHS,
        validation_data=keras_gan.data.ring(2_000, std=STD, seed=seed + 1),
        validation_batch_size=2_000,
        verbose=0,
    ).history
    kept = history["val_mode_coverage_modes"][EPOCHS // 2 :]
    return float(np.mean(kept)), gan.generate(500, seed=seed)


def conclude(runs):
    said = [
        f"{n}:{m} {common.spread([run['modes'][i] for run in runs], '.1f')}"
        for i, (n, m) in enumerate(SCHEDULES)
    ]
    p = common.trend_test([run["modes"] for run in runs])
    return (
        f"Modes kept of 8, by updates of discriminator : generator: {', '.join(said)}. "
        f"They rise along this row: p = {p:.2g} (Page's exact test, one-sided)."
    )


def draw(runs, figure):
    figure.set_size_inches(8, 2.9)
    panels = figure.subplots(1, len(SCHEDULES), sharey=True)
    for i, ((n, m), axes) in enumerate(zip(SCHEDULES, panels, strict=True)):
        axes.plot(*keras_gan.data.ring_modes().T, "ko", markersize=14, fillstyle="none")
        axes.plot(*runs[0]["samples"][i].T, "C1.", markersize=2)
        kept = common.spread([run["modes"][i] for run in runs], ".1f")
        axes.set(title=f"{n} : {m}", xlabel=f"modes kept: {kept}", aspect="equal")
        axes.set(xlim=(-1.5, 1.5), ylim=(-1.5, 1.5), xticks=[], yticks=[])
    figure.suptitle("discriminator's updates : generator's")


if __name__ == "__main__":
    common.lesson(__file__, __doc__, measure, conclude, draw)

# sphinx_gallery_thumbnail_path = "images/lessons/schedules.png"
