"""What a watched run leaves in its folder."""

import builtins
import io
import json

import numpy as np
import pytest
from PIL import Image

from keras_gan.callbacks import _board, _report, _run_files
from keras_gan.convergence import Signals, Verdict, default_rules, judge
from keras_gan.storage import files


def history(epochs=20):
    return [
        Signals(
            epoch=epoch,
            quality=0.1 + 1 / epoch,
            quality_noise=0.01,
            quality_floor=0.1,
            discriminator_auc=0.5 + 0.4 / epoch,
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


def report(folder):
    return _report.Report(folder, _board.Board(None, None, []))


def write(folder, history, verdict):
    return report(folder).end(history, verdict, None, number=len(history))


def test_the_folder_holds_the_verdict_the_records_and_a_picture(tmp_path):
    assert write(tmp_path, history(), VERDICT) == [f"Verdict: {VERDICT.message}."]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(_report.FILES)
    assert Verdict.from_json((tmp_path / "verdict.json").read_text()) == VERDICT
    picture = np.asarray(Image.open(tmp_path / "signals.png").convert("RGB"))
    assert picture.shape[1] == 1200 and len(np.unique(picture.reshape(-1, 3), axis=0)) > 50


def test_records_are_short_and_can_be_judged_again(tmp_path, one_panel_here):
    write(tmp_path, history(), None)
    assert not (tmp_path / "verdict.json").exists()
    text = (tmp_path / "signals.json").read_text()
    assert len(text) < 20 * 320, "bytes an epoch"
    records = [Signals.from_dict(fields) for fields in json.loads(text)]
    assert records[4].g_gradient_norm == 0.617284 and records[4].logs == {"r1": 0.333333}
    assert np.isnan(records[2].d_loss) and records[1].d_loss == 1.0
    assert judge(records[:3], default_rules()).kind == "diverged"


def test_no_legend_looks_for_its_place_which_takes_long_beside_long_curves(
    monkeypatch, one_panel_here
):
    from matplotlib.legend import Legend

    monkeypatch.delattr(Legend, "_find_best_position")
    _report.plot(history(), VERDICT).savefig(io.BytesIO())


def test_the_plot_marks_the_end_and_the_best_epoch():
    figure = _report.plot(history(), VERDICT)
    drawn = [axis for axis in figure.axes if axis.lines]
    assert [axis.get_title("left") for axis in drawn][0] == "quality"
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
    assert "still learning after 20 epochs" in unmarked.get_suptitle()


@pytest.mark.parametrize("verdict", [VERDICT, None])
def test_the_plot_marks_the_epoch_whose_weights_came_back(verdict):
    for axis in _report.plot(history(), verdict, 11).axes:
        marks = {line.get_label(): line.get_xdata()[0] for line in axis.lines}
        assert not marks or marks["weights restored"] == 11 and "best epoch" not in marks


@pytest.mark.parametrize("epochs", [1, 3])
def test_no_tick_is_between_two_epochs(epochs):
    for axis in _report.plot(history(epochs)).axes:
        assert all(float(tick).is_integer() for tick in axis.get_xticks() if axis.axison)


def test_a_verdict_that_cannot_be_read_is_named(tmp_path, one_panel_here):
    write(tmp_path, history(2), None)
    for text in ("{", "[]", '{"kind": "stalled"}'):
        (tmp_path / "verdict.json").write_text(text)
        with pytest.raises(ValueError, match="`verdict.json` must .* Remove it"):
            _report.read(tmp_path)
    (tmp_path / "verdict.json").unlink()
    assert _report.read(tmp_path)[1] is None


def test_a_name_with_a_dollar_is_no_formula(tmp_path, one_panel_here):
    named = [Signals(epoch=1, quality=1.0, quality_name="val_$x_{")]
    write(tmp_path, named, Verdict("odd", 1, 1, {}, "costs $3 and $\\frac{"))
    assert (tmp_path / "signals.png").exists()


# === Up to date ===


def records(folder):
    return [fields["epoch"] for fields in json.loads((folder / "signals.json").read_text())]


def test_files_are_up_to_date_after_each_epoch_and_whole(tmp_path, monkeypatch, one_panel_here):
    now, plots = [100.0], []
    monkeypatch.setattr(_report.time, "monotonic", lambda: now[0])

    def plot(seen, verdict, restored):
        now[0] += 0.5  # what drawing takes
        plots.append(len(seen))
        return real(seen, verdict, restored)

    real = _report.plot
    monkeypatch.setattr(_report, "plot", plot)
    watched, everything = report(tmp_path), history(30)
    for number in range(1, 30):
        watched.epoch(everything[:number], None)
        assert records(tmp_path) == list(range(1, number + 1))
        now[0] += 1.0
    assert plots == [1, 11, 21], "5 % of the time at most"
    watched.end(everything, VERDICT, None, number=30)
    watched.end(everything, VERDICT, None, number=30)
    assert plots[3:] == [30] and records(tmp_path) == list(range(1, 31))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(_report.FILES)


def test_records_of_earlier_epochs_are_not_written_anew(monkeypatch, tmp_path):
    watched, everything, made = report(tmp_path), history(300), []
    monkeypatch.setattr(Signals, "to_dict", lambda self: made.append(self.epoch) or {"epoch": 1})
    for number in range(290, 301):
        watched._as_json(everything[:number])
    assert len(made) == 300
    watched._as_json(history(5))  # those of another run, as after a resume
    assert len(made) == 305 and len(watched._lines) == 5


def test_a_full_disk_costs_the_report_and_not_the_run(tmp_path, monkeypatch):
    def full(path, **_):
        raise files.NotWritten(28, path)

    monkeypatch.setattr(files, "replacing", full)
    with pytest.warns(UserWarning, match="could not be written .No space left") as caught:
        report(tmp_path).epoch(history(2), None)
    assert len(caught) == 2 and list(tmp_path.iterdir()) == []


# === Words ===


def line(restored=True, number=9, **changed):
    shown = history(9)
    shown = [Signals(**{**vars_of(s), **changed}) for s in shown]
    return _report.weights_line(shown, number, restored)


def vars_of(signals):
    return {"epoch": signals.epoch, "quality": abs(signals.epoch - 4) + 0.5, "quality_noise": 0.1}


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (
            line(),
            "epoch 4 restored: its quality of 0.5 is the best, within noise; epoch 9 has 5.5.",
        ),
        (line(restored=False), "epoch 9, the last; the best was epoch 4: a quality of 0.5."),
        (line(direction="max"), "epoch 9, the last: its quality of 5.5 is the best, within noise."),
        (line(direction="max", number=10), "epoch 9 restored: its quality of 5.5 is the best"),
        (line(quality=None), "epoch 9, the last: no epoch could be measured."),
    ],
)
def test_which_weights_are_left_and_why(told, words):
    assert told.startswith(f"Weights of {words}")


def test_without_an_epoch_the_weights_are_as_they_were():
    line = _report.weights_line([], _report.ended_at([], None), False)
    assert line == "The weights are as they were."


@pytest.mark.parametrize("verdict", [VERDICT, None])
def test_one_epoch_and_nothing_measured(tmp_path, verdict):
    write(tmp_path, [Signals(epoch=1)], verdict)
    assert (tmp_path / "signals.png").exists()
    (tmp_path / "empty").mkdir()
    assert write(tmp_path / "empty", [], None) == ["No epoch was completed."]
    assert not list((tmp_path / "empty").iterdir())


def test_without_matplotlib_a_line_says_so(tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *arguments, **options):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    sentence = write(tmp_path, history(), VERDICT)[1]
    assert "matplotlib is not installed" in sentence
    assert sorted(path.name for path in tmp_path.iterdir()) == ["signals.json", "verdict.json"]


FOREIGN = {
    "verdict.json": '{"verdict": "guilty", "epoch": 3}',
    "signals.json": '[{"signal": "SIGKILL"}]',
    "signals.png": "a plot of somebody's",
}


def test_only_what_an_earlier_run_has_left_is_removed(tmp_path, one_panel_here):
    write(tmp_path, history(2), VERDICT)
    _run_files.remove_earlier(tmp_path)
    assert list(tmp_path.iterdir()) == []
    for name, text in FOREIGN.items():
        (tmp_path / name).write_text(text)
    _run_files.remove_earlier(tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == FOREIGN
    for text in ("", "3", "[3]", "null", '"a"', "{"):
        for name in ("verdict.json", "signals.json"):
            (tmp_path / name).write_text(text)
        _run_files.remove_earlier(tmp_path)
        assert len(list(tmp_path.iterdir())) == 3
