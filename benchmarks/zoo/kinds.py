"""The kinds of runs in the zoo as data: cause, settings, and the verdicts that are acceptable.

This table was written before any run was made; what was added later, before any run of it was made
and before a rule was changed. A kind is made sick by its *cause* alone; nothing
else about it is special, and no rule is told. "none" stands for a run that goes on to its last
epoch without a verdict.
"""

import dataclasses

NONE = "none"
_NETWORK_KINDS = ("dcgan", "mlp", "resnet")
HEALTHY = frozenset({NONE, "equilibrium", "stalled"})
# Where ground truth says that a healthy kind went wrong anyway.
UNLUCKY = HEALTHY | {"mode_collapse", "oscillating"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Kind:
    """A way to play, in multiples of what is usual for a task.

    Attributes:
        name: of the kind.
        cause: what is wrong with it, in words; `None` for a healthy one.
        acceptable: the verdicts that a run may get which the cause has harmed.
        tuning_seeds: seeds of the tuning half; all others are of the judged half. A kind with none
            of them is judged without ever having been tuned on.
        loss: of `keras_gan.losses`.
        penalties: of `keras_gan.regularizers`, "r1", "r2" or "gradient_penalty".
        discriminator_rate: learning rate, in multiples of the task's.
        generator_rate: likewise.
        discriminator_steps: updates in a step.
        generator_steps: likewise.
        weak: whether the discriminator is one linear unit (of images: on four pixels).
        tiny: whether it trains on some dozens of samples.
        points: whether the ring's modes are points, a fiftieth as wide.
        warm_up: share of the run over which both learning rates rise from 0, linearly.
        stale: whether the discriminator's learning rate becomes 0 at `ONSET`.
        broken_batch: whether one batch at `ONSET` is NaN. That is a fault whatever it does to the
            samples, since an update that is not finite is left out.
    """

    name: str
    cause: str | None = None
    acceptable: frozenset = HEALTHY
    tuning_seeds: tuple = ()
    loss: str = "non_saturating"
    penalties: tuple = ()
    discriminator_rate: float = 1.0
    generator_rate: float = 1.0
    discriminator_steps: int = 1
    generator_steps: int = 1
    weak: bool = False
    tiny: bool = False
    points: bool = False
    warm_up: float = 0.0
    stale: bool = False
    broken_batch: bool = False

    @property
    def healthy(self):
        """Whether nothing is wrong with it."""
        return self.cause is None

    def half(self, seed):
        """The half that a run belongs to: "tuning" or "judged"."""
        return "tuning" if seed in self.tuning_seeds else "judged"

    def onset(self, epochs):
        """The epoch in which the cause begins to act, from 1."""
        return int(ONSET * epochs) + 1 if self.stale or self.broken_batch else 1


# The share of a run after which a cause acts that does not act from the beginning.
ONSET = 0.15


def _any_of(*verdicts):
    return frozenset(verdicts)


_TABLE = (
    # === Healthy ===
    Kind(
        name="relativistic_r1_r2",
        loss="relativistic_paired",
        penalties=("r1", "r2"),
        tuning_seeds=(0,),
    ),
    Kind(name="non_saturating_r1", penalties=("r1",), tuning_seeds=(0, 1)),
    Kind(
        name="wasserstein_gp",
        loss="wasserstein",
        penalties=("gradient_penalty",),
        discriminator_steps=2,
    ),
    Kind(name="hinge_r1", loss="hinge", penalties=("r1",), tuning_seeds=(0, 1, 2)),
    Kind(name="least_squares_r1", loss="least_squares", penalties=("r1",), tuning_seeds=(1,)),
    # Slow ones: they learn late, or little in an epoch.
    Kind(name="warm_up", penalties=("r1",), tuning_seeds=(0,), warm_up=0.3),
    Kind(
        name="low_rates",
        penalties=("r1",),
        tuning_seeds=(0,),
        discriminator_rate=0.05,
        generator_rate=0.05,
    ),
    Kind(
        name="steady",
        penalties=("r1",),
        tuning_seeds=(0,),
        discriminator_rate=0.25,
        generator_rate=0.25,
    ),
    Kind(
        name="few_samples",
        penalties=("r1",),
        tuning_seeds=(0, 1),
        discriminator_rate=0.25,
        generator_rate=0.25,
    ),
    # === Sick ===
    Kind(
        name="generator_heavy",
        cause="eight updates of the generator for one of the discriminator, without a penalty",
        acceptable=_any_of("mode_collapse", "oscillating", "stalled"),
        tuning_seeds=(0,),
        generator_steps=8,
    ),
    Kind(
        name="ten_generator_steps",
        cause="ten updates of the generator for one of the discriminator, without a penalty",
        acceptable=_any_of("mode_collapse", "oscillating", "stalled"),
        tuning_seeds=(0,),
        generator_steps=10,
    ),
    Kind(
        name="uneven_rates",
        cause="the generator's learning rate is a hundred times the discriminator's, no penalty",
        acceptable=_any_of("mode_collapse", "oscillating", "stalled", "discriminator_failed"),
        tuning_seeds=(0,),
        generator_rate=10.0,
        discriminator_rate=0.1,
    ),
    Kind(
        name="stale_discriminator",
        cause="the discriminator's learning rate becomes 0 early in the run",
        acceptable=_any_of("discriminator_failed", "mode_collapse", "stalled"),
        tuning_seeds=(0, 1),
        penalties=("r1",),
        stale=True,
    ),
    Kind(
        name="generator_rate_high",
        cause="the generator's learning rate is a hundred times too high",
        acceptable=_any_of(
            "diverged", "mode_collapse", "oscillating", "stalled", "discriminator_won"
        ),
        tuning_seeds=(0, 1, 2),
        penalties=("r1",),
        generator_rate=100.0,
    ),
    Kind(
        name="discriminator_rate_high",
        cause="the discriminator's learning rate is a hundred times too high",
        acceptable=_any_of("diverged", "discriminator_won", "discriminator_failed", "stalled"),
        penalties=("r1",),
        discriminator_rate=100.0,
    ),
    Kind(
        name="overtrained_minimax",
        cause="a saturating loss with five updates of the discriminator for one, no penalty",
        acceptable=_any_of("discriminator_won", "stalled", "mode_collapse"),
        tuning_seeds=(0,),
        loss="minimax",
        discriminator_steps=5,
    ),
    Kind(
        name="unregularised",
        cause="a Wasserstein loss without any penalty, on data of low dimension (Dirac-like)",
        # Its scores grow without a bound, so that it may overflow, and it may drop modes.
        acceptable=_any_of("oscillating", "stalled", "mode_collapse", "diverged"),
        tuning_seeds=(0, 1),
        loss="wasserstein",
        points=True,
    ),
    Kind(
        name="weak_discriminator",
        cause="a discriminator of one linear unit, too weak to tell data from samples",
        acceptable=_any_of("discriminator_failed", "stalled", "oscillating"),
        tuning_seeds=(0, 1),
        weak=True,
    ),
    Kind(
        name="tiny_data",
        cause="some dozens of samples, which a discriminator without a penalty knows by heart",
        # Samples that are copies of these few cover little of the held-out data.
        acceptable=_any_of("stalled", "discriminator_won", "mode_collapse"),
        tiny=True,
    ),
    Kind(
        name="nan_batch",
        cause="one batch of the data is NaN",
        acceptable=_any_of("diverged"),
        tuning_seeds=(0, 1),
        loss="relativistic_paired",
        penalties=("r1", "r2"),
        broken_batch=True,
    ),
)
KINDS = {kind.name: kind for kind in _TABLE}

# === Runs ===

_SLOW = ("warm_up", "low_rates")
_OVERRUN = ("ten_generator_steps", "uneven_rates")
# Kinds that are made for tasks of their own.
_APART = (*_OVERRUN, "steady", "few_samples")
_EVERYWHERE = tuple(name for name in KINDS if name not in (*_SLOW, *_APART))
_ON_MNIST = (
    "relativistic_r1_r2",
    "non_saturating_r1",
    "generator_heavy",
    "stale_discriminator",
    "discriminator_rate_high",
    "overtrained_minimax",
)
NETWORKS = tuple(f"{data}_{kind}" for data in ("digits", "mnist") for kind in _NETWORK_KINDS)
# Which kinds are played on which tasks, with which seeds.
_RUNS = {
    "ring": (((0, 1, 2), _EVERYWHERE), ((0, 1), _SLOW)),
    "digits": (((0, 1, 2), _EVERYWHERE), ((0, 1), _SLOW)),
    "mnist": (((0, 2), _ON_MNIST),),
    "ring_short": (((0, 1), ("steady",)),),
    "digits_short": (((0, 1), ("steady",)),),
    "ring_few": (((0, 1, 2, 3), ("few_samples",)),),
    "digits_few": (((0, 1, 2, 3), ("few_samples",)),),
    **{name: (((0, 1), _OVERRUN),) for name in NETWORKS},
}


def runs(task, seeds=None):
    """All runs of a task: `(kind, seed)`, seed by seed; of the given seeds alone, if there are."""
    found = [
        (KINDS[name], seed)
        for its_seeds, names in _RUNS[task]
        for seed in its_seeds
        for name in names
    ]
    return [(kind, seed) for kind, seed in found if seeds is None or seed in seeds]


def acceptable(kind, *, harmed, not_finite, before_onset=False):
    """The verdicts that are acceptable for a run.

    Args:
        kind: its `Kind`.
        harmed: whether ground truth says that it came to harm.
        not_finite: whether an update or a weight was not finite, which may always be told.
        before_onset: whether the verdict came before the cause did.
    """
    if before_onset:
        return HEALTHY
    if kind.healthy:
        found = UNLUCKY if harmed else HEALTHY
    else:
        found = kind.acceptable if harmed or kind.broken_batch else HEALTHY
    return found | {"diverged"} if not_finite else found
