"""The codec for photographs: down-sampling 16, one network for one rate or several.

Residual blocks of dense 3×3 convolutions (what CPUs with matrix units run fastest: 235–310 GMAC/s at widths 96–256 against 2–4 for
depthwise 7×7) whose output is scaled by an attention vector computed from the globally pooled features, the channel
SNR and the rate. The rate is the number C of latent channels sent, the first C of those the encoder makes; each rate is exported as a
codec of its own. C real latent channels at H/16×W/16 give a channel bandwidth ratio of C/1536.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .codec import SNR_SCALE_DB, normalise_power

DOWN_SAMPLING = 16
STAGES = 3  # 1/4, 1/8 and 1/16 of the edge


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
    return torch.stack([snr_db / SNR_SCALE_DB - 0.7, torch.full_like(snr_db, math.log2(rate / 64))], dim=1)


class Encoder(nn.Module):
    """picture [N,3,H,W] in [0,1], snr_db [N] → latents [N,C,H/16,W/16] of any scale (the link normalises power)."""

    def __init__(self, latent_channels: int, widths: list[int], blocks: list[int], rate: int | None = None) -> None:
        super().__init__()
        self.rate = rate
        self.entry = nn.Conv2d(48, widths[0], 3, padding=1)
        self.blocks = nn.ModuleList(nn.ModuleList(Block(w) for _ in range(n)) for w, n in zip(widths, blocks))
        self.down = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in zip(widths, widths[1:]))
        self.out = nn.Conv2d(widths[-1], latent_channels, 3, padding=1)
        self.linear = nn.Conv2d(3 * DOWN_SAMPLING**2, latent_channels, 1, bias=False)

    def forward(self, picture: Tensor, snr_db: Tensor, rate: int | None = None) -> Tensor:
        rate = rate or self.rate
        condition = condition_of(snr_db, rate)
        picture = 2 * picture - 1
        linear = self.linear(F.pixel_unshuffle(picture, DOWN_SAMPLING))
        x = self.entry(F.pixel_unshuffle(picture, 4))
        for stage, blocks in enumerate(self.blocks):
            if stage > 0:
                x = self.down[stage - 1](F.relu(x))
            for block in blocks:
                x = block(x, condition)
        return (linear + self.out(F.relu(x)))[:, :rate]


class Decoder(nn.Module):
    """latents [N,C,h,w] with mean square 1/2, snr_db [N] → picture [N,3,16h,16w], about [0,1], not clipped."""

    def __init__(self, latent_channels: int, widths: list[int], blocks: list[int], rate: int | None = None) -> None:
        super().__init__()
        self.channels, self.rate = latent_channels, rate
        self.entry = nn.Conv2d(latent_channels, widths[-1], 3, padding=1)
        self.blocks = nn.ModuleList(nn.ModuleList(Block(w) for _ in range(n)) for w, n in zip(widths[::-1], blocks[::-1]))
        self.up = nn.ModuleList(nn.Conv2d(b, 4 * a, 3, padding=1) for a, b in zip(widths[-2::-1], widths[:0:-1]))
        self.out = nn.Conv2d(widths[0], 48, 3, padding=1)
        self.linear = nn.Conv2d(latent_channels, 3 * DOWN_SAMPLING**2, 1, bias=False)

    def forward(self, latents: Tensor, snr_db: Tensor) -> Tensor:
        rate = self.rate or latents.shape[1]
        condition = condition_of(snr_db, rate)
        if self.rate is None and rate < self.channels:
            latents = F.pad(latents, (0, 0, 0, 0, 0, self.channels - rate))
        linear = F.pixel_shuffle(self.linear(latents), DOWN_SAMPLING)
        x = self.entry(latents)
        for stage, blocks in enumerate(self.blocks):
            if stage > 0:
                x = F.pixel_shuffle(self.up[stage - 1](F.relu(x)), 2)
            for block in blocks:
                x = block(x, condition)
        return (linear + F.pixel_shuffle(self.out(F.relu(x)), 4) + 1) / 2


class PhotoParts(nn.Module):
    """The networks of one rate; `network` is a `PhotoCodec.config`."""

    def __init__(self, rate: int, network: dict) -> None:
        super().__init__()
        self.config = {**network, "latent_channels": rate}
        self.encoder = Encoder(rate, network["widths"], network["encoder_blocks"], rate)
        self.decoder = Decoder(rate, network["widths"], network["decoder_blocks"], rate)

    def encode(self, picture: Tensor, snr_db: Tensor, rate: int | None = None) -> Tensor:
        """`rate` as `PhotoCodec` takes it; there is one here."""
        return normalise_power(self.encoder(picture, snr_db))


class PhotoCodec(nn.Module):
    """All rates together; `at_rate` gives the networks of one. `widths` and `blocks` are those at 1/4, 1/8 and 1/16 of the edge."""

    def __init__(
        self,
        latent_channels: int = 32,
        widths: tuple[int, ...] = (64, 128, 192),
        encoder_blocks: tuple[int, ...] = (1, 1, 2),
        decoder_blocks: tuple[int, ...] = (1, 2, 3),
    ) -> None:
        super().__init__()
        assert len(widths) == len(encoder_blocks) == len(decoder_blocks) == STAGES
        self.config = {
            "latent_channels": latent_channels,
            "widths": list(widths),
            "encoder_blocks": list(encoder_blocks),
            "decoder_blocks": list(decoder_blocks),
        }
        self.encoder = Encoder(latent_channels, list(widths), list(encoder_blocks))
        self.decoder = Decoder(latent_channels, list(widths), list(decoder_blocks))

    def matrices(self) -> list[nn.Parameter]:
        """Weights for Muon: all convolutions but the linear codec's, whose start must not be turned away from."""
        return [p for name, p in self.named_parameters() if p.dim() == 4 and "linear" not in name]

    def encode(self, picture: Tensor, snr_db: Tensor, rate: int) -> Tensor:
        return normalise_power(self.encoder(picture, snr_db, rate))

    @torch.no_grad()
    def start_linear(self, sample: Tensor, snr_db: float = 10.0) -> None:
        """Starts as the best linear codec: the leading directions of 16×16 blocks of the pictures `sample` [n,3,H,W] in [0,1], each sent
        with power in proportion to its standard deviation, and decoded by linear MMSE; the networks begin at almost nothing."""
        blocks = F.pixel_unshuffle(2 * sample - 1, DOWN_SAMPLING).permute(0, 2, 3, 1).flatten(0, 2)
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
        parts = PhotoParts(rate, self.config)
        state = self.encoder.state_dict()
        for name in ("out.weight", "out.bias", "linear.weight"):
            state[name] = state[name][:rate]
        parts.encoder.load_state_dict(state)
        state = self.decoder.state_dict()
        for name in ("entry.weight", "linear.weight"):
            state[name] = state[name][:, :rate]
        parts.decoder.load_state_dict(state)
        return parts.encoder.eval(), parts.decoder.eval()
