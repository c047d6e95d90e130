"""Tuning: Optuna looks for the learning rate, the penalty and the width of a GAN of the digits.

A trial is pruned where it falls behind the others, and by a verdict: a run whose generator has
collapsed needs no further epoch. `pip install 'keras-gan[optuna]'`. All trials are in `study.db`:
the same command again goes on with the study.
"""

import keras
import optuna

import common
import keras_gan

MONITOR = "val_sliced_wasserstein"
# Verdicts of runs that have not failed.
ENDED_WELL = ("equilibrium", "stalled")


class Pruning(keras.callbacks.Callback):
    """Tells Optuna the distance of each epoch, and stops where Optuna says so."""

    def __init__(self, trial):
        super().__init__()
        self.trial = trial
        self.pruned = False

    def on_epoch_end(self, epoch, logs=None):
        self.trial.report(logs[MONITOR], step=epoch)
        self.pruned = self.trial.should_prune()
        if self.pruned:
            self.model.stop_training = True


def objective(trial, images, given):
    """The distance of the best epoch of a run with the settings of a trial."""
    keras.utils.set_random_seed(given.seed)
    gan = keras_gan.recipes.dcgan(
        images.shape[1:],
        latent_dim=16,
        learning_rate=trial.suggest_float("learning_rate", 1e-4, 1e-2, log=True),
        gamma=trial.suggest_float("gamma", 0.01, 10.0, log=True),
        generator_filters=trial.suggest_categorical("filters", [8, 16, 32]),
        metrics=["sliced_wasserstein"],
        seed=given.seed,
    )
    pruning = Pruning(trial)
    stopping = keras_gan.callbacks.ConvergenceStopping(MONITOR)
    gan.fit(
        images,
        batch_size=given.batch_size,
        epochs=given.epochs,
        validation_split=0.1,
        callbacks=[stopping, pruning],
        verbose=0,
    )
    failed = gan.verdict is not None and gan.verdict.kind not in ENDED_WELL
    if failed:
        trial.set_user_attr("verdict", gan.verdict.message)
    if pruning.pruned or failed:
        raise optuna.TrialPruned
    return min(signals.quality for signals in stopping.history)


def main():
    given = common.arguments(
        __doc__.splitlines()[0], epochs=30, batch_size=64, trials={"type": int, "default": 10}
    )
    images = common.digits(given.seed)
    given.out.mkdir(parents=True, exist_ok=True)
    study = optuna.create_study(
        study_name="digits",
        storage=f"sqlite:///{given.out / 'study.db'}",
        load_if_exists=True,
        sampler=optuna.samplers.TPESampler(seed=given.seed),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=3, n_warmup_steps=5),
    )
    study.optimize(lambda trial: objective(trial, images, given), n_trials=given.trials)
    states = [trial.state.name.lower() for trial in study.trials]
    counts = ", ".join(f"{states.count(state)} {state}" for state in sorted(set(states)))
    print(f"Trials:    {counts}, in {given.out / 'study.db'}")
    if "complete" in states:
        print(f"Best:      {MONITOR} {study.best_value:.4f} with {study.best_params}")


if __name__ == "__main__":
    main()

# sphinx_gallery_thumbnail_path = "images/digits.png"
