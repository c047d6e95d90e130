"""What a fault is, how it is watched, and the table of all of them.

A fault is a function of an empty folder that breaks something in a run. It returns the first line
of the message that the user reads, and what was lost: the difference of weights, optimizers and
counters to those before, or to those of an undisturbed run. A fault passes only if nothing is lost,
no run continues without a message, and a run that stops does so with a message of this package, or
of Keras where the broken call is Keras's own (`keras.saving.load_model`).
"""

import contextlib
import dataclasses
import io
import os
import pathlib
import re
import resource
import subprocess
import tempfile
import traceback
import warnings

import numpy as np

_LONGEST = 240


class Faults(dict):
    """Functions by what happens in them; called with that, a decorator that enters one."""

    def __call__(self, what):
        def enter(function):
            assert what not in self, what
            self[what] = function
            return function

        return enter


@dataclasses.dataclass
class Outcome:
    """What a fault came to.

    Attributes:
        message: what the user reads, empty if nothing.
        lost: what was lost, empty if nothing.
        origin: "keras_gan" or "Keras" (where Keras's own call failed), which wrote the message, or
            empty for another library.
    """

    message: str
    lost: str
    origin: str

    @property
    def passed(self):
        return bool(self.message and self.origin) and not self.lost


# === Watching ===


@dataclasses.dataclass
class Seen:
    """What a call said: the error it raised, its warnings, what it printed."""

    error: BaseException = None
    warnings: list = dataclasses.field(default_factory=list)
    printed: io.StringIO = dataclasses.field(default_factory=io.StringIO)

    @property
    def words(self):
        if self.error is not None:
            return f"{type(self.error).__name__}: {_first_line(self.error)}"
        told = [f"warning: {_first_line(w.message)}" for w in self.warnings]
        return "; ".join(told + [_first_line(line) for line in self._lines])

    @property
    def _lines(self):
        return [line for line in self.printed.getvalue().splitlines() if line.strip()]

    @property
    def origin(self):
        if self.error is not None:
            return "keras_gan" if _is_raised_by_us(self.error) else ""
        said = [str(warning.message) for warning in self.warnings] + self._lines
        return "keras_gan" if any(map(_is_in_our_sources, said)) else ""


@contextlib.contextmanager
def watching():
    """What is said inside the block; errors end it."""
    seen = Seen()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        # What NumPy says of Keras's variables, and TensorFlow of its threads.
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        seen.warnings = caught
        try:
            with contextlib.redirect_stdout(seen.printed):
                yield seen
        except BaseException as error:
            seen.error = error


def refused(model, call):
    """A call that must raise and leave the model as it was."""
    before = state(model) if model is not None else {}
    with watching() as seen:
        call()
    lost = differences(before, state(model) if model is not None else {})
    if seen.error is None:
        lost = lost or "it went on"
    return Outcome(seen.words, lost, seen.origin)


def _first_line(message):
    lines = [line.strip() for line in str(message).splitlines() if line.strip()]
    # Keras puts what a model says of its file behind a line of its own.
    own = [line for line in lines if " Received: " in line]
    line = (own or lines or [""])[0]
    return line if len(line) <= _LONGEST else line[: _LONGEST - 3] + "..."


def _is_raised_by_us(error):
    """Whether the package raised it, or its words are within, as when Keras reads a file."""
    frames = traceback.extract_tb(error.__traceback__)
    raised_here = bool(frames) and "/keras_gan/" in frames[-1].filename
    return raised_here or " Received: not_restored=" in str(error)


def _is_in_our_sources(text):
    """Whether the words of a warning, or of a line, stand in the package's sources."""
    parts = re.split(r"['\"`\[\](){}:,;.]|\d+", text)
    words = [part.strip() for part in parts if len(part.strip()) >= 15]
    return any(part in source for part in words for source in _sources())


_SOURCES = []


def _sources():
    if not _SOURCES:
        import keras_gan

        for path in pathlib.Path(keras_gan.__file__).parent.rglob("*.py"):
            # As the words read once the lines of a literal are joined.
            _SOURCES.append(re.sub(r'"\s*\n\s*f?"', "", path.read_text()))
    return _SOURCES


# === Comparing ===


def state(model):
    """All that a run consists of, as copies by name."""
    from keras_gan.model import state_parts

    parts = {name: getattr(model, name).weights for name in NETWORKS}
    if model.compiled:
        parts |= {name: getattr(model, name).variables for name in OPTIMIZERS}
    copies = {
        f"{name}/{i}": np.array(variable.value)
        for name, variables in parts.items()
        for i, variable in enumerate(variables)
    }
    for name, variable in state_parts.own(model).items():
        copies[name] = np.array(variable.value)
    return copies


NETWORKS = ("generator", "discriminator", "averaged_generator")
OPTIMIZERS = ("generator_optimizer", "discriminator_optimizer")
# What failed last, and evaluations that count from 0: no part of what a run has come to.
_NOTES = ("state_failed", "state_evaluation")


def differences(before, after):
    """What differs between two states, in words; empty if nothing."""
    names = [name for name in {**before, **after} if not name.startswith(_NOTES)]
    different = {
        name.split("/")[0]
        for name in names
        if not np.array_equal(before.get(name, np.nan), after.get(name, np.nan), equal_nan=True)
    }
    return ", ".join(sorted(different))


# === Models and data ===


def points(count=64, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (count, 2)).astype("float32")


def images(count=64, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, 8, 8, 1)).astype("uint8")


def gan(shape=(2,), *, num_classes=None, precision=None, width=8, **settings):
    """A small compiled GAN, the same each time."""
    import keras

    from keras_gan import networks
    from keras_gan.model.gan import GAN

    keras.utils.set_random_seed(0)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision or before)
    try:
        pair = networks.mlp(shape, 4, width=width, depth=1, num_classes=num_classes)
    finally:
        keras.config.set_dtype_policy(before)
    model = GAN(*pair, num_classes=num_classes)
    model.compile(**settings)
    return model


def fit(model, data=None, **settings):
    """`fit` on points, quietly."""
    return model.fit(
        points() if data is None else data,
        **{"batch_size": 16, "verbose": 0, **settings},
    )


# === Breaking ===


@contextlib.contextmanager
def small_disk(place, kibibytes):
    """A folder on a file system of its own, as `(folder, fill)`; `fill(True)` fills it up.

    Only an administrator may mount one; for others, files simply may not grow any more.
    """
    folder = pathlib.Path(place) / "disk"
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={kibibytes}k", "tmpfs", str(folder)]
    mounted = not subprocess.run(["mount", *options], capture_output=True).returncode
    yield folder, _filler(folder) if mounted else _limit
    if mounted:
        subprocess.run(["umount", "-l", str(folder)], check=True)
    else:
        _limit(False)


def _filler(folder):
    balloon = folder / ".balloon"

    def fill(full):
        if not full:
            balloon.unlink(missing_ok=True)
            return
        with contextlib.suppress(OSError), balloon.open("wb") as opened:
            while True:
                opened.write(bytes(1024))
                opened.flush()

    return fill


def _limit(full):
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 if full else hard, hard))


def callback(**hooks):
    """A callback of the given functions: `on_epoch_end=lambda epoch: ...`."""
    import keras

    class Hooks(keras.callbacks.Callback):
        pass

    for name, function in hooks.items():
        setattr(Hooks, name, lambda self, number, logs=None, f=function: f(number))
    return Hooks()


# === The table ===


def run_all(faults, every=1):
    """Outcomes of all `Faults`, or of every n-th one: a list of records."""
    return [_run(fault, function) for fault, function in list(faults.items())[::every]]


def _run(fault, function):
    with tempfile.TemporaryDirectory() as place:
        before = os.getcwd()
        try:
            outcome = function(pathlib.Path(place))
        except Exception as error:
            outcome = Outcome(f"{type(error).__name__}: {_first_line(error)}", "the row itself", "")
            traceback.print_exc()
        finally:
            os.chdir(before)
    return {"fault": fault, **dataclasses.asdict(outcome), "passed": outcome.passed}


def report(records):
    """The columns and the rows of the table."""
    columns = ["fault", "message", "from", "lost", "passed"]
    rows = [
        [
            record["fault"],
            _cell(record["message"]) or "nothing",
            record["origin"] or "another library",
            _cell(record["lost"]) or "nothing",
            "yes" if record["passed"] else "**no**",
        ]
        for record in records
    ]
    return columns, rows


def _cell(text):
    return text.replace("|", "\\|").replace("`", "")
