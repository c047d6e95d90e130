"""The players of a game, as a list: what each trains, by what, and when."""

import typing


class Player(typing.NamedTuple):
    """The generator, a critic, or critics that share weights.

    Attributes:
        number: its place in the list of players; the generator is the last.
        kind: `DISCRIMINATOR` or `GENERATOR`.
        name: "generator", or the name of the first of its critics.
        networks: the Keras models that it trains, each once.
        optimizer: its optimizer, built.
        critics: its `CompiledCritic`s; empty for the generator.
    """

    number: int
    kind: int
    name: str
    networks: tuple
    optimizer: typing.Any
    critics: tuple = ()

    @property
    def weights(self):
        """All weights of its networks: a list, each once."""
        return unique(v for network in self.networks for v in network.weights)

    @property
    def variables(self):
        """What it trains: a list, each variable once."""
        return unique(v for network in self.networks for v in network.trainable_variables)


def unique(things):
    """Each object once, in order: a list."""
    return list({id(thing): thing for thing in things}.values())


def groups(networks):
    """Places of networks that share weights: a list of lists, in order."""
    found = []  # (ids of weights, places)
    for place, network in enumerate(networks):
        ids, places = {id(v) for v in network.weights} | {id(network)}, [place]
        apart = []
        for others, of_others in found:
            if ids & others:
                ids, places = ids | others, of_others + places
            else:
                apart.append((others, of_others))
        found = [*apart, (ids, places)]
    return sorted(sorted(places) for _, places in found)


def critics_by_player(critics):
    """The critics of each player, those that share weights together: lists by the player's name."""
    parts = [
        [critics[place] for place in places]
        for places in groups([critic.network for critic in critics])
    ]
    return {"discriminator" if len(parts) == 1 else part[0].name: part for part in parts}
