"""When to stop, and why: signals in, verdict out.

A run leaves one `Signals` per epoch. A *rule* is asked about the list of them, oldest first, and
returns its evidence, or `None` while it has nothing to say; `judge` asks several and words the
first verdict. Nothing here knows a network, so a recorded run can be judged again at any time:

```python
history = [Signals.from_dict(record) for record in json.loads(text)]
verdict = judge(history, default_rules(patience=4), min_epochs=5)
```

A rule of one's own is any callable with a `kind`; `cure`, `describe(evidence)`,
`advise(evidence)` (in place of `cure`), `immediate`, `warns(history)` (a sentence to warn of
before there is a verdict), `waits_for_all` (whether a run with several critics goes on until this
was found of each of them), `looks_at_settings` (whether advice names an unusual setting first) and
`wants_fresh(history)` (whether a discriminator should be trained afresh to decide) are optional:

```python
class GoodEnough:
    kind = "good_enough"
    cure = "raise the bar"

    def __call__(self, history):
        quality = history[-1].quality
        return {"quality": quality} if quality is not None and quality < 0.05 else None
```

Epochs count from 1, as in the progress bar of `fit`.

`duality_gap(gan)` alone takes a model, and trains copies of it.
"""

from keras_gan.convergence.defaults import default_rules
from keras_gan.convergence.discriminators import DiscriminatorFailed, DiscriminatorWon
from keras_gan.convergence.duality import duality_gap
from keras_gan.convergence.endings import Equilibrium, Stalled
from keras_gan.convergence.explosion import exploding
from keras_gan.convergence.failures import Diverged, ModeCollapse, Oscillating
from keras_gan.convergence.run_progress import best, epochs_without_improvement
from keras_gan.convergence.signals import (
    Signals,
    auc_tolerance,
    discriminator_auc,
    discriminator_auc_error,
    jensen_shannon,
    relative_spread,
)
from keras_gan.convergence.trends import fluctuation
from keras_gan.convergence.verdict import Verdict, check_rules, early_warnings, judge

__all__ = [
    "DiscriminatorFailed",
    "DiscriminatorWon",
    "Diverged",
    "Equilibrium",
    "ModeCollapse",
    "Oscillating",
    "Signals",
    "Stalled",
    "Verdict",
    "auc_tolerance",
    "best",
    "check_rules",
    "default_rules",
    "discriminator_auc",
    "discriminator_auc_error",
    "duality_gap",
    "early_warnings",
    "epochs_without_improvement",
    "exploding",
    "fluctuation",
    "jensen_shannon",
    "judge",
    "relative_spread",
]
