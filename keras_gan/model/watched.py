"""What is watched of a critic: its reals, what the generator makes in their place, their scores."""

import numpy as np
import tensorflow as tf

from keras_gan import _checks
from keras_gan.backend.logits import per_sample
from keras_gan.model import sampling

# The signals that logs have.
LOGGED = ("d_loss", "g_loss", "d_accuracy", "d_gradient_norm", "g_gradient_norm")
_OF_CRITIC = LOGGED[:3]
# Rows that are scored at a time, at most.
_BATCH = 256


class WatchedPair:
    """What is watched of a critic: the tensors that it is shown on both sides, and its scores.

    Rows are a `dict` of arrays by name, as the networks take them. What the generator makes of
    them, and what is drawn beside them, follows from a given seed; nothing changes the model.

    Args:
        model: a compiled `AdversarialModel`.
        critic: its `CompiledCritic`.
        names: the two names, a real one and a generated one, whose samples are compared.
        key: what tells it from other pairs: the critic's name, or that and its `names`.
        several: whether there are other pairs, so that messages must tell which one it is.

    Attributes:
        name, network, pack, loss, regularizers: the critic's.
    """

    def __init__(self, model, critic, names, *, key, several):
        self.model, self.critic = model, critic
        self.names, self.key, self.several = names, key, several
        self.name, self.network, self.pack = critic.name, critic.network, critic.pack
        self.loss, self.regularizers = critic.loss, critic.regularizers

    # === The critic ===

    @property
    def optimizer(self):
        """The optimizer of its weights."""
        return self._player.optimizer

    @property
    def has_started(self):
        """Whether it plays in the next step."""
        return self.model.steps_seen >= self.critic.start_step

    @property
    def log_keys(self):
        """Where the logs have what is its own: a `dict` from signals to keys."""
        keys = dict(zip(LOGGED, LOGGED, strict=True))
        if len(self.model._game.critics) > 1:
            keys |= {key: f"{key}_{self.name}" for key in _OF_CRITIC}
        if len(self.model._players) > 2:
            keys["d_gradient_norm"] = f"d_gradient_norm_{self._player.name}"
        return keys

    @property
    def _player(self):
        return next(p for p in self.model._players if any(c is self.critic for c in p.critics))

    # === Rows of the data ===

    @property
    def sources(self):
        """The held-out and the training examples of the last `fit`; either may be `None`."""
        return self.model.held_out_samples, self.model.reference_samples

    @property
    def reals_change(self):
        """Whether the generator makes the reals, so that they change while it trains."""
        return self.names[0] in self.model._named_generator.outputs

    def rows(self, held_out, limit):
        """Held-out or training rows, `None` if there are none.

        Args:
            held_out: which of them.
            limit: how many at most, from everywhere; always the same ones.
        """
        arrays = self._arrays(held_out)
        if arrays is None or limit <= 0:
            return None
        return self._as_networks_take(some(arrays, limit))

    def first_rows(self, count):
        """The first training rows, `None` if there are none."""
        arrays = self._arrays(held_out=False)
        return None if arrays is None else self._as_networks_take(part(arrays, slice(count)))

    def _arrays(self, held_out):
        return examples(self.model, held_out)

    def _as_networks_take(self, rows):
        return as_networks_take(self.model, rows)

    def joined(self, parts):
        """Several lots of rows as one: what all of them have."""
        names = [name for name in parts[0] if all(name in part for part in parts)]
        return {name: np.concatenate([part[name] for part in parts]) for name in names}

    # === Tensors ===

    def tensors(self, rows, seed, *, averaged=True, kinds=("real", "fake"), count=None):
        """What the critic is shown for these rows: a `dict` of arrays by name.

        Args:
            rows: `dict` of arrays.
            seed: integer that draws, and random layers of the generator, follow from.
            averaged: whether the averaged generator makes it, or the raw one.
            kinds: the sides to make.
            count: number of rows where `rows` is empty.
        """
        names = [name for kind in kinds for name in self._shown(kind)]
        return self.model._made_of_rows(rows, names, seed, averaged, count)

    def _shown(self, kind):
        """The names of what it is shown on a side, as its network takes them."""
        critic = self.critic
        sides = {
            "real": (*critic.real, *critic.condition),
            "fake": (*critic.fake, *critic.fake_condition),
        }
        return sides[kind]

    def score(self, kind, tensors):
        """The mean logit of each sample, or pack of samples: float32 NumPy `(n,)`.

        Args:
            kind: "real" or "fake", the side that is judged.
            tensors: a result of `tensors`. The last pack is filled with the first samples.
        """
        names, side = self._shown(kind), len(self.critic.real)
        rows = {name: tensors[name] for name in names}
        parts = sampling.judged(self.critic, rows, names[:side], names[side:], _BATCH)
        return np.concatenate([np.asarray(per_sample(part["logits"])) for part in parts])

    def compared(self, rows, seed, kind):
        """The samples of one of the two `names`, those of the averaged generator: float32."""
        name = self.names[0 if kind == "real" else 1]
        return self.model._made_of_rows(rows, [name], seed)[name].astype("float32")

    def sides(self, rows, seed):
        """What another critic would be trained with: `(real, fake, labels)`.

        The first two are lists of arrays, as the network takes them; `labels` is `None`.
        """
        tensors = self.tensors(rows, seed)
        return *([tensors[name] for name in self._shown(kind)] for kind in ("real", "fake")), None

    # === The untrained generator ===

    def first_samples(self, count):
        """Samples of the raw generator to be kept, with their conditions: a `dict` of arrays.

        `None` if it takes data that are not known yet.
        """
        rows = self.first_rows(count) or {}
        needed = self.model._inputs_for(self._shown("fake"))
        if any(name not in rows and name not in self.model._game.draws for name in needed):
            return None
        return self.tensors(rows, 0, averaged=False, kinds=("fake",), count=count)

    def score_first(self, samples):
        """Scores of what `first_samples` has made."""
        return self.score("fake", samples)

    def score_reals(self, rows):
        """Scores of the real side of these rows."""
        return self.score("real", self.tensors(rows, 0, averaged=False, kinds=("real",)))


def watched_pairs(model, watch=None):
    """The `WatchedPair`s of a game, of the critics that play.

    Args:
        model: a compiled `AdversarialModel`.
        watch: pairs of names, or one; `None` for the first names of each critic.

    Raises:
        ValueError: for a pair that no critic judges.
    """
    playing = [critic for critic in model._game.critics if critic.loss is not None]
    if watch is None:
        chosen = [(critic, (critic.real[0], critic.fake[0])) for critic in playing]
    else:
        chosen = [(critic, pair) for pair in watch for critic in _judges_of(pair, playing)]
    judges = [critic.name for critic, _ in chosen]
    found = []
    for critic, pair in chosen:
        key = critic.name if judges.count(critic.name) == 1 else "_".join((critic.name, *pair))
        found.append(WatchedPair(model, critic, pair, key=key, several=len(chosen) > 1))
    return found


def checked_watch(watch):
    """`watch` as a list of pairs of names, or `None`.

    Raises:
        ValueError: if it is something else.
    """
    if watch is None:
        return None
    single = isinstance(watch, tuple) and all(isinstance(name, str) for name in watch)
    watch = [watch] if single else watch
    _checks.check(
        isinstance(watch, (list, tuple)) and bool(watch) and all(map(_is_pair, watch)),
        "`watch` must be a list of pairs of names, such as [('photo', 'painted')].",
        watch=watch,
    )
    return [tuple(pair) for pair in dict.fromkeys(map(tuple, watch))]


def _is_pair(pair):
    return (
        isinstance(pair, (tuple, list))
        and len(pair) == 2
        and all(isinstance(name, str) for name in pair)
    )


def _judges_of(pair, critics):
    found = [c for c in critics if pair in zip(c.real, c.fake, strict=False)]
    known = {names for c in critics for names in zip(c.real, c.fake, strict=False)}
    _checks.check(
        bool(found),
        "`watch` must name what a critic tells apart, a real and a generated one: "
        f"{', '.join(map(str, sorted(known)))}.",
        cure="Other pairs are compared by `metrics={...}` of `compile`, and watched by `monitor=`.",
        watch=pair,
    )
    return found


# === Rows ===


def examples(model, held_out):
    """Held-out or training examples of the last `fit`: a `dict` of arrays, or `None`.

    Args:
        model: an `AdversarialModel` that is fed dicts.
        held_out: which of them.
    """
    found = model.held_out_samples if held_out else model.reference_samples
    if found is None:
        return None
    return part(found, slice(min(map(len, found.values()))))  # of unpaired data the shortest


def as_networks_take(model, rows):
    """Rows of the data with pixels as floats in [-1, 1]: a `dict` of arrays."""
    rows = {name: tf.convert_to_tensor(array) for name, array in rows.items()}
    tensors = model._game.evaluated_specs.to_tensors(rows)
    return {name: tensor.numpy() for name, tensor in tensors.items()}


def length(rows):
    """Number of rows of a `dict` of arrays."""
    return len(next(iter(rows.values())))


def some(rows, limit):
    """At most `limit` rows, always the same."""
    # Held-out samples are often sorted by class: take them from everywhere.
    chosen = np.random.default_rng(0).permutation(length(rows))[:limit]
    return {name: array[chosen] for name, array in rows.items()}


def part(rows, where):
    """The rows of a slice."""
    return {name: array[where] for name, array in rows.items()}
