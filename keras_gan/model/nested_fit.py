"""A `fit` that a callback of another `fit` of the same model calls."""

import functools
import threading

from keras_gan import _checks

# What belongs to one `fit`. Keras counts the steps of an epoch once, at its beginning, but runs
# whatever function the model has.
_OWN = (
    "_training_feed",
    "_held_out_feed",
    "_train_functions",
    "train_function",
    "test_function",
    "steps_per_execution",
    "stop_training",
)


def within_another(fit):
    """`fit`, after which the one around it, if there is one, has its data and functions again.

    That of another thread is no part of this one, and both would set the model's functions.
    """

    @functools.wraps(fit)
    def called(self, *arguments, **settings):
        thread = threading.get_ident()
        _checks.check(
            self._thread_of_fit in (None, thread),
            "Only one thread at a time may train a model.",
            cure="Wait for the other one to end, or train another model.",
            model=self.name,
        )
        around = self._thread_of_fit
        outer = {} if around is None else {name: getattr(self, name) for name in _OWN}
        self._thread_of_fit = thread
        try:
            return fit(self, *arguments, **settings)
        finally:
            self._thread_of_fit = around
            for name, value in outer.items():
                setattr(self, name, value)

    return called
