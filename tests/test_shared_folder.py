"""Several processes in one folder: no write fails, nothing is mixed up, nothing foreign is lost.

Long: `python -m pytest --slow tests/test_shared_folder.py`.
"""

import contextlib
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

import pytest

from keras_gan.storage import files, work_folders
from test_work_folders import LIGHT, PACKAGE

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(work_folders.fcntl is None, reason="needs locks"),
]

FOREIGN = {
    ".20231224.archive/thesis.tex": "years",
    ".20240115.notes.txt": "notes",
    ".deadbeef.old.cfg": "cfg",
    ".keras_gan-writing-mine/a": "mine",
}

# Saves, exports, backs up and starts runs until it is told to end; tells what went wrong.
WORKER = """
import json, random, traceback
import numpy as np

name = sys.argv[3]
text = json.dumps({"of": name, "more": "x" * 20_000, "end": True})
choose = random.Random(name)

def save(path):
    with files.replacing(path, tidy=choose.random() < 0.5) as temporary:
        with open(temporary, "w") as file:
            for at in range(0, len(text), 1_000):
                file.write(text[at : at + 1_000])
                file.flush()

def export(path):
    with files.replacing(path, tidy=True) as temporary:
        for part in ("a", "b/c", "d"):
            (temporary / part).parent.mkdir(parents=True, exist_ok=True)
            (temporary / part).write_text(text)

def back_up():
    own = folder / f"backup_{name}"
    number = choose.randrange(1, 9_999)
    backups.write(backups.epoch_path(own, number), {"weights": np.zeros(5_000), "of": name})
    backups.prune(own, number, 2)
    backups.read(backups.newest(own)[0])

def start():
    files.writable_directory(folder)

def draw():
    images.save_png(folder / f"epoch_{choose.randrange(5):04d}.png", np.zeros((32, 32), "uint8"))

def own():
    save(folder / f"{name}.json")
    assert json.loads((folder / f"{name}.json").read_text())["of"] == name

actions = [lambda: save(folder / "shared.json"), lambda: export(folder / "export"), back_up]
actions += [start, draw, own]
done = 0
print("ready", flush=True)
while not (folder / "end").exists():
    try:
        choose.choice(actions)()
        done += 1
    except BaseException:
        traceback.print_exc()
        sys.exit(1)
print(done, flush=True)
"""


@pytest.fixture
def start():
    """Starts a process, which is ended and whose pipes are closed after the test."""
    with contextlib.ExitStack() as ends:

        def start(code, *arguments):
            process = subprocess.Popen(
                [sys.executable, "-c", code, PACKAGE, *map(str, arguments)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            ends.enter_context(process)
            ends.callback(process.kill)
            return process

        yield start


def finished(process):
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return int(out.split()[-1])


def leave_foreign(folder):
    for name, text in FOREIGN.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)


def check(folder, hidden):
    """What holds at the end: nothing foreign is touched, and nothing half written is left."""
    for name, text in FOREIGN.items():
        assert (folder / name).read_text() == text
    files.writable_directory(folder)
    ours = [name for name in os.listdir(folder) if name.startswith(".keras_gan-writing")]
    assert sorted(ours) == sorted([".keras_gan-writing-mine", *hidden])


def test_many_writers_of_which_many_are_killed(tmp_path, start):
    leave_foreign(tmp_path)
    choose, killed, done = random.Random(0), 0, 0
    with files.replacing(tmp_path / "mine.txt") as temporary:
        temporary.write_text("of a process that lives all the while")
        (hidden,) = [p.name for p in tmp_path.iterdir() if work_folders._NAME.fullmatch(p.name)]
        workers = [start(LIGHT + WORKER, tmp_path, f"w{number}") for number in range(4)]
        end = time.monotonic() + 20
        while time.monotonic() < end:
            time.sleep(choose.uniform(0.2, 0.5))
            place = choose.randrange(1, 4)  # the first one lives to the end
            if workers[place].poll() is None:
                workers[place].send_signal(signal.SIGKILL)
                killed += 1
            _, err = workers[place].communicate()
            assert workers[place].returncode == -signal.SIGKILL, err
            workers[place] = start(LIGHT + WORKER, tmp_path, f"w{4 + killed}")
        (tmp_path / "end").touch()
        done = sum(finished(worker) for worker in workers)
        check(tmp_path, [hidden])
    check(tmp_path, [])
    assert (tmp_path / "mine.txt").read_text() == "of a process that lives all the while"
    assert killed > 20 and done > 500, (killed, done)
    for path in tmp_path.glob("*.json"):
        assert json.loads(path.read_text())["end"]
    parts = [(tmp_path / "export" / part).read_text() for part in ("a", "b/c", "d")]
    assert len(set(parts)) == 1 and json.loads(parts[0])["end"]
    assert len(list((tmp_path / "export").rglob("*"))) == 4


RUNS = """
import sys, pathlib
folder, name, tests = pathlib.Path(sys.argv[2]), sys.argv[3], sys.argv[4]
sys.path[:0] = [tests]
import keras, helpers, keras_gan

gan = helpers.gan((8, 8, 1))
rounds = 0
print("ready", flush=True)
while not (folder / "end").exists():
    gan.fit(
        helpers.images(32),
        batch_size=16,
        epochs=2,
        verbose=0,
        callbacks=[
            # One run at a time writes to the folder of a callback.
            keras_gan.callbacks.ImageGrid(folder / f"run_{name}", rows=2, columns=2),
            keras_gan.callbacks.ConvergenceStopping(directory=folder / f"run_{name}"),
            keras_gan.callbacks.TrainingBackup(folder / f"backup_{name}_{rounds}"),
        ],
    )
    gan.save(folder / "gan.keras")
    gan.save(folder / f"gan_{name}.keras")
    gan.export(folder / "generator")
    keras.saving.load_model(folder / f"gan_{name}.keras")
    rounds += 1
print(rounds, flush=True)
"""


def test_runs_that_share_a_folder(tmp_path, start):
    leave_foreign(tmp_path)
    tests = pathlib.Path(__file__).parent
    runs = [start(RUNS, tmp_path, name, tests) for name in ("one", "other", "killed")]
    for run in runs:
        assert run.stdout.readline() == "ready\n", run.stderr.read()
    time.sleep(8)
    runs[2].send_signal(signal.SIGKILL)
    runs[2].communicate()
    time.sleep(3)
    (tmp_path / "end").touch()
    assert all(finished(run) >= 1 for run in runs[:2])
    check(tmp_path, [])
    import keras
    import tensorflow as tf

    gan = keras.saving.load_model(tmp_path / "gan.keras")
    exported = tf.saved_model.load(str(tmp_path / "generator"))
    assert exported.sample(2, 0, 1.0).shape == gan.generate(2, seed=0).shape
