"""From encoded images to arrays of one size."""

import concurrent.futures
import contextlib
import io
import os
import warnings

import numpy as np

from keras_gan import _checks, terminal

# What is decoded, whatever the suffix says: web pictures often lie about their type.
_FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP")
_FILTERS = ("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos")


class Decoder:
    """Settings under which encoded images become `uint8` arrays `(height, width, channels)`.

    Args:
        image_size: a positive integer, or `(height, width)`.
        channels: 1 (grey), 3 (RGB) or 4 (RGB and alpha).
        resample: name of the Pillow filter for another size; all of them but `"nearest"` average
            when they shrink.
        crop_to_aspect_ratio: whether images of another shape lose their margins; otherwise they
            are stretched.
        background: what transparent images of 1 or 3 channels are laid on: a colour's name or
            hex code, a grey value, or three values, 0 to 255.

    Raises:
        ValueError: for a setting out of range.
    """

    def __init__(self, image_size, *, channels, resample, crop_to_aspect_ratio, background):
        from PIL import Image

        self.image_size = _size(image_size)
        self.channels = _checks.one_of(channels, "channels", (1, 3, 4))
        self.resample = Image.Resampling[_checks.one_of(resample, "resample", _FILTERS).upper()]
        self.crop_to_aspect_ratio = _checks.boolean(crop_to_aspect_ratio, "crop_to_aspect_ratio")
        self.background = _colour(background)

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
        }

    def decode(self, file):
        """One image as an array.

        Args:
            file: path, or the encoded bytes.

        Returns:
            `uint8` array of `shape`; of an animation, the first frame.
        """
        from PIL import Image, ImageOps

        file = io.BytesIO(file) if isinstance(file, bytes) else file
        with Image.open(file, formats=_FORMATS) as opened:
            image = ImageOps.exif_transpose(opened)
        image = self._converted(image)
        height, width = self.image_size
        if image.size != (width, height):
            if self.crop_to_aspect_ratio:
                image = ImageOps.fit(image, (width, height), self.resample)
            else:
                image = image.resize((width, height), self.resample)
        return np.asarray(image).reshape(self.shape)

    def decode_all(self, files):
        """Many images at once, on all cores.

        Args:
            files: sequence of what `decode` takes.

        Returns:
            `uint8` array `(len(files), *shape)`.
        """
        images = np.empty((len(files), *self.shape), "uint8")

        def fill(row):
            images[row] = self.decode(files[row])

        for_each(fill, len(files))
        return images

    def _converted(self, image):
        from PIL import Image

        if image.mode.startswith("I"):
            # 16 bits a pixel. Pillow would cut off what is above 255.
            values = np.asarray(image).astype("int64") >> 8
            image = Image.fromarray(values.clip(0, 255).astype("uint8"))
        if self.channels == 4:
            return image.convert("RGBA")
        if image.has_transparency_data:
            image = image.convert("RGBA")
            paper = Image.new("RGBA", image.size, (*self.background, 255))
            image = Image.alpha_composite(paper, image).convert("RGB")
        return image.convert("L" if self.channels == 1 else "RGB")


def for_each(function, count):
    """Call `function(i)` for each `i` in `range(count)` from some threads; long calls are shown."""
    workers = min(8, os.cpu_count() or 1, count)
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        done = pool.map(function, range(count))
        for _ in terminal.progress(done, "Reading images", total=count, unit="images"):
            pass


def verify(file):
    """Raise whatever tells that a file is no sound image, without decoding it.

    Of a PNG file that is damaged in the middle, Pillow decodes the first rows and keeps silent;
    its checksums tell.

    Args:
        file: path of an encoded image.
    """
    from PIL import Image

    # To open a pipe would wait for ever; a device has no end.
    _checks.check(os.path.isfile(file), "An image must be a file that is there.", file=str(file))
    with Image.open(file, formats=_FORMATS) as opened:
        opened.verify()


@contextlib.contextmanager
def quiet():
    """Hide Pillow's remarks on oddities of images that it reads all the same.

    Its remark on images of more than 89 million pixels becomes an error: a few bytes can unfold to
    more than the memory holds. Only for the main thread: filters are global, and two threads would
    restore each other's.
    """
    from PIL import Image

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning, module="PIL")
        warnings.filterwarnings("error", category=Image.DecompressionBombWarning)
        yield


def _size(image_size):
    pair = isinstance(image_size, (tuple, list)) and len(image_size) == 2
    height, width = image_size if pair else (image_size, image_size)
    try:
        return _checks.positive_int(height, "height"), _checks.positive_int(width, "width")
    except ValueError:
        rule = "`image_size` must be a positive integer or a pair of them, (height, width)."
        raise ValueError(_checks.sentence(rule, image_size=image_size)) from None


def _colour(background):
    from PIL import ImageColor

    try:
        if isinstance(background, str):
            return ImageColor.getrgb(background)[:3]
        values = background if isinstance(background, (tuple, list)) else [background] * 3
        values = tuple(_checks.non_negative_int(value, "background") for value in values)
        _checks.check(len(values) == 3 and max(values) < 256, "Three bytes are needed.")
    except ValueError:
        raise ValueError(
            _checks.sentence(
                "`background` must be a colour.",
                background=background,
                cure="Use a name such as 'white', a hex code, a grey value, or three values, "
                "0 to 255.",
            )
        ) from None
    return values
