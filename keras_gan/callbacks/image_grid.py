"""Grids of generated samples after each epoch."""

import keras

from keras_gan import _checks, images, lettering
from keras_gan.callbacks import _board, _cells, _frames, _measuring, _own_files, _pictures
from keras_gan.callbacks._run_callback import RunCallback
from keras_gan.storage import files


class ImageGrid(RunCallback):
    """Draws samples of the same latents after each epoch.

    Files in `directory`:

    - `real.png`: training samples for comparison; for a conditional model, with the same class in
      each cell. With a pipeline it may be written after the first epoch only;
    - `epoch_0001.png` and so on: samples of the averaged generator for the latents of `seed`.
      Epochs count from 1, also in a run resumed with `initial_epoch`;
    - `restored.png`, when training ends: samples of the weights that `ConvergenceStopping` or
      `keras.callbacks.EarlyStopping` has restored, in a green frame, with the number of their
      epoch. It is missing if the weights of the last epoch remain;
    - `training.gif`, when training ends: the animation of these files, including the epochs before
      a resumed run. Pictures of other runs are neither used nor removed.

    Pictures of an earlier run are replaced. Files of these names that this package has not written
    are refused when training begins.

    Where the generator of a game takes data, the pictures show images of the same held-out rows
    (training rows if there are none) side by side: inputs, what is made of them, and targets, with
    their names above. As many rows of the data stand beside each other as `columns` has room for.
    There is no `real.png`. Where images come from draws alone, samples are drawn as for a `GAN`.
    Numbers in the shape of images (`values=` of the model) have one scale, from the least to the
    greatest of the targets that are shown; what is out of it is cut off.

    Small images are enlarged without smoothing, see `keras_gan.images.grid`; transparent ones lie
    on a grey checkerboard. The callback affects neither the training nor the next `gan.generate()`.
    If a file cannot be written during a run (a full disk), a warning follows and training
    continues. This callback runs after all others but `TrainingBackup`, whatever its position in
    the list.

    Args:
        directory: folder for the pictures, created if missing.
        rows: rows of the grid. Default `None`: 8, or with a conditional model one per class, at
            most 100. Of held-out rows there are fewer where these are few.
        columns: columns of the grid. Default 8.
        every_epochs: draw epochs whose number is a multiple of this, and the last one, also if
            training is stopped early. Default 1.
        seed: integer seed of the latents. Default 0.
        labels: classes to draw with a conditional model, by index, or by name if the model has
            `class_names`: one for all cells, one per row, or `rows * columns` in reading order.
            Default `None`: one class per row, 0, 1, 2, ..., repeated if there are more rows than
            classes. With fewer rows, classes follow each other in reading order, so that none is
            missing. The name of the class is written beside a row with one class.
        log_dir: folder for TensorBoard, with the same pictures as `real` (step 0), `samples` (the
            epoch as step) and `restored`. Default `None`: a folder "gan" in that of a
            `keras.callbacks.TensorBoard` of the run, if there is one. (Keras counts the epochs of
            its own curves from 0.)
        gif: whether to write `training.gif`. Default `True`.

    Raises:
        ValueError: for invalid arguments; when training begins, if samples are not images, `labels`
            do not fit the model, a folder cannot be written to or has files of others with the
            names above, or another `ImageGrid` of the same `fit`, or another run at the same time,
            writes to it.

    Example:

    ```python
    pictures = keras_gan.callbacks.ImageGrid("runs/digits")
    gan.fit(images, epochs=60, callbacks=[pictures])
    ```
    """

    # After those that stop training and restore weights, see `arrangement`.
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
        self.rows = _checks.positive_int(rows, "rows", optional=True)
        self.columns = _checks.positive_int(columns, "columns")
        self.every_epochs = _checks.positive_int(every_epochs, "every_epochs")
        self.seed = _checks.seed(seed)
        self.labels = labels
        if labels is not None:
            _cells.check_labels(labels, self.rows, self.columns)
        self.log_dir = files.folder_path(log_dir, "log_dir", optional=True)
        self.gif = _checks.boolean(gif, "gif")
        self._start()

    def _start(self):
        self._pictures = self._board = None
        self._real_is_drawn = False
        self._first = None  # number of the first epoch of this `fit`
        self._last = None  # that of the latest
        self._undrawn = None  # likewise, if it was not its turn
        self._drawn = set()  # numbers of the epochs drawn in it

    # === Training ===

    def _check_files(self, gan, epochs):
        numbers = (n for n in _frames.epochs_in(self.directory) if epochs is None or n <= epochs)
        names = ["real.png", _RESTORED, *(["training.gif"] if self.gif else [])]
        names += map(_frames.file_name, numbers)
        _own_files.check(type(self).__name__, self.directory, names, _frames.is_own)

    def on_train_begin(self, logs=None):
        """Check all arguments before training, and draw the real samples."""
        gan = self.model
        _measuring.require(gan, "reference_samples", self)
        self._start()
        of_entries = getattr(gan, "is_fed_entries", False)
        kind = _pictures.of_game if of_entries else _pictures.SamplePictures
        self._pictures = kind(
            gan, rows=self.rows, columns=self.columns, labels=self.labels, seed=self.seed
        )
        _measuring.require_own_folder(self, self._callbacks)
        self._begin_run(self.directory)
        self._check_files(gan, (self.params or {}).get("epochs"))
        files.remove(self.directory / _RESTORED)  # of an earlier run
        self._board = _board.Board(self.log_dir, self, self._callbacks)
        self._draw_real()

    def on_epoch_begin(self, epoch, logs=None):
        if self._first is None:
            self._first = epoch + 1
        # The last epoch of a shorter run may be one that this run does not draw.
        self._drawn = {number for number in self._drawn if self._draws(number)}

    def on_epoch_end(self, epoch, logs=None):
        self._draw_real()
        self._last = number = epoch + 1
        # Callbacks before this one have already set `stop_training`. At the end of training they
        # will have restored other weights before this one draws, those after it not yet.
        if self._draws(number) or getattr(self.model, "stop_training", False):
            self._undrawn = None
            self._draw(number)
        else:
            self._undrawn = number

    def on_train_end(self, logs=None):
        """Draw the restored weights, or the last epoch if missing, and write the animation."""
        restored = self._restored_epoch()
        if self._undrawn is not None and restored is None:
            self._draw(self._undrawn)
        self._undrawn = None
        picture = None if restored is None else self._pictures.picture()
        if picture is not None:
            picture = lettering.marked(picture, f"epoch {restored}: weights restored")
            self._write(images.save_png, _RESTORED, picture)
            self._board.image("restored", picture, restored)
        self._board.close()
        frames = self._frames() if self.gif else []
        if frames:
            self._write(images.save_gif, "training.gif", frames)
        self._end_run()

    def _interrupted(self):
        """Close TensorBoard's file; all pictures are complete."""
        if self._board is not None:
            self._board.close()

    # === State ===

    def get_state(self):
        """The pictures of this run: a `dict` of plain values."""
        return {
            "first": self._first,
            "last": self._last,
            "undrawn": self._undrawn,
            "drawn": sorted(self._drawn),
            "real_is_drawn": self._real_is_drawn,
        }

    def set_state(self, state):
        """Restore the result of `get_state`, after `on_train_begin`."""
        self._first, self._undrawn = state["first"], state["undrawn"]
        self._last = state.get("last")
        self._drawn = set(state["drawn"])
        self._real_is_drawn = state["real_is_drawn"]

    # === Pictures ===

    def _draw(self, number):
        picture = self._pictures.picture()
        if picture is None:
            return
        if self._write(images.save_png, _frames.file_name(number), picture):
            self._drawn.add(number)
        self._board.image("samples", picture, number)

    def _draws(self, number):
        return number % self.every_epochs == 0 or number == (self.params or {}).get("epochs")

    def _draw_real(self):
        picture = None if self._real_is_drawn else self._pictures.real()
        if picture is None:
            return
        self._real_is_drawn = True
        self._write(images.save_png, "real.png", picture)
        self._board.image("real", picture, 0)

    def _restored_epoch(self):
        """The number of the epoch whose weights other callbacks have restored, or `None`."""
        known = [number for number in map(_restored_by, self._callbacks) if number]
        return known[-1] if known and known[-1] != self._last else None

    def _frames(self):
        # Files numbered within this run but not drawn by it are another run's. Files that it has
        # drawn and that are missing are included, so that the warning names them.
        known = _frames.epochs_in(self.directory)
        earlier = {number for number in known if number < (self._first or 0)}
        numbers = sorted(earlier | self._drawn) if self._drawn else []
        return [self.directory / _frames.file_name(number) for number in numbers]

    # === Writing ===

    def _write(self, save, name, content):
        """Whether it could be written; a failure only warns."""
        path = self.directory / name
        try:
            save(path, content, comment=_frames.COMMENT)
        except OSError as error:
            _measuring.warn_unwritten(path, error)
            return False
        return True


# === Helpers ===

_RESTORED = "restored.png"


def _restored_by(callback):
    """The number of the epoch whose weights a callback has restored, or `None`."""
    if isinstance(callback, keras.callbacks.EarlyStopping):
        restores = callback.restore_best_weights and callback.best_weights is not None
        return callback.best_epoch + 1 if restores else None
    return getattr(callback, "restored_epoch", None)
