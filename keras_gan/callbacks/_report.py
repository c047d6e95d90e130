"""The report of a run: files with the verdict, the signals and a plot of them."""

import json
import math
import textwrap
import time

from keras_gan import _checks, convergence
from keras_gan.callbacks import _measuring
from keras_gan.convergence import run_progress, signals
from keras_gan.storage import files

FILES = ("verdict.json", "signals.json", "signals.png")
# In each plot, so that a later run knows it.
COMMENT = "keras_gan.callbacks.ConvergenceStopping"
# Significant digits of a record, more than the precision of any signal.
_DIGITS = 6
# The plot is redrawn after this multiple of the time that drawing takes.
_IDLE = 20.0


class Reports:
    """The reports on all pairs of a run; that on the first has the verdict.

    Args:
        directory: folder, or `None`.
        board: the `Board`.
        names: of the pairs but the first, for the names of their files.
    """

    def __init__(self, directory, board, names=()):
        self._board = board
        self._all = [Report(directory, board, name) for name in (None, *names)]

    def epoch(self, histories, verdict):
        """Update all files after an epoch, given the signals of each pair."""
        for report, history in zip(self._all, histories, strict=True):
            report.epoch(history, verdict)

    def end(self, histories, verdict, restored, *, number):
        """Update all files for the last time, see `Report.end`."""
        told = [
            report.end(history, verdict, restored, number=number)
            for report, history in zip(self._all, histories, strict=True)
        ]
        self._board.close()
        return told[0]


class Report:
    """The files of a run, updated after each epoch in a small fraction of its time.

    `verdict.json` exists once there is a verdict, and `signals.png` only with matplotlib. If a file
    cannot be written, a warning follows and the run continues. The `Board` receives the same data.
    """

    def __init__(self, directory, board, name=None):
        """Make the report on the first pair, or, with a `name`, on another one."""
        self._directory, self._board, self._name = directory, board, name
        self._missing = None  # a sentence on a plot that could not be drawn
        self._lines = []  # pairs of a record and its text in `signals.json`
        self._shown = None  # what `signals.png` shows
        self._next_plot = 0.0

    def epoch(self, history, verdict):
        """Update all files after an epoch, and the plot if it is due."""
        self._update(history, verdict, None)
        group = "signals" if self._name is None else f"signals_{self._name}"
        self._board.scalars(group, curves(history[-1]), history[-1].epoch)

    def end(self, history, verdict, restored, *, number):
        """Update all files for the last time.

        `restored` is the epoch whose weights were restored, or `None`, and `number` that at which
        training ended, `None` if this run had ended before. Returns a list of sentences on the end
        of the run and on missing files.
        """
        self._update(history, verdict, restored, final=True)
        found = verdict.message if verdict else still_learning(history)
        if number is not None and self._name is None:
            self._board.text("verdict", found, number)
        found = f"Verdict: {found}." if verdict else f"{found[0].upper()}{found[1:]}."
        return [found, *filter(None, [self._missing])]

    def _update(self, history, verdict, restored, *, final=False):
        if self._directory is None:
            return
        if verdict is not None and self._name is None:
            self._write_text("verdict.json", verdict.to_json() + "\n")
        if not history:
            return
        self._write_text("signals.json", self._as_json(history))
        start, state = time.monotonic(), (len(history), verdict, restored)
        if state != self._shown and (final or start >= self._next_plot):
            self._plot(history, verdict, restored)
            self._shown, end = state, time.monotonic()
            self._next_plot = end + _IDLE * (end - start)

    def _as_json(self, history):
        """All records as JSON, one per line; the text of earlier records is cached."""
        same = 0
        for (record, _), now in zip(self._lines, history, strict=False):
            if record is not now:
                break
            same += 1
        new = [(record, json.dumps(_short(record.to_dict()))) for record in history[same:]]
        self._lines = self._lines[:same] + new
        return "[\n" + ",\n".join(text for _, text in self._lines) + "\n]\n"

    def _plot(self, history, verdict, restored):
        try:
            figure = plot(history, verdict, restored)
        except ImportError:
            self._missing = "There is no signals.png, since matplotlib is not installed."
            return
        about = {"Comment": COMMENT}
        self._write(
            "signals.png", lambda path: figure.savefig(path, format="png", dpi=100, metadata=about)
        )

    def _write_text(self, name, text):
        self._write(name, lambda path: path.write_text(text, encoding="utf-8"))

    def _write(self, name, write):
        path = self._directory / file_name(name, self._name)
        try:
            with files.replacing(path) as temporary:
                write(temporary)
        except OSError as error:
            _measuring.warn_unwritten(path, error)


def file_name(name, pair=None):
    """The name of a file on the first pair, or on another one."""
    stem, dot, ending = name.partition(".")
    return name if pair is None else f"{stem}_{pair}{dot}{ending}"


def read(directory):
    """The `Signals` of a folder, and its `Verdict` or `None`.

    Raises:
        ValueError: if there are no signals, or they cannot be read.
    """
    _checks.check(
        (directory / FILES[1]).is_file(),
        f"The folder must be that of a run, with a `{FILES[1]}` of `ConvergenceStopping`, which is "
        "there after the first epoch.",
        directory=str(directory),
    )
    try:
        history = history_of((directory / FILES[1]).read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise _checks.error(
            f"The folder must have a `{FILES[1]}` of `ConvergenceStopping` ({error}).",
            directory=str(directory),
        ) from error
    path, verdict = directory / FILES[0], None
    if path.exists():
        try:
            verdict = convergence.Verdict.from_json(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise _checks.error(
                f"The `{FILES[0]}` must be one of `ConvergenceStopping` ({error}).",
                cure="Remove it: the report then has signals without a verdict.",
                directory=str(directory),
            ) from error
    return history, verdict


def history_of(text):
    return [signals.Signals.from_dict(record) for record in json.loads(text)]


def figures(history):
    """The quality of the best epoch, whose weights a run restores, and that of reals, by name."""
    top = run_progress.best(history)
    if top is None:
        return {}
    found = {"epoch": top.epoch, top.quality_name: top.quality, "coverage": top.coverage}
    found[f"{top.quality_name}_floor"] = top.quality_floor
    return {name: value for name, value in found.items() if signals.is_finite(value)}


def _short(value):
    if isinstance(value, dict):
        return {key: _short(part) for key, part in value.items()}
    finite = isinstance(value, float) and math.isfinite(value)
    return float(f"{value:.{_DIGITS}g}") if finite else value


# === Words ===


def still_learning(history):
    """The summary of a run without a verdict."""
    if not history:
        return "no epoch was completed"
    return f"still learning after {len(history)} epoch{'' if len(history) == 1 else 's'}"


def weights_line(history, number, restored):
    """A sentence on the weights of the model after training, which ended at epoch `number`."""
    top = run_progress.best(history)
    if number == 0:
        return "The weights are as they were."
    if top is None:
        return f"Weights of epoch {number}, the last: no epoch could be measured."
    best, last = f"{top.quality_name} of {top.quality:.4g}", history[-1]
    if top.epoch == number:
        return f"Weights of epoch {number}, the last: its {best} is the best, within noise."
    if not restored:
        return f"Weights of epoch {number}, the last; the best was epoch {top.epoch}: a {best}."
    line = f"Weights of epoch {top.epoch} restored: its {best} is the best, within noise"
    if last.epoch == top.epoch or not signals.is_finite(last.quality):
        return f"{line}."
    return f"{line}; epoch {last.epoch} has {last.quality:.4g}."


def ended_at(history, verdict):
    """The epoch at which training ended; 0 before the end of the first."""
    if verdict is not None:
        return verdict.epoch
    return history[-1].epoch if history else 0


# === Curves ===


def curves(record):
    """The finite signals of an epoch that `plot` shows: a `dict` of numbers."""
    names = [name for _, lines in _PANELS for name, _, _ in lines]
    found = {name: getattr(record, name) for name in names}
    return {name: value for name, value in found.items() if signals.is_finite(value)}


# === Plot ===

# Of each line: the signal, its label, its style.
_SOLID = {"linewidth": 1.5, "marker": ".", "markersize": 3}
_DASHED = {"linewidth": 1.0, "linestyle": "--", "color": "grey"}
_DOTS = {"linestyle": "", "marker": "o", "markersize": 5}
# The place of a legend, and the room for its two lines below a title, in points.
_ABOVE = {
    "loc": "lower left",
    "bbox_to_anchor": (0.0, 1.0),
    "borderaxespad": 0.1,
    "fontsize": 7,
    "frameon": False,
    "columnspacing": 1.0,
    "handlelength": 1.5,
}
_PAD = 26
_PANELS = (
    ("quality", (("quality", "{last.quality_name}", _SOLID), ("quality_floor", "reals", _DASHED))),
    (
        "discriminator AUC",
        (
            ("discriminator_auc", "real vs generated", _SOLID),
            ("train_vs_held_out_auc", "training vs held-out reals", _SOLID),
            ("first_samples_auc", "real vs first samples", _SOLID),
            ("fresh_discriminator_auc", "fresh: real vs generated", _DOTS),
        ),
    ),
    (
        "coverage and spread",
        (
            ("coverage", "coverage", _SOLID),
            ("real_coverage", "coverage of reals", _DASHED),
            ("density", "density", _SOLID),
            ("spread", "spread", _SOLID),
        ),
    ),
    ("losses", (("d_loss", "discriminator", _SOLID), ("g_loss", "generator", _SOLID))),
    (
        "gradient norms",
        (("d_gradient_norm", "discriminator", _SOLID), ("g_gradient_norm", "generator", _SOLID)),
    ),
    ("Jensen-Shannon estimate, nats", (("js_estimate", "log 2 - loss / 2", _SOLID),)),
)


def plot(history, verdict=None, restored=None):
    """A `matplotlib.figure.Figure` of all signals that were measured.

    Marks the epoch of the verdict, and the epoch of the restored weights or the best one.
    """
    from matplotlib.figure import Figure

    panels = measured_panels(history)
    rows = max(1, -(-len(panels) // 2))
    figure = Figure(figsize=(12.0, 1.2 + 2.9 * rows))
    axes = figure.subplots(rows, 2, squeeze=False).ravel()
    for axis, (title, lines) in zip(axes, panels, strict=False):
        draw_panel(axis, title, lines, history, verdict, restored)
        axis.set_title(title, fontsize=10, loc="left", pad=_PAD)
    for axis in axes[len(panels) :]:
        axis.set_axis_off()
    for axis in axes[: len(panels)][-2:]:
        axis.set_xlabel("epoch", fontsize=9)
    text = verdict.message if verdict else still_learning(history)
    figure.suptitle(textwrap.fill(text, 130), fontsize=10, parse_math=False)
    figure.tight_layout()
    return figure


def measured_panels(history):
    """The panels of `plot` that have something to show: pairs of a title and lines."""
    return [
        (title, lines)
        for title, lines in _PANELS
        if any(signals.is_finite(getattr(s, name)) for name, _, _ in lines for s in history)
    ]


def draw_panel(axis, title, lines, history, verdict=None, restored=None, *, columns=4):
    """Draw one of `measured_panels`, see `plot`; `columns` are the legend's."""
    from matplotlib.ticker import MaxNLocator

    for name, label, style in lines:
        _line(axis, history, name, label.format(last=history[-1]), style)
    if title == "quality":
        known = [s for s in history if signals.is_finite(s.quality)]
        bands = [(s.epoch, s.quality, s.quality_noise) for s in known]
        _band(axis, bands, label="noise", alpha=0.3)
    if title == "discriminator AUC":
        known = [s for s in history if s.num_real and s.num_fake]
        bands = [(s.epoch, 0.5, signals.auc_tolerance(s.num_real, s.num_fake)) for s in known]
        _band(axis, bands, label="chance level", color="grey", alpha=0.2)
    if title == "gradient norms":
        _log_scale(axis)
    _mark(axis, verdict, restored)
    axis.xaxis.set_major_locator(
        MaxNLocator(integer=True, min_n_ticks=1)
    )  # there is no epoch between two
    # Above the curves: within them, Matplotlib's search for a free place is slow, and warns.
    legend = axis.legend(**_ABOVE, ncols=columns)
    for text in legend.get_texts():
        text.set_parse_math(False)  # a metric's name may contain a dollar sign
    axis.tick_params(labelsize=8)


def _log_scale(axis):
    """A logarithmic scale with a few plain numbers, also where it spans less than a decade."""
    from matplotlib.ticker import LogLocator, NullFormatter

    if not math.isfinite(axis.dataLim.minposy):
        return  # nothing is above 0
    axis.set_yscale("log")
    least, most = axis.get_ylim()
    decades = math.log10(most / least)
    between = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0) if decades < 1 else (1.0, 2.0, 5.0)
    if decades < 3:
        axis.yaxis.set_major_locator(LogLocator(subs=between))
    axis.yaxis.set_major_formatter("{x:g}")
    axis.yaxis.set_minor_formatter(NullFormatter())


def _line(axis, history, name, label, style):
    points = [(s.epoch, getattr(s, name)) for s in history if signals.is_finite(getattr(s, name))]
    if points:
        axis.plot(*zip(*points, strict=True), label=label, **style)


def _band(axis, points, **style):
    """A band about points `(epoch, middle, half of its height)`."""
    below, above = ([middle + sign * half for _, middle, half in points] for sign in (-1, 1))
    axis.fill_between([epoch for epoch, _, _ in points], below, above, **style)


def _mark(axis, verdict, restored):
    top, label = restored, "weights restored"
    if top is None and verdict:
        top, label = verdict.best_epoch, "best epoch"
    if top is not None:
        axis.axvline(top, color="green", linewidth=1.0, linestyle=":", label=label)
    if verdict:
        axis.axvline(verdict.epoch, color="red", linewidth=1.2, label=verdict.kind)
