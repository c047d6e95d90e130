"""The public names of the package, their signatures, and the pages of the reference.

`python tests/public_api.py` writes both anew: `tests/public_api.txt` and `docs/api/`.
"""

import inspect
import pathlib
import re

import keras_gan

ROOT = pathlib.Path(__file__).parents[1]
GOLDEN = ROOT / "tests" / "public_api.txt"
REFERENCE = ROOT / "docs" / "api"
RENEW = "`python tests/public_api.py` writes it anew: look at the difference, and commit it."
# Where the methods end that are this package's.
BASES = (
    "Adam, BaseOptimizer, Callback, Conv2D, LeakyReLU, Layer, Metric, Model, TFOptimizer, Wrapper, "
    "object"
)


def modules():
    """Modules that the package offers, by name."""
    found = {name: getattr(keras_gan, name) for name in keras_gan.__all__}
    return {name: thing for name, thing in found.items() if inspect.ismodule(thing)}


def names():
    """The public names, `{"keras_gan": ["GAN", ...], "keras_gan.recipes": ["dcgan", ...]}`."""
    inner = {f"keras_gan.{name}": sorted(thing.__all__) for name, thing in modules().items()}
    own = [name for name in keras_gan.__all__ if name not in modules() and name[0] != "_"]
    return {"keras_gan": sorted(own), **inner}


def members(kind):
    """The documented public methods and properties of a class that the package defines."""
    for name in sorted(dir(kind)):
        home = next((base for base in kind.__mro__ if name in vars(base)), object)
        thing = vars(home).get(name)
        if not name.startswith("_") and home.__module__.startswith("keras_gan"):
            if inspect.getdoc(thing) and (callable(thing) or isinstance(thing, property)):
                yield name, thing
            elif isinstance(thing, (classmethod, staticmethod)):
                yield name, thing.__func__


def signature(name, thing):
    """A name with its arguments and their defaults, in one line."""
    if isinstance(thing, property):
        return name
    made = inspect.isclass(thing) and not hasattr(thing, "__signature__")
    if made and inspect.isfunction(thing.__init__):
        # Of a class, Python 3.11.2 gives the arguments of Keras's `__new__`.
        found = inspect.signature(thing.__init__)
        found = found.replace(parameters=list(found.parameters.values())[1:])
    else:
        found = inspect.signature(thing)
    return name + re.sub(r" at 0x\w+", "", str(found))


def signatures():
    """All of it, a name a line."""
    for module, inside in names().items():
        for name in inside:
            thing = getattr(keras_gan if module == "keras_gan" else modules()[module[10:]], name)
            yield signature(f"{module}.{name}", thing)
            for inner, method in members(thing) if inspect.isclass(thing) else ():
                yield "    " + signature(f"{module}.{name}.{inner}", method)


def page(module):
    """The reference of a module: its description, a table of names, and each name's docstring."""
    lines = [module, "=" * len(module), "", f".. automodule:: {module}", "   :no-members:", ""]
    if module == "keras_gan":
        lines = ["The models", "==========", "", ".. currentmodule:: keras_gan", ""]
    inside = names()[module]
    lines += [".. autosummary::", "", *(f"   {name}" for name in inside), ""]
    for name in inside:
        home = keras_gan if module == "keras_gan" else modules()[module[10:]]
        kind = inspect.isclass(getattr(home, name))
        lines.append(f".. {'autoclass' if kind else 'autofunction'}:: {module}.{name}")
        lines += ["   :members:", f"   :inherited-members: {BASES}", ""] if kind else [""]
    return "\n".join(lines)


def pages():
    """The text of all files of the reference, by path."""
    return {REFERENCE / f"{module}.rst": page(module) for module in names()}


def main():
    """Write the names and the reference."""
    GOLDEN.write_text("\n".join(signatures()) + "\n")
    for old in REFERENCE.glob("keras_gan*.rst"):
        old.unlink()
    for path, text in pages().items():
        path.write_text(text)


if __name__ == "__main__":
    main()
