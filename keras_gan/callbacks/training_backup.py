"""Backups of a run after each epoch, from which it resumes bit-identically after a crash."""

import concurrent.futures
import contextlib
import errno

import keras

from keras_gan import _checks, _warnings, terminal
from keras_gan.backend import private_keras
from keras_gan.callbacks import _measuring, _resuming, _states
from keras_gan.model import run_fingerprint
from keras_gan.storage import backups, files

# Maximum number of differences that an error lists.
_NAMED = 3
# Keys of a backup.
_KEYS = ("epoch", "stopped", "run", "surroundings", "callbacks", "model")
# A single thread, so that backups are written in order.
_WRITER = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="training_backup")


class TrainingBackup(keras.callbacks.Callback):
    """Backs up a run at the end of epochs; the same script, started again, resumes from there.

    A resumed run is bit-identical to an uninterrupted one. A backup holds the weights, both
    optimizers, the moving average, all random states, counters, schedules, the position in arrays
    and in data from `keras_gan.data` (exact to the batch, also within a pass cut by
    `steps_per_epoch`), and the state of other callbacks: of those of this package and of Keras, of
    any with `get_state()` and `set_state(state)`, and the plain values that subclasses (of
    `Callback` itself, too), functions and classes keep, with their random generators (NumPy's,
    Python's, Keras's). `History` and the file of `CSVLogger` include the epochs before the crash.
    Other data, such as a `tf.data` pipeline or a generator, continue elsewhere: the page on data
    says where. The message on resuming names them, and callbacks without a restored state. What of
    a callback cannot be kept is warned of when the run begins. A warning follows if the first batch
    of other data differs from that of the original run (the data have changed, or are shuffled
    without `seed`), and if bits may differ, since versions, processor or devices do.

    Files in `directory`:

    - `epoch_0000.npz`, written before the first step, so that a restart has the same initial
      weights;
    - `epoch_0001.npz` and so on, of which the `keep` newest remain. The last epoch, and one that
      stops the run, are always backed up;
    - `finished.npz`, written when `fit` ends, with the weights that the other callbacks leave.

    Each is written in a background thread under a temporary name, and renamed when it is complete.
    If a backup cannot be read, the one before it is used, with a warning, and the file gets the
    suffix `.unreadable`. Files of other programs are never changed. If a backup cannot be written
    during a run (a full disk), a warning follows, and the next epoch tries again.

    A finished run that is started again trains no further, says so, and restores its weights,
    verdict and `History`. With larger `epochs` it continues as if it had been started with them,
    unless a callback had stopped it. A backup of a run with other networks, arguments of `compile`
    or data is refused with a list of the differences; `epochs`, paths and callbacks may change.
    Random numbers that a network draws from the global generators of TensorFlow or Keras are not
    restored.

    This callback always runs last, whatever its position in the list. Under a strategy with several
    workers, the chief writes and all workers read.

    Args:
        directory: folder for the backups of this run, created if missing.
        every_epochs: back up epochs whose number is a multiple of this. Default 1.
        keep: number of backups to keep, at least 1. Default 2.

    Raises:
        ValueError: for arguments that make no sense; when `fit` begins, before anything is changed,
            if the folder cannot be written to, is used by another process, holds backups of
            another run or none that can be read, or if there is a second callback of this kind or
            `keras.callbacks.BackupAndRestore`.

    Example:

    ```python
    backup = keras_gan.callbacks.TrainingBackup("runs/digits/backup")
    gan.fit(images, epochs=500, callbacks=[backup])
    ```
    """

    # After all others, so that a backup holds their latest state, see `arrangement`.
    acts_last = 2

    @_checks.suggesting
    def __init__(self, directory, every_epochs=1, keep=2):
        super().__init__()
        self.directory = files.folder_path(directory, "directory")
        self.every_epochs = _checks.positive_int(every_epochs, "every_epochs")
        self.keep = _checks.positive_int(keep, "keep")
        self._siblings = None
        self._finished = False
        self._job = None  # the backup that is being written: `(path, future)`

    @property
    def has_named_failure(self):
        """Whether skipped updates were reported already: a finished run has done so."""
        return self._finished

    # === Before training ===

    def prepare(self, gan, siblings, epochs):
        """Find the backup of this run, or raise an error. `fit` calls it before all hooks.

        Args:
            gan: the model, with its data set.
            siblings: the other callbacks, in their order.
            epochs: the number of the last epoch.
        """
        self._writes = gan.distribute_strategy.extended.should_checkpoint
        if self._writes:
            with contextlib.suppress(OSError):  # reported below
                self.directory.mkdir(parents=True, exist_ok=True)
            backups.lock(self.directory)
        try:
            # An earlier `fit` of this process may have been cut off while a backup was written.
            _WRITER.submit(int).result()
            self._settle()
            for sibling in siblings:
                _checks.check(
                    not isinstance(sibling, (TrainingBackup, keras.callbacks.BackupAndRestore)),
                    "`TrainingBackup` must be the only callback that restores a run.",
                    cure="Leave the other one out.",
                    callback=type(sibling).__name__,
                )
            self._siblings = siblings
            self._start = _states.start(siblings)
            self._epochs = epochs
            self._prepare(gan)
        except BaseException:
            backups.unlock(self.directory)
            raise

    def _prepare(self, gan):
        if self._writes:
            files.writable_directory(self.directory)
        self._run = gan.run_description()
        self._surroundings = _resuming.surroundings(gan)
        self._path, self._found, unreadable = self._find()
        self._finished = self._path == self._end
        if self._found is not None:
            self._check(self._found)
        self._expect(gan)
        for path in unreadable if self._writes else []:
            if backups.is_own(path):
                path.replace(path.with_suffix(".unreadable"))  # no longer among the newest

    @property
    def _end(self):
        return self.directory / "finished.npz"

    def _find(self):
        """The backup to resume from: `(path, backup or None, unreadable paths)`."""
        finished, failures = self._end, []
        if finished.exists():
            try:
                found = backups.read(finished, _KEYS)
                if found["stopped"] or found["epoch"] >= self._epochs:
                    return finished, found, []
            except backups.Unreadable as error:
                failures.append((finished, error))
        path, found, newer = backups.newest(self.directory, _KEYS)
        failures += newer
        told = "".join(f"; {path.name}: {error}" for path, error in failures)
        _checks.check(
            found is not None or not (failures or finished.exists()),
            f"The folder must have a readable backup of an epoch{told}.",
            cure="Restore a copy of one, or choose another folder for a new run.",
            directory=str(self.directory),
        )
        if failures:
            _warnings.warn(
                f"A backup in {str(self.directory)!r} cannot be read{told}. The run goes on from "
                f"{path.name}.{_resuming.told_left([path for path, _ in failures])}"
            )
        return path, found, [path for path, _ in failures]

    def _check(self, found):
        different = run_fingerprint.differences(found["run"], self._run)
        more = f"; and {len(different) - _NAMED} more" if len(different) > _NAMED else ""
        if different:
            raise ValueError(
                f"{str(self._path)!r} must be a backup of the same run. Received: "
                f"{'; '.join(different[:_NAMED])}{more}. Put the old settings back, or choose "
                "another directory."
            )
        before = found["surroundings"]  # of an earlier version, fewer
        now = {name: value for name, value in self._surroundings.items() if name in before}
        changed = run_fingerprint.differences(before, now)
        if changed:
            _warnings.warn(f"The resumed run may differ in the last bits: {'; '.join(changed)}.")

    def _expect(self, gan):
        """Compare the data with those of the original run."""
        feeds = {"x": gan._training_feed, "validation_data": gan._held_out_feed}
        self._feeds = {name: feed for name, feed in feeds.items() if feed is not None}
        self._checksums = dict(self._found.get("checksums", {})) if self._found else {}
        # Each worker has its own batches, and a finished run reads none.
        if self._writes and not self._finished:
            for name, feed in self._feeds.items():
                feed.expect(self._checksums.get(name), name)

    # === Training ===

    def on_train_begin(self, logs=None):
        """Restore the run, or make the first backup."""
        _measuring.require(self.model, "run_state", self)
        _checks.check(
            self._siblings is not None,
            "`TrainingBackup` must be given to `fit` of a model of `keras_gan` in a list.",
        )
        if self._found is None:
            self._epoch = private_keras.initial_epoch(self.model) or 0
            self._write(backups.epoch_path(self.directory, self._epoch))
            self._settle(fatal=True)
            if self._writes and (unkept := _states.unkept(self._siblings)):
                _warnings.warn(_resuming.told_unkept(unkept, "if this run is interrupted, "))
        else:
            self._restore(self._found)

    def _restore(self, found):
        self.model.set_run_state(found["model"])
        self.model.set_phase(found.get("phase", self.model.phase))  # earlier versions had none
        told = _states.set_all(self._siblings, found["callbacks"])
        self._epoch = found["epoch"]
        private_keras.set_initial_epoch(self.model, self._epoch)
        if found["stopped"] or self._finished:
            # Keras trains no epoch, whatever its `epochs`.
            private_keras.set_initial_epoch(self.model, max(self._epochs, self._epoch))
            self.model.stop_training = found["stopped"]
        told = (
            _resuming.told_finished(found, self._path) if self._finished else self._resumed(*told)
        )
        terminal.tell(told)

    def _resumed(self, anew, unkept, left):
        """The message on resuming: the epoch, and what was not restored."""
        if self._epoch < self._epochs:
            came = f"Resumed after epoch {self._epoch} of {self._epochs} from {self._path}."
        else:
            came = (
                f"This run had come to epoch {self._epoch} ({self._path}), so nothing is trained "
                f"with `epochs={self._epochs}`. To train on, ask for more epochs."
            )
        line = [came, *_resuming.told_data(self._feeds)]
        if anew:
            line.append(f"These callbacks have no saved state: {', '.join(anew)}.")
        if unkept:
            line.append(_resuming.told_unkept(unkept))
        if left:
            line.append(f"The state of these callbacks is not used: {', '.join(left)}.")
        return " ".join(line)

    def on_epoch_end(self, epoch, logs=None):
        self._epoch = epoch + 1
        if self._job is not None and self._job[1].done():
            self._settle()
        last = self._epoch == self._epochs or self.model.stop_training
        if last or self._epoch % self.every_epochs == 0:
            self._write(backups.epoch_path(self.directory, self._epoch))

    def on_train_end(self, logs=None):
        """Back up the finished run, as the other callbacks have left it."""
        if self._finished:
            # Keras and the other callbacks have ended it a second time.
            self.model.set_run_state(self._found["model"])
        else:
            self._write(self._end)
        self._settle()
        self._siblings = self._found = self._feeds = None
        backups.unlock(self.directory)

    def on_train_interrupted(self):
        """Let others train with the folder."""
        try:
            self._settle()
        finally:
            backups.unlock(self.directory)

    # === Writing ===

    def _write(self, path):
        if not self._writes:
            return
        self._settle()
        if not (backups.stands(self.directory) or self._make_anew()):
            return
        for name, feed in self._feeds.items():
            if self._checksums.get(name) is None:  # the run's first, not the resumed run's
                self._checksums[name] = feed.checksum()
        backup = {
            "epoch": self._epoch,
            "stopped": bool(self.model.stop_training),
            "phase": self.model.phase,
            "run": self._run,
            "surroundings": self._surroundings,
            "checksums": dict(self._checksums),
            "callbacks": _states.get_all(self._siblings, self._start),
            "model": self.model.run_state(),
        }
        self._job = path, _WRITER.submit(self._put, path, backup)

    def _put(self, path, backup):
        if path.exists() and not backups.is_own(path):
            raise FileExistsError(errno.EEXIST, "another file has this name: move it away")
        backups.write(path, backup)
        backups.prune(self.directory, backup["epoch"], self.keep)

    def _settle(self, fatal=False):
        """Wait for the backup that is being written, and report a failure."""
        if self._job is None:
            return
        (path, future), self._job = self._job, None
        try:
            future.result()
        except OSError as error:
            told = f"{str(path)!r} could not be written ({error.strerror or error})."
            if fatal:
                raise ValueError(
                    f"{told} Training does not start without a backup. {files.cure(error.errno)}"
                ) from error
            if not backups.stands(self.directory):
                self._make_anew()
                return
            _warnings.warn(
                f"{told} Training goes on; the backups before it are still there, and the next "
                "one is tried when it is due."
            )

    def _make_anew(self):
        """Make the folder that was removed; whether there is one to write to."""
        gone = f"The folder {str(self.directory)!r} and its backups were removed"
        backups.unlock(self.directory)  # the file was removed
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            backups.lock(self.directory)
        except OSError as error:
            _warnings.warn(
                f"{gone}, and it cannot be created again ({error.strerror or error}). Training "
                f"goes on, and each backup that is due tries again. {files.cure(error.errno)}"
            )
            return False
        except ValueError:  # another process began a run in it
            self._writes = False
            _warnings.warn(f"{gone}, and another process trains with it now. No backups follow.")
            return False
        _warnings.warn(
            f"{gone}. It is created again, and the next backup is written when it is due."
        )
        return True
