"""Networks and training step of a workload in PyTorch."""

import contextlib

import torch
from torch import nn
from torch.nn import functional

# === Networks ===


class _Same(nn.Module):
    """A convolution with the padding that TensorFlow calls "same"."""

    def __init__(self, layer):
        super().__init__()
        total = (layer.side - 1) * layer.stride + layer.kernel - layer.size
        before, after = total // 2, total - total // 2
        # A lopsided padding is an operation of its own.
        self.padding = (before, after, before, after) if before != after else None
        self.conv = nn.Conv2d(
            layer.inputs,
            layer.outputs,
            layer.kernel,
            layer.stride,
            padding=0 if self.padding else before,
            bias=layer.bias,
        )

    def forward(self, x):
        return self.conv(functional.pad(x, self.padding) if self.padding else x)


class _Crop(nn.Module):
    def __init__(self, side):
        super().__init__()
        self.side = side

    def forward(self, x):
        return x[:, :, : self.side, : self.side].contiguous(memory_format=torch.channels_last)


class _ToMaps(nn.Module):
    """Units to maps in channels-last order, without a copy."""

    def __init__(self, shape):
        super().__init__()
        self.shape = shape

    def forward(self, x):
        return x.reshape(-1, *self.shape).permute(0, 3, 1, 2)


class _ToUnits(nn.Module):
    def forward(self, x):
        return x.permute(0, 2, 3, 1).flatten(1)


def _modules(layers):
    for layer in layers:
        if layer.kind == "dense":
            yield nn.Linear(layer.inputs, layer.outputs, bias=layer.bias)
        elif layer.kind == "conv":
            yield _Same(layer)
        else:
            yield nn.ConvTranspose2d(
                layer.inputs,
                layer.outputs,
                layer.kernel,
                layer.stride,
                padding=(layer.kernel - layer.stride) // 2,
                bias=layer.bias,
            )
        if layer.shape:
            yield _ToMaps(layer.shape)
        if layer.crop:
            yield _Crop(layer.crop)
        if layer.norm:
            yield nn.BatchNorm2d(layer.shape[-1] if layer.shape else layer.outputs, eps=1e-3)
        if layer.activation:
            yield {
                "relu": nn.ReLU(),
                "leaky_relu": nn.LeakyReLU(0.2),
                "tanh": nn.Tanh(),
            }[layer.activation]


class Generator(nn.Module):
    def __init__(self, workload):
        super().__init__()
        self.embedding = None
        if workload.num_classes:
            self.embedding = nn.Embedding(workload.num_classes, workload.label_width)
        self.layers = nn.Sequential(*_modules(workload.generator))

    def forward(self, latents, labels=None):
        if labels is not None:
            latents = torch.cat([latents, self.embedding(labels)], 1)
        return self.layers(latents)


class Discriminator(nn.Module):
    def __init__(self, workload):
        super().__init__()
        self.embedding = None
        if workload.num_classes:
            self.embedding = nn.Embedding(workload.num_classes, workload.features)
        self.layers = nn.Sequential(*_modules(workload.discriminator[:-1]))
        self.flatten = _ToUnits() if workload.is_image else nn.Identity()
        self.score = nn.Linear(workload.features, 1)

    def forward(self, samples, labels=None):
        features = self.flatten(self.layers(samples))
        logits = self.score(features)
        if labels is not None:
            match = (features * self.embedding(labels)).sum(1, keepdim=True)
            logits = logits + match
        return logits


# === The game ===


class Game:
    """Two networks, their optimizers and data."""

    def __init__(self, workload, samples, labels, *, compiled, bfloat16):
        torch.manual_seed(0)
        self.workload = workload
        self.generator, self.discriminator = Generator(workload), Discriminator(workload)
        if workload.is_image:
            for network in (self.generator, self.discriminator):
                network.to(memory_format=torch.channels_last)
        self.generator_weights = list(self.generator.parameters())
        self.discriminator_weights = list(self.discriminator.parameters())
        self.optimizers = {
            id(weights): torch.optim.Adam(
                weights,
                lr=workload.learning_rate,
                betas=(workload.beta_1, workload.beta_2),
                eps=1e-7,
                fused=True,
            )
            for weights in (self.generator_weights, self.discriminator_weights)
        }
        self.generate, self.judge = self.generator, self.discriminator
        if compiled:
            self.generate = torch.compile(self.generator)
            self.judge = torch.compile(self.discriminator)
        self.bfloat16 = bfloat16
        self.samples = torch.from_numpy(samples)
        if workload.is_image:
            self.samples = self.samples.float() / 127.5 - 1.0
        self.labels = None if labels is None else torch.from_numpy(labels).long()
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
        """The discriminator's updates, then the generator's."""
        workload = self.workload
        for k in range(workload.discriminator_steps):
            real, labels = self._batch()
            latents = torch.randn(workload.batch, workload.latent_dim)
            last = k == workload.discriminator_steps - 1
            with contextlib.nullcontext() if last else torch.no_grad():
                fake = self._run(self.generate, latents, labels)
            loss = self._discriminator_loss(real, fake.detach(), labels)
            self._update(loss, self.discriminator_weights)
        logits = self._run(self.judge, fake, labels)
        if workload.penalty_weight is None:
            loss = functional.softplus(-logits).mean()
        else:
            loss = -logits.mean()
        self._update(loss, self.generator_weights)

    def _discriminator_loss(self, real, fake, labels):
        real_logits = self._run(self.judge, real, labels)
        fake_logits = self._run(self.judge, fake, labels)
        if self.workload.penalty_weight is None:
            return (functional.softplus(-real_logits) + functional.softplus(fake_logits)).mean()
        penalty = self._penalty(real, fake, labels)
        return (fake_logits - real_logits).mean() + self.workload.penalty_weight * penalty

    def _penalty(self, real, fake, labels):
        share = torch.rand(len(real), *[1] * (real.dim() - 1))
        points = (share * real + (1.0 - share) * fake).requires_grad_()
        logits = self._run(self.discriminator, points, labels)
        (gradients,) = torch.autograd.grad(logits.sum(), points, create_graph=True)
        norms = (gradients.float().square().flatten(1).sum(1) + 1e-12).sqrt()
        return (norms - 1.0).square().mean()

    def _run(self, network, inputs, labels):
        # Autocast keeps its copies of the weights while it lasts: not beyond an update.
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
            return network(inputs, labels).float()

    def _update(self, loss, weights):
        gradients = torch.autograd.grad(loss, weights)
        for weight, gradient in zip(weights, gradients, strict=True):
            weight.grad = gradient
        self.optimizers[id(weights)].step()

    def _batch(self):
        batch = self.workload.batch
        if self._order is None or self._at + batch > len(self.samples):
            self._order, self._at = torch.randperm(len(self.samples)), 0
        rows = self._order[self._at : self._at + batch]
        self._at += batch
        samples = self.samples[rows]
        if self.workload.is_image:
            samples = samples.permute(0, 3, 1, 2)
        return samples, None if self.labels is None else self.labels[rows]
