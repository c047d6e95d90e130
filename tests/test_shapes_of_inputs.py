"""Images of another shape than networks take: the shape that was given, and code that helps."""

import re

import keras
import numpy as np
import pytest
from keras import layers

from keras_gan import AdversarialModel, Critic, evaluate_generator, networks, recipes


def painter(channels):
    """A game of images of 8x8 pixels, without training."""
    sketch = keras.Input((8, 8, channels), name="sketch")
    generator = keras.Model({"sketch": sketch}, {"painted": layers.Conv2D(channels, 1)(sketch)})
    images = [keras.Input((8, 8, channels)) for _ in range(2)]
    flat = layers.Flatten()(layers.Concatenate()(images))
    critic = Critic(
        keras.Model(images, layers.Dense(1)(flat)),
        real="photo",
        fake="painted",
        condition="sketch",
    )
    return AdversarialModel(generator, critic)


@pytest.fixture(scope="module")
def painters():
    return {channels: painter(channels) for channels in (1, 3)}


@pytest.mark.parametrize(
    ("channels", "shape", "wanted"),
    [
        (1, (5, 8, 8), (5, 8, 8, 1)),
        (1, (8, 8), (1, 8, 8, 1)),
        (3, (5, 8, 8), (5, 8, 8, 3)),
        (3, (5, 8, 8, 1), (5, 8, 8, 3)),
        (3, (5, 3, 8, 8), (5, 8, 8, 3)),
    ],
)
def test_the_code_of_the_error_gives_images_of_the_shape(painters, channels, shape, wanted):
    sketch, model = np.zeros(shape, "float32"), painters[channels]
    with pytest.raises(ValueError, match=re.escape(f"Received: shape={shape}")) as caught:
        model.generate(inputs={"sketch": sketch})
    code = re.findall("`([^`]*)`", str(caught.value))[-1]
    made = eval(code, {"np": np, "keras": keras, "sketch": sketch})
    assert model.generate(inputs={"sketch": made}).shape == wanted


def test_one_image_stands_for_a_batch_of_one(painters):
    assert painters[3].generate(inputs={"sketch": np.zeros((8, 8, 3))}).shape == (1, 8, 8, 3)


def test_no_network_is_to_be_built_for_what_is_asked_for():
    model = recipes.infogan((4, 4, 1), styles=2, generator_filters=2, discriminator_filters=2)
    message = r"shape=\(1, 8\). Give a row of the shape \(2,\) for each sample, or one for all"
    with pytest.raises(ValueError, match=message):
        model.generate(inputs={"style": np.linspace(-1.0, 1.0, 8)})


def test_scores_name_all_that_the_critic_is_shown(painters):
    with pytest.raises(ValueError, match="Tensors to score must be given by name") as caught:
        painters[1].score(np.zeros((2, 8, 8, 1)))
    code = re.search("`score[(](.*)[)]`", str(caught.value))[1]
    given = eval(code.replace("...", "images"), {"images": np.zeros((2, 8, 8, 1))})
    assert painters[1].score(given)["logits"].shape == (2, 1)


def test_an_export_that_takes_images_is_given_no_noise(painters, tmp_path):
    painters[1].export(tmp_path / "painter")
    with pytest.raises(ValueError, match=r"takes data makes no samples.*needs=\['sketch'\]"):
        evaluate_generator(tmp_path / "painter", np.zeros((4, 8, 8, 1)), ["sliced_wasserstein"])


@pytest.mark.parametrize(
    "make",
    [
        networks.unet,
        networks.resnet_translator,
        networks.patch_discriminator,
        networks.super_resolution,
        networks.autoencoder,
        recipes.pix2pix,
        recipes.cycle_gan,
        recipes.super_resolution,
    ],
)
def test_networks_that_take_images_name_no_recipe_that_takes_noise(make):
    with pytest.raises(ValueError, match="at least 4 pixels") as caught:
        make((3, 8, 1))
    assert "resize(images, (4, 8))" in str(caught.value) and "mlp" not in str(caught.value)
    with pytest.raises(ValueError, match="height, width, channels") as caught:
        make((8,))
    assert "mlp" not in str(caught.value)
