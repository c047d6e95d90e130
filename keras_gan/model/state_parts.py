"""The training state of a model, listed once: what is saved, restored and checked.

A file has a checksum of each part. Its last column says whose code writes a part into a file of
Keras; a backup of `TrainingBackup` holds all of them.

| part | variables | in a file by |
|---|---|---|
| networks | weights | Keras |
| | states of random generators (dropout) | this package |
| moving average | weights | Keras |
| | states of random generators | this package |
| optimizers | all | Keras |
| networks of terms and metrics | weights | this package |
| counters; penalties, losses, terms, pools and augmentations with state | all | this package |
"""

import keras

from keras_gan.backend import inspection
from keras_gan.engine.players import unique
from keras_gan.engine.state import random_generators
from keras_gan.storage import checksums


def networks(model):
    """The networks that train, each once, by name: a list of pairs, the generator's last.

    The name of a critic's has a space, so that it is not that of another part.
    """
    found = {id(model.generator): ("generator", model.generator)}
    single = len(model.critics) == 1
    for critic in model.critics:
        name = "discriminator" if single else f"critic {critic.name}"
        found.setdefault(id(critic.network), (name, critic.network))
    generator, *others = found.values()
    return [*others, generator]


def _still(model):
    """Networks that no optimizer trains, by name."""
    found = []
    if model.averaged_generator is not model.generator:
        found.append(("averaged_generator", model.averaged_generator))
    if model.compiled:
        of_terms = unique(network for term in model._game.terms for network in term.networks)
        found += [(f"term_network_{i}", network) for i, network in enumerate(of_terms)]
    return found


def optimizers(model):
    """The optimizers by name: a `dict`."""
    if not model.compiled:
        return {}
    found = {}
    for player in model._players:
        several = len(model._players) > 2 and player.critics
        name = f"critic {player.name} optimizer" if several else f"{player.name}_optimizer"
        found[name] = player.optimizer
    return found


def _with_state(model):
    """Lists of objects with `variables` of their own, by kind."""
    if not model.compiled:
        return {}
    game = model._game
    pools = [critic.pool for critic in game.critics if critic.pool is not None]
    return {
        "regularizer": unique(r for critic in game.critics for r in critic.regularizers),
        "loss": unique(critic.loss for critic in game.critics if critic.loss is not None),
        "term": game.terms,
        "pool": pools,
        "augmentation": game.augmentations,
    }


_PARTS = {
    "state": "counters",
    "random": "random_generators",
    "still": checksums.STILL,
    "regularizer": "regularizers",
    "loss": "losses",
    "term": "terms",
    "pool": "pools",
    "augmentation": "augmentations",
    "network": "term_networks",
    "metric": checksums.OF_METRICS,
}


def own(model):
    """State that Keras does not save, by the name that it has in a file."""
    found = {f"state_{name}": v for name, v in model._state.variables().items()}
    for name, network in networks(model):
        found.update({f"random_{name}_{i}": v for i, v in enumerate(random_generators(network))})
    for name, network in _still(model):
        found.update({f"still_{name}_{i}": v for i, v in enumerate(random_generators(network))})
    for kind, things in _with_state(model).items():
        for i, thing in enumerate(things):
            found.update({f"{kind}_{i}_{j}": v for j, v in enumerate(thing.variables)})
    if model.compiled:
        # Here, and not as attributes: one network may serve two terms, or be in the generator too,
        # and Keras would write it once and then miss it.
        for i, term in enumerate(model._game.terms):
            weights = [v for network in term.networks for v in network.weights]
            found.update({f"network_{i}_{j}": v for j, v in enumerate(weights)})
        for i, metric in enumerate(model.quality_metrics):
            weights = metric_weights(metric)
            found.update({f"metric_{i}_{j}": v for j, v in enumerate(weights)})
    return found


def metric_weights(metric):
    """The weights of the network that makes a metric's features; empty without one."""
    features = getattr(metric, "features", None)
    return list(features.weights) if isinstance(features, keras.layers.Layer) else []


def with_checksums(model):
    """The parts that have a checksum in a file: `dict` of lists of variables."""
    parts = {
        name: network.weights
        # Without an average it is the generator, and has a checksum under both names.
        for name, network in [
            *networks(model),
            ("averaged_generator", model.averaged_generator),
        ]
        if not inspection.is_saved_merged(network)
    }
    parts.update({name: optimizer.variables for name, optimizer in optimizers(model).items()})
    for name, variable in own(model).items():
        parts.setdefault(_PARTS[name.split("_")[0]], []).append(variable)
    return parts


def run_variables(model):
    """All variables of a run, by position: Keras numbers the layers of a process."""
    groups = {name: network.variables for name, network in [*networks(model), *_still(model)]}
    groups.update({name: optimizer.variables for name, optimizer in optimizers(model).items()})
    for kind, things in _with_state(model).items():
        groups[_PARTS[kind]] = [v for thing in things for v in thing.variables]
    if model.compiled:
        of_metrics = (v for metric in model.quality_metrics for v in metric_weights(metric))
        groups[checksums.OF_METRICS] = unique(of_metrics)
    named = {
        f"{group}/{number}": variable
        for group, variables in groups.items()
        for number, variable in enumerate(variables)
    }
    named.update({f"state/{name}": v for name, v in model._state.variables().items()})
    return named
