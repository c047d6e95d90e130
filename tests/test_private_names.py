"""Private names of Keras and TensorFlow are used in one place, and overridden knowingly."""

import ast
import inspect
import pathlib
import re

import keras
import pytest
import tensorflow as tf

import keras_gan
from keras_gan.backend import private_keras, private_tensorflow

PACKAGE = pathlib.Path(keras_gan.__file__).parent

# === Where private names are used ===


@pytest.fixture(scope="module")
def trees():
    """The package's files: made when they are asked for, since every process collects tests."""
    return {
        path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text())
        for path in sorted(PACKAGE.rglob("*.py"))
        if not path.stem.startswith("private_")
    }


# Names of Python's own that begin with an underscore.
ALLOWED = {"_getframe", "_replace", "_asdict", "_fields"}
GETTERS = ("getattr", "setattr", "hasattr", "delattr")


def is_private(name):
    return re.fullmatch(r"_[a-z]\w*", name) and not name.endswith("__")


def members(tree):
    """The private names that the classes of a file have themselves."""
    found = set()
    for kind in (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)):
        for node in kind.body:
            targets = getattr(node, "targets", [getattr(node, "target", None)])
            found |= {getattr(node, "name", None), *(getattr(t, "id", None) for t in targets)}
        for node in ast.walk(kind):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                if getattr(node.value, "id", None) in ("self", "cls"):
                    found.add(node.attr)
    return {name for name in found if name and is_private(name)}


def foreign(tree, own):
    """Lines of a file that import from inside of Keras or TensorFlow, or use private names of
    objects that no class of the package has."""
    for node in ast.walk(tree):
        names, private = [], []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Attribute):
            names, private = [ast.unparse(node)], [node.attr]
        elif isinstance(node, ast.keyword):
            private = [node.arg or ""]
        elif isinstance(node, ast.Call) and getattr(node.func, "id", None) in GETTERS:
            private = [node.args[1].value] if isinstance(node.args[1], ast.Constant) else []
        elif isinstance(node, (ast.Tuple, ast.List, ast.Set, ast.Dict)):  # tables of attributes
            parts = getattr(node, "elts", None) or [*getattr(node, "keys", ())]
            private = [p.value for p in parts if isinstance(getattr(p, "value", None), str)]
        inside = [name for name in names if re.match(r"(keras\.src|tensorflow\.python)\b", name)]
        taken = [n for n in private if is_private(n) and n not in own | ALLOWED]
        if inside or [name for name in taken if "keras_gan" not in name]:
            yield node.lineno, ast.unparse(node)


@pytest.fixture(scope="module")
def own(trees):
    """The private names of the package's classes."""
    return set().union(*map(members, trees.values()))


def test_private_names_are_used_in_one_place(trees, own):
    found = [
        f"{name}:{line}: {text}"
        for name, tree in trees.items()
        for line, text in foreign(tree, own)
    ]
    assert not found, "Private names belong into backend/private_*.py:\n" + "\n".join(found)


@pytest.mark.parametrize(
    "text",
    [
        "from keras.src.backend.common import global_state",
        "from keras.src import tree",
        "import tensorflow.python.eager.context",
        "from tensorflow.python import pywrap_tfe",
        "keras.src.backend",
        "layer._layers",
        "self.model._initial_epoch = 3",
        "self._learning_rate",
        "super()._flush()",
        "getattr(layer, '_layers', ())",
        "model.evaluate(x, _use_cached_eval_dataset=True)",
        "NAMES = ('_losses', '_loss_ids')",
    ],
)
def test_the_rule_finds(text, own):
    assert list(foreign(ast.parse(text), own)), text


@pytest.mark.parametrize("text", ["self._own", "other._own", "x.__dict__", "from keras import ops"])
def test_the_rule_leaves(text):
    assert not list(foreign(ast.parse(text), {"_own"})), text


def of_libraries(kind):
    return [k for k in kind.__mro__ if k.__module__.split(".")[0] in ("keras", "tensorflow")]


def names_in(kind):
    """The private names that a class of a library has, or uses in its methods."""
    found = set(vars(kind))
    for thing in vars(kind).values():
        method = thing.fget if isinstance(thing, property) else thing
        code = getattr(inspect.unwrap(method), "__code__", None) if callable(method) else None
        found |= set(code.co_names) if code else set()
    return set(filter(is_private, found)) - {"_abc_impl"}


def test_no_name_of_the_package_is_one_of_a_base_class():
    listed = {**private_keras.OVERRIDDEN, **private_tensorflow.OVERRIDDEN}
    seen = set()
    for kind in every_class():
        theirs = set().union(*map(names_in, of_libraries(kind)))
        for base in kind.__mro__:
            if base.__module__.startswith("keras_gan."):
                tree = ast.parse(inspect.cleandoc("\n" + inspect.getsource(base)))
                shared = members(tree) & theirs
                seen |= shared
                assert shared <= set(listed) | {"_dataset"}, (base, shared)
    assert set(listed) <= seen, f"No longer overridden: {set(listed) - seen}"


def every_class():
    """The package's classes that stand on one of Keras's or TensorFlow's."""
    waiting = [keras.Model, keras.layers.Layer, keras.optimizers.Optimizer, keras.metrics.Metric]
    waiting += [keras.callbacks.Callback, keras.losses.Loss, tf.data.Dataset, tf.Module]
    waiting += [private_keras.DatasetAdapter]
    found = set()
    while waiting:
        for kind in waiting.pop().__subclasses__():
            if kind not in found:
                found.add(kind)
                waiting.append(kind)
    return [kind for kind in found if kind.__module__.startswith("keras_gan.")]
