"""The process of one point of a curve of `scaling.py`.

Arguments: curve, label of the point, seconds a round.
"""

import sys

from benchmarks.speed.scaling import CURVES
from benchmarks.speed.throughput.with_keras import train
from benchmarks.speed.throughput.worker import Worker


def main(curve, label, seconds):
    worker, point = Worker(), CURVES[curve].points[label]
    samples, _ = point.workload.data()
    worker.begin()
    import keras

    import keras_gan  # noqa: F401

    worker.imported()
    keras.utils.set_random_seed(0)
    from benchmarks.speed.throughput.bound import work

    with strategy(point.replicas, point.threads).scope():
        gan = model(point.workload)
    feed = {"x": samples, "batch_size": point.workload.batch}
    train(worker, gan, feed, seconds, multiply_adds_an_image=work(point.workload))


def strategy(replicas, threads):
    """The strategy of so many replicas with so many threads each; to be called once, and first."""
    import tensorflow as tf

    if threads is not None:
        # Replicas are run by threads of the outer pool, their kernels by those of the inner one.
        tf.config.threading.set_inter_op_parallelism_threads(replicas * threads)
        tf.config.threading.set_intra_op_parallelism_threads(threads)
    if replicas == 1:
        return tf.distribute.get_strategy()
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0],
        [tf.config.LogicalDeviceConfiguration()] * replicas,
    )
    return tf.distribute.MirroredStrategy([f"CPU:{number}" for number in range(replicas)])


def model(workload):
    """A compiled GAN as a user would have it, moving average included."""
    import keras_gan
    from benchmarks.speed.throughput.documentation import adam

    filters = workload.discriminator[0].outputs
    gan = keras_gan.GAN(
        *keras_gan.networks.dcgan(
            workload.sample_shape,
            workload.latent_dim,
            generator_filters=filters // 2,
            discriminator_filters=filters,
        )
    )
    gan.compile(
        adam(workload),
        adam(workload),
        discriminator_steps=workload.discriminator_steps,
        generator_steps=workload.generator_steps,
        accumulation_steps=workload.accumulation_steps,
    )
    return gan


if __name__ == "__main__":
    main(*sys.argv[1:3], float(sys.argv[3]))
