"""Past the point where `ConvergenceStopping` stops, training has little left to give.

It stops a game without regularisation, which then goes on as if nothing had happened. Both the
averaged generator, which the callback watches and restores, and the one that trains are measured
on data of their own.
"""

import keras
import numpy as np

import common
import keras_gan

STD = 0.15
EPOCHS, EVERY = 96, 2  # measured every second epoch


def measure(seed):
    networks = keras_gan.networks.mlp((2,), latent_dim=8, width=64, depth=2)
    gan = keras_gan.GAN(*networks, ema_halflife_images=5_000, seed=seed)
    gan.compile(
        generator_optimizer=keras.optimizers.Adam(3e-3, beta_1=0.0, beta_2=0.99),
        discriminator_optimizer=keras.optimizers.Adam(3e-3, beta_1=0.0, beta_2=0.99),
    )
    distances = {"averaged": [], "raw": []}
    metric = keras_gan.metrics.SlicedWasserstein()
    judge = keras_gan.data.ring(2_500, std=STD, seed=seed + 2)

    def look(epoch, logs):
        if epoch % EVERY == 0:
            for key, past in distances.items():
                fake = gan.generate(len(judge), seed=0, averaged=key == "averaged")
                metric.reset_state()
                metric.update_state(judge, fake)
                past.append(float(metric.result()))

    watch = keras.callbacks.LambdaCallback(on_epoch_end=look)
    stopping = keras_gan.callbacks.ConvergenceStopping(restore_best_weights=False)
    game = {
        "x": keras_gan.data.ring(50_000, std=STD, seed=seed),
        "epochs": EPOCHS,
        "steps_per_epoch": 64,
        "validation_data": keras_gan.data.ring(2_000, std=STD, seed=seed + 1),
        "verbose": 0,
    }
    gan.fit(callbacks=[stopping, watch], **game)
    signals = stopping.history[-1]
    stopped, best = signals.epoch, stopping.best_epoch
    gan.fit(callbacks=[watch], initial_epoch=stopped, **game)
    return {
        "verdict": stopping.verdict.kind if stopping.verdict else "none",
        "stopped": stopped,
        "best": best,
        "chance": signals.discriminator_auc,
        **distances,
    }


def at(run, key, epoch):
    """The distance measured last when an epoch ended."""
    return run[key][(epoch - 1) // EVERY]


def conclude(runs):
    best = {key: [at(run, key, run["best"]) for run in runs] for key in ("averaged", "raw")}
    late = {key: [float(np.mean(run[key][-8:])) for run in runs] for key in ("averaged", "raw")}
    averaged = best["averaged"], late["averaged"]
    first = [run["averaged"][0] for run in runs]
    after = [100 * (b - c) / (a - c) for a, b, c in zip(first, *averaged, strict=True)]
    worse = common.trend_test(zip(*averaged, strict=True))
    rough = common.trend_test(zip(late["averaged"], late["raw"], strict=True))
    verdicts = [run["verdict"] for run in runs]
    kinds = ", ".join(f"{verdicts.count(kind)} {kind}" for kind in sorted(set(verdicts)))
    return (
        f"Stopped in epoch {common.spread([run['stopped'] for run in runs], '.0f')} ({kinds}), a "
        f"real scoring above a sample {common.spread([run['chance'] for run in runs])} of the "
        f"time. Distance of the averaged generator's samples: "
        f"{common.spread(first, '.3f')} at first, {common.spread(best['averaged'], '.3f')} at the "
        f"best epoch, {common.spread(late['averaged'], '.3f')} in the mean of the last "
        f"{8 * EVERY} of {EPOCHS} epochs: {common.spread(after, '.0f')} % of the gain came after "
        f"the best epoch. That it gets worse was not seen (p = {worse:.2g}). The "
        f"generator without averaging is at {common.spread(late['raw'], '.3f')} there, which is "
        f"worse (p = {rough:.2g}; sign tests, one-sided)."
    )


def draw(runs, figure):
    axes = figure.subplots()
    epochs = np.arange(len(runs[0]["raw"])) * EVERY + 1
    for key, colour, width in (("raw", "C1", 0.7), ("averaged", "C0", 1.5)):
        for run in runs:
            label = f"{key} generator" if run is runs[0] else None
            axes.semilogy(epochs, run[key], colour, alpha=0.6, linewidth=width, label=label)
    stops = [run["stopped"] for run in runs]
    heights = [at(run, "averaged", run["stopped"]) for run in runs]
    axes.plot(stops, heights, "kX", markersize=9, label="ConvergenceStopping")
    axes.set(xlabel="epoch", ylabel="distance of samples to held-out data")
    axes.legend()


if __name__ == "__main__":
    common.lesson(__file__, __doc__, measure, conclude, draw)

# sphinx_gallery_thumbnail_path = "images/lessons/overtrained.png"
