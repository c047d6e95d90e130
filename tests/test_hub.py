"""`hf://`: a model in a repository of the Hugging Face Hub, whose place a folder takes here."""

import pathlib
import shutil
import types

import keras
import pytest

import helpers


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """The folder of a hub; what Keras would send goes there, without a network."""

    class Api:
        def __init__(self, **_):
            pass

        def create_repo(self, name, exist_ok):
            (tmp_path / name).mkdir(parents=True, exist_ok=exist_ok)
            return types.SimpleNamespace(repo_id=name)

        def upload_folder(self, *, repo_id, folder_path, **_):
            shutil.copytree(folder_path, tmp_path / repo_id, dirs_exist_ok=True)

    fake = types.SimpleNamespace(
        HfApi=Api, snapshot_download=lambda repo_id, **_: str(tmp_path / repo_id)
    )
    monkeypatch.setattr("keras.src.saving.saving_lib.huggingface_hub", fake)
    return tmp_path


def test_a_run_goes_on_from_the_hub(hub):
    gan = helpers.gan(dropout=0.3, run_eagerly=True)
    gan.fit(helpers.points(8), batch_size=8, verbose=0)
    gan.save("hf://me/gan")
    assert (hub / "me" / "gan" / "README.md").exists()
    assert not pathlib.Path("hf:").exists(), "a path of this machine"
    again = keras.saving.load_model("hf://me/gan")
    helpers.assert_same(helpers.state(again), helpers.state(gan))
    again.run_eagerly = True
    for model in (gan, again):
        model.fit(helpers.points(8), batch_size=8, verbose=0)
    helpers.assert_same(helpers.state(again), helpers.state(gan))


def test_without_its_library_the_hub_says_what_to_install(monkeypatch):
    monkeypatch.setattr("keras.src.saving.saving_lib.huggingface_hub", None)
    with pytest.raises(ImportError, match="huggingface_hub"):
        helpers.gan().save("hf://me/gan")
