"""Data sets from folders of images."""

import os

import numpy as np
import tensorflow as tf

from keras_gan import _checks, _warnings
from keras_gan.backend.memory import numpy_function
from keras_gan.data import image_files, pixels
from keras_gan.feeding import sources
from keras_gan.storage import files

# Maximum number of files that a message lists.
_NAMED = 5


@_checks.suggesting
def from_folder(
    path,
    *,
    image_size,
    channels=3,
    batch_size=64,
    labels=False,
    on_error="skip",
    background="white",
    resample="lanczos",
    crop_to_aspect_ratio=False,
    shuffle=True,
    seed=0,
    memory_limit_gib=2.0,
):
    """A data set of the images in a folder: PNG, JPEG, WebP, TIFF and whatever else Pillow reads.

    Subfolders are searched too. Hidden files and folders, and `__MACOSX`, are ignored. Other files
    that are not images, except texts and tables, and images that cannot be read are counted and
    listed in one warning. Of an animation, the first frame is read. The EXIF orientation is
    applied. Every file is decoded once at first. If all images fit into `memory_limit_gib`, they
    stay in memory; otherwise each batch is decoded when it is needed. Images that are decoded at
    the same time have at most 89 million pixels together, which take up to 1 GiB; a larger one is
    refused, see `PIL.Image.MAX_IMAGE_PIXELS`.

    Of images with more than 8 bits per value, the highest 8 of the bits that the folder uses are
    kept: if no value of any image exceeds 4095, 4095 becomes white. (Of colours with more than 8
    bits in other files than PNG, Pillow keeps the highest 8.)

    Args:
        path: the folder.
        image_size: a positive integer, or `(height, width)`. Images of another size are resized.
        channels: 1 (grey), 3 (RGB) or 4 (RGB and alpha). Defaults to 3.
        batch_size: samples of one update. Defaults to 64.
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

    Returns:
        A finite `tf.data.Dataset` with `len()` of `uint8` batches `(batch, height, width,
        channels)`, or of `(samples, labels)`, labels being `int32`. Its attribute `class_names` is
        the list of the classes' names, or `None` without labels. See `from_arrays` for what keeps
        it, and for how the data set is iterated and resumed.

    Raises:
        ValueError: if the folder is missing or has no readable image, if an image is in no class
            folder with `labels=True`, for an unreadable file with `on_error="raise"`, or for an
            argument out of range.

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
    batch_size = _checks.positive_int(batch_size, "batch_size")
    root = root_of(path)
    found = image_files.listing(root)
    check_found(found, root, on_error)
    if labels:
        _check_classes(root, found.images)

    in_memory = len(found.images) * np.prod(decoder.shape) <= limit
    images, readable, told = read(decoder, root, found.images, on_error, keep=in_memory)
    kept = [found.images[index] for index in readable]
    class_names, classes = _classes(root, kept) if labels else (None, None)
    warn_of_left(left_out(root, found, told, class_names))
    if in_memory:
        source = sources.ArraySource(images, classes, shuffle=shuffle, seed=seed, check=False)
    else:
        source = FileSource(kept, classes, decoder, shuffle=shuffle, seed=seed)
    source.class_names = class_names
    return source.dataset(batch_size)


class FileSource(sources.Source):
    """Images, of a list of readable files, that are decoded when they are needed."""

    parallel_reads = 2

    def __init__(self, files, labels, decoder, *, shuffle=True, seed=0):
        spec = tf.TensorSpec(decoder.shape, "uint8")
        if labels is not None:
            spec = (spec, tf.TensorSpec((), "int32"))
        super().__init__(len(files), spec, shuffle=shuffle, seed=seed)
        self.files = files
        self.labels = labels
        self._decoder = decoder

    def read(self, indices):
        images = decoded(self._decoder, self.files, indices)
        if self.labels is None:
            return images
        return images, tf.gather(tf.constant(self.labels), indices)

    def description(self):
        told = {**super().description(), "checksum_of_files": checksum_of_files(self.files)}
        if self.labels is not None:
            told["checksum_of_labels"] = sources.checksum(self.labels)
        return {**told, **self._decoder.description()}


def decoded(decoder, files, indices):
    """The images of some files as a `uint8` tensor, decoded in a pipeline."""

    def decode(indices):
        chosen = [files[index] for index in indices]
        try:
            return decoder.decode_all(chosen)
        except Exception as error:
            lost = [str(file) for file in chosen if not file.is_file()]
            rule = f"Images must stay as they are while they are trained on ({error})."
            raise _checks.error(rule, missing=lost) from error

    images = numpy_function(decode, [indices], "uint8", stateful=False)
    return tf.ensure_shape(images, (indices.shape[0], *decoder.shape))


def checksum_of_files(files):
    """A checksum of the names and sizes of files, without the folder that they are in."""
    # Reading every file again would take as long as an epoch.
    root = os.path.commonpath([file.parent for file in files])
    listing = [f"{os.path.relpath(file, root)} {file.stat().st_size}" for file in files]
    return sources.checksum("\n".join(listing))


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
        closed=some(found.closed),
    )
    others = {"other_files": some(relative(found.others, root))} if found.others else {}
    _checks.check(
        found.images,
        "The folder must hold images (.png, .jpg, .webp, .tif and whatever else Pillow reads), in "
        "it or in folders in it.",
        path=str(root),
        **others,
    )


def _check_classes(root, files):
    loose = [file.name for file in files if file.parent == root]
    _checks.check(
        not loose,
        "With `labels=True`, each image must lie in the folder of its class.",
        cure="Move these into class folders, or use `labels=False`.",
        path=str(root),
        images=some(loose),
    )


def _classes(root, files):
    """The names of classes with images, and the class of each file."""
    classes = [file.relative_to(root).parts[0] for file in files]
    names = sorted(set(classes))
    places = {name: place for place, name in enumerate(names)}
    return names, np.array([places[name] for name in classes], "int32")


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
    names = some(relative([files[index] for index in sorted(errors)], root))
    told = f"{len(errors)} of {len(files)} images cannot be read: {names}."
    _checks.check(
        on_error == "skip" and len(readable) > 0,
        f"{told} The first one's error: {errors[min(errors)]}.",
        cure="Repair or remove them" + (", or use `on_error='skip'`." if len(readable) else "."),
        path=str(root),
    )
    if keep:
        # In place, since a copy may not fit into memory.
        for row, index in enumerate(readable):
            images[row] = images[index]
        images = images[: len(readable)]
    return images, readable, told


def left_out(root, found, told, class_names=None):
    """Sentences about all files and folders that are skipped."""
    story = [told] if told else []
    if found.closed:
        story.append(f"{len(found.closed)} folders cannot be opened: {some(found.closed)}.")
    if found.others:
        names = some(relative(found.others, root))
        story.append(f"{len(found.others)} files are no images that Pillow reads: {names}.")
    if class_names is not None:
        below = {file.relative_to(root).parts[:-1] for file in found.images + found.others}
        empty = sorted({parts[0] for parts in below if parts} - set(class_names))
        if empty:
            story.append(f"{len(empty)} classes have no image that can be read: {some(empty)}.")
    return story


def warn_of_left(story):
    """One warning about all that is skipped, if anything is."""
    if story:
        _warnings.warn(f"{' '.join(story)} They are left out.")


def relative(files, root):
    """The names of files in a folder."""
    return [str(file.relative_to(root)) for file in files]


def some(names):
    """The first of some names, and the number of the others, as text."""
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
