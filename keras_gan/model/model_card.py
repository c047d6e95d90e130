"""The card of an exported generator: `README.md`, `config.json` and a grid."""

import json
import re

import keras
import numpy as np
import tensorflow as tf

from keras_gan import _version, images
from keras_gan.model import run_fingerprint

FILES = ("README.md", "config.json", "samples.png")
# Samples of the grid, and its columns.
_SAMPLES, _COLUMNS = 32, 8


def write(model, folder, outputs=None, figures=None, arguments=None):
    """Write the card of a model into the folder of its SavedModel.

    Args:
        model: an `AdversarialModel`.
        folder: of the SavedModel, as a `pathlib.Path`.
        outputs: names of the outputs that were exported, of a model with several.
        figures: `dict` of metrics, see `evaluate_generator`.
        arguments: what the endpoints of a game take, see `ExportedGame.arguments`.
    """
    config = _config(model, outputs, figures) | {"folder": folder.name}
    if arguments:
        config["arguments"] = arguments
    has_grid = config["model"] == "GAN" and bool(getattr(model, "is_image", False))
    if has_grid:
        _save_grid(model, folder / FILES[2])
    text = json.dumps(config, indent=1, allow_nan=False, default=str)
    (folder / FILES[1]).write_text(text + "\n", encoding="utf-8")
    (folder / FILES[0]).write_bytes(_text(config, has_grid).encode("utf-8", "replace"))


def is_unchanged(folder, config):
    """Whether `README.md` says what a `config.json` without checksums has, and nothing else."""
    try:
        text = (folder / FILES[0]).read_bytes()
        has_grid = (folder / FILES[2]).exists()
        return text == _text(config, has_grid).encode("utf-8", "replace")
    except (OSError, KeyError, TypeError, AttributeError, ValueError):  # not one of ours
        return False


def _config(model, outputs, figures):
    """What is known of a model, for programs: plain values by name."""
    told = {
        "model": "GAN" if hasattr(model, "latent_dim") else "AdversarialModel",
        "keras_gan": _version.__version__,
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
        "steps_seen": int(model.steps_seen),
        "images_seen": int(model.images_seen),
    }
    for name in ("sample_shape", "latent_dim", "num_classes"):
        value = getattr(model, name, None)
        if value is not None:
            told[name] = list(value) if isinstance(value, tuple) else value
    if getattr(model, "class_names", None):
        told["class_names"] = [str(name) for name in model.class_names]
    if getattr(model, "is_image", False):
        told["value_range"] = [-1, 1]
    if outputs:
        told["outputs"] = [outputs] if isinstance(outputs, str) else list(outputs)
    if model.compiled:
        described = run_fingerprint.flat(run_fingerprint.of_model(model))
        kept = ("loss", "regularizers", "terms", "discriminator_", "generator_", "seed")
        is_setting = [n for n in described if n.startswith(kept) and ".layers" not in n]
        told["recipe"] = {name: _plain(described[name]) for name in is_setting}
    recipe, data = getattr(model, "run_told", (None, {}))
    if recipe:
        told["recipe"] = {"name": recipe, **told.get("recipe", {})}
    told["data"] = {**data, **_data(model)}
    told["metrics"] = {name: _plain(value) for name, value in (figures or _logged(model)).items()}
    verdict = getattr(model, "verdict", None)
    told["verdict"] = None if verdict is None else json.loads(verdict.to_json())
    return told


def _data(model):
    """What the last `fit` of this process was given, as far as it is known."""
    feed = getattr(model, "_training_feed", None)
    return {} if feed is None else {name: _plain(v) for name, v in feed.summary.items()}


def _logged(model):
    """The last values of the metrics of `compile`, from the last `fit` of this process."""
    history = getattr(getattr(model, "history", None), "history", None) or {}
    keys = getattr(model, "metric_directions", None) or {}
    return {key: history[key][-1] for key in keys if history.get(key)}


def _plain(value):
    """A value that JSON has; numbers that are not finite become text."""
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, float):
        return value if np.isfinite(value) else str(value)
    return value if isinstance(value, (bool, int, type(None))) else str(value)


def _save_grid(gan, path):
    labels = None if gan.num_classes is None else np.arange(_SAMPLES) % gan.num_classes
    latents = gan.sample_latents(_SAMPLES, 0)
    samples = np.clip(gan.generate(latents=latents, labels=labels, seed=0), -1.0, 1.0)
    images.save_png(path, images.grid(samples, columns=_COLUMNS))


# === Words ===

# Signs of Markdown and HTML within a line, where they are markup: an underscore within a word, or
# brackets without an address, are read as they are, also by who reads the file as text.
_MARKUP = re.compile(r"[\\`*<>|]|&(?=#?\w+;)|(?<![^\W_])_|_(?![^\W_])|](?=\()")
# Sources of data by their classes, and the part of a text that tells the shape of a sample.
_SOURCES = {
    "ArraySource": "arrays",
    "FileSource": "image files",
    "UncheckedSource": "image files",
    "PairSource": "pairs of image files",
    "TFDSSource": "a data set of TensorFlow Datasets",
    "Subset": "a part of the data; the rest was held out",
}
_SPEC = re.compile(r"TensorSpec\(shape=(\([^)]*\)), dtype=tf\.(\w+), name=[^)]*\)")

_NO_VERDICT = "none, since nothing watched the run, or it ended before there was one"
_USE = """\
## Use it in TensorFlow

```python
import tensorflow as tf

generator = tf.saved_model.load({folder})
print(generator.signatures)
samples = generator.{call}
```
"""
_ONNX = """\
## Use it in ONNX

`gan.export("generator.onnx")` writes the network alone, from latents to samples:

```python
import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession("generator.onnx")
names = [one.name for one in session.get_inputs()]
latents = np.random.default_rng(0).normal(size=(16, {latent_dim})).astype("float32")
samples = session.run(None, {{names[0]: latents{labels}}})[0]
```
"""


def _text(config, has_grid):
    """The card for people, in Markdown."""
    parts = ["# A generator of keras_gan\n"]
    shape = config.get("sample_shape")
    if shape:
        what = f"Makes samples of shape {tuple(shape)}"
        what += ", floats in [-1, 1]." if "value_range" in config else "."
        parts.append(what + "\n")
    if has_grid:
        parts.append(f"![{_SAMPLES} samples]({FILES[2]})\n")
    steps = config["steps_seen"]
    seen = f"{steps:,} step{'' if steps == 1 else 's'} on {config['images_seen']:,} samples"
    parts.append(f"Trained for {seen} (counted with repetition).\n")
    verdict = config["verdict"]
    told = _inline(verdict["message"]) if verdict else _NO_VERDICT
    parts.append(f"Verdict: {told}.\n")
    classes = dict(enumerate(config.get("class_names", ())))  # callers give the numbers
    parts += [_table("Classes", classes), _table("Metrics", config["metrics"])]
    data = {name: _in_words(value) for name, value in config["data"].items()}
    parts.append(_table("Data", data))
    parts.append(_table("Recipe", config.get("recipe", {})))
    parts.append(_use(config))
    parts.append(
        f"All of this, for programs: `{FILES[1]}`. Written by keras_gan {config['keras_gan']} with "
        f"Keras {config['keras']} and TensorFlow {config['tensorflow']}.\n"
    )
    return "\n".join(part for part in parts if part)


def _use(config):
    folder = json.dumps(config.get("folder", "generator"), ensure_ascii=False)
    if config["model"] != "GAN":
        return _USE.format(folder=folder, call=_calls(config.get("arguments")))
    labels = config.get("num_classes") is not None
    call = "sample(num_samples=16, seed=0, truncation=1.0"
    call += ", labels=tf.zeros([16], tf.int32))" if labels else ")"
    given = ", names[1]: np.zeros(16, 'int32')" if labels else ""
    onnx = _ONNX.format(latent_dim=config["latent_dim"], labels=given)
    return _USE.format(folder=folder, call=call) + "\n" + onnx


def _calls(arguments):
    """The calls of a game's endpoints; of files of earlier versions they are not known."""
    if not arguments:
        return "serve(...)  # inputs by name"
    inputs = arguments["serve"]
    calls = [f"serve({', '.join(f'{name}=...' for name in inputs)})"]
    if "sample" in arguments:
        given = [
            "num_samples=16" if name not in inputs else f"{name}=..."
            for name in arguments["sample"]
        ]
        calls.append(f"sample({', '.join(given)}, seed=0, truncation=1.0)  # draws the others")
    told = "".join(f"\n# {name}: {what}" for name, what in inputs.items())
    return "\nsamples = generator.".join(calls) + told


def _table(title, rows):
    if not rows:
        return ""
    lines = [f"| {_inline(name)} | {_inline(value)} |" for name, value in rows.items()]
    return "\n".join([f"## {title}\n", "| | |", "|---|---|", *lines, ""])


def _inline(text):
    """Text within a line of Markdown that is neither markup nor HTML."""
    return _MARKUP.sub(lambda sign: f"&#{ord(sign[0])};", " ".join(str(text).split()))


def _in_words(value):
    """A value of the summary of data as people say it: `float32 (8, 8, 1)` for a sample."""
    if not isinstance(value, str):
        return value
    text = _SPEC.sub(lambda spec: f"{spec[2]} {spec[1]}".removesuffix(" ()"), value)
    is_tuple = text != value and value.startswith("(")
    return _SOURCES.get(text, text[1:-1] if is_tuple else text)
