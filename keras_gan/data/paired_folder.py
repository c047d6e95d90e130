"""Data sets of pairs of images: two folders, or one of images side by side."""

import pathlib

import numpy as np
import tensorflow as tf

from keras_gan import _checks
from keras_gan.data import file_source, folder, image_files, left_out, pixels
from keras_gan.feeding import sources
from keras_gan.feeding.entries import check_names


@_checks.suggesting
def from_paired_folder(
    a,
    b=None,
    *,
    names=("a", "b"),
    image_size=None,
    channels=3,
    batch_size=None,
    on_error="skip",
    background="white",
    resample="lanczos",
    crop_to_aspect_ratio=False,
    shuffle=True,
    seed=0,
    memory_limit_gib=2.0,
):
    """A data set of pairs of images: from two folders, or from one of images side by side.

    Of two folders, the images of one name are a pair: `a/street/1.jpg` and `b/street/1.png`; the
    suffix does not count. Of one folder, the left half of each image is the first of a pair and
    the right half the second. Both are resized independently. What is read and how is as in
    `from_folder` with `check_all=True`: every file is decoded once at first.

    Args:
        a: the folder of the first images, or of images side by side.
        b: the folder of the second images, or `None`.
        names: the names of the two entries. Defaults to `("a", "b")`.
        image_size: a positive integer, or `(height, width)`, of both. Defaults to `None`: the size
            that all first images have, and the size that all second ones have.
        channels: 1 (grey), 3 (RGB) or 4 (RGB and alpha), or a pair of these. Defaults to 3.
        batch_size: pairs of one update. Defaults to 64, to 32 of images from 48 pixels a side on,
            and to 16 from 96 on.
        on_error: what to do with images that cannot be read or have no partner: `"skip"` them with
            one warning, or `"raise"`. Defaults to `"skip"`.
        background: as in `from_folder`. Defaults to `"white"`.
        resample: as in `from_folder`. Defaults to `"lanczos"`.
        crop_to_aspect_ratio: as in `from_folder`. Defaults to `False`.
        shuffle: whether each pass has an order of its own. Defaults to `True`; otherwise pairs
            come sorted by their paths.
        seed: non-negative integer, the order's. Defaults to 0.
        memory_limit_gib: size up to which all images are kept, in GiB of decoded pixels. Defaults
            to 2.

    Returns:
        A finite `tf.data.Dataset` with `len()` of dicts of two `uint8` batches `(batch, height,
        width, channels)`. See `from_arrays` for how it is iterated and resumed.

    Raises:
        ValueError: if a folder is missing, if no pair can be read, if images differ in size and
            `image_size` is `None`, if two images of a folder have one name, for what is left out
            with `on_error="raise"`, or for an argument out of range.

    Example:
        ```python
        data = keras_gan.data.from_paired_folder(
            "sketches", "photos", names=("sketch", "photo"), image_size=256
        )
        ```
    """
    names = check_names(names)
    _checks.check(len(names) == 2, "`names` must be two.", names=names)
    _checks.one_of(on_error, "on_error", ("skip", "raise"))
    limit = _checks.number(memory_limit_gib, "memory_limit_gib", minimum=0.0) * 2**30
    batch_size = _checks.positive_int(batch_size, "batch_size", optional=True)
    roots, listings, story = _listings(a, b, on_error)
    settings = {
        "resample": resample,
        "crop_to_aspect_ratio": crop_to_aspect_ratio,
        "background": background,
    }
    several = isinstance(channels, (tuple, list))
    _checks.check(
        not several or len(channels) == 2,
        "`channels` must be a number, or a pair of them.",
        channels=channels,
    )
    decoders = [
        pixels.Decoder(
            _size(files, half, name) if image_size is None else image_size,
            channels=channels[side] if several else channels,
            half=half,
            **settings,
        )
        for side, (files, half, name) in enumerate(
            zip(listings, (None, None) if b is not None else (0, 1), names, strict=True)
        )
    ]
    pixels_of_all = len(listings[0]) * sum(np.prod(decoder.shape) for decoder in decoders)
    keep = pixels_of_all <= limit
    arrays, files = _read(decoders, roots, listings, on_error, keep, story)
    left_out.warn(list(dict.fromkeys(story)))
    order = {"shuffle": shuffle, "seed": seed}
    if keep:
        parts = dict(zip(names, arrays, strict=True))
        source = sources.ArraySource(parts, check=False, **order)
    else:
        source = PairSource(dict(zip(names, files, strict=True)), decoders, **order)
    return source.dataset(batch_size)


class PairSource(sources.Source):
    """Pairs of images, of two lists of readable files by entry, that are decoded when needed."""

    parallel_reads = 2

    def __init__(self, files, decoders, *, shuffle=True, seed=0):
        self.files = files
        self._decoders = dict(zip(files, decoders, strict=True))
        spec = {name: tf.TensorSpec(d.shape, "uint8") for name, d in self._decoders.items()}
        super().__init__(len(next(iter(files.values()))), spec, shuffle=shuffle, seed=seed)

    def read(self, indices):
        return {
            name: file_source.decoded(self._decoders[name], files, indices)
            for name, files in self.files.items()
        }

    def description(self):
        told = super().description()
        for name, files in self.files.items():
            told[f"checksum_of_{name}"] = file_source.checksum_of_files(files)
            told[f"decoder_of_{name}"] = str(self._decoders[name].description())
        return told


# === Files ===


def _listings(a, b, on_error):
    """The folders, the files of both sides pair by pair, and sentences about what is left out."""
    roots = [folder.root_of(a, "a")] + ([] if b is None else [folder.root_of(b, "b")])
    found = [image_files.listing(root) for root in roots]
    story = []
    for root, listing in zip(roots, found, strict=True):
        folder.check_found(listing, root, on_error)
        story += left_out.besides(root, listing)
    if b is None:
        return roots * 2, [found[0].images] * 2, story
    _checks.check(
        roots[0].resolve() != roots[1].resolve(),
        "`a` and `b` must be two folders.",
        cure="Leave out `b` for images side by side.",
        a=str(a),
    )
    sides = [_by_name(listing.images, root) for root, listing in zip(roots, found, strict=True)]
    shared = [name for name in sides[0] if name in sides[1]]
    alone = [
        file
        for side, other in zip(sides, sides[::-1], strict=True)
        for name, file in side.items()
        if name not in other
    ]
    _checks.check(
        shared,
        "`a` and `b` must hold images of the same names.",
        a=left_out.some(list(sides[0])),
        b=left_out.some(list(sides[1])),
    )
    _checks.check(
        on_error == "skip" or not alone,
        "Each image must have a partner of the same name in the other folder.",
        cure="Add or remove these, or use `on_error='skip'`.",
        alone=left_out.some(alone),
    )
    if alone:
        story.append(f"{len(alone)} images have no partner: {left_out.some(alone)}.")
    return roots, [[side[name] for name in shared] for side in sides], story


def _by_name(files, root):
    """The files of a folder by their paths in it without suffix."""
    found = {}
    for file, within in zip(files, image_files.names(files, root), strict=True):
        name = pathlib.PurePath(within).with_suffix("").as_posix()
        _checks.check(
            name not in found,
            "The images of a folder must have different names, whatever their suffix.",
            images=[found.get(name), file],
        )
        found[name] = file
    return found


def _size(files, half, name):
    """The size that all images have, as far as it can be read."""
    sizes = {}
    with pixels.quiet():
        for file in files:
            try:
                height, width = pixels.size_of(file)
            except Exception:  # what cannot be read is told of later
                continue
            sizes.setdefault((height, width if half is None else width // 2), file)
            if len(sizes) > 1:
                break
    _checks.check(
        len(sizes) < 2,
        f"The images of {name!r} differ in size, so `image_size` must be given.",
        image_size=None,
        sizes=list(sizes),
        images=list(sizes.values()),
    )
    return next(iter(sizes), (1, 1))


def _read(decoders, roots, listings, on_error, keep, story):
    """The arrays of both sides, if they are to be kept, and the files of what can be read."""
    images, readable = [], []
    for decoder, root, files in zip(decoders, roots, listings, strict=True):
        found, rows, told = folder.read(decoder, root, files, on_error, keep=keep)
        images.append(found)
        readable.append(rows)
        story += [told] if told else []
    both = np.intersect1d(*readable)
    _checks.check(len(both), "One pair of images at least must be readable.", pairs=0)
    if keep:
        images = [
            found if len(rows) == len(both) else found[np.isin(rows, both)]
            for found, rows in zip(images, readable, strict=True)
        ]
    return images, [[files[index] for index in both] for files in listings]
