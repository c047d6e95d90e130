"""Papers' games of pictures and waveforms, at toy size."""

import keras
import numpy as np
from keras import layers, ops

from game_parts import (
    PlayedGame,
    Quantizer,
    adam,
    check,
    classes,
    joined,
    loss_network,
    one_hot,
    patches,
    photos,
    picture,
    planes,
    translator,
    vector,
    waveform_scales,
)
from keras_gan import AdaptiveWeight, AdversarialModel, Critic, data, schedules
from keras_gan.priors import Shuffled
from keras_gan.terms import L1, Classification, FeatureMatching, KLDivergence, Perceptual


def pix2pix(size=8):
    """Isola et al., CVPR 2017: a critic of pairs beside a distance."""
    sketch = picture("sketch", 1, size)
    generator = keras.Model({"sketch": sketch}, {"painted": translator(1, size)(sketch)})
    critic = Critic(patches(3, 1, size=size), real="photo", fake="painted", condition="sketch")
    model = AdversarialModel(generator, critic)
    model.compile(adam(2e-4), adam(2e-4), terms=[L1("photo", "painted", weight=100.0)])
    pictures = photos(16, size)
    sketches = pictures.mean(-1, keepdims=True)

    def use(model):
        check(model.generate(inputs={"sketch": sketches[:2]}), 2, size, size, 3)

    return PlayedGame(model, {"sketch": sketches, "photo": pictures}, use)


def star_gan():
    """Choi et al., CVPR 2018: one translator between all classes of pictures."""
    image, labels, target = picture("image"), vector(5, "labels"), vector(5, "target")
    paint = translator(8, name="translator")
    translated = paint(joined(image, planes(target)))
    generator = keras.Model(
        {"image": image, "labels": labels, "target": target},
        {"translated": translated, "cycled": paint(joined(translated, planes(labels)))},
    )
    model = AdversarialModel(
        generator,
        Critic(patches(3, heads=5), real="image", fake="translated"),
        priors={"target": Shuffled("labels")},  # drawn from the data's own labels
    )
    model.compile(
        adam(1e-4),
        adam(1e-4),
        "wasserstein",
        regularizers=["gradient_penalty"],
        discriminator_steps=5,
        terms=[
            L1("image", "cycled", weight=10.0),
            Classification("labels", fake_labels="target"),  # other labels on either side
        ],
    )
    given = {"image": photos(), "labels": one_hot(classes(), 5)}

    def use(model):
        # Without `labels` and `cycled`.
        inputs = {"image": given["image"][:4], "target": one_hot([0, 1, 2, 3], 5)}
        check(model.generate(inputs=inputs), 4, 8, 8, 3)

    return PlayedGame(model, given, use)


def vqgan(size=8):
    """Esser et al., CVPR 2021: a quantized autoencoder whose critic starts late."""
    image = picture("image", 3, size)
    codes = Quantizer(name="quantizer")(layers.Conv2D(4, 3, 2, padding="same")(image))
    hidden = layers.Conv2DTranspose(8, 4, 2, padding="same", activation="relu")(codes)
    decoded = layers.Conv2D(3, 3, padding="same", name="last")(hidden)
    generator = keras.Model({"image": image}, {"decoded": decoded, "codes": codes})
    critic = Critic(
        patches(3, size=size),
        real="image",
        fake="decoded",
        start_step=1,
        weight=AdaptiveWeight("last"),
    )
    model = AdversarialModel(generator, critic)
    model.compile(
        adam(4e-4),
        adam(1e-4),
        "hinge",
        terms=[L1("image", "decoded"), Perceptual(loss_network(size), "image", "decoded")],
    )
    before = generator.get_layer("quantizer").codes.numpy()
    images = photos(16, size)

    def use(model):
        after = model.generator.get_layer("quantizer").codes.numpy()
        assert not np.array_equal(before, after)
        found = model.generate(inputs={"image": images[:2]}, outputs=["codes", "decoded"])
        check(found["codes"], 2, size // 2, size // 2, 4)
        check(found["decoded"], 2, size, size, 3)
        # The average uses codes of its own, and nothing but codes.
        codes = model.averaged_generator.get_layer("quantizer").codes.numpy()
        distances = np.abs(found["codes"][..., None, :] - codes).sum(-1).min(-1)
        np.testing.assert_allclose(distances, 0.0, atol=1e-5)

    return PlayedGame(model, {"image": images}, use)


def esrgan():
    """Wang et al., ECCVW 2018: likeness first, then a relativistic critic."""
    low = keras.Input((4, 4, 3), name="low")
    hidden = layers.Conv2D(8, 3, padding="same", activation="relu")(layers.UpSampling2D()(low))
    high = layers.Conv2D(3, 3, padding="same")(hidden)
    model = AdversarialModel(
        keras.Model({"low": low}, {"high": high}),
        Critic(patches(3), real="sharp", fake="high", weight=5e-3, start_step=1),
    )

    def after(before, then):
        return schedules.Piecewise({0: before, 1: then})

    model.compile(
        adam(2e-4),
        adam(1e-4),
        "relativistic_average",
        terms=[
            L1("sharp", "high", weight=after(1.0, 0.01)),
            Perceptual(loss_network(), "sharp", "high", weight=after(0.0, 1.0)),
        ],
    )
    sharp = photos()
    given = {"low": sharp[:, ::2, ::2], "sharp": sharp}

    def use(model):
        check(model.generate(inputs={"low": given["low"][:2]}), 2, 8, 8, 3)

    return PlayedGame(model, given, use)


def cycle_gan(size=8):
    """Zhu et al., ICCV 2017: two translators, two critics with pools, unpaired pictures."""
    a, b = picture("a", 3, size), picture("b", 3, size)
    to_b, to_a = translator(3, size, "to_b"), translator(3, size, "to_a")
    fake_a, fake_b = to_a(b), to_b(a)
    generator = keras.Model(
        {"a": a, "b": b},
        {
            "fake_a": fake_a,
            "fake_b": fake_b,
            "cycled_a": to_a(fake_b),
            "cycled_b": to_b(fake_a),
            "same_a": to_a(a),
            "same_b": to_b(b),
        },
    )
    model = AdversarialModel(
        generator,
        [
            Critic(patches(3, size=size), real="a", fake="fake_a", pool_size=6, name="of_a"),
            Critic(patches(3, size=size), real="b", fake="fake_b", pool_size=6, name="of_b"),
        ],
    )
    decay = keras.optimizers.schedules.PolynomialDecay(2e-4, 100, 0.0)
    model.compile(
        adam(decay),
        adam(decay),
        "least_squares",
        terms=[
            L1("a", "cycled_a", weight=10.0),
            L1("b", "cycled_b", weight=10.0),
            L1("a", "same_a", weight=5.0),
            L1("b", "same_b", weight=5.0),
        ],
    )
    horses, zebras = photos(16, size), photos(10, size, seed=1)

    def use(model):
        # In one direction: one pass instead of six.
        painted = model.generate(inputs={"a": horses[:2]})
        check(painted, 2, size, size, 3)
        expected = model.averaged_generator.get_layer("to_b")(horses[:2])
        np.testing.assert_allclose(painted, expected, atol=1e-6)

    pairs = data.unpaired(horses, zebras, names=("a", "b"), batch_size=4)
    return PlayedGame(model, pairs, use, None)


def spade():
    """Park et al., CVPR 2019: pictures of semantic maps, with a style of a picture or drawn."""
    maps, photo, noise = picture("semantic", 4), picture("photo"), vector(4, "noise")
    hidden = layers.Flatten()(photo)
    mean, log_variance = layers.Dense(4)(hidden), layers.Dense(4)(hidden)
    style = mean + ops.exp(0.5 * log_variance) * noise
    paint = translator(8, name="decoder")
    generator = keras.Model(
        {"semantic": maps, "photo": photo, "noise": noise},
        {
            "painted": paint(joined(maps, planes(style))),
            "mean": mean,
            "log_variance": log_variance,
            "sampled": paint(joined(maps, planes(noise))),  # for use: no part of training
        },
    )
    model = AdversarialModel(
        generator,
        Critic(_two_scales(), real="photo", fake="painted", condition="semantic"),
        priors={"noise": "normal"},
        values=("semantic",),
    )
    model.compile(
        adam(1e-4),
        adam(4e-4),
        "hinge",
        terms=[
            FeatureMatching("critic", weight=10.0),
            Perceptual(loss_network(), "photo", "painted", weight=10.0),
            KLDivergence("mean", "log_variance", weight=0.05),
        ],
    )
    drawn = np.random.default_rng(0).integers(0, 4, (16, 8, 8))
    given = {"semantic": one_hot(drawn, 4), "photo": photos(16)}

    def use(model):
        inputs = {"semantic": given["semantic"][:2]}
        first, second = (
            model.generate(inputs=inputs, outputs="sampled", seed=seed) for seed in (0, 1)
        )
        check(first, 2, 8, 8, 3)
        assert not np.array_equal(first, second)

    return PlayedGame(model, given, use)


def _two_scales():
    picture_, maps = keras.Input((8, 8, 3)), keras.Input((8, 8, 4))
    half = layers.AveragePooling2D(2)
    outputs = [
        patches(3, 4, features=True)([picture_, maps]),
        patches(3, 4, features=True, size=4)([half(picture_), half(maps)]),
    ]
    both = {key: [each[key] for each in outputs] for key in ("logits", "features")}
    return keras.Model([picture_, maps], both)


def codec(length=16):
    """Like SoundStream (Zeghidour et al., 2021): waveforms as codes, critics of several scales.

    One critic of the waveform at two scales, and one of its frames.
    """
    wave = keras.Input((length, 1), name="wave")
    codes = Quantizer(name="quantizer")(layers.Conv1D(4, 4, 4, padding="same")(wave))
    decode = keras.Sequential(
        [keras.Input((length // 4, 4)), layers.Conv1DTranspose(1, 4, 4, padding="same")],
        name="decoder",
    )
    generator = keras.Model({"wave": wave}, {"decoded": decode(codes), "codes": codes})
    frames = keras.Sequential(
        [
            keras.Input((length, 1)),
            layers.Conv1D(8, 4, 4, activation="leaky_relu"),
            layers.Conv1D(1, 1),
        ]
    )
    model = AdversarialModel(
        generator,
        [
            Critic(waveform_scales(length), real="wave", fake="decoded", name="scales"),
            Critic(frames, real="wave", fake="decoded", name="frames", weight=0.5),
        ],
    )
    model.compile(
        adam(),
        adam(),
        "hinge",
        terms=[L1("wave", "decoded", weight=10.0), FeatureMatching("scales", weight=5.0)],
    )
    waves = np.sin(np.random.default_rng(0).uniform(0, 9, (16, 1, 1)) + np.arange(length)[:, None])
    waves = waves.astype("float32")

    def use(model):
        codes = model.generate(inputs={"wave": waves[:2]}, outputs="codes")
        check(codes, 2, length // 4, 4)
        decoded = model.averaged_generator.get_layer("decoder")(codes)
        both = model.generate(inputs={"wave": waves[:2]})
        np.testing.assert_allclose(decoded, both, atol=1e-6)
        logits = model.score({"wave": waves[:2]}, critic="scales")["logits"]
        assert [each.shape for each in logits] == [(2, 8, 1), (2, 4, 1)]

    return PlayedGame(model, {"wave": waves}, use)
