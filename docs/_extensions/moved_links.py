"""Links of Markdown pages that leave `docs/`, led to where the site has what they mean."""

import re

MOVED = [
    (r"\]\((?:\.\./)?README\.md(#[\w-]+)?\)", r"](/index.md\1)"),
    (r"\]\(docs/README\.md\)", "](/index.md#which-page)"),
    (r"\]\(docs/", "](/"),
    (r"\]\((?:\.\./)?(CHANGELOG|CONTRIBUTING|SECURITY)\.md", r"](/project/\1.md"),
    (r"\]\((?:\.\./)?examples/((?:lessons/)?\w+)\.py\)", r"](/gallery/\1.rst)"),
    (r"\[([^\]]+)\]\((examples/\w+\.ipynb)\)", r"\1, `\2`"),
    (r"\]\((?:\.\./)?LICENSE\)", "](https://www.apache.org/licenses/LICENSE-2.0)"),
    (
        r"\[([^\]]+)\]\((?:\.\./)?[\w/]*digits\.LICENSE\.md\)",
        r"\1, `keras_gan/data/digits.LICENSE.md`",
    ),
]


def moved(text):
    """The text with its links led to pages of the site."""
    for link, place in MOVED:
        text = re.sub(link, place, text)
    return text


def _read(app, docname, source):
    if str(app.env.doc2path(docname, base=False)).endswith(".md"):
        source[0] = moved(source[0])


def _included(app, path, docname, source):
    source[0] = moved(source[0])


# === Examples ===


def _example(app, docname, source):
    """A heading of an example's first sentence, and the picture that the example names."""
    if not docname.startswith("gallery/") or docname.endswith(("index", "sg_execution_times")):
        return
    script = app.srcdir.parent / "examples" / f"{docname.removeprefix('gallery/')}.py"
    text = script.read_text()
    first = text.split('"""')[1].splitlines()[0]
    title, _, rest = first.partition(":")
    body = f"{title.rstrip('.')}\n{'=' * len(title)}\n\n{rest.strip().capitalize()}"
    picture = re.search(r"sphinx_gallery_thumbnail_path = \"(.+)\"", text)
    if picture:
        body += f"\n\n.. image:: /{picture[1]}\n   :alt: what this example draws\n"
    source[0] = source[0].replace(first, body, 1)


def setup(app):
    app.connect("source-read", _read)
    app.connect("source-read", _example)
    app.connect("include-read", _included)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
