"""What the wheel and the source distribution contain."""

import configparser
import pathlib
import subprocess
import sys
import tarfile
import zipfile

import pytest

import keras_gan

ROOT = pathlib.Path(__file__).parents[1]
SOURCES = {
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / "keras_gan").rglob("*")
    if path.is_file() and path.suffix not in (".pyc", ".pyo")
}


def test_all_that_is_no_python_is_listed_as_data_of_the_package():
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    listed = {
        path.relative_to(ROOT).as_posix()
        for package, names in settings["options.package_data"].items()
        for name in names.split()
        for path in (ROOT / package.replace(".", "/")).glob(name)
    }
    assert listed == {name for name in SOURCES if not name.endswith(".py")}


def test_files_that_cite_the_version_cite_this_one():
    assert f"\nversion: {keras_gan.__version__}\n" in (ROOT / "CITATION.cff").read_text()


@pytest.mark.slow
def test_wheel_and_source_distribution_are_complete(tmp_path):
    pytest.importorskip("build.__main__")  # a folder of that name is no package
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", tmp_path, ROOT]
    # An installation from the sources leaves a folder `build` in the root.
    done = subprocess.run(list(map(str, command)), cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3_000:]
    (wheel,) = tmp_path.glob("*.whl")
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert inside == SOURCES
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        names = {name.partition("/")[2] for name in opened.getnames()}
    assert SOURCES | {"LICENSE", "README.md", "CHANGELOG.md", "setup.cfg"} <= names
