"""Verdicts: the results of rules with a message and advice."""

import dataclasses
import json
import math

import numpy as np

from keras_gan import _checks
from keras_gan.convergence import advice, explosion
from keras_gan.convergence.run_progress import best


@dataclasses.dataclass(frozen=True)
class Verdict:
    """Why a run should stop.

    Attributes:
        kind: the rule's name, such as `"equilibrium"`.
        epoch: the epoch at which it was found, from 1.
        best_epoch: the latest epoch whose quality equals the best one within noise; `None` if none
            was measured.
        evidence: `dict` of the rule's measurements: numbers, and names of players or variables.
        message: one sentence with advice.
        critic: the name of the critic that it is of, where there are several; else `None`.
        pair: the names of what that critic tells apart, a real and a generated one, likewise.
    """

    kind: str
    epoch: int
    best_epoch: int | None
    evidence: dict
    message: str
    critic: str | None = None
    pair: tuple | None = None

    def __post_init__(self):
        if self.pair is not None:  # from JSON
            object.__setattr__(self, "pair", tuple(self.pair))

    def to_json(self):
        """The verdict as JSON text; numbers that are not finite become strings."""
        fields = dataclasses.asdict(self)
        if self.critic is None:
            del fields["critic"], fields["pair"]

        def plain(value):
            value = value.item() if isinstance(value, np.generic) else value
            return str(value) if isinstance(value, float) and not math.isfinite(value) else value

        fields["evidence"] = {key: plain(value) for key, value in self.evidence.items()}
        return json.dumps(fields, indent=2, allow_nan=False)

    @classmethod
    def from_json(cls, text):
        """The verdict of a `to_json`."""
        return cls(**json.loads(text))


# === Judgement ===


def check_rules(rules):
    """`rules` as a list, each a callable with a `kind`.

    Raises:
        ValueError: if one is not.
    """
    _checks.check(
        isinstance(rules, (list, tuple)) and bool(rules),
        "`rules` must be a list of rules, or None for the default ones.",
        cure=_checks.create(rules),
        rules=rules,
    )
    for rule in rules:
        kind = getattr(rule, "kind", None)
        _checks.check(
            callable(rule) and not isinstance(rule, type) and isinstance(kind, str) and kind,
            "A rule must be a callable instance with a `kind`, a name such as 'stalled'.",
            cure=_checks.create(rule),
            given=rule,
        )
    return list(rules)


def judge(history, rules, *, min_epochs=0, restored=False, whole=None, critic=None, pair=None):
    """The verdict of the first rule that has one, or `None`.

    Args:
        history: non-empty list of `Signals`, oldest first.
        rules: list of rules, asked in order. A rule returns `None`, its evidence as a `dict`, or a
            whole `Verdict`.
        min_epochs: epochs before which only rules with `immediate = True` apply. Default 0.
        restored: whether the best epoch's weights will be restored, for the message. Default
            `False`.
        whole: the records that the best epoch is one of, where `history` begins later. Default
            `None`: those of `history`.
        critic: the name of the critic that these signals are of, where there are several.
        pair: the names of what it tells apart, likewise.

    Returns:
        A `Verdict`, or `None`.

    Raises:
        ValueError: if a rule returns something else.
    """
    for rule in rules:
        if len(history) < min_epochs and not getattr(rule, "immediate", False):
            continue
        found = rule(history)
        if isinstance(found, Verdict):
            return found
        if found is not None:
            _checks.check(
                isinstance(found, dict),
                "A rule must return its evidence as a `dict`, or a `Verdict`.",
                cure="Return `None` while it has nothing to say.",
                kind=rule.kind,
                returned=found,
            )
            of = {"critic": critic, "pair": pair}
            return _worded(rule, history, dict(found), restored, whole or history, of)
    return None


def _worded(rule, history, evidence, restored, whole, of):
    last, top = history[-1], best(whole)
    if of["critic"] is None or "player" in evidence:  # which tells more
        of, where = {}, ""
    else:
        where = f", critic {of['critic']!r} ({', '.join(of['pair'])})"
    describe = getattr(rule, "describe", _listed)
    immediate = getattr(rule, "immediate", False)
    parts = [f"{rule.kind.replace('_', ' ')} at epoch {last.epoch}{where}: {describe(evidence)}"]
    exploding = explosion.exploding(history)
    if exploding:
        parts.append(f"the run explodes: {explosion.describe(exploding)}")
        evidence = {**exploding, **evidence}
    if not last.held_out and not immediate:
        parts.append("measured on training data, as there is no validation data")
    if top is None:
        parts.append("no epoch was measured, so there are no best weights to restore")
    elif top.epoch == last.epoch:
        parts.append("this epoch is as good as the best, and its weights are kept")
    else:
        number = top.epoch
        parts.append(f"weights of epoch {number} restored" if restored else f"best epoch {number}")
    cure = _advice(rule, history, evidence)
    if cure:
        parts.append(cure)
    return Verdict(
        kind=rule.kind,
        epoch=last.epoch,
        best_epoch=top.epoch if top else None,
        evidence=evidence,
        message="; ".join(parts),
        **of,
    )


def _advice(rule, history, evidence=None):
    """Advice for a run: unusual settings first, then that of the rule."""
    if getattr(rule, "looks_at_settings", False) and (found := advice.unusual(history)):
        return found
    if evidence is not None and hasattr(rule, "advise"):
        return rule.advise(evidence)
    return getattr(rule, "cure", None)


def early_warnings(history, rules):
    """Warnings of rules before their verdict: a `dict` of sentences by kind."""
    found = {}
    for rule in rules:
        sentence = rule.warns(history) if hasattr(rule, "warns") else None
        if sentence:
            found[rule.kind] = "; ".join(filter(None, [sentence, _advice(rule, history)])) + "."
    return found


def _listed(evidence):
    return ", ".join(
        f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}"
        for key, value in evidence.items()
    )
