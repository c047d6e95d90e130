"""Games with a loss, penalty, term or layer of one's own: each trains and is loaded again.

The claims of `docs/coverage.md` about programs whose pieces are not in the package.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import Input, Model, layers, ops

from game_parts import BoundaryEquilibrium
from keras_gan import AdversarialModel, Critic, losses, priors, regularizers, terms
from runs import assert_same_state

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(0)
ROWS, OTHERS = (RNG.normal(size=(16, 6)).astype("float32") for _ in range(2))
CLASSES = RNG.integers(0, 5, 16).astype("int32")
register = keras.saving.register_keras_serializable("tests")


def dense(inputs, outputs, name=None):
    return keras.Sequential(
        [Input((inputs,)), layers.Dense(8, "relu"), layers.Dense(outputs)], name=name
    )


def of_latents():
    return Model({"latents": (z := Input((4,), name="latents"))}, {"generated": dense(4, 6)(z)})


def plain(network, **options):
    critic = Critic(network, real="row", fake="generated")
    model = AdversarialModel(of_latents(), critic, priors={"latents": "normal"})
    model.compile(**options)
    return model, {"row": ROWS}


# === Losses ===


@register
class BoundarySeeking(losses.NonSaturating):
    """`f^2 / 2`: samples on the critic's boundary (BGAN, arXiv:1702.08431)."""

    def generator_loss(self, real_logits, fake_logits):
        return ops.square(fake_logits[:, 0]) / 2.0


@register
class Softmax(losses.AdversarialLoss):
    """A softmax over the samples of both sides (Softmax GAN, arXiv:1704.06191)."""

    threshold = None
    generator_needs_real = True

    def discriminator_loss(self, real_logits, fake_logits):
        return real_logits[:, 0] + self._log_sum(real_logits, fake_logits)

    def generator_loss(self, real_logits, fake_logits):
        both = (real_logits[:, 0] + fake_logits[:, 0]) / 2.0
        return both + self._log_sum(real_logits, fake_logits)

    def _log_sum(self, *logits):
        return ops.logsumexp(-ops.concatenate(logits, axis=0))


@register
class Energy(losses.AdversarialLoss):
    """Errors of an autoencoder, those of generated samples up to a margin (EBGAN)."""

    threshold = None

    def discriminator_loss(self, real_logits, fake_logits):
        return real_logits[:, 0] + ops.relu(1.0 - fake_logits[:, 0])

    def generator_loss(self, real_logits, fake_logits):
        return fake_logits[:, 0]


@register
class PullAway(terms.Term):
    """Mean squared cosine between the codes of different samples (EBGAN, arXiv:1609.03126)."""

    reads, critics, needs = (), (None,), ((None, "features"),)

    def value(self, scene):
        codes = ops.cast(scene.fake(None)["features"], "float32")
        codes = codes / (ops.norm(codes, axis=1, keepdims=True) + 1e-6)
        cosines = ops.square(ops.matmul(codes, ops.transpose(codes)))
        count = ops.cast(ops.shape(codes)[0], "float32")
        return (ops.sum(cosines) - count) / (count * (count - 1.0))


def autoencoder():
    x = Input((6,))
    code = dense(6, 3)(x)
    error = ops.mean(ops.square(x - dense(3, 6)(code)), axis=1, keepdims=True)
    return Model(x, {"logits": error, "features": code})


def bgan():
    return plain(dense(6, 1), loss=BoundarySeeking())


def softmax_gan():
    return plain(dense(6, 1), loss=Softmax())


def began():
    return plain(autoencoder(), loss=BoundaryEquilibrium())


def ebgan():
    return plain(autoencoder(), loss=Energy(), terms=[PullAway(0.1)])


# === A penalty ===


@register
class Divergence(regularizers.Regularizer):
    """`|g|^6` at both sides (WGAN-div, arXiv:1712.01026)."""

    def __init__(self, weight=2.0, **options):
        super().__init__(weight, **options)

    def value(self, discriminator, real, fake, **given):
        gradients = [regularizers.input_gradients(discriminator, side) for side in (real, fake)]
        return sum(ops.power(regularizers.squared_norms(g), 3) for g in gradients) / 2.0


def wgan_div():
    return plain(dense(6, 1), loss="wasserstein", regularizers=[Divergence()])


# === Terms and layers ===


def cogan():
    z, start, end = Input((4,), name="latents"), layers.Dense(8, "relu"), layers.Dense(1)
    h = start(z)
    generator = Model({"latents": z}, {"fake_a": layers.Dense(6)(h), "fake_b": layers.Dense(6)(h)})
    critics = []
    for side in "ab":
        x = Input((6,))
        network = Model(x, end(layers.Dense(8, "relu")(x)), name=f"judge_{side}")
        critics.append(Critic(network, real=side, fake=f"fake_{side}", name=f"of_{side}"))
    model = AdversarialModel(generator, critics, priors={"latents": "normal"})
    model.compile()
    return model, {"a": ROWS, "b": OTHERS}


@register
class CrossEntropy(terms.Term):
    """Of two outputs: one-hot rows and logits (ClusterGAN, arXiv:1809.03627)."""

    reads = ("chosen", "found")

    def value(self, scene):
        return ops.categorical_crossentropy(scene["chosen"], scene["found"], from_logits=True)


def cluster_gan():
    z, chosen = Input((4,), name="latents"), Input((5,), name="chosen")
    generated = dense(9, 6)(layers.Concatenate()([z, chosen]))
    h = layers.Dense(8, "relu")(generated)
    outputs = {"generated": generated, "again": layers.Dense(4)(h), "found": layers.Dense(5)(h)}
    model = AdversarialModel(
        Model({"latents": z, "chosen": chosen}, outputs),
        Critic(dense(6, 1), real="row", fake="generated"),
        priors={"latents": "normal", "chosen": priors.Categorical(5)},
    )
    model.compile(
        loss="wasserstein",
        regularizers=["gradient_penalty"],
        terms=[terms.L2("latents", "again", weight=10.0), CrossEntropy(10.0)],
    )
    return model, {"row": ROWS}


@register
class Encoder(layers.Layer):
    """An encoder that one of its uses does not train (BicycleGAN, arXiv:1711.11586)."""

    def __init__(self, **options):
        super().__init__(**options)
        self.network = dense(6, 3)

    def call(self, x, learn=True):
        if learn:
            return self.network(x)
        weights = [ops.stop_gradient(v.value) for v in self.network.trainable_variables]
        return self.network.stateless_call(weights, [], x)[0]


def bicycle_gan():
    a, b, z = Input((6,), name="a"), Input((6,), name="b"), Input((3,), name="latents")
    encode, paint = Encoder(), dense(9, 6)
    code = encode(b)
    sampled = paint(layers.Concatenate()([a, z]))
    outputs = {
        "painted": paint(layers.Concatenate()([a, code])),
        "sampled": sampled,
        "code": code,
        "again": encode(sampled, learn=False),
    }
    critics = [
        Critic(dense(6, 1), real="b", fake="painted", name="of_painted"),
        Critic(dense(6, 1), real="b", fake="sampled", name="of_sampled"),
    ]
    generator = Model({"a": a, "b": b, "latents": z}, outputs)
    model = AdversarialModel(generator, critics, priors={"latents": "normal"})
    model.compile(
        loss="least_squares",
        terms=[terms.L1("b", "painted", weight=10.0), terms.L1("latents", "again", weight=0.5)],
    )
    return model, {"a": ROWS, "b": OTHERS}


def pixel_da():
    x, z = Input((6,), name="source"), Input((4,), name="latents")
    adapted = dense(10, 6)(layers.Concatenate()([x, z]))
    image = Input((6,))
    classes = Model(image, {"classes": dense(6, 5)(image)})
    critics = [
        Critic(dense(6, 1), real="target", fake="adapted"),
        Critic(classes, real="source", fake="adapted", loss="none", name="task"),
    ]
    model = AdversarialModel(
        Model({"source": x, "latents": z}, {"adapted": adapted}),
        critics,
        priors={"latents": "normal"},
    )
    model.compile(loss="least_squares", terms=[terms.Classification("labels", critic="task")])
    return model, {"source": ROWS, "labels": CLASSES, "target": OTHERS}


def semi_supervised():
    x = Input((6,))
    h = layers.Dense(8, "relu")(x)
    network = Model(x, {"logits": layers.Dense(1)(h), "classes": layers.Dense(6)(h)})
    critics = [
        Critic(network, real="row", fake="generated"),
        # The same network, trained on generated samples by a term: their class is the last one.
        Critic(network, real="generated", loss="none", name="of_fakes"),
    ]
    model = AdversarialModel(of_latents(), critics, priors={"latents": "normal"})
    model.compile(
        terms=[
            terms.Classification("labels", critic="critic", player="discriminator"),
            terms.Classification("fake", critic="of_fakes", player="discriminator"),
        ]
    )
    return model, {"row": ROWS, "labels": CLASSES, "fake": np.full(16, 5, "int32")}


GAMES = [
    bgan,
    softmax_gan,
    began,
    ebgan,
    wgan_div,
    cogan,
    cluster_gan,
    bicycle_gan,
    pixel_da,
    semi_supervised,
]


@pytest.mark.parametrize("game", GAMES, ids=[game.__name__ for game in GAMES])
def test_it_trains_and_is_loaded_again(game, tmp_path):
    keras.utils.set_random_seed(0)
    model, data = game()
    kernels = [v for v in model.trainable_variables if len(v.shape) == 2]
    before = [kernel.numpy() for kernel in kernels]
    history = model.fit(data, batch_size=4, epochs=2, verbose=0).history
    assert all(np.isfinite(values).all() for values in history.values())
    assert all((old != new.numpy()).any() for old, new in zip(before, kernels, strict=True))
    model.save(tmp_path / "game.keras")
    loaded = keras.saving.load_model(tmp_path / "game.keras")
    assert_same_state(loaded, model.run_state())  # with that of the loss


def test_the_state_of_a_loss_moves():
    model, data = began()
    model.fit(data, batch_size=4, verbose=0)
    assert model.adversarial_loss.k.numpy() != np.float32(0.1)


def test_an_encoder_learns_only_where_it_shall():
    x = Input((6,), name="row")
    encode = Encoder()
    learns = Model(x, [encode(x), encode(x, learn=False)])
    with tf.GradientTape(persistent=True) as tape:
        code, fixed = learns(ROWS)
    np.testing.assert_array_equal(code, fixed)
    variables = encode.trainable_variables
    assert all(g is not None for g in tape.gradient(code, variables))
    assert all(g is None for g in tape.gradient(fixed, variables))
