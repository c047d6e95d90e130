"""P3 of the recipes: training steps in eager PyTorch.

As in `torch_game.py`: the fakes of the discriminator's update are shared with the
generator's, gradients are of one player's weights alone, Adam is fused, the data are floats in
memory. R1 and R2 are gradients of the logits that the loss takes.
"""

import torch
from torch.nn import functional

from benchmarks.speed.throughput import torch_networks


class Game:
    """Two networks of a recipe, their optimizers and data."""

    def __init__(self, recipe, images, inputs, *, bfloat16):
        torch.manual_seed(0)
        self.recipe, self.bfloat16 = recipe, bfloat16
        self.generator, self.discriminator = torch_networks.build(recipe)
        self.weights = {
            network: list(network.parameters()) for network in (self.generator, self.discriminator)
        }
        self.optimizers = {
            network: torch.optim.Adam(
                weights,
                lr=recipe.learning_rate,
                betas=(recipe.beta_1, recipe.beta_2),
                eps=1e-7,
                fused=True,
            )
            for network, weights in self.weights.items()
        }
        self.average = [weight.detach().clone() for weight in self.weights[self.generator]]
        self.images, self.inputs = (
            None if part is None else torch.from_numpy(part).float() / 127.5 - 1.0
            for part in (images, inputs)
        )
        self._order = self._at = None

    def parameters(self):
        return {
            name: sum(weight.numel() for weight in getattr(self, name).parameters())
            for name in ("generator", "discriminator")
        }

    def run(self, steps):
        for _ in range(steps):
            self.step()

    def step(self):
        """The discriminator's update, the generator's, and its moving average."""
        recipe, rows = self.recipe, self._rows()
        real = self._taken(self.images, rows)
        if recipe.latent_dim is None:
            given = self._taken(self.inputs, rows)
            fake, condition = self._run(self.generator, given), (given,)
        else:
            latents = torch.randn(recipe.batch, recipe.latent_dim)
            fake, condition = self._run(self.generator, latents), ()
        loss = self._discriminator_loss(real, fake.detach(), condition)
        self._update(loss, self.discriminator)
        logits = self._run(self.discriminator, fake, *condition)
        if recipe.loss == "hinge":
            loss = -logits.mean()
        elif recipe.loss == "relativistic":
            with torch.no_grad():
                real_logits = self._run(self.discriminator, real)
            loss = functional.softplus(real_logits - logits).mean()
        else:
            distance = (fake - real).abs().mean()
            loss = functional.softplus(-logits).mean() + recipe.l1_weight * distance
        self._update(loss, self.generator)
        with torch.no_grad():
            torch._foreach_lerp_(self.average, self.weights[self.generator], 1.0 - recipe.decay)

    def _discriminator_loss(self, real, fake, condition):
        gamma, penalty = self.recipe.gamma, 0.0
        if gamma is not None:
            real, fake = real.requires_grad_(), fake.requires_grad_()
        real_logits = self._run(self.discriminator, real, *condition)
        fake_logits = self._run(self.discriminator, fake, *condition)
        if gamma is not None:
            penalty = gamma * (_half_squares(real_logits, real) + _half_squares(fake_logits, fake))
        if self.recipe.loss == "hinge":
            loss = functional.relu(1.0 - real_logits) + functional.relu(1.0 + fake_logits)
        elif self.recipe.loss == "relativistic":
            loss = functional.softplus(fake_logits - real_logits)
        else:
            loss = functional.softplus(-real_logits) + functional.softplus(fake_logits)
        return loss.mean() + penalty

    def _run(self, network, *inputs):
        # Autocast keeps its copies of the weights while it lasts: not beyond an update.
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
            return network(*inputs).float()

    def _update(self, loss, network):
        weights = self.weights[network]
        for weight, gradient in zip(weights, torch.autograd.grad(loss, weights), strict=True):
            weight.grad = gradient
        self.optimizers[network].step()

    def _rows(self):
        batch = self.recipe.batch
        if self._order is None or self._at + batch > len(self.images):
            self._order, self._at = torch.randperm(len(self.images)), 0
        self._at += batch
        return self._order[self._at - batch : self._at]

    @staticmethod
    def _taken(images, rows):
        return images[rows].permute(0, 3, 1, 2)


def _half_squares(logits, samples):
    """Mean of half the squared gradients of logits."""
    (gradients,) = torch.autograd.grad(logits.sum(), samples, create_graph=True)
    return gradients.float().square().flatten(1).sum(1).mean() / 2.0
