"""Mistakes in a game that were told in words meant for a GAN, or not at all."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import Input, Model, layers

from keras_gan import AdversarialModel, Critic, losses, regularizers, terms

ROWS = np.random.default_rng(0).normal(size=(16, 4)).astype("float32")
DATA = {"x": ROWS, "r": ROWS[::-1].copy()}


def judge(*sizes):
    inputs = [Input((size,)) for size in sizes]
    joined = layers.Concatenate()(inputs) if len(inputs) > 1 else inputs[0]
    return Model(inputs, layers.Dense(1)(joined))


def game(**options):
    """A game of one row to another."""
    x = Input((4,), name="x")
    model = AdversarialModel(
        Model({"x": x}, {"y": layers.Dense(4)(x)}), Critic(judge(4), real="r", fake="y", **options)
    )
    model.compile(terms=[terms.L1("r", "y")], run_eagerly=True)
    return model


def table(real=("num_r", "a_r"), fake=("num", "a"), **options):
    """A game whose critic judges numbers and classes together."""
    x = Input((4,), name="x")
    outputs = {"num": layers.Dense(3)(x), "a": layers.Dense(4, "softmax")(x)}
    model = AdversarialModel(Model({"x": x}, outputs), Critic(judge(3, 4), real=real, fake=fake))
    model.compile(run_eagerly=True, **options)
    return model


def images(values=(), reads=()):
    x, judged = Input((8, 8, 1), name="x"), Input((8, 8, 1))
    generator = Model({"x": x}, {"y": layers.Conv2D(1, 3, padding="same")(x)})
    critic = Critic(Model(judged, layers.Conv2D(1, 8)(judged)), real="r", fake="y")
    model = AdversarialModel(generator, critic, values=values)
    model.compile(terms=[terms.L1(name, "y") for name in ("r", *reads)], run_eagerly=True)
    return model


# === Weights of rows ===


@pytest.mark.parametrize("name", ["sample_weight", "class_weight"])
def test_weights_of_a_game_are_an_entry(name):
    with pytest.raises(TypeError, match=r"Critic\(..., sample_weight='w'\)`, and `'w': weights`"):
        game().fit(DATA, **{name: np.ones(16)})


def test_weights_are_a_name():
    with pytest.raises(ValueError, match=r"must be the name of an entry.*`sample_weight='w'`"):
        game(sample_weight=np.ones(16))


@pytest.mark.parametrize("batched", [False, True])
def test_weights_are_one_number_a_row(batched):
    data = {**DATA, "w": np.ones((16, 3))}
    data = tf.data.Dataset.from_tensor_slices(data).batch(8) if batched else data
    with pytest.raises(ValueError, match="which weights of rows have.*Give one number for each"):
        game(sample_weight="w").fit(data)


def test_weights_may_be_a_column():
    model = game(sample_weight="w")
    for weights in (np.ones(16), np.ones((16, 1)), np.ones(16, "int64")):
        model.train_on_batch({**DATA, "w": weights})


@pytest.mark.parametrize("name", ["w", "x"])
def test_a_single_number_is_no_entry(name):
    data = {**DATA, "w": np.ones(16), name: 1.0}
    with pytest.raises(ValueError, match=r"must have a value for each row.*np.full\(num_rows, 1.0"):
        game(sample_weight="w").fit(data)


# === Values ===


def test_a_range_tells_of_values_and_of_one_scale():
    numbers = np.full((4, 8, 8, 1), 39.0, "float32")
    with pytest.raises(ValueError, match=r"by the same numbers.*values=\['r', ...\]") as error:
        images().fit({"x": -numbers / 39.0, "r": numbers})
    assert "127.5" not in str(error.value)
    images(["r", "x"]).train_on_batch({"x": numbers, "r": numbers})


def test_values_are_read_by_the_model():
    with pytest.raises(ValueError, match=r"unread=\['rr'\]. Did you mean 'r'"):
        images(["x", "rr"])


def test_an_entry_that_a_term_alone_reads_may_be_values():
    numbers = np.full((4, 8, 8, 1), 39.0, "float32")
    data = {"x": -numbers / 39.0, "r": -numbers / 39.0, "aim": numbers}
    images(["aim"], reads=["aim"]).train_on_batch(data)


# === Shapes and order ===

CLASSES = {"x": ROWS, "num_r": ROWS[:, :3], "a_r": np.arange(16) % 4}


def test_classes_where_one_hot_rows_are_needed():
    with pytest.raises(ValueError, match=r"make them one-hot: `np.eye\(4\)\[x\['a_r'\]\]`"):
        table().fit(CLASSES)
    table().train_on_batch({**CLASSES, "a_r": np.eye(4)[CLASSES["a_r"]]})


def test_names_in_another_order_than_the_inputs():
    with pytest.raises(ValueError, match="in the order of their names"):
        table(fake=("a", "num"))
    with pytest.raises(ValueError, match="in the order of their names"):
        table(real=("a_r", "num_r")).fit({**CLASSES, "a_r": np.eye(4)[CLASSES["a_r"]]})


def named(*names):
    inputs = {name: Input((4,), name=name) for name in names}
    return Model(inputs, layers.Dense(1)(layers.Concatenate()(list(inputs.values()))))


def test_a_dict_of_inputs_is_in_the_order_of_the_names():
    x = Input((4,), name="x")
    generator = Model({"x": x}, {"y": layers.Dense(4)(x)})
    AdversarialModel(generator, Critic(named("r", "x"), real="r", fake="y", condition="x"))
    AdversarialModel(generator, Critic(named("b", "a"), real="r", fake="y", condition="x"))
    with pytest.raises(ValueError, match=r"by position, .*: r, x\. .*\['x', 'r'\]"):
        AdversarialModel(generator, Critic(named("x", "r"), real="r", fake="y", condition="x"))


def test_a_subclass_is_built_by_a_dict():
    class Unbuilt(keras.Model):
        def call(self, inputs):
            return {"y": inputs["x"]}

    with pytest.raises(ValueError, match=r"`generator\({'photo': photos\[:1\], ...}\)`"):
        AdversarialModel(Unbuilt(), Critic(judge(4), real="r", fake="y"))


# === Parts of one's own ===


class ReadsReals(losses.NonSaturating):
    def generator_loss(self, real_logits, fake_logits):
        return (fake_logits - real_logits)[:, 0]


def test_a_loss_that_reads_reals_says_so():
    model = game(loss=ReadsReals())
    with pytest.raises(ValueError, match="Set `generator_needs_real = True` in the class Reads"):
        model.train_on_batch(DATA)


class Bare(regularizers.Regularizer):
    def __init__(self):
        self.target = 1.0

    def value(self, discriminator, real, fake, **given):
        return real[:, 0]


class Seedless(regularizers.Regularizer):
    def value(self, discriminator, real, fake):
        return real[:, 0]


def test_regularizers_are_made_as_the_step_calls_them():
    with pytest.raises(ValueError, match=r"Bare must call `super\(\).__init__\(weight\)`"):
        game(regularizers=[Bare()])
    with pytest.raises(
        ValueError, match=r"`Seedless.value` must take `\(discriminator, real, fake"
    ):
        game(regularizers=[Seedless(1.0)])


@pytest.mark.parametrize("read", [np.abs, lambda x: np.mean(np.asarray(x)), lambda x: x.numpy()])
def test_a_term_that_uses_numpy_is_told(read):
    class Foreign(terms.Term):
        reads = ("y",)

        def value(self, scene):
            return read(scene["y"])

    model = game()
    model.compile(terms=[Foreign()])
    with pytest.raises(ValueError, match="'foreign' must compute with `keras.ops`"):
        model.train_on_batch(DATA)


# === Metrics ===


def accuracy():
    return keras.metrics.CategoricalAccuracy()


def test_metrics_of_keras_are_objects():
    with pytest.raises(ValueError, match=r"as an object: `keras.metrics.MeanAbsoluteError\(\)`"):
        table(metrics={("num_r", "num"): ["mae"]})


def test_metrics_of_one_name_are_told_apart_by_their_class():
    doubled = {("a_r", "a"): [accuracy()], ("num_r", "num"): [accuracy()]}
    with pytest.raises(ValueError, match=r"CategoricalAccuracy\(name='categorical_accuracy_of_num"):
        table(metrics=doubled)


def test_a_pair_of_metrics_is_of_two_names():
    with pytest.raises(ValueError, match="must be pairs of names.*its own metrics"):
        table(metrics={(("num_r", "a_r"), ("num", "a")): ["kid"]})


def test_metrics_without_names_say_which_they_compare():
    with pytest.warns(UserWarning, match=r"'num_r' with 'num' alone, .* and not 'a_r'"):
        table(metrics=["kid"])
    table(metrics={("num_r", "num"): ["kid"]})
