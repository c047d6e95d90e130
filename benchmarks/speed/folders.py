"""How soon and how fast are the pictures of a large folder read, beside Keras and PyTorch?

Folders of PNG and JPEG files in halves, in classes of 1,000 files: 100,000 of 64x64 pixels and
10,000 of 256x256 (copies of 500 different ones). Each run is a process of its own, and the
contenders take turns. All shuffle, and yield labels and batches of 64:

- ours: `keras_gan.data.from_folder`, which checks each file when it is first read, and keeps both
  folders in memory from then on (1.2 and 2.0 GB);
- Keras: `keras.utils.image_dataset_from_directory`, decoded by TensorFlow, as floats;
- PyTorch: a `DataLoader` with one process a core, over a data set that reads as torchvision's
  `ImageFolder` does, by Pillow, and checks nothing.

The first batch is timed from the call that makes the data set, after the imports; the first pass
from there to its end; the second one for at most ten seconds. Memory is the peak of the process and
its children above that after the imports, shared pages divided (PSS). Processor time is that of the
first pass, start included, which other programs on the machine hardly change. PyTorch lives in the
environment of `throughput/`.
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import numpy as np
import PIL
from PIL import Image

from benchmarks import records
from benchmarks.speed.throughput.contenders import TORCH_ENVIRONMENT, processor, torch_python

CONTENDERS = {"ours": "keras_gan", "keras": "Keras", "torch": "PyTorch"}
# Side and number of pictures.
FOLDERS, QUICK = [(64, 100_000), (256, 10_000)], [(64, 500)]
DISTINCT, IN_CLASS, ROUNDS = 500, 1_000, 3


def main():
    parser = records.parser(__doc__)
    parser.add_argument("--torch-environment", type=pathlib.Path, default=TORCH_ENVIRONMENT)
    given = parser.parse_args()
    rounds = range(1 if given.quick else ROUNDS)
    runs = records.Runs("folders", given)
    for side, count in QUICK if given.quick else FOLDERS:
        with tempfile.TemporaryDirectory() as place:
            root = pathlib.Path(place)
            for number in rounds:
                for contender in CONTENDERS:
                    arguments = contender, root, side, count, given.torch_environment
                    runs.measured(f"{side}_{contender}_round{number}", measured, *arguments)
    print(report(runs.end()))


def report(runs):
    """A row for each folder and contender: medians over the rounds."""
    columns = {
        "folder": "{pictures:,.0f} of {side:.0f}x{side:.0f}",
        "read by": "{title}",
        "seconds to the first batch": "{seconds_to_first_batch:.1f}",
        "pictures a second, first pass": "{pictures_per_second:,.0f}",
        "second pass": "{pictures_per_second_again:,.0f}",
        "processor ms a picture": "{processor_milliseconds_a_picture:.2f}",
        "MB at peak": "{megabytes_at_peak:,.0f}",
    }
    rows = []
    for side in sorted({run["side"] for run in runs}):
        for contender, title in CONTENDERS.items():
            own = [run for run in runs if (run["side"], run["contender"]) == (side, contender)]
            numbers = [key for key, value in own[0].items() if isinstance(value, (int, float))]
            middle = {key: statistics.median(run[key] for run in own) for key in numbers}
            rows.append({**middle, "title": title})
    cores = sorted({run["cores_used"] for run in runs})
    told = f"{records.conditions(runs)} Each process could use {' or '.join(map(str, cores))}."
    return f"{records.listing(rows, columns)}\n\n{told}"


# === Measuring ===


def measured(contender, root, side, count, torch_environment):
    """The record of one pass and a part of a second one."""
    folder = made(root / str(side), side, count)
    python = torch_python(torch_environment) if contender == "torch" else sys.executable
    pillow = pathlib.Path(PIL.__file__).parents[1]
    command = [python, "-m", f"{__package__}.folders_worker", contender, folder, str(side), pillow]
    process = subprocess.Popen(
        list(map(str, command)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=records.environment(),
    )
    peak, over = [0.0], threading.Event()
    watch = threading.Thread(target=follow, args=(process.pid, peak, over))
    watch.start()
    out, errors = process.communicate()
    over.set()
    watch.join()
    if process.returncode:
        raise SystemExit(f"{contender} failed: {errors[-1_000:]}")
    told = json.loads(out.splitlines()[-1])
    return {
        "contender": contender,
        "side": side,
        "pictures": count,
        **told,
        "megabytes_at_peak": round(peak[0] - told["megabytes_of_imports"], 1),
        "cores_used": len(os.sched_getaffinity(0)),
        "processor": processor(),
    }


def follow(pid, peak, over):
    """Note the largest memory of a process and its children, in MB."""
    while not over.wait(0.5):
        peak[0] = max(peak[0], sum(map(memory, [pid, *children(pid)])))


def children(pid):
    try:
        text = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(word) for word in text.split()]


def memory(pid):
    """The memory of a process in MB, with its part of shared pages."""
    try:
        lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:  # it has ended
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1_024 / 1e6


def made(root, side, count):
    """The folder, made if it is not there."""
    if root.exists():
        return root
    rng = np.random.default_rng(0)
    distinct = []
    with tempfile.TemporaryDirectory() as place:
        for number in range(DISTINCT):
            coarse = rng.integers(0, 256, (side // 8, side // 8, 3)).astype("uint8")
            picture = Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)
            path = pathlib.Path(place) / f"{number}.{('jpg', 'png')[number % 2]}"
            picture.save(path)
            distinct.append((path.read_bytes(), path.suffix))
    for number in range(count):
        content, suffix = distinct[number % DISTINCT]
        folder = root / f"{number // IN_CLASS:03d}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number:06d}{suffix}").write_bytes(content)
    os.sync()
    time.sleep(1.0)
    return root


if __name__ == "__main__":
    main()
