"""An export replaces what an export has written, and nothing else."""

import json
import os
import pathlib
import shutil

import pytest

import helpers
from keras_gan.model import export_files


@pytest.fixture(scope="module")
def gan():
    return helpers.gan((8, 8, 1))


@pytest.fixture(scope="module")
def exported(gan, tmp_path_factory):
    folder = tmp_path_factory.mktemp("export") / "generator"
    gan.export(folder)
    return folder


@pytest.fixture
def folder(exported, tmp_path):
    return shutil.copytree(exported, tmp_path / "generator")


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(gan, folder, *named):
    before = contents(folder)
    with pytest.raises(ValueError, match="not written, or that were changed since") as error:
        gan.export(folder)
    assert all(repr(name) in str(error.value) for name in named)
    assert contents(folder) == before
    assert os.listdir(folder.parent) == [folder.name]


def without_checksums(folder):
    config = json.loads((folder / "config.json").read_text())
    del config["files"]
    (folder / "config.json").write_text(json.dumps(config, indent=1))


@pytest.mark.parametrize("checksums", [True, False])
@pytest.mark.parametrize("name", ["notes.txt", "assets/k", "variables/variables.bak", "more/a/b"])
def test_a_file_of_others_in_an_export_is_kept(gan, folder, name, checksums):
    if not checksums:
        without_checksums(folder)
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("precious")
    refused(gan, folder, "more/" if name.startswith("more") else name)


@pytest.mark.parametrize("checksums", [True, False])
def test_a_card_that_its_user_has_edited_is_kept(gan, folder, checksums):
    if not checksums:
        without_checksums(folder)
    with open(folder / "README.md", "a") as file:
        file.write("Trained for the museum.\n")
    refused(gan, folder, "README.md")


def test_a_config_that_its_user_has_edited_is_kept(gan, folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "license": "MIT"}))
    refused(gan, folder, "config.json")


@pytest.mark.parametrize("more", [(), ("report.txt",), ("variables/variables.index",)])
def test_a_folder_with_a_file_called_like_a_saved_model_is_kept(gan, tmp_path, more):
    folder = tmp_path / "mine"
    for name in ("saved_model.pb", *more):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("precious")
    refused(gan, folder, "saved_model.pb")


def test_the_error_names_some_of_many_files(gan, folder):
    for number in range(9):
        (folder / f"{number}.txt").touch()
    refused(gan, folder, "0.txt", "1.txt", "2.txt", "...")


def test_links_in_an_export_are_kept(gan, folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    shutil.move(folder / "variables", elsewhere)
    (folder / "variables").symlink_to(elsewhere / "variables")
    before = contents(elsewhere)
    refused(gan, folder, "variables/")
    assert contents(elsewhere) == before


@pytest.mark.parametrize("card", [True, False])
def test_an_export_of_an_earlier_version_is_replaced(gan, folder, card):
    without_checksums(folder)
    for name in () if card else ("README.md", "config.json", "samples.png"):
        (folder / name).unlink()
    gan.export(folder)
    assert json.loads((folder / "config.json").read_text())["files"]


def test_a_file_that_comes_while_an_export_is_written_is_kept(gan, folder, monkeypatch):
    note = export_files.note

    def late(temporary):
        (folder / "late.txt").write_text("precious")
        note(temporary)

    monkeypatch.setattr(export_files, "note", late)
    with pytest.raises(ValueError, match="late.txt"):
        gan.export(folder)
    assert (folder / "late.txt").read_text() == "precious"
    assert os.listdir(folder.parent) == [folder.name]


def test_another_process_may_replace_the_folder_meanwhile(folder, monkeypatch):
    """Files of one export beside the checksums of another are no reason to refuse."""
    read = export_files.read_config

    def old(place):
        monkeypatch.setattr(export_files, "read_config", read)
        config = read(place)
        config["files"] = {name: "of another export" for name in config["files"]}
        new = shutil.copytree(place, place.with_name("new"))
        shutil.rmtree(place)
        pathlib.Path(new).rename(place)
        return config

    monkeypatch.setattr(export_files, "read_config", old)
    export_files.check(folder)
