"""The polarity network: tells a received codeword from its negative."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Polarity(nn.Module):
    """latents [N,C,h,w] (equalised, mean square about 1/2) → log-odds [N] that their sign is right.

    Odd by construction, f(z) = g(z) − g(−z), so turning the input over turns the answer over.
    """

    def __init__(self, latent_channels: int = 8, width: int = 64) -> None:
        super().__init__()
        self.config = {"latent_channels": latent_channels, "width": width}
        self.entry = nn.Conv2d(latent_channels, width, 3, padding=1)
        self.middle = nn.Conv2d(width, width, 3, stride=2, padding=1)
        self.deep = nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)
        self.out = nn.Linear(2 * width, 1)

    def score(self, z: Tensor) -> Tensor:
        x = F.relu(self.entry(z))
        x = F.relu(self.middle(x))
        x = F.relu(self.deep(x))
        return self.out(x.mean(dim=(2, 3)))[:, 0]

    def forward(self, latents: Tensor) -> Tensor:
        return self.score(latents) - self.score(-latents)
