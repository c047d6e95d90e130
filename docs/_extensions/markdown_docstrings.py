"""The Markdown of docstrings as reStructuredText: code, blocks of code, links to the reference.

A name of the package in backquotes, such as `` `recipes.dcgan` ``, becomes a link to it, in
docstrings and on pages.
"""

import functools
import inspect
import re
import textwrap

from docutils import nodes
from sphinx import addnodes

import keras_gan

_FENCE = re.compile(r"^( *)```(\w+)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"(?<![`:])`([^`\n]+(?:\n *[^`\n]+)?)`(?!`)")


@functools.cache
def public_names():
    """`{"recipes.dcgan": "keras_gan.recipes.dcgan"}` of what the reference has."""
    names = {}
    for name in keras_gan.__all__:
        thing = getattr(keras_gan, name)
        for inner in public_members(thing) if inspect.ismodule(thing) else ():
            names[f"{name}.{inner}"] = f"keras_gan.{name}.{inner}"
        if not name.startswith("_"):
            names[name] = f"keras_gan.{name}"
    # The name alone where only one module has it, and it cannot be an ordinary word.
    tails = [dotted.rpartition(".")[2] for dotted in names]
    for dotted, full in list(names.items()):
        tail = dotted.rpartition(".")[2]
        if tails.count(tail) == 1 and not tail.islower():
            names[tail] = full
    names |= {full: full for full in names.values()}
    return names


def public_members(module):
    """The names that a public module offers."""
    return list(module.__all__)


def restructured(text):
    """A docstring in reStructuredText."""
    parts, end = [], 0
    for fence in _FENCE.finditer(text):
        indent, language, code = fence.groups()
        block = textwrap.indent(textwrap.dedent(code), f"{indent}    ")
        parts += [
            _inline(text[end : fence.start()]),
            f"{indent}.. code-block:: {language}\n\n{block}",
        ]
        end = fence.end()
    return "".join([*parts, _inline(text[end:])])


def _inline(text):
    text = re.sub(r"\[([^\]]+)\]\((https?:[^)]+)\)", r"`\1 <\2>`__", text)
    return _CODE.sub(_code, text)


def _code(match):
    code = re.sub(r"\s+", " ", match[1])
    full = public_names().get(code.removesuffix("()"))
    ended = "\\ " * match.string[match.end() :][:1].isalnum()  # as the s of a plural
    return (f":py:obj:`{code} <{full}>`" if full else f"``{code}``") + ended


def _docstring(app, what, name, thing, options, lines):
    lines[:] = restructured("\n".join(lines)).split("\n")


def _link_names(app, doctree, docname):
    """Code on pages that is a public name leads to the reference."""
    for node in list(doctree.findall(nodes.literal)):
        if isinstance(node.parent, (nodes.reference, addnodes.pending_xref, nodes.title)):
            continue
        if full := public_names().get(node.astext().removesuffix("()")):
            link = addnodes.pending_xref(
                "", refdomain="py", reftype="obj", reftarget=full, refdoc=docname, refwarn=False
            )
            node.replace_self(link)
            link += node


def setup(app):
    app.connect("autodoc-process-docstring", _docstring, priority=100)
    app.connect("doctree-read", lambda app, tree: _link_names(app, tree, app.env.docname))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
