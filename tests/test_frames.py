"""Data frames are taken as numbers, or refused by the names of their columns."""

import decimal
import re
import types

import numpy as np
import pytest
import tensorflow as tf

import helpers
import keras_gan
from keras_gan.feeding import fit_data, sample_spec, tables
from sample_feeds import Tensor, told


class Column:
    """What a column of pandas has that is needed here."""

    def __init__(self, values, dtype=None, missing=0):
        self.values = np.asarray(values)
        self.dtype = dtype or self.values.dtype
        self.missing = missing

    def __iter__(self):
        return iter(self.values)

    def __len__(self):
        return len(self.values)

    iloc = index = None

    def isna(self):
        return np.arange(len(self.values)) < self.missing

    def to_numpy(self, dtype=None):
        return self.values.astype(dtype)


class Frame:
    """What a data frame of pandas has that is needed here."""

    def __init__(self, columns):
        self.columns = list(columns)
        self._columns = list(columns.values())

    @property
    def iloc(self):
        return self

    def __getitem__(self, place):
        return self._columns[place[1]]

    def to_numpy(self):
        raise NotImplementedError

    def __len__(self):
        return len(self._columns[0])


def rows_of(arrays):
    """An array of type object with an array in each row."""
    found = np.empty(len(arrays), object)
    found[:] = [np.array(array) for array in arrays]
    return found


NULLABLE = types.SimpleNamespace(kind="i")
CATEGORIES = types.SimpleNamespace(kind="O", categories=["red", "blue"])


def test_frames_of_numbers_are_taken():
    columns = {
        "a": Column([0.5, 1.5]),
        "b": Column([True, False]),
        "c": Column([3, 4], NULLABLE),
        "d": Column(np.array([5, 6.5], object)),
        "e": Column(np.array([decimal.Decimal("7.5"), 8], object)),
    }
    found = tables.array(Frame(columns), "x")
    np.testing.assert_array_equal(found, [[0.5, 1, 3, 5, 7.5], [1.5, 0, 4, 6.5, 8]])
    assert found.dtype == np.float32
    # Two columns may have one title.
    twice = Frame({"a": Column([1.0]), "b": Column([2.0])})
    twice.columns = ["a", "a"]
    np.testing.assert_array_equal(tables.array(twice, "x"), [[1.0, 2.0]])
    np.testing.assert_array_equal(tables.array(Column([1, 2], NULLABLE), "y"), [1, 2])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"a": Column([1.0]), "colour": Column(["red"], CATEGORIES)},
            r"columns=\['colour'\].*pd.get_dummies\(x, columns=\['colour'\], dtype=float\)",
        ),
        ({"word": Column(np.array(["red"], object))}, r"columns=\['word'\].*get_dummies"),
        (
            {"word": Column(np.array(["red", None], object), missing=1)},
            r"pd.get_dummies\(x, columns=\['word'\], dummy_na=True, dtype=float\)",
        ),
        (
            {"a": Column(rows_of([[1.0], [2.0]]))},
            r"columns=\['a'\].*`np.stack\(list\(x\['a'\]\)\)`",
        ),
        (
            {"when": Column(np.zeros(1, "datetime64[s]"))},
            r"columns=\['when'\].*x.drop\(columns=\['when'\]\)",
        ),
        ({"z": Column(np.zeros(1, complex))}, r"columns=\['z'\].*x.drop\(columns=\['z'\]\)"),
        ({"age": Column([1, 2], NULLABLE, 1)}, r"missing_values=\{'age': 1\}.*x.dropna\(\)"),
        ({"age": Column([np.nan, 2.0], None, 1)}, r"missing_values=\{'age': 1\}"),
    ],
)
def test_columns_that_are_no_numbers_are_named(columns, message):
    assert re.search(message, told(lambda: tables.array(Frame(columns), "x")))


def test_frames_of_pandas():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(
        {
            "size": np.linspace(-1, 1, 8),
            "is_round": [True, False] * 4,
            "count": pd.array([1, 0] * 4, dtype="Int64"),
            "colour": pd.Categorical(["red", "blue"] * 4),
            "when": pd.date_range("2020-01-01", periods=8),
            "age": pd.array([1, None] * 4, dtype="Int64"),
        }
    )
    classes = pd.Series(["a", "b"] * 4, dtype="category")
    gan = helpers.watched((6,), num_classes=2)
    cures, errors = [], []
    # Each error's cure is followed, until there is none.
    for _ in range(8):
        try:
            gan.fit(frame, classes, batch_size=2, verbose=0)
            break
        except ValueError as error:
            errors.append(str(error))
            (cure,) = re.findall(r"`([xy][^`]*\)|[xy]\.[\w.]+|pd[^`]*)`[,.]", errors[-1])
            cures.append(cure)
            changed = eval(cure, {"x": frame, "y": classes, "pd": pd})
            if cure.startswith("y"):
                classes = changed
            else:
                classes, frame = classes[changed.index], changed
    assert [cure.split("(")[0] for cure in cures] == [
        "pd.get_dummies",
        "x.drop",
        "x.dropna",
        "y.cat.codes",
    ]
    assert gan.steps_seen == 2
    assert set(np.unique(gan.reference_labels)) == {0}


def test_missing_words_keep_a_column_of_their_own():
    pd = pytest.importorskip("pandas")
    x = pd.DataFrame({"colour": ["red", None, "blue", "red"]})
    text = told(lambda: tables.array(x, "x"))
    found = eval(re.search("`(pd[^`]*)`", text)[1], {"pd": pd, "x": x})
    np.testing.assert_array_equal(tables.array(found, "x").sum(axis=1), np.ones(4))


def test_a_series_of_arrays_is_stacked():
    images = Column(rows_of(helpers.images(8)))
    text = told(lambda: helpers.watched((8, 8, 1)).fit(images, verbose=0))
    found = eval(re.search("`(np.stack[^`]*)`", text)[1], {"np": np, "x": images})
    np.testing.assert_array_equal(found, helpers.images(8))
    text = told(lambda: tables.array(Column(rows_of([[1.0], [1.0, 2.0]])), "x"))
    assert "shapes=[(1,), (2,)]" in text and "one shape" in text


def test_categories_with_missing_rows_are_numbered_without_them():
    pd = pytest.importorskip("pandas")
    y = pd.Series(["a", None, "b"], dtype="category")
    text = told(lambda: tables.array(y, "y"))
    assert list(eval(re.search(r"`(y\.[^`]*)`", text)[1], {"y": y})) == [0, 1]


def test_no_other_door_differs():
    assert fit_data.checked_batch(
        Frame({"a": Column([0.5, 0.5])}), None, sample_spec.SampleSpec((1,), None)
    )[0].shape == (2, 1)
    assert sample_spec.checked(Tensor(np.zeros((2, 3)))).shape == (2, 3)
    with pytest.raises(ValueError, match="colour"):
        keras_gan.data.from_arrays(Frame({"colour": Column(["red"], CATEGORIES)}))
    assert tf.is_tensor(
        sample_spec.as_floats(sample_spec.checked(Frame({"a": Column([0.5, 0.5])})))
    )
