"""A perfect generator leaves the discriminator at 50 %, however long that trains.

The mixture is known, so a perfect generator can be set by hand. A discriminator first learns to
tell data from the samples of an untrained generator. Then it trains on: against the perfect one;
against one with a flaw, that puts the samples of one mode of the eight into its neighbour; and
against the untrained one, which now trains too.
"""

import keras
import numpy as np
from keras import ops

import common
import keras_gan

STD = 0.15
EPOCHS = 20
STEPS = {"perfect": 64, "flawed": 64, "trained": 240}  # an epoch


def by_hand(centres):
    """A network from three normals to the mixture: one chooses the mode, two the place in it."""
    normals = keras.Input((3,))
    uniform = (1.0 + ops.erf(normals[:, 0] / np.sqrt(2.0))) / 2.0
    mode = ops.one_hot(ops.cast(ops.minimum(8.0 * uniform, 7.0), "int32"), 8)
    centre = keras.layers.Dense(2, use_bias=False, name="centres")(mode)
    generator = keras.Model(normals, centre + STD * normals[:, 1:])
    generator.get_layer("centres").set_weights([centres])
    return generator


def measure(seed):
    modes = keras_gan.data.ring_modes()
    opponents = {"perfect": by_hand(modes), "flawed": by_hand(modes[[1, 1, *range(2, 8)]])}
    accuracies = {}
    for name, steps in STEPS.items():
        keras.utils.set_random_seed(seed)  # all three begin with the same networks
        untrained, discriminator = keras_gan.networks.mlp((2,), latent_dim=8, width=64, depth=2)
        first = play(untrained, discriminator, seed, steps=64, epochs=5, alone=True)
        generator = opponents.get(name, untrained)
        then = play(generator, discriminator, seed, steps, alone=name in opponents)
        accuracies[name] = first + then
    return accuracies


def play(generator, discriminator, seed, steps, *, epochs=EPOCHS, alone):
    """The discriminator's accuracy on held-out data and fresh samples, after each epoch."""
    gan = keras_gan.GAN(generator, discriminator, ema_halflife_images=None, seed=seed)
    decay = keras.optimizers.schedules.CosineDecay(3e-3, steps * epochs)
    gan.compile(
        generator_optimizer=keras.optimizers.Adam(decay, beta_1=0.0, beta_2=0.99),
        discriminator_optimizer=keras.optimizers.Adam(decay, beta_1=0.0, beta_2=0.99),
        regularizers=[keras_gan.regularizers.R1(weight=0.1)],
    )
    turns = keras_gan.callbacks.AlternatingPeriods(discriminator_epochs=epochs)
    history = gan.fit(
        keras_gan.data.ring(50_000, std=STD, seed=seed),
        epochs=epochs,
        steps_per_epoch=steps,
        validation_data=keras_gan.data.ring(10_000, std=STD, seed=seed + 1),
        validation_batch_size=5_000,
        callbacks=[turns] if alone else [],
        verbose=0,
    )
    return history.history["val_d_accuracy"]


def conclude(runs):
    ends = {name: [float(np.mean(run[name][-5:])) for run in runs] for name in STEPS}
    known = [run["trained"][4] for run in runs]
    away = {name: [abs(end - 0.5) for end in ends[name]] for name in STEPS}
    bound = 0.01
    coin = common.trend_test([[x, bound] for x in away["perfect"]])
    flaw = common.trend_test(zip(ends["perfect"], ends["flawed"], strict=True))
    falls = common.trend_test(zip(ends["trained"], known, strict=True))
    return (
        f"Accuracy at the end: {common.spread(ends['perfect'], '.3f')} against the perfect "
        f"generator, within {bound:.2f} of 1/2 in every run (p = {coin:.2g}); "
        f"{common.spread(ends['flawed'], '.3f')} against the flawed one, which is more "
        f"(p = {flaw:.2g}); {common.spread(ends['trained'], '.3f')} against the trained one, after "
        f"{common.spread(known, '.3f')} before that trained (p = {falls:.2g}; sign tests, "
        "one-sided)."
    )


def draw(runs, figure):
    axes = figure.subplots()
    names = {
        "perfect": "set by hand, perfect",
        "flawed": "set by hand, one mode moved",
        "trained": "trained from here on",
    }
    for number, (name, label) in enumerate(names.items()):
        for run in runs:
            epochs = np.arange(1, len(run[name]) + 1)
            axes.plot(epochs, run[name], f"C{number}", alpha=0.6, label=label)
            label = None
    axes.axhline(0.5, color="black", linestyle=":", linewidth=1)
    axes.axvline(5.5, color="black", linestyle=":", linewidth=1)
    axes.set(xlabel="epoch", ylabel="discriminator's accuracy on held-out data")
    axes.set(title="untrained generator until epoch 5, then:", ylim=(0.4, 1.0))
    axes.legend()


if __name__ == "__main__":
    common.lesson(__file__, __doc__, measure, conclude, draw)

# sphinx_gallery_thumbnail_path = "images/lessons/perfect.png"
