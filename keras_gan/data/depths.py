"""Conversion of images with more than 8 bits per value to 8 bits."""

import threading

import numpy as np

from keras_gan import _checks

# How Pillow is told to read what a PNG file of colours of 16 bits holds: by default, the highest 8
# of each.
_RAW = ("LA;16B", "RGB;16B", "RGBA;16B")
# Number of pixels processed at a time, in whole rows.
_BLOCK = 2**16


def is_deep(image):
    """Whether an image, opened and not decoded, has more than 8 bits per value.

    For colours, Pillow knows this only of PNG files.
    """
    if image.mode.startswith(("I", "F")):
        return True
    # A transparent colour would have to be scaled, too.
    return _raw(image) in _RAW and "transparency" not in image.info


class Deeper(ValueError):
    """An image has more bits per value than all that were looked at; `received` tells how many."""

    rule = "An image must have no more bits per value than those that were looked at first."

    def __init__(self, **received):
        super().__init__(_checks.sentence(self.rule, **received))
        self.received = received


class Depth:
    """One scale for all images of a data set with more than 8 bits per value.

    Files of 16 bits a value often use fewer of them: cameras and scanners give 10, 12 or 14. White
    is `2**bits - 1` with the fewest bits, from 8 on, that hold all values that were looked at;
    alpha has bits of its own. Floats are in [0, 1] if none is above 1, and like integers otherwise.
    Where no image was looked at, integers have 16 bits.

    If only a sample is looked at, `settle` ends it: from then on, `to_uint8` raises `Deeper` for an
    image that does not fit into the scale.

    Methods take an image, opened and not decoded, and a function that opens it once more.
    """

    def __init__(self):
        self._bits = {}  # of "colours" and "alpha"
        self.white = None  # of floats, once some were looked at
        self._settled = False
        self._lock = threading.Lock()

    def look(self, image, again):
        """Extend the scale to an image's values."""
        for _, values in _strips(image, again):
            for name, part in _parts(values).items():
                largest = np.max(part, initial=0, where=np.isfinite(part))
                bits = max(8, int(np.ceil(largest)).bit_length())
                with self._lock:
                    if values.dtype.kind != "f":
                        self._bits[name] = max(self._bits.get(name, 8), bits)
                    else:
                        white = 2.0**bits - 1.0 if largest > 1.0 else 1.0
                        self.white = max(self.white or 1.0, white)

    def settle(self):
        """From now on, images must fit into the scale."""
        self._settled = True

    def to_uint8(self, image, again):
        """The image with the highest 8 of the bits that are used, as another one."""
        from PIL import Image

        if _raw(image) in _RAW and self._is_of_pillow(_raw(image)):
            return image
        eight = None
        for top, values in _strips(image, again):
            if eight is None:
                eight = np.empty((image.height, *values.shape[1:]), "uint8")
            for name, part in _parts(values).items():
                _parts(eight[top : top + len(values)])[name][...] = self._scaled(name, part)
        return Image.fromarray(eight)

    def description(self):
        """Differences from 16 bits and floats in [0, 1]: a `dict` of plain values."""
        told = {f"bits_of_{name}": bits for name, bits in self._bits.items() if bits != 16}
        return told if self.white in (None, 1.0) else {**told, "white": self.white}

    def _is_of_pillow(self, raw):
        """Whether the scale is Pillow's own, so that it may convert by itself."""
        if not self._settled:
            return not self.description()
        names = ("colours", "alpha")[: 1 + ("A" in raw)]
        return all(self._bits.get(name) == 16 for name in names)

    def _scaled(self, name, values):
        if self._settled:
            self._check(name, values)
        if values.dtype.kind != "f":
            return (values >> (self._bits.get(name, 16) - 8)).clip(0, 255)
        white = self.white or 1.0
        return np.rint((np.nan_to_num(values, nan=0.0) * (255.0 / white)).clip(0, 255))

    def _check(self, name, values):
        """Raise `Deeper` unless the scale holds all values."""
        if values.dtype.kind == "f":
            limit = self.white
        else:
            limit = 2 ** self._bits[name] - 1 if name in self._bits else None
        largest = np.max(values, initial=0, where=np.isfinite(values)).item()
        if limit is None or largest > limit:
            raise Deeper(values_of=name, largest=largest, limit=limit)


def _parts(values):
    """Views of the colours and of the alpha, if there is one."""
    if values.ndim == 2 or values.shape[-1] == 3:
        return {"colours": values}
    return {"colours": values[..., :-1], "alpha": values[..., -1:]}


def _raw(image):
    return image.tile[0].args if image.format == "PNG" and image.tile else None


def _strips(image, again):
    """An image's values, some rows at a time: the number of the first row, and an array of rows."""
    raw = _raw(image)
    if raw not in _RAW:
        yield from _cut(image)
    elif raw == "LA;16B":
        _read_as(image, "RGBA")  # four bytes a pixel, as they are
        for top, part in _cut(image):
            yield top, _words(part[..., ::2], part[..., 1::2])
    else:
        with again() as other:
            _read_as(other, raw.replace("16B", "16L"))  # the other byte of each value
            for (top, high), (_, low) in zip(_cut(image), _cut(other), strict=True):
                yield top, _words(high, low)


def _cut(image):
    rows = max(1, _BLOCK // image.width)
    for top in range(0, image.height, rows):
        box = (0, top, image.width, min(top + rows, image.height))
        yield top, np.asarray(image.crop(box))


def _read_as(image, raw):
    image.tile = [image.tile[0]._replace(args=raw)]


def _words(high, low):
    return high.astype("uint16") << 8 | low
