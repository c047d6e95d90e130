"""One contender of `folders.py`, in a process of its own, which prints what it measured as JSON.

Arguments: contender, folder, side of the pictures, a place where Pillow is if the environment has
none. Only the contender's own libraries are imported.
"""

import json
import os
import pathlib
import sys
import time

BATCH, AGAIN = 64, 10.0


def ours(folder, side):
    from keras_gan import data

    begin = yield
    dataset = data.from_folder(folder, image_size=side, labels=True, batch_size=BATCH)
    yield begin, lambda: iter(dataset)


def keras(folder, side):
    import keras
    import tensorflow as tf

    begin = yield
    dataset = keras.utils.image_dataset_from_directory(
        folder, image_size=(side, side), batch_size=BATCH, seed=0, verbose=False
    ).prefetch(tf.data.AUTOTUNE)
    yield begin, lambda: iter(dataset)


def torch(folder, side):
    import numpy as np
    import torch
    from PIL import Image

    class ImageFolder(torch.utils.data.Dataset):
        def __init__(self):
            self.files = [
                (os.path.join(place, name), label)
                for label, part in enumerate(sorted(os.listdir(folder)))
                for place, _, names in sorted(os.walk(os.path.join(folder, part)))
                for name in sorted(names)
            ]

        def __len__(self):
            return len(self.files)

        def __getitem__(self, index):
            file, label = self.files[index]
            with Image.open(file) as image:
                image = image.convert("RGB")
            if image.size != (side, side):
                image = image.resize((side, side), Image.Resampling.LANCZOS)
            return torch.from_numpy(np.array(image)), label

    begin = yield
    loader = torch.utils.data.DataLoader(
        ImageFolder(), BATCH, shuffle=True, num_workers=len(os.sched_getaffinity(0))
    )
    yield begin, lambda: iter(loader)


def main(contender, folder, side, pillow):
    try:
        import PIL  # noqa: F401
    except ImportError:
        sys.path.append(pillow)
    running = {"ours": ours, "keras": keras, "torch": torch}[contender](folder, int(side))
    next(running)
    imports, processor = memory(), processor_seconds()
    begin, batches = running.send(time.perf_counter())
    reading = batches()
    count = len(next(reading)[1])
    first = time.perf_counter()
    seen = sum(len(labels) for _, labels in reading)
    end, used = time.perf_counter(), processor_seconds() - processor
    again = time.perf_counter()
    repeated = 0
    for _, labels in batches():
        repeated += len(labels)
        passed = time.perf_counter() - again
        if passed > AGAIN:
            break
    told = {
        "seconds_to_first_batch": round(first - begin, 3),
        "pictures_per_second": round(seen / (end - first), 1),
        "pictures_per_second_again": round(repeated / passed, 1),
        "processor_milliseconds_a_picture": round(1e3 * used / (count + seen), 4),
        "pictures_read": count + seen,
        "megabytes_of_imports": round(imports, 1),
    }
    print(json.dumps(told))


def processor_seconds():
    """Seconds of processors, of the children that have ended too."""
    return sum(os.times()[:4])


def memory():
    """Memory of this process in MB, with its part of shared pages."""
    lines = pathlib.Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1_024 / 1e6


if __name__ == "__main__":
    main(*sys.argv[1:])
