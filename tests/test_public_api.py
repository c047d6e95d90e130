"""A change of the public names or signatures is seen, and the reference has every name."""

import inspect

import public_api

# Classes of public modules that are for this package alone.
INTERNAL = {"keras_gan.optimizers.OptimizerGroup"}


def test_names_and_signatures_are_the_recorded_ones():
    now = list(public_api.signatures())
    recorded = public_api.GOLDEN.read_text().splitlines()
    gone = [line for line in recorded if line not in now]
    new = [line for line in now if line not in recorded]
    said = "\n".join([*(f"- {line}" for line in gone), *(f"+ {line}" for line in new)])
    assert now == recorded, (
        f"The public API is not the one in {public_api.GOLDEN.name}. {public_api.RENEW} A name or "
        f"an argument that users lose needs a line in CHANGELOG.md.\n{said}"
    )


def test_the_reference_has_every_public_name():
    written = {path: path.read_text() for path in public_api.REFERENCE.glob("keras_gan*.rst")}
    assert written == public_api.pages(), f"The reference differs. {public_api.RENEW}"
    index = (public_api.REFERENCE / "index.rst").read_text()
    assert [path.stem for path in written if f"   {path.stem}\n" not in index] == []


def test_every_class_of_a_public_module_is_public():
    for name, module in public_api.modules().items():
        for inner, kind in vars(module).items():
            mine = inspect.isclass(kind) and kind.__module__ == module.__name__
            if mine and not inner.startswith("_") and f"keras_gan.{name}.{inner}" not in INTERNAL:
                assert inner in module.__all__, f"{inner} is missing in __all__ of keras_gan.{name}"
