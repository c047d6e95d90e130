"""Calls that are refused, words of their cures, and calls that do what these say.

Code in a cure is run as it stands.
"""

import collections
import inspect

import keras
import numpy as np
import tensorflow as tf

import helpers
from cures_models import (
    CLASSES,
    FLOATS,
    IMAGES,
    POINTS,
    TFDS,
    UNIT,
    as_images,
    circle,
    code,
    compared,
    complaint,
    complex_names,
    evaluated,
    fed,
    floor_under_a_strategy,
    mnist,
    named,
    not_finite,
    of_classes,
    scored,
    unit_classes,
    unit_gan,
    unit_images,
    unit_model,
    validated,
    without_labels,
)
from keras_gan import _registry, data, metrics
from keras_gan.data import catalogue
from keras_gan.evaluation import scoring
from keras_gan.feeding import fit_data
from keras_gan.feeding.sample_spec import SampleSpec
from keras_gan.metrics import (
    applications,
    features,
    inception_score,
    sliced_wasserstein,
)
from sample_feeds import Rows, generator
from value_feeds import pipeline


def cures_of(kind):
    return complaint(TABLE[kind][0]).split("Received: ", 1)[-1]


LABELLED = SampleSpec((2,), 3)
TABLE = {
    # === _registry ===
    "a metric misspelt": (
        lambda: _registry.metrics(["fdi"]),
        "Did you mean 'fid'?",
        lambda: _registry.metrics(["fid"]),
    ),
    "a class": (
        lambda: _registry.metrics([metrics.FrechetDistance]),
        r"Create one: `FrechetDistance\(\.\.\.\)`",
        lambda: _registry.metrics([metrics.FrechetDistance()]),
    ),
    # === feeding ===
    "labels beside a data set": (
        lambda: fed(pipeline(POINTS), CLASSES, spec=LABELLED),
        "Put labels and batches into the data set",
        lambda: fed(pipeline(POINTS, CLASSES), spec=LABELLED),
    ),
    "a split of a pipeline": (
        lambda: fed(pipeline(POINTS), split=0.25),
        "from_arrays.*can be split",
        lambda: fed(data.from_arrays(POINTS, batch_size=4), split=0.25),
        lambda: (fed(pipeline(POINTS[:48])), validated(pipeline(POINTS[48:]))),
    ),
    "a large batch": (
        lambda: fed(POINTS, group=2, batch_size=64),
        "smaller `batch_size`",
        lambda: fed(POINTS, group=2, batch_size=32),
    ),
    "labels beside a data set to evaluate": (
        lambda: validated(pipeline(POINTS), CLASSES),
        "Put them into the data set",
        lambda: fit_data.evaluation_feed(
            pipeline(POINTS, CLASSES), None, spec=LABELLED, batch_size=None
        ),
    ),
    "a generator to train on": (
        lambda: fed(generator(POINTS)),
        "`steps_per_epoch=`, or a `keras.utils.PyDataset`",
        lambda: fed(generator(POINTS), steps=2),
        lambda: fed(Rows(POINTS)),
    ),
    "a generator to evaluate": (
        lambda: validated(generator(POINTS), name="x"),
        "`steps=`",
        lambda: validated(generator(POINTS), name="x", steps=2),
    ),
    "a generator to validate with": (
        lambda: validated(generator(POINTS)),
        "`validation_steps=`, or arrays",
        lambda: validated(generator(POINTS), steps=2),
        lambda: validated(POINTS),
    ),
    "weights": (
        lambda: fed((POINTS, CLASSES, np.ones(64)), spec=LABELLED),
        r"draw them by theirs: `x\[",
        lambda: fed(
            eval(code(cures_of("weights"), "x["), {"np": np, "x": POINTS, "weights": np.ones(64)})
        ),
    ),
    "no data": (lambda: fed(None), r"Give the real samples: `fit\(samples\)`", lambda: fed(POINTS)),
    "a folder": (
        lambda: fed("my_images"),
        r"`keras_gan.data.from_folder\(path, image_size=...\)`",
        lambda: inspect.signature(data.from_folder).bind("my_images", image_size=8),
    ),
    "a dict": (lambda: fed({"x": POINTS}), "Give the array that is in it", lambda: fed(POINTS)),
    "a sparse tensor": (
        lambda: fed(tf.sparse.from_dense(POINTS)),
        r"Use `tf.sparse.to_dense\(x\)`",
        lambda: fed(tf.sparse.to_dense(tf.sparse.from_dense(POINTS))),
    ),
    "a ragged tensor": (
        lambda: fed(tf.RaggedTensor.from_tensor(POINTS)),
        r"Use `x.to_tensor\(\)`",
        lambda: fed(tf.RaggedTensor.from_tensor(POINTS).to_tensor()),
    ),
    "an iterator": (
        lambda: fed(iter([POINTS])),
        r"Use the generator `\(batch for batch in x\)`, and give the number of steps",
        lambda: fed(eval(code(cures_of("an iterator")), {"x": iter([POINTS])}), steps=1),
    ),
    "a loader": (
        lambda: fed(collections.UserList([POINTS])),
        "Of batches of NumPy arrays make a data set",
        lambda: fed(
            eval(code(cures_of("a loader")), {"tf": tf, "x": collections.UserList([POINTS])})
        ),
    ),
    # === scoring ===
    "complex samples": (
        lambda: evaluated(lambda latents: tf.complex(latents, latents)),
        "for their real part",
        lambda: evaluated(eval(code(cures_of("complex samples")), complex_names())),
    ),
    "reals and labels that are not batched": (
        lambda: evaluated(real=tf.data.Dataset.from_tensor_slices((POINTS, CLASSES))),
        r"Use `real.batch\(batch_size\)`",
        lambda: evaluated(real=tf.data.Dataset.from_tensor_slices((POINTS, CLASSES)).batch(8)),
    ),
    "reals in [0, 1]": (
        lambda: evaluated(as_images, UNIT, latent_dim=64),
        "for floats in",
        lambda: evaluated(
            as_images, eval(code(cures_of("reals in [0, 1]")), {"real": UNIT}), latent_dim=64
        ),
    ),
    "a pipeline of reals in [0, 1]": (
        lambda: evaluated(as_images, pipeline(UNIT), latent_dim=64),
        r"real.map\(",
        lambda: evaluated(
            as_images,
            eval(code(cures_of("a pipeline of reals in [0, 1]")), {"real": pipeline(UNIT)}),
            latent_dim=64,
        ),
    ),
    "a labelled pipeline of reals in [0, 1]": (
        lambda: evaluated(as_images, pipeline(UNIT, CLASSES[:16]), latent_dim=64),
        r"real.map\(",
        lambda: evaluated(
            as_images,
            eval(
                code(cures_of("a labelled pipeline of reals in [0, 1]")),
                {"real": pipeline(UNIT, CLASSES[:16])},
            ),
            latent_dim=64,
        ),
    ),
    "a list of reals in [0, 1]": (
        lambda: evaluated(as_images, list(UNIT), latent_dim=64),
        "for floats in",
        lambda: evaluated(
            as_images,
            eval(code(cures_of("a list of reals in [0, 1]")), {"real": list(UNIT), "np": np}),
            latent_dim=64,
        ),
    ),
    "samples in [0, 1]": (
        lambda: evaluated(unit_images, FLOATS, latent_dim=64),
        "for samples in",
        lambda: evaluated(
            eval(code(cures_of("samples in [0, 1]")), {"generator": unit_images}),
            FLOATS,
            latent_dim=64,
        ),
    ),
    "samples in [0, 1] of a conditional function": (
        lambda: evaluated(unit_classes, FLOATS, latent_dim=64, num_classes=3),
        "for samples in",
        lambda: evaluated(
            eval(
                code(cures_of("samples in [0, 1] of a conditional function")),
                {"generator": unit_classes},
            ),
            FLOATS,
            latent_dim=64,
            num_classes=3,
        ),
    ),
    "samples in [0, 1] of a model": (
        lambda: evaluated(unit_model(), FLOATS, latent_dim=None),
        "with `latent_dim=`, for samples in",
        lambda: evaluated(
            eval(code(cures_of("samples in [0, 1] of a model")), {"generator": unit_model()}),
            FLOATS,
            latent_dim=64,
        ),
    ),
    "samples in [0, 1] of a trained GAN": (
        lambda: evaluated(unit_gan(), FLOATS, latent_dim=None),
        "Give reals in",
        lambda: evaluated(
            unit_gan(),
            eval(code(cures_of("samples in [0, 1] of a trained GAN")), {"real": FLOATS}),
            latent_dim=None,
        ),
    ),
    "bytes beside samples in [0, 1] of a trained GAN": (
        lambda: evaluated(unit_gan(), pipeline(IMAGES), latent_dim=None),
        "Give reals in",
        lambda: evaluated(
            unit_gan(),
            eval(
                code(cures_of("bytes beside samples in [0, 1] of a trained GAN")),
                {"real": pipeline(IMAGES), "tf": tf},
            ),
            latent_dim=None,
        ),
    ),
    "reals of three parts": (
        lambda: evaluated(real=pipeline(POINTS, CLASSES, CLASSES)),
        "use `real.map",
        lambda: evaluated(real=pipeline(POINTS, CLASSES, CLASSES).map(lambda x, y, z: (x, y))),
    ),
    "reals without an end": (
        lambda: evaluated(real=pipeline(POINTS).repeat()),
        "Give `num_samples=`",
        lambda: evaluated(real=pipeline(POINTS).repeat(), num_samples=20),
    ),
    "too few reals": (
        lambda: evaluated(num_samples=65),
        "more reals, or a smaller `num_samples`",
        lambda: evaluated(num_samples=64),
        lambda: evaluated(real=helpers.points(65), num_samples=65),
    ),
    "one real": (
        lambda: evaluated(real=POINTS[:1, :1], metric="fid", latent_dim=1),
        "at least 2 reals",
        lambda: evaluated(real=POINTS[:2, :1], metric="fid", latent_dim=1),
    ),
    "no classes": (
        lambda: evaluated(helpers.generator(num_classes=3), latent_dim=None),
        r"Give `\(samples, labels\)` as `real`, or `num_classes=`",
        lambda: evaluated(helpers.generator(num_classes=3), (POINTS, CLASSES), latent_dim=None),
        lambda: evaluated(helpers.generator(num_classes=3), latent_dim=None, num_classes=3),
    ),
    "other class names": (
        lambda: scoring._check_class_names(named("ab"), of_classes("ba")),
        "Number them alike, or leave the names out",
        lambda: scoring._check_class_names(named("ba"), of_classes("ba")),
        lambda: scoring._check_class_names(
            eval(code(cures_of("other class names"), "real.map"), {"real": named("ab")}),
            of_classes("ba"),
        ),
    ),
    "floors of a pipeline": (
        lambda: evaluated(real=pipeline(POINTS), floors=True),
        "Give `num_samples=`",
        lambda: evaluated(real=pipeline(POINTS), floors=True, num_samples=20),
    ),
    # === metrics ===
    "a class for features": (
        lambda: metrics.FrechetDistance(features=keras.Sequential),
        r"Create one: `Sequential\(\.\.\.\)`",
        lambda: metrics.FrechetDistance(features=keras.Sequential()),
    ),
    "features of any size": (
        lambda: features.extractor(None, (None, None, 3)),
        "Pass `features`",
        lambda: features.extractor(lambda x: tf.reduce_mean(x, (1, 2)), (None, None, 3)),
    ),
    "features that are not finite": (
        lambda: sliced_wasserstein.sliced_wasserstein(not_finite(), POINTS),
        "Remove or repair",
        lambda: sliced_wasserstein.sliced_wasserstein(
            eval(code(cures_of("features that are not finite")), {"np": np, "real": not_finite()}),
            POINTS,
        ),
    ),
    "features in two parts": (
        lambda: metrics.FrechetDistance(features=lambda x: (x, x[:, :1])).build((2,)),
        "Of a network with several outputs make a model with one of them",
        lambda: metrics.FrechetDistance(features=lambda x: x).build((2,)),
    ),
    "too many features": (
        lambda: metrics.FrechetDistance(features=lambda x: tf.tile(x, (1, 5000))).build((2,)),
        "Pass `features`, a model that maps to fewer numbers",
        lambda: metrics.FrechetDistance(features=lambda x: x[:, :1]).build((2,)),
    ),
    "inception of vectors": (
        lambda: applications.extractor("inception", (2,)),
        "Pass a model of your own",
        lambda: metrics.FrechetDistance(features=lambda x: x).build((2,)),
    ),
    "logits": (
        lambda: inception_score.inception_score([[3.0, -1.0]]),
        "logits=True|softmax",
        lambda: metrics.InceptionScore(lambda x: x, logits=True).update_state(None, POINTS),
    ),
    "logits of a model": (
        lambda: scored(logits=False),
        "logits=True|softmax",
        lambda: scored(logits=True),
    ),
    "no classifier": (
        lambda: metrics.InceptionScore(None),
        "Pass a Keras model of your data's classes",
        lambda: metrics.InceptionScore(keras.Sequential([keras.layers.Softmax()])),
    ),
    "modes on a circle": (
        lambda: metrics.ModeCoverage(circle(endpoint=True), 0.01),
        "`endpoint=False`",
        lambda: metrics.ModeCoverage(circle(endpoint=False), 0.01),
    ),
    "a floor of few reals": (
        lambda: metrics.SlicedWasserstein().floor(POINTS, num_samples=33),
        "Pass `num_samples=32`.*or give more reals",
        lambda: metrics.SlicedWasserstein().floor(POINTS, num_samples=32),
        lambda: metrics.SlicedWasserstein().floor(helpers.points(66), num_samples=33),
    ),
    "a floor under a strategy": (
        lambda: floor_under_a_strategy(),
        r"Call this outside of `strategy.scope\(\)`",
        lambda: metrics.SlicedWasserstein().floor(POINTS),
    ),
    "another shape": (
        lambda: compared(metrics.KernelDistance(), POINTS, FLOATS),
        "Use a new metric for other data",
        lambda: compared(metrics.KernelDistance(), FLOATS),
    ),
    "sizes that differ": (
        lambda: sliced_wasserstein.sliced_wasserstein(POINTS, POINTS[:9]),
        "Cut the larger sample to the size of the smaller one",
        lambda: sliced_wasserstein.sliced_wasserstein(POINTS[:9], POINTS[:9]),
    ),
    "a data set of dicts": (
        lambda: fed(data.from_arrays({"x": POINTS, "y": POINTS})),
        "Make it of the arrays alone",
        lambda: fed(data.from_arrays(POINTS)),
    ),
    # === catalogue ===
    "a stream to split": (
        lambda: mnist(memory_limit_gib=0.0).source.split(0.1),
        r"`split='train\[:90%\]'` to train on",
        lambda: mnist(memory_limit_gib=0.0, split="train[:90%]"),
        lambda: mnist(memory_limit_gib=0.0, split="train[90%:]"),
    ),
    "a version": (
        lambda: data.from_tfds("mnist:9.9.9", data_dir=TFDS, download=False),
        "only: 3.0.1",
        lambda: data.from_tfds("mnist:3.0.1", split="test[:9]", data_dir=TFDS, download=False),
    ),
    "a name misspelt": (
        lambda: data.from_tfds("mnits", data_dir=TFDS, download=False),
        "Did you mean 'mnist'?",
        lambda: mnist(split="test[:9]"),
    ),
    "another folder": (
        lambda: data.from_tfds("mnist", data_dir=TFDS.parent / "none", download=False),
        "give the right `data_dir`",
        lambda: mnist(split="test[:9]"),
    ),
    "no class label": (
        lambda: catalogue._features(*without_labels(), True),
        "Use `labels=False`",
        lambda: catalogue._features(*without_labels(), False),
    ),
}
