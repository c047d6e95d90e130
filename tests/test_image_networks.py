"""Networks between images, of any size: shapes, ranges, and the sizes of their papers."""

import keras
import numpy as np
import pytest

from keras_gan import layers, networks
from keras_gan.backend import inspection

# Of any number of channels that come in.
SHAPES = [
    *((16, 16, 3), (5, 7, 2)),
    *(pytest.param(shape, marks=pytest.mark.slow) for shape in [(12, 20, 1), (33, 48, 3)]),
]


def noise(*shape):
    return np.random.default_rng(0).uniform(-1, 1, shape).astype("float32")


def trained_count(*models):
    return sum(w.shape.num_elements() for model in models for w in model.trainable_weights)


def check_image(network, shape):
    """Images of a shape, which read what comes in and do not end at tanh's ends."""
    first, second = (network(noise(2, *network.input_shape[1:]) * part) for part in (1.0, 0.5))
    assert first.shape == (2, *shape) and network.outputs[0].dtype == "float32"
    assert np.abs(first).max() < 1.0 and not np.allclose(first, second)
    inner = [x for x in network.layers if hasattr(x, "kernel")]
    assert inner and all(x.name.startswith(network.name) for x in inner)


# === Generators ===


@pytest.mark.parametrize("shape", SHAPES)
def test_a_unet_keeps_the_size(shape):
    check_image(networks.unet(shape, 3, filters=2, max_filters=4), (*shape[:2], 3))


@pytest.mark.parametrize("shape", SHAPES)
def test_a_translator_keeps_the_size(shape):
    network = networks.resnet_translator(shape, 3, filters=2, blocks=1, normalization=None)
    check_image(network, (*shape[:2], 3))


@pytest.mark.parametrize(("scale", "normalization"), [(2, None), (4, "batch")])
def test_super_resolution_has_the_scale(scale, normalization):
    network = networks.super_resolution(
        (5, 4, 3), scale, filters=4, blocks=1, normalization=normalization
    )
    check_image(network, (5 * scale, 4 * scale, 3))


def test_channels_become_pixels_at_their_place():
    """A moved pixel of the input moves what is made of it by `scale` pixels."""
    network = networks.super_resolution((16, 16, 1), 2, filters=4, blocks=1)
    dark, moved = np.zeros((2, 1, 16, 16, 1), "float32")
    lit = dark.copy()
    lit[0, 8, 7], moved[0, 8, 8] = 1.0, 1.0
    first, second = (np.abs(network(x) - network(dark))[0, ..., 0] for x in (lit, moved))
    np.testing.assert_allclose(first[:, 4:-6], second[:, 6:-4], atol=1e-6)
    assert first.max() > 0.0


@pytest.mark.parametrize("shape", [(16, 12, 3), (5, 7, 1)])
def test_an_autoencoder_decodes_what_it_encodes(shape):
    encoder, decoder = networks.autoencoder(shape, 5, filters=2, max_filters=4)
    assert encoder(noise(2, *shape)).shape == (2, 5)
    check_image(decoder, shape)


def test_the_way_down_reaches_the_way_up_at_each_size():
    """Without the smallest maps, which are cut off here, the image still depends on the inputs."""
    network = networks.unet((16, 16, 1), filters=2, dropout=0.0)
    network.get_layer("unet_up_1").kernel.assign(0.0 * network.get_layer("unet_up_1").kernel)
    check_image(network, (16, 16, 1))


@pytest.mark.parametrize(
    ("make", "count", "norms"),
    [
        # Those that the authors' programs print (junyanz/pytorch-CycleGAN-and-pix2pix).
        pytest.param(lambda: networks.unet((256, 256, 3)), 54_413_955, 0, marks=pytest.mark.slow),
        pytest.param(
            lambda: networks.resnet_translator((256, 256, 3)),
            11_378_179,
            1,
            marks=pytest.mark.slow,
        ),
        pytest.param(
            lambda: networks.resnet_translator((128, 128, 3)),
            7_837_699,
            1,
            marks=pytest.mark.slow,
        ),
        (
            lambda: networks.patch_discriminator((256, 256, 3), condition_channels=3),
            2_768_705,
            0,
        ),
        (lambda: networks.patch_discriminator((256, 256, 3)), 2_764_737, 1),
    ],
    ids=["unet", "nine blocks", "six blocks", "pix2pix's patches", "cycle_gan's patches"],
)
def test_sizes_are_the_authors(make, count, norms):
    """Theirs have biases where the normalisation has no scale and shift (`norms`)."""
    network = make()
    kinds = (keras.layers.GroupNormalization, keras.layers.BatchNormalization)
    shifts = sum(x.beta.shape[0] for x in network.layers if isinstance(x, kinds))
    assert shifts and trained_count(network) - norms * shifts == count


@pytest.mark.slow
def test_srresnets_size_is_the_papers():
    network = networks.super_resolution((24, 24, 3), normalization="batch")
    ends = 9 * 9 * 3 * 64 + 64 + 64 + 9 * 9 * 64 * 3 + 3
    block = 2 * (9 * 64 * 64 + 2 * 64) + 64
    doubling = 9 * 64 * 256 + 256 + 64
    assert trained_count(network) == ends + 16 * block + 9 * 64 * 64 + 2 * 64 + 2 * doubling
    assert round(trained_count(network) / 1e6, 1) == 1.5  # as Lim et al. count it


def test_blocks_start_as_the_identity_where_nothing_is_normalised():
    network = networks.super_resolution((4, 4, 1), filters=4, blocks=2)
    parts = [network.get_layer(f"super_resolution_{k}").output for k in ("start_activation",)]
    parts.append(network.get_layer("super_resolution_block_2_sum").output)
    first, last = keras.Model(network.input, parts)(noise(2, 4, 4, 1))
    np.testing.assert_array_equal(first, last)


def test_dropout_is_for_training_alone():
    network, x = networks.unet((16, 16, 1), filters=4), noise(1, 16, 16, 1)
    np.testing.assert_array_equal(network(x, training=False), network(x, training=False))
    assert not np.allclose(network(x, training=True), network(x, training=True))


def test_a_normalised_map_is_each_samples_own():
    """What a sample becomes does not depend on the rest of its batch, in training neither."""
    network, x = networks.unet((8, 8, 1), filters=4, dropout=0.0), noise(3, 8, 8, 1)
    alone = network(x[:1], training=True)
    np.testing.assert_allclose(network(x, training=True)[:1], alone, atol=1e-5)
    batched = networks.unet((8, 8, 1), filters=4, dropout=0.0, normalization="batch")
    difference = batched(x, training=True)[:1] - batched(x[:1], training=True)
    assert np.abs(difference).max() > 1e-4


# === Discriminators ===


@pytest.mark.parametrize("field", [1, 16, 34, pytest.param(70, marks=pytest.mark.slow)])
def test_a_logit_sees_its_receptive_field(field):
    """The gradient of one logit in the middle covers so many pixels along each axis."""
    import tensorflow as tf

    side = 2 * field + 16
    network = networks.patch_discriminator(
        (side, side, 1), receptive_field=field, filters=2, normalization=None
    )
    images = tf.constant(noise(1, side, side, 1))
    with tf.GradientTape() as tape:
        tape.watch(images)
        logits = network(images)
        middle = logits.shape[1] // 2
        logit = logits[0, middle, middle, 0]
    reached = np.abs(tape.gradient(logit, images).numpy()[0, ..., 0]) > 0.0
    for axis in (0, 1):
        (seen,) = np.nonzero(reached.any(axis))
        assert seen[-1] - seen[0] + 1 == field


def test_pixels_and_deep_patches_have_the_papers_widths():
    def widths(field):
        network = networks.patch_discriminator((64, 64, 3), receptive_field=field)
        return [x.filters for x in network.layers if isinstance(x, keras.layers.Conv2D)]

    assert widths(1) == [64, 128, 1]
    assert widths(16) == [64, 128, 1]
    assert widths(286) == [64, 128, 256, 512, 512, 512, 1]


@pytest.mark.parametrize("shape", SHAPES)
def test_one_logit_of_the_whole_image(shape):
    network = networks.patch_discriminator(
        shape, receptive_field=None, filters=2, condition_channels=1
    )
    assert network([noise(2, *shape), noise(2, *shape[:2], 1)]).shape == (2, 1)


def test_a_condition_is_judged_with_the_image():
    network = networks.patch_discriminator(
        (16, 16, 3), condition_channels=1, receptive_field=16, filters=4
    )
    image, one, other = noise(1, 16, 16, 3), noise(1, 16, 16, 1), np.zeros((1, 16, 16, 1))
    assert network([image, one]).shape == (1, 8, 8, 1)
    assert not np.allclose(network([image, one]), network([image, other]))


def test_several_scales_are_as_many_discriminators():
    options = {"receptive_field": 16, "filters": 4, "condition_channels": 2}
    one = networks.patch_discriminator((18, 16, 3), **options)
    network = networks.multi_scale((18, 16, 3), scales=2, **options)
    assert trained_count(network) == 2 * trained_count(one)
    made = network([noise(2, 18, 16, 3), noise(2, 18, 16, 2)])
    assert [x.shape for x in made["logits"]] == [(2, 9, 8, 1), (2, 5, 4, 1)]
    assert [[x.shape[-1] for x in scale] for scale in made["features"]] == [[4, 8], [4, 8]]


def test_scales_see_halves_of_the_image():
    """A constant image is the same at each scale, and detail of one pixel is gone at the second."""
    network = networks.multi_scale(
        (16, 16, 1), scales=2, receptive_field=1, filters=4, normalization=None
    )
    half = keras.Model(network.input, network.get_layer("multi_scale_2_half").output)
    np.testing.assert_allclose(half(np.ones((1, 16, 16, 1))), 1.0, rtol=1e-6)
    stripes = np.tile([1.0, -1.0], 8)[None, None, :, None] * np.ones((1, 16, 1, 1))
    assert np.abs(half(stripes)).max() <= 0.5


def test_features_are_the_activations():
    network = networks.patch_discriminator(
        (8, 8, 1), receptive_field=16, filters=4, features=True, normalization="spectral"
    )
    made = network(noise(1, 8, 8, 1))
    assert [x.shape for x in made["features"]] == [(1, 4, 4, 4), (1, 4, 4, 8)]
    wrapped = [x for x in network.layers if x.trainable_weights]
    assert len(wrapped) == 3
    assert all(isinstance(x, layers.SpectralNormalization) for x in wrapped)


def test_half_precision_ends_in_full():
    for network in (
        networks.unet((8, 8, 1), filters=2, precision="mixed_bfloat16"),
        networks.resnet_translator((8, 8, 1), filters=2, blocks=1, precision="mixed_bfloat16"),
        networks.patch_discriminator((8, 8, 1), receptive_field=16, precision="mixed_bfloat16"),
        networks.super_resolution((4, 4, 1), filters=2, blocks=1, precision="mixed_bfloat16"),
    ):
        dtypes = [x.compute_dtype for x in inspection.flat_layers(network) if x.weights]
        assert network.outputs[0].dtype == "float32" and "bfloat16" in dtypes


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: networks.unet((8, 8)), r"must be \(height, width, channels\)"),
        (lambda: networks.unet((3, 8, 1)), "at least 4 pixels"),
        (lambda: networks.unet((8, 8, 1), normalization="layer"), "normalization='layer'"),
        (lambda: networks.unet((8, 8, 1), dropout=1.0), "dropout=1.0"),
        (lambda: networks.resnet_translator((8, 8, 1), blocks=0), "blocks=0"),
        (
            lambda: networks.patch_discriminator((64, 64, 1), receptive_field=32),
            "receptive_field=32",
        ),
        (
            lambda: networks.patch_discriminator((8, 8, 1)),
            r"side must be larger.*2x2 logits.*size=\(8, 8\). Choose `receptive_field=34`\.$",
        ),
        (
            lambda: networks.multi_scale((64, 64, 1), scales=5),
            r"size=\(4, 4\). Choose `receptive_field=16` or fewer scales\.$",
        ),
        (lambda: networks.multi_scale((8, 8, 1), scales=4), r"\(1, 1\). Choose fewer scales\.$"),
        (lambda: networks.super_resolution((8, 8, 1), 3), r"scale=3\.$"),
        (
            lambda: networks.patch_discriminator((8, 8, 1), receptive_field=71),
            r"must be one of 1, 16, .*receptive_field=71\.$",  # none of them is meant
        ),
        (lambda: networks.super_resolution((8, 8, 2)), "1, 3 or 4 channels"),
        (lambda: networks.autoencoder((8, 8, 1), 0), "latent_dim=0"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()
