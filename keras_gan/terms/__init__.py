"""What players want besides the game: distances, heads, clusters, divergences, features."""

import inspect

from keras_gan import _checks, _registry
from keras_gan.terms.clustering import Clustering
from keras_gan.terms.consistency import BalancedConsistency, LatentConsistency
from keras_gan.terms.distances import L1, L2, Perceptual
from keras_gan.terms.divergences import KLDivergence
from keras_gan.terms.feature_matching import FeatureMatching
from keras_gan.terms.heads import Classification, Regression
from keras_gan.terms.path_length import PathLength
from keras_gan.terms.term import Term

__all__ = [
    "L1",
    "L2",
    "BalancedConsistency",
    "Classification",
    "Clustering",
    "FeatureMatching",
    "KLDivergence",
    "LatentConsistency",
    "PathLength",
    "Perceptual",
    "Regression",
    "Term",
    "get",
]


def get(identifier):
    """A term from its serialized config, or itself.

    Args:
        identifier: a `Term` or a `dict`. There are no names: a term must be told what it reads.

    Returns:
        A `Term`.

    Raises:
        ValueError: for anything else.
    """
    term = _registry.get(identifier, {}, "term") if isinstance(identifier, dict) else identifier
    _checks.check(
        isinstance(term, Term) and not inspect.isclass(term),
        "A term must be a `keras_gan.terms.Term`.",
        cure=_checks.create(identifier)
        or "Use one of `keras_gan.terms`, such as L1('photo', 'painted', weight=100.0), or "
        "subclass `Term` and define `value(scene)`.",
        term=identifier,
    )
    _checks.check(
        hasattr(term, "player") and hasattr(term, "weight"),
        f"The term {type(term).__name__} must call `super().__init__(weight)` in its `__init__`.",
        term=type(term).__name__,
    )
    return term
