"""Whether what a model exports is what it generates.

`python exported.py FOLDER` serves each SavedModel in a folder on `NAME_inputs.npz`, without this
package, and writes `NAME_served.npz`.
"""

import pathlib
import sys

import numpy as np
import tensorflow as tf

ROWS, SEED, TRUNCATION = 3, 5, 0.7


def inputs_of(archive):
    """Rows for all inputs of a SavedModel, by name."""
    rng, found = np.random.default_rng(0), {}
    for name, spec in sorted(_arguments(archive, "serving_default").items()):
        shape = (ROWS, *spec.shape[1:])
        if spec.dtype.is_integer:
            found[name] = rng.integers(0, 3, shape).astype(spec.dtype.as_numpy_dtype)
        else:
            found[name] = rng.uniform(-1, 1, shape).astype("float32")
    return found


def _arguments(archive, endpoint):
    return archive.signatures[endpoint].structured_input_signature[1]


def run(archive, endpoint, inputs):
    """What an endpoint gives for arrays by name: a `dict`, "output_0" for a single one."""
    made = archive.signatures[endpoint](**{k: tf.constant(v) for k, v in inputs.items()})
    return {name: tensor.numpy() for name, tensor in made.items()}


def assert_equal(found, expected):
    """The outputs of an endpoint are those of `generate`."""
    if not isinstance(expected, dict):
        expected = {next(iter(found)): expected}
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-5, atol=1e-5, err_msg=name)


def generated(model, count=None, inputs=None, **options):
    """`generate` with inputs by name, also of a `GAN`."""
    if hasattr(model, "latent_dim"):
        count = None if inputs else count
        return model.generate(count, **(inputs or {}), **options)
    return model.generate(count, inputs=inputs, **options)


def check(model, path, *, draws_in_use=False):
    """Export a model; it serves what `generate` gives, and samples what its seeds give.

    Args:
        model: compiled.
        path: of a SavedModel.
        draws_in_use: whether layers draw noise in inference; `serve` has no seed for them.

    Returns:
        `(inputs, made)`: arrays by name and what `generate` gives for them.
    """
    model.export(path)
    archive = tf.saved_model.load(path)
    inputs = inputs_of(archive)
    made = generated(model, inputs=inputs)
    if not draws_in_use:
        assert_equal(run(archive, "serving_default", inputs), made)
    if "sample" in archive.signatures:
        seeded = {"seed": np.int64(SEED), "truncation": np.float32(TRUNCATION)}
        specs = _arguments(archive, "sample")
        counted = {"num_samples": np.int32(ROWS)} if "num_samples" in specs else {}
        given = {name: array for name, array in inputs.items() if name in specs}
        expected = generated(model, ROWS, given, seed=SEED, truncation=TRUNCATION)
        assert_equal(run(archive, "sample", {**given, **seeded, **counted}), expected)
    return inputs, made


def serve_all(folder):
    """Serve the SavedModels of a folder; see above."""
    for path in sorted(folder.glob("*_inputs.npz")):
        name = path.name.removesuffix("_inputs.npz")
        with np.load(path) as inputs:
            made = run(tf.saved_model.load(folder / name), "serving_default", dict(inputs))
        np.savez(folder / f"{name}_served.npz", **made)


if __name__ == "__main__":
    sys.modules["keras_gan"] = None  # as if it were not installed: its import is an error
    serve_all(pathlib.Path(sys.argv[1]))
