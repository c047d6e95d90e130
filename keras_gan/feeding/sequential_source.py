"""Samples that can only be read one after the other."""

import tensorflow as tf

from keras_gan.feeding.sources import Source


class Sequential(Source):
    """Base of sources without random access. A subclass implements `rest` and `examples`."""

    is_random_access = False

    def rest(self, pass_index, first_step, batch_size, *, drop_tail):
        """The rest of a pass from a step on.

        Args:
            pass_index: int64 scalar or integer, the number of the pass.
            first_step: int64 scalar or integer, number of batches of the pass to skip.
            batch_size: positive integer.
            drop_tail: whether an incomplete last batch is dropped.

        Returns:
            `tf.data.Dataset` of batches.
        """
        raise NotImplementedError

    def batches(self, pass_index, batch_size):
        return self.rest(pass_index, 0, batch_size, drop_tail=False)

    def since(self, first, steps, batch_size):
        per_pass = self.num_samples // batch_size

        @tf.autograph.experimental.do_not_convert
        def passes_from(_):
            number = first()
            first_pass = number // per_pass

            def of_pass(index):
                skipped = tf.where(index == first_pass, number % per_pass, 0)
                return self.rest(index, skipped, batch_size, drop_tail=True)

            passes = tf.data.Dataset.range(first_pass, (number + steps - 1) // per_pass + 1)
            return passes.flat_map(of_pass).take(steps)

        return tf.data.Dataset.from_tensors(0).flat_map(passes_from)
