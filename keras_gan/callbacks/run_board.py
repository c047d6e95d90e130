"""All that there is to see of a run, in TensorBoard."""

from keras_gan import _checks, images
from keras_gan.callbacks import _board, _boards_layout, _facts, _measuring, _pictures, _report
from keras_gan.callbacks._following import Following
from keras_gan.callbacks._run_callback import RunCallback
from keras_gan.convergence import signals
from keras_gan.storage import files


class RunBoard(RunCallback):
    """Writes a run to TensorBoard, in groups, with pictures, settings and verdict.

    - Scalars: `losses`, `accuracies`, `gradients`, `terms` (penalties too), `quality` with its
      floor, `signals` of a `ConvergenceStopping`, and learning `rates`. Validation has the same
      names after `val_`.
    - Custom scalars: both players in one chart, and the quality with that of reals as a line.
    - Images: `pictures`, samples with training samples to the left of them.
    - Text: `run`, settings and versions; `verdict`, at the end.
    - HParams: settings of the run and, at the end, its quality, so that runs compare.

    It stands alone; it also goes together with `keras.callbacks.TensorBoard`, whose scalars it
    repeats in groups. Epochs count from 1. It does not change the run.

    Args:
        log_dir: folder of this run, created if missing.
        every_epochs: draw pictures in epochs whose number is a multiple of this. Default 1.
        rows: rows of the pictures. Default 4.
        columns: columns of the samples. Default 8.
        seed: integer seed of the samples. Default 0.

    Raises:
        ValueError: for invalid arguments, or if the folder cannot be written to.

    Example:

    ```python
    board = keras_gan.callbacks.RunBoard("runs/digits/logs")
    gan.fit(images, epochs=60, validation_split=0.1, callbacks=[board])
    ```
    """

    # After those that measure, stop and restore, see `arrangement`.
    acts_last = 1

    @_checks.suggesting
    def __init__(self, log_dir, *, every_epochs=1, rows=4, columns=8, seed=0):
        super().__init__()
        self.log_dir = files.folder_path(log_dir, "log_dir")
        self.every_epochs = _checks.positive_int(every_epochs, "every_epochs")
        self.rows, self.columns = _checks.positive_ints(rows=rows, columns=columns)
        self.seed = _checks.seed(seed)
        self._epoch, self._is_told = 0, False

    def on_train_begin(self, logs=None):
        """Check the folder and the model, and write the layout of the charts."""
        _measuring.require(self.model, "watched_pairs", self)
        self._begin_run(None)
        self._board = _board.Board(self.log_dir, self, self._callbacks)
        self._following = Following(self.model, self._callbacks)
        self._epoch, self._is_told, self._real = 0, False, None
        self._shown = _pictures.shown(
            self.model, rows=self.rows, columns=self.columns, labels=None, seed=self.seed
        )

    def on_epoch_begin(self, epoch, logs=None):
        self._following.begin_epoch()

    def on_epoch_end(self, epoch, logs=None):
        """Write the scalars of an epoch, and its pictures if they are due."""
        self._epoch = number = epoch + 1
        self._following.end_epoch(epoch, logs)
        last = self._following.history[-1]
        numbers = signals.numbers(dict(logs or {}))
        groups = _boards_layout.grouped(numbers, self.model.metric_directions, last)
        for group, values in groups.items():
            self._board.scalars(group, values, number)
        if not self._is_told:
            self._is_told = True
            self._board.summary(_boards_layout.layout(groups))
            rows = [*_facts.settings(self.model, self._following.history), *_facts.versions()]
            self._board.text("run", _boards_layout.table(rows), number)
            self._board.summary(*_boards_layout.hparams(last, self.model.seed, self.log_dir))
        ends = getattr(self.model, "stop_training", False)
        ends = ends or number == (self.params or {}).get("epochs")
        if self._shown is not None and (ends or number % self.every_epochs == 0):
            self._draw(number)

    def on_train_end(self, logs=None):
        """Write the verdict and the quality of the run's last epoch."""
        self._end("STATUS_SUCCESS")

    def _interrupted(self):
        """The same after Ctrl-C or an error."""
        self._end("STATUS_FAILURE")

    def _end(self, status):
        history = self._following.history
        if history:
            verdict = self._following.verdict
            told = verdict.message if verdict else _report.still_learning(history)
            self._board.text("verdict", told, self._epoch)
            self._board.summary(_boards_layout.session_end(status))
        self._board.close()
        self._end_run()

    def _draw(self, number):
        picture = self._shown.picture()
        if picture is None:
            return
        if self._real is None:
            self._real = self._shown.real()
        if self._real is not None:
            picture = images.beside([self._real, picture])
        self._board.image("pictures", picture, number)

    def get_state(self):
        """The state so far: a `dict` of plain values and arrays."""
        return {
            "epoch": self._epoch,
            "is_told": self._is_told,
            "following": self._following.get_state(),
        }

    def set_state(self, state):
        """Restore the result of `get_state`, after `on_train_begin`."""
        self._epoch, self._is_told = state["epoch"], state["is_told"]
        self._following.set_state(state["following"])
