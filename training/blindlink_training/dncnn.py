"""DnCNN (Zhang et al., "Beyond a Gaussian Denoiser", TIP 2017) at the size of its paper: what a prior has to beat.

Seventeen 3×3 convolutions of 64 features with batch normalisation, at full resolution; the noise level enters as a
fourth plane (as in FFDNet), and pre-conditioning is that of the prior, so that both are trained alike.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .prior import precondition


class Dncnn(nn.Module):
    """noisy [N,3,H,W], sigma [N] → denoised [N,3,H,W]."""

    def __init__(self, width: int = 64, layers: int = 17) -> None:
        super().__init__()
        self.config = {"width": width, "layers": layers}
        self.entry = nn.Conv2d(4, width, 3, padding=1)
        self.middle = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1, bias=False) for _ in range(layers - 2))
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for _ in range(layers - 2))
        self.exit = nn.Conv2d(width, 3, 3, padding=1)
        nn.init.zeros_(self.exit.weight)

    def features(self, x: Tensor, level: Tensor) -> Tensor:
        plane = level.view(-1, 1, 1, 1).expand(-1, 1, *x.shape[2:]).to(x.dtype)
        x = F.relu(self.entry(torch.cat([x, plane], dim=1)))
        for conv, norm in zip(self.middle, self.norms):
            x = F.relu(norm(conv(x)))
        return self.exit(x)

    def forward(self, noisy: Tensor, sigma: Tensor) -> Tensor:
        return precondition(self.features, noisy, sigma)
