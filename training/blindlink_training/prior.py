"""The picture prior: a denoiser (x + σ·n, σ) → E[x], fully convolutional.

Pictures are in [−1, 1]. The network works on 2×2 patches (space to depth), as a U-Net of residual blocks whose features
are scaled and shifted by an embedding of the noise level, without normalisation layers. Pre-conditioning follows
Karras et al., "Elucidating the Design Space of Diffusion-Based Generative Models" (2022), table 1, with σ_data = 0.5.
"""

from __future__ import annotations

import math
from typing import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIGMA_DATA = 0.5
FREQUENCIES = 16


def precondition(features: Callable[[Tensor, Tensor], Tensor], noisy: Tensor, sigma: Tensor) -> Tensor:
    """The denoised picture from a network of (picture of unit variance, ln σ / 4)."""
    s = sigma.view(-1, 1, 1, 1)
    total = (s.square() + SIGMA_DATA**2).sqrt()
    scaled = features(noisy / total, sigma.log() / 4).float()
    return noisy * (SIGMA_DATA**2 / total.square()) + scaled * (s * SIGMA_DATA / total)


class NoiseEmbedding(nn.Module):
    """ln σ / 4 → [N, width]: sines and cosines of geometrically spaced frequencies, then one hidden layer."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("frequencies", math.pi * 2 ** torch.linspace(-2, 3, FREQUENCIES), persistent=False)
        self.hidden = nn.Linear(2 * FREQUENCIES, width)
        self.out = nn.Linear(width, width)

    def forward(self, level: Tensor) -> Tensor:
        angle = level[:, None] * self.frequencies
        waves = torch.cat([angle.sin(), angle.cos()], dim=1)
        return F.silu(self.out(F.silu(self.hidden(waves))))


class Block(nn.Module):
    def __init__(self, width: int, embedding: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.modulation = nn.Linear(embedding, 2 * width)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        nn.init.normal_(self.second.weight, std=1e-2 / width**0.5)
        nn.init.zeros_(self.modulation.bias)
        nn.init.normal_(self.modulation.weight, std=1e-2)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        scale, shift = self.modulation(embedding)[:, :, None, None].chunk(2, dim=1)
        y = self.first(F.silu(x)) * (1 + scale) + shift
        return x + self.second(F.silu(y))


class Prior(nn.Module):
    """noisy [N,3,H,W], sigma [N] → denoised [N,3,H,W]; H and W multiples of 8."""

    def __init__(self, widths: list[int], blocks: list[int], embedding: int = 128) -> None:
        super().__init__()
        self.config = {"widths": widths, "blocks": blocks, "embedding": embedding}
        self.noise = NoiseEmbedding(embedding)
        self.entry = nn.Conv2d(12, widths[0], 3, padding=1)
        self.down_blocks = nn.ModuleList(
            nn.ModuleList(Block(w, embedding) for _ in range(b)) for w, b in zip(widths[:-1], blocks[:-1])
        )
        self.down = nn.ModuleList(nn.Conv2d(a, b, 2, stride=2) for a, b in zip(widths[:-1], widths[1:]))
        self.middle = nn.ModuleList(Block(widths[-1], embedding) for _ in range(blocks[-1]))
        self.up = nn.ModuleList(nn.Conv2d(b, 4 * a, 1) for a, b in zip(widths[:-1], widths[1:]))
        self.up_blocks = nn.ModuleList(
            nn.ModuleList(Block(w, embedding) for _ in range(b)) for w, b in zip(widths[:-1], blocks[:-1])
        )
        self.exit = nn.Conv2d(widths[0], 12, 3, padding=1)
        nn.init.zeros_(self.exit.weight)

    def features(self, x: Tensor, level: Tensor) -> Tensor:
        embedding = self.noise(level)
        x = self.entry(F.pixel_unshuffle(x, 2))
        skips = []
        for blocks, down in zip(self.down_blocks, self.down):
            for block in blocks:
                x = block(x, embedding)
            skips.append(x)
            x = down(x)
        for block in self.middle:
            x = block(x, embedding)
        for blocks, up in zip(reversed(self.up_blocks), reversed(self.up)):
            x = F.pixel_shuffle(up(x), 2) + skips.pop()
            for block in blocks:
                x = block(x, embedding)
        return F.pixel_shuffle(self.exit(F.silu(x)), 2)

    def forward(self, noisy: Tensor, sigma: Tensor) -> Tensor:
        return precondition(self.features, noisy, sigma)
