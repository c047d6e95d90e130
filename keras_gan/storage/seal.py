"""A check kept in every file: that what has been loaded is what was saved.

Keras only warns where an optimizer's state does not fit, leaves missing counters as they are, and
a file of weights has no checksum. A run that went on from such a file would be another run.
"""

import contextlib
import zlib

import keras
import numpy as np

from keras_gan import _checks, _warnings

# Ends the names of parts that are no state, and that files of earlier versions do not have.
KIND = "_kind"


class Seal(keras.layers.Layer):
    """Compares, after all else has been loaded, each part of a model with its checksum.

    Keras visits what belongs to a model in the order of its names, private ones last, so that it
    comes to an attribute `_seal` at the end. The checksums themselves are among the model's own
    variables, which it loads first.

    Args:
        parts: callable that gives a `dict` from a part's name to its variables.

    Attributes:
        expected: the checksums of the file that is being loaded, by part.
        lost: the parts that were not restored by it, those that end in `KIND` among them.
    """

    def __init__(self, parts):
        super().__init__(name="seal")
        self._parts = parts
        self.expected = {}
        self.lost = []

    def checksums(self):
        """The checksum of each part as it is now."""
        return {name: checksum(variables) for name, variables in self._parts().items()}

    def save_own_variables(self, store):
        pass

    def load_own_variables(self, store):
        if not self.expected:
            _warnings.warn(
                "The file has no checksums: an earlier version wrote it, or it is damaged. Whether "
                "all of the model was restored could not be checked."
            )
            return
        # A model that is not compiled leaves out what only training needs.
        self.lost = [
            name
            for name, sum_ in self.checksums().items()
            if self.expected.get(name, sum_ if name.endswith(KIND) else None) != sum_
        ]
        _checks.check(
            not self.lost,
            "What a file gives back must be what was saved, but is not.",
            cure="The file is damaged. Take an older one; "
            "`keras.saving.load_model(path, compile=False)` restores the networks alone.",
            not_restored=self._lost_parts(),
        )

    def _lost_parts(self):
        return sorted({name.removesuffix(KIND) for name in self.lost})

    def sentence_on_weights(self, path):
        """What `load_weights` says of a file that did not restore all of a model."""
        parts = self._lost_parts()
        if all(f"{name}{KIND}" in self.lost for name in parts):
            return _checks.sentence(
                "The file must hold the state of the optimizers that the model is compiled with.",
                cure="Compile it as the model that was saved. For the networks without the state "
                "of the optimizers, load the file before `compile`, or with `skip_mismatch=True`.",
                filepath=str(path),
                not_restored=parts,
            )
        return _checks.sentence(
            "The file must be of a model of the same form, and whole.",
            cure="The model is as it was. Take an older file.",
            filepath=str(path),
            not_restored=parts,
        )


def checksum(variables):
    """CRC-32 of the values of variables, one after the other."""
    result = 0
    for variable in variables:
        result = zlib.crc32(np.asarray(variable).tobytes(), result)
    return result


@contextlib.contextmanager
def all_or_nothing(variables):
    """Give variables their old values back if the block fails halfway."""
    before = [np.asarray(variable).copy() for variable in variables]
    try:
        yield
    except BaseException:
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)
        raise
