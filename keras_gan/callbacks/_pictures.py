"""What `ImageGrid` shows of a model: samples of fixed draws, or rows of data and their outputs."""

import numpy as np

from keras_gan import _checks, images, lettering
from keras_gan.backend import inspection
from keras_gan.callbacks import _cells
from keras_gan.model import watched


class SamplePictures:
    """Samples of the same latents, a class a row.

    Args:
        gan: a `GAN`.
        rows, columns, labels, seed: as in `ImageGrid`.
    """

    def __init__(self, gan, *, rows, columns, labels, seed):
        self._model, self._seed = gan, seed
        self._check()
        names = getattr(gan, "class_names", None)
        classes = {"num_classes": self._num_classes(), "names": names}
        self._cells = _cells.Cells(rows, columns, labels, **classes)
        self._draw()

    def _check(self):
        _check_image_shape(self._model.sample_shape, self._model.is_image)

    def _num_classes(self):
        return self._model.num_classes

    def _draw(self):
        self._latents = self._model.sample_latents(self._cells.count, self._seed)

    def _generated(self):
        # A seed leaves the model's own random stream unchanged.
        return self._model.generate(
            latents=self._latents, labels=self._cells.classes, seed=self._seed
        )

    def _examples(self):
        """Training samples and their labels, each of which may be `None`."""
        return self._model.reference_samples, self._model.reference_labels

    def picture(self):
        """The current samples of the averaged generator; `None` while it needs data."""
        # Clip values that exceed [-1, 1]; `grid` would assume another range.
        return self._grid(np.clip(self._generated(), -1.0, 1.0))

    def real(self):
        """Training samples to compare with; `None` while they are unknown."""
        samples, labels = self._examples()
        if samples is None:
            return None
        cells = self._cells
        samples = images.to_uint8(samples)
        return self._grid(_choose_real(samples, labels, cells.classes, cells.count, self._seed))

    def _grid(self, samples):
        cells = self._cells
        return images.grid(samples, cells.rows, cells.columns, row_names=cells.row_names)


class DrawnPictures(SamplePictures):
    """Likewise of a game whose images come from draws alone.

    Args:
        model: an `AdversarialModel`.
        output: name of the output to show.
        **settings: as for `SamplePictures`.
    """

    def __init__(self, model, output, **settings):
        self._output = output
        super().__init__(model, **settings)

    def _check(self):
        """The output was chosen for its shape."""

    def picture(self):
        made, reals = self._generated(), self._reals_of_values()
        if reals is None:
            return super()._grid(np.clip(made, -1.0, 1.0))
        return None if not len(reals) else self._grid(_in_range(made, _range_of(reals)))

    def real(self):
        reals = self._reals_of_values()
        if reals is None:
            return super().real()
        if not len(reals):
            return None
        labels, cells = self._examples()[1], self._cells
        shown = images.to_uint8(_in_range(reals, _range_of(reals)))
        return self._grid(_choose_real(shown, labels, cells.classes, cells.count, self._seed))

    def _reals_of_values(self):
        """Reals of an output of numbers that are no pixels, empty while unknown; else `None`."""
        if _target_of_values(self._model, self._output) is None:
            return None
        found = self._examples()[0]
        return np.zeros(0) if found is None else np.asarray(found)

    def _num_classes(self):
        takes = self._model.class_entry in self._model._inputs_for([self._output])
        return self._model.num_classes if takes else None

    def _draw(self):
        """Nothing: the seed draws the same each time."""

    def _generated(self):
        cells, entry = self._cells, self._model.class_entry
        inputs = None if cells.classes is None else {entry: cells.classes}
        asked = {"inputs": inputs, "outputs": self._output, "seed": self._seed}
        return self._model.generate(cells.count, **asked)

    def _examples(self):
        examples = watched.examples(self._model, held_out=False) or {}
        pairs = [pair for c in self._model.critics for pair in zip(c.real, c.fake, strict=False)]
        reals = [real for real, fake in pairs if fake == self._output and real in examples]
        if not reals:
            return None, None
        return examples[reals[0]], examples.get(self._model.class_entry)


class RowPictures:
    """Inputs, outputs and targets of the same rows of the data, side by side.

    Args:
        model: an `AdversarialModel`.
        names: of the images to show, inputs and targets among them.
        rows, columns, labels, seed: as in `ImageGrid`.
    """

    def __init__(self, model, names, *, rows, columns, labels, seed):
        _checks.check(
            labels is None,
            "`labels` are for samples that are drawn, and here they are made of rows of the data.",
            cure="Leave them out.",
            labels=labels,
        )
        self._model, self._names, self._seed = model, names, seed
        self._rows = _cells.DEFAULT_ROWS if rows is None else rows
        # Examples beside each other in a row of the grid.
        self._blocks = max(1, columns // len(names))
        self._chosen = None
        self._targets = {}  # of what is no pixels: the target by whose range it is shown
        for output in model._named_generator.outputs:
            target = _target_of_values(model, output)
            if output in names and target is not None:
                others = model._named_generator.needed_for([output])
                of_values = [name for name in others if name in model.values]
                for name in (*of_values, output, target):
                    self._targets.setdefault(name, target)

    def picture(self):
        """What the averaged generator makes of the rows now; `None` while they are unknown."""
        if self._chosen is None:
            self._chosen = self._examples()
        if self._chosen is None:
            return None
        tensors = self._model._made_of_rows(self._chosen, self._names, self._seed)
        blocks = min(self._blocks, watched.length(self._chosen))
        shown = []
        for name in self._names:
            target = tensors.get(self._targets.get(name))
            limits = (-1.0, 1.0) if target is None else _range_of(target)
            shown.append(images.to_uint8(_in_range(tensors[name], limits)))
        columns = blocks * len(self._names)
        picture = images.grid(_of_one_size(shown), columns=columns)
        names = [lettering.drawable(name, name) for name in self._names] * blocks
        heading = lettering.heading(names, picture.shape[1])
        return np.vstack([np.repeat(heading[..., None], picture.shape[-1], axis=-1), picture])

    def real(self):
        """Nothing: targets are beside what is made."""
        return None

    def _examples(self):
        for held_out in (True, False):
            found = watched.examples(self._model, held_out)
            if found is not None:
                order = np.random.default_rng(self._seed).permutation(watched.length(found))
                rows = order[: self._rows * self._blocks]
                return watched.as_networks_take(self._model, watched.part(found, rows))
        return None


def shown(model, **settings):
    """What to show of any model, or `None` if it makes no images."""
    if getattr(model, "is_fed_entries", False):
        try:
            return of_game(model, **settings)
        except ValueError:  # a game without images
            return None
    return SamplePictures(model, **settings) if model.is_image else None


def of_game(model, **settings):
    """What to show of an `AdversarialModel`.

    Raises:
        ValueError: if it makes no images.
    """
    generator = model._named_generator
    judged = [name for c in model.critics for name in c.fake if name in generator.outputs]
    outputs = list(dict.fromkeys(judged)) or list(generator.outputs)
    shown = [name for name in outputs if _is_image(model, name)]
    if not shown:
        given = ", ".join(f"{name!r}: rows[{name!r}]" for name in model._missing([outputs[0]], ()))
        asked = f"inputs={{{given}}}" if given else "1000"
        shape = tuple(generator.outputs[outputs[0]].shape[1:])
        _check_image_shape(shape, False, f"model.generate({asked})")
    if not any(model._missing([name], ()) for name in shown):
        return DrawnPictures(model, shown[0], **settings)
    return RowPictures(model, _side_by_side(model, shown), **settings)


def _side_by_side(model, outputs):
    """Names of images: each output after its inputs and before its target, each name once."""
    found = []
    for output in outputs:
        found += [*model._named_generator.needed_for([output]), output]
        for critic in model.critics:
            found += [r for r, f in zip(critic.real, critic.fake, strict=False) if f == output]
    of_values = any(_target_of_values(model, output) for output in outputs)
    return [name for name in dict.fromkeys(found) if _is_image(model, name, of_values)]


def _target_of_values(model, output):
    """What an output is judged against, if these are numbers and no pixels; else `None`."""
    for critic in model.critics:
        for real, fake in zip(critic.real, critic.fake, strict=False):
            if fake == output and real in model.values:
                return real
    return None


def _range_of(reals):
    """The least and the greatest of numbers: black and white."""
    low, high = float(np.min(reals)), float(np.max(reals))
    return low, high if high > low else low + 1.0


def _in_range(numbers, limits):
    """Numbers between two limits as floats in [-1, 1]; those outside are cut off."""
    low, high = limits
    if limits != (-1.0, 1.0):
        numbers = (np.asarray(numbers, "float64") - low) * (2.0 / (high - low)) - 1.0
    return np.clip(numbers, -1.0, 1.0)


def _is_image(model, name, of_values=False):
    """Whether a name is of images; `of_values`: or of numbers that look like ones."""
    known = model._named_generator.outputs.get(name)
    if known is not None:
        is_values = name in model.values and not of_values
        return not is_values and inspection.is_image(tuple(known.shape[1:]))
    rule = model._game.specs.get(name)
    # What is drawn, such as noise in the shape of an image, is none.
    if rule is None or name in model.priors:
        return False
    looks = rule.is_values and rule.shape is not None and inspection.is_image(rule.shape)
    return rule.is_image or of_values and looks


def _of_one_size(shown):
    """Lists of pictures by name as one array, example by example: `uint8`, enlarged to one size."""
    shown = [images.on_checkers(part) if part.shape[-1] == 4 else part for part in shown]
    channels = max(part.shape[-1] for part in shown)
    shown = [part if part.shape[-1] == channels else np.repeat(part, 3, axis=-1) for part in shown]
    height, width = (max(part.shape[axis] for part in shown) for axis in (1, 2))
    parts = [_padded(part, height, width) for part in shown]
    return np.stack(parts, axis=1).reshape(-1, height, width, channels)


def _padded(pictures, height, width):
    """Pictures enlarged by a whole factor, in the middle of a larger size."""
    factor = min(height // pictures.shape[1], width // pictures.shape[2])
    pictures = images.enlarge(pictures, factor)
    result = np.full(
        (len(pictures), height, width, pictures.shape[-1]), images.GUTTER_GREY, "uint8"
    )
    top, left = (height - pictures.shape[1]) // 2, (width - pictures.shape[2]) // 2
    result[:, top : top + pictures.shape[1], left : left + pictures.shape[2]] = pictures
    return result


def _check_image_shape(shape, is_image, code="gan.generate(1000)"):
    cure = f"Leave it out and plot `{code}` yourself, with matplotlib for example."
    if len(shape) == 2:
        cure += " If these are grey images, build the networks with a channel axis of size 1."
    _checks.check(
        is_image,
        "`ImageGrid` draws images, samples of shape (height, width, channels) with 1, 3 or 4 "
        "channels.",
        cure=cure,
        sample_shape=tuple(shape),
    )


def _choose_real(samples, labels, wanted, count, seed):
    """`count` samples spread over the data, of the classes `wanted`, if any, in their order.

    A cell is black if its class has too few samples.
    """
    order = np.random.default_rng(seed).permutation(len(samples))  # data may be sorted by class
    if wanted is None or labels is None:
        return samples[order[:count]]
    chosen = np.zeros((count, *samples.shape[1:]), "uint8")
    for label in np.unique(wanted):
        cells = np.flatnonzero(wanted == label)
        found = order[labels[order] == label][: len(cells)]
        chosen[cells[: len(found)]] = samples[found]
    return chosen
