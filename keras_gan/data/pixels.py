"""Decoding of images to arrays of one size."""

import concurrent.futures
import contextlib
import functools
import io
import os
import threading
import warnings

import numpy as np

from keras_gan import _checks, terminal
from keras_gan.data import depths, image_files

_FILTERS = ("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos")
# Pixels that are decoded at the same time, by all threads of this process together: Pillow's limit
# for one image. Each takes up to 12 bytes, 1 GiB in all.
_MAX_PIXELS = 2**30 // 12
# Above the size of blocks that the C library keeps.
_BLOCK_BYTES = 2**26
_ORIENTATION = 0x0112  # of EXIF


class Decoder:
    """Decodes images to `uint8` arrays `(height, width, channels)`.

    The arguments are those of `from_folder`. All filters but `"nearest"` average when they shrink.
    `half` is the half of an image that is read: 0 for the left one, 1 for the right one, `None` for
    the whole image.
    """

    def __init__(
        self, image_size, *, channels, resample, crop_to_aspect_ratio, background, half=None
    ):
        from PIL import Image

        self.image_size = _size(image_size)
        self.channels = _checks.one_of(channels, "channels", (1, 3, 4))
        self.resample = Image.Resampling[_checks.one_of(resample, "resample", _FILTERS).upper()]
        self.crop_to_aspect_ratio = _checks.boolean(crop_to_aspect_ratio, "crop_to_aspect_ratio")
        self.background = _colour(background)
        self.half = half
        self.depth = depths.Depth()
        _return_memory()

    @property
    def shape(self):
        """Shape of one image: `(height, width, channels)`."""
        return (*self.image_size, self.channels)

    def description(self):
        """The settings by name: a `dict` of plain values."""
        return {
            "resample": self.resample.name,
            "crop_to_aspect_ratio": self.crop_to_aspect_ratio,
            "background": str(self.background),
            **({} if self.half is None else {"half": self.half}),
            **self.depth.description(),
        }

    def look(self, file):
        """Check that a file is a valid image, and note how many bits its values have."""
        with room(file) as image:
            _verify(file, image)
            if depths.is_deep(image):
                self.depth.look(image, lambda: _open(file))

    def decode(self, file, *, verify=False):
        """One image, a path or encoded bytes, as an array; of an animation, the first frame.

        With `verify=True`, it is checked that the whole file is valid.
        """
        with room(file) as image:
            if verify:
                _verify(file, image)
            return self._decoded(file, image)

    def decode_all(self, files):
        """Many images at once, on all cores: a `uint8` array `(len(files), *shape)`."""
        images = np.empty((len(files), *self.shape), "uint8")

        def fill(row):
            images[row] = self.decode(files[row])

        for_each(fill, len(files))
        return images

    # A function of its own, so that all copies are freed when it returns.
    def _decoded(self, file, image):
        from PIL import ImageOps

        image = self._converted(image, lambda: _open(file))
        if self.half is not None:
            image = _half(image, self.half)
        height, width = self.image_size
        if image.size != (width, height):
            if self.crop_to_aspect_ratio:
                image = ImageOps.fit(image, (width, height), self.resample)
            else:
                image = image.resize((width, height), self.resample)
        return np.asarray(image).reshape(self.shape)

    def _converted(self, image, again):
        """An opened image, upright, in the mode of `channels`, with as few copies as possible."""
        from PIL import Image, ImageOps

        if depths.is_deep(image):
            turned = Image.Image.getexif(image).get(_ORIENTATION)  # that of PNG would decode
            image = self.depth.to_uint8(image, again)
            image.getexif()[_ORIENTATION] = turned or 1
        ImageOps.exif_transpose(image, in_place=True)
        if self.channels == 4:
            return _in_mode(image, "RGBA")
        if image.has_transparency_data:
            image = _in_mode(image, "RGBA")
            paper = Image.new("RGB", image.size, self.background)
            paper.paste(image, mask=image)
            image = paper
        return _in_mode(image, "L" if self.channels == 1 else "RGB")


# === Images ===


class _InFlight:
    """Limits the total number of pixels that all threads decode at the same time.

    An image that exceeds the limit waits until no other is decoded.
    """

    def __init__(self, limit):
        self.limit = limit
        self.pixels = 0
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def holding(self, pixels):
        """Reserve a number of pixels during the block, after waiting until they are available."""
        with self._changed:
            self._changed.wait_for(lambda: not self.pixels or self.pixels + pixels <= self.limit)
            self.pixels += pixels
        try:
            yield
        finally:
            with self._changed:
                self.pixels -= pixels
                self._changed.notify_all()


IN_FLIGHT = _InFlight(_MAX_PIXELS)


@contextlib.contextmanager
def room(file):
    """An image, opened after a check of its size, and as soon as it may be decoded.

    All data decoded within the block are freed, or must be, when it ends.
    """
    from PIL import Image

    if not isinstance(file, bytes):
        # Opening a pipe would block forever; a device has no end.
        is_file = os.path.isfile(file)
        _checks.check(is_file, "An image must be a file that is there.", file=str(file))
    # Pillow's own context cannot close an image again that was closed within it, before 12.
    with contextlib.closing(_open(file)) as image:
        size, limit = image.size, Image.MAX_IMAGE_PIXELS
        # A small file can decode to more than the memory.
        _checks.check(
            limit is None or size[0] * size[1] <= limit,
            f"An image must have at most {limit} pixels.",
            cure="Shrink it, or raise `PIL.Image.MAX_IMAGE_PIXELS`.",
            size=size,
        )
        with IN_FLIGHT.holding(size[0] * size[1]):
            try:
                yield image
            finally:
                image.close()


def _return_memory():
    """Let Pillow allocate large images in blocks that the C library returns when freed.

    Those of up to 32 MiB it may keep, for each thread.
    """
    from PIL import Image

    with contextlib.suppress(AttributeError):  # another version of Pillow
        Image.core.set_block_size(max(_BLOCK_BYTES, Image.core.get_block_size()))


def _open(file):
    from PIL import Image

    source = io.BytesIO(file) if isinstance(file, bytes) else file
    return Image.open(source, formats=image_files.formats(file))


def _verify(file, image):
    """Check a whole file, of which `image` has been opened."""
    # Of a PNG file that is damaged in the middle, Pillow decodes the first rows and keeps silent;
    # its checksums tell. An image that was verified cannot be decoded.
    if image.format == "PNG":
        with _open(file) as other:
            other.verify()


def _half(image, half):
    """The left or the right half of an image; a column in the middle is left out."""
    (width, height), half_width = image.size, image.size[0] // 2
    _checks.check(width > 1, "An image must be wide enough for two.", width=width)
    left = (width - half_width) * half
    return image.crop((left, 0, left + half_width, height))


def size_of(file):
    """`(height, width)` of an image as it is decoded, without decoding it.

    Args:
        file: path, or encoded bytes.
    """
    with _open(file) as image:
        turned = image.getexif().get(_ORIENTATION, 1) > 4
        return image.size if turned else image.size[::-1]


def _in_mode(image, mode):
    return image if image.mode == mode else image.convert(mode)


@functools.cache
def _threads(count):
    """The threads that decode, of all readers together."""
    return concurrent.futures.ThreadPoolExecutor(count, "keras_gan_images")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_threads.cache_clear)  # threads stay in the parent


def for_each(function, count):
    """Call `function(i)` for each `i` in `range(count)` on all cores, with a progress line."""
    cores = os.cpu_count() or 1
    # Handing over takes a tenth of the time that a small image does.
    size = max(1, min(16, count // (4 * cores)))

    def several(start):
        indices = range(start, min(start + size, count))
        for index in indices:
            function(index)
        return len(indices)

    shown = terminal.bar("Reading images", total=count, unit="images")
    try:
        for done in _threads(cores).map(several, range(0, count, size)):
            if shown is not None:
                shown.update(done)
    finally:
        if shown is not None:
            shown.close()


@contextlib.contextmanager
def quiet():
    """Suppress Pillow's warnings about unusual images.

    Only for the main thread: filters are global, and two threads would restore each other's.
    Elsewhere see `silence`.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning, module="PIL")
        warnings.filterwarnings("ignore", category=RuntimeWarning, module="PIL")
        yield


def silence():
    """Suppress Pillow's warnings about unusual images for good, which any thread may do."""
    for category in (UserWarning, RuntimeWarning):
        own = ("ignore", None, category)
        # Only if it is missing: with each new filter, Python forgets what it has warned of.
        if not any(known[:3] == own and _is_of_pillow(known[3]) for known in warnings.filters):
            warnings.filterwarnings("ignore", category=category, module="PIL")


def _is_of_pillow(module):
    return getattr(module, "pattern", module) == "PIL"


def _size(image_size):
    pair = isinstance(image_size, (tuple, list)) and len(image_size) == 2
    height, width = image_size if pair else (image_size, image_size)
    try:
        return _checks.positive_int(height, "height"), _checks.positive_int(width, "width")
    except ValueError:
        rule = "`image_size` must be a positive integer or a pair of them, (height, width)."
        raise _checks.error(rule, image_size=image_size) from None


def _colour(background):
    from PIL import ImageColor

    try:
        if isinstance(background, str):
            return ImageColor.getrgb(background)[:3]
        values = background if isinstance(background, (tuple, list)) else [background] * 3
        values = tuple(_checks.non_negative_int(value, "background") for value in values)
        _checks.check(len(values) == 3 and max(values) < 256, "Three bytes are needed.")
    except ValueError:
        raise _checks.error(
            "`background` must be a colour.",
            background=background,
            cure="Use a name such as 'white', a hex code, a grey value, or three values, 0 to 255.",
        ) from None
    return values
