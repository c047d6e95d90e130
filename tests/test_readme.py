"""The code of the README and the docs runs, commands are the tested ones, links lead somewhere."""

import os
import re
import subprocess
import sys

import pytest

import keras_gan
import pages

TEXT = pages.README.read_text()
IDS = {"argvalues": pages.PAGES, "ids": [page.stem for page in pages.PAGES]}


def without_code(page):
    return re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)


def anchors(page):
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", without_code(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(page):
    """Pairs of a file and an anchor, which may be empty, that a page links to here."""
    found = re.findall(r"\]\(([^)\s]+)\)", without_code(page))
    for target in found:
        if not re.match(r"https?:", target):
            path, _, anchor = target.partition("#")
            yield (page.parent / path).resolve() if path else page, anchor


# === Code ===


@pytest.mark.slow
def test_the_code_runs_as_it_is(tmp_path):
    # In a process of its own, which has one device, as a user's has.
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", pages.__file__, tmp_path],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(pages.ROOT)},
    )
    assert done.returncode == 0, done.stderr[-10_000:]


def test_each_check_is_of_a_page_with_code():
    assert set(pages.CHECKS) <= {page.stem for page in pages.PAGES if pages.blocks(page, "python")}


@pytest.mark.parametrize("page", **IDS)
def test_blocks_say_what_language_they_are_in(page):
    fences = re.findall(r"^```(.*)$", page.read_text(), flags=re.MULTILINE)
    assert len(fences) % 2 == 0 and not any(fences[1::2])
    assert set(fences[::2]) <= {"python", "sh", "text", "bibtex"}


def test_ci_calls_the_test_command():
    commands = [block.strip() for block in pages.blocks(pages.README, "sh")]
    assert len(commands) == 2 and all(c.startswith("pip install ") for c in commands)
    assert all("\n" not in c and " && " in c for c in commands)
    assert commands[1] in (pages.ROOT / ".ci/run").read_text()


# === Form ===


def test_the_readme_is_one_page():
    assert len(TEXT.splitlines()) <= 200
    assert len(TEXT) <= 9_000


def test_the_readme_cites_this_version():
    assert f"version = {{{keras_gan.__version__}}}" in TEXT


def test_each_page_is_in_the_list_of_pages():
    listed = {path for path, _ in links(pages.DOCS / "README.md")}
    assert {page.resolve() for page in pages.PAGES} <= listed | {pages.DOCS / "README.md"}
    assert pages.DOCS / "README.md" in {path for path, _ in links(pages.README)}


@pytest.mark.parametrize("page", **IDS)
def test_links_lead_somewhere(page):
    for path, anchor in links(page):
        assert path.exists(), path
        if anchor:
            assert anchor in anchors(path), (path, anchor)


def module(name):
    """The file of a command `python -m name`."""
    path = pages.ROOT.joinpath(*name.split("."))
    return path / "__main__.py" if path.is_dir() else path.with_suffix(".py")


@pytest.mark.parametrize("page", **IDS)
def test_scripts_that_are_named_are_there(page):
    for name in re.findall(r"\b(?:examples|benchmarks)/[\w/]+\.py", page.read_text()):
        assert (pages.ROOT / name).exists(), name
    for name in re.findall(r"python -m (benchmarks[\w.]+)", page.read_text()):
        assert '"__main__"' in module(name).read_text(), name


def test_every_benchmark_has_its_question():
    folder = pages.ROOT / "benchmarks"
    questions = re.findall(
        r"^\|.*\| `((?:claims|speed|zoo)[\w.]*)", (folder / "README.md").read_text(), re.M
    )
    listed = {module(f"benchmarks.{name}") for name in questions}
    commands = {p for p in folder.rglob("*.py") if "records.parser(" in p.read_text()}
    assert commands <= listed
    assert all('"__main__"' in path.read_text() for path in listed)


def test_the_architecture_names_what_is_there():
    page = (pages.DOCS / "architecture.md").read_text()
    named = re.findall(r"`(\w+(?:/\w+)*(?:\.py|/))`", page)
    assert len(named) > 30
    for name in named:
        assert any((pages.ROOT / at / name).exists() for at in ("keras_gan", ".")), name
    folders = {f"{path.name}/" for path in (pages.ROOT / "keras_gan").iterdir() if path.is_dir()}
    assert folders - {"__pycache__/"} <= set(named)
