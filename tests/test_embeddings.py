"""How the benchmark of embeddings counts agreement."""

import numpy as np
import pytest

from benchmarks.claims.embeddings import __main__ as embeddings
from benchmarks.claims.embeddings import (
    candidates,
    checkpoints,
)

# The benchmarks are no part of the package: their tests are among the long ones.
pytestmark = pytest.mark.slow

TRUTH = [(4.0, 0.1), (3.0, 0.1), (2.0, 0.1), (1.0, 0.1)]


def test_pairs_in_the_order_of_the_truth_are_counted():
    same = embeddings.agreement(TRUTH, [40.0, 30.0, 20.0, 10.0])
    assert (same["agreement"], same["spearman"], same["pairs"]) == (1.0, 1.0, 6)
    other = embeddings.agreement(TRUTH, [10.0, 20.0, 30.0, 40.0])
    assert (other["agreement"], other["spearman"]) == (0.0, -1.0)
    one_swapped = embeddings.agreement(TRUTH, [30.0, 40.0, 20.0, 10.0])
    assert one_swapped["agreement"] == pytest.approx(5 / 6, abs=1e-4)


def test_pairs_within_the_noise_of_the_truth_are_left_out():
    noisy = [(4.0, 0.1), (3.9, 0.1), (1.0, 0.1)]
    assert embeddings.agreement(noisy, [1.0, 2.0, 0.0])["pairs"] == 2
    assert embeddings.agreement(noisy[:2], [1.0, 2.0])["agreement"] is None


@pytest.mark.parametrize("name", sorted(candidates.ALL))
@pytest.mark.parametrize("shape", [pytest.param((8, 8, 1), marks=pytest.mark.slow), (24, 24, 3)])
def test_a_candidate_gives_each_image_a_finite_vector_of_its_own(name, shape):
    reals = np.random.default_rng(0).integers(0, 256, (40, *shape)).astype("uint8")
    embed = candidates.ALL[name](shape, reals, 0)
    found = embeddings.embedded(embed, reals)
    assert found.ndim == 2 and len(found) == 40 and np.isfinite(found).all()
    np.testing.assert_allclose(embeddings.embedded(embed, reals[7:8])[0], found[7], atol=1e-3)


@pytest.mark.parametrize("of", checkpoints.SETS.values(), ids=lambda of: of.name)
def test_the_runs_of_a_set_are_known_and_of_both_halves(of):
    halves = {checkpoints.KINDS[name].half for name in of.kinds}
    assert halves == {"choose", "report"}
    for kind in (checkpoints.KINDS[name] for name in of.kinds):
        steps = checkpoints.milestones(of, round(of.steps * kind.length))
        assert len(set(steps)) == of.checkpoints and steps == sorted(steps)
        assert steps[-1] == round(of.steps * kind.length)
