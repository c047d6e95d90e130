"""The classes of a model, where it has one name that stands for them, and their names."""

import tensorflow as tf

from keras_gan import priors
from keras_gan.feeding import class_names as names_of
from keras_gan.model import critic_checks


class Classes:
    """Mixin of `AdversarialModel` with its classes.

    A name with a `priors.Categorical` whose input takes whole numbers is a class. With exactly one
    such name, `class_entry` is it, and `num_classes` the number of its classes; else both are
    `None`.
    """

    class_entry = num_classes = _class_names = None

    @property
    def class_names(self):
        """The names of the classes by index, or `None`."""
        return self._class_names

    @class_names.setter
    def class_names(self, class_names):
        names = names_of.checked(class_names, self.num_classes or 0)
        self._class_names = None if names is None else tuple(names)  # Keras would wrap a list

    def _find_classes(self):
        """Find the name that stands for classes, from the priors and the inputs of networks."""
        takers = dict(self._named_generator.inputs)
        for critic in self.critics:
            tensors = critic_checks.symbolic_inputs(critic)
            takers |= dict(zip((*critic.real, *critic.condition), tensors, strict=True))
        found = [
            name
            for name, prior in self.priors.items()
            if isinstance(prior, priors.Categorical)
            and name in takers
            and tf.as_dtype(takers[name].dtype).is_integer
        ]
        if len(found) == 1:
            self.class_entry = found[0]
            self.num_classes = self.priors[found[0]].num_classes

    def _learn_class_names(self, x):
        self.class_names = names_of.learned(self.class_names, x, self.num_classes)

    def _check_class_order(self, data, name):
        names_of.check_order(self.class_names, data, name)

    def _with_indices(self, given):
        """Inputs by name, in which names of classes are replaced by their indices."""
        name = self.class_entry
        if name is None or not isinstance(given, dict) or name not in given:
            return given
        return {**given, name: names_of.indices(given[name], self.class_names, name)}
