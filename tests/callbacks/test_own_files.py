"""Callbacks replace files that an earlier run has written, and none of others."""

import pathlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

import helpers
from keras_gan import images
from keras_gan.callbacks import ConvergenceStopping, ImageGrid, RunReport, _page, run_report

pytestmark = pytest.mark.usefixtures("blank_plots", "no_curves")
IMAGES = helpers.images(16, (8, 8, 1))
MAKERS = {
    ImageGrid: lambda folder: ImageGrid(folder, rows=2, columns=2),
    RunReport: RunReport,
    ConvergenceStopping: lambda folder: ConvergenceStopping(directory=folder, patience=1),
}
NAMES = {
    ImageGrid: ["real.png", "epoch_0001.png", "restored.png", "training.gif"],
    RunReport: ["report.html"],
    ConvergenceStopping: ["verdict.json", "signals.json", "signals.png"],
}
PAIRS = [(kind, name) for kind, names in NAMES.items() for name in names]


@pytest.fixture(scope="module")
def no_curves():
    """Those of the page, which are drawn elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_page, "curves", lambda *_: [])
        yield


@pytest.fixture(scope="module")
def gan():
    return helpers.gan((8, 8, 1), run_eagerly=True, **helpers.by_sgd())


def fit(gan, *callbacks, epochs=2, **settings):
    gan.fit(IMAGES, epochs=epochs, batch_size=8, verbose=0, callbacks=callbacks, **settings)


def all_of(folder):
    return [make(folder) for make in MAKERS.values()]


@pytest.fixture(scope="module")
def trained(gan, tmp_path_factory):
    """The files of a run that all three have watched; the first of its weights were the best."""
    folder = tmp_path_factory.mktemp("trained")
    fit(gan, *all_of(folder))
    return folder


def write_foreign(path):
    """A file that others may have written, of the kind that its ending tells."""
    if path.suffix in (".png", ".gif"):
        Image.fromarray(np.arange(64, dtype="uint8").reshape(8, 8)).save(path)
    else:
        text = {".json": '{"verdict": "guilty"}', ".html": "<!doctype html><p>Sales</p>"}
        path.write_text(text[path.suffix])


@pytest.mark.parametrize(
    ("kind", "name", "is_text"),
    [
        *((*pair, False) for pair in PAIRS),
        *((kind, names[0], True) for kind, names in NAMES.items()),
    ],
)
def test_a_file_of_others_is_refused_before_training(gan, tmp_path, kind, name, is_text):
    path = tmp_path / name
    path.write_text("precious") if is_text else write_foreign(path)
    before, steps = path.read_bytes(), int(gan.steps_seen)
    message = f"`{kind.__name__}` .* others have written. Received: .*{name}.*Choose another folder"
    with pytest.raises(ValueError, match=message):
        fit(gan, MAKERS[kind](tmp_path))
    assert path.read_bytes() == before and int(gan.steps_seen) == steps
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_nothing_of_an_earlier_run_is_removed_before_a_refusal(gan, trained, copied):
    (copied / "report.html").write_text("precious")
    names = sorted(path.name for path in copied.iterdir())
    with pytest.raises(ValueError, match="report.html"):
        fit(gan, *all_of(copied))
    assert sorted(path.name for path in copied.iterdir()) == names


@pytest.fixture
def copied(trained, tmp_path):
    for path in trained.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def as_before(path):
    """Write a file as earlier versions did: without a comment."""
    info = PngImagePlugin.PngInfo()
    with Image.open(path) as image:
        assert "comment" in {key.lower() for key in image.info}
        if path.name == "signals.png":
            info.add_text("Software", "Matplotlib version3.10.0, https://matplotlib.org/")
        frame = image.convert("RGB" if image.mode in "RGBA" else "L")
        frame.save(path, pnginfo=info) if path.suffix == ".png" else frame.save(path, comment=b"")


@pytest.mark.parametrize("earlier", [False, True])
def test_files_of_an_earlier_run_are_replaced(gan, copied, earlier):
    for path in (*copied.glob("*.png"), *copied.glob("*.gif")) if earlier else ():
        as_before(path)
    old = {path.name: path.read_bytes() for path in copied.glob("*[0-9lg].[pg]*")}
    assert {"real.png", "epoch_0001.png", "epoch_0002.png", "training.gif"} <= old.keys()
    fit(gan, *all_of(copied), epochs=1)
    for name in ("epoch_0001.png", "training.gif"):
        assert (copied / name).read_bytes() != old[name]
        assert images.comment_of(copied / name) == "keras_gan.callbacks.ImageGrid"


def test_epochs_that_a_run_does_not_reach_may_have_pictures_of_others(gan, tmp_path):
    write_foreign(tmp_path / "epoch_0003.png")
    fit(gan, ImageGrid(tmp_path, rows=1, columns=2, gif=False), epochs=1)
    with pytest.raises(ValueError, match="epoch_0003.png"):
        fit(gan, ImageGrid(tmp_path, rows=1, columns=2), epochs=3)


@pytest.mark.parametrize("epochs", [1, 5])
def test_the_error_names_some_of_many_files(gan, tmp_path, epochs):
    for number in range(1, epochs + 1):
        write_foreign(tmp_path / f"epoch_{number:04d}.png")
    with pytest.raises(ValueError, match="epoch_0001.png") as error:
        fit(gan, ImageGrid(tmp_path, gif=False), epochs=9)
    assert ("'...'" in str(error.value)) == (epochs == 5)


def test_a_page_from_files_replaces_none_of_others(trained, copied):
    page = copied / "report.html"
    assert run_report.from_files(copied) == (page, False), "that of the run has more"
    page.unlink()
    assert run_report.from_files(copied) == (page, True)
    (copied / "report.html").write_text("precious")
    with pytest.raises(ValueError, match="`report` .*report.html"):
        run_report.from_files(copied)
    assert pathlib.Path(copied / "report.html").read_text() == "precious"
