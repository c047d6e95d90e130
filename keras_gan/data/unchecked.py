"""Images of large folders, which are checked when they are first read."""

import contextlib
import errno
import math
import os
import threading
import weakref
import zlib

import numpy as np
import tensorflow as tf

from keras_gan import _checks, _warnings
from keras_gan.backend.memory import numpy_function
from keras_gan.data import depths, file_source, image_files, left_out, pixels

# Files that are looked at before the first step.
SAMPLE = 128
# What is known of a file.
_UNREAD, _GOOD, _BAD = range(3)
# Errors of a machine that has no more to give, which tell nothing of the file.
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)


class Unreadable:
    """The images of a folder that could not be read so far, and one warning about them.

    Args:
        root: the folder.
        total: number of all images.
        on_error: as of `from_folder`.
    """

    def __init__(self, root, total, on_error):
        self._files, self._deeper = {}, {}  # what was wrong, by file
        self._root, self._total, self._on_error = root, total, on_error
        self._place = _warnings.place()
        self._told = self._reading = 0
        self._lock = threading.RLock()  # garbage collection, which may tell, happens anywhere

    def note(self, file, error):
        """Note an error of reading a file; raises those that are not the file's."""
        # A broken link is bad, a file that is gone is another matter.
        if isinstance(error, MemoryError) or getattr(error, "errno", None) in _EXHAUSTED:
            raise error
        if not os.path.lexists(file):
            raise file_source.changed([file], error) from error
        with self._lock:  # not the errors, which refer to the image
            if isinstance(error, depths.Deeper):
                self._deeper[file] = error.received
            else:
                self._files[file] = f"{type(error).__name__}: {error}"

    def has(self, file):
        """Whether a file is one of them."""
        return file in self._files or file in self._deeper

    def check(self, *, can_skip=True):
        """Raise if there are any, unless they are to be skipped and can be."""
        if can_skip and self._on_error == "skip":
            return
        errors, deeper = self._sorted()
        if errors:
            raise left_out.refusal(errors, self._total, self._root, can_skip=can_skip)
        for file, received in deeper.items():
            cure = "Use `check_all=True`, so that all are looked at first."
            raise _checks.error(depths.Deeper.rule, file=file, **received, cure=cure)

    @contextlib.contextmanager
    def told_when(self, is_over):
        """A block that reads: the last one of those at the same time tells if `is_over()`."""
        with self._lock:
            self._reading += 1
        try:
            yield
        finally:
            with self._lock:
                self._reading -= 1
                is_over = is_over() and not self._reading
        if is_over:
            self.tell()

    def tell(self):
        """Warn of them; once more only if others have been found since."""
        with self._lock:
            if not self._untold() or self._on_error == "raise":
                return
            self._told += self._untold()
        errors, deeper = self._sorted()
        story = []
        if errors:
            story.append(left_out.unreadable(errors, self._total, self._root))
        if deeper:
            names = left_out.some(image_files.names(deeper, self._root))
            story.append(
                f"{len(deeper)} of {self._total} images have more bits per value than the {SAMPLE} "
                f"files that were looked at first, which `check_all=True` changes: {names}."
            )
        left_out.warn(story, self._place)

    def _untold(self):
        return len(self._files) + len(self._deeper) - self._told

    def _sorted(self):
        with self._lock:
            return [dict(sorted(found.items())) for found in (self._files, self._deeper)]


def begin(decoder, files, folders, unreadable):
    """Look at a sample of files, and find one of each class that can be read.

    Args:
        decoder: `pixels.Decoder`, of which the depth is settled.
        files: list of paths, sorted.
        folders: the class of each file, or `None`.
        unreadable: `Unreadable`, which is told of what is found.

    Returns:
        The indices of all files but those that cannot be read.
    """
    classes = {}
    for index in range(len(files)):
        classes.setdefault(folders and folders[index], []).append(index)
    spread = np.linspace(0, len(files) - 1, min(SAMPLE, len(files))).astype(int)
    sample = sorted({*spread.tolist(), *(indices[0] for indices in classes.values())})

    def look(index):
        try:
            decoder.look(files[index])
        except Exception as error:
            unreadable.note(files[index], error)

    def find(indices):
        for index in indices:
            try:
                if not unreadable.has(files[index]):
                    decoder.decode(files[index], verify=True)
                    return
            except Exception as error:
                unreadable.note(files[index], error)

    with pixels.quiet():
        pixels.for_each(lambda place: look(sample[place]), len(sample))
        decoder.depth.settle()
        groups = list(classes.values())
        pixels.for_each(lambda place: find(groups[place]), len(groups))
    kept = [index for index, file in enumerate(files) if not unreadable.has(file)]
    unreadable.check(can_skip=bool(kept))
    return kept


class UncheckedSource(file_source.FileSource):
    """Images of a list of files that are checked when they are first read.

    In place of a file that cannot be read, another one is, which follows from its place: the order
    remains a function of the seed and the pass.

    Args:
        files: list of paths.
        labels: `int32` array `(n,)`, or `None`.
        decoder: `pixels.Decoder`, of which the depth is settled.
        unreadable: `Unreadable`, which is told of what is found.
        keep: whether images stay in memory once they are decoded.
        shuffle: as of `Source`.
        seed: as of `Source`.
    """

    def __init__(self, files, labels, decoder, unreadable, *, keep, shuffle=True, seed=0):
        super().__init__(files, labels, decoder, shuffle=shuffle, seed=seed)
        self._unreadable = unreadable
        self._known = np.full(len(files), _UNREAD, "uint8")
        self._asked = np.zeros(len(files), bool)  # those that others stood in for, too
        # The system gives memory to what is written.
        self._images = np.empty((len(files), *decoder.shape), "uint8") if keep else None
        weakref.finalize(self, unreadable.tell)

    def read(self, indices):
        read = numpy_function(self._read, [indices], ["uint8", "int64"], stateful=False)
        images = tf.ensure_shape(read[0], (indices.shape[0], *self._decoder.shape))
        if self.labels is None:
            return images
        places = tf.ensure_shape(read[1], indices.shape)
        return images, tf.gather(tf.constant(self.labels), places)

    def _read(self, indices):
        """Images, and the places in the list that they are of."""
        if self._images is not None and (self._known[indices] == _GOOD).all():
            return self._images[indices], indices
        pixels.silence()
        images = np.empty((len(indices), *self._decoder.shape), "uint8")
        places = np.empty(len(indices), "int64")

        def fill(row):
            for place in _tried(int(indices[row]), len(self.files)):
                image = self._image(place)
                if image is not None:
                    images[row], places[row] = image, place
                    return
            self._unreadable.check(can_skip=False)

        def is_read():
            self._asked[indices] = True
            # But the incomplete batch at the end of a pass, which training drops.
            return np.count_nonzero(~self._asked) < len(indices)

        with self._unreadable.told_when(is_read):
            pixels.for_each(fill, len(indices))
        return images, places

    def _image(self, place):
        """An image, or `None` if it cannot be read."""
        file, known = self.files[place], self._known[place]
        if known == _BAD:
            return None
        if known == _GOOD and self._images is not None:
            return self._images[place]
        try:
            image = self._decoder.decode(file, verify=known == _UNREAD)
        except Exception as error:
            if known == _GOOD:
                raise file_source.changed([file], error, self._decoder) from error
            self._unreadable.note(file, error)
            self._unreadable.check()
            self._known[place] = _BAD
            return None
        if self._images is not None:
            self._images[place] = image
        self._known[place] = _GOOD
        return image


def _tried(place, size):
    """All places of a list, this one first, the others in an order of its own."""
    # After a row of files that cannot be read, one file would stand in for all of them if it were
    # the next.
    stride = zlib.crc32(str(place).encode()) % size
    while math.gcd(stride, size) > 1:
        stride += 1
    return ((place + step * stride) % size for step in range(size))
