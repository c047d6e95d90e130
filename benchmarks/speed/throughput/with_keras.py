"""The process of a contender that Keras's `fit` runs: ours, or the documentation's (P1, P2).

Arguments: contender ("ours", "ours one step", "ours XLA", "P1" or "P2"), workload, precision,
seconds a round.
"""

import itertools
import statistics
import sys
import time

from benchmarks.speed.throughput.recipes import ALL, RECIPES
from benchmarks.speed.throughput.worker import SETTLING, Worker, steps_a_round

# What each of our own contenders gives to `compile`.
OURS = {"ours": {}, "ours one step": {"steps_per_execution": 1}, "ours XLA": {"jit_compile": True}}
# An epoch of the first `fit`; it ends long before. Divisible by all steps per execution.
_LONG = 2**20


def main(contender, workload, precision, seconds):
    worker, is_recipe, workload = Worker(), workload in RECIPES, ALL[workload]
    data = workload.data()
    worker.begin()
    if contender in OURS:
        import keras_gan  # noqa: F401
    import keras

    worker.imported()
    policy = precision if precision == "float32" else f"mixed_{precision}"
    keras.utils.set_random_seed(0)
    if is_recipe:
        model, feed = of_recipe(contender, workload, policy, *data)
    else:
        keras.config.set_dtype_policy(policy)
        if contender in OURS:
            model, feed = ours(workload, *data, **OURS[contender])
        else:
            model, feed = documentation(workload, *data, jit_compile=contender == "P2")
    train(worker, model, feed, seconds)


def train(worker, model, feed, seconds, **more):
    """Let a compiled model become warm, and train for so many seconds whenever it is asked to.

    Args:
        worker: this process's `Worker`.
        model: with a `generator` and a `discriminator`.
        feed: arguments of its `fit` that say what it trains on.
        seconds: of a round, about.
        **more: to be told of the model.
    """

    def fit(steps, epochs, callback):
        # Ours is told of its callbacks as any other model is: nothing else watches.
        model.fit(
            **feed, steps_per_epoch=steps, epochs=epochs, verbose=0, callbacks=[callback(worker)]
        )

    first = settling()
    fit(_LONG, 1, first)
    together = model.steps_per_execution
    steps = steps_a_round(seconds, first.seconds_a_step, together)
    facts = {
        "parameters": {
            name: sum(int(w.value.shape.num_elements()) for w in network.trainable_weights)
            for name, network in (
                ("generator", model.generator),
                ("discriminator", discriminator_of(model)),
            )
        },
        "steps_per_execution": together,
        "steps": steps,
        **more,
    }
    fit(steps, 1_000_000, rounds(steps, facts))
    worker.finish()


def ours(workload, samples, labels, **options):
    """Our model, without its moving average (the others have none), and its `fit` on arrays.

    BatchNorm and the generator's last layer are ours, as in `networks.dcgan`: the same sums in
    another order.
    """
    import keras_gan
    from benchmarks.speed.throughput.documentation import adam, build

    penalised = workload.penalty_weight is not None
    gan = keras_gan.GAN(
        *map(keras_gan.layers.fuse, build(workload)),
        num_classes=workload.num_classes,
        ema_halflife_images=None,
    )
    gan.compile(
        adam(workload),
        adam(workload),
        "wasserstein" if penalised else "non_saturating",
        regularizers=(
            [keras_gan.regularizers.GradientPenalty(workload.penalty_weight)] if penalised else []
        ),
        discriminator_steps=workload.discriminator_steps,
        **options,
    )
    return gan, {"x": samples, "y": labels, "batch_size": workload.batch}


def documentation(workload, samples, labels, *, jit_compile):
    """The documentation's model, and its `fit` on a data set."""
    from benchmarks.speed.throughput import documentation

    model = documentation.model(workload, jit_compile=jit_compile)
    return model, {"x": documentation.dataset(workload, samples, labels)}


def of_recipe(contender, recipe, policy, images, inputs):
    """A recipe as it is, or its P1, in a dtype policy; and its `fit`."""
    if contender == "P1":
        from benchmarks.speed.throughput import documentation_recipes as plain

        return plain.model(recipe, policy), {"x": plain.dataset(recipe, images, inputs)}
    import keras_gan

    make = getattr(keras_gan.recipes, recipe.name)
    data = images if inputs is None else {"input": inputs, "target": images}
    model = make(recipe.sample_shape, precision=policy)
    return model, {"x": data, "batch_size": recipe.batch}


def discriminator_of(model):
    """The one discriminator of a model."""
    if hasattr(model, "critics"):
        (critic,) = model.critics
        return critic.network
    return model.discriminator


# === Callbacks ===


def settling():
    """A callback class that notes the first step, and the time of those that follow."""
    import keras

    class Settling(keras.callbacks.Callback):
        seconds_a_step = None

        def __init__(self, worker):
            super().__init__()
            self._worker, self._ends = worker, []

        def on_train_batch_end(self, batch, logs=None):
            if not self._ends:
                self._worker.first_step()
            self._ends.append((time.perf_counter(), batch))
            if len(self._ends) > 1 and self._ends[-1][0] - self._ends[0][0] > SETTLING:
                Settling.seconds_a_step = statistics.median(
                    (end - begin) / (last - first)
                    for (begin, first), (end, last) in itertools.pairwise(self._ends)
                )
                self.model.stop_training = True

    return Settling


def rounds(steps, facts):
    """A callback class for which each epoch is a round; the first one is not measured."""
    import keras

    class Rounds(keras.callbacks.Callback):
        def __init__(self, worker):
            super().__init__()
            self._worker = worker

        def on_epoch_begin(self, epoch, logs=None):
            self._begin = time.perf_counter()

        def on_epoch_end(self, epoch, logs=None):
            if epoch:
                self._worker.say(seconds=time.perf_counter() - self._begin, steps=steps)
            else:
                self._worker.ready(**facts)
            self.model.stop_training = not self._worker.asked()

    return Rounds


if __name__ == "__main__":
    main(*sys.argv[1:4], float(sys.argv[4]))
