"""A game cannot start if the discriminator cannot even tell data from noise.

Discriminators from a mere plane to 64 hidden units. Each first trains alone against an untrained
generator, whose samples are noise, as symmetric about 0 as the data are; its accuracy on held-out
data says whether it can tell. Then both play.
"""

import warnings

import keras
import numpy as np
from keras import layers

import common
import keras_gan

STD = 0.15
HIDDEN = [0, 2, 8, 64]
# Epochs, epochs, steps in each. Alone makes 384 updates: before 300 of them there is no warning.
ALONE, TOGETHER, STEPS = 6, 16, 64


def measure(seed):
    accuracy, left, warned = zip(*(play(seed, hidden) for hidden in HIDDEN), strict=True)
    return {"accuracy": accuracy, "left": left, "warned": warned}


def play(seed, hidden):
    """Accuracy against noise, the share of the first distance that is left, any warning."""
    keras.utils.set_random_seed(seed)  # all begin with the same generator
    generator = keras.Sequential(
        [keras.Input((8,)), *[layers.Dense(64, "tanh") for _ in range(2)], layers.Dense(2)]
    )
    units = [layers.Dense(hidden), layers.LeakyReLU(0.2)] if hidden else []
    discriminator = keras.Sequential([keras.Input((2,)), *units, layers.Dense(1)])
    gan = keras_gan.GAN(generator, discriminator, seed=seed)
    gan.compile(
        generator_optimizer=keras.optimizers.Adam(1e-3, beta_1=0.5),
        discriminator_optimizer=keras.optimizers.Adam(1e-2, beta_1=0.5),
    )
    data = keras_gan.data.ring(50_000, std=STD, seed=seed)
    held_out = keras_gan.data.ring(2_500, std=STD, seed=seed + 1)
    first = common.distance(gan, held_out)
    turns = keras_gan.callbacks.AlternatingPeriods(discriminator_epochs=ALONE)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        gan.fit(data, epochs=ALONE, steps_per_epoch=STEPS, callbacks=[turns], verbose=0)
    warned = any("cannot start" in str(warning.message) for warning in caught)
    accuracy = gan.evaluate(held_out, batch_size=2_500, return_dict=True, verbose=0)["d_accuracy"]
    gan.fit(data, epochs=TOGETHER, steps_per_epoch=STEPS, verbose=0)
    return accuracy, common.distance(gan, held_out) / first, warned


def conclude(runs):
    def of(key, i, form):
        return common.spread([run[key][i] for run in runs], form)

    said = [
        f"{hidden} hidden units tell {of('accuracy', i, '.2f')} and leave {of('left', i, '.2f')}"
        for i, hidden in enumerate(HIDDEN)
    ]
    tells = common.trend_test([run["accuracy"] for run in runs])
    gains = common.trend_test([run["left"][::-1] for run in runs])
    warned = [sum(run["warned"][i] for run in runs) for i in range(len(HIDDEN))]
    return (
        "Share of data and noise that the discriminator tells, and share of the first distance "
        f"that training then leaves: {'; '.join(said)}. More units tell more (p = {tells:.2g}) and "
        f"leave less (p = {gains:.2g}; Page's exact test, one-sided). Runs of {len(runs)} that "
        f"were warned of: {', '.join(map(str, warned))}."
    )


def draw(runs, figure):
    axes = figure.subplots()
    for i, hidden in enumerate(HIDDEN):
        points = np.array([(run["accuracy"][i], run["left"][i]) for run in runs])
        axes.plot(*points.T, "o", alpha=0.7, label=f"{hidden} hidden units")
    axes.axvline(0.5, color="black", linestyle=":", linewidth=1)
    axes.set(xlabel="accuracy of the discriminator against noise, held-out data")
    axes.set(ylabel="distance after training / before", ylim=(0.0, None))
    axes.legend()


if __name__ == "__main__":
    common.lesson(__file__, __doc__, measure, conclude, draw)

# sphinx_gallery_thumbnail_path = "images/lessons/unstartable.png"
