"""The distortion network: how far a decoded picture is from the one that was sent, told by what was heard of its codeword."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .refiner import PRIOR_PRECISION

PATCH = 4  # pixels along each edge that the first layer takes together
USUAL_LOG_ERROR = -5.0


class Distortion(nn.Module):
    """picture [N,3,H,W] in [0,1], precision w, evidence q [N,C,h,w] of its real latents → expected squared error [N,1,h,w] of each
    latent's patch, mean over its pixels; the mean of these is the picture's.

    Precision and evidence are what the refiner is given. Features are joined at the latents' scale; every block adds what it makes of
    their mean over the picture.
    """

    def __init__(self, latent_channels: int = 8, down_sampling: int = 4, width: int = 32, blocks: int = 3) -> None:
        super().__init__()
        self.config = {"latent_channels": latent_channels, "down_sampling": down_sampling, "width": width, "blocks": blocks}
        self.picture = nn.Conv2d(3 * PATCH**2, width, 3, padding=1)
        halvings = round(math.log2(down_sampling // PATCH))
        self.down = nn.ModuleList(nn.Conv2d(width, width, 3, stride=2, padding=1) for _ in range(halvings))
        # Channels c and c + C/2 are one symbol and share their precision.
        self.heard = nn.Conv2d(latent_channels + latent_channels // 2, width, 3, padding=1)
        self.first = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(blocks))
        self.whole = nn.ModuleList(nn.Linear(width, width) for _ in range(blocks))
        self.second = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(blocks))
        self.exit = nn.Conv2d(width, 1, 3, padding=1)
        for layer in self.second:
            nn.init.normal_(layer.weight, std=1e-2 / width**0.5)
        nn.init.zeros_(self.exit.weight)
        nn.init.constant_(self.exit.bias, USUAL_LOG_ERROR)

    def forward(self, picture: Tensor, precision: Tensor, evidence: Tensor) -> Tensor:
        half = self.config["latent_channels"] // 2
        white = 1 / (precision + PRIOR_PRECISION)
        x = self.picture(F.pixel_unshuffle(2 * picture - 1, PATCH))
        for layer in self.down:
            x = layer(F.relu(x))
        x = x + self.heard(torch.cat([evidence * white, 2 * white[:, :half]], dim=1))
        for first, whole, second in zip(self.first, self.whole, self.second):
            y = F.relu(first(F.relu(x)))
            y = y + whole(y.mean(dim=(2, 3)))[:, :, None, None]
            x = x + second(F.relu(y))
        return torch.exp(self.exit(F.relu(x)).float().clamp(-12, 0))
