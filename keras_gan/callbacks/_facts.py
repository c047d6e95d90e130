"""What a report says of a run in words: its verdict, times, settings and versions."""

import datetime
import platform

import keras
import numpy as np
import tensorflow as tf

from keras_gan import _version
from keras_gan.callbacks import _report
from keras_gan.convergence import lights, signals

# Verdicts of runs that ended well, and of those that gained nothing more.
_GOOD, _DONE = ("equilibrium",), ("stalled",)
# Characters of a value of the description, at most.
_LONGEST = 200


def headline(verdict, history, line, found):
    """What stands on top: the verdict, or how far the run is, and advice.

    Args:
        verdict: a `Verdict` or `None`.
        history: `Signals` of the first pair.
        line: a sentence on the weights, or `None`.
        found: the `Light`s of each pair.
    """
    if verdict is not None:
        first, *rest = verdict.message.split("; ")
        state = lights.GOOD if verdict.kind in _GOOD else lights.BAD
        state = lights.WATCH if verdict.kind in _DONE else state
        advice = [f"{part[0].upper()}{part[1:]}." for part in rest if part]
    else:
        first, advice = _report.still_learning(history), []
        every = [light for part in found for light in part]
        worst = [light for light in every if light.state == lights.BAD]
        is_measured = any(signals.is_finite(each.quality) for each in history)
        if history and not is_measured:
            first = (
                f"{len(history)} epoch{'s' * (len(history) > 1)}, whose quality was not measured"
            )
            advice = ["Add a ConvergenceStopping: it measures the quality, and says when to stop."]
        state = lights.BAD if worst else lights.GOOD if is_measured else lights.UNKNOWN
        worst = worst or [light for light in every if light.state == lights.WATCH]
        advice += [f"{light.name}: {light.sentence}" for light in worst]
    advice = [*advice, *filter(None, [line])]
    first = f"{first[0].upper()}{first[1:]}"
    return {"headline": first, "advice": advice, "verdict_state": state}


def times(seconds, each, left):
    """Rows on the time of a run: pairs of a name and a value."""
    rows = [("Trained and watched for", duration(sum(seconds)))]
    if each is not None:
        rows.append(("An epoch takes", f"{duration(each)} (median of the latest)"))
    if left is not None:
        rows.append(("Until the last epoch", left))
    return rows


def duration(seconds):
    """A length of time in words: `"12 s"`, `"3.4 min"`, `"2.1 h"`."""
    if seconds < 90:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def settings(model, history):
    """Rows on the settings of a run that matter most: pairs of a name and a value."""
    rows = recorded(history)
    for player, networks in model.networks_by_player.items():
        trained, all_of_them = (
            sum(int(np.prod(v.shape)) for network in networks for v in getattr(network, kind))
            for kind in ("trainable_variables", "weights")
        )
        told = f"{trained:,}" if trained else f"{all_of_them:,}, not trained"
        rows.append((f"weights of the {player.replace('_', ' ')}", told))
    for name in ("sample_shape", "num_classes", "class_names", "seed", "steps_seen", "images_seen"):
        value = getattr(model, name, None)
        if value is not None:
            rows.append((name.replace("_", " "), _text(value)))
    policy = model.generator.dtype_policy
    rows.append(("precision", getattr(policy, "name", str(policy))))
    return rows


def recorded(history):
    """Rows on the settings that signals have: pairs of a name and a value."""
    found = signals.settings_of(history)
    return [(name.replace("_", " "), _text(value)) for name, value in found.items()]


def description(model):
    """Rows of all that identifies a run, see `run_description`."""
    return [(name, _text(value)) for name, value in model.run_description().items()]


def versions():
    """Versions and devices: pairs of a name and a value."""
    devices = [device.device_type for device in tf.config.list_logical_devices()]
    return [
        ("keras_gan", _version.__version__),
        ("Keras", keras.__version__),
        ("TensorFlow", tf.__version__),
        ("NumPy", np.__version__),
        ("Python", platform.python_version()),
        ("system", f"{platform.system()} {platform.machine()}"),
        ("devices", ", ".join(sorted(set(devices)))),
    ]


def written():
    """When, and by what, a page is written."""
    now = datetime.datetime.now().astimezone()
    return {
        "written": now.strftime("%Y-%m-%d %H:%M:%S %Z"),
        "written_at": int(now.timestamp()),
        "version": _version.__version__,
        "versions": versions(),
    }


def program(model, directory, saved_as=None):
    """Lines of Python that use the model, and save it unless the command line does."""
    path = f"{directory}/gan.keras" if saved_as is None else str(saved_as)
    name, draws = "gan", "gan.generate(64, seed=0)"
    if getattr(model, "is_fed_entries", False):
        name = "model"
        draws = "model.generate(...)  # see its docstring: inputs and outputs by name"
    return "\n".join(
        [
            "import keras",
            "import keras_gan",
            "",
            f"{name}.save({path!r})  # at the end of the script that trains"
            if saved_as is None
            else "# `keras-gan` saves it when the run has ended.",
            f"{name} = keras.saving.load_model({path!r})",
            f"samples = {draws}",
            f'{name}.export("generator")  # a SavedModel that needs neither package',
        ]
    )


def _text(value):
    """A value in words: names side by side, all else as Python writes it."""
    is_names = isinstance(value, (list, tuple)) and all(isinstance(one, str) for one in value)
    text = (", ".join(value) or "none") if is_names else value
    text = text if isinstance(text, str) else repr(text)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
