"""Generation of samples by name, and scores of tensors that one has."""

import keras
import numpy as np
import tensorflow as tf

from keras_gan import _checks, priors
from keras_gan.backend import packing, seeds
from keras_gan.engine.preserved import preserved_statistics
from keras_gan.engine.scene import Scene
from keras_gan.feeding import readers
from keras_gan.feeding.cures import Form
from keras_gan.feeding.entries import EntrySpecs
from keras_gan.model import assembly, compute_cost, drawing
from keras_gan.model.exported_game import ExportedGame, single


class Sampling:
    """Mixin of `AdversarialModel` with the methods that generate and score samples.

    Samples come from `averaged_generator`, except in `generate(averaged=False)`. None of the
    methods changes the model.
    """

    def call(self, inputs, training=False):
        """The default outputs of `averaged_generator` for a `dict` of inputs by name."""
        inputs = self._by_name(inputs)
        outputs = self._outputs(None, inputs)
        made = self._named_average.cut(outputs)(inputs, training=training)
        return single({name: tf.cast(made[name], "float32") for name in outputs})

    @_checks.suggesting
    def predict(self, x, batch_size=None, verbose="auto", steps=None, callbacks=None, outputs=None):
        """Outputs of `averaged_generator` for given inputs, as `generate` makes them.

        Args:
            x: `dict` of inputs by name, or an array where one input is needed, or a data set of
                batches of either. Inputs with a prior may be left out.
            batch_size: rows at a time. Default 256.
            verbose: ignored.
            steps: batches of a data set to take. Default all.
            callbacks: ignored.
            outputs: see `generate`.

        Returns:
            As `generate`.
        """
        del verbose, callbacks
        options = {"outputs": outputs, "batch_size": batch_size or 256}
        if not isinstance(x, tf.data.Dataset):
            return self.generate(inputs=self._by_name(x), **options)
        if steps is None:
            readers.check_end(x, "x", "Give `steps=`.")
        batches = x if steps is None else x.take(steps)
        parts = [self.generate(inputs=self._by_name(batch), **options) for batch in batches]
        if isinstance(parts[0], dict):
            return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        return np.concatenate(parts)

    @_checks.suggesting
    def generate(
        self,
        num_samples=None,
        *,
        inputs=None,
        outputs=None,
        seed=None,
        truncation=1.0,
        batch_size=256,
        averaged=True,
    ):
        """Outputs of `averaged_generator`, or of `generator` with `averaged=False`.

        Only what is asked for is computed: the inputs that these outputs do not depend on may be
        left out.

        Args:
            num_samples: how many; may be left out with `inputs`. Default 1.
            inputs: `dict` of arrays `(n, ...)` by name, by the rules of `fit` (images are `uint8`,
                or floats in [-1, 1]), or an array where one input is needed; inputs with a prior
                that are not in it are drawn. An integer input with a `priors.Categorical` is a
                class, by index or, where `class_names` are known, by name. A single number or row
                stands for all samples.
            outputs: names of outputs, or one. `None` for those that critics judge as generated and
                that the given and drawn inputs suffice for.
            seed: integer in [0, 2**63); the same seed gives the same samples for every
                `batch_size`, unless a layer draws in inference, which does so by batches. `None`
                draws from a separate random stream that does not affect training.
            truncation: at least 0; scales the deviation of drawn floats from their prior's mean.
                Default 1: none; 0 gives the mean.
            batch_size: samples generated at a time; reduced if they would need much memory.
            averaged: `True` for `averaged_generator`, `False` for `generator`. Default `True`.

        Returns:
            float32 NumPy array `(n, ...)`, or a `dict` of them if there are several outputs.

        Raises:
            ValueError: if the arguments contradict each other, or an input is missing.
        """
        if _checks.boolean(averaged, "averaged"):
            self._average_watch.look(self)
        batch_size = _checks.positive_int(batch_size, "batch_size")
        truncation = _checks.number(truncation, "truncation", minimum=0.0)
        given = self._given_inputs(inputs)
        names = self._outputs(outputs, given)
        network = self._named_average if averaged else self._named_generator
        cut = network.cut(names)
        num_samples = self._num_samples(num_samples, given)
        drawn = [name for name in cut.inputs if name not in given]
        anew = seed is None and not drawn
        if seed is None:
            seed = self._draw() if drawn else self._next_draw()
        seed = _checks.seed(seed)
        tensors = {
            name: np.repeat(a, num_samples, axis=0) if len(a) == 1 else a
            for name, a in given.items()
        }
        tensors |= drawing.drawn(self, drawn, tensors, num_samples, seed, truncation)
        made, have_moved = _made(cut, names, tensors, num_samples, seed, batch_size)
        if anew and have_moved:
            self._draw()
        return single(made)

    @_checks.suggesting
    def score(self, inputs, critic=None, *, names=None, outputs=None, batch_size=256):
        """What a critic makes of tensors that one has, in inference mode; nothing is trained.

        Args:
            inputs: `dict` of arrays `(n, ...)` by name, by the rules of `fit`: the critic's `real`
                or `fake`, whichever are there, and its condition.
            critic: name of the critic; `None` for the only one, or the first.
            names: of the tensors to judge, where both kinds are there. Default: the `real` ones.
            outputs: names of what to return, or one: features of many rows take much memory.
                Default: all that the network returns.
            batch_size: rows scored at a time; reduced if they would need much memory.

        Returns:
            `dict` of NumPy arrays: "logits" (nested as the network returns them), heads and
            "features" by name. Of packs, the last is filled up with the first rows.

        Raises:
            ValueError: for a critic or an output that there is not, or a tensor that is missing.
        """
        batch_size = _checks.positive_int(batch_size, "batch_size")
        known = {each.name: each for each in self.critics}
        critic = next(iter(known)) if critic is None else critic
        _checks.one_of(critic, "critic", tuple(known))
        judge = known[critic]
        _checks.check(
            isinstance(inputs, dict),
            "Tensors to score must be given by name, in a dict.",
            cure=f"Use `score({{{_example((*judge.real, *judge.condition))}}})`.",
            inputs=type(inputs).__name__,
        )
        given = self._with_indices(inputs)
        sides = [s for s in (judge.real, judge.fake) if s and all(name in given for name in s)]
        names = (names,) if isinstance(names, str) else names
        _checks.check(
            bool(sides) or names is not None,
            f"`inputs` must have what critic {critic!r} judges: {', '.join(judge.real)}"
            + (f", or {', '.join(judge.fake)}." if judge.fake else "."),
            inputs=list(given),
        )
        side = tuple(names or sides[0])
        condition = judge.fake_condition if side == judge.fake else judge.condition
        _checks.check(
            len(side) == len(judge.real),
            f"`names` must be as many as critic {critic!r} judges: {', '.join(judge.real)}.",
            names=side,
        )
        missing = [name for name in (*side, *condition) if name not in given]
        _checks.check(
            not missing,
            f"Critic {critic!r} needs tensors that are not there.",
            cure=_checks.did_you_mean(missing[0], given) if missing else None,
            missing=missing,
        )
        rows, rules = self._checked({name: given[name] for name in (*side, *condition)})
        lengths = {name: len(array) for name, array in rows.items()}
        _checks.check(
            len(set(lengths.values())) == 1,
            "Tensors that are judged together must have one length.",
            **lengths,
        )
        parts, compiled = [], assembly.uncompiled(judge)
        for found in judged(compiled, rows, side, condition, batch_size, rules.to_tensors):
            if outputs is not None:
                chosen = _asked(outputs, found, "what the critic returns")
                found = {name: found[name] for name in chosen}
            parts.append(keras.tree.map_structure(_as_array, found))
        return keras.tree.map_structure(lambda *part: np.concatenate(part), *parts)

    # === Helpers ===

    def _made_of_rows(self, rows, names, seed, averaged=True, count=None):
        """Tensors of any names for rows that are ready for networks: a `dict` of arrays.

        What is in neither the rows nor an output is drawn by the seed, as in training.
        """
        network = self._named_average if averaged else self._named_generator
        outputs = [name for name in network.outputs if name in names]
        needed, draws = self._inputs_for(names), self._game.draws
        count = len(next(iter(rows.values()))) if rows else count
        wanted = [name for name in draws if name in needed and name not in rows]
        tensors = {**rows, **drawing.drawn(self, wanted, rows, count, seed, 1.0, draws=draws)}
        tensors = {name: np.asarray(tensors[name]) for name in needed}
        if outputs:
            tensors |= _made(network.cut(outputs), outputs, tensors, count, seed)[0]
        return {name: tensors[name] for name in names}

    def _inputs_for(self, names):
        """The entries and draws that tensors of these names depend on."""
        outputs = [name for name in self._named_generator.outputs if name in names]
        inputs = self._named_generator.needed_for(outputs) if outputs else []
        needed = dict.fromkeys([*inputs, *(name for name in names if name not in outputs)])
        sources = [
            p.name for n, p in self.priors.items() if n in needed and isinstance(p, priors.Shuffled)
        ]
        return list(dict.fromkeys([*sources, *needed]))

    def _exported(self, outputs):
        given = {name: None for name in self._named_generator.inputs}
        return ExportedGame(self, self._outputs(outputs, given))

    def _outputs(self, asked, given):
        """The names of the outputs to make."""
        known = self._named_generator.outputs
        if asked is not None:
            names = _asked(asked, known, "the generator's outputs")
            self._check_inputs(names, given)
            return names
        fakes = [n for critic in self.critics for n in critic.fake if n in known]
        fakes = list(dict.fromkeys(fakes)) or list(known)
        names = [name for name in fakes if not self._missing([name], given)]
        if not names:
            self._check_inputs(fakes[:1], given)
        return names

    def _missing(self, outputs, given):
        needed = self._named_generator.needed_for(outputs)
        return [name for name in needed if name not in given and name not in self.priors]

    def _check_inputs(self, outputs, given):
        missing = self._missing(outputs, given)
        _checks.check(
            not missing,
            f"`inputs` must have what {', '.join(outputs)} depends on.",
            cure=f"Give `inputs={{{_example(missing)}}}`.",
            missing=missing,
            inputs=list(given),
        )

    def _by_name(self, inputs):
        if inputs is None or isinstance(inputs, dict):
            return dict(inputs or {})
        names = [name for name in self._named_generator.inputs if name not in self.priors]
        names = names or list(self._named_generator.inputs)
        _checks.check(
            len(names) == 1,
            "Inputs must be given by name.",
            cure=f"Give a dict: {{{_example(names)}}}.",
            inputs=type(inputs).__name__,
        )
        return {names[0]: inputs}

    def _given_inputs(self, inputs):
        """Inputs as arrays, checked by the rules of their names."""
        known = self._named_generator.inputs
        given = self._with_indices(self._by_name(inputs))
        unknown = [name for name in given if name not in known]
        _checks.check(
            not unknown,
            f"`inputs` must be inputs of the generator: {', '.join(known)}.",
            cure=_checks.did_you_mean(unknown[0], known) if unknown else None,
            unknown=unknown,
        )
        rows, rules = self._checked(
            {name: _rows(array, tuple(known[name].shape[1:])) for name, array in given.items()}
        )
        tensors = {name: tf.convert_to_tensor(array) for name, array in rows.items()}
        return {name: tensor.numpy() for name, tensor in rules.to_tensors(tensors).items()}

    def _checked(self, given):
        """Arrays by name as they are checked, bytes among them, and their rules."""
        specs = EntrySpecs(assembly.specs_of(self, given))
        rows = {}
        for name, array in given.items():
            form = Form.of(array, name, asked=True)
            rows[name] = specs[name].checked(array, name, form=form, warn=False)
        return rows, specs

    def _num_samples(self, num_samples, given):
        counts = {name: len(array) for name, array in given.items() if len(array) != 1}
        if num_samples is None:
            num_samples = next(iter(counts.values()), 1)
        num_samples = _checks.positive_int(num_samples, "num_samples")
        _checks.check(
            all(count == num_samples for count in counts.values()),
            "`num_samples` and the lengths of `inputs` must agree.",
            num_samples=num_samples,
            **counts,
        )
        return num_samples

    def _draw(self):
        """A seed from a separate random stream, whose position is saved with the model."""
        seed = self._next_draw()
        self._state.draws.assign(self._state.draws + 1)
        return seed

    def _next_draw(self):
        return seeds.hashed([self.seed, int(self._state.draws.numpy())], 62)


def _rows(array, shape):
    """An input with its axis of samples: single numbers may be `(n,)`, one sample may be alone."""
    if np.ndim(array) == 1 and shape == (1,):
        return np.asarray(array)[:, None]
    # A batch of grey images without channels has the axes of one image, too.
    is_one = np.ndim(array) == len(shape)
    if is_one and len(shape) == 3:
        is_one = shape[-1] in (None, np.shape(array)[-1])
    return np.asarray(array)[None] if is_one else array


def _example(names):
    """Code of the entries of a `dict` with these names."""
    return ", ".join(f"{name!r}: ..." for name in names)


def _asked(outputs, known, what):
    """The names in `outputs`, one or several, each of which must be known."""
    names = _checks.listed(outputs, "outputs", (str,), "names")
    unknown = [name for name in names if name not in known]
    _checks.check(
        bool(names) and not unknown,
        f"`outputs` must be names of {what}: {', '.join(known)}.",
        cure=_checks.did_you_mean(unknown[0], known) if unknown else None,
        outputs=outputs,
    )
    return names


def _as_array(tensor):
    return np.asarray(tf.cast(tensor, "float32"))


def judged(critic, rows, names, condition, batch_size, as_tensors=lambda batch: batch):
    """What a critic makes of rows, in inference mode: a `dict` of its outputs for each batch.

    Args:
        critic: a `CompiledCritic`.
        rows: `dict` of arrays by name. The last pack is filled up with the first rows.
        names: of the samples that it judges, a tuple.
        condition: names of what it is shown beside them.
        batch_size: rows scored at a time; reduced if they would need much memory.
        as_tensors: callable from a batch of rows to what networks take.
    """
    rows = {name: packing.pad_to_pack(array, critic.pack) for name, array in rows.items()}
    size = min(batch_size, compute_cost.samples_per_pass(critic.network))
    size = max(1, size // critic.pack) * critic.pack
    for first in range(0, len(next(iter(rows.values()))), size):
        batch = {n: tf.convert_to_tensor(array[first : first + size]) for n, array in rows.items()}
        seed = drawing.seed_of(first, drawing.RANDOM_LAYERS)
        with preserved_statistics(critic.network, seed):
            scene = Scene(as_tensors(batch), [critic], player="discriminator", training=False)
            found = dict(scene.shown(critic.name, names, condition))
        yield found


def _made(network, names, tensors, num_samples, seed, batch_size=256):
    """Outputs of a `NamedNetwork`, some rows at a time: a `dict` of float32 arrays.

    Also whether layers have drawn random numbers for them.
    """
    batch_size, parts = min(batch_size, compute_cost.samples_per_pass(network.network)), []
    own = drawing.seed_of(seed, drawing.RANDOM_LAYERS)
    with preserved_statistics(network.network, own) as statistics:
        for first in range(0, num_samples, batch_size):
            rows = {
                name: tf.convert_to_tensor(tensors[name][first : first + batch_size])
                for name in network.inputs
            }
            parts.append(network(rows, training=False))
        have_moved = statistics.have_moved
    made = {name: np.concatenate([_as_array(part[name]) for part in parts]) for name in names}
    return made, have_moved
