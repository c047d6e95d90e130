"""Base class of the package's rules."""

import dataclasses

from keras_gan import _checks


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule with settings; what a rule may have is told in `keras_gan.convergence`.

    Raises:
        ValueError: if `epochs` or `patience` is not a positive integer.
    """

    looks_at_settings = True
    # Whether a run goes on while this is not so of all critics.
    waits_for_all = False

    def __post_init__(self):
        for name in ("epochs", "patience"):
            if hasattr(self, name):
                _checks.positive_int(getattr(self, name), name)

    def __call__(self, history):
        """Evidence of the run so far, or `None`."""
        raise NotImplementedError

    def describe(self, evidence):
        """The evidence in words."""
        raise NotImplementedError
