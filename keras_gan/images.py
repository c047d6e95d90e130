"""Grids of images, PNG files and animations.

NumPy and Pillow only. Pictures are `uint8` arrays `(height, width, channels)`.
"""

import os

import numpy as np

from keras_gan import _checks, _warnings, lettering
from keras_gan.storage import files

__all__ = ["grid", "save_gif", "save_png", "to_uint8"]

# The longer side of a grid, in pixels, that small samples are enlarged to reach.
MIN_GRID_PIXELS = 512
# Rows that have names are laid out in blocks beside each other where one would be higher than this.
_MAX_BLOCK_PIXELS = 1024
# Differs from black, white and the mid-grey of an untrained generator.
GUTTER_GREY = lettering.PAPER
# The checkerboard behind transparent samples: two greys, and the size of a square in pixels.
_CHECKERS = (102, 153)
_CHECKER_PIXELS = 8

# Floats with a minimum of at least 0 and a maximum above this are not in [-1, 1].
_OVERSHOOT = 1.5

_MAX_FRAMES = 100
_MAX_FRAME_PIXELS = 1024
# Durations of an animation in milliseconds.
_TOTAL_DURATION = 10_000
_FRAME_DURATION = (60, 500)
_LAST_FRAME_DURATION = 2_000


# === Pixels ===


def to_uint8(samples):
    """Convert samples from [-1, 1] to bytes: `round((x + 1) * 127.5)`, clipped to [0, 255].

    Halves are rounded to even numbers, as in TensorFlow, so an exported generator gives the same
    bytes. NaN becomes 0.

    Args:
        samples: array of floats in [-1, 1], or of `uint8`, which is returned as it is.

    Returns:
        `uint8` array of the same shape.

    Raises:
        ValueError: for another dtype.
    """
    samples = np.asarray(samples)
    if samples.dtype == np.uint8:
        return samples
    _checks.check(
        np.issubdtype(samples.dtype, np.floating),
        "Pictures must be uint8 in [0, 255] or floats in [-1, 1].",
        cure="Use `.astype('uint8')` for values in [0, 255].",
        dtype=str(samples.dtype),
    )
    scaled = (samples.astype("float32") + np.float32(1.0)) * np.float32(127.5)
    whole = np.nan_to_num(np.rint(scaled), nan=0.0, posinf=255.0, neginf=0.0)
    return np.clip(whole, 0.0, 255.0).astype("uint8")


def enlarge(pictures, factor):
    """Repeat each pixel of `(..., height, width, channels)` `factor` times in both directions."""
    return np.repeat(np.repeat(pictures, factor, axis=-3), factor, axis=-2)


def on_checkers(pictures):
    """Blend transparent pictures, `uint8` `(..., height, width, 4)`, with a grey checkerboard.

    `alpha * colour + (1 - alpha) * checkers`, with squares of 8 pixels. Black and white are visible
    on it, and it looks the same in every viewer. Alpha is not premultiplied.
    """
    pictures = np.asarray(pictures)
    height, width = pictures.shape[-3:-1]
    rows, columns = (np.arange(size) // _CHECKER_PIXELS for size in (height, width))
    dark = (rows[:, None] + columns) % 2 == 0
    checkers = np.where(dark, *_CHECKERS).astype("float32")[..., None]
    alpha = pictures[..., 3:].astype("float32") / 255.0
    mixed = alpha * pictures[..., :3] + (1.0 - alpha) * checkers
    return np.rint(mixed).astype("uint8")


# === Grids ===


def grid(samples, rows=None, columns=None, *, row_names=None):
    """Arrange samples in a grid, in reading order, with gutters between and around them.

    Samples are enlarged by a whole factor, without smoothing, until the longer side of the grid
    has at least 512 pixels; large ones stay as they are. Transparent samples are laid on a grey
    checkerboard. NaN becomes 0, which is black, as in `to_uint8`.

    ```python
    images.save_png("samples.png", images.grid(gan.generate(64, seed=0)))
    ```

    Args:
        samples: `(n, height, width, channels)` with 1, 3 or 4 channels, `uint8` or floats in
            [-1, 1].
        rows: number of rows. `None`: as many as `n` samples need.
        columns: number of columns. `None`: as many as `n` samples need; if neither is given, the
            grid is about a square of cells.
        row_names: list of strings, one a row, to be written to the left of the rows; accents are
            left out, and names in other letters than Latin give way to the row's number from 0.
            Where many rows would make a very high picture, they are laid out in blocks beside
            each other. Default `None`.

    Returns:
        `uint8` `(height, width, channels)` with 1 or 3 channels. Cells left over have the colour
        of the gutters, light grey.

    Raises:
        ValueError: for samples that are not images, for no samples, values out of range, or more
            samples than cells; if the number of names is not that of rows.
    """
    samples = np.asarray(samples)
    _check_images(samples.shape)
    _check_range(samples)
    rows, columns = _layout(len(samples), rows, columns)
    height, width = samples.shape[1:3]
    factor = -(-MIN_GRID_PIXELS // max(rows * height, columns * width))
    if row_names is not None:
        row_names = _checked_names(row_names, rows)
        factor = max(factor, -(-lettering.LINE_HEIGHT // height))
    cells = enlarge(to_uint8(samples), factor)
    if cells.shape[-1] == 4:
        cells = on_checkers(cells)
    gutter = max(2, max(cells.shape[1:3]) // 32)
    if row_names is None:
        return _in_rows(cells, rows, columns, gutter)
    return _named_rows(cells, columns, gutter, row_names)


def beside(pictures):
    """Pictures beside each other, `uint8` `(height, width, 1 or 3)`, on the colour of gutters."""
    height, gutter = max(len(picture) for picture in pictures), 16
    channels = max(picture.shape[-1] for picture in pictures)
    parts = []
    for picture in pictures:
        part = np.full((height, picture.shape[1] + gutter, channels), GUTTER_GREY, "uint8")
        part[: len(picture), : picture.shape[1]] = picture
        parts.append(part)
    return np.hstack(parts)[:, :-gutter]


def _in_rows(cells, rows, columns, gutter):
    """Cells in reading order, with gutters between and around them."""
    _, height, width, channels = cells.shape
    down, right = height + gutter, width + gutter
    picture = np.full(
        (rows * down + gutter, columns * right + gutter, channels), GUTTER_GREY, "uint8"
    )
    for index, cell in enumerate(cells):
        top, left = (index // columns) * down + gutter, (index % columns) * right + gutter
        picture[top : top + height, left : left + width] = cell
    return picture


def _named_rows(cells, columns, gutter, names):
    """Rows with their names, in several blocks side by side if there are many."""
    height = cells.shape[1]
    down = height + gutter
    names = [name and lettering.drawable(name, str(row)) for row, name in enumerate(names)]
    width = columns * (cells.shape[2] + gutter) + lettering.width(names)
    blocks = 1
    if len(names) * down > _MAX_BLOCK_PIXELS:
        blocks = max(1, round(np.sqrt(len(names) * down / width)))
    rows = -(-len(names) // blocks)
    parts = []
    for first in range(0, len(names), rows):
        some = cells[first * columns : (first + rows) * columns]
        picture = _in_rows(some, rows, columns, gutter)
        middles = [gutter + height // 2 + down * row for row in range(rows)]
        strip = lettering.strip(names[first : first + rows], middles, len(picture))
        parts += [np.repeat(strip[..., None], picture.shape[-1], axis=-1), picture]
    return np.hstack(parts)


def _checked_names(names, rows):
    names = list(names) if not isinstance(names, str) else names
    _checks.check(
        not isinstance(names, str)
        and len(names) == rows
        and all(isinstance(name, str) for name in names),
        f"`row_names` must be a list of strings, one for each of the {rows} rows.",
        row_names=names,
    )
    return names


def _check_images(shape):
    cure = None
    if len(shape) == 3:
        cure = "Add the missing axis: `samples[..., None]` for grey, `samples[None]` for one."
    elif len(shape) == 4 and shape[1] in (1, 3, 4):
        cure = "The channels go last: `numpy.moveaxis(samples, 1, -1)`."
    _checks.check(
        len(shape) == 4 and shape[-1] in (1, 3, 4),
        "`samples` must be images of shape (n, height, width, channels) with 1, 3 or 4 channels.",
        cure=cure,
        shape=shape,
    )
    _checks.check(min(shape) > 0, "A grid needs at least one sample and one pixel.", shape=shape)


def _check_range(samples):
    """Refuse floats in [0, 255], which would all be white. A generator may exceed [-1, 1]."""
    if not np.issubdtype(samples.dtype, np.floating) or samples.size == 0:
        return
    low, high = float(samples.min()), float(samples.max())
    _checks.check(
        not (low >= 0.0 and high > _OVERSHOOT),
        "Pictures must be uint8 in [0, 255] or floats in [-1, 1].",
        cure="Use `x.astype('uint8')`, or `x / 127.5 - 1`, for floats in [0, 255].",
        minimum=low,
        maximum=high,
    )


def _check_ending(path, ending):
    _checks.check(
        files.expanded(path).suffix.lower() == ending,
        f"`path` must end in `{ending}`, which is the format that is written.",
        path=str(path),
    )


def _layout(count, rows, columns):
    columns = _checks.positive_int(columns, "columns", optional=True)
    rows = _checks.positive_int(rows, "rows", optional=True)
    if columns is None:
        columns = int(np.ceil(np.sqrt(count))) if rows is None else -(-count // rows)
    if rows is None:
        rows = -(-count // columns)
    _checks.check(
        count <= rows * columns,
        "A grid needs a cell for each sample.",
        cure="Pass fewer samples, or leave `rows` out.",
        samples=count,
        rows=rows,
        columns=columns,
    )
    return rows, columns


# === Files ===


def save_png(path, picture, *, comment=None):
    """Write one picture as a PNG file, which is never half written.

    Args:
        path: file to write, ending in `.png`; missing folders are made.
        picture: `(height, width)` or `(height, width, channels)` with 1, 3 or 4 channels,
            `uint8` or floats in [-1, 1]. Alpha is kept.
        comment: text to store in the file, see `comment_of`. Default `None`.

    Raises:
        ValueError: if it is not one picture, is out of range, or `path` has another suffix.
        OSError: if the file system refuses.
    """
    from PIL import Image, PngImagePlugin

    _check_ending(path, ".png")
    pixels = np.asarray(picture)
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    _checks.check(
        pixels.ndim == 3 and pixels.shape[-1] in (1, 3, 4),
        "A picture must have the shape (height, width, channels) with 1, 3 or 4 channels.",
        cure="Put several into one with `images.grid(samples)`." if pixels.ndim == 4 else None,
        shape=np.shape(picture),
    )
    _check_range(pixels)
    pixels = to_uint8(pixels)
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    info = PngImagePlugin.PngInfo()
    if comment is not None:
        info.add_text("Comment", comment)
    with files.replacing(path) as temporary:
        image.save(temporary, format="PNG", pnginfo=info)


def comment_of(path):
    """The comment of a PNG or GIF file; `None` without one, or for other files."""
    from PIL import Image

    try:
        with Image.open(_source(path), formats=["PNG", "GIF"]) as image:
            comment = image.info.get("Comment", image.info.get("comment"))
            return comment.decode() if isinstance(comment, bytes) else comment
    except Exception:  # damaged files make Pillow raise nearly anything
        return None


def save_gif(path, frames, *, max_frames=_MAX_FRAMES, comment=None):
    """Write PNG files as an animation, which is never half written.

    It repeats forever, takes about ten seconds, and shows the last frame for two. Of more than
    `max_frames` files, as many are taken at even distances, the first and the last included.
    Files of another size than the last one are left out, and those that cannot be read, with a
    warning. Frames of more than 1,024 pixels on a side are shrunk. Colours are reduced to 256 a
    frame, as the format demands; greys stay exact.

    Args:
        path: file to write, ending in `.gif`; missing folders are made.
        frames: paths of opaque PNG files, in order.
        max_frames: most frames to write, at least 2. Default 100.
        comment: text to store in the file, see `comment_of`. Default `None`.

    Raises:
        ValueError: if there are no frames, or `path` has another suffix.
        OSError: if no frame can be read or the file cannot be written.
    """
    _check_ending(path, ".gif")
    max_frames = _checks.positive_int(max_frames, "max_frames")
    _checks.check(max_frames >= 2, "`max_frames` must be at least 2.", max_frames=max_frames)
    frames = list(frames)
    _checks.check(len(frames) > 0, "An animation needs at least one frame.", frames=frames)
    frames = spread(_of_one_size(frames), max_frames)
    shortest, longest = _FRAME_DURATION
    each = min(max(_TOTAL_DURATION // len(frames) // 10 * 10, shortest), longest)
    pictures = map(_frame, frames)  # one at a time: a long run's frames would fill the memory
    with files.replacing(path) as temporary:
        next(pictures).save(
            temporary,
            format="GIF",
            save_all=True,
            append_images=pictures,
            duration=[each] * (len(frames) - 1) + [_LAST_FRAME_DURATION],
            loop=0,
            comment=comment,
            optimize=False,  # Pillow 13 shifts greys by one where a frame lacks some
        )


def spread(items, limit):
    """At most `limit` of `items` at even distances, the first and the last included."""
    if len(items) <= limit:
        return list(items)
    places = np.rint(np.linspace(0, len(items) - 1, limit)).astype(int)
    return [items[place] for place in places]


def _of_one_size(frames):
    """The frames that can be read and are as large as the last one of them."""
    from PIL import Image

    known, errors = [], []
    for frame in frames:
        try:
            with Image.open(_source(frame), formats=["PNG"]) as image:
                size = image.size
                image.verify()
            known.append((frame, size))
        except Exception as error:  # damaged files make Pillow raise nearly anything
            errors.append((frame, error))
    if not known:
        raise OSError(
            _checks.sentence(
                "An animation needs at least one frame that can be read.",
                first_error=str(errors[0][1]),
            )
        )
    if errors:
        _warnings.warn(
            f"{len(errors)} of {len(frames)} frames cannot be read and are left out of the "
            f"animation: {', '.join(str(frame) for frame, _ in errors)}."
        )
    return [frame for frame, size in known if size == known[-1][1]]


def _source(frame):
    """An argument for Pillow's `open`: a path, or an open file."""
    return files.expanded(frame) if isinstance(frame, (str, bytes, os.PathLike)) else frame


def _frame(path):
    from PIL import Image

    with Image.open(_source(path), formats=["PNG"]) as image:
        frame = image.convert("L" if image.mode == "L" else "RGB")
    factor = -(-max(frame.size) // _MAX_FRAME_PIXELS)
    frame = frame.reduce(factor) if factor > 1 else frame
    if frame.mode == "L":
        return frame
    # Pillow's median cut takes up to half a second a frame. This is as close at a twentieth of it.
    palette = frame.quantize(256, method=Image.Quantize.FASTOCTREE)
    return frame.quantize(palette=palette, dither=Image.Dither.NONE)
