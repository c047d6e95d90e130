"""Networks of any size, conditional ones, recipes: shapes, ranges, parameter counts."""

import pathlib
import re

import keras
import numpy as np
import pytest

import helpers
import keras_gan
from keras_gan import networks, recipes
from keras_gan.backend import inspection, policies
from keras_gan.layers import SpectralNormalization
from keras_gan.model import compute_cost, pairs

SHAPES = [
    *((12, 20, 4), (5, 7, 1)),
    *(
        pytest.param(shape, marks=pytest.mark.slow)
        for shape in [(28, 28, 1), (64, 64, 3), (4, 4, 3)]
    ),
]


@pytest.mark.parametrize("shape", SHAPES)
def test_dcgan_of_any_size(shape):
    generator, discriminator = networks.dcgan(
        shape, latent_dim=8, generator_filters=4, discriminator_filters=4
    )
    assert pairs.check_pair(generator, discriminator) == (8, shape, False)
    samples = generator(np.random.normal(size=(2, 8))).numpy()
    assert samples.shape == (2, *shape) and np.abs(samples).max() <= 1.0
    assert discriminator(samples).shape == (2, 1)
    assert not inspection.has_batch_norm(discriminator)


@pytest.mark.parametrize("shape", SHAPES)
def test_resnet_of_any_size(shape):
    generator, discriminator = networks.resnet(
        shape, latent_dim=8, generator_filters=2, discriminator_filters=2
    )
    assert pairs.check_pair(generator, discriminator) == (8, shape, False)
    samples = generator(np.random.normal(size=(2, 8))).numpy()
    assert samples.shape == (2, *shape) and np.abs(samples).max() <= 1.0
    assert discriminator(samples).shape == (2, 1)
    assert not inspection.has_batch_norm(discriminator)


@pytest.mark.parametrize("shape", SHAPES)
def test_r3gan_of_any_size(shape):
    generator, discriminator = networks.r3gan(shape, latent_dim=8, filters=4, group_size=4)
    assert pairs.check_pair(generator, discriminator) == (8, shape, False)
    samples = generator(np.random.normal(size=(2, 8))).numpy()
    assert samples.shape == (2, *shape) and np.abs(samples).max() <= 1.0
    assert discriminator(samples).shape == (2, 1)
    layers = [*generator.layers, *discriminator.layers]
    assert not any("ormalization" in type(layer).__name__ for layer in layers)


def test_r3gans_size_is_the_papers():
    def counts(base):
        top = 8 * base
        widths = [base, 2 * base, 4 * base, top, top, top, top]
        blocks = sum(2 * (4 * c * c + 2 * c * 9 * 16 + 2 * 2 * c) for c in widths)
        both = blocks + base * base * (2 + 8 + 32) + 16 * top + base * 3
        # A start from 64 latents and a 4x4 basis; its mirror is a 4x4 weighting and a logit.
        return [both + 64 * top, both + top]

    pair = networks.r3gan((256, 256, 3), filters=32, max_filters=8 * 32, blocks=2)
    assert [network.count_params() for network in pair] == counts(32)
    assert counts(96)[0] == 23_057_952  # the paper's, which takes long to build


def test_r3gans_blocks_start_as_nothing_with_their_share_of_the_variance():
    generator, discriminator = networks.r3gan((16, 16, 1), filters=64, blocks=2)
    for network in (generator, discriminator):
        zeros = [layer for layer in network.layers if layer.name.endswith("_project")]
        assert len(zeros) == 6 and not any(np.any(layer.kernel) for layer in zeros)
    ends = ["basis", "stage_1_block_1_2_activation", "stage_1_block_2_sum"]
    parts = [generator.get_layer(f"generator_{end}").output for end in ends]
    latents = np.random.default_rng(0).normal(size=(512, 64)).astype("float32")
    start, branch, after = keras.Model(generator.input, parts)(latents)
    np.testing.assert_array_equal(start, after)
    assert np.mean(np.square(start)) == pytest.approx(1.0, rel=0.15)
    # Padding with zeros takes a part of what the 3x3 kernels at the border of 4x4 maps see.
    seen = ((4 + 2 * 3) / 12) ** 2
    assert np.mean(np.square(branch)) == pytest.approx(seen * 6**-1.0, rel=0.2)
    kernel = discriminator.get_layer("discriminator_stage_1_block_1_grouped").kernel
    expected = np.sqrt(2 / 1.04 / (9 * 16)) * 6**-0.25
    assert np.std(kernel) == pytest.approx(expected, rel=0.03)
    basis = discriminator.get_layer("discriminator_basis").get_weights()[0]
    assert np.std(basis) == pytest.approx(1 / 4, rel=0.1)


def test_every_layer_of_resnets_discriminator_is_normalised():
    _, discriminator = networks.resnet((8, 8, 1), num_classes=2, discriminator_filters=2)
    weights = [layer for layer in discriminator.layers if layer.trainable_weights]
    assert len(weights) == 10 + 1  # three blocks, the last one's shortcut too; score; embedding
    assert all(isinstance(layer, SpectralNormalization) for layer in weights)


def test_resnets_size_is_the_papers():
    # 32x32, from 128 latents: dense, then blocks of 256 (128), as in the paper but for one halving
    # more and one block less at the end of the discriminator.
    generator, discriminator = networks.resnet(
        (32, 32, 3), generator_filters=256, discriminator_filters=128, widening=1
    )

    def block(a, b, shortcut=True):
        return 9 * a * b + b + 9 * b * b + b + (a * b + b) * shortcut

    norms = 2 * 256  # of a BatchNorm: scale and shift
    expected = 129 * 4 * 4 * 256 + 3 * (block(256, 256) + 2 * norms) + norms + 9 * 256 * 3 + 3
    assert sum(w.shape.num_elements() for w in generator.trainable_weights) == expected
    expected = block(3, 128) + 2 * block(128, 128) + block(128, 128, False) + 129
    assert sum(w.shape.num_elements() for w in discriminator.trainable_weights) == expected


def test_dcgan_stages_follow_from_the_size():
    counts = {}
    for shape in [(8, 8, 1), (28, 28, 1), (64, 64, 3)]:
        _, discriminator = networks.dcgan(shape, generator_filters=2, discriminator_filters=2)
        counts[shape[0]] = sum(
            isinstance(layer, keras.layers.Conv2D) for layer in discriminator.layers
        )
    assert counts == {8: 2, 28: 3, 64: 4}


@pytest.mark.parametrize("shape, last", [((2,), "linear"), ((3, 5), "linear"), ((8, 8, 3), "tanh")])
def test_mlp_ends_linear_for_vectors(shape, last):
    generator, discriminator = networks.mlp(shape, latent_dim=3, width=8, depth=2)
    samples = generator(100.0 * np.random.normal(size=(16, 3))).numpy()
    assert samples.shape == (16, *shape)
    assert (np.abs(samples).max() <= 1.0) == (last == "tanh")
    assert discriminator(samples).shape == (16, 1)


@pytest.mark.parametrize("family", [networks.mlp, networks.dcgan, networks.resnet, networks.r3gan])
def test_conditional_networks_read_the_label(family):
    generator, discriminator = family((8, 8, 1), latent_dim=4, num_classes=3)
    assert pairs.check_pair(generator, discriminator)[2]
    latents = np.ones((3, 4), "float32")
    labels = np.arange(3)
    samples = generator([latents, labels]).numpy()
    assert not np.allclose(samples[0], samples[1])
    logits = discriminator([np.repeat(samples[:1], 3, axis=0), labels]).numpy()
    assert not np.allclose(logits[0], logits[1])


def test_layer_names_say_whose_they_are():
    pairs = [networks.dcgan((8, 8, 1)), networks.mlp((2,)), networks.resnet((8, 8, 1))]
    pairs.append(networks.r3gan((8, 8, 1)))
    for network in (network for pair in pairs for network in pair):
        inner = [x for x in network.layers if not isinstance(x, keras.layers.InputLayer)]
        assert all(layer.name.startswith(network.name) for layer in inner)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: networks.resnet((28, 28)), "height, width, channels"),
        (lambda: networks.r3gan((8, 8, 1), filters=20), r"must divide.*filters=\[20, 40\]"),
        (lambda: networks.resnet((8, 8, 1), widening=0), "widening=0"),
        (lambda: networks.dcgan((28, 28)), "height, width, channels"),
        (lambda: networks.dcgan((3, 28, 1)), r"at least 4 pixels.*recipes.mlp\(\(3, 28, 1\)\)"),
        (lambda: networks.dcgan((28, 28, 1), latent_dim=0), "latent_dim=0"),
        (lambda: networks.dcgan((8, 8, 2)), r"1, 3 or 4 channels.*recipes.mlp\(\(8, 8, 2\)\)"),
        (lambda: networks.dcgan((9, 8, 8, 1)), r"1, 3 or 4 channels.*images.shape\[1:\]"),
        (lambda: recipes.dcgan("8x8"), "a tuple of positive integers.*image_shape='8x8'"),
        (lambda: recipes.dcgan(None), "a tuple of positive integers.*image_shape=None"),
        (
            lambda: recipes.dcgan(helpers.images(9)),
            r"must be a shape.*'ndarray of shape \(9, 8, 8, 1\)'. Pass `samples.shape\[1:\]`",
        ),
        (lambda: networks.mlp((0,)), r"sample_shape=\(0,\)"),
        (lambda: networks.mlp(()), r"sample_shape=\(\)"),
        (lambda: networks.mlp((2,), width=1.5), "width=1.5"),
        (lambda: networks.mlp((2,), num_classes=0), "num_classes=0"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("shape", [(8, 8, 8, 1), (8, 8, 5), (8,), (3, 8, 1)])
def test_what_is_no_image_is_told_networks_for_it(shape):
    codes = set()
    for make in (recipes.dcgan, recipes.r3gan, networks.resnet):
        with pytest.raises(ValueError) as caught:
            make(shape)
        codes.add(re.search(r"`(keras_gan.recipes.mlp\([^`]*)`", str(caught.value))[1])
    (code,) = codes
    assert eval(code, {"keras_gan": keras_gan}).sample_shape == shape


RECIPES = {
    "mlp": (recipes.mlp, (2,), 68_995),
    "dcgan": (recipes.dcgan, (8, 8, 1), 314_210),
    "wgan_gp": (recipes.wgan_gp, (8, 8, 1), 330_594),
    "r3gan": (recipes.r3gan, (8, 8, 1), 107_392),
    "sngan": (recipes.sngan, (8, 8, 1), 439_875),
}


@pytest.mark.parametrize(
    "name",
    [
        "dcgan",
        *(pytest.param(name, marks=pytest.mark.slow) for name in RECIPES if name != "dcgan"),
    ],
)
def test_recipes_are_what_they_were_and_train(name, tmp_path):
    make, shape, parameters = RECIPES[name]
    gan = make(shape, seed=3)
    trained = gan.generator.count_params() + gan.discriminator.count_params()
    assert trained == parameters
    before = helpers.values(gan.trainable_variables)
    rows = 8 * gan.discriminator_steps
    data = helpers.images(rows) if len(shape) == 3 else helpers.points(rows)
    gan.run_eagerly = True  # graphs take their time to make
    gan.train_on_batch(data)
    assert not helpers.same(before, helpers.values(gan.trainable_variables))
    gan.save(tmp_path / "gan.keras")
    twin = keras.saving.load_model(tmp_path / "gan.keras")
    assert twin.get_compile_config() == gan.get_compile_config() and twin.seed == 3


@pytest.mark.parametrize("family", [networks.dcgan, networks.resnet, networks.r3gan])
def test_half_precision_leaves_the_last_layers_full(family):
    before = keras.config.dtype_policy().name
    pair = family((8, 8, 1), precision="mixed_bfloat16")
    assert keras.config.dtype_policy().name == before
    for network, last in zip(pair, ("generator_image", "discriminator_score"), strict=True):
        dtypes = {}
        for layer in inspection.flat_layers(network):
            if layer.weights and not hasattr(layer, "layers"):
                dtypes.setdefault(layer.compute_dtype, []).append(layer.name)
        assert len(dtypes["bfloat16"]) > 1
        assert last in [name.removesuffix("_normalised") for name in dtypes["float32"]]
        assert network.outputs[0].dtype == "float32"


@pytest.mark.parametrize(
    "gains, policy",
    [(True, "mixed_bfloat16"), pytest.param(False, "float32", marks=pytest.mark.slow)],
)
def test_automatic_precision_asks_the_machine(monkeypatch, gains, policy):
    monkeypatch.setattr(policies, "_processor", lambda: {"avx512_bf16"} if gains else set())
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "1")
    few = {"generator_filters": 8, "discriminator_filters": 8}
    for recipe in (recipes.dcgan, recipes.sngan, recipes.wgan_gp):
        generator = recipe((16, 16, 1), **few).generator
        assert generator.get_layer("generator_dense").dtype_policy.name == policy
    for gan in (
        recipes.mlp((2,)),
        recipes.r3gan((16, 16, 1), filters=16),
        recipes.dcgan((8, 8, 1)),
    ):
        assert {layer.dtype_policy.name for layer in gan.generator.layers} == {"float32"}


def test_automatic_precision_leaves_a_policy_that_was_set(monkeypatch):
    monkeypatch.setattr(policies, "multiplies_bfloat16", lambda **_: True)
    with policies.scope("mixed_float16"):
        generator, _ = networks.dcgan((16, 16, 1), precision="auto")
    assert generator.get_layer("generator_dense").dtype_policy.name == "mixed_float16"


def test_networks_that_gain_on_accelerators_only(monkeypatch):
    monkeypatch.setattr(policies, "multiplies_bfloat16", lambda **_: True)
    generator, _ = networks.r3gan((8, 8, 1), precision="auto")
    assert "mixed_bfloat16" in {layer.dtype_policy.name for layer in generator.layers}


@pytest.mark.parametrize(
    "told, switch, gains",
    [
        ({"GenuineIntel", "avx512_bf16", "amx_bf16"}, "1", True),
        ({"AuthenticAMD", "avx512_bf16"}, "1", True),
        ({"GenuineIntel", "avx512_bf16"}, "1", False),
        ({"AuthenticAMD", "avx512f"}, "1", False),
        ({"amx_bf16"}, "0", False),
    ],
)
def test_what_a_processor_must_have(monkeypatch, told, switch, gains):
    monkeypatch.setattr(policies, "_processor", lambda: told)
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", switch)
    assert policies.multiplies_bfloat16() is gains


@pytest.mark.parametrize(
    "told, switch, used",
    [
        ({"avx2"}, None, False),
        ({"avx2", "avx_vnni"}, None, True),
        ({"avx2"}, "1", True),
        ({"avx512_vnni"}, "0", False),
    ],
)
def test_onednn_is_used_where_the_processor_or_its_switch_says_so(monkeypatch, told, switch, used):
    monkeypatch.setattr(policies, "_processor", lambda: told)
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    if switch is not None:
        monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", switch)
    assert policies.uses_onednn() is used
    assert policies.lacks_onednn() is (switch is None and not used)


def test_the_processor_is_known_where_linux_tells():
    told = pathlib.Path("/proc/cpuinfo")
    known = told.exists() and "\nflags" in told.read_text()
    assert bool(policies._processor()) is known


def test_an_unknown_precision_is_refused():
    before = keras.config.dtype_policy().name
    with pytest.raises(ValueError, match="float7"):
        networks.dcgan((8, 8, 1), precision="float7")
    assert keras.config.dtype_policy().name == before


def test_a_recipes_precision_touches_nothing_else():
    before = keras.config.dtype_policy().name
    gan = recipes.dcgan((8, 8, 1), precision="mixed_bfloat16")
    assert keras.config.dtype_policy().name == before
    assert gan.discriminator.get_layer("discriminator_conv_1").compute_dtype == "bfloat16"
    gan.run_eagerly = True
    logs = gan.train_on_batch(helpers.images(8), return_dict=True)
    assert all(np.isfinite(value) for value in logs.values())
    assert gan.generate(2, seed=0).dtype == np.float32


def test_the_cost_of_a_pass():
    generator, discriminator = networks.mlp((2,), latent_dim=4, width=8, depth=1)
    assert compute_cost.multiply_adds(generator) == 4 * 8 + 8 * 2
    assert compute_cost.multiply_adds(discriminator) == 2 * 8 + 8
    _, discriminator = networks.dcgan((8, 8, 1), discriminator_filters=2)
    # A wrapped convolution counts at all its positions, beside the vector of its wrapper.
    inputs = keras.Input((8, 8, 1))
    wrapped = SpectralNormalization(keras.layers.Conv2D(2, 3, padding="same"))
    assert compute_cost.multiply_adds(keras.Model(inputs, wrapped(inputs))) == 64 * (9 * 2 + 2)
    # 4x4 kernels from 8x8x1 to 4x4x2 to 2x2x4, then 16 to 1.
    assert compute_cost.multiply_adds(discriminator) == 16 * 16 * 2 + 4 * 16 * 2 * 4 + 16
