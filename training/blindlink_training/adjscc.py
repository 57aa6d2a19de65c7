"""ADJSCC (Xu et al., "Wireless Image Transmission Using Deep Source Channel Coding With Attention Modules", 2022).

Encoder and decoder of five (transposed) convolutions with generalised divisive normalisation (GDN) and PReLU, each but
the last followed by an attention module (AF) that scales the features from their means and the channel's SNR. Weights are the
user's; this module brings them to ONNX in the form blindlink takes.

    python3 -m blindlink_training.adjscc --checkpoint adjscc.pt --width 256 --latent-channels 16 --out models/adjscc
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .export import write


class Gdn(nn.Module):
    """y = x / √(β + γ x²), or y = x · √(β + γ x²) for the inverse (Ballé et al., 2016)."""

    def __init__(self, channels: int, inverse: bool = False) -> None:
        super().__init__()
        self.inverse = inverse
        self.beta = nn.Parameter(torch.ones(channels))
        self.gamma = nn.Parameter(0.1 * torch.eye(channels))

    def forward(self, x: Tensor) -> Tensor:
        gamma = self.gamma.abs()[:, :, None, None]
        norm = F.conv2d(x.square(), gamma, self.beta.abs() + 1e-6).sqrt()
        return x * norm if self.inverse else x / norm


class AttentionFeature(nn.Module):
    """The AF module: channel scales in (0, 1) from the features' means and the SNR in dB."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = max(channels // 16, 4)
        self.squeeze = nn.Linear(channels + 1, hidden)
        self.excite = nn.Linear(hidden, channels)

    def forward(self, x: Tensor, snr_db: Tensor) -> Tensor:
        context = torch.cat([x.mean(dim=(2, 3)), snr_db[:, None]], dim=1)
        scale = torch.sigmoid(self.excite(F.relu(self.squeeze(context))))
        return x * scale[:, :, None, None]


class Encoder(nn.Module):
    """picture [N,3,H,W] in [0,1], snr_db [N] → latents [N,C,H/4,W/4]."""

    def __init__(self, width: int, latent_channels: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            [
                nn.Conv2d(3, width, 9, stride=2, padding=4),
                nn.Conv2d(width, width, 5, stride=2, padding=2),
                nn.Conv2d(width, width, 5, padding=2),
                nn.Conv2d(width, width, 5, padding=2),
                nn.Conv2d(width, latent_channels, 5, padding=2),
            ]
        )
        self.gdns = nn.ModuleList([Gdn(width) for _ in range(4)] + [Gdn(latent_channels)])
        self.activations = nn.ModuleList(nn.PReLU() for _ in range(4))
        self.attentions = nn.ModuleList(AttentionFeature(width) for _ in range(4))

    def forward(self, picture: Tensor, snr_db: Tensor) -> Tensor:
        x = picture
        for conv, gdn, activation, attention in zip(self.convs, self.gdns, self.activations, self.attentions):
            x = attention(activation(gdn(conv(x))), snr_db)
        return self.gdns[4](self.convs[4](x))


class Decoder(nn.Module):
    """latents [N,C,h,w], snr_db [N] → picture [N,3,4h,4w] in (0,1)."""

    def __init__(self, width: int, latent_channels: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            [
                nn.ConvTranspose2d(latent_channels, width, 5, padding=2),
                nn.ConvTranspose2d(width, width, 5, padding=2),
                nn.ConvTranspose2d(width, width, 5, padding=2),
                nn.ConvTranspose2d(width, width, 5, stride=2, padding=2, output_padding=1),
                nn.ConvTranspose2d(width, 3, 9, stride=2, padding=4, output_padding=1),
            ]
        )
        self.gdns = nn.ModuleList([Gdn(width, inverse=True) for _ in range(4)] + [Gdn(3, inverse=True)])
        self.activations = nn.ModuleList(nn.PReLU() for _ in range(4))
        self.attentions = nn.ModuleList(AttentionFeature(width) for _ in range(4))

    def forward(self, latents: Tensor, snr_db: Tensor) -> Tensor:
        x = latents
        for conv, gdn, activation, attention in zip(self.convs, self.gdns, self.activations, self.attentions):
            x = attention(activation(gdn(conv(x))), snr_db)
        return torch.sigmoid(self.gdns[4](self.convs[4](x)))


class Adjscc(nn.Module):
    def __init__(self, width: int = 256, latent_channels: int = 16) -> None:
        super().__init__()
        self.latent_channels = latent_channels
        self.encoder = Encoder(width, latent_channels)
        self.decoder = Decoder(width, latent_channels)


def export(net: Adjscc, out: Path, size: int = 32) -> None:
    out.mkdir(parents=True, exist_ok=True)
    picture, snr = torch.rand(2, 3, size, size), torch.tensor([10.0, 5.0])
    latents = torch.randn(2, net.latent_channels, size // 4, size // 4)
    write(net.encoder, (picture, snr), out / "encoder.onnx", ["picture", "snr_db"], "latents", ["height", "width"])
    write(net.decoder, (latents, snr), out / "decoder.onnx", ["latents", "snr_db"], "picture", ["rows", "columns"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", required=True, help="state dict of Adjscc")
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--latent-channels", type=int, default=16)
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    net = Adjscc(args.width, args.latent_channels)
    net.load_state_dict(torch.load(args.checkpoint, map_location="cpu"))
    export(net.eval(), Path(args.out))


if __name__ == "__main__":
    main()
