"""Weights & Biases: logs, pictures and the verdict of a GAN of the digits, offline.

`pip install 'keras-gan[wandb]'`. `--online` uploads the run while it trains. Afterwards
`wandb sync runs/weights_biases/wandb/offline-run-*` does.
"""

import keras
import wandb

import common
import keras_gan


class Tracking(keras.callbacks.Callback):
    """Logs each epoch, with the latest picture of `ImageGrid`.

    `wandb.integration.keras.WandbMetricsLogger` reads the learning rate of one optimizer, which a
    model with two players does not have.
    """

    def __init__(self, run, pictures):
        super().__init__()
        self.run, self.pictures = run, pictures

    def on_epoch_end(self, epoch, logs=None):
        values = {
            **(logs or {}),
            "learning_rate_generator": float(self.model.generator_optimizer.learning_rate),
            "learning_rate_discriminator": float(self.model.discriminator_optimizer.learning_rate),
        }
        picture = self.pictures / f"epoch_{epoch + 1:04d}.png"
        if picture.exists():
            values["samples"] = wandb.Image(str(picture))
        self.run.log(values, step=epoch + 1)


def main():
    given = common.arguments(
        __doc__.splitlines()[0], epochs=30, batch_size=64, online={"action": "store_true"}
    )
    images = common.digits(given.seed)
    given.out.mkdir(parents=True, exist_ok=True)
    gan = keras_gan.recipes.dcgan(images.shape[1:], latent_dim=16, seed=given.seed)
    with wandb.init(
        project="digits", dir=given.out, mode="online" if given.online else "offline"
    ) as run:
        gan.fit(
            images,
            batch_size=given.batch_size,
            epochs=given.epochs,
            validation_split=0.1,
            # After the pictures, since it logs those of the epoch.
            callbacks=[*common.watch(given.out), Tracking(run, given.out)],
        )
        common.finish(gan, given.out)
        run.config.update(gan.run_description())
        run.summary["verdict"] = gan.verdict.kind if gan.verdict else "still learning"


if __name__ == "__main__":
    main()

# sphinx_gallery_thumbnail_path = "images/digits.png"
