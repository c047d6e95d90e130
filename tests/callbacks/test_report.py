"""What a watched run leaves in its folder."""

import builtins
import json

import numpy as np
import pytest
from PIL import Image

from keras_gan.callbacks import _report
from keras_gan.convergence import Signals, Verdict, default_rules, judge


def history(epochs=20):
    return [
        Signals(
            epoch=epoch,
            quality=0.1 + 1 / epoch,
            quality_noise=0.01,
            quality_floor=0.1,
            real_above_fake=0.5 + 0.4 / epoch,
            num_real=100,
            num_fake=100,
            coverage=0.9,
            g_gradient_norm=0.123456789 * epoch,
            d_loss=float("nan") if epoch == 3 else 1.0,
            logs={"r1": 1.0 / 3.0},
        )
        for epoch in range(1, epochs + 1)
    ]


VERDICT = Verdict("stalled", 20, 12, {"epochs": 8}, "stalled at epoch 20; " + "words " * 60)


def test_the_folder_holds_the_verdict_the_records_and_a_picture(tmp_path):
    assert _report.write(tmp_path, history(), VERDICT) is None
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(_report.FILES)
    assert Verdict.from_json((tmp_path / "verdict.json").read_text()) == VERDICT
    picture = np.asarray(Image.open(tmp_path / "signals.png").convert("RGB"))
    assert picture.shape[1] == 1100 and len(np.unique(picture.reshape(-1, 3), axis=0)) > 50


def test_records_are_short_and_can_be_judged_again(tmp_path):
    _report.write(tmp_path, history(), None)
    assert not (tmp_path / "verdict.json").exists()
    text = (tmp_path / "signals.json").read_text()
    assert len(text) < 20 * 320, "bytes an epoch"
    records = [Signals.from_dict(fields) for fields in json.loads(text)]
    assert records[4].g_gradient_norm == 0.617284 and records[4].logs == {"r1": 0.333333}
    assert np.isnan(records[2].d_loss) and records[1].d_loss == 1.0
    assert judge(records[:3], default_rules()).kind == "diverged"


def test_the_plot_marks_the_end_and_the_best_epoch():
    figure = _report.plot(history(), VERDICT)
    drawn = [axis for axis in figure.axes if axis.lines]
    assert [axis.get_title() for axis in drawn][0] == "quality"
    assert len(drawn) == 5, "what was not measured has no panel"
    for axis in drawn:
        marks = {line.get_label(): line.get_xdata()[0] for line in axis.lines}
        assert marks["stalled"] == 20 and marks["best epoch"] == 12
    (quality,) = [line for line in drawn[0].lines if line.get_label() == "quality"]
    np.testing.assert_allclose(quality.get_ydata(), [s.quality for s in history()])
    assert "stalled at epoch 20" in figure.get_suptitle()
    unmarked = _report.plot(history(), None)
    labels = {line.get_label() for axis in unmarked.axes for line in axis.lines}
    assert not labels & {"stalled", "best epoch"}


@pytest.mark.parametrize("verdict", [VERDICT, None])
def test_one_epoch_and_nothing_measured(tmp_path, verdict):
    assert _report.write(tmp_path, [Signals(epoch=1)], verdict) is None
    assert (tmp_path / "signals.png").exists()
    (tmp_path / "empty").mkdir()
    assert _report.write(tmp_path / "empty", [], None) is None
    assert not list((tmp_path / "empty").iterdir())


def test_without_matplotlib_a_line_says_so(tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *arguments, **options):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    sentence = _report.write(tmp_path, history(), VERDICT)
    assert "matplotlib is not installed" in sentence
    assert sorted(path.name for path in tmp_path.iterdir()) == ["signals.json", "verdict.json"]


FOREIGN = {
    "verdict.json": '{"verdict": "guilty", "epoch": 3}',
    "signals.json": '[{"signal": "SIGKILL"}]',
    "signals.png": "a plot of somebody's",
}


def test_only_what_an_earlier_run_has_left_is_removed(tmp_path):
    _report.write(tmp_path, history(2), VERDICT)
    _report.remove_earlier(tmp_path)
    assert list(tmp_path.iterdir()) == []
    for name, text in FOREIGN.items():
        (tmp_path / name).write_text(text)
    _report.remove_earlier(tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == FOREIGN
    for text in ("", "3", "[3]", "null", '"a"', "{"):
        for name in ("verdict.json", "signals.json"):
            (tmp_path / name).write_text(text)
        _report.remove_earlier(tmp_path)
        assert len(list(tmp_path.iterdir())) == 3
