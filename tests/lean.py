"""TensorFlow in less time: without what no test uses, and without what is made again and again."""

import random
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


def keep_kernels():
    """Let a seed be set without dropping the kernels of all operations, which takes time.

    TensorFlow drops them since a kernel that draws, such as that of `tf.random.normal`, goes on
    where it was. Keras and this package draw by seeds that are inputs.
    """
    from tensorflow.python.eager import context

    def set_seed(self, seed):
        self._seed, self._rng = seed, random.Random(seed)

    context.Context._set_global_seed = set_seed
