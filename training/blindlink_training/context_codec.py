"""The ADJSCC-like codec with wide context: `codec.py`'s networks with a U-Net path at 1/8 and 1/16 of the edge added to their features.

What decorrelates a photograph lies further apart than 4×4 pixels; the path sees it at a sixteenth of the cost. It starts from
a codec without the path and adds nothing at first. Latents are those of `codec.py`; pictures must be multiples of 16 pixels.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from .codec import Codec, Decoder, Encoder, ResidualBlock, normalise_power


class Context(nn.Module):
    """Features [N,width,h,w] → what the coarser scales add to them, of the same shape; h and w multiples of 4."""

    def __init__(self, width: int, widths: list[int], blocks: list[int]) -> None:
        super().__init__()
        half, quarter = widths
        self.to_half = nn.Conv2d(width, half, 3, stride=2, padding=1)
        self.to_quarter = nn.Conv2d(half, quarter, 3, stride=2, padding=1)
        self.half_blocks = nn.ModuleList(ResidualBlock(half) for _ in range(blocks[0]))
        self.quarter_blocks = nn.ModuleList(ResidualBlock(quarter) for _ in range(blocks[1]))
        self.back_to_half = nn.Conv2d(quarter, 4 * half, 3, padding=1)
        self.last_blocks = nn.ModuleList(ResidualBlock(half) for _ in range(blocks[0]))
        self.back = nn.Conv2d(half, 4 * width, 3, padding=1)
        nn.init.zeros_(self.back.weight)
        nn.init.zeros_(self.back.bias)

    def forward(self, x: Tensor, snr_db: Tensor) -> Tensor:
        half = self.to_half(F.relu(x))
        for block in self.half_blocks:
            half = block(half, snr_db)
        quarter = self.to_quarter(F.relu(half))
        for block in self.quarter_blocks:
            quarter = block(quarter, snr_db)
        half = half + F.pixel_shuffle(self.back_to_half(F.relu(quarter)), 2)
        for block in self.last_blocks:
            half = block(half, snr_db)
        return F.pixel_shuffle(self.back(F.relu(half)), 2)


class ContextCodec(nn.Module):
    """Trained as `photo_codec.PhotoCodec` is, at the one rate of its latent channels; not exported yet."""

    def __init__(
        self,
        latent_channels: int = 8,
        width: int = 96,
        encoder_blocks: int = 2,
        decoder_blocks: int = 3,
        context_widths: tuple[int, int] = (128, 192),
        encoder_context: tuple[int, int] = (1, 2),
        decoder_context: tuple[int, int] = (1, 3),
    ) -> None:
        super().__init__()
        self.config = {
            "latent_channels": latent_channels,
            "width": width,
            "encoder_blocks": encoder_blocks,
            "decoder_blocks": decoder_blocks,
            "context_widths": list(context_widths),
            "encoder_context": list(encoder_context),
            "decoder_context": list(decoder_context),
        }
        widths = list(context_widths)
        self.encoder = Encoder(latent_channels, width, encoder_blocks, Context(width, widths, list(encoder_context)))
        self.decoder = Decoder(latent_channels, width, decoder_blocks, Context(width, widths, list(decoder_context)))

    def start_from(self, codec: Codec) -> None:
        self.load_state_dict({**self.state_dict(), **codec.state_dict()})

    def encode(self, picture: Tensor, snr_db: Tensor, rate: int | None = None) -> Tensor:
        return normalise_power(self.encoder(picture, snr_db))
