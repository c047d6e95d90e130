"""Pictures of what the generator makes, epoch by epoch."""

import re

import keras
import numpy as np

from keras_gan import _checks, _warnings, images, lettering
from keras_gan.callbacks import _board, _cells, _measuring
from keras_gan.storage import files


class ImageGrid(keras.callbacks.Callback):
    """Draws the same latents after each epoch, so that one sees the generator learn.

    Into `directory` go

    - `real.png`: training samples, to compare with; for a conditional model, of the classes that
      are drawn, in the same cells. With a pipeline they are known after its first batches, so
      this picture may come with the first epoch's;
    - `epoch_0001.png` and so on: what the averaged generator makes of the latents of `seed`.
      Epochs count from 1; a run resumed with `initial_epoch` goes on counting;
    - `restored.png`, when training ends: the samples of the weights that `ConvergenceStopping`, or
      `keras.callbacks.EarlyStopping`, has brought back, in a green frame, with the number of their
      epoch below. It is not there where those of the last epoch stay;
    - `training.gif`, when training ends: the animation of these files, those of the epochs before
      a resumed run included. Other pictures, which an earlier run may have left, are neither used
      nor removed.

    Small images are enlarged without smoothing, see `keras_gan.images.grid`; transparent ones lie
    on a grey checkerboard. Looking changes nothing: neither the training, nor what
    `gan.generate()` draws next. If a file cannot be written in the middle of a run (a full disk),
    one is warned and training goes on. This callback acts after all others but `TrainingBackup`,
    wherever it stands in the list.

    Args:
        directory: folder for the pictures, made if need be.
        rows: rows of the grid. Default `None`: 8, or with a conditional model one for each class,
            at most 100.
        columns: columns of the grid. Default 8.
        every_epochs: draw each epoch whose number this divides, and the last one, be it the one
            that `fit` was asked for or the one at which training was stopped. Default 1.
        seed: integer that the latents follow from. Default 0.
        labels: classes to draw with a conditional model, by index, or by name where the model knows
            its `class_names`: one for all cells, one a row, or `rows * columns` in reading order.
            Default `None`: each row is of one class, 0, 1, 2, ..., beginning anew if there are more
            rows than classes; if `rows` are fewer, classes follow each other in reading order
            instead, so that none is left out. A row of one class has its name written beside it.
        log_dir: folder for TensorBoard, which gets the same pictures as `real`, at step 0, as
            `samples`, each under the number of its epoch, and as `restored`. Default `None`: where
            a `keras.callbacks.TensorBoard` is among the callbacks, a folder "gan" in its own; else
            none. (Keras counts the epochs of its own curves from 0.)
        gif: whether to write `training.gif`. Default `True`.

    Raises:
        ValueError: for arguments that make no sense; when training begins, if samples are not
            images, `labels` do not fit the model, a folder cannot be written to, or another
            `ImageGrid` draws into the same one.

    Example:

    ```python
    pictures = keras_gan.callbacks.ImageGrid("runs/digits")
    gan.fit(images, epochs=60, callbacks=[pictures])
    ```
    """

    # After those that stop training and bring weights back, see `arrangement`.
    acts_last = 1

    @_checks.suggesting
    def __init__(
        self,
        directory,
        *,
        rows=None,
        columns=8,
        every_epochs=1,
        seed=0,
        labels=None,
        log_dir=None,
        gif=True,
    ):
        super().__init__()
        self.directory = files.folder_path(directory, "directory")
        self.rows = None if rows is None else _checks.positive_int(rows, "rows")
        self.columns = _checks.positive_int(columns, "columns")
        self.every_epochs = _checks.positive_int(every_epochs, "every_epochs")
        self.seed = _checks.seed(seed)
        self.labels = labels
        if labels is not None:
            _cells.check_labels(labels, self.rows, self.columns)
        self.log_dir = files.folder_path(log_dir, "log_dir", optional=True)
        self.gif = _checks.boolean(gif, "gif")
        self._callbacks = []
        self._start()

    def meet(self, callbacks):
        """Be told of all callbacks of a run; `fit` calls this before training begins."""
        self._callbacks = callbacks

    def _start(self):
        self._latents = self._cells = self._board = None
        self._real_is_drawn = False
        self._first = None  # number of the first epoch of this `fit`
        self._last = None  # that of the latest
        self._undrawn = None  # likewise, if it was not its turn
        self._drawn = set()  # numbers of the epochs drawn in it

    # === Training ===

    def on_train_begin(self, logs=None):
        """Check everything before training time is spent, and draw the real samples."""
        gan = self.model
        _measuring.require(gan, "sample_latents", self)
        _check_image_shape(gan)
        self._start()
        self._cells = _cells.Cells(
            self.rows,
            self.columns,
            self.labels,
            num_classes=gan.num_classes,
            names=getattr(gan, "class_names", None),
        )
        _measuring.require_own_folder(self, self._callbacks)
        files.writable_directory(self.directory)
        self._remove_restored()
        self._board = _board.Board(self.log_dir, self, self._callbacks)
        self._latents = gan.sample_latents(self._cells.count, self.seed)
        self._draw_real()

    def on_epoch_begin(self, epoch, logs=None):
        """Keep the number of the first epoch."""
        if self._first is None:
            self._first = epoch + 1
        # The last epoch of a run that was shorter may be none that this one draws.
        self._drawn = {number for number in self._drawn if self._draws(number)}

    def on_epoch_end(self, epoch, logs=None):
        """Draw the epoch, if it is its turn."""
        self._draw_real()
        self._last = number = epoch + 1
        # Of callbacks that stop training, those before this one have spoken; at the end of training
        # they will have brought other weights back, while those after this one will not yet.
        if self._draws(number) or getattr(self.model, "stop_training", False):
            self._undrawn = None
            self._draw(number)
        else:
            self._undrawn = number

    def on_train_end(self, logs=None):
        """Draw what has come back, or the last epoch if it is not drawn; make the animation."""
        restored = self._restored_epoch()
        if self._undrawn is not None and restored is None:
            self._draw(self._undrawn)
        self._undrawn = None
        if restored is not None:
            self._draw_restored(restored)
        self._board.close()
        frames = self._frames() if self.gif else []
        if frames:
            self._write(images.save_gif, "training.gif", frames)

    def on_train_interrupted(self):
        """Let TensorBoard's file go; all pictures are there."""
        if self._board is not None:
            self._board.close()

    # === State ===

    def get_state(self):
        """Which pictures belong to this run: a `dict` of plain values."""
        return {
            "first": self._first,
            "last": self._last,
            "undrawn": self._undrawn,
            "drawn": sorted(self._drawn),
            "real_is_drawn": self._real_is_drawn,
        }

    def set_state(self, state):
        """Go on from a `get_state`, after `on_train_begin`."""
        self._first, self._undrawn = state["first"], state["undrawn"]
        self._last = state.get("last")
        self._drawn = set(state["drawn"])
        self._real_is_drawn = state["real_is_drawn"]

    # === Pictures ===

    def _draw(self, number):
        picture = self._picture()
        if self._write(images.save_png, _file_name(number), picture):
            self._drawn.add(number)
        self._board.image("samples", picture, number)

    def _picture(self):
        """What the averaged generator makes now."""
        # With a seed, the model's own stream of draws stays where it is.
        samples = self.model.generate(
            latents=self._latents, labels=self._cells.classes, seed=self.seed
        )
        # A generator may overshoot; `grid` would take that for another range.
        return self._grid(np.clip(samples, -1.0, 1.0))

    def _grid(self, samples):
        cells = self._cells
        return images.grid(samples, cells.rows, cells.columns, row_names=cells.row_names)

    def _draws(self, number):
        """Whether the epoch of this number is drawn."""
        return number % self.every_epochs == 0 or number == (self.params or {}).get("epochs")

    def _draw_real(self):
        samples = self.model.reference_samples
        if self._real_is_drawn or samples is None:
            return
        self._real_is_drawn = True
        chosen = _choose_real(
            images.to_uint8(samples),
            self.model.reference_labels,
            self._cells.classes,
            self._cells.count,
            self.seed,
        )
        picture = self._grid(chosen)
        self._write(images.save_png, "real.png", picture)
        self._board.image("real", picture, 0)

    def _restored_epoch(self):
        """The number of the epoch whose weights other callbacks have brought back, or `None`."""
        number = None
        for callback in self._callbacks:
            number = _restored_by(callback) or number
        return None if number == self._last else number

    def _draw_restored(self, number):
        picture = lettering.marked(self._picture(), f"epoch {number}: weights restored")
        self._write(_save_restored, _RESTORED, picture)
        self._board.image("restored", picture, number)

    def _remove_restored(self):
        path = self.directory / _RESTORED
        if images.comment_of(path) == _COMMENT:  # an earlier run's, and nobody else's
            files.remove(path)

    def _frames(self):
        # Files numbered within this run but not drawn by it are another run's. Those that it has
        # drawn and are gone are asked for all the same, so that one is told of them.
        earlier = {n for n in _numbers_in(self.directory) if n < (self._first or 0)}
        numbers = sorted(earlier | self._drawn) if self._drawn else []
        return [self.directory / _file_name(number) for number in numbers]

    # === Writing ===

    def _write(self, save, name, content):
        """Whether it could be written. A picture is not worth the run."""
        path = self.directory / name
        try:
            save(path, content)
        except OSError as error:
            _warnings.warn(
                f"{str(path)!r} could not be written ({error.strerror or error}). "
                "Training goes on without it."
            )
            return False
        return True


# === Helpers ===

_RESTORED, _COMMENT = "restored.png", "keras_gan.callbacks.ImageGrid: weights restored"


def _save_restored(path, picture):
    images.save_png(path, picture, comment=_COMMENT)


def _restored_by(callback):
    """The number of the epoch whose weights a callback has brought back, or `None`."""
    if isinstance(callback, keras.callbacks.EarlyStopping):
        restores = callback.restore_best_weights and callback.best_weights is not None
        return callback.best_epoch + 1 if restores else None
    return getattr(callback, "restored_epoch", None)


def _check_image_shape(gan):
    cure = "Leave it out and plot `gan.generate(1000)` yourself, with matplotlib for example."
    if len(gan.sample_shape) == 2:
        cure += " If these are grey images, build the networks with a channel axis of size 1."
    _checks.check(
        gan.is_image,
        "`ImageGrid` draws images, samples of shape (height, width, channels) with 1, 3 or 4 "
        "channels.",
        cure=cure,
        sample_shape=tuple(gan.sample_shape),
    )


def _choose_real(samples, labels, wanted, count, seed):
    """`count` samples from all over the data, of the classes `wanted`, if any, in their order.

    A cell whose class has run out of samples is black.
    """
    order = np.random.default_rng(seed).permutation(len(samples))  # data may be sorted by class
    if wanted is None or labels is None:
        return samples[order[:count]]
    chosen = np.zeros((count, *samples.shape[1:]), "uint8")
    for label in np.unique(wanted):
        cells = np.flatnonzero(wanted == label)
        found = order[labels[order] == label][: len(cells)]
        chosen[cells[: len(found)]] = samples[found]
    return chosen


def _file_name(number):
    return f"epoch_{number:04d}.png"


def _numbers_in(directory):
    matches = (re.fullmatch(r"epoch_(\d{4,})\.png", path.name) for path in directory.glob("*.png"))
    return [int(match[1]) for match in matches if match]
