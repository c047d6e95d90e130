"""The page about games of one's own: its games are short, and its sentences are what one sees."""

import keras
import numpy as np
import pytest
from keras import layers, ops

import keras_gan
import pages
from keras_gan import AdaptiveWeight, AdversarialModel, Critic, terms

PAGE = pages.DOCS / "your_own_game.md"
IMAGES = np.random.default_rng(0).integers(0, 256, (8, 8, 8, 1), "uint8")
PAIR = {"damaged": IMAGES, "image": IMAGES}


def judge(count=2, end=None):
    images = [keras.Input((8, 8, 1)) for _ in range(count)]
    x = layers.Concatenate()(images) if count > 1 else images[0]
    return keras.Model(images, (end or layers.Conv2D(1, 8))(x))


def model(network=None, output="repaired", **options):
    """The page's second game with something else about its critic."""
    damaged = keras.Input((8, 8, 1), name="damaged")
    last = layers.Conv2D(1, 3, padding="same", activation="tanh", name="last")
    options = {"real": "image", "fake": "repaired", "condition": "damaged", **options}
    generator = keras.Model({"damaged": damaged}, {output: last(damaged)})
    return AdversarialModel(generator, Critic(network or judge(), **options))


def fitted(data, wanted=(), made=None):
    made = model() if made is None else made
    made.compile(terms=wanted)
    made.fit(data, batch_size=4, verbose=0)


def of_noise():
    latents = keras.Input((3,), name="latents")
    made = layers.Reshape((8, 8, 1))(layers.Dense(64)(latents))
    critic = Critic(judge(1), real="image", fake="generated")
    return AdversarialModel(keras.Model({"latents": latents}, {"generated": made}), critic)


class Unlisted(terms.Term):
    reads = ("repaired",)

    def value(self, scene):
        return ops.mean(scene["repaired"] - scene["imag"], axis=(1, 2, 3))


class Keeping(terms.Term):
    reads = ("repaired",)

    def __init__(self):
        super().__init__()
        self.mean = keras.Variable(0.0, trainable=False)


class Unregistered(terms.Term):
    reads = ("repaired",)

    def value(self, scene):
        return ops.mean(scene["repaired"], axis=(1, 2, 3))


def saved(path):
    made = model()
    made.compile(terms=[Unregistered()])
    made.save(path / "game.keras")


def balanced():
    fitted(PAIR, made=model(weight=AdaptiveWeight("last")))


L1, DENSE = terms.L1, keras.Sequential([layers.Flatten(), layers.Dense(10)])
MISTAKES = {
    "an entry is missing or misspelled": lambda path: fitted({"damaged": IMAGES, "img": IMAGES}),
    "noise without a prior": lambda path: fitted({"image": IMAGES}, made=of_noise()),
    "entries of several lengths": lambda path: fitted({**PAIR, "image": IMAGES[:5]}),
    "an input and an output have one name": lambda path: model(output="damaged"),
    "the critic's network lacks an input": lambda path: model(judge(1)),
    "the critic ends in `Dense(10)`": lambda path: model(judge(end=DENSE)),
    "the critic judges what nobody makes": lambda path: model(fake="repared"),
    "a term reads nothing that the generator makes": lambda path: fitted(
        PAIR, [L1("image", "damaged")]
    ),
    "a term reads a name that it does not list": lambda path: fitted(PAIR, [Unlisted()]),
    "a term holds a variable that it does not list": lambda path: fitted(PAIR, [Keeping()]),
    "two terms of one name": lambda path: fitted(PAIR, [L1("image", "repaired")] * 2),
    "an adaptive weight without terms": lambda path: balanced(),
    "images as floats in [0, 255]": lambda path: fitted(
        {**PAIR, "image": IMAGES + np.float32(255.0)}
    ),
    "`generate` without an input": lambda path: model().generate(4),
    "a term is saved that is not registered": saved,
}
CURES = {
    "noise without a prior": "`priors={'latents': 'normal'}`",
    "an entry is missing or misspelled": "Rename 'img' if it is 'image'.",
    "the critic judges what nobody makes": "Did you mean 'repaired'?",
    "entries of several lengths": "`keras_gan.data.unpaired`",
    "an adaptive weight without terms": "keras_gan.terms.L1",
}
assert CURES.keys() <= MISTAKES.keys()


def rows():
    """The mistakes and sentences of the page's last table."""
    lines = PAGE.read_text().partition("| mistake |")[2].splitlines()[2:]
    found = {}
    for line in lines:
        if not line.startswith("|"):
            break
        mistake, sentence = (cell.strip() for cell in line.strip("|").split(" | "))
        found[mistake] = sentence
    return found


def test_the_page_has_five_games_of_at_most_thirty_lines():
    blocks = (block.strip().splitlines() for block in pages.blocks(PAGE, "python"))
    first, *games, with_state, loss = blocks
    assert len(games) == 5
    assert all(len(lines) <= 30 for lines in (first, *games, with_state))
    assert len(loss) <= 40


def test_each_mistake_of_the_page_is_tried():
    assert set(rows()) == set(MISTAKES)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_in_the_page_s_sentence(mistake, tmp_path):
    with pytest.raises(ValueError) as error:
        MISTAKES[mistake](tmp_path)
    assert str(error.value).startswith(rows()[mistake])
    assert CURES.get(mistake, "") in str(error.value)


def test_single_numbers_are_given_to_generate_as_a_column_or_not():
    amount = keras.Input((1,), name="amount")
    generator = keras.Model({"amount": amount}, {"made": layers.Dense(1)(amount)})
    network = keras.Sequential([keras.Input((1,)), layers.Dense(1)])
    made = AdversarialModel(generator, Critic(network, real="row", fake="made"))
    numbers = np.array([0.1, 0.2, 0.3])
    expected = made.generate(inputs={"amount": numbers[:, None]})
    np.testing.assert_array_equal(made.generate(inputs={"amount": numbers}), expected)
    one = made.generate(3, inputs={"amount": numbers[:1]})
    np.testing.assert_array_equal(one, np.repeat(expected[:1], 3, axis=0))


def test_a_network_that_terms_alone_train_needs_no_logits():
    x = keras.Input((8, 8, 1))
    heads = keras.Model(x, {"classes": layers.Dense(3)(layers.Flatten()(x))})
    with pytest.raises(ValueError, match="must return logits, or a dict with 'logits'"):
        model(heads, condition=())
    made = model(heads, condition=(), loss="none", name="task")
    made.compile(terms=[keras_gan.terms.Classification("labels")], run_eagerly=True)
    before = heads.trainable_variables[0].numpy()
    made.train_on_batch({**PAIR, "labels": np.arange(8) % 3})
    assert (heads.trainable_variables[0].numpy() != before).any()
    assert made.score({"image": IMAGES})["classes"].shape == (8, 3)
