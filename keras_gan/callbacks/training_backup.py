"""Never lose a run: a backup after each epoch, and exactly that run again after a crash."""

import concurrent.futures
import contextlib
import errno

import keras
import tensorflow as tf

from keras_gan import _checks, _version, _warnings, terminal
from keras_gan.backend import private_keras
from keras_gan.callbacks import _measuring, _states
from keras_gan.model import run_fingerprint
from keras_gan.storage import backups, files

# Differences that an error names before it only counts them.
_NAMED = 3
# What a backup holds.
_KEYS = ("epoch", "stopped", "run", "surroundings", "callbacks", "model")
# One thread for all: backups are written in the order in which they were made.
_WRITER = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="training_backup")


class TrainingBackup(keras.callbacks.Callback):
    """Backs a run up at the end of epochs; the same script, started again, goes on from there.

    What is gone on with is, bit for bit, the run that never stopped: weights, both optimizers, the
    moving average, all random numbers, counters, schedules, the order of arrays and of data from
    `keras_gan.data` (to the exact batch, within a pass cut by `steps_per_epoch` too), and the state
    of the other callbacks: those of this package, Keras's own with what subclasses and their
    functions (a schedule that counts) and classes hold in plain values, and any with `get_state()`
    and `set_state(state)`. `History` and the file of `CSVLogger` hold the epochs before the crash.
    A `tf.data` pipeline of one's own, a `PyDataset` and a loader start their pass anew, and a
    generator goes on with what it yields next; that, and callbacks that cannot go on, are named in
    the line that says where the run resumes. If the first batch of such data is not the one that
    the run began with, one warning says so: the data are others, or are shuffled without `seed`.

    Into `directory` go

    - `epoch_0000.npz`, before the first step: initial weights too are those of the first start;
    - `epoch_0001.npz` and so on, of which the `keep` newest stay. The last epoch has one, as has
      an epoch that stops the run;
    - `finished.npz`, when `fit` ends: with the weights as the other callbacks leave them.

    Each is written beside, to disk, in a thread of its own, and put in its place when it is
    complete. One that cannot be read is passed over for the one before, with a warning, and gets
    the ending `.unreadable`; files of other programs stay as they are, whatever their names. If one
    cannot be written in the middle of a run (a full disk), one is warned, and the next epoch tries
    again.

    A finished run that is started again trains nothing, says so, and ends with its weights,
    verdict and `History`. With larger `epochs` it goes on, as if it had been asked for that many in
    the first place; one that a callback stopped stays as it is. A backup of other networks,
    settings of `compile` or data is refused, with the differences named; `epochs`, paths and
    callbacks may change. Random numbers that a network draws from TensorFlow's or Keras's global
    generators are not part of a run.

    This callback always acts last, wherever it stands in the list. Under a strategy of several
    workers, the chief writes and all of them read.

    Args:
        directory: folder for the backups of this one run, made if need be.
        every_epochs: back up each epoch whose number this divides. Default 1.
        keep: backups of epochs that are kept, at least 1. Default 2.

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

    # After all others, so that a backup holds what they have come to, see `arrangement`.
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
        """Whether the user has been told of updates that were left out: a finished run has."""
        return self._finished

    # === Before training ===

    def prepare(self, gan, siblings, epochs):
        """Find the backup of this very run, or refuse. Called by `fit` before all hooks.

        Args:
            gan: the model, fed.
            siblings: the other callbacks, in their order.
            epochs: the number of the last epoch.

        Raises:
            ValueError: see above.
        """
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
        self._writes = gan.distribute_strategy.extended.should_checkpoint
        if self._writes:
            with contextlib.suppress(OSError):  # told below
                self.directory.mkdir(parents=True, exist_ok=True)
            backups.lock(self.directory)
        try:
            self._prepare(gan)
        except BaseException:
            backups.unlock(self.directory)
            raise

    def _prepare(self, gan):
        if self._writes:
            files.writable_directory(self.directory)
        self._run = gan.run_description()
        self._surroundings = {
            "keras_gan": _version.__version__,
            "keras": keras.__version__,
            "tensorflow": tf.__version__,
            "replicas": gan.distribute_strategy.num_replicas_in_sync,
        }
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
        """What to go on from: `(path, backup, paths that cannot be read)`; `None`s if nothing."""
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
            f"A run can go on only from the backup of an epoch, and none here can be read{told}.",
            cure="Put a copy of one back, or choose another folder to start anew.",
            directory=str(self.directory),
        )
        if failures:
            _warnings.warn(
                f"A backup in {str(self.directory)!r} cannot be read{told}. The run goes on from "
                f"{path.name}.{_told_left([path for path, _ in failures])}"
            )
        return path, found, [path for path, _ in failures]

    def _check(self, found):
        different = run_fingerprint.differences(found["run"], self._run)
        more = f"; and {len(different) - _NAMED} more" if len(different) > _NAMED else ""
        if different:
            raise ValueError(
                f"{str(self._path)!r} must be a backup of this very run. Received: "
                f"{'; '.join(different[:_NAMED])}{more}. Put the old settings back, or choose "
                "another directory."
            )
        changed = run_fingerprint.differences(found["surroundings"], self._surroundings)
        if changed:
            _warnings.warn(f"The run goes on, but perhaps not bit for bit: {'; '.join(changed)}.")

    def _expect(self, gan):
        """Let the data be compared with those that the run began with."""
        feeds = {"x": gan._training_feed, "validation_data": gan._held_out_feed}
        self._feeds = {name: feed for name, feed in feeds.items() if feed is not None}
        self._checksums = dict(self._found.get("checksums", {})) if self._found else {}
        # Each of several workers is fed with batches of its own. A finished run reads none.
        if self._writes and not self._finished:
            for name, feed in self._feeds.items():
                feed.expect(self._checksums.get(name), name)

    # === Training ===

    def on_train_begin(self, logs=None):
        """Put everything back where it was, or make the first backup."""
        _measuring.require(self.model, "run_state", self)
        _checks.check(
            self._siblings is not None,
            "`TrainingBackup` must be given to `fit` of a `keras_gan.GAN` in a list.",
        )
        if self._found is None:
            self._epoch = private_keras.initial_epoch(self.model) or 0
            self._write(backups.epoch_path(self.directory, self._epoch))
            self._settle(fatal=True)
        else:
            self._restore(self._found)

    def _restore(self, found):
        self.model.set_run_state(found["model"])
        anew, left = _states.set_all(self._siblings, found["callbacks"])
        self._epoch = found["epoch"]
        private_keras.set_initial_epoch(self.model, self._epoch)
        if found["stopped"] or self._finished:
            # No epoch is left to Keras, whatever its `epochs`.
            private_keras.set_initial_epoch(self.model, max(self._epochs, self._epoch))
            self.model.stop_training = found["stopped"]
        told = _told_finished(found, self._path) if self._finished else self._resumed(anew, left)
        terminal.tell(told)

    def _resumed(self, anew, left):
        """The line that says where the run goes on, and what does not go on with it."""
        line = [f"Resumed after epoch {self._epoch} of {self._epochs} from {self._path}."]
        line += _told_data(self._feeds)
        if anew:
            line.append(f"These callbacks have nothing to go on from: {', '.join(anew)}.")
        if left:
            line.append(f"The state of these callbacks is not used: {', '.join(left)}.")
        return " ".join(line)

    def on_epoch_end(self, epoch, logs=None):
        """Make a backup, if it is due."""
        self._epoch = epoch + 1
        if self._job is not None and self._job[1].done():
            self._settle()
        last = self._epoch == self._epochs or self.model.stop_training
        if last or self._epoch % self.every_epochs == 0:
            self._write(backups.epoch_path(self.directory, self._epoch))

    def on_train_end(self, logs=None):
        """Keep the run as the other callbacks have left it."""
        if self._finished:
            # Keras and the other callbacks have ended it a second time.
            self.model.set_run_state(self._found["model"])
        else:
            self._write(self._end)
        self._settle()
        self._siblings = self._found = self._feeds = None
        backups.unlock(self.directory)

    # === Writing ===

    def _write(self, path):
        if not self._writes:
            return
        self._settle()
        if not backups.stands(self.directory):
            self._make_anew()
        for name, feed in self._feeds.items():
            if self._checksums.get(name) is None:  # the run's first, not the resumed run's
                self._checksums[name] = feed.checksum()
        backup = {
            "epoch": self._epoch,
            "stopped": bool(self.model.stop_training),
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
        """Wait for the backup that is being written, and tell if it could not be."""
        if self._job is None:
            return
        (path, future), self._job = self._job, None
        try:
            future.result()
        except OSError as error:
            told = f"{str(path)!r} could not be written ({error.strerror or error})."
            if fatal:
                raise ValueError(
                    f"{told} A run that cannot be backed up is not begun: free some space, or "
                    "choose another directory."
                ) from error
            if not backups.stands(self.directory):
                return self._make_anew()
            _warnings.warn(
                f"{told} Training goes on; the backups before it are still there, and the next "
                "one is tried when it is due."
            )

    def _make_anew(self):
        _warnings.warn(
            f"The folder {str(self.directory)!r} is gone, and the backups in it too. It is made "
            "anew; training goes on, and the next backup is written when it is due."
        )
        backups.unlock(self.directory)  # a file that is no more
        self.directory.mkdir(parents=True, exist_ok=True)
        backups.lock(self.directory)


def _told_left(paths):
    """A sentence on files that may be somebody else's."""
    left = [path.name for path in paths if not backups.is_own(path)]
    if not left:
        return ""
    return (
        f" What is not certainly a backup is left where it is ({', '.join(left)}), and nothing is "
        "written in its place: move it away."
    )


def _told_data(feeds):
    """Sentences on the data that do not go on with the next batch."""
    kinds = {}
    for name, feed in feeds.items():
        kinds.setdefault(feed.kind, []).append("data" if name == "x" else name)
    told = []
    for kind in kinds.keys() - {None}:
        names = " and ".join(kinds[kind])
        if kind == "generator":
            told.append(
                f"The generator of {names} cannot be rewound: training goes on with the batch "
                "that it yields next, which in a new process is its first one."
            )
        else:
            told.append(
                f"The {kind} of {names} starts its pass anew: only arrays and what comes from "
                "`keras_gan.data` go on with the next batch."
            )
    return sorted(told)


def _told_finished(found, path):
    way = "To train on, ask for more epochs; to"
    if found["stopped"]:
        last = backups.epoch_path(path.parent, found["epoch"]).name
        way = (
            "It was stopped by a callback, so more epochs would change nothing. To go on from "
            f"before that all the same, remove {path.name} and {last}; to"
        )
    return (
        f"This run is finished: it ended after epoch {found['epoch']} ({path}), and nothing is "
        f"trained. {way} start anew, choose another directory."
    )
