"""Ring: eight Gaussians on a circle; a plot of samples and of the discriminator's landscape."""

import numpy as np

import common
import keras_gan


def main():
    given = common.arguments(__doc__, epochs=40, batch_size=256)
    points = keras_gan.data.ring(102_400, seed=given.seed)
    held_out = keras_gan.data.ring(2_560, seed=given.seed + 1)
    coverage = keras_gan.metrics.ModeCoverage(keras_gan.data.ring_modes(), std=0.01)
    gan = keras_gan.recipes.mlp((2,), seed=given.seed, metrics=[coverage])
    gan.fit(
        points,
        batch_size=given.batch_size,
        epochs=given.epochs,
        validation_data=held_out,
        callbacks=[
            common.decay(given.epochs),
            *common.watch(
                given.out,
                grid=False,
                patience=given.epochs,
                monitor="val_mode_coverage_high_quality",
                mode="max",
            ),
        ],
    )
    plot(gan, held_out, given.out / "ring.png")
    result = gan.evaluate(held_out, return_dict=True, verbose=0)
    print(
        f"Modes:     {result['mode_coverage_modes']:.0f} of 8, "
        f"{result['mode_coverage_high_quality']:.1%} of samples within 3 standard deviations"
    )
    common.finish(gan, given.out)


def plot(gan, real, path):
    """Samples over data, and the discriminator's logit everywhere."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    axis = np.linspace(-1.5, 1.5, 200, dtype="float32")
    everywhere = np.stack(np.meshgrid(axis, axis), axis=-1)
    logits = gan.score(everywhere.reshape(-1, 2)).reshape(200, 200)
    fake = gan.generate(2_000, seed=0)
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 5), layout="constrained")
    left.plot(*real[:2_000].T, ".", markersize=3, label="data")
    left.plot(*fake.T, ".", markersize=3, label="samples")
    left.set(title="samples", aspect="equal", xlim=(-1.5, 1.5), ylim=(-1.5, 1.5))
    left.legend(loc="upper right")
    landscape = right.contourf(axis, axis, logits, levels=30)
    right.plot(*fake.T, "w.", markersize=1)
    right.set(title="discriminator's logit", aspect="equal")
    figure.colorbar(landscape, ax=right)
    figure.savefig(path, dpi=100)


if __name__ == "__main__":
    main()

# sphinx_gallery_thumbnail_path = "images/ring.png"
