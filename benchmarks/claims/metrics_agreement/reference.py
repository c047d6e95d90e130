"""What other libraries say: a process in an environment that has them, answering line by line.

Each line of input is a JSON object `{"ask": name, "folder": ...}`; each line of output has the
answer and its seconds. The arrays lie in the folder as `.npy` files. Nothing of keras_gan is
imported here.
"""

import contextlib
import functools
import importlib.metadata
import json
import pathlib
import sys
import time

import numpy as np
import prdc
import scipy.linalg
import torch

try:
    import torchvision  # noqa: F401
except RuntimeError:
    # Its compiled part goes with another build of torch. torch-fidelity needs it for its feature
    # extractors alone, of which there are none here.
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

from torch_fidelity import metric_fid, metric_isc, metric_kid, metric_prc

PACKAGES = ("torch", "torch-fidelity", "prdc", "scikit-learn", "scipy", "numpy")
# Rows of distances at a time, where a library lets one choose.
ROWS = 2_000


def versions(folder):
    return {name: importlib.metadata.version(name) for name in PACKAGES}


def frechet(folder):
    """torch-fidelity: eigenvalues of the product of both covariances."""
    statistics = [
        metric_fid.fid_features_to_statistics(torch.from_numpy(part)) for part in pair(folder)
    ]
    found = metric_fid.fid_statistics_to_metric(*statistics, verbose=False)
    return {
        "value": found[metric_fid.KEY_METRIC_FID],
        "scale": float(sum(np.trace(one["sigma"]) for one in statistics)),
    }


def frechet_sqrtm(folder):
    """The code of the paper, TTUR's, which pytorch-fid and others took over."""
    means, covariances = zip(
        *((part.mean(axis=0), np.cov(part, rowvar=False)) for part in pair(folder)), strict=True
    )
    root = scipy.linalg.sqrtm(covariances[0].dot(covariances[1]))
    if not np.isfinite(root).all():
        offset = np.eye(len(root)) * 1e-6
        root = scipy.linalg.sqrtm((covariances[0] + offset).dot(covariances[1] + offset))
    shift, traces = means[0] - means[1], sum(np.trace(c) for c in covariances)
    return {
        "value": float(shift.dot(shift) + traces - 2 * np.trace(root.real)),
        "scale": float(traces),
    }


def kernel(folder):
    """torch-fidelity, one subset of all samples; the scale is the mean of `k(x, x)`."""
    real, fake = pair(folder)
    found = metric_kid.kid_features_to_metric(
        torch.from_numpy(real),
        torch.from_numpy(fake),
        kid_subsets=1,
        kid_subset_size=len(real),
        verbose=False,
    )
    squares = np.einsum("ij,ij->i", real, real) / real.shape[1]
    return {
        "value": found[metric_kid.KEY_METRIC_KID_MEAN],
        "scale": float(np.mean((squares + 1.0) ** 3)),
    }


def inception(folder):
    """torch-fidelity, in the order given."""
    logits = torch.from_numpy(np.load(folder / "logits.npy"))
    found = metric_isc.isc_features_to_metric(logits, splits=10, shuffle=False)
    return {
        "mean": found[metric_isc.KEY_METRIC_ISC_MEAN],
        "std": found[metric_isc.KEY_METRIC_ISC_STD],
    }


def precision_recall(folder):
    """torch-fidelity, k = 3; its first argument is the generated side."""
    real, fake = pair(folder)
    found = metric_prc.prc_features_to_metric(
        torch.from_numpy(fake),
        torch.from_numpy(real),
        prc_neighborhood=3,
        prc_batch_size=ROWS,
        save_cpu_ram=True,
        verbose=False,
    )
    return {"precision": found["precision"], "recall": found["recall"]}


def prdc_of(k):
    def ask(folder):
        found = prdc.compute_prdc(*pair(folder), nearest_k=k)
        return {name: float(value) for name, value in found.items()}

    return ask


@functools.lru_cache(maxsize=1)
def pair(folder):
    """The real and the generated features; those of one folder are read once."""
    return tuple(np.load(folder / f"{side}.npy") for side in ("real", "fake"))


ASKED = {
    "versions": versions,
    "frechet": frechet,
    "frechet_sqrtm": frechet_sqrtm,
    "kernel": kernel,
    "inception": inception,
    "precision_recall": precision_recall,
    "prdc_3": prdc_of(3),
    "prdc_5": prdc_of(5),
}


def main():
    for line in sys.stdin:
        asked = json.loads(line)
        folder = pathlib.Path(asked["folder"])
        if folder.joinpath("real.npy").exists():
            pair(folder)  # reading is not what is timed
        start = time.perf_counter()
        with contextlib.redirect_stdout(sys.stderr):  # the libraries print
            answer = ASKED[asked["ask"]](folder)
        seconds = time.perf_counter() - start
        print(json.dumps({"answer": answer, "seconds": seconds}), flush=True)


if __name__ == "__main__":
    main()
