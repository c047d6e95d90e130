"""Text in pictures, in the font of Pillow. Pictures are `uint8` arrays."""

import unicodedata

import numpy as np

INK, PAPER = 0, 192
# Colour and width in pixels of the frame of a marked picture.
_GREEN, _FRAME = (0, 160, 0), 4
# Font size in pixels, and the height of a line, with room for descenders.
FONT_SIZE, LINE_HEIGHT = 12, 16
_MARGIN = 4
_LONGEST = 24  # characters


def drawable(words, otherwise):
    """`words` in ASCII without accents, or `otherwise` if the font lacks other letters.

    Pillow's own font draws boxes for all other letters.
    """
    plain = unicodedata.normalize("NFKD", words)
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    plain = plain if plain.isascii() and plain.isprintable() and plain.strip() else otherwise
    return plain if len(plain) <= _LONGEST else plain[: _LONGEST - 3].rstrip() + "..."


def line(words):
    """One line of words, black on light grey: `(LINE_HEIGHT, width)`."""
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(FONT_SIZE)
    width = int(np.ceil(font.getlength(words))) + 1
    image = Image.new("L", (width, LINE_HEIGHT), PAPER)
    ImageDraw.Draw(image).text((0, 0), words, fill=INK, font=font)
    return np.asarray(image)


def width(names):
    """Width of the `strip` of these names in pixels."""
    return max(line(name).shape[1] for name in names) + 2 * _MARGIN


def strip(names, middles, height):
    """A strip `(height, width(names))` of names, aligned to the right, for the left side of rows.

    The middles of the rows, of which there may be more, are in pixels from the top and at least
    `LINE_HEIGHT` apart. Empty names are left out.
    """
    result = np.full((height, width(names)), PAPER, "uint8")
    for name, middle in zip(names, middles, strict=False):
        words, top = line(name), middle - LINE_HEIGHT // 2
        result[top : top + LINE_HEIGHT, -_MARGIN - words.shape[1] : -_MARGIN] = words
    return result


def heading(names, width):
    """A strip of names above as many columns of one width, each in the middle of its own.

    Args:
        names: list of strings; what is too long for its column is cut off.
        width: of the strip, in pixels.

    Returns:
        `(LINE_HEIGHT, width)`.
    """
    result = np.full((LINE_HEIGHT, width), PAPER, "uint8")
    for place, name in enumerate(names):
        left, right = (round(width * edge / len(names)) for edge in (place, place + 1))
        words = line(name)[:, : right - left]
        first = left + (right - left - words.shape[1]) // 2
        result[:, first : first + words.shape[1]] = words
    return result


def marked(picture, words):
    """A picture of 1 or 3 channels in a green frame, in colour, with a line of text below."""
    words = line(words)
    height, width = picture.shape[:2]
    inside = np.full((height + len(words), max(width, words.shape[1]), 3), PAPER, "uint8")
    inside[:height, :width] = picture
    inside[height:, : words.shape[1]] = words[..., None]
    result = np.empty([size + 2 * _FRAME for size in inside.shape[:2]] + [3], "uint8")
    result[:] = _GREEN
    result[_FRAME:-_FRAME, _FRAME:-_FRAME] = inside
    return result
