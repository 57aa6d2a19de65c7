"""ADJSCC (Xu et al., "Wireless Image Transmission Using Deep Source Channel Coding With Attention Modules", 2022).

Encoder and decoder of five (transposed) convolutions with generalised divisive normalisation (GDN) and PReLU and, behind
each but the encoder's last, an attention module (AF) that scales the features from their means and the channel's SNR.
Layout and tensor names are those of the checkpoints published with DiffCom, whose decoder ends in a 7×7 convolution and a
sigmoid. PDJSCC (Wang et al., "Perceptual Learned Source-Channel Coding for High-Fidelity Image Semantic Transmission", 2022) is the same class,
trained with LPIPS and a discriminator, whose tensors are left out. Names may begin with `jscc_encoder`/`jscc_decoder` or, as before DiffCom renames them, with `Encoder`/`Decoder`.

    python3 -m blindlink_training.adjscc --checkpoint adjscc.pt --out models/adjscc
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .checkpoint import load_strictly, origin, publish_codec, read_state, require
from .public_graphs import LINK_POWER, ScaledDecoder, write_graph

BETA_MIN = 1e-6
OFFSET = 2.0**-18


class Gdn(nn.Module):
    """y = x / √(β + γ x²), or y = x · √(β + γ x²) for the inverse (Ballé et al., 2016).

    The parameters are stored as √(β + o²) and √(γ + o²), o = 2⁻¹⁸, bounded below.
    """

    def __init__(self, channels: int, inverse: bool = False) -> None:
        super().__init__()
        self.inverse = inverse
        self.beta = nn.Parameter((torch.ones(channels) + OFFSET**2).sqrt())
        self.gamma = nn.Parameter((0.1 * torch.eye(channels) + OFFSET**2).sqrt())

    def forward(self, x: Tensor) -> Tensor:
        beta = self.beta.clamp_min((BETA_MIN + OFFSET**2) ** 0.5).square() - OFFSET**2
        gamma = self.gamma.clamp_min(OFFSET).square() - OFFSET**2
        norm = F.conv2d(x.square(), gamma[:, :, None, None], beta).sqrt()
        return x * norm if self.inverse else x / norm


class AttentionFeature(nn.Module):
    """The AF module: channel scales in (0, 1) from the SNR in dB and the features' means."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = (channels + 1) // 16
        self.fc1 = nn.Linear(channels + 1, hidden)
        self.fc2 = nn.Linear(hidden, channels)

    def forward(self, x: Tensor, snr_db: Tensor) -> Tensor:
        context = torch.cat([snr_db[:, None], x.mean(dim=(2, 3))], dim=1)
        scale = torch.sigmoid(self.fc2(F.relu(self.fc1(context))))
        return x * scale[:, :, None, None]


class Encoder(nn.Module):
    """picture [N,3,H,W] in [0,1], snr_db [N] → latents [N,C,H/4,W/4]."""

    def __init__(self, width: int, latent_channels: int) -> None:
        super().__init__()
        kernels = [(3, 9, 2), (width, 5, 2), (width, 5, 1), (width, 5, 1)]
        for i, (channels, kernel, stride) in enumerate(kernels, start=1):
            conv = nn.Conv2d(channels, width, kernel, stride=stride, padding=kernel // 2)
            setattr(self, f"conv_block{i}", nn.Sequential(conv, Gdn(width), nn.PReLU()))
            setattr(self, f"attention{i}", AttentionFeature(width))
        self.conv_block5 = nn.Sequential(nn.Conv2d(width, latent_channels, 5, padding=2), Gdn(latent_channels))

    def forward(self, picture: Tensor, snr_db: Tensor) -> Tensor:
        x = picture
        for i in range(1, 5):
            x = getattr(self, f"attention{i}")(getattr(self, f"conv_block{i}")(x), snr_db)
        return self.conv_block5(x)


class Decoder(nn.Module):
    """latents [N,C,h,w], snr_db [N] → picture [N,3,4h,4w] in (0,1)."""

    def __init__(self, width: int, latent_channels: int) -> None:
        super().__init__()
        kernels = [(latent_channels, 5, 1), (width, 5, 1), (width, 5, 1), (width, 5, 2), (width, 9, 2)]
        for i, (channels, kernel, stride) in enumerate(kernels, start=1):
            conv = nn.ConvTranspose2d(channels, width, kernel, stride, padding=kernel // 2, output_padding=stride - 1)
            setattr(self, f"upconv_block{i}", nn.Sequential(conv, Gdn(width, inverse=True), nn.PReLU()))
            setattr(self, f"attention{i}", AttentionFeature(width))
        self.conv_block_out = nn.Sequential(nn.ReflectionPad2d(3), nn.Conv2d(width, 3, 7), nn.Sigmoid())

    def forward(self, latents: Tensor, snr_db: Tensor) -> Tensor:
        x = latents
        for i in range(1, 6):
            x = getattr(self, f"attention{i}")(getattr(self, f"upconv_block{i}")(x), snr_db)
        return self.conv_block_out(x)


class Adjscc(nn.Module):
    def __init__(self, width: int = 256, latent_channels: int = 16) -> None:
        super().__init__()
        self.latent_channels = latent_channels
        self.jscc_encoder = Encoder(width, latent_channels)
        self.jscc_decoder = Decoder(width, latent_channels)


def is_of_training(name: str) -> bool:
    """Whether a tensor belongs to a loss or to PDJSCC's discriminator rather than to the codec."""
    head = name.partition(".")[0].lower()
    return head.startswith("discriminator") or any(part in head for part in ("loss", "lpips", "perceptual"))


def rename(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The names after DiffCom's renaming, without the loss's tensors."""
    parts = {"Encoder": "jscc_encoder", "Decoder": "jscc_decoder"}
    split = [(name.partition("."), value) for name, value in state.items() if not is_of_training(name)]
    return {f"{parts.get(head, head)}{dot}{rest}": value for (head, dot, rest), value in split}


def build(state: dict[str, Tensor], checkpoint: str) -> Adjscc:
    """The network with a checkpoint's weights; its sizes are read from the tensors' shapes."""
    state = rename(state)
    last = "jscc_encoder.conv_block5.0.weight"
    require(state, [last], checkpoint, "ADJSCC")
    latent_channels, width = state[last].shape[:2]
    net = Adjscc(width, latent_channels)
    load_strictly(net, state, checkpoint, f"ADJSCC of width {width} with {latent_channels} latent channels")
    return net.eval()


def export(net: Adjscc, folder: Path, latent_power: float = LINK_POWER, size: int = 32) -> None:
    picture, snr = torch.rand(2, 3, size, size), torch.tensor([10.0, 5.0])
    latents = torch.randn(2, net.latent_channels, size // 4, size // 4)
    decoder = ScaledDecoder(net.jscc_decoder, (latent_power / LINK_POWER) ** 0.5)
    write_graph(net.jscc_encoder, {"picture": picture, "snr_db": snr}, ["latents"], folder / "encoder.onnx")
    write_graph(decoder, {"latents": latents, "snr_db": snr}, ["picture"], folder / "decoder.onnx")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--latent-power", type=float, default=LINK_POWER, help="mean square of the latents the decoder was trained on")
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    net = build(read_state(args.checkpoint), args.checkpoint)
    card = {
        "description": "ADJSCC, a public checkpoint in the layout of DiffCom",
        "latentChannels": net.latent_channels,
        "downSampling": 4,
        "valueRange": [0, 1],
        "snrInput": True,
        **origin(args.checkpoint, net),
    }
    publish_codec(args.out, card, lambda folder: export(net, folder, args.latent_power))


if __name__ == "__main__":
    main()
