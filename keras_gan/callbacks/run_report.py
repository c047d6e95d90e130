"""A page on a run that is current while it trains."""

import statistics
import time

from keras_gan import _checks
from keras_gan.callbacks import (
    _facts,
    _frames,
    _measuring,
    _own_files,
    _page,
    _pictures,
    _report,
    _samples,
)
from keras_gan.callbacks._following import Following
from keras_gan.callbacks._run_callback import RunCallback
from keras_gan.convergence import lights
from keras_gan.storage import files

FILE = "report.html"
# The page is written again after this multiple of the time that writing takes.
_IDLE = 20.0
# Latest epochs that the estimate of what is left is made of.
_LATEST = 5
# Seconds, besides three epochs, after which a page that is not written again is late.
_LATE = 600.0


class RunReport(RunCallback):
    """Keeps one page on a run, `report.html`, current while it trains.

    The page needs no network and no other file. From top to bottom it has

    - the verdict and advice of a `ConvergenceStopping` of the run, or how far it has come;
    - a light for each signal, with one sentence;
    - samples of the first, the best and the last epoch, beside training samples, and a slider over
      up to 23 epochs. Samples that are no images are points beside reals, on two principal
      components;
    - of a `GAN` of images: the way between latents, and the nearest of up to 2,000 training samples
      below some samples;
    - curves with the values of reals and the stopping point;
    - time so far and an estimate of what is left, settings, versions, how to use the model.

    Signals are those that a `ConvergenceStopping` of the same run measures. Without one, they are
    losses, gradients, accuracies and a metric of `compile`, as logged, and there is no verdict.

    It is written after the first epoch, then as often as it takes a twentieth of the time, and at
    the end, also after Ctrl-C or an error; it is never half written. Each epoch draws one picture.
    With `TrainingBackup`, pictures and times of the epochs before a crash are kept. Names of
    classes, metrics and folders are escaped. The callback does not change the run.

    It needs the extra "report": `pip install 'keras-gan[report]'`.

    Args:
        directory: folder for `report.html`, created if missing.
        rows: rows of the grids. Default 4.
        columns: columns of the grids, at least 2. Default 8.
        every_epochs: draw a picture in epochs whose number is a multiple of this, in the first, in
            the best and in the last one. Default 1.
        seed: integer seed of the samples. Default 0.

    Raises:
        ValueError: for invalid arguments; when training begins, if the folder cannot be written to
            or is that of another such callback or of another run at the same time, or has a
            `report.html` that others have written.
        ImportError: when training begins, without the extra.

    Example:

    ```python
    stopping = keras_gan.callbacks.ConvergenceStopping()
    report = keras_gan.callbacks.RunReport("runs/digits")
    gan.fit(images, epochs=60, validation_split=0.1, callbacks=[stopping, report])
    ```
    """

    # After those that stop training and restore weights, before backups, see `arrangement`.
    acts_last = 1

    # Where the command line saves the model when the run has ended; it is in the lines of use.
    saved_as = None

    @_checks.suggesting
    def __init__(self, directory, *, rows=4, columns=8, every_epochs=1, seed=0):
        super().__init__()
        self.directory = files.folder_path(directory, "directory")
        self.rows = _checks.positive_int(rows, "rows")
        self.columns = _checks.positive_int(columns, "columns")
        _checks.check(self.columns >= 2, "`columns` must be at least 2.", columns=columns)
        self.every_epochs = _checks.positive_int(every_epochs, "every_epochs")
        self.seed = _checks.seed(seed)
        self._start()

    def _start(self):
        self._frames, self._real = _frames.Frames(), None
        self._seconds, self._epoch, self._extras = [], 0, []
        self._following = self._nearest = self._description = None
        self._next_page, self._ended_at = 0.0, time.monotonic()

    # === Training ===

    def _check_files(self, gan, epochs):
        _own_files.check(type(self).__name__, self.directory, [FILE], _page.is_own)

    def on_train_begin(self, logs=None):
        """Check all that can be checked before the first step."""
        _page.require()
        _measuring.require(self.model, "watched_pairs", self)
        _measuring.require_own_folder(self, self._callbacks)
        self._begin_run(self.directory)
        self._check_files(self.model, None)
        self._start()
        self._following = Following(self.model, self._callbacks)
        self._shown = self._chosen()

    def _chosen(self):
        """What to draw: images, else points, else nothing."""
        settings = {"rows": self.rows, "columns": self.columns, "labels": None, "seed": self.seed}
        found = _pictures.shown(self.model, **settings)
        if found is not None:
            return found
        pairs = self._following.pairs
        return _samples.PointPictures(pairs[0], self.seed) if pairs else None

    def on_epoch_begin(self, epoch, logs=None):
        self._following.begin_epoch()

    def on_epoch_end(self, epoch, logs=None):
        """Note the epoch, draw its picture, and write the page if it is due."""
        now, self._epoch = time.monotonic(), epoch + 1
        self._seconds.append(now - self._ended_at)
        self._ended_at = now
        self._following.end_epoch(epoch, logs)
        stops = getattr(self.model, "stop_training", False)
        last = stops or self._epoch == (self.params or {}).get("epochs")
        is_best = self._epoch == self._following.best_epoch
        is_due = self._epoch % self.every_epochs == 0 or not self._frames.pictures
        if is_due or is_best or last:
            self._draw()
        if now >= self._next_page and not last:
            self._write("running")
            end = time.monotonic()
            self._next_page = end + _IDLE * (end - now)

    def on_train_end(self, logs=None):
        """Write the page for the last time."""
        total = (self.params or {}).get("epochs")
        self._write("finished" if self._epoch == total else "stopped")
        self._end_run()

    def _interrupted(self):
        """Write the page after Ctrl-C or an error, without another look at the model."""
        if self._epoch:
            self._write("interrupted", looks=False)

    # === State ===

    def get_state(self):
        """The state so far: a `dict` of plain values and arrays."""
        return {
            "epoch": self._epoch,
            "seconds": list(self._seconds),
            "frames": self._frames.get_state(),
            "following": self._following.get_state(),
        }

    def set_state(self, state):
        """Restore the result of `get_state`, after `on_train_begin`."""
        self._epoch, self._seconds = state["epoch"], list(state["seconds"])
        self._frames.set_state(state["frames"])
        self._following.set_state(state["following"])

    # === Pictures ===

    def _draw(self):
        picture = None if self._shown is None else self._shown.picture()
        if picture is not None:
            self._frames.add(self._epoch, picture, self._following.best_epoch)

    def _look(self):
        """What is shown of the latest weights and of the data."""
        if self._shown is not None and self._real is None:
            real = self._shown.real()
            self._real = None if real is None else _frames.compressed(real)
        gan = self.model
        if not _samples.makes_images(gan) or gan.reference_samples is None:
            return
        self._nearest = self._nearest or _samples.Nearest(gan)
        ways = _samples.interpolation(gan, min(self.rows, 4), self.columns, self.seed + 1)
        near = self._nearest.picture(self.seed)
        of_data = f"the nearest of {self._nearest.count:,} training samples"
        self._extras = [
            {
                "title": "From one latent to another",
                "label": "Smooth changes speak for a generator that has memorised nothing.",
                "uri": _page.uri(_frames.compressed(ways)),
            },
            {
                "title": "Nearest training samples",
                "label": f"Above: samples. Below: {of_data}. Copies would look the same.",
                "uri": _page.uri(_frames.compressed(near)),
            },
        ]

    # === Page ===

    def _write(self, state, looks=True):
        if looks and self._epoch:
            self._look()
        path = self.directory / FILE
        try:
            text = _page.render(**self._parts(state))
            with files.replacing(path) as temporary:
                temporary.write_bytes(text.encode("utf-8", "replace"))
        except OSError as error:
            _measuring.warn_unwritten(path, error)

    def _parts(self, state):
        following, histories = self._following, self._following.histories
        verdict, restored = following.verdict, following.restored_epoch
        if self._description is None:
            self._description = _facts.description(self.model)
        total = (self.params or {}).get("epochs")
        several = len(histories) > 1
        pairs = [
            {
                "name": key if several else None,
                "lights": lights.lights(history),
                "curves": _page.curves(history, verdict, restored) if history else [],
            }
            for key, history in histories.items()
        ]
        first = following.history
        settled = state not in ("running", "interrupted")
        line = _report.weights_line(first, self._epoch, bool(restored)) if settled else None
        seconds = statistics.median(self._seconds[-_LATEST:]) if self._seconds else None
        left = None
        if state == "running" and seconds is not None and total:
            left = f"about {_facts.duration(seconds * (total - self._epoch))} left"
        return {
            "name": self.directory.resolve().name,
            "running": state == "running",
            "state_in_words": f"{state}, epoch {self._epoch} of {total}",
            "left": left,
            # In seconds, for a process that was killed: it cannot write that it has ended.
            "late_after": round(_LATE + 3 * (seconds or 0)),
            "progress": (self._epoch, total) if state == "running" and total else None,
            **_facts.headline(verdict, first, line, [part["lights"] for part in pairs]),
            "pairs": pairs,
            "pictures": _labelled(self._frames.pictures, self._real, following.best_epoch),
            "frames": _addresses(self._frames.pictures),
            "extras": self._extras,
            "times": _facts.times(self._seconds, seconds, left),
            "settings": _facts.settings(self.model, first),
            "description": self._description,
            "program": _facts.program(self.model, self.directory, self.saved_as),
            **_facts.written(),
        }


def from_files(directory, output=None):
    """Write a page from the `signals.json`, `verdict.json` and grids of a folder.

    These have less than a run: it has no way between latents, no nearest samples, no times. So the
    page of a `RunReport` that has come as far as the signals is left as it is.

    Args:
        directory: the folder.
        output: path of the page. Default: `report.html` in the folder.

    Returns:
        The path of the page, and whether it was written.

    Raises:
        ValueError: if there is no `signals.json`, or it cannot be read, or others have written the
            page that is there.
        ImportError: without the extra "report".
    """
    _page.require()
    folder = files.folder_path(directory, "directory")
    path = folder / FILE if output is None else files.expanded(output)
    _own_files.check("report", path.parent, [path.name], _page.is_own)
    history, verdict = _report.read(folder)
    if _page.epoch(path) >= (history[-1].epoch if history else 0):
        return path, False
    frames, real = _frames.from_folder(folder)
    line = f"Read from the files of {folder}."
    found = lights.lights(history)
    pair = {"name": None, "lights": found, "curves": _page.curves(history, verdict)}
    text = _page.render(
        name=folder.resolve().name,
        running=False,
        state_in_words=f"recorded, {len(history)} epoch{'' if len(history) == 1 else 's'}",
        left=None,
        late_after=0,
        progress=None,
        **_facts.headline(verdict, history, line, [found]),
        pairs=[pair],
        pictures=_labelled(frames, real, verdict.best_epoch if verdict else None),
        frames=_addresses(frames),
        extras=[],
        times=[],
        settings=_facts.recorded(history),
        description=[],
        program=None,
        **_facts.written(),
    )
    with files.replacing(path) as temporary:
        temporary.write_bytes(text.encode("utf-8", "replace"))
    return path, True


def _addresses(frames):
    return [{"epoch": n, "uri": _page.uri(p)} for n, p in frames.items()]


def _labelled(frames, real, best):
    """The pictures beside each other: of reals, and of the first, best and last epoch."""
    found = [] if real is None else [("training samples", real)]
    if frames:
        first, last = min(frames), max(frames)
        names = {first: "the first"}
        for name, number in (("best", best), ("last", last)):
            if number in frames:
                names[number] = f"{names[number]} and {name}" if number in names else f"the {name}"
        found += [(f"epoch {n}, {names[n]}", frames[n]) for n in sorted(names)]
    return [{"label": label, "uri": _page.uri(picture)} for label, picture in found]
