"""Papers' games of rows: vectors instead of pictures, at toy size."""

import keras
import numpy as np
from keras import layers, ops

from game_parts import (
    ROWS,
    CrossEntropy,
    Empirical,
    Gumbel,
    PlayedGame,
    StyleMixing,
    adam,
    check,
    classes,
    dense,
    index,
    instance_noise,
    joined,
    judge,
    one_hot,
    projection,
    rows,
    vector,
)
from keras_gan import AdversarialModel, Critic, data, losses, schedules
from keras_gan.priors import Categorical
from keras_gan.regularizers import R1
from keras_gan.terms import (
    Classification,
    FeatureMatching,
    PathLength,
    Regression,
)


def plain_generator():
    latents = vector(4, "latents")
    return keras.Model({"latents": latents}, {"generated": dense(4, ROWS)(latents)})


def of_classes(name="labels", regularizer=None):
    """A generator of rows of a class."""
    latents, labels = vector(4, "latents"), index(name)
    inputs = joined(latents, layers.Embedding(5, 5)(labels))
    hidden = layers.Dense(16, "relu", kernel_regularizer=regularizer)(inputs)
    made = layers.Dense(ROWS)(hidden)
    return keras.Model({"latents": latents, name: labels}, {"generated": made})


def every_class(model, name="labels"):
    """Rows of all classes of the same latents differ."""
    given = {name: np.arange(5, dtype="int32"), "latents": np.zeros((1, 4), "float32")}
    made = model.generate(inputs=given)
    check(made, 5, ROWS)
    assert len(np.unique(made, axis=0)) == 5


def ac_gan():
    """Odena et al., ICML 2017: a critic that names classes."""
    model = AdversarialModel(
        of_classes(),
        Critic(judge(ROWS, heads={"classes": 5}), real="row", fake="generated"),
        priors={"latents": "normal", "labels": Categorical(5)},  # labels of the data, or drawn
    )
    model.compile(adam(), adam(), terms=[Classification("labels")])

    def use(model):
        check(model.generate(7), 7, ROWS)
        every_class(model)
        assert model.score({"row": rows(3)})["classes"].shape == (3, 5)

    return PlayedGame(model, {"row": rows(), "labels": classes()}, use)


def projection_gan():
    """Miyato & Koyama, ICLR 2018: a critic of pairs; fakes have classes of their own."""
    critic = Critic(
        projection(5), real="row", fake="generated", condition="labels", fake_condition="drawn"
    )
    priors = {"latents": "normal", "drawn": Categorical(5)}
    model = AdversarialModel(of_classes("drawn"), critic, priors=priors)
    model.compile(adam(), adam(), "hinge", regularizers=["r1"])
    given = {"row": rows(), "labels": classes()}

    def use(model):
        every_class(model, "drawn")
        inputs = {name: values[:3] for name, values in given.items()}
        assert model.score(inputs)["logits"].shape == (3, 1)

    return PlayedGame(model, given, use)


def info_gan():
    """Chen et al., NeurIPS 2016: codes that the critic reads back."""
    latents, digit, style = vector(4, "latents"), index("digit"), vector(2, "style")
    made = dense(16, ROWS)(joined(latents, layers.Embedding(10, 10)(digit), style))
    model = AdversarialModel(
        keras.Model({"latents": latents, "digit": digit, "style": style}, {"generated": made}),
        Critic(judge(ROWS, heads={"digit": 10, "style": 2}), real="row", fake="generated"),
        priors={"latents": "normal", "digit": Categorical(10), "style": "uniform"},
    )
    model.compile(
        adam(),
        adam(),
        terms=[
            Classification(fake_labels="digit", head="digit"),
            Regression(fake_labels="style", head="style", weight=0.1),
        ],
    )

    def use(model):
        sweep = {"digit": np.arange(10, dtype="int32"), "style": np.zeros((10, 2), "float32")}
        check(model.generate(inputs=sweep), 10, ROWS)  # given in place of drawn

    return PlayedGame(model, {"row": rows()}, use)


def semi_supervised():
    """Salimans et al., NeurIPS 2016: a classifier of K + 1 classes, few of the rows labelled."""
    row = keras.Input((ROWS,))
    hidden = layers.Dense(16, "relu")(row)
    kinds = layers.Dense(5)(hidden)  # D = Z / (Z + 1), Z the sum of their exponentials
    outputs = {"logits": ops.logsumexp(kinds, -1, keepdims=True), "classes": kinds}
    network = keras.Model(row, {**outputs, "features": [hidden]})
    model = AdversarialModel(
        plain_generator(),
        [
            Critic(network, real="row", fake="generated", weight=0.0),  # features alone teach
            Critic(network, real="labelled", loss="none", name="classifier"),
        ],
        priors={"latents": "normal"},
    )
    model.compile(
        adam(),
        adam(),
        terms=[
            Classification("labels", critic="classifier", player="discriminator"),
            FeatureMatching("critic", of="means"),
        ],
    )
    labelled = {"labelled": rows(10), "labels": classes(10)}

    def use(model):
        found = model.score({"labelled": rows(3)}, critic="classifier")["classes"]
        assert found.shape == (3, 5)
        check(model.generate(3), 3, ROWS)

    return PlayedGame(model, data.unpaired({"row": rows()}, labelled, batch_size=4), use, None)


def big_gan():
    """Brock et al., ICLR 2019: orthogonal weights, two updates of the critic."""
    model = AdversarialModel(
        of_classes(regularizer=keras.regularizers.OrthogonalRegularizer(1e-4)),
        Critic(projection(5), real="row", fake="generated", condition="labels"),
        priors={"latents": "truncated_normal", "labels": Categorical(5)},
    )
    model.compile(adam(5e-5), adam(2e-4), "hinge", discriminator_steps=2)

    def use(model):
        check(model.generate(5, truncation=0.5), 5, ROWS)
        every_class(model)

    return PlayedGame(model, {"row": rows(), "labels": classes()}, use)


def style_gan2():
    """Karras et al., CVPR 2020: styles, mixed; the length of paths; lazy penalties."""
    latents, others = vector(4, "latents"), vector(4, "latents_2")
    mapping = dense(4, 6, name="mapping")
    styles = StyleMixing(name="mixing")([mapping(latents), mapping(others)])
    synthesis = keras.Sequential([keras.Input((2, 6)), layers.Flatten(), dense(12, ROWS)])
    model = AdversarialModel(
        keras.Model(
            {"latents": latents, "latents_2": others},
            {"generated": synthesis(styles), "styles": styles},
        ),
        Critic(judge(ROWS), real="row", fake="generated", regularizers=[R1(5.0, every=2)]),
        priors={"latents": "normal", "latents_2": "normal"},
    )
    model.compile(adam(), adam(), terms=[PathLength("styles", "generated", every=2)])

    def use(model):
        assert np.any(model.averaged_generator.get_layer("mixing").average.numpy() != 0.0)
        found = model.generate(4, seed=1, truncation=0.7, outputs=["generated", "styles"])
        check(found["generated"], 4, ROWS)
        np.testing.assert_array_equal(found["styles"][:, 0], found["styles"][:, 1])

    return PlayedGame(model, {"row": rows()}, use)


def ctgan():
    """Xu et al., NeurIPS 2019: rows of a table under a condition, judged by the ten."""
    kinds = classes(80, 3)
    conditions = one_hot(kinds, 3)
    table = np.concatenate([rows(80)[:, :2], conditions], 1)
    latents, condition = vector(4, "latents"), vector(3, "condition")
    hidden = layers.Dense(16, "relu")(joined(latents, condition))
    logits = layers.Dense(3)(hidden)
    made = joined(layers.Dense(2, "tanh")(hidden), Gumbel()(logits))
    generator = keras.Model(
        {"latents": latents, "condition": condition}, {"made": made, "category_logits": logits}
    )
    model = AdversarialModel(
        generator,
        Critic(judge(50, 30), real="row", fake="made", condition="condition", pack=10),
        # Of the data in training, drawn in use.
        priors={"latents": "normal", "condition": Empirical(np.bincount(kinds))},
    )
    model.compile(
        adam(2e-4),
        adam(2e-4),
        "wasserstein",
        regularizers=["gradient_penalty"],
        terms=[CrossEntropy("condition", "category_logits")],
    )

    def use(model):
        made = model.generate(7)
        check(made, 7, 5)
        np.testing.assert_allclose(made[:, 2:].sum(-1), 1.0, atol=1e-5)
        check(model.generate(inputs={"condition": conditions[:3]}), 3, 5)

    return PlayedGame(model, {"row": table, "condition": conditions}, use, 20)


def smoothing_and_noise():
    """Label smoothing, and instance noise on what the critic sees (Sonderby et al., 2017)."""
    critic = Critic(judge(ROWS), real="row", fake="generated")
    model = AdversarialModel(plain_generator(), critic, priors={"latents": "normal"})
    loss = losses.NonSaturating(label_smoothing=0.1)
    model.compile(adam(), adam(), loss, augment=instance_noise)
    return PlayedGame(model, {"row": rows()}, _sampled)


def noise_by_a_schedule():
    """The same noise as a condition of the critic, whose strength is drawn by a schedule."""
    row, sigma, blur = keras.Input((ROWS,)), keras.Input((1,)), keras.Input((ROWS,))
    network = keras.Model([row, sigma, blur], dense(ROWS, 1)(row + sigma * blur))
    critic = Critic(network, real="row", fake="generated", condition=("sigma", "blur"))
    fading = schedules.Linear(0.1, 0.0, over_steps=100)
    priors = {"latents": "normal", "sigma": fading, "blur": "normal"}
    model = AdversarialModel(plain_generator(), critic, priors=priors)
    model.compile(adam(), adam())
    return PlayedGame(model, {"row": rows()}, _sampled)


def clipping_and_replay():
    """Arjovsky et al., ICML 2017, with a pool of old samples (Shrivastava et al., CVPR 2017)."""
    critic = Critic(judge(ROWS), real="row", fake="generated", pool_size=10)
    model = AdversarialModel(plain_generator(), critic, priors={"latents": "normal"})
    model.compile(
        keras.optimizers.RMSprop(5e-5),
        keras.optimizers.RMSprop(5e-5),
        "wasserstein",
        regularizers=["weight_clipping"],
        discriminator_steps=5,
    )

    def use(model):
        weights = model.critics[0].network.get_weights()
        assert max(np.abs(w).max() for w in weights) <= 0.01
        _sampled(model)

    return PlayedGame(model, {"row": rows()}, use)


def _sampled(model):
    check(model.generate(3), 3, ROWS)
