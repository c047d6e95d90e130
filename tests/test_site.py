"""The site has every page, in a group, and a picture of every example that names one."""

import pathlib
import re

import pytest

import pages

ROOT = pages.ROOT
INDEX = (ROOT / "docs" / "index.md").read_text()
EXAMPLES = sorted(path for path in (ROOT / "examples").rglob("*.py") if path.stem != "common")


def entries():
    """What the groups of the site's start page list."""
    for block in re.findall(r"^```\{toctree\}\n(.*?)^```", INDEX, flags=re.DOTALL | re.MULTILINE):
        yield from (line for line in block.splitlines() if line and line[0] not in ":S")


def test_every_page_is_in_one_group():
    listed = [name for name in entries() if "/" not in name]
    there = {page.stem for page in pages.PAGES if page.parent.name == "docs"} - {"README"}
    assert sorted(listed) == sorted(there)


def test_every_entry_of_a_group_is_there():
    for name in entries():
        if name.startswith("gallery/"):  # is made of `examples/`
            continue
        files = [ROOT / "docs" / f"{name}{kind}" for kind in (".md", ".rst")]
        assert any(file.exists() for file in files), name


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_have_a_title_and_a_picture(path):
    text = path.read_text()
    title = text.split('"""')[1].splitlines()[0]
    assert title.endswith("."), "the first line of its docstring is its title on the site"
    for name in re.findall(r"sphinx_gallery_thumbnail_path = \"(.+)\"", text):
        assert (ROOT / "docs" / name).exists(), name


def test_included_files_are_there():
    for page in (ROOT / "docs").rglob("*.md"):
        for name in re.findall(r"^```\{include\} (.+)$", page.read_text(), flags=re.MULTILINE):
            assert (page.parent / name).exists(), (page, name)


def test_what_begins_and_ends_an_included_part_is_there():
    parts = re.findall(r"\{include\} (.+)\n---\n(?:end-before|start-after): \"(.+)\"", INDEX)
    assert len(parts) == 3
    for name, text in parts:
        file = pathlib.Path(ROOT / "docs", name)
        assert file.read_text().count(text) == 1, (name, text)
