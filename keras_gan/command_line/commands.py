"""The commands: their options are arguments of the functions that they call."""

import contextlib
import importlib.util
import inspect
import json
import pathlib

import numpy as np

from keras_gan import _checks, images, recipes, terminal
from keras_gan.backend import inspection, policies
from keras_gan.callbacks import _facts, _report, run_report
from keras_gan.command_line import running, sources
from keras_gan.evaluation import generator_adapters, scoring
from keras_gan.model import export_files
from keras_gan.recipes import plans
from keras_gan.storage import files


def train(
    source: str,
    /,
    *,
    output: str,
    recipe: str = "auto",
    minutes: float | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    image_size: int | None = None,
    channels: int | None = None,
    labels: bool = False,
    split: str | None = None,
    validation_split: float = 0.1,
    patience: int = 25,
    seed: int = 0,
    precision: str = "auto",
    **options: str,
) -> int:
    """Train a model, and keep grids, backups, a report and the verdict in a folder.

    `keras-gan train photos/ --image-size 64 --output runs/photos --minutes 60`

    `keras-gan train mnist --recipe r3gan --gamma 2 --epochs 30 --output runs/mnist`

    Ctrl-C ends it at once: grids, report and verdict are complete, and `keras-gan resume` goes on
    bit for bit from the last epoch.

    Args:
        source: A folder of images, an `.npy` or `.npz` file of arrays, "digits" (shipped), or a
            name of TensorFlow Datasets.
        output: Folder of the run; gets `gan.keras`, `report.html`, grids and backups, and
            `verdict.json` once there is a verdict.
        recipe: "auto" plans for `minutes` on this machine (`recipes.for_data`); or dcgan, mlp,
            r3gan, sngan, wgan_gp.
        minutes: Time for planning and training together, with "auto". Default 20.
        epochs: Number of epochs, with any other recipe. Default 60.
        batch_size: Real samples of one update. Default: chosen by the size of the images.
        image_size: Side in pixels that the images of a folder, which needs it, or of TensorFlow
            Datasets are scaled to.
        channels: Of a folder's images: 1, 3 or 4. Default 3.
        labels: Whether to train a conditional model: by the subfolders of a folder, the labels of a
            file or of a data set.
        split: Of TensorFlow Datasets, such as "train[:90%]". Default "train".
        validation_split: Fraction of the samples that is held out.
        patience: Epochs without improvement until the verdict is "stalled".
        seed: Of initial weights, noise and data order.
        precision: A Keras dtype policy, or "auto", see `keras-gan doctor`.
        options: Any other argument of the recipe, such as `--gamma 2` or `--learning-rate 5e-4`;
            see `keras-gan recipes dcgan`.
    """
    given = dict(locals())
    given["options"] = {name.replace("-", "_"): text for name, text in options.items()}
    _check_options(recipe, minutes, epochs, given["options"])
    _check_numbers(epochs=epochs, batch_size=batch_size)
    sources.check_options(source, image_size=image_size, channels=channels, split=split)
    place, folder = files.expanded(source), files.folder_path(output, "output")
    if place.exists():  # `resume` may be called from elsewhere
        given["source"] = str(place.resolve())
    _checks.check(
        not (place.is_dir() and folder.resolve().is_relative_to(place.resolve())),
        "`output` must not lie in the folder of the data, whose images it would add to.",
        cure="Choose another folder.",
        source=source,
        output=output,
    )
    is_new = not folder.exists()
    folder = files.writable_directory(output, "output")
    known = folder / running.FILE
    # The folder itself may be given by any of its paths.
    before = {**_read(known), "output": output} if known.exists() else given
    changed = _differences(before, given)
    _checks.check(
        not changed,
        "`output` must be a new folder, or that of a run with the same options. Those of its run "
        f"differ: {'; '.join(changed)}.",
        cure=f"Go on with {sources.command('resume', output)}, or choose another folder.",
        output=output,
    )
    _checks.check(
        known.exists() or not (folder / sources.MODEL).exists(),
        f"The run would replace the `{sources.MODEL}` in `output`, which is of no run.",
        cure="Choose another folder, or move it away.",
        output=output,
    )
    try:
        return running.run(folder, **given)
    finally:
        if is_new:  # refused before anything was written
            with contextlib.suppress(OSError):
                folder.rmdir()


def _differences(before, now):
    """What differs between the options of two runs, as a list of texts."""
    before, now = ({**each, **(each.get("options") or {})} for each in (before, now))
    return [
        f"{'DATA' if name == 'source' else '--' + name.replace('_', '-')} "
        f"{before.get(name)!r} there, {now.get(name)!r} now"
        for name in {**before, **now}
        if name != "options" and before.get(name) != now.get(name)
    ]


def _check_numbers(**given):
    """Check numbers that are not given, or at least 1; with none no training would take place."""
    for name, value in given.items():
        _checks.positive_int(value, name, optional=True)


def _check_options(recipe, minutes, epochs, options):
    """Check that no option would be ignored.

    Raises:
        ValueError: for one of a recipe without a recipe, or of a plan with one.
    """
    if recipe == "auto":
        names = inspect.signature(train).parameters
        close = [_checks.closest(name, names) for name in options]
        cures = [f"Did you mean `--{name.replace('_', '-')}`?" for name in close if name]
        _checks.check(
            not options,
            "Further options are arguments of a recipe, which `--recipe` must name.",
            cure=" ".join(cures),
            **options,
        )
        _checks.check(
            epochs is None,
            "A plan chooses the epochs, and its schedules last as long as they do.",
            cure="Set its time with `--minutes`, or name a recipe with `--recipe`.",
            epochs=epochs,
        )
        return
    running.recipe_of(recipe)
    _checks.check(
        minutes is None,
        "`--minutes` is the time of a plan, and `--recipe` takes the place of a plan.",
        cure="Leave out one of them; `--epochs` sets how long a recipe trains.",
        minutes=minutes,
    )


def resume(run: str, /, *, epochs: int | None = None) -> int:
    """Go on with a run that was interrupted, from the end of its last epoch.

    Args:
        run: The folder that `keras-gan train` was given as `--output`.
        epochs: Another number of epochs than the run was begun with. A plan can have more, which
            train at its last learning rate, and not fewer.
    """
    _check_numbers(epochs=epochs)
    path = files.folder_path(run, "run") / running.FILE
    _checks.check(
        path.is_file(),
        f"The folder must be one of `keras-gan train`, with a {running.FILE}.",
        run=run,
    )
    given = {**_read(path), "output": run}
    if epochs is not None:
        given["epochs"] = epochs
    return running.run(path.parent, **given)


def _read(path):
    """The options of a run, of its file."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        found = None
    _checks.check(
        isinstance(found, dict),
        f"The `{running.FILE}` of a run must be one that `keras-gan train` has written.",
        cure="Choose another folder.",
        path=str(path),
    )
    return found


def sample(
    model: str,
    /,
    *,
    output: str = "samples.png",
    num_samples: int | None = None,
    seed: int = 0,
    truncation: float = 1.0,
    labels: list[str] | None = None,
) -> int:
    """Draw samples: a grid as PNG, or an array as `.npy`.

    Args:
        model: A `.keras` file, or the folder of a run.
        output: File to write, ending in `.png` or `.npy`.
        num_samples: Number of samples. Default: that of several labels, else 64.
        seed: The same seed gives the same samples.
        truncation: Below 1: more typical and less varied.
        labels: Class of a conditional model by index or name, one for all or one for each sample.
    """
    ending = pathlib.Path(output).suffix
    _checks.check(ending in (".png", ".npy"), "`output` must end in .png or .npy.", output=output)
    gan = sources.model(model)
    if num_samples is None:
        num_samples = len(labels) if labels and len(labels) > 1 else 64
    if labels is not None:
        names = gan.class_names or ()
        is_index = [label.isdecimal() and label not in names for label in labels]
        labels = [int(t) if index else t for t, index in zip(labels, is_index, strict=True)]
        labels = labels * num_samples if len(labels) == 1 else labels
    found = _drawn(gan, num_samples, labels=labels, seed=seed, truncation=truncation)
    if ending == ".npy":
        with files.replacing(output) as temporary:
            np.save(temporary, found)
    else:
        images.save_png(output, images.grid(np.clip(found, -1.0, 1.0)))
    terminal.tell(f"{num_samples} samples of {tuple(found.shape[1:])}: {output}")
    return running.DONE


def _drawn(model, num_samples, *, labels, **settings):
    """Samples of a `GAN`, or what another game makes of draws alone."""
    if not getattr(model, "is_fed_entries", False):
        return model.generate(num_samples, labels=labels, **settings)
    adapter = generator_adapters.adapt(model)
    _checks.check(
        labels is None or adapter.takes_labels, "The generator takes no labels.", labels=labels
    )
    return adapter.draw(num_samples, labels=labels, **settings)


def evaluate(
    model: str,
    source: str,
    /,
    *,
    metrics: list[str] | None = None,
    num_samples: int | None = None,
    seed: int = 0,
    floors: bool = True,
    image_size: int | None = None,
    channels: int | None = None,
    split: str | None = None,
    json_output: str | None = None,
) -> int:
    """Compare a generator with data, by the metrics that you name.

    Args:
        model: A `.keras` file, the folder of a run, or an exported SavedModel that you trust.
        source: Data as for `keras-gan train`. A conditional model makes the classes of its labels,
            if these are classes of the model, else each class as often.
        metrics: Names of `keras_gan.metrics`. Default: sliced_wasserstein.
        num_samples: Number of samples, and of reals that they are compared with.
        seed: The same seed gives the same figures.
        floors: Whether to compare reals with other reals too.
        image_size: As for `keras-gan train`. Default: that of the model.
        channels: As for `keras-gan train`. Default: those of the model.
        split: As for `keras-gan train`.
        json_output: File that the figures are written to as JSON.
    """
    sources.check_options(source, image_size=image_size, channels=channels, split=split)
    saved = files.expanded(model)
    if (saved / "saved_model.pb").exists():
        generator, known = model, export_files.read_config(saved)
    else:
        generator = sources.model(model)
        names = ("sample_shape", "num_classes", "class_names")
        known = {name: getattr(generator, name, None) for name in names}
    shape, classes = tuple(known.get("sample_shape") or ()), known.get("num_classes")
    if inspection.is_image(shape):
        image_size, channels = image_size or shape[:2], channels or shape[-1]
    reading = {"image_size": image_size, "channels": channels, "split": split}
    reading |= {"batch_size": 64, "seed": seed}
    if classes is None:
        real, _ = sources.read(source, labels=False, **reading)
    else:
        real, labelled = sources.read_classes(source, known.get("class_names"), classes, **reading)
        told = "of the data" if labelled else "drawn, each as often: the data have no such classes"
        terminal.tell(f"Classes of the samples: {told}.")
    metrics = metrics or ["sliced_wasserstein"]
    found = scoring.evaluate_generator(generator, real, metrics, num_samples, seed, floors=floors)
    terminal.tell(str(found))
    for name in sorted(found):
        terminal.tell(f"{name} {found[name]:.6g}")
    if json_output is not None:
        with files.replacing(json_output) as temporary:
            temporary.write_text(json.dumps(dict(found), indent=1), encoding="utf-8")
    return running.DONE


def export(model: str, output: str, /, *, format: str | None = None) -> int:
    """Export the averaged generator, for use without this package.

    Args:
        model: A `.keras` file, or the folder of a run, whose card then has more.
        output: A folder for a SavedModel, or a file that ends in `.onnx` or `.tflite`.
        format: "tf_saved_model", "onnx" or "litert". Default: what `output` ends in.
    """
    gan, figures = sources.model(model), None
    try:  # of a run; without them the card says less
        history, gan.verdict = _report.read(files.expanded(model))
        figures = _report.figures(history)
    except ValueError:
        pass
    gan.run_told = _told(files.expanded(model) / running.FILE, gan)
    gan.export(output, format, figures=figures)
    what = "a folder with a SavedModel" if files.expanded(output).is_dir() else "a file"
    terminal.tell(f"Exported to {output}, {what}.")
    return running.DONE


def _told(path, gan):
    """What the options of a run, if there are any, say of its model: the recipe and the data."""
    if not path.is_file():
        return None, {}
    given = _read(path)
    recipe = given.get("recipe")
    if recipe == "auto":
        minutes = given.get("minutes") or running.MINUTES
        recipe = f"{plans.recipe_of(gan.sample_shape).__name__}, planned for {minutes:g} minutes"
    data = {"source": pathlib.Path(given.get("source", "")).name}  # without folders of its user
    for name in ("image_size", "channels", "labels", "split", "validation_split"):
        if given.get(name):
            data[name] = given[name]
    return recipe, data


def report(run: str, /, *, output: str | None = None) -> int:
    """Write a page on a run from its files: signals, verdict and grids.

    The page that the run itself has written has more, and is left as it is.

    Args:
        run: Folder with the `signals.json` of `ConvergenceStopping`.
        output: File to write, ending in `.html`. Default: `report.html` in the folder.
    """
    _checks.check(
        output is None or output.endswith(".html"), "`output` must end in .html.", output=output
    )
    page, is_new = run_report.from_files(run, output)
    if is_new:
        terminal.tell(f"Written: {page}")
    else:
        terminal.tell(
            f"Left as it is: {page}. The run has written it, with more than its files have. For a "
            "page from these use `--output other.html`."
        )
    return running.DONE


def doctor() -> int:
    """Tell versions, devices, extras, and which precision "auto" chooses here."""
    for name, value in _facts.versions():
        terminal.tell(f"{name}: {value}")
    gains = policies.multiplies_bfloat16()
    policy, verb = ("mixed_bfloat16", "multiplies") if gains else ("float32", "does not multiply")
    terminal.tell(f'precision "auto": {policy}; this device {verb} bfloat16 faster than float32')
    if policies.told_of_processor("flags"):  # elsewhere not known
        used = "used" if policies.uses_onednn() else "not used; try TF_ENABLE_ONEDNN_OPTS=1"
        terminal.tell(f"oneDNN on this processor: {used}")
    extras = {"report": ("jinja2", "matplotlib"), "onnx": ("tf2onnx", "onnx")}
    for extra, packages in extras.items():
        missing = [name for name in packages if importlib.util.find_spec(name) is None]
        cure = f"missing {', '.join(missing)}: pip install 'keras-gan[{extra}]'"
        terminal.tell(f"extra {extra}: {cure if missing else 'installed'}")
    return running.DONE


def list_recipes(name: str | None = None, /) -> int:
    """Tell the recipes, or all that is to be known of one.

    Args:
        name: Of a recipe, such as dcgan.
    """
    if name is not None:
        recipe = running.recipe_of(name)
        terminal.tell(f"{name}{inspect.signature(recipe)}\n\n{inspect.getdoc(recipe)}")
        return running.DONE
    for known in running.RECIPES:
        line = inspect.getdoc(getattr(recipes, known)).splitlines()[0]
        terminal.tell(f"{known}: {line}")
    return running.DONE
