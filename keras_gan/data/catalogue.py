"""Data sets by name, from TensorFlow Datasets."""

import importlib
import os

import numpy as np
import tensorflow as tf

from keras_gan import _checks, terminal
from keras_gan.backend.memory import numpy_function
from keras_gan.data import pixels
from keras_gan.feeding import orders, sequential_source, sources

# Number of images decoded at a time, if all are kept.
_AT_A_TIME = 1_024
# An import of TensorFlow Datasets alone succeeds, with nothing in it, where one of its own fails.
_MODULES = ("importlib_resources", "tensorflow_datasets.core")


@_checks.suggesting
def from_tfds(
    name,
    *,
    split="train",
    batch_size=None,
    labels=False,
    data_dir=None,
    download=True,
    image_size=None,
    resample="lanczos",
    crop_to_aspect_ratio=False,
    shuffle=True,
    seed=0,
    memory_limit_gib=2.0,
):
    """A data set of images from TensorFlow Datasets, by name.

    The images are the data set's (first) image feature, the labels its class label. If all images
    fit into `memory_limit_gib`, they are decoded once and stay in memory. Otherwise they are read
    in the order of the files and mixed 4,096 at a time, and each batch is decoded when it is
    needed. To resume within a pass, the samples before are read, but not decoded.

    Args:
        name: as in `tfds.builder`, such as `"mnist"` or `"oxford_flowers102:2.1.1"`.
        split: as in `tfds.load`, such as `"train"` or `"train[:90%]"`. Defaults to `"train"`.
        labels: whether to yield labels. Defaults to `False`.
        data_dir: folder of the prepared data. Defaults to that of TFDS.
        download: whether data that are not prepared yet are downloaded. Defaults to `True`.
        image_size: a positive integer, or `(height, width)`. Defaults to `None`, the data set's
            own, if it has one.
        batch_size, resample, crop_to_aspect_ratio, shuffle, seed, memory_limit_gib: as in
            `from_folder`.

    Returns:
        A data set as from `from_folder`.

    Raises:
        ImportError: if TensorFlow Datasets, or a package that it needs, is not installed.
        ValueError: for a data set that is unknown, is not prepared (with `download=False`), has no
            `uint8` images, or no labels (with `labels=True`); if images differ in size and
            `image_size` is `None`; or for an argument out of range.

    Example:
        ```python
        gan.fit(keras_gan.data.from_tfds("mnist", batch_size=128), epochs=20)
        ```
    """
    labels = _checks.boolean(labels, "labels")
    batch_size = _checks.positive_int(batch_size, "batch_size", optional=True)
    limit = _checks.number(memory_limit_gib, "memory_limit_gib", minimum=0.0) * 2**30
    tfds = _imported()
    builder = _builder(tfds, name, data_dir, _checks.boolean(download, "download"))
    _checks.check(isinstance(split, str), "`split` must be a string.", split=split)
    try:
        num_samples = builder.info.splits[split].num_examples
    except (ValueError, KeyError):
        names = ", ".join(builder.info.splits)
        rule = f"`split` must be one that {name!r} has ({names}), or a slice of it."
        raise _checks.error(rule, split=split) from None
    _checks.check(num_samples > 0, "`split` must hold samples.", split=split)
    image, label = _features(tfds, builder.info, labels)
    shape = builder.info.features[image].shape
    if image_size is None:
        _checks.check(
            None not in shape[:2],
            f"The images of {name!r} differ in size, so `image_size` must be given.",
            image_size=None,
        )
        image_size = shape[:2]
    decoder = pixels.Decoder(
        image_size,
        channels=shape[2],
        resample=resample,
        crop_to_aspect_ratio=crop_to_aspect_ratio,
        background="white",
    )

    keys = (image, label) if labels else (image,)
    encoded = builder.as_dataset(
        split=split,
        shuffle_files=False,
        decoders={image: tfds.decode.SkipDecoding()},
        read_config=tfds.ReadConfig(try_autocache=False),
    ).map(lambda example: tuple(example[key] for key in keys))
    source = TFDSSource(
        num_samples,
        encoded,
        decoder,
        labels=labels,
        origin=f"{builder.info.full_name} {split}",
        shuffle=shuffle,
        seed=seed,
    )
    if num_samples * np.prod(decoder.shape) <= limit:
        source = sources.ArraySource(*source.everything(), shuffle=shuffle, seed=seed, check=False)
    source.class_names = list(builder.info.features[label].names) if labels else None
    return source.dataset(batch_size)


class TFDSSource(sequential_source.Sequential):
    """Encoded images that can be read only sequentially.

    `encoded` is a `tf.data.Dataset` of `(bytes,)` or `(bytes, label)`, always in the same order;
    `origin` says which data these are. Samples are mixed within blocks of `block`.
    """

    # Encoded images that are mixed at a time. `Dataset.shuffle` would mix across blocks, but its
    # order depends on TensorFlow's global seed as well.
    block = 4_096

    def __init__(self, num_samples, encoded, decoder, *, labels, origin, shuffle=True, seed=0):
        spec = tf.TensorSpec(decoder.shape, "uint8")
        if labels:
            spec = (spec, tf.TensorSpec((), "int32"))
        super().__init__(num_samples, spec, shuffle=shuffle, seed=seed)
        self.origin = origin
        self._encoded = encoded
        self._decoder = decoder

    def description(self):
        return {**super().description(), "origin": self.origin, **self._decoder.description()}

    def rest(self, pass_index, first_step, batch_size, *, drop_tail):
        first_sample = tf.convert_to_tensor(first_step, "int64") * batch_size
        dataset = self._ordered(pass_index).skip(first_sample)
        return dataset.batch(batch_size, drop_remainder=drop_tail).map(
            self._decoded, num_parallel_calls=2, deterministic=True
        )

    def examples(self, limit):
        shuffled = self._ordered(orders.EXAMPLES_PASS, shuffle=True)
        return self._collected(shuffled.take(limit), min(limit, self.num_samples))

    def split(self, share):
        raise _checks.error(
            "`validation_split` needs samples that can be read in any order, but these do not fit "
            "into `memory_limit_gib` and are read one after the other.",
            cure="Hold data out by name: `split='train[:90%]'` to train on, and "
            "`split='train[90%:]'` as `validation_data`.",
            validation_split=share,
        )

    def everything(self):
        """All samples, in the order of the files: `(samples, labels or None)`, NumPy."""
        return self._collected(self._encoded, self.num_samples)

    def _ordered(self, pass_index, shuffle=None):
        if not (self.shuffle if shuffle is None else shuffle):
            return self._encoded

        def mixed(number, parts):
            size = tf.shape(parts[0], out_type="int64")[0]
            order = orders.shuffled(tf.range(size), self.seed, pass_index, size, block=number)
            return tuple(tf.gather(part, order) for part in parts)

        return self._encoded.batch(self.block).enumerate().map(mixed).unbatch()

    def _decoded(self, files, *labels):
        images = numpy_function(self._decoder.decode_all, [files], "uint8", stateful=False)
        images = tf.ensure_shape(images, (files.shape[0], *self._decoder.shape))
        return (images, tf.cast(labels[0], "int32")) if labels else images

    def _collected(self, dataset, count):
        samples = np.empty((count, *self._decoder.shape), "uint8")
        labels, filled = [], 0
        batches, size = dataset.batch(_AT_A_TIME).as_numpy_iterator(), -(-count // _AT_A_TIME)
        for files, *classes in terminal.progress(batches, "Reading the data set", total=size):
            with pixels.quiet():
                samples[filled : filled + len(files)] = self._decoder.decode_all(files)
            filled += len(files)
            labels += classes
        return samples, np.concatenate(labels).astype("int32") if labels else None


# === Data sets of TFDS ===


def _imported():
    """Import TensorFlow Datasets, after checking its requirements."""
    for module in _MODULES:
        try:
            importlib.import_module(module)
        except ImportError as error:
            raise ImportError(
                f"`from_tfds` needs `{module}`, which cannot be imported ({error}). "
                "Run `pip install tensorflow-datasets importlib_resources`."
            ) from error
    return importlib.import_module("tensorflow_datasets")


def _builder(tfds, name, data_dir, download):
    _checks.check(isinstance(name, str), "`name` must be a string.", name=name)
    is_path = isinstance(data_dir, (str, os.PathLike))
    try:
        builder = tfds.builder(name, data_dir=os.path.expanduser(data_dir) if is_path else data_dir)
    except AssertionError as error:
        # TFDS has no specific error for an unknown version or configuration.
        rule = "`name` must be a data set's known version."
        raise _checks.error(rule, name=name, cure=str(error)) from None
    except tfds.core.DatasetNotFoundError:
        raise _checks.error(
            "`name` must be a data set that TensorFlow Datasets knows.",
            name=name,
            cure=_checks.did_you_mean(name, tfds.list_builders()),
        ) from None
    if not builder.is_prepared():
        _checks.check(
            download,
            f"The data set {name!r} is not prepared in {str(builder.data_dir)!r}.",
            cure="Use `download=True`, or give the right `data_dir`.",
            data_dir=data_dir,
            download=False,
        )
        builder.download_and_prepare()
    return builder


def _features(tfds, info, labels):
    """The names of the image feature and of the label feature, or `None`."""
    features = info.features
    supervised = info.supervised_keys or ()
    # The supervised ones first, then those with these names, then the order of the data set.
    names = sorted(features, key=lambda key: (key not in supervised, key not in ("image", "label")))
    images = [key for key in names if isinstance(features[key], tfds.features.Image)]
    _checks.check(
        images and features[images[0]].np_dtype == np.uint8,
        "The data set must have uint8 images.",
        name=info.name,
        features=list(features),
    )
    if not labels:
        return images[0], None
    classes = [key for key in names if isinstance(features[key], tfds.features.ClassLabel)]
    _checks.check(
        classes,
        "With `labels=True`, the data set must have a class label.",
        cure="Use `labels=False`.",
        name=info.name,
        features=list(features),
    )
    return images[0], classes[0]
