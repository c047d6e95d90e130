"""Backup files come back as they were, or not at all; folders of them."""

import gc
import math
import os
import pathlib
import subprocess
import sys
import weakref

import numpy as np
import pytest

from keras_gan.storage import backups

TREE = {
    "plain": [1, -2.5, True, None, "text", math.inf],
    "nested": {"deep": [{"floats": np.arange(12, dtype="float32").reshape(3, 4)}]},
    "scalar": np.array(7, "int64"),
    "nothing": np.zeros((0, 3), "uint8"),
    "numbers": [np.float32(0.1), np.int64(3)],
    "strided": np.arange(20, dtype="uint32")[::3],
}


def assert_equal(tree, other):
    if isinstance(tree, np.ndarray):
        assert tree.dtype == other.dtype
        np.testing.assert_array_equal(tree, other)
    elif isinstance(tree, (dict, list)):
        keys = tree if isinstance(tree, dict) else range(len(tree))
        assert len(tree) == len(other)
        for key in keys:
            assert_equal(tree[key], other[key])
    else:
        assert tree == other


@pytest.fixture
def path(tmp_path):
    backups.write(tmp_path / "backup.npz", TREE)
    return tmp_path / "backup.npz"


# === One file ===


def test_a_tree_comes_back(path):
    assert_equal(TREE, backups.read(path))


def test_what_is_not_a_number_comes_back_too(path):
    backups.write(path, {"x": math.nan})
    assert math.isnan(backups.read(path)["x"])


def test_numpy_alone_can_read_it(path):
    with np.load(path, allow_pickle=False) as archive:
        assert "manifest" in archive.files and archive["arr_0"].shape == (3, 4)


def test_a_file_cut_off_anywhere_is_unreadable(path):
    whole = path.read_bytes()
    for length in [0, 1, 10, *range(30, len(whole) - 1, 97), len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(backups.Unreadable):
            backups.read(path)
        assert backups.is_own(path)


def test_a_damaged_byte_is_noticed_or_harmless(path):
    whole, noticed = path.read_bytes(), 0
    places = range(0, len(whole), 13)
    for place in places:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x5A]) + whole[place + 1 :])
        try:
            assert_equal(TREE, backups.read(path))
        except backups.Unreadable as error:
            noticed += 1
            assert str(error)
    assert noticed > 0.7 * len(places)


def test_another_file_is_unreadable(tmp_path):
    (tmp_path / "text.npz").write_text("no archive")
    np.savez(tmp_path / "array.npz", a=np.zeros(3))
    for name in ("text", "array", "missing"):
        with pytest.raises(backups.Unreadable):
            backups.read(tmp_path / f"{name}.npz")
        assert not backups.is_own(tmp_path / f"{name}.npz")
    assert not backups.is_own(tmp_path)


def test_other_files_are_not_counted_among_those_that_are_kept(tmp_path):
    for number in (1, 2, 4):
        backups.write(backups.epoch_path(tmp_path, number), TREE)
    np.savez(backups.epoch_path(tmp_path, 3), a=np.zeros(3))
    backups.epoch_path(tmp_path, 5).mkdir()
    backups.prune(tmp_path, 9, 2)
    assert backups.epochs(tmp_path) == [2, 3, 4, 5]


class Trap:
    def __reduce__(self):
        return pytest.fail, ("a pickle has been run",)


def test_pickles_are_not_run(tmp_path):
    trap = np.array([Trap()], dtype=object)
    np.savez(
        tmp_path / "trap.npz",
        trap,
        manifest=np.frombuffer(b'{"format": 2, "tree": {"__array__": 0}}', "uint8"),
    )
    with pytest.raises(backups.Unreadable, match="allow_pickle"):
        backups.read(tmp_path / "trap.npz")


def test_another_format_is_not_taken_for_damage(path, monkeypatch):
    monkeypatch.setattr(backups, "_FORMAT", 3)
    with pytest.raises(ValueError, match="format=2. Use the version that wrote it"):
        backups.read(path)


@pytest.mark.parametrize("value", [object(), {1, 2}, pathlib.Path("x"), np.array([None, 1])])
def test_other_values_are_refused(path, value):
    with pytest.raises(TypeError, match="plain values and arrays"):
        backups.write(path, {"value": value})
    assert_equal(TREE, backups.read(path))


def test_a_failed_write_leaves_the_old_file(path, monkeypatch):
    def full(*arguments, **named):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space"):
        backups.write(path, {"x": 1})
    monkeypatch.undo()
    assert_equal(TREE, backups.read(path))
    assert os.listdir(path.parent) == ["backup.npz"]


# === Folders ===


def fill(folder, numbers):
    for number in numbers:
        backups.write(backups.epoch_path(folder, number), {"epoch": number})


def test_the_newest_that_can_be_read(tmp_path):
    assert backups.newest(tmp_path / "none") == (None, None, [])
    fill(tmp_path, [0, 3, 12, 10_000])
    (tmp_path / "epoch_99.npz").write_text("another name")
    assert backups.epochs(tmp_path) == [0, 3, 12, 10_000]
    for number in (10_000, 12):
        backups.epoch_path(tmp_path, number).write_bytes(b"PK damaged")
    path, tree, failures = backups.newest(tmp_path)
    assert path.name == "epoch_0003.npz" and tree == {"epoch": 3}
    assert [path.name for path, _ in failures] == ["epoch_10000.npz", "epoch_0012.npz"]


def test_old_ones_go_but_not_those_of_a_later_epoch(tmp_path):
    fill(tmp_path, [1, 2, 3, 4, 9])
    backups.prune(tmp_path, 4, 2)
    assert backups.epochs(tmp_path) == [3, 4, 9]
    backups.prune(tmp_path, 9, 5)
    assert backups.epochs(tmp_path) == [3, 4, 9]


def test_only_backups_are_pruned(tmp_path):
    for number in range(4):
        backups.write(backups.epoch_path(tmp_path, number), {"a": np.zeros(3)})
    np.savez(backups.epoch_path(tmp_path, 1), loss=np.zeros(3))
    backups.epoch_path(tmp_path, 2).write_text("the second epoch was good")
    backups.prune(tmp_path, 3, 1)
    assert backups.epochs(tmp_path) == [1, 2, 3]


HOLD = """
import fcntl, sys
file = open(sys.argv[1], "w")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


def test_one_process_a_folder(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path / ".lock"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout.readline()
        with pytest.raises(ValueError, match="one process at a time"):
            backups.lock(tmp_path)
        other.stdin.close()
        other.wait()
    backups.lock(tmp_path)
    with pytest.raises(ValueError, match="Only one `fit` at a time"):
        backups.lock(tmp_path / "." / "")
    backups.unlock(tmp_path)
    backups.unlock(tmp_path)


def test_long_lists_of_floats_come_back_as_they_were(tmp_path):
    floats = [0.1, float("nan"), float("inf"), -0.0, 1e-320, *np.random.default_rng(0).random(9)]
    floats = [float(value) for value in floats]
    mixed = [*floats, None, 3]
    tree = {"history": {"loss": floats}, "short": floats[:2], "mixed": mixed, "ints": [1] * 20}
    backups.write(tmp_path / "a.npz", tree)
    found = backups.read(tmp_path / "a.npz")
    assert repr(found) == repr(tree)
    with np.load(tmp_path / "a.npz") as archive:
        assert len(archive.files) == 2  # the manifest and the one long list of floats


def test_nothing_is_kept_of_what_was_written(tmp_path):
    class Array(np.ndarray):
        pass

    array = Array(3)  # the owner of its numbers, which views keep alive
    gone = weakref.ref(array)
    gc.disable()
    try:
        backups.write(tmp_path / "a.npz", {"weights": array, "history": [0.5] * 20})
        del array
        assert gone() is None
    finally:
        gc.enable()


def test_keys_keep_their_types(tmp_path):
    tree = {
        "state": {1: 2.0, "1": [3], (2, 3): (4, [5.0]), None: {2.5: "x", True: {}}},
        "__items__ ": 1,
    }
    backups.write(tmp_path / "epoch_0001.npz", tree)
    assert backups.read(tmp_path / "epoch_0001.npz") == tree


def test_a_backup_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    path, synced, fsync = tmp_path / "epoch_1.npz", [], os.fsync

    def noted(descriptor):
        assert not path.exists()
        fsync(descriptor)
        synced.append(os.fstat(descriptor).st_size)

    monkeypatch.setattr(os, "fsync", noted)
    backups.write(path, {"weights": np.zeros(100)})
    assert path.stat().st_size in synced
