"""Which files in the folder of an export this package has written: only these are replaced."""

import hashlib
import itertools
import json
import os
import pathlib
import re

from keras_gan import _checks
from keras_gan.model import model_card
from keras_gan.storage import files

# The key in the card's `config.json` of the checksums of all files, by their paths in the folder.
_KEY = "files"
_CONFIG = model_card.FILES[1]
# Most files that an error names.
_NAMED = 3
_FOLDERS = ("variables", "assets")
# Of exports without checksums, which had no assets.
_KNOWN = re.compile(r"(saved_model|fingerprint)\.pb|variables/variables\.(index|data-\d+-of-\d+)")


def note(folder):
    """Add the checksums of all files in the folder of an export to its `config.json`."""
    config = json.loads((folder / _CONFIG).read_bytes())
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    config[_KEY] = {name: _checksum(folder, name, config) for name in sorted(names)}
    text = json.dumps(config, indent=1, allow_nan=False)
    (folder / _CONFIG).write_text(text + "\n", encoding="utf-8")


def check(folder):
    """Check that a folder, if there is one, has nothing but what an export has written.

    Raises:
        ValueError: for other files, and for files that were changed since.
        OSError: if it cannot be read.
    """
    while (was := files.identity(folder)) is not None:
        try:
            found = list(itertools.islice(_foreign(folder), _NAMED + 1))
        except FileNotFoundError:
            continue  # another process exports to the same folder
        except PermissionError as error:
            raise files.NotWritten(error.errno, folder) from error
        if not found:
            return
        if files.identity(folder) == was:
            raise _checks.error(
                "A SavedModel replaces its whole folder, and this one has files that `export` has "
                "not written, or that were changed since.",
                cure="Export to another folder, such as 'generator' in it, or move them away.",
                path=str(folder),
                files=found[:_NAMED] + ["..."] * (len(found) > _NAMED),
            )


def _foreign(folder):
    """The paths in a folder of what no export has written; those of folders end in `/`."""
    config = read_config(folder)
    written = config.get(_KEY)
    if isinstance(written, dict):
        known = {str(parent) for name in written for parent in pathlib.PurePath(name).parents}
    else:
        known, written = set(), _written_before(folder, config)
    for path, folders, names in os.walk(folder, onerror=_raise):
        inside = pathlib.Path(path).relative_to(folder)
        for name in sorted(folders):
            place = (inside / name).as_posix()
            if (folder / place).is_symlink() or not (place in _FOLDERS or place in known):
                folders.remove(name)  # what is in it needs no look
                yield place + "/"
        for name in sorted(names):
            place = (inside / name).as_posix()
            if place not in written or not _is_same(folder, place, written[place], config):
                yield place


def read_config(folder):
    """The `config.json` of an export; empty if there is none."""
    try:
        config = json.loads((folder / _CONFIG).read_bytes())
    except (OSError, ValueError):
        return {}
    return config if isinstance(config, dict) else {}


def _raise(error):
    raise error


def _is_same(folder, name, checksum, config):
    path = folder / name
    if path.is_symlink() or not path.is_file():
        return False
    return checksum is None or _checksum(folder, name, config) == checksum


def _checksum(folder, name, config):
    """The SHA-256 of a file; of the `config.json`, of what it says beside checksums."""
    if name == _CONFIG:
        rest = {key: value for key, value in config.items() if key != _KEY}
        return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()
    with open(folder / name, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _written_before(folder, config):
    """The files of an export without checksums, by their names: a `dict` of `None`s."""
    has_card = model_card.is_unchanged(folder, config)
    if not (has_card or _can_sample(folder)):
        return {}
    walked = (path.relative_to(folder).as_posix() for path in folder.rglob("*"))
    names = [name for name in walked if _KNOWN.fullmatch(name)]
    return dict.fromkeys([*names, *model_card.FILES] if has_card else names)


def _can_sample(folder):
    """Whether a folder has a SavedModel with the endpoint `sample`, as those of a `GAN` have."""
    from google.protobuf import message
    from tensorflow.core.protobuf import saved_model_pb2

    try:
        found = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    except (OSError, message.DecodeError):
        return False
    return any("sample" in graph.signature_def for graph in found.meta_graphs)
