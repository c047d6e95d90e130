"""The import graph of the design, read from the sources; every public name is documented."""

import ast
import functools
import inspect
import pathlib

import keras
import pytest

import keras_gan

PACKAGE = pathlib.Path(keras_gan.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))


def module_name(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in FILES}


@functools.cache
def tree(path):
    return ast.parse(path.read_text())


def imports(path):
    """The package's modules that a file imports."""
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.startswith("keras_gan")}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("keras_gan"):
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                found.add(name if name in MODULES else node.module)
    return found


@pytest.fixture(scope="module")
def graph():
    """What each module imports: made when it is asked for, since every process collects tests."""
    return {name: imports(path) for name, path in MODULES.items()}


def test_nobody_imports_the_packages_own_map(graph):
    facade = "keras_gan"
    assert [name for name, used in graph.items() if facade in used and name != facade] == []


def test_there_is_no_cycle(graph):
    graph = {name: used - {name} for name, used in graph.items() if name != "keras_gan"}
    done, path = set(), []

    def visit(name):
        assert name not in path, " -> ".join([*path, name])
        if name not in done:
            path.append(name)
            for used in graph.get(name, ()):
                visit(used)
            path.pop()
            done.add(name)

    for name in graph:
        visit(name)


# From above to below; a module imports from its own group and from those below it.
GROUPS = (
    ("__main__",),
    ("command_line",),
    ("recipes",),
    ("callbacks",),
    ("evaluation",),
    ("model",),
    ("convergence",),
    ("engine",),
    ("losses", "terms", "regularizers", "priors", "layers", "optimizers", "schedules", "images")
    + ("adaptive_weight", "augment")
    + ("metrics", "networks", "data"),
    ("feeding",),
    ("storage",),
    ("backend",),
    ("directions", "lettering", "terminal", "_checks", "_registry", "_version", "_warnings"),
)
LEVEL = {name: level for level, names in enumerate(GROUPS) for name in names}


def test_imports_run_downwards(graph):
    for name, used in graph.items():
        if name == "keras_gan":
            continue
        group = name.split(".")[1]
        above = [u for u in used if LEVEL[u.split(".")[1]] < LEVEL[group]]
        assert not above, name


def test_every_module_has_its_group():
    files = {path.stem for path in PACKAGE.iterdir() if path.name != "py.typed"}
    assert files - {"__init__", "__pycache__"} == set(LEVEL)


@pytest.mark.parametrize("catalogue", ["networks", "data", "metrics", "callbacks", "recipes"])
def test_the_model_knows_contracts_not_catalogues(catalogue, graph):
    def reached(name, seen):
        for used in graph[name] - seen:
            seen |= {used} | reached(used, seen | {used})
        return seen

    prefix = f"keras_gan.{catalogue}"
    assert not [used for used in reached("keras_gan.model.gan", set()) if used.startswith(prefix)]


@pytest.mark.parametrize("package", ["callbacks", "metrics", "data", "networks", "convergence"])
def test_nothing_looks_back_at_the_model(package, graph):
    for name, used in graph.items():
        if name.startswith(f"keras_gan.{package}"):
            assert "keras_gan.model.gan" not in used, name


def test_rules_know_no_keras():
    for path in PACKAGE.glob("convergence/*.py"):
        text = path.read_text()
        assert "import keras\n" not in text and "tensorflow" not in text.split('"""', 2)[2]


@pytest.mark.parametrize("heavy", ["tensorflow_datasets", "PIL", "matplotlib"])
def test_heavy_libraries_are_imported_where_they_are_used(heavy):
    for path in FILES:
        for node in tree(path).body:
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert not any(name.split(".")[0] == heavy for name in names), path


def test_files_are_of_a_size_to_be_read():
    long = {str(p): n for p in FILES if (n := len(p.read_text().splitlines())) > 400}
    assert not long


def public_objects():
    for name in keras_gan.__all__:
        thing = getattr(keras_gan, name)
        if inspect.ismodule(thing):
            for inner, value in vars(thing).items():
                own = getattr(value, "__module__", "").startswith("keras_gan")
                if not inner.startswith("_") and callable(value) and own:
                    yield f"{name}.{inner}", value
        elif callable(thing):
            yield name, thing


def test_every_public_name_is_documented():
    missing = [name for name, thing in public_objects() if not inspect.getdoc(thing)]
    assert not missing


def test_the_facade_is_sorted_and_complete():
    assert list(keras_gan.__all__) == sorted(keras_gan.__all__, key=lambda n: (n.islower(), n))
    for name in keras_gan.__all__:
        assert getattr(keras_gan, name) is not None


def test_methods_of_the_model_are_documented():
    for name, thing in vars(keras_gan.GAN).items():
        if not name.startswith("_") and callable(thing) and not hasattr(keras.Model, name):
            assert inspect.getdoc(thing), name
