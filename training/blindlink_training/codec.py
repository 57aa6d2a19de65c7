"""The SNR-adaptive joint source–channel codec (ADJSCC family).

A fully convolutional residual network whose blocks are scaled by an attention vector computed from the
globally pooled features and the channel SNR (Xu et al., "Wireless Image Transmission Using Deep
Source Channel Coding With Attention Modules", TCSVT 2022). Down-sampling is 4; C real latent channels
at H/4×W/4 give a channel bandwidth ratio of C/96.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SNR_SCALE_DB = 10.0
DOWN_SAMPLING = 4


class SnrAttention(nn.Module):
    """Channel-wise scaling in (0, 2) from the pooled features and the SNR."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.squeeze = nn.Linear(width + 1, width // 2)
        self.excite = nn.Linear(width // 2, width)

    def forward(self, x: Tensor, snr_db: Tensor) -> Tensor:
        pooled = x.mean(dim=(2, 3))
        context = torch.cat([pooled, snr_db[:, None] / SNR_SCALE_DB - 0.7], dim=1)
        scale = 2 * torch.sigmoid(self.excite(F.relu(self.squeeze(context))))
        return x * scale[:, :, None, None]


class ResidualBlock(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        self.attention = SnrAttention(width)
        nn.init.normal_(self.second.weight, std=1e-2 / width**0.5)

    def forward(self, x: Tensor, snr_db: Tensor) -> Tensor:
        y = self.first(F.relu(x))
        y = self.second(F.relu(y))
        return x + self.attention(y, snr_db)


class Encoder(nn.Module):
    """picture [N,3,H,W] in [0,1], snr_db [N] → latents [N,C,H/4,W/4] of any scale (the link normalises power)."""

    def __init__(self, latent_channels: int, width: int, blocks: int, context: nn.Module | None = None) -> None:
        super().__init__()
        self.context = context
        self.to_half = nn.Conv2d(3, width // 3, 5, stride=2, padding=2)
        self.to_quarter = nn.Conv2d(width // 3, width, 5, stride=2, padding=2)
        self.blocks = nn.ModuleList(ResidualBlock(width) for _ in range(blocks))
        self.out = nn.Conv2d(width, latent_channels, 3, padding=1)

    def forward(self, picture: Tensor, snr_db: Tensor) -> Tensor:
        x = self.to_half(2 * picture - 1)
        x = self.to_quarter(F.relu(x))
        if self.context is not None:
            x = x + self.context(x, snr_db)
        for block in self.blocks:
            x = block(x, snr_db)
        return self.out(F.relu(x))


class Decoder(nn.Module):
    """latents [N,C,h,w] with mean square 1/2 (mean |z|² = 1), snr_db [N] → picture [N,3,4h,4w], about [0,1], not clipped."""

    def __init__(self, latent_channels: int, width: int, blocks: int, context: nn.Module | None = None) -> None:
        super().__init__()
        half = width // 3
        self.context = context
        self.entry = nn.Conv2d(latent_channels, width, 3, padding=1)
        self.blocks = nn.ModuleList(ResidualBlock(width) for _ in range(blocks))
        self.to_half = nn.Conv2d(width, 4 * half, 3, padding=1)
        self.refine = nn.Conv2d(half, half, 3, padding=1)
        self.to_full = nn.Conv2d(half, 12, 3, padding=1)

    def forward(self, latents: Tensor, snr_db: Tensor) -> Tensor:
        x = self.entry(latents)
        if self.context is not None:
            x = x + self.context(x, snr_db)
        for block in self.blocks:
            x = block(x, snr_db)
        x = F.pixel_shuffle(self.to_half(F.relu(x)), 2)
        x = x + self.refine(F.relu(x))
        x = F.pixel_shuffle(self.to_full(F.relu(x)), 2)
        return (x + 1) / 2


class Codec(nn.Module):
    def __init__(self, latent_channels: int = 8, width: int = 96, encoder_blocks: int = 2, decoder_blocks: int = 3) -> None:
        super().__init__()
        self.config = {
            "latent_channels": latent_channels,
            "width": width,
            "encoder_blocks": encoder_blocks,
            "decoder_blocks": decoder_blocks,
        }
        self.encoder = Encoder(latent_channels, width, encoder_blocks)
        self.decoder = Decoder(latent_channels, width, decoder_blocks)

    def encode(self, picture: Tensor, snr_db: Tensor) -> Tensor:
        return normalise_power(self.encoder(picture, snr_db))


def normalise_power(latents: Tensor) -> Tensor:
    """Scale each frame to mean |z|² = 1, that is, mean square 1/2 of its real latents."""
    latents = latents.float()
    return latents * (0.5 / latents.square().mean(dim=(1, 2, 3), keepdim=True).clamp_min(1e-12)).sqrt()
