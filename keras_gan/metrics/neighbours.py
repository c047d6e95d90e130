"""Nearest neighbours by exact distances, in bounded memory.

Distances are computed by matrix products, which are fast but inexact: identical points may have a
distance of 1e-7, and the order of equal distances would be arbitrary. Therefore distances within
the rounding bound are recomputed from differences.
"""

import numpy as np

from keras_gan import _checks
from keras_gan.metrics import features

# Numbers in a block of distances, and in a block of differences: 64 MB each.
_BLOCK = 8_000_000


def squared_radii(points, k):
    """The squared distance of each of `n` points to its k-th nearest neighbour, itself not counted.

    It is exactly 0 where k other points, at most `n - 1`, are identical. All arrays are float64.
    """
    radii = np.empty(len(points))
    # A few more than k, in case rounding has changed their order.
    wanted = min(2 * k + 8, len(points) - 1)
    for rows, squares, _ in _blocks(points, points):
        here = np.arange(len(squares))
        squares[here, here + rows.start] = np.inf
        nearest = np.argpartition(squares, wanted - 1, axis=1)[:, :wanted]
        pairs = np.repeat(here + rows.start, wanted), nearest.ravel()
        exact = _exact(points, points, *pairs).reshape(len(here), wanted)
        radii[rows] = np.partition(exact, k - 1, axis=1)[:, k - 1]
    return radii


def within(points, centres, radii, *, closed):
    """Which points lie in the balls about `m` centres, a block of points at a time.

    Args:
        points: float64 array `(n, dimension)`.
        centres: float64 array `(m, dimension)`.
        radii: squared radius of each centre, float64 array `(m,)`.
        closed: whether the balls contain their surface.

    Yields:
        `(rows, inside)`: a slice of the points, and a boolean array `(rows, m)`.
    """
    compare = np.less_equal if closed else np.less
    for rows, squares, bound in _blocks(points, centres):
        inside = compare(squares, radii)
        squares -= radii
        unsure = np.nonzero(np.abs(squares, out=squares) <= bound)
        exact = _exact(points, centres, unsure[0] + rows.start, unsure[1])
        inside[unsure] = compare(exact, radii[unsure[1]])
        yield rows, inside


def checked(real, fake, k):
    """Both sets as float64, not shifted: that could decide between equal distances."""
    k = _checks.positive_int(k, "k")
    return features.pair(real, fake, more_than=k, k=k)


def _blocks(points, centres):
    """Squared distances of some points to all centres, and the bound of their rounding."""
    of_points, of_centres = (np.einsum("ij,ij->i", x, x) for x in (points, centres))
    # Each of the three sums of d products is wrong by d / 2 epsilons of their size at most.
    epsilon = (points.shape[1] + 8) * np.finfo("float64").eps
    height = max(1, _BLOCK // len(centres))
    for start in range(0, len(points), height):
        rows = slice(start, min(start + height, len(points)))
        norms = of_points[rows, None] + of_centres
        squares = points[rows] @ centres.T
        squares *= -2.0
        squares += norms
        norms *= epsilon
        yield rows, squares, norms


def _exact(points, centres, point_rows, centre_rows):
    """Squared distances of pairs, from differences."""
    found = np.empty(len(point_rows))
    height = max(1, _BLOCK // points.shape[1])
    for start in range(0, len(found), height):
        part = slice(start, start + height)
        differences = points[point_rows[part]] - centres[centre_rows[part]]
        found[part] = np.einsum("ij,ij->i", differences, differences)
    return found
