"""The players of a game, as a list: whose turn it is, what it trains, and by what."""

import typing

from keras_gan.engine.state import PLAYERS


class Player(typing.NamedTuple):
    """One of the two.

    Attributes:
        number: its place in the list, `DISCRIMINATOR` or `GENERATOR`.
        name: "discriminator" or "generator".
        network: the Keras model that it trains.
        optimizer: its optimizer, built.
    """

    number: int
    name: str
    network: typing.Any
    optimizer: typing.Any

    @property
    def variables(self):
        """What it trains: a list."""
        return self.network.trainable_variables


def players_of(gan):
    """The `Player`s of a compiled model, in the order of their numbers."""
    return [
        Player(number, name, getattr(gan, name), getattr(gan, f"{name}_optimizer"))
        for number, name in enumerate(PLAYERS)
    ]
