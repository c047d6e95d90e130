"""Is a run ever lost? One that is killed at random moments against one that is never disturbed.

The run is `examples/digits.py` as a user starts it. It is killed with SIGKILL and started again, at
moments drawn from the seed: some time into an epoch, or when a file of a backup or of a picture is
just being written. What is compared, byte by byte, once both runs have ended: weights, optimizers,
counters, `History` and the callbacks' states (from the backup of the finished run), the verdict,
all pictures, the animation, the saved model and samples of the exported generator.
"""

import io
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zipfile

import numpy as np

from benchmarks import records

KILLS, QUICK_KILLS = 31, 3
EPOCHS, QUICK_EPOCHS = 90, 6
BEGINS = ("Epoch ", "Resumed ")


def main():
    given = records.parser(__doc__).parse_args()
    settings = (QUICK_KILLS, QUICK_EPOCHS) if given.quick else (KILLS, EPOCHS)
    runs = records.Runs("crash_test", given)
    for seed in runs.seeds:
        runs.measured(f"seed{seed}", disturb, seed, *settings)
    print(report(runs.end()))


# === Killing ===


def disturb(seed, kills, epochs):
    """The record of one run killed again and again, compared with one left alone."""
    with tempfile.TemporaryDirectory() as folder:
        alone, killed = pathlib.Path(folder) / "alone", pathlib.Path(folder) / "killed"
        finish(start(alone, seed, epochs))
        rng = np.random.default_rng(seed)
        moments = []
        while len(moments) < kills:
            run = start(killed, seed, epochs)
            moment = wait_for_moment(run, killed, rng)
            if moment is None:  # it has ended before
                break
            run.send_signal(signal.SIGKILL)
            run.wait()
            moments.append(moment)
        finish(start(killed, seed, epochs))
        again = finish(start(killed, seed, epochs))
        if "finished" not in again:
            raise RuntimeError("A finished run was trained on.")
        different, compared = compare(alone, killed)
    return {
        "seed": seed,
        "kills": len(moments),
        "in_a_backup": moments.count("backup"),
        "in_a_picture": moments.count("picture"),
        "bytes_compared": compared,
        "bytes_different": sum(different.values()),
        "files_different": sorted(name for name, count in different.items() if count),
    }


def start(out, seed, epochs):
    """The example in a process of its own, its output read as it comes."""
    command = [sys.executable, "-u", records.ROOT / "examples" / "digits.py", "--out", out]
    command += ["--seed", str(seed), "--epochs", str(epochs)]
    run = subprocess.Popen(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    run.lines = []
    run.reader = threading.Thread(target=lambda: run.lines.extend(iter(run.stdout.readline, "")))
    run.reader.start()
    return run


def finish(run):
    run.wait()
    run.reader.join()
    output = "".join(run.lines)
    if run.returncode:
        raise RuntimeError(output[-3_000:])
    return output


def wait_for_moment(run, out, rng):
    """Wait until it is time to kill a run; what it was doing, or `None` if it has ended."""
    while not any(line.startswith(BEGINS) for line in run.lines[-50:]):
        if run.poll() is not None:
            return None
        time.sleep(0.01)
    kind = rng.choice(["any", "backup", "picture"])
    # Not more than two epochs a life, so that the run is still there for the last kill.
    later, most = rng.uniform(0.0, 6.0), 1 + int(rng.integers(2))
    began, epochs = time.perf_counter(), newest(out)
    while run.poll() is None:
        files = {path.name for path in out.rglob(".*") if not path.name.startswith(".lock")}
        if kind == "backup" and any(name.endswith(".npz") for name in files):
            return "backup"
        if kind == "picture" and any(name.endswith(".png") for name in files):
            return "picture"
        if kind == "any" and time.perf_counter() - began > later:
            return "any"
        if newest(out) >= epochs + most:
            time.sleep(rng.uniform(0.0, 0.7))
            return "any"
        time.sleep(0.0005)
    return None


def newest(out):
    """The number of epochs that the newest backup holds."""
    numbers = [int(path.stem.split("_")[1]) for path in (out / "backup").glob("epoch_*.npz")]
    return max(numbers, default=0)


# === Comparing ===


def compare(one, other):
    """`(differing bytes by part, bytes compared)` of two finished runs' folders."""
    first, second = contents(one), contents(other)
    different = {}
    for name in first.keys() | second.keys():
        a, b = first.get(name, b""), second.get(name, b"")
        shorter = min(len(a), len(b))
        unequal = np.frombuffer(a[:shorter], "uint8") != np.frombuffer(b[:shorter], "uint8")
        different[name] = int(unequal.sum()) + abs(len(a) - len(b))
    return different, sum(map(len, first.values()))


def contents(out):
    """What a run has come to: `dict` from a name to bytes."""
    found = {path.name: path.read_bytes() for path in out.glob("*.png")}
    found |= {name: (out / name).read_bytes() for name in ("training.gif",)}
    found |= {path.name: path.read_bytes() for path in out.glob("verdict.json")}
    found["generator"] = samples(out / "generator")
    with zipfile.ZipFile(out / "backup" / "finished.npz") as archive:
        found |= {f"finished/{name}": archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(out / "gan.keras") as archive:
        # Keras numbers shared objects by where they lie in memory.
        found["gan.keras/config"] = re.sub(
            rb'"shared_object_id": \d+', b"", archive.read("config.json")
        )
        found |= arrays(archive.read("model.weights.h5"))
    return found


def samples(path):
    """What an exported generator makes; TensorFlow writes its variables in any order."""
    import tensorflow as tf

    generator = tf.saved_model.load(str(path))
    return generator.sample(256, 7, 1.0).numpy().tobytes()


def arrays(weights):
    import h5py

    found = {}
    with h5py.File(io.BytesIO(weights)) as file:

        def keep(name, item):
            if isinstance(item, h5py.Dataset):
                found[f"gan.keras/{name}"] = np.asarray(item).tobytes()

        file.visititems(keep)
    return found


# === Results ===


def report(runs):
    columns = {
        "seed": "{seed}",
        "kills": "{kills}",
        "in a backup": "{in_a_backup}",
        "in a picture": "{in_a_picture}",
        "bytes compared": "{bytes_compared:,}",
        "bytes different": "{bytes_different:,}",
    }
    return records.listing(runs, columns)


if __name__ == "__main__":
    main()
