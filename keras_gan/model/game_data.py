"""The data of a game: dicts of entries by name, and what callbacks see of them."""

from keras_gan.feeding import entry_data
from keras_gan.feeding.sample_spec import unpack
from keras_gan.model import watched


class GameData:
    """Mixin of `AdversarialModel` with what it takes data by.

    Attributes:
        is_fed_entries: whether data are dicts of entries; those of a `GAN` are samples and labels.
    """

    is_fed_entries = True

    def _training_data(self, x, y, **options):
        game = self._game
        # What metrics alone read may be there, and is held out with the rest.
        entries, optional = game.evaluated_specs, game.optional_in_training
        return entry_data.training_feed(x, y, entries=entries, optional=optional, **options)

    def _evaluation_data(self, x, y, **options):
        game = self._game
        entries, optional = game.evaluated_specs, game.optional
        return entry_data.evaluation_feed(x, y, entries=entries, optional=optional, **options)

    def _checked_batch(self, x, y):
        game = self._game
        entries, optional = game.evaluated_specs, game.optional_in_training
        return entry_data.checked_batch(x, y, entries, optional=optional), None

    def _tensors_of(self, data):
        """The tensors of a batch by name, as networks take them."""
        batch, _ = unpack(data)
        return self._game.evaluated_specs.to_tensors(batch)

    # === What callbacks look at ===

    def watched_pairs(self, watch=None):
        """What is watched of each critic that plays: a list of `watched.WatchedPair`s.

        Args:
            watch: pairs of names; `None` for the first names of each critic.

        Raises:
            ValueError: for a pair that no critic judges.
        """
        return watched.watched_pairs(self, watch)

    @property
    def networks_by_player(self):
        """The networks that a run trains: a `dict` of tuples by the name of the player."""
        critics = {player.name: player.networks for player in self._players[:-1]}
        average = {"averaged_generator": (self.averaged_generator,)}
        return {"generator": (self.generator,), **critics, **average}
