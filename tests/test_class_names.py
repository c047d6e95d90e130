"""The names of classes stay with data sets, and go with the model into its files."""

import functools
import re
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

import helpers
from keras_gan import data
from keras_gan.evaluation import scoring
from keras_gan.feeding import class_names

NAMES = ["cat", "dog", "eel"]
LABELS = np.arange(24) % 3


@pytest.fixture(scope="module")
def dataset():
    return data.from_arrays(helpers.points(24), LABELS, batch_size=6, class_names=NAMES)


KEPT = {
    "take": lambda d: d.take(2),
    "skip": lambda d: d.skip(1),
    "shard": lambda d: d.shard(2, 0),
    "unbatch, batch": lambda d: d.unbatch().batch(4),
    "rebatch": lambda d: d.rebatch(3),
    "padded_batch": lambda d: d.unbatch().padded_batch(4),
    "shuffle, repeat": lambda d: d.shuffle(4).repeat(2),
    "cache, prefetch": lambda d: d.cache().prefetch(1),
    "filter": lambda d: d.filter(lambda x, y: True),
    "with_options": lambda d: d.with_options(tf.data.Options()),
}


@pytest.mark.parametrize("kind", KEPT)
def test_names_stay_where_labels_keep_their_meaning(dataset, kind):
    derived = KEPT[kind](dataset)
    assert derived.class_names == NAMES
    # What comes out is what comes out of TensorFlow's own data set.
    assert derived.element_spec[1].dtype == "int32"
    for _, labels in derived:
        assert set(labels.numpy()) <= {0, 1, 2}


def test_parts_have_their_lengths(dataset):
    assert len(list(dataset.take(2))) == 2 and len(dataset.skip(1)) == 3


def test_names_are_lost_where_labels_may_have_changed(dataset):
    assert not hasattr(dataset.map(lambda x, y: (x, y % 2)), "class_names")


def test_what_is_held_out_has_the_names(dataset):
    for source in dataset.source.split(0.5):
        assert source.dataset(2).class_names == NAMES


def test_data_without_names_have_none():
    assert data.from_arrays(helpers.points(8)).take(1).class_names is None


@pytest.mark.parametrize("names", ["cat", ["cat"], ["cat", "cat", "dog"], [1, 2, 3], [], [""], 3])
def test_names_are_checked(named, names):
    with pytest.raises(ValueError, match="`class_names` must .*Received: "):
        data.from_arrays(helpers.points(24), LABELS, class_names=names)
    with pytest.raises(ValueError, match="`class_names` must .*Received: "):
        named.class_names = names


def test_names_need_classes():
    with pytest.raises(ValueError, match="one name for each class.*classes=0"):
        data.from_arrays(helpers.points(8), class_names=NAMES)
    with pytest.raises(ValueError, match="one name for each class"):
        helpers.gan().class_names = NAMES


def test_a_model_takes_names_from_its_data_and_keeps_them_in_its_files(dataset, tmp_path):
    gan = helpers.gan(num_classes=3, run_eagerly=True)
    assert gan.class_names is None
    gan.fit(dataset.take(1), epochs=0, verbose=0)
    assert gan.class_names == tuple(NAMES)
    gan.fit(helpers.points(8), LABELS[:8], batch_size=8, epochs=0, verbose=0)  # an array tells none
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    assert loaded.class_names == tuple(NAMES)


def test_other_names_are_told():
    """A folder that has got another class gives its labels another meaning."""
    data_set = class_names.NamedDataset(tf.data.Dataset.range(3), ["ant", "cat", "dog"])
    told = "ant, cat, dog instead of cat, dog, eel.*class 0, so far cat, is ant from now on"
    with pytest.warns(UserWarning, match=told):
        assert class_names.learned(tuple(NAMES), data_set, 3) == ["ant", "cat", "dog"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert class_names.learned(("ant", "cat", "dog"), data_set, 3) == ["ant", "cat", "dog"]
        assert class_names.learned(tuple(NAMES), data_set, 4) == tuple(NAMES)  # which is which?
        assert class_names.learned(None, data_set, None) is None


def classes_by_point(data):
    return {tuple(x): int(y) for x, y in data.unbatch().as_numpy_iterator()}


def test_another_order_of_the_names_is_refused(named, dataset):
    x, y = helpers.points(24), LABELS
    other = data.from_arrays(x, y, batch_size=8, class_names=["eel", "cat", "dog"])
    right = data.from_arrays(x, np.array([2, 0, 1])[y], batch_size=8, class_names=NAMES)
    classes = classes_by_point(right)
    for name, call in {
        "x": lambda data: named.fit(data, verbose=0, shuffle=False),
        "validation_data": lambda data: named.fit(right, validation_data=data, verbose=0),
        " x": lambda data: named.evaluate(data, verbose=0),
    }.items():
        name = name.strip()
        with pytest.raises(ValueError, match=f"`{name}` must number its classes") as caught:
            call(other)
        assert named.class_names == tuple(NAMES) and named.steps_seen == 0
        code = re.search("`([^`]*)`", str(caught.value)[len(name) + 2 :])[1]
        mended = eval(code, {name: other, "tf": tf})
        assert classes_by_point(mended) == classes
    assert named.evaluate(mended.take(1), verbose=0)
    class_names.check_order(tuple(NAMES), dataset, "x")


# === Classes by name ===


@pytest.fixture(scope="module")
def named():
    keras.utils.set_random_seed(0)
    gan = helpers.gan(num_classes=3, run_eagerly=True)
    gan.class_names = NAMES
    return gan


LATENTS = np.random.default_rng(0).normal(size=(4, helpers.LATENT)).astype("float32")
RIGHT, OTHER = np.array([2, 0, 1, 0]), np.array([1, 0, 1, 0])
DOORS = {
    "generate": lambda gan, labels: gan.generate(latents=LATENTS, labels=labels),
    "predict": lambda gan, labels: gan.predict([LATENTS, labels], verbose=0),
    "interpolate": lambda gan, labels: gan.interpolate(*LATENTS[:2], steps=4, labels=labels),
    "score": lambda gan, labels: gan.score(helpers.points(4), labels),
}


@pytest.fixture(scope="module")
def known(named):
    """What a door gives for indices, by its name."""
    return functools.cache(lambda door: [DOORS[door](named, y) for y in (RIGHT, OTHER)])


FORMS = [
    ["eel", "cat", "dog", "cat"],
    ("eel", "cat", "dog", "cat"),
    np.array(["eel", "cat", "dog", "cat"]),
    np.array([["eel"], ["cat"], ["dog"], ["cat"]], object),
    tf.constant(["eel", "cat", "dog", "cat"]),
    ["eel", 0, np.int64(1), "cat"],
]


# Every form at one door, and a list and a column at each.
@pytest.mark.parametrize(
    ("door", "labels"),
    [
        *(("generate", labels) for labels in FORMS),
        *((door, FORMS[place]) for door in DOORS if door != "generate" for place in (0, 3)),
    ],
)
def test_classes_are_taken_by_name_wherever_labels_are(named, known, door, labels):
    expected, other = known(door)
    np.testing.assert_array_equal(DOORS[door](named, labels), expected)
    assert not np.allclose(other, expected)


def test_one_name_is_that_of_all_samples(named):
    expected = named.generate(3, labels=1, seed=0)
    np.testing.assert_array_equal(named.generate(3, labels="dog", seed=0), expected)
    assert len(named.generate(labels=["dog", "cat"])) == 2


@pytest.mark.parametrize("bad", [-1, 3])
@pytest.mark.parametrize("door", DOORS)
def test_a_class_that_there_is_not_gets_the_range_alone(named, door, bad):
    with pytest.raises(ValueError) as error:
        DOORS[door](named, [0, 1, bad, 0])
    low, high = min(0, bad), max(1, bad)
    assert str(error.value) == (
        f"`labels` must be class indices from 0 to 2. Received: minimum={low}, maximum={high}."
    )


@pytest.mark.parametrize(
    ("label", "shown"), [("dog", "'dog'"), (1, "1"), (np.int64(1), "1"), (np.str_("dog"), "'dog'")]
)
def test_one_class_in_a_list_is_told_how_to_stand_for_all(named, label, shown):
    with pytest.raises(ValueError, match="must agree.*num_samples=3, labels=1") as error:
        named.generate(3, labels=[label])
    assert str(error.value).endswith(f"For one class of all samples use `labels={shown}`.")
    assert len(named.generate(3, labels=eval(shown))) == 3
    with pytest.raises(ValueError, match="latents=4, labels=2. Give one label for each"):
        named.generate(latents=LATENTS, labels=["dog", "cat"])
    with pytest.raises(ValueError, match="num_samples=3, latents=4. Leave `num_samples` out"):
        named.generate(3, latents=LATENTS)


@pytest.mark.parametrize("door", DOORS)
def test_an_unknown_name_gets_the_known_ones_and_the_nearest(named, door):
    with pytest.raises(ValueError) as error:
        DOORS[door](named, ["cat", "Dogg", "eel", "cat"])
    assert str(error.value) == (
        "`labels` must be indices or names of classes. The model knows cat, dog, eel. "
        "Received: labels='Dogg'. Did you mean 'dog'?"
    )


def test_of_many_names_an_error_lists_some():
    names = [f"kind {number}" for number in range(1000)]
    with pytest.raises(ValueError, match=r"kind 39 and 960 more\. .* Did you mean 'kind 981'"):
        class_names.indices("kind981", names)


def test_names_of_a_model_that_knows_none():
    gan = helpers.gan(num_classes=3)
    with pytest.raises(ValueError, match="does not know the names.*`gan.class_names = "):
        gan.generate(labels=["cat"])
    gan.class_names = NAMES  # the cure
    assert gan.generate(labels=["cat"]).shape == (1, 2)
    with pytest.raises(ValueError, match="take no labels"):
        helpers.gan().generate(labels=["cat"])
    with pytest.raises(ValueError, match="indices or names of classes.*labels=2.5"):
        gan.generate(labels=["cat", 2.5])
    with pytest.raises(ValueError, match="`labels` must be one class, or one for each sample"):
        gan.generate(labels=[[0, 1], [2]])


@pytest.mark.parametrize("exported", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_an_evaluation_takes_names_too(named, exported, tmp_path):
    labels, generator = np.array(NAMES)[LABELS], named
    if exported:
        generator = tmp_path / "generator"
        named.export(generator)
        names = tf.saved_model.load(str(generator)).class_names()
        assert [name.decode() for name in names.numpy()] == NAMES
    expected, same, other = (
        scoring.evaluate_generator(each, (helpers.points(24), y), "sliced_wasserstein")
        for each, y in ((named, LABELS), (generator, labels), (generator, labels[::-1]))
    )
    assert same == pytest.approx(expected, rel=1e-5) != other
    with pytest.raises(ValueError, match="knows cat, dog, eel. Received: .*='emu'"):
        real = helpers.points(2), ["eel", "emu"]
        scoring.evaluate_generator(generator, real, "sliced_wasserstein")


def test_other_classes_than_the_generators_are_no_reals(named):
    other = data.from_arrays(helpers.points(24), LABELS, class_names=["ant", "cat", "dog"])
    with pytest.raises(ValueError, match="same order. Received: real=.*'ant'.*generator=.*'eel'"):
        scoring.evaluate_generator(named, other, "sliced_wasserstein", 8)
    cured = other.map(lambda x, y: (x, y))
    assert scoring.evaluate_generator(named, cured, "sliced_wasserstein", 8)
