"""TensorFlow in less time: imported without what no test uses, and graphs not optimized."""

import sys

# For wrappers and a gallery, Keras imports these where it finds them.
UNUSED = ("sklearn", "matplotlib")


def import_tensorflow():
    """Import TensorFlow and Keras; what was left out can be imported later."""
    hidden = set(UNUSED) - sys.modules.keys()
    sys.modules.update(dict.fromkeys(hidden))
    try:
        import tensorflow

        return tensorflow
    finally:
        for name in hidden:
            del sys.modules[name]


def optimize_graphs(yes):
    """Whether TensorFlow optimizes graphs, or runs them as they were traced, which is sooner."""
    import tensorflow as tf

    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": not yes})
