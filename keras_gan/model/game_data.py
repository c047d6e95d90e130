"""The data of a game: dicts of entries by name, and what callbacks see of them."""

from keras_gan.feeding import entry_data


class GameData:
    """Mixin of `AdversarialModel` with what it takes data by."""

    def _training_data(self, x, y, **options):
        return entry_data.training_feed(
            x, y, entries=self._game.specs, optional=tuple(self._game.draws), **options
        )

    def _evaluation_data(self, x, y, **options):
        return entry_data.evaluation_feed(
            x, y, entries=self._game.specs, optional=tuple(self._game.draws), **options
        )

    def _checked_batch(self, x, y):
        batch = entry_data.checked_batch(x, y, self._game.specs, optional=tuple(self._game.draws))
        return batch, None

    def _learn_class_names(self, x):
        """A game has classes by name where a data set tells them; see `GAN`."""
