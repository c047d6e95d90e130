"""MLflow: autologging of a GAN of the digits, and what MLflow cannot know by itself.

`pip install 'keras-gan[mlflow]'`. To look at the runs afterwards:
`mlflow ui --backend-store-uri sqlite:///runs/mlflow/mlflow.db`.
"""

import mlflow

import common
import keras_gan


def main():
    given = common.arguments(__doc__.splitlines()[0], epochs=30, batch_size=64)
    images = common.digits(given.seed)
    given.out.mkdir(parents=True, exist_ok=True)
    mlflow.set_tracking_uri(f"sqlite:///{given.out.absolute() / 'mlflow.db'}")
    mlflow.set_experiment("digits")
    # MLflow's checkpoints are HDF5 files, which cannot hold a GAN: `TrainingBackup` keeps the run.
    # Silent, since MLflow warns that it cannot infer the batch size of a model with two networks.
    mlflow.tensorflow.autolog(log_models=False, log_datasets=False, checkpoint=False, silent=True)
    gan = keras_gan.recipes.dcgan(images.shape[1:], latent_dim=16, seed=given.seed)
    with mlflow.start_run():
        # Autologging knows one optimizer a model: its `opt_learning_rate` is 0 here.
        mlflow.log_params(
            {
                "learning_rate_generator": float(gan.generator_optimizer.learning_rate),
                "learning_rate_discriminator": float(gan.discriminator_optimizer.learning_rate),
            }
        )
        gan.fit(
            images,
            batch_size=given.batch_size,
            epochs=given.epochs,
            validation_split=0.1,
            callbacks=common.watch(given.out),
        )
        common.finish(gan, given.out)
        mlflow.log_dict(gan.run_description(), "run.json")
        mlflow.set_tag("verdict", gan.verdict.kind if gan.verdict else "still learning")
        for picture in given.out.glob("*.png"):
            mlflow.log_artifact(picture, "pictures")
        mlflow.log_artifacts(given.out / "generator", "generator")


if __name__ == "__main__":
    main()

# sphinx_gallery_thumbnail_path = "images/digits.png"
