"""What a watched run leaves in its folder: the verdict, the signals, a plot of them."""

import json
import math
import textwrap

from keras_gan import convergence, files, signals

FILES = ("verdict.json", "signals.json", "signals.png")
# Significant digits of a record: more than any signal has.
_DIGITS = 6


def write(directory, history, verdict):
    """Write `verdict.json` if there is a verdict, `signals.json`, and `signals.png` if possible.

    Returns:
        A sentence about what could not be drawn, or `None`.
    """
    if verdict is not None:
        _write_text(directory / "verdict.json", verdict.to_json() + "\n")
    if not history:
        return None
    lines = [json.dumps(_short(record.to_dict())) for record in history]
    _write_text(directory / "signals.json", "[\n" + ",\n".join(lines) + "\n]\n")
    try:
        figure = plot(history, verdict)
    except ImportError:
        return "There is no signals.png, since matplotlib is not installed."
    with files.replacing(directory / "signals.png") as temporary:
        figure.savefig(temporary, format="png", dpi=100)
    return None


def remove_earlier(directory):
    """Remove what an earlier run has left, which would be taken for this one's.

    A file of the same name that holds something else stays until it has to be replaced.
    """
    if _is_verdict(directory / FILES[0]):
        files.remove(directory / FILES[0])
    if _is_history(directory / FILES[1]):
        for name in FILES[1:]:
            files.remove(directory / name)


def _is_verdict(path):
    try:
        return bool(convergence.Verdict.from_json(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return False


def _is_history(path):
    try:
        records = json.loads(path.read_text(encoding="utf-8"))
        return bool([signals.Signals(**record) for record in records])
    except (OSError, ValueError, TypeError):
        return False


def _write_text(path, text):
    with files.replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _short(value):
    if isinstance(value, dict):
        return {key: _short(part) for key, part in value.items()}
    finite = isinstance(value, float) and math.isfinite(value)
    return float(f"{value:.{_DIGITS}g}") if finite else value


def write_summary(log_dir, verdict):
    """Give TensorBoard the verdict's message as text."""
    import tensorflow as tf

    with tf.summary.create_file_writer(str(log_dir)).as_default():
        # TensorBoard's epochs begin at 0.
        tf.summary.text("verdict", verdict.message, step=verdict.epoch - 1)
        tf.summary.flush()


# === Plot ===

# Of each line: the signal, its label, how it is drawn.
_SOLID = {"linewidth": 1.5, "marker": ".", "markersize": 3}
_DASHED = {"linewidth": 1.0, "linestyle": "--", "color": "grey"}
_DOTS = {"linestyle": "", "marker": "o", "markersize": 5}
_PANELS = (
    ("quality", (("quality", "{last.quality_name}", _SOLID), ("quality_floor", "reals", _DASHED))),
    (
        "chance that one scores above the other",
        (
            ("real_above_fake", "real above fake", _SOLID),
            ("train_above_held_out", "training above held-out real", _SOLID),
            ("real_above_noise", "real above first samples", _SOLID),
            ("fresh_real_above_fake", "real above fake, trained afresh", _DOTS),
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


def plot(history, verdict=None):
    """A figure of all signals that were measured, with the verdict's epoch and the best one marked.

    Args:
        history: non-empty list of `Signals`.
        verdict: the `Verdict`, or `None`.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ImportError: if matplotlib is not installed.
    """
    from matplotlib.figure import Figure

    panels = [
        (title, lines)
        for title, lines in _PANELS
        if any(_has(history, name) for name, _, _ in lines)
    ]
    rows = max(1, -(-len(panels) // 2))
    figure = Figure(figsize=(11.0, 1.2 + 2.6 * rows))
    axes = figure.subplots(rows, 2, squeeze=False).ravel()
    for axis, (title, lines) in zip(axes, panels, strict=False):
        axis.set_title(title, fontsize=10)
        for name, label, style in lines:
            _line(axis, history, name, label.format(last=history[-1]), style)
        if title == "quality":
            _noise_band(axis, history)
        if title.startswith("chance"):
            _coin_band(axis, history)
        if title == "gradient norms":
            axis.set_yscale("log")
        _mark(axis, history, verdict)
        axis.legend(fontsize=7, framealpha=0.7)
        axis.tick_params(labelsize=8)
    for axis in axes[len(panels) :]:
        axis.set_axis_off()
    for axis in axes[: len(panels)][-2:]:
        axis.set_xlabel("epoch", fontsize=9)
    text = verdict.message if verdict else f"no verdict after {len(history)} epochs"
    figure.suptitle(textwrap.fill(text, 130), fontsize=10)
    figure.tight_layout()
    return figure


def _has(history, name):
    return any(signals.is_finite(getattr(record, name)) for record in history)


def _line(axis, history, name, label, style):
    points = [(s.epoch, getattr(s, name)) for s in history if signals.is_finite(getattr(s, name))]
    if points:
        axis.plot(*zip(*points, strict=True), label=label, **style)


def _noise_band(axis, history):
    known = [s for s in history if signals.is_finite(s.quality)]
    axis.fill_between(
        [s.epoch for s in known],
        [s.quality - s.quality_noise for s in known],
        [s.quality + s.quality_noise for s in known],
        alpha=0.3,
        label="noise",
    )


def _coin_band(axis, history):
    known = [s for s in history if s.num_real and s.num_fake]
    widths = [signals.coin_tolerance(s.num_real, s.num_fake) for s in known]
    axis.fill_between(
        [s.epoch for s in known],
        [0.5 - width for width in widths],
        [0.5 + width for width in widths],
        color="grey",
        alpha=0.2,
        label="coin flip",
    )


def _mark(axis, history, verdict):
    top = verdict.best_epoch if verdict else None
    if top is not None:
        axis.axvline(top, color="green", linewidth=1.0, linestyle=":", label="best epoch")
    if verdict:
        axis.axvline(verdict.epoch, color="red", linewidth=1.2, label=verdict.kind)
