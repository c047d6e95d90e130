"""Conversion of data frames, whose columns may not be numeric.

pandas is not imported; objects are recognized by its methods.
"""

import decimal
import numbers

import numpy as np

from keras_gan import _checks

_NUMBERS = (numbers.Real, decimal.Decimal)


def is_table(values):
    """Whether this is a `pandas.DataFrame` or `pandas.Series`."""
    return hasattr(values, "iloc") and hasattr(values, "to_numpy")


def array(values, name):
    """The values of a data frame `(n, columns)` as float32, or those of a series unchanged.

    Boolean columns become 0 and 1; nullable columns must have no missing values.

    Raises:
        ValueError: with the names of columns that are not numeric or have missing values.
    """
    if not hasattr(values, "columns"):
        return _series(values, name)
    # By position: two columns may have the same name.
    columns = [(title, values.iloc[:, place]) for place, title in enumerate(values.columns)]
    _refuse_others([(t, column) for t, column in columns if not _is_number(column)], name)
    missing = {title: _missing(column) for title, column in columns if _missing(column)}
    _checks.check(
        not missing,
        f"`{name}` must have a number in each row of each column.",
        cure=f"Leave the other rows out, and their labels: `{name}.dropna()`.",
        missing_values=missing,
    )
    if not columns:
        return np.zeros((len(values), 0), "float32")
    return np.stack([column.to_numpy(dtype="float32") for _, column in columns], axis=1)


def _series(values, name):
    missing = _missing(values)
    categories = getattr(values.dtype, "categories", None)
    rest = ".dropna()" if missing else ""
    _checks.check(
        categories is None,
        f"`{name}` must be numbers, but these are categories.",
        cure=f"Use their numbers: `{name}{rest}.cat.codes`"
        + (", and leave the samples of the other rows out." if missing else "."),
        categories=None if categories is None else list(categories)[:5],
    )
    _checks.check(
        not missing,
        f"`{name}` must have a value in each row.",
        cure=f"Leave the others out, and their samples: `{name}.dropna()`.",
        missing_values=missing,
    )
    shapes = {np.shape(value) for value in values} if values.dtype == object else {()}
    _checks.check(
        shapes <= {()},
        f"`{name}` must be an array, but this is a series with an array in each row.",
        cure=_stacked(name) if len(shapes) == 1 else "Bring them to one shape.",
        shapes=sorted(shapes)[:5],
    )
    if isinstance(values.dtype, np.dtype):
        return np.asarray(values)
    kinds = {"b": "bool", "i": "int64", "u": "uint64", "f": "float64"}
    return values.to_numpy(dtype=kinds.get(getattr(values.dtype, "kind", "O"), object))


def _stacked(name):
    return f"Use `np.stack(list({name}))`."


def _refuse_others(others, name):
    """Raise an error for columns that are not numeric, text before dates and complex numbers."""
    of_arrays = [title for title, column in others if any(map(np.ndim, column))]
    _checks.check(
        not of_arrays,
        f"`{name}` must have columns of numbers, not of arrays.",
        cure=_stacked(f"{name}[{of_arrays[0]!r}]") if of_arrays else None,
        columns=of_arrays,
    )
    words = [(title, column) for title, column in others if _kind(column) not in "mMc"]
    titles = [title for title, _ in words or others]
    # Without a column of their own, missing values would be of no category.
    missing = ", dummy_na=True" if any(_missing(column) for _, column in words) else ""
    code = f"`pd.get_dummies({name}, columns={titles}{missing}, dtype=float)`"
    _checks.check(
        not others,
        f"`{name}` must have columns of numbers.",
        cure=f"Give each category a column: {code}."
        if words
        else f"Leave them out: `{name}.drop(columns={titles})`.",
        columns=titles,
        dtypes=[str(column.dtype) for _, column in words or others],
    )


def _kind(column):
    return getattr(column.dtype, "kind", "O")


def _is_number(column):
    if _kind(column) != "O":
        return _kind(column) in "bifu"
    categories = hasattr(column.dtype, "categories")
    return not categories and all(isinstance(value, _NUMBERS) for value in column)


def _missing(column):
    return int(column.isna().sum())
