"""The codec for photographs: down-sampling 8, one network for several rates.

Residual blocks of dense 3×3 convolutions (what CPUs with matrix units run fastest: 235–310 GMAC/s at widths 96–256 against 2–4 for
depthwise 7×7) whose output is scaled by an attention vector computed from the globally pooled features, the channel
SNR and the rate. The rate is the number C of latent channels sent, the first C of those the encoder makes; each rate is exported as a
codec of its own. C real latent channels at H/8×W/8 give a channel bandwidth ratio of C/384.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .codec import SNR_SCALE_DB, normalise_power

DOWN_SAMPLING = 8


class Attention(nn.Module):
    """Channel-wise scaling in (0, 2) from the pooled features, the SNR and the rate."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.squeeze = nn.Linear(width + 2, width // 2)
        self.excite = nn.Linear(width // 2, width)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        context = torch.cat([x.mean(dim=(2, 3)), condition], dim=1)
        scale = 2 * torch.sigmoid(self.excite(F.relu(self.squeeze(context))))
        return x * scale[:, :, None, None]


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        self.attention = Attention(width)
        nn.init.normal_(self.second.weight, std=1e-2 / width**0.5)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        return x + self.attention(self.second(F.relu(self.first(F.relu(x)))), condition)


def condition_of(snr_db: Tensor, rate: int) -> Tensor:
    """[N,2]: SNR and rate, each of order 1."""
    return torch.stack([snr_db / SNR_SCALE_DB - 0.7, torch.full_like(snr_db, math.log2(rate / 16))], dim=1)


class Encoder(nn.Module):
    """picture [N,3,H,W] in [0,1], snr_db [N] → latents [N,C,H/8,W/8] of any scale (the link normalises power)."""

    def __init__(self, latent_channels: int, width: int, outer: int, blocks: int, rate: int | None = None) -> None:
        super().__init__()
        self.rate = rate
        self.entry = nn.Conv2d(48, outer, 3, padding=1)
        self.refine = Block(outer)
        self.down = nn.Conv2d(outer, width, 3, stride=2, padding=1)
        self.blocks = nn.ModuleList(Block(width) for _ in range(blocks))
        self.out = nn.Conv2d(width, latent_channels, 3, padding=1)
        self.linear = nn.Conv2d(192, latent_channels, 1, bias=False)

    def forward(self, picture: Tensor, snr_db: Tensor, rate: int | None = None) -> Tensor:
        rate = rate or self.rate
        condition = condition_of(snr_db, rate)
        picture = 2 * picture - 1
        linear = self.linear(F.pixel_unshuffle(picture, 8))
        x = self.refine(self.entry(F.pixel_unshuffle(picture, 4)), condition)
        x = self.down(F.relu(x))
        for block in self.blocks:
            x = block(x, condition)
        return (linear + self.out(F.relu(x)))[:, :rate]


class Decoder(nn.Module):
    """latents [N,C,h,w] with mean square 1/2, snr_db [N] → picture [N,3,8h,8w], about [0,1], not clipped."""

    def __init__(self, latent_channels: int, width: int, outer: int, blocks: int, rate: int | None = None) -> None:
        super().__init__()
        self.channels, self.rate = latent_channels, rate
        self.entry = nn.Conv2d(latent_channels, width, 3, padding=1)
        self.blocks = nn.ModuleList(Block(width) for _ in range(blocks))
        self.up = nn.Conv2d(width, 4 * outer, 3, padding=1)
        self.refine = Block(outer)
        self.out = nn.Conv2d(outer, 48, 3, padding=1)
        self.linear = nn.Conv2d(latent_channels, 192, 1, bias=False)

    def forward(self, latents: Tensor, snr_db: Tensor) -> Tensor:
        rate = self.rate or latents.shape[1]
        condition = condition_of(snr_db, rate)
        if self.rate is None:
            latents = F.pad(latents, (0, 0, 0, 0, 0, self.channels - rate))
        linear = F.pixel_shuffle(self.linear(latents), 8)
        x = self.entry(latents)
        for block in self.blocks:
            x = block(x, condition)
        x = F.pixel_shuffle(self.up(F.relu(x)), 2)
        x = self.refine(x, condition)
        return (linear + F.pixel_shuffle(self.out(F.relu(x)), 4) + 1) / 2


class PhotoCodec(nn.Module):
    """All rates together; `at_rate` gives the networks of one."""

    def matrices(self) -> list[nn.Parameter]:
        """Weights for Muon: all convolutions but the linear codec's, whose start must not be turned away from."""
        return [p for name, p in self.named_parameters() if p.dim() == 4 and "linear" not in name]

    def __init__(self, latent_channels: int = 32, width: int = 192, outer: int = 64, encoder_blocks: int = 2, decoder_blocks: int = 2) -> None:
        super().__init__()
        self.config = {
            "latent_channels": latent_channels,
            "width": width,
            "outer": outer,
            "encoder_blocks": encoder_blocks,
            "decoder_blocks": decoder_blocks,
        }
        self.encoder = Encoder(latent_channels, width, outer, encoder_blocks)
        self.decoder = Decoder(latent_channels, width, outer, decoder_blocks)

    def encode(self, picture: Tensor, snr_db: Tensor, rate: int) -> Tensor:
        return normalise_power(self.encoder(picture, snr_db, rate))

    @torch.no_grad()
    def start_linear(self, blocks: Tensor, snr_db: float = 10.0) -> None:
        """Starts as the best linear codec: the leading directions of 8×8 blocks [n,192] (range −1…1, pixel_unshuffle order), each sent
        with power in proportion to its standard deviation, and decoded by linear MMSE; the networks begin at almost nothing."""
        n = self.config["latent_channels"]
        values, vectors = torch.linalg.eigh(blocks.T @ blocks / len(blocks))
        power, directions = values.flip(0)[:n].clamp_min(1e-6), vectors.flip(1)[:, :n]
        gain = power**-0.25
        gain = gain * (0.5 / (gain**2 * power).mean()).sqrt()
        noise = 0.5 * 10 ** (-snr_db / 10)
        back = gain * power / (gain**2 * power + noise)
        self.encoder.linear.weight.copy_((directions * gain).T[:, :, None, None])
        self.decoder.linear.weight.copy_((directions * back)[:, :, None, None])
        for out in (self.encoder.out, self.decoder.out):
            out.weight.mul_(0.1)
            out.bias.zero_()

    @torch.no_grad()
    def at_rate(self, rate: int) -> tuple[Encoder, Decoder]:
        """Encoder and decoder of one rate, with the weights that it uses alone."""
        c = self.config
        encoder = Encoder(rate, c["width"], c["outer"], c["encoder_blocks"], rate)
        state = self.encoder.state_dict()
        for name in ("out.weight", "out.bias", "linear.weight"):
            state[name] = state[name][:rate]
        encoder.load_state_dict(state)
        decoder = Decoder(rate, c["width"], c["outer"], c["decoder_blocks"], rate)
        state = self.decoder.state_dict()
        for name in ("entry.weight", "linear.weight"):
            state[name] = state[name][:, :rate]
        decoder.load_state_dict(state)
        return encoder.eval(), decoder.eval()
