"""Sentences about the files of a folder that are left out."""

from keras_gan import _checks, _warnings
from keras_gan.data import image_files

# Maximum number of files that a message lists.
_NAMED = 5


def some(names):
    """The first of some names, and the number of the others, as text."""
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def unreadable(errors, total, root):
    """A sentence about images that cannot be read.

    Args:
        errors: `dict` from their files, sorted, to what was wrong.
        total: number of all images.
        root: the folder.
    """
    names = some(image_files.names(errors, root))
    return f"{len(errors)} of {total} images cannot be read: {names}."


def refusal(errors, total, root, *, can_skip):
    """The error for images that cannot be read; arguments as of `unreadable`.

    `can_skip` tells whether others can be.
    """
    first = next(iter(errors.values())).rstrip(".")
    return _checks.error(
        f"{unreadable(errors, total, root)} The first one's error: {first}.",
        cure="Repair or remove them" + (", or use `on_error='skip'`." if can_skip else "."),
        path=str(root),
    )


def besides(root, found, class_names=None):
    """Sentences about all other files and folders that are skipped.

    Args:
        root: the folder.
        found: its `image_files.Listing`.
        class_names: names of the classes, if there are any.
    """
    story = []
    if found.closed:
        story.append(f"{len(found.closed)} folders cannot be opened: {some(found.closed)}.")
    if found.others:
        names = some(image_files.names(found.others, root))
        story.append(f"{len(found.others)} files are no images that Pillow reads: {names}.")
    if class_names is not None:
        files = image_files.names(found.images + found.others, root)
        empty = sorted(set(image_files.first_folders(files)) - {None, *class_names})
        if empty:
            story.append(f"{len(empty)} classes have no image that can be read: {some(empty)}.")
    return story


def warn(story, place=None):
    """One warning about all that is skipped, if anything is; see `_warnings.warn`."""
    if story:
        _warnings.warn(f"{' '.join(story)} They are left out.", place)
