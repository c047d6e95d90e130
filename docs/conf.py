"""Settings of the documentation site: `sphinx-build -W docs build/site` makes it, without network.

The pages are the Markdown files of this folder, which read as well on a code host. What only the
site has: `index.md`, `api/` and `project/`. No example is trained; its picture is the one that it
names in a comment, `# sphinx_gallery_thumbnail_path = "images/ring.png"`.
"""

import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
sys.path.insert(0, str(HERE / "_extensions"))

from keras_gan import __version__  # noqa: E402

project = "keras_gan"
author = copyright = "The keras_gan authors"
version = release = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "markdown_docstrings",
    "moved_links",
]
# The list of pages of a code host; its table is part of `index.md`.
exclude_patterns = ["README.md", "_extensions", "gallery/**/*.md5", "gallery/**/*.py"]
suppress_warnings = ["config.cache"]

# === Markdown ===

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4

# === Reference ===

autosummary_generate = False
autodoc_member_order = "bysource"
autodoc_typehints = "none"
napoleon_use_rtype = False
napoleon_custom_sections = [("Source", "notes_style")]
python_use_unqualified_type_names = True
toc_object_entries_show_parents = "hide"

# === Examples ===

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "plot_gallery": False,
    "ignore_pattern": r"common\.py",
    "remove_config_comments": True,
    "notebook_extensions": set(),
    "download_all_examples": False,
    "show_signature": False,
    "min_reported_time": 1e9,
    "within_subsection_order": "FileNameSortKey",
}

# === Looks ===

html_theme = "furo"
html_title = f"keras_gan {__version__}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
templates_path = []
pygments_style = "friendly"
pygments_dark_style = "monokai"
copybutton_exclude = ".linenos, .gp, .go"
