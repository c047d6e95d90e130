"""What is known within an update: the samples that it is about, and their labels."""

import typing

from keras_gan.backend import packing


class Scene(typing.NamedTuple):
    """Samples of an update, or of a part of it.

    Attributes:
        real: float32 samples of the data.
        fake: as many generated samples, or `None` where there are none yet.
        labels: int32 classes of both, or `None`.
    """

    real: typing.Any
    fake: typing.Any = None
    labels: typing.Any = None

    def every(self, number, count, size=1):
        """The packs of `size` rows `number`, `number + count`, ... of all tensors."""
        parts = [None if t is None else packing.take_every(t, number, count, size) for t in self]
        return Scene(*parts)

    def packed(self, size):
        """Both kinds of samples as the discriminator sees them: neighbours joined."""
        return self._replace(
            real=packing.packed(self.real, size), fake=packing.packed(self.fake, size)
        )
