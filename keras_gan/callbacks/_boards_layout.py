"""How scalars of a run are grouped in TensorBoard, and what its plugins are given."""

from keras_gan.callbacks import _board, _report
from keras_gan.convergence.signals import is_finite

_VALIDATION = "val_"
# Of each chart of both players: its title and what tags it draws.
_CHARTS = (
    ("losses of both players", r"losses/[dg]_loss$"),
    ("accuracies of the discriminator", r"accuracies/d_.*accuracy$"),
    ("gradients of both players", r"gradients/[dg]_gradient_norm$"),
    ("learning rates", r"rates/.*"),
    ("quality, and that of reals", r"quality/.*"),
)


def grouped(logs, metrics, last):
    """The scalars of an epoch: a `dict` of groups, each a `dict` of numbers.

    Args:
        logs: numbers by key.
        metrics: the keys of quality metrics.
        last: the `Signals` of the epoch.
    """
    found = {}
    for key, value in logs.items():
        found.setdefault(_group(key, metrics), {})[key] = value
    signals = _report.curves(last)
    for name, label in (("quality", last.quality_name), ("quality_floor", "floor")):
        if name in signals:
            found.setdefault("quality", {})[label] = signals.pop(name)
    known = {name: value for name, value in signals.items() if name not in logs}
    if known:
        found["signals"] = known
    rates = {player: getattr(last, f"{player}_rate") for player in ("discriminator", "generator")}
    rates = {player: rate for player, rate in rates.items() if is_finite(rate)}
    if rates:
        found["rates"] = rates
    return found


def _group(key, metrics):
    name = key.removeprefix(_VALIDATION)
    if key in metrics:
        return "quality"
    if name == "loss" or name.startswith(("d_loss", "g_loss")):
        return "losses"
    if "accuracy" in name:
        return "accuracies"
    if "gradient_norm" in name:
        return "gradients"
    return "rates" if "learning_rate" in name else "terms"


def layout(groups):
    """The charts of the custom scalars as a `Summary`: those that have something to draw."""
    from tensorboard.plugins.custom_scalar import layout_pb2, summary

    charts = [
        layout_pb2.Chart(title=title, multiline=layout_pb2.MultilineChartContent(tag=[tags]))
        for title, tags in _CHARTS
        if tags.split("/")[0] in groups
    ]
    category = layout_pb2.Category(title="keras_gan", chart=charts)
    return summary.pb(layout_pb2.Layout(category=[category]))


def hparams(last, seed, name):
    """The settings of a run as `Summary`s of the HParams plugin: of its metric, and its values.

    Args:
        last: the `Signals` of the first epoch.
        seed: of the model.
        name: of the run.
    """
    from tensorboard.plugins.hparams import api

    values = {"seed": seed}
    for key, value in last.settings.items():
        is_plain = isinstance(value, (bool, int, float))
        words = value if isinstance(value, str) else " ".join([] if is_plain else value)
        values[key] = value if is_plain else _board.unicode(words)
    for name_of_rate in ("discriminator_rate", "generator_rate"):
        if is_finite(rate := getattr(last, name_of_rate)):
            values[name_of_rate] = rate
    metrics = [
        api.Metric(_board.unicode(f"quality/{last.quality_name}")),
        api.Metric("losses/g_loss"),
    ]
    config = api.hparams_config_pb(hparams=[api.HParam(key) for key in values], metrics=metrics)
    return config, api.hparams_pb(values, trial_id=str(name))


def session_end(status):
    """The end of a run for HParams, as a `Summary`."""
    from tensorboard.plugins.hparams import api_pb2, summary

    return summary.session_end_pb(api_pb2.Status.Value(status))


def table(rows):
    """Rows of names and values as a table in Markdown."""
    lines = [f"| {_cell(name)} | {_cell(value)} |" for name, value in rows]
    return "\n".join(["| | |", "|---|---|", *lines])


def _cell(text):
    return str(text).replace("|", "&#124;").replace("<", "&#60;").replace("\n", " ")
