"""The class of each cell of a grid, and the names of its rows."""

import numpy as np

from keras_gan import _checks, lettering
from keras_gan.feeding import class_names

# Default number of rows, and the maximum with one row per class.
DEFAULT_ROWS, _MOST_ROWS = 8, 100


class Cells:
    """The cells of a grid of samples; `rows`, `columns` and `labels` are those of `ImageGrid`.

    Attributes:
        rows: number of rows.
        columns: number of columns.
        classes: int array, one for each cell in reading order; `None` without classes.
        row_names: list of strings, or `None` if a row has several classes.
    """

    def __init__(self, rows, columns, labels, *, num_classes, names):
        self.rows, self.columns = rows or DEFAULT_ROWS, columns
        self.classes = self.row_names = None
        if num_classes is None:
            _checks.check(
                labels is None,
                "`labels` are for conditional models, and this one takes none.",
                cure="Leave them out.",
                labels=labels,
            )
            return
        labels = class_names.indices(labels, names)
        by_row = self._by_row(rows, labels, num_classes)
        self.classes = np.arange(self.count) % num_classes  # so that no class is left out
        if by_row is not None:
            self.classes = np.repeat(by_row, columns)
        elif labels is not None:
            self.classes = np.asarray(labels)
        _checks.check(
            self.classes.max() < num_classes,
            f"`labels` must be class indices from 0 to {num_classes - 1}.",
            labels=labels,
        )
        if by_row is not None:
            self.row_names = []
            for row, label in enumerate(by_row):
                name = lettering.drawable(class_names.shown(label, names), f"class {label}")
                self.row_names.append("" if row and label == by_row[row - 1] else name)

    @property
    def count(self):
        return self.rows * self.columns

    def _by_row(self, rows, labels, num_classes):
        """The class of each row, or `None` if a row has several."""
        if labels is None:
            self.rows = rows or min(num_classes, _MOST_ROWS)
            enough = self.rows >= num_classes or not rows
            return np.arange(self.rows) % num_classes if enough else None
        labels = np.asarray(labels)
        if labels.ndim == 0:
            return np.full(self.rows, labels)
        if rows is None and len(labels) != self.count:
            self.rows = len(labels)
        if len(labels) == self.rows:
            return labels
        square = labels.reshape(self.rows, self.columns)
        return square[:, 0] if (square == square[:, :1]).all() else None


def check_labels(labels, rows, columns):
    """Check `labels`, as far as possible without a model."""
    values = np.asarray(labels)
    named = values.dtype.kind in "USO"  # names, which the model knows
    _checks.check(
        values.size > 0
        and (named or np.issubdtype(values.dtype, np.integer) and values.min() >= 0),
        "`labels` must be classes: names, or indices, integers of at least 0.",
        labels=labels,
    )
    cells = (rows or DEFAULT_ROWS) * columns
    sizes = (rows, cells) if rows else (*range(_MOST_ROWS + 1), cells)
    _checks.check(
        values.ndim == 0 or values.ndim == 1 and len(values) in sizes,
        f"`labels` must be one class, one for each row, or one for each of the {cells} cells.",
        cure=f"Give `rows=` too, for more than {_MOST_ROWS} rows." if rows is None else None,
        labels_shape=values.shape,
        rows=rows,
        columns=columns,
    )
