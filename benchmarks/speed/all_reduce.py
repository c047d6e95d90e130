"""On paper: what the all-reduce costs on 8 to 1,000 workers, and where more of them stop paying.

A ring passes `B` bytes among `N` workers in `2 (N - 1)` messages, one after another, each of
`B / N` bytes (Patarasuk and Yuan, "Bandwidth optimal all-reduce algorithms", JPDC 2009):

    seconds = 2 (N - 1) / N * B / bandwidth + 2 (N - 1) * latency

A step reduces, one after another, since each update waits for the one before:

- for each of its `n` updates of the discriminator and `m` of the generator, that player's gradients
  in float32, `GRADIENTS` times: once for their norm, and once more by Keras's optimizer;
- for each update its loss, and for each step the means of the logs: one number each;
- for each pass of the generator, what each layer of synchronised BatchNorm needs: the sum, that of
  squares and the count, and the gradients of the former two on the way back. W2 and R3GAN have no
  such layers; W1 has.

All gradients of an update count as one reduction. Computing takes a step's multiply-adds over the
worker's rate, and nothing overlaps: gradients are checked as a whole before any of them is applied.
Networks, workers and rates are stated, not measured; weights and multiply-adds are counted.

- Weak scaling: each worker has a batch of its own. `N` workers train `N * efficiency` times as
  many images a second; efficiency is the share of a step that is computed.
- Strong scaling: the batch is divided among the workers. With `C` the seconds computed on one,
  `b` those that all bytes take at full bandwidth and `k` the number of reductions, a step takes

    C / N + 2 (N - 1) / N * b + 2 (N - 1) * k * latency

  and is shortest at `N = sqrt((C - 2 b) / (2 k latency))` (at 1, if `C <= 2 b`), or where each
  worker has one sample.
"""

import math
import pathlib
import typing

from benchmarks import drawing, records

WORKERS = (8, 32, 128, 1000)
GRADIENTS, BYTES = 2, 4
SIZE = (9.0, 4.0)  # of the picture, in inches


class Network(typing.NamedTuple):
    """A way from worker to worker."""

    name: str
    bytes_per_second: float
    latency: float  # seconds a message
    most_workers: float = math.inf


# Bandwidth is that of one direction, as each worker sends and receives at once.
NETWORKS = {
    "1 Gbit/s": Network("1 Gbit/s Ethernet, 50 us", 1e9 / 8, 50e-6),
    "10 Gbit/s": Network("10 Gbit/s Ethernet, 50 us", 10e9 / 8, 50e-6),
    "100 Gbit/s": Network("100 Gbit/s Ethernet (RDMA), 5 us", 100e9 / 8, 5e-6),
    "NVLink": Network("NVLink, 900 GB/s both ways, 2 us, up to 8", 450e9, 2e-6, 8),
}


class Worker(typing.NamedTuple):
    """What computes: a name, multiply-adds a second, and the networks it may have."""

    name: str
    rate: float
    networks: tuple


PROCESSOR = Worker("two cores, 0.35e12/s", 0.35e12, ("1 Gbit/s", "10 Gbit/s", "100 Gbit/s"))
GPU = Worker("GPU, 50e12/s", 50e12, ("10 Gbit/s", "100 Gbit/s", "NVLink"))


class Game(typing.NamedTuple):
    """What a step computes and reduces.

    Attributes:
        name: of the game.
        generator: its trainable weights.
        discriminator: likewise.
        multiply_adds: of a step, for each sample of an update's batch.
        batch: of one update; a worker's own in weak scaling, that of all in strong scaling.
        logs: numbers that are reduced for the logs of a step.
        discriminator_steps: updates.
        generator_steps: updates.
        norms: the generator's layers of BatchNorm.
        normed: channels of all of them.
    """

    name: str
    generator: int
    discriminator: int
    multiply_adds: float
    batch: int
    logs: int = 8
    discriminator_steps: int = 1
    generator_steps: int = 1
    norms: int = 0
    normed: int = 0


# === The model ===


def ring_seconds(size, workers, network, reductions=1):
    """Seconds that reductions of `size` bytes in all take, one after another."""
    if workers == 1:
        return 0.0
    passed = 2 * (workers - 1) / workers * size / network.bytes_per_second
    return passed + 2 * (workers - 1) * network.latency * reductions


def reduced(game):
    """`(bytes, reductions)` of a step."""
    n, m = game.discriminator_steps, game.generator_steps
    passes = n + m - 1  # the last update of the one player and the first of the other share one
    values = (
        GRADIENTS * (n * game.discriminator + m * game.generator)
        + (n + m)
        + game.logs
        + passes * (2 * game.normed + game.norms)
        + m * 2 * game.normed
    )
    reductions = (GRADIENTS + 1) * (n + m) + game.logs + (3 * passes + 2 * m) * game.norms
    return BYTES * values, reductions


def computed(game, worker):
    """Seconds that one worker takes to compute a step on the whole batch."""
    return game.multiply_adds * game.batch / worker.rate


def weak_efficiency(game, worker, network, workers):
    """Share of a step that is computed, where each worker has a batch of its own."""
    alone = computed(game, worker)
    size, reductions = reduced(game)
    return alone / (alone + ring_seconds(size, workers, network, reductions))


def strong_speed_up(game, worker, network, workers):
    """How much faster than one worker so many are that share one batch."""
    alone = computed(game, worker)
    size, reductions = reduced(game)
    return alone / (alone / workers + ring_seconds(size, workers, network, reductions))


def weak_limit(game, worker, network, efficiency=0.5):
    """The most workers of which each still computes for this share of its time.

    The root of `2 (N - 1) / N * b + 2 (N - 1) a = c` with `a` the latency of all reductions, `b`
    the bytes' seconds and `c = C (1 / efficiency - 1)`, rounded down.
    """
    size, reductions = reduced(game)
    a, b = reductions * network.latency, size / network.bytes_per_second
    c = computed(game, worker) * (1.0 / efficiency - 1.0)
    # 2 a N^2 + (2 b - 2 a - c) N - 2 b = 0
    half = (2 * b - 2 * a - c) / 2
    root = (-half + math.sqrt(half**2 + 4 * a * b)) / (2 * a)
    return min(math.floor(root + 1e-9), network.most_workers)


def strong_limit(game, worker, network):
    """The number of workers beyond which a shared batch takes longer, or cannot be shared."""
    size, reductions = reduced(game)
    left = computed(game, worker) - 2 * size / network.bytes_per_second
    if left <= 0:
        return 1
    best = math.sqrt(left / (2 * reductions * network.latency))
    most = min(game.batch, network.most_workers)
    return max(
        (min(max(1, whole), most) for whole in (math.floor(best), math.ceil(best))),
        key=lambda workers: strong_speed_up(game, worker, network, workers),
    )


# === The games ===


def counted():
    """The record of all games: weights and multiply-adds, from the networks themselves."""
    from benchmarks.speed.throughput.workloads import WORKLOADS
    from keras_gan import networks

    games = [of_workload(name, WORKLOADS[name]) for name in ("W1", "W2")]
    for name, batch, options in (
        ("R3GAN 64x64x3, batch 64", 64, {}),
        (
            "R3GAN 64x64x3, 384 to 768 filters, batch 512",
            512,
            {"filters": 384, "max_filters": 768, "blocks": 2},
        ),
    ):
        games.append(r3gan(name, batch, *networks.r3gan((64, 64, 3), **options)))
    return {"games": [game._asdict() for game in games]}


def of_workload(name, workload):
    """A workload of the throughput benchmark as a game."""
    from benchmarks.speed.throughput.bound import work

    norms = [(layer.shape or (layer.outputs,))[-1] for layer in workload.generator if layer.norm]
    return Game(
        f"{name}, batch {workload.batch}",
        *workload.parameters.values(),
        # `work` is that of a real image; an update's batch has one of each update's.
        work(workload) * workload.discriminator_steps,
        workload.batch,
        discriminator_steps=workload.discriminator_steps,
        norms=len(norms),
        normed=sum(norms),
    )


def r3gan(name, batch, generator, discriminator):
    """A game with R1 and R2, from its networks.

    Of forward passes, or as much: three of each network in its own update, the discriminator's
    for real and for generated samples; as many again for R1 and R2 (a gradient of the inputs, and
    for its derivative a forward pass and a gradient of the weights); in the generator's update two
    of the discriminator, as a relativistic loss scores real samples too, and a gradient of the
    inputs.
    """
    from keras_gan.model import compute_cost

    forward = [compute_cost.multiply_adds(network) for network in (generator, discriminator)]
    weights = [
        sum(math.prod(weight.shape) for weight in network.trainable_weights)
        for network in (generator, discriminator)
    ]
    work = 3 * forward[0] + (2 * 3 + 2 * 3 + 3) * forward[1]
    return Game(name, *weights, work, batch, logs=10)


# === Results ===


def main():
    parser = records.parser(__doc__)
    parser.add_argument("--pictures", type=pathlib.Path, help="draw into this folder")
    given = parser.parse_args()
    runs = records.Runs("all_reduce", given)
    run = runs.measured("all_reduce", counted)
    runs.end()
    if given.pictures:
        drawing.picture(given.pictures / "all_reduce.png", draw, run, size=SIZE)
    print(report(run))


def games_of(run):
    return [Game(**game) for game in run["games"]]


def settings(run):
    """All `(game, worker, network)`."""
    for game in games_of(run):
        for worker in (PROCESSOR, GPU):
            for name in worker.networks:
                yield game, worker, NETWORKS[name]


def report(run):
    """One Markdown table of all games, workers and networks."""
    rows = []
    for game, worker, network in settings(run):
        efficiencies = [
            f"{weak_efficiency(game, worker, network, workers):.0%}"
            if workers <= network.most_workers
            else "-"
            for workers in WORKERS
        ]
        most = strong_limit(game, worker, network)
        rows.append(
            (
                game.name,
                worker.name,
                network.name,
                f"{reduced(game)[0] / 1e6:.1f} in {reduced(game)[1]}",
                _short(1e3 * computed(game, worker)),
                *efficiencies,
                f"{weak_limit(game, worker, network):,}",
                f"{most} ({strong_speed_up(game, worker, network, most):.1f}x)",
            )
        )
    columns = (
        "game",
        "worker, multiply-adds",
        "network, latency",
        "MB a step, reductions",
        "ms computed",
        *(f"{workers:,} workers" for workers in WORKERS),
        "half computed up to",
        "one batch fastest on",
    )
    return records.table(columns, rows)


def _short(number):
    return f"{number:.3g}" if number < 100 else f"{number:,.0f}"


def draw(run, figure):
    """Speed-up with a batch for each worker, and with one for all, against workers."""
    axes = figure.subplots(1, 2)
    kept = [setting for setting in settings(run) if setting[2] is NETWORKS["100 Gbit/s"]]
    for game, worker, network in kept:
        style = "-" if worker is GPU else "--"
        counts = [2**k for k in range(11)]
        weak = [n * weak_efficiency(game, worker, network, n) for n in counts]
        label = f"{game.name.split(', batch')[0]}, {worker.name.split(',')[0]}"
        color = f"C{games_of(run).index(game)}"
        axes[0].plot(counts, weak, style, color=color, label=label)
        shared = [n for n in counts if n <= game.batch]
        strong = [strong_speed_up(game, worker, network, n) for n in shared]
        axes[1].plot(shared, strong, style, color=color)
    for each, title in zip(axes, ("a batch for each worker", "one batch for all"), strict=True):
        each.plot([1, 1024], [1, 1024], color="grey", linewidth=0.8)
        each.set_xscale("log", base=2)
        each.set_yscale("log", base=2)
        each.set_title(f"{title}, 100 Gbit/s", fontsize=10)
        each.set_xlabel("workers")
    axes[1].set_ylim(0.25, 1024)
    axes[0].set_ylabel("speed-up over one worker")
    figure.legend(fontsize=7, loc="outside lower center", ncols=4)


if __name__ == "__main__":
    main()
