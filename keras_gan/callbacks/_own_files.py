"""Files of callbacks are replaced where this package has written them, and only there."""

from keras_gan import _checks
from keras_gan.storage import files

# Most files that an error names.
_NAMED = 3


def check(owner, folder, names, is_own):
    """Check that files which will be replaced were written by this package.

    Args:
        owner: name of what will write them.
        folder: `pathlib.Path`, which need not exist.
        names: of the files in it.
        is_own: function of a path: whether this package has written the file.

    Raises:
        ValueError: if some of them were not.
    """
    foreign = [n for n in names if files.holds(folder / n, lambda path: not is_own(path))]
    _checks.check(
        not foreign,
        f"`{owner}` writes files of these names, and replaces none that others have written.",
        cure="Choose another folder, or move them away.",
        directory=str(folder),
        files=foreign[:_NAMED] + ["..."] * (len(foreign) > _NAMED),
    )
