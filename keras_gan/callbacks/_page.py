"""The page of a run: one HTML file without links to others, from a template of Jinja2."""

import base64
import functools
import hashlib
import importlib.util
import io
import pathlib
import re

from keras_gan import _checks
from keras_gan.callbacks import _report

_FOLDER = pathlib.Path(__file__).parent / "page"
# Inches of a panel; a browser stretches it to its column.
_PANEL = (4.4, 3.0)
# Epochs from which on lines have no dots, which would be most of the file.
_DOTS = 60
# What Matplotlib would say of itself in each drawing.
_ABOUT = ("Creator", "Date", "Format", "Type")
# Colours that nobody else uses, and the variables of the style that take their place, so that
# one drawing is right on light and dark paper.
_INK, _CARD = "#0a00ff", "#0a00fe"
_LINES = ("#0a0001", "#0a0002", "#0a0003", "#0a0004")
_VARIABLES = {
    _INK: "var(--ink)",
    _CARD: "var(--card)",
    **{line: f"var(--line{number})" for number, line in enumerate(_LINES, 1)},
    "#808080": "var(--quiet)",
    "#008000": "var(--good)",
    "#ff0000": "var(--bad)",
}


def require():
    """Check that what the page is made with is installed.

    Raises:
        ImportError: with the command that installs it.
    """
    missing = [n for n in ("jinja2", "matplotlib") if importlib.util.find_spec(n) is None]
    if missing:
        raise ImportError(
            _checks.sentence(
                "`RunReport` needs packages that are not installed.",
                missing=missing,
                cure="Use `pip install 'keras-gan[report]'`.",
            )
        )


# In the head of each page, also of earlier versions: see `page/report.html`.
_MARK = b"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-"


def is_own(path):
    """Whether a file is a page of a run."""
    try:
        with open(path, "rb") as file:
            return _MARK in file.read(2000)
    except OSError:  # a folder
        return False


# The state of a run in the title of its page, see `page/report.html`.
_STATE = re.compile(rb"<title>(?:running|finished|stopped|interrupted), epoch (\d+) of ")


def epoch(path):
    """The epoch of a page that a run has written; -1 if there is no such page."""
    try:
        with open(path, "rb") as file:
            found = _STATE.search(file.read(2000))
    except OSError:
        return -1
    return int(found[1]) if found else -1


def render(**parts):
    """The page as HTML text; all strings in `parts` are escaped, see `page/report.html`."""
    script = (_FOLDER / "report.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    style = (_FOLDER / "report.css").read_text(encoding="utf-8")
    own = {"style": _safe(style), "script": _safe(script), "script_hash": digest}
    return _environment().get_template("report.html").render(**own, **parts)


@functools.cache
def _environment():
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _safe(text):
    from markupsafe import Markup

    return Markup(text)


def uri(picture):
    """The bytes of a WebP file as an address that a page can show."""
    return "data:image/webp;base64," + base64.b64encode(picture).decode()


def curves(history, verdict=None, restored=None):
    """The curves of a pair as SVG in the page's colours: a list of `(title, SVG)`."""
    import matplotlib
    from matplotlib.figure import Figure

    cycle = matplotlib.cycler(color=_LINES) + matplotlib.cycler(linestyle=["-", "--", "-.", ":"])
    ink = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")
    settings = {
        **dict.fromkeys(ink, _INK),
        "axes.prop_cycle": cycle,
        "legend.facecolor": _CARD,
        "legend.edgecolor": "none",
        "svg.fonttype": "none",  # the browser's fonts, in a tenth of the bytes
        "svg.hashsalt": "keras_gan",
    }
    found = []
    with matplotlib.rc_context(settings):
        for title, lines in _report.measured_panels(history):
            figure = Figure(figsize=_PANEL, layout="constrained")
            axis = figure.subplots()
            _report.draw_panel(axis, title, lines, history, verdict, restored, columns=2)
            for line in axis.lines if len(history) > _DOTS else ():
                if line.get_linestyle() != "None":
                    line.set_marker("")
            axis.spines[["top", "right"]].set_visible(False)
            axis.set_xlabel("epoch", fontsize=8)
            found.append((title, _safe(_svg(figure))))
    return found


def _svg(figure):
    stream = io.StringIO()
    figure.savefig(stream, format="svg", transparent=True, metadata=dict.fromkeys(_ABOUT))
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, variable)
    return text
