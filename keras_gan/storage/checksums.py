"""Checksums of a model's parts, kept in every saved file and compared when it is loaded.

Keras only warns if an optimizer's state does not fit, ignores missing counters, and writes no
checksum into a file of weights. A run resumed from such a file would give other results.
"""

import contextlib
import zlib

import keras
import numpy as np

from keras_gan import _checks, _warnings

# Suffix of parts that name what an optimizer stores. Files of earlier versions lack them.
KIND = "_kind"
# Random generators of networks that no optimizer trains. Files of earlier versions lack them too.
STILL = "generators_at_rest"
# Networks of metrics, which Keras kept in earlier versions.
OF_METRICS = "metric_networks"
_LATER = (KIND, STILL, OF_METRICS)


class ChecksumVerifier(keras.layers.Layer):
    """Compares each part of a model with its checksum after everything else has been loaded.

    Keras loads the attributes of a model in alphabetical order, private ones last. The attribute
    `_verifier` comes after all attributes with state. The checksums themselves are stored with the
    model's own variables, which Keras loads first. `parts()` returns a `dict` from a part's name to
    its variables.
    """

    def __init__(self, parts):
        super().__init__(name="checksum_verifier")
        self._parts = parts
        self.expected = {}  # the checksums in the file that is being loaded, by part
        self.lost = []  # parts that the file did not restore, including those that end in `KIND`

    def checksums(self):
        """The current checksum of each part."""
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
        # A model that is not compiled has no optimizers, so it ignores their checksums.
        self.lost = [
            name
            for name, sum_ in self.checksums().items()
            if self.expected.get(name, sum_ if name.endswith(_LATER) else None) != sum_
        ]
        _checks.check(
            not self.lost,
            "The loaded state must match the checksums in the file, but does not.",
            cure="The file is damaged. Use an older one, or restore only the networks with "
            "`keras.saving.load_model(path, compile=False)`.",
            not_restored=self._lost_parts(),
        )

    def _lost_parts(self):
        return sorted({name.removesuffix(KIND) for name in self.lost})

    def sentence_on_weights(self, path, precisions):
        """The error of `load_weights` for a file that did not restore all of a model.

        Args:
            path: of the file.
            precisions: types that the model's layers compute in.
        """
        parts = self._lost_parts()
        if all(f"{name}{KIND}" in self.lost for name in parts):
            return _checks.sentence(
                "The file must hold the state of the optimizers that the model is compiled with.",
                cure="Compile the model like the one that was saved, with networks of the same "
                "precision (in float16 optimizers scale the loss). To load the networks without "
                "the optimizers, load before `compile`, or with `skip_mismatch=True`.",
                filepath=str(path),
                computes_in=precisions,
                not_restored=parts,
            )
        return _checks.sentence(
            "The file must be complete and come from a model with the same structure.",
            cure="The model is unchanged. Use an older file.",
            filepath=str(path),
            not_restored=parts,
        )


def checksum(variables):
    """CRC-32 of the values of a list of variables, in order."""
    result = 0
    for variable in variables:
        result = zlib.crc32(np.asarray(variable).tobytes(), result)
    return result


@contextlib.contextmanager
def all_or_nothing(variables):
    """Restore the old values of variables if the block raises an error."""
    before = [np.asarray(variable).copy() for variable in variables]
    try:
        yield
    except BaseException:
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)
        raise
