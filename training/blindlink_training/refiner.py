"""The codeword refiner: a learned E-step, E[z | Y, Ĥ] beyond second-order statistics."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .channel import observed

PRIOR_PRECISION = 2.0  # 1 over a real latent's nominal variance 1/2


class Refiner(nn.Module):
    """precision w, evidence q [N,C,h,w] of the real latents → posterior mean and variance, both [N,C,h,w].

    With a white prior the posterior would be u = q/(w+2) and 1/(w+2); the network adds to the mean, in units of that
    deviation, and scales the variance. Places that were not observed have w = q = 0.
    """

    def __init__(self, latent_channels: int = 8, width: int = 64, blocks: int = 4) -> None:
        super().__init__()
        self.config = {"latent_channels": latent_channels, "width": width, "blocks": blocks}
        # Channels c and c + C/2 are one symbol and share their precision.
        self.entry = nn.Conv2d(latent_channels + latent_channels // 2, width, 3, padding=1)
        self.first = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(blocks))
        self.second = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(blocks))
        self.exit = nn.Conv2d(width, 2 * latent_channels, 3, padding=1)
        for layer in self.second:
            nn.init.normal_(layer.weight, std=1e-2 / width**0.5)
        nn.init.zeros_(self.exit.weight)
        nn.init.zeros_(self.exit.bias)

    def forward(self, precision: Tensor, evidence: Tensor) -> tuple[Tensor, Tensor]:
        half = self.config["latent_channels"] // 2
        white = 1 / (precision + PRIOR_PRECISION)
        u = evidence * white
        x = self.entry(torch.cat([u, 2 * white[:, :half]], dim=1))
        for first, second in zip(self.first, self.second):
            x = x + second(F.relu(first(F.relu(x))))
        shift, scale = self.exit(F.relu(x)).float().chunk(2, dim=1)
        return u + white.sqrt() * shift, white * torch.exp(scale.clamp(-3, 2))


@torch.no_grad()
def handed(refiner: nn.Module, z: Tensor, snr_db: Tensor, fading: float, refined: float) -> Tensor:
    """What a decoder gets of codewords z [N,C,h,w]: a share `refined` of them, drawn, refined; the others equalised (MMSE)."""
    precision, evidence = observed(z, snr_db, fading)
    mean, _ = refiner(precision, evidence)
    chosen = (torch.rand(len(z), device=z.device) < refined).view(-1, 1, 1, 1)
    return torch.where(chosen, mean, evidence / (precision + 2))
