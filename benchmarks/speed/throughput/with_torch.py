"""P3 and P4: the same games in PyTorch, in a process of an environment that has it.

Arguments: contender ("P3" eager, "P4" `torch.compile`), workload, precision, seconds a round.
What a careful user would write: channels last, the fakes of the last discriminator update shared
with the generator's, gradients of one player's weights alone, fused Adam, the data in memory as
float32 in the layout that the networks read. bfloat16 is `torch.autocast`. `torch.compile` cannot
differentiate twice: where there is a gradient penalty, it is taken of the eager discriminator.
Nothing of keras_gan is imported here.
"""

import statistics
import sys
import time

from benchmarks.speed.throughput.recipes import ALL, RECIPES
from benchmarks.speed.throughput.worker import SETTLING, Worker, steps_a_round


def main(contender, workload, precision, seconds):
    worker, is_recipe, workload = Worker(), workload in RECIPES, ALL[workload]
    data, bfloat16 = workload.data(), precision == "bfloat16"
    worker.begin()
    from benchmarks.speed.throughput import torch_game, torch_recipes

    worker.imported()
    if is_recipe:
        game = torch_recipes.Game(workload, *data, bfloat16=bfloat16)
    else:
        game = torch_game.Game(workload, *data, compiled=contender == "P4", bfloat16=bfloat16)
    game.step()
    worker.first_step()
    times = []
    while sum(times) < SETTLING:
        begin = time.perf_counter()
        game.step()
        times.append(time.perf_counter() - begin)
    steps = steps_a_round(seconds, statistics.median(times))
    game.run(steps)
    worker.ready(
        parameters=game.parameters(),
        steps_per_execution=1,
        steps=steps,
        torch=torch_game.torch.__version__,
    )
    while worker.asked():
        begin = time.perf_counter()
        game.run(steps)
        worker.say(seconds=time.perf_counter() - begin, steps=steps)
    worker.finish()


if __name__ == "__main__":
    main(*sys.argv[1:4], float(sys.argv[4]))
