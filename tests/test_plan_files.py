"""The file of a plan: who reads it, who makes it, and what is no plan."""

import json

import pytest

import helpers
from keras_gan import recipes
from keras_gan.backend import replicas
from keras_gan.model import compute_cost
from keras_gan.recipes import plans


@pytest.fixture
def untried(monkeypatch):
    """No model is built or trained: start 5 s, a step 0.1 s, watching an epoch 1 s."""
    costs = plans._Costs(start=5.0, step=0.1, epoch=1.0)
    monkeypatch.setattr(plans, "_measured", lambda *arguments: costs)
    monkeypatch.setattr(plans, "_build", lambda *facts, **options: None)
    monkeypatch.setattr(compute_cost, "steps_per_execution", lambda trial, size: 20)


@pytest.mark.parametrize("changed", [None, {}, {"epochs": 0}, {"epochs": 2.5}, {"seconds": None}])
def test_a_file_that_is_no_plan_stays(untried, tmp_path, changed):
    path, points = tmp_path / "plan.json", helpers.points(100)
    text = "mine"
    if changed is not None:
        recipes.for_data(points, directory=tmp_path)
        (made,) = json.loads(path.read_text())
        text = json.dumps([{**made, "plan": {**made["plan"], **changed} if changed else {}}])
    path.write_text(text)
    with pytest.raises(ValueError, match="Choose another folder"):
        recipes.for_data(points, directory=tmp_path)
    assert path.read_text() == text


def test_a_folder_in_the_place_of_a_plan_is_an_error(untried, tmp_path):
    (tmp_path / "plan.json").mkdir()
    with pytest.raises(ValueError, match="Choose another folder"):
        recipes.for_data(helpers.points(100), directory=tmp_path)


def test_a_plan_that_another_process_has_made_meanwhile_is_taken(untried, tmp_path):
    measure, points = plans._measured, helpers.points(100)

    def slow(*arguments):
        plans._measured = measure
        recipes.for_data(points, minutes=9, directory=tmp_path)
        return plans._Costs(start=50.0, step=1.0, epoch=10.0)

    plans._measured = slow
    _, settings = recipes.for_data(points, minutes=9, directory=tmp_path)
    assert settings == recipes.for_data(points, minutes=9, directory=tmp_path)[1]
    assert len(json.loads((tmp_path / "plan.json").read_text())) == 1


def test_several_workers_read_a_plan_and_make_none(untried, tmp_path, monkeypatch):
    points = helpers.points(100)
    _, settings = recipes.for_data(points, directory=tmp_path)
    monkeypatch.setattr(replicas, "workers", lambda: 2)
    assert recipes.for_data(points, directory=tmp_path)[1] == settings
    with pytest.raises(ValueError, match="Make the plan in one process first"):
        recipes.for_data(points)
