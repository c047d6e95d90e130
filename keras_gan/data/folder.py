"""Data sets from folders of images."""

import os

import numpy as np

from keras_gan import _checks
from keras_gan.data import file_source, image_files, left_out, pixels, unchecked
from keras_gan.feeding import sources
from keras_gan.storage import files

# Folders up to this many files and bytes are checked whole: it takes some seconds at most.
_FILES, _BYTES = 4_096, 2**25


@_checks.suggesting
def from_folder(
    path,
    *,
    image_size,
    channels=3,
    batch_size=None,
    labels=False,
    on_error="skip",
    background="white",
    resample="lanczos",
    crop_to_aspect_ratio=False,
    shuffle=True,
    seed=0,
    memory_limit_gib=2.0,
    check_all=None,
):
    """A data set of the images in a folder: PNG, JPEG, WebP, TIFF and whatever else Pillow reads.

    Subfolders are searched too. Hidden files and folders, and `__MACOSX`, are ignored. Other files
    that are not images, except texts and tables, and images that cannot be read are counted and
    listed in one warning. Of an animation, the first frame is read. The EXIF orientation is
    applied. If all images fit into `memory_limit_gib`, they stay in memory; otherwise each batch is
    decoded when it is needed, on all cores. Images that are decoded at the same time have at most
    89 million pixels together, which take up to 1 GiB; a larger one is refused, see
    `PIL.Image.MAX_IMAGE_PIXELS`.

    Of images with more than 8 bits per value, the highest 8 of the bits that the folder uses are
    kept: if no value of any image exceeds 4095, 4095 becomes white. (Of colours with more than 8
    bits in other files than PNG, Pillow keeps the highest 8.)

    A folder of at most 4,096 images of together at most 32 MiB is checked whole: every file is
    decoded before the first step. Of a larger one, 128 files spread over it, the first ones of each
    class up to a readable one, and the samples that `fit` draws are read before the first step. The
    others are checked when they are first read (and stay in memory from then on, if all fit):

    - In place of an image that cannot be read, another one is read, which follows from the place of
      the first. The order stays that of the seed and the step, and `len()` counts both. What could
      not be read is counted and listed in one warning when the folder has been read once, or when
      the data set is no longer used. (What only a last, incomplete batch shows is in a second one.)
    - The bits that are used are those of the 128 files. An image with more, or of another kind
      (floats, or alpha of more than 8 bits, if there were none), is left out, too, and listed.

    Args:
        path: the folder.
        image_size: a positive integer, or `(height, width)`. Images of another size are resized.
        channels: 1 (grey), 3 (RGB) or 4 (RGB and alpha). Defaults to 3.
        batch_size: samples of one update. Defaults to 64, to 32 of images from 48 pixels a side on,
            and to 16 from 96 on.
        labels: whether to yield labels. The class of an image is the folder directly in `path`
            that contains it; classes are numbered by their sorted names. A folder without a
            readable image is not a class. Defaults to `False`.
        on_error: what to do with images that cannot be read: `"skip"` them with one warning, or
            `"raise"`. Defaults to `"skip"`.
        background: colour behind transparent images unless `channels=4`: a name or hex code, a
            grey value, or three values, 0 to 255. Defaults to `"white"`.
        resample: Pillow's filter for resizing: `"nearest"` (for pixel art), `"box"`, `"bilinear"`,
            `"hamming"`, `"bicubic"` or `"lanczos"`. Defaults to `"lanczos"`.
        crop_to_aspect_ratio: whether images of another aspect ratio are cropped; otherwise they are
            stretched. Defaults to `False`.
        shuffle: whether each pass has its own order. Defaults to `True`; otherwise files are
            sorted by their paths.
        seed: non-negative integer seed of the order. Defaults to 0.
        memory_limit_gib: maximum size of all decoded images that are kept in memory, in GiB.
            Defaults to 2.
        check_all: whether every file is decoded before the first step, with a progress line on a
            terminal. Defaults to `None`: for folders up to the size above.

    Returns:
        A finite `tf.data.Dataset` with `len()` of `uint8` batches `(batch, height, width,
        channels)`, or of `(samples, labels)`, labels being `int32`. Its attribute `class_names` is
        the list of the classes' names, or `None` without labels. See `from_arrays` for what keeps
        it, and for how the data set is iterated and resumed.

    Raises:
        ValueError: if the folder is missing or has no readable image, if an image is in no class
            folder with `labels=True`, for an unreadable file with `on_error="raise"` (of a large
            folder when it is read), or for an argument out of range.

    Example:
        ```python
        faces = keras_gan.data.from_folder("faces", image_size=64, crop_to_aspect_ratio=True)
        gan.fit(faces, epochs=100)
        ```
    """
    decoder = pixels.Decoder(
        image_size,
        channels=channels,
        resample=resample,
        crop_to_aspect_ratio=crop_to_aspect_ratio,
        background=background,
    )
    labels = _checks.boolean(labels, "labels")
    _checks.one_of(on_error, "on_error", ("skip", "raise"))
    limit = _checks.number(memory_limit_gib, "memory_limit_gib", minimum=0.0) * 2**30
    batch_size = _checks.positive_int(batch_size, "batch_size", optional=True)
    root = root_of(path)
    if check_all is not None:
        _checks.boolean(check_all, "check_all")
    found = image_files.listing(root)
    check_found(found, root, on_error)
    folders = image_files.first_folders(image_files.names(found.images, root)) if labels else None
    if labels:
        _check_classes(root, found.images, folders)

    in_memory = len(found.images) * np.prod(decoder.shape) <= limit
    images = unread = told = None
    if _is_small(found.images) if check_all is None else check_all:
        images, readable, told = read(decoder, root, found.images, on_error, keep=in_memory)
    else:
        unread = unchecked.Unreadable(root, len(found.images), on_error)
        readable = unchecked.begin(decoder, found.images, folders, unread)
    kept = [found.images[index] for index in readable]
    class_names, classes = _classes([folders[i] for i in readable]) if labels else (None, None)
    left_out.warn(([told] if told else []) + left_out.besides(root, found, class_names))
    order = {"shuffle": shuffle, "seed": seed}
    if unread is not None:
        source = unchecked.UncheckedSource(kept, classes, decoder, unread, keep=in_memory, **order)
    elif in_memory:
        source = sources.ArraySource(images, classes, check=False, **order)
    else:
        source = file_source.FileSource(kept, classes, decoder, **order)
    source.class_names = class_names
    return source.dataset(batch_size)


# === Files ===


def root_of(path, name="path"):
    """The path of a folder, if it is one."""
    is_path = isinstance(path, (str, bytes, os.PathLike))
    _checks.check(is_path, f"`{name}` must be a folder.", **{name: path})
    root = files.expanded(path)
    rule = f"`{name}` must be a folder, but it does not exist."
    _checks.check(root.exists(), rule, **{name: path})
    cure = "Unpack archives first."
    _checks.check(root.is_dir(), f"`{name}` must be a folder.", cure=cure, **{name: str(path)})
    return root


def check_found(found, root, on_error):
    """Check that a folder holds images, and can be searched."""
    _checks.check(
        on_error == "skip" or not found.closed,
        "Every folder must be one that can be opened.",
        cure="Change its permissions, or use `on_error='skip'`.",
        path=str(root),
        closed=left_out.some(found.closed),
    )
    others = left_out.some(image_files.names(found.others, root))
    _checks.check(
        found.images,
        "The folder must hold images (.png, .jpg, .webp, .tif and whatever else Pillow reads), in "
        "it or in folders in it.",
        path=str(root),
        **({"other_files": others} if others else {}),
    )


def _is_small(paths):
    """Whether a folder of some images is checked whole before the first step."""
    if len(paths) > _FILES:
        return False
    # A broken link has no size.
    return sum(os.path.getsize(path) for path in paths if os.path.isfile(path)) <= _BYTES


def _check_classes(root, images, folders):
    loose = [
        os.path.basename(image)
        for image, folder in zip(images, folders, strict=True)
        if folder is None
    ]
    _checks.check(
        not loose,
        "With `labels=True`, each image must lie in the folder of its class.",
        cure="Move these into class folders, or use `labels=False`.",
        path=str(root),
        images=left_out.some(loose),
    )


def _classes(folders):
    """The names of classes with images, and the class of each file."""
    names = sorted(set(folders))
    places = {name: place for place, name in enumerate(names)}
    return names, np.array([places[folder] for folder in folders], "int32")


def read(decoder, root, files, on_error, *, keep):
    """Decode every file once.

    Returns the images, if they are to be kept, the indices of files that could be read, and a
    sentence about the others or `None`.
    """
    images = np.empty((len(files), *decoder.shape), "uint8") if keep else None
    errors = {}

    def attempt(action):
        def attempted(index):
            try:
                if index not in errors:
                    action(index)
            # Damaged files make Pillow raise nearly anything: OSError, SyntaxError, struct.error.
            except Exception as error:
                # The text, because the error refers to the image.
                errors[index] = f"{type(error).__name__}: {error}"

        pixels.for_each(attempted, len(files))

    def decode(index):
        image = decoder.decode(files[index])
        if keep:
            images[index] = image

    with pixels.quiet():
        attempt(lambda index: decoder.look(files[index]))
        attempt(decode)
    readable = np.array([index for index in range(len(files)) if index not in errors], "int64")
    if not errors:
        return images, readable, None
    errors = {files[index]: errors[index] for index in sorted(errors)}
    if on_error == "raise" or not len(readable):
        raise left_out.refusal(errors, len(files), root, can_skip=bool(len(readable)))
    if keep:
        # In place, since a copy may not fit into memory.
        for row, index in enumerate(readable):
            images[row] = images[index]
        images = images[: len(readable)]
    return images, readable, left_out.unreadable(errors, len(files), root)
