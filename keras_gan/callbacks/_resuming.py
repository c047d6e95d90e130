"""What a resumed run is compared with beside its settings, and what it is told."""

import platform

import keras
import numpy as np
import tensorflow as tf

from keras_gan import _version
from keras_gan.backend import policies
from keras_gan.storage import backups


def surroundings(gan):
    """What the last bits of a run depend on, beside its settings: plain values by name."""
    kinds = {device.device_type for device in tf.config.list_logical_devices()}
    return {
        "keras_gan": _version.__version__,
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
        "numpy": np.__version__,
        "replicas": gan.distribute_strategy.num_replicas_in_sync,
        "processor": _processor(),
        "devices": ", ".join(sorted(kinds)),
        "TF_ENABLE_ONEDNN_OPTS": str(int(policies.uses_onednn())),
        "run_eagerly": bool(gan.run_eagerly),
    }


def _processor():
    """The name of the processor; on Linux the one that its maker gives it."""
    names = policies.told_of_processor("model name")
    return names[0] if names else platform.processor() or platform.machine()


def told_unkept(names, when=""):
    """A sentence on values of callbacks that no backup keeps."""
    return (
        f"{', '.join(names)} cannot be kept: {when}the run may differ from one that was not "
        "interrupted. Keep it in a callback with `get_state()` and `set_state(state)`."
    )


def told_left(paths):
    """A sentence on files that may belong to other programs."""
    left = [path.name for path in paths if not backups.is_own(path)]
    if not left:
        return ""
    return (
        f" What is not certainly a backup is left where it is ({', '.join(left)}), and nothing is "
        "written in its place: move it away."
    )


def told_data(feeds):
    """Sentences on data that do not resume at the next batch."""
    kinds = {}
    for name, feed in feeds.items():
        kinds.setdefault(feed.kind, []).append("data" if name == "x" else name)
    told = []
    for kind in kinds.keys() - {None}:
        names = " and ".join(kinds[kind])
        if kind == "generator":
            told.append(
                f"The generator of {names} cannot be rewound: training continues with the batch "
                "that it yields next, which in a new process is its first one."
            )
        elif kind == "PyDataset":
            told.append(
                f"The PyDataset of {names} continues with the first batch of its pass, in the same "
                "order. State of its own is not kept."
            )
        else:
            told.append(
                f"The {kind} of {names} restarts its pass; arrays and what comes from "
                "`keras_gan.data` continue with the next batch."
            )
    return sorted(told)


def told_finished(found, path):
    """A sentence on a run that is finished, from its backup."""
    way = "To train on, ask for more epochs; to"
    if found["stopped"]:
        last = backups.epoch_path(path.parent, found["epoch"]).name
        way = (
            "It was stopped by a callback, so more epochs would change nothing. To go on from "
            f"before that, remove {path.name} and {last}; to"
        )
    return (
        f"This run is finished: it ended after epoch {found['epoch']} ({path}), and nothing is "
        f"trained. {way} start anew, choose another directory."
    )
