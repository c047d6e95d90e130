"""The longer the turns that the players take, the worse the samples.

The classic description trains the discriminator for one or more epochs, then the generator, and so
on; most code alternates within every step. The same game and the same number of updates of each
player; only the length of a turn differs.
"""

import keras
import numpy as np

import common
import keras_gan

STD = 0.15
TURNS = [1, 20, 200]  # updates of one player before it is the other's turn; 1: within every step
UPDATES = 800  # of each player


def measure(seed):
    distance, samples = zip(*(play(seed, turn) for turn in TURNS), strict=True)
    return {"distance": distance, "samples": samples}


def play(seed, turn):
    """The distance to held-out data in the end, and some samples."""
    keras.utils.set_random_seed(seed)  # all begin with the same networks
    networks = keras_gan.networks.mlp((2,), latent_dim=8, width=64, depth=2)
    gan = keras_gan.GAN(*networks, seed=seed)
    decay = keras.optimizers.schedules.CosineDecay(3e-3, UPDATES)
    gan.compile(
        generator_optimizer=keras.optimizers.Adam(decay, beta_1=0.0, beta_2=0.99),
        discriminator_optimizer=keras.optimizers.Adam(decay, beta_1=0.0, beta_2=0.99),
        regularizers=[keras_gan.regularizers.R1(weight=0.1)],
    )
    data = keras_gan.data.ring(50_000, std=STD, seed=seed)
    if turn == 1:
        gan.fit(data, steps_per_epoch=UPDATES, verbose=0)
    else:
        turns = keras_gan.callbacks.AlternatingPeriods()
        epochs = 2 * UPDATES // turn
        gan.fit(data, epochs=epochs, steps_per_epoch=turn, callbacks=[turns], verbose=0)
    held_out = keras_gan.data.ring(2_500, std=STD, seed=seed + 1)
    return common.distance(gan, held_out), gan.generate(500, seed=seed)


def conclude(runs):
    said = [
        f"{common.spread([run['distance'][i] for run in runs], '.3f')} {name}"
        for i, name in enumerate(names())
    ]
    p = common.trend_test([run["distance"] for run in runs])
    return (
        f"Distance of samples to held-out data: {', '.join(said)}. It grows with the length of a "
        f"turn: p = {p:.2g} (Page's exact test, one-sided)."
    )


def names():
    return ["within every step", *[f"in epochs of {turn} steps" for turn in TURNS[1:]]]


def draw(runs, figure):
    figure.set_size_inches(8, 3.2)
    panels = figure.subplots(1, len(TURNS))
    for i, (axes, name) in enumerate(zip(panels, names(), strict=True)):
        axes.plot(*keras_gan.data.ring(500, std=STD).T, ".", color="0.8", markersize=3)
        axes.plot(*runs[0]["samples"][i].T, "C1.", markersize=2)
        left = common.spread([run["distance"][i] for run in runs], ".3f")
        axes.set(title=name, xlabel=f"distance {left}", aspect="equal")
        size = max(1.7, 1.1 * np.abs(runs[0]["samples"][i]).max())
        axes.set(xlim=(-size, size), ylim=(-size, size))


if __name__ == "__main__":
    common.lesson(__file__, __doc__, measure, conclude, draw)

# sphinx_gallery_thumbnail_path = "images/lessons/turns.png"
