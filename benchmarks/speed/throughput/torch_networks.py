"""The networks of the recipes in PyTorch."""

import types

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import parametrizations

from benchmarks.speed.throughput import workloads
from benchmarks.speed.throughput.torch_game import (
    Discriminator,
    Generator,
    _Same,
    _ToMaps,
    _ToUnits,
)
from benchmarks.speed.throughput.workloads import Layer


def build(recipe):
    """`(generator, discriminator)`, with channels last."""
    pair = {"dcgan": _dcgan, "sngan": _sngan, "r3gan": _r3gan, "pix2pix": _pix2pix}
    networks = pair[recipe.name](recipe.filters, recipe.latent_dim)
    return tuple(network.to(memory_format=torch.channels_last) for network in networks)


class _Sum(nn.Module):
    """The sum of two branches."""

    def __init__(self, branch, shortcut=None):
        super().__init__()
        self.branch, self.shortcut = branch, shortcut or nn.Identity()

    def forward(self, x):
        return self.branch(x) + self.shortcut(x)


# === DCGAN ===


def _dcgan(filters, latent_dim):
    layers = workloads.dcgan(
        64, 3, latent_dim, generator_filters=filters, discriminator_filters=filters
    )
    shared = {"num_classes": None, "is_image": True, "features": layers[1][-1].inputs}
    game = types.SimpleNamespace(generator=layers[0], discriminator=layers[1], **shared)
    return Generator(game), Discriminator(game)


# === SNGAN ===


def _sngan(filters, latent_dim):
    def up(inputs, outputs):
        shortcut = [nn.Conv2d(inputs, outputs, 1), nn.Upsample(scale_factor=2)]
        branch = [
            *norm(inputs),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(inputs, outputs, 3, padding=1),
            *norm(outputs),
            nn.Conv2d(outputs, outputs, 3, padding=1),
        ]
        return _Sum(nn.Sequential(*branch), nn.Sequential(*shortcut))

    def norm(channels):
        return nn.BatchNorm2d(channels, eps=1e-3), nn.ReLU()

    def spectral(*arguments, kind=nn.Conv2d, **options):
        return parametrizations.spectral_norm(kind(*arguments, **options))

    def down(inputs, outputs, *, first=False, halve=True):
        pool = [nn.AvgPool2d(2)] if halve else []
        branch = [
            *([] if first else [nn.ReLU()]),
            spectral(inputs, outputs, 3, padding=1),
            nn.ReLU(),
            spectral(outputs, outputs, 3, padding=1),
            *pool,
        ]
        return _Sum(nn.Sequential(*branch), nn.Sequential(*pool, spectral(inputs, outputs, 1)))

    widths = [filters * 2**k for k in range(4)][::-1]
    generator = nn.Sequential(
        nn.Linear(latent_dim, 16 * widths[0]),
        _ToMaps((4, 4, widths[0])),
        up(widths[0], widths[0]),
        *(up(a, b) for a, b in zip(widths, widths[1:], strict=False)),
        *norm(filters),
        nn.Conv2d(filters, 3, 3, padding=1),
        nn.Tanh(),
    )
    widths = [filters * 2**k for k in range(5)]
    discriminator = nn.Sequential(
        down(3, filters, first=True),
        *(down(a, b, halve=b < widths[-1]) for a, b in zip(widths, widths[1:], strict=False)),
        nn.ReLU(),
        _SumOfPlaces(),
        spectral(widths[-1], 1, kind=nn.Linear),
    )
    return generator, discriminator


class _SumOfPlaces(nn.Module):
    def forward(self, x):
        return x.sum((2, 3))


# === R3GAN ===


def _r3gan(filters, latent_dim):
    def block(width):
        inner = 2 * width
        return _Sum(
            nn.Sequential(
                nn.Conv2d(width, inner, 1),
                nn.LeakyReLU(0.2),
                nn.Conv2d(inner, inner, 3, padding=1, groups=inner // 16),
                nn.LeakyReLU(0.2),
                nn.Conv2d(inner, width, 1, bias=False),
            )
        )

    def width(inputs, outputs):
        return [] if inputs == outputs else [nn.Conv2d(inputs, outputs, 1, bias=False)]

    widths = [min(filters * 2**k, 128) for k in range(5)]
    up = nn.Upsample(scale_factor=2, mode="bilinear")
    generator = [nn.Linear(latent_dim, widths[-1], bias=False), _Basis(widths[-1])]
    generator.append(block(widths[-1]))
    for a, b in zip(widths[:0:-1], widths[-2::-1], strict=True):
        generator += [*width(a, b), up, block(b)]
    generator += [nn.Conv2d(filters, 3, 1, bias=False), nn.Tanh()]
    discriminator = [nn.Conv2d(3, filters, 1, bias=False), block(filters)]
    for a, b in zip(widths, widths[1:], strict=False):
        discriminator += [_LowPass(a), *width(a, b), block(b)]
    last = widths[-1]
    discriminator += [nn.Conv2d(last, last, 4, groups=last, bias=False), _ToUnits()]
    discriminator.append(nn.Linear(last, 1, bias=False))
    return nn.Sequential(*generator), nn.Sequential(*discriminator)


class _Basis(nn.Module):
    """A learned map whose channels the inputs scale."""

    def __init__(self, channels):
        super().__init__()
        self.basis = nn.Parameter(torch.randn(1, channels, 4, 4))

    def forward(self, x):
        return (x[:, :, None, None] * self.basis).contiguous(memory_format=torch.channels_last)


class _LowPass(nn.Module):
    """Half the height and width, without aliases."""

    def __init__(self, channels):
        super().__init__()
        line = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8.0
        self.register_buffer("kernel", (line[:, None] * line).repeat(channels, 1, 1, 1))

    def forward(self, x):
        return functional.conv2d(x, self.kernel, stride=2, padding=1, groups=len(self.kernel))


# === pix2pix ===


def _pix2pix(filters, _):
    return _UNet([min(filters * 2**k, 256) for k in range(6)]), _Patches(filters)


class _UNet(nn.Module):
    def __init__(self, widths):
        super().__init__()
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        inputs, last = 3, len(widths) - 1
        for number, width in enumerate(widths):
            stage = [nn.LeakyReLU(0.2)] if number else []
            stage.append(nn.Conv2d(inputs, width, 4, 2, padding=1, bias=False))
            if 0 < number < last:
                stage.append(nn.InstanceNorm2d(width, affine=True))
            self.down.append(nn.Sequential(*stage))
            inputs = width
        for number, width in enumerate(widths[-2::-1]):
            stage = [nn.ReLU(), nn.ConvTranspose2d(inputs, width, 4, 2, padding=1, bias=False)]
            stage.append(nn.InstanceNorm2d(width, affine=True))
            if number < 3:
                stage.append(nn.Dropout(0.5))
            self.up.append(nn.Sequential(*stage))
            inputs = 2 * width
        self.image = nn.Sequential(
            nn.ReLU(), nn.ConvTranspose2d(inputs, 3, 4, 2, padding=1), nn.Tanh()
        )

    def forward(self, x):
        skips = []
        for stage in self.down:
            x = stage(x)
            skips.append(x)
        for stage, skip in zip(self.up, skips[-2::-1], strict=True):
            x = torch.cat([stage(x), skip], 1)
        return self.image(x)


class _Patches(nn.Module):
    def __init__(self, filters):
        super().__init__()
        layers, inputs, side = [], 6, 64
        for number in range(4):
            outputs, stride = filters * 2**number, 2 if number < 3 else 1
            layers.append(_Same(Layer("conv", inputs, outputs, side, 4, stride, bias=not number)))
            layers += [nn.InstanceNorm2d(outputs, affine=True)] if number else []
            layers.append(nn.LeakyReLU(0.2))
            inputs, side = outputs, side // stride
        layers.append(_Same(Layer("conv", inputs, 1, side, 4)))
        self.layers = nn.Sequential(*layers)

    def forward(self, images, condition):
        return self.layers(torch.cat([images, condition], 1))
