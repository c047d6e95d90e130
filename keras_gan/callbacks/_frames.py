"""The pictures of a run that its report shows: a bounded number of them, as compressed bytes."""

import io
import re

import numpy as np

from keras_gan import images

# In the files of `ImageGrid`, so that a later run knows them.
COMMENT = "keras_gan.callbacks.ImageGrid"
# Most pictures that are kept, the first, the best and the last one among them.
_MOST = 23
# Longest side in pixels, and the quality of WebP: some 10 to 30 KB a picture.
_PIXELS, _QUALITY = 640, 80


class Frames:
    """Pictures by epoch. Of a long run some are kept, whose distances differ little.

    Attributes:
        pictures: `dict` of WebP bytes by epoch, in order.
    """

    def __init__(self):
        self.pictures = {}

    def add(self, epoch, picture, best=None):
        """Keep the picture of an epoch, and drop those that a long run has no room for.

        Args:
            epoch: from 1.
            picture: `uint8` `(height, width, channels)`.
            best: the best epoch so far, whose picture is not dropped.
        """
        self.pictures[epoch] = compressed(picture)
        while len(self.pictures) > _MOST:
            numbers = list(self.pictures)
            gaps = {
                number: after - before
                for before, number, after in zip(numbers, numbers[1:], numbers[2:], strict=False)
                if number != best
            }
            del self.pictures[min(gaps, key=gaps.get)]

    def get_state(self):
        """The pictures as plain values and arrays."""
        parts = [np.frombuffer(part, "uint8") for part in self.pictures.values()]
        return {"epochs": list(self.pictures), "pictures": parts}

    def set_state(self, state):
        parts = [np.asarray(part, "uint8").tobytes() for part in state["pictures"]]
        self.pictures = dict(zip(state["epochs"], parts, strict=True))


def compressed(picture):
    """A `uint8` picture `(height, width, 1 or 3)` as the bytes of a WebP file."""
    from PIL import Image

    image = Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture)
    factor = -(-max(image.size) // _PIXELS)
    image = image.reduce(factor) if factor > 1 else image
    stream = io.BytesIO()
    image.convert("RGB").save(stream, format="WEBP", quality=_QUALITY)
    return stream.getvalue()


def file_name(number):
    """The name of the grid of an epoch, counted from 1."""
    return f"epoch_{number:04d}.png"


def epochs_in(directory):
    """The numbers of the epochs that a folder has grids of, sorted."""
    names = (path.name for path in directory.glob("epoch_*.png"))
    matches = (re.fullmatch(r"epoch_(\d{4}|[1-9]\d{4,})\.png", name) for name in names)
    return sorted(int(match[1]) for match in matches if match)


def is_own(path):
    """Whether a file is a picture or an animation of `ImageGrid`.

    Those of earlier versions have no comment. Their right column and bottom row are gutters.
    """
    from PIL import Image

    if (images.comment_of(path) or "").startswith(COMMENT):
        return True
    try:
        with Image.open(path, formats=["PNG", "GIF"]) as image:
            pixels = np.asarray(image.convert("L"), "int16")
    except Exception:  # damaged files make Pillow raise nearly anything
        return False
    edge = np.concatenate([pixels[-1], pixels[:, -1]])
    return bool(np.all(np.abs(edge - images.GUTTER_GREY) <= 2))


def from_folder(directory):
    """The grids of `ImageGrid` in a folder: `(WebP bytes by epoch, those of reals or None)`."""
    from PIL import Image

    frames = Frames()
    for number in epochs_in(directory):
        image = Image.open(directory / file_name(number))
        frames.add(number, np.asarray(image.convert("RGB")))
    real = directory / "real.png"
    if not real.exists():
        return frames.pictures, None
    return frames.pictures, compressed(np.asarray(Image.open(real).convert("RGB")))
