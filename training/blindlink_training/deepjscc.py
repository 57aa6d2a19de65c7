"""DeepJSCC (Bourtsoulatze, Kurka and Gündüz, "Deep Joint Source-Channel Coding for Wireless Image Transmission", 2019).

Five 5×5 convolutions with PReLU, strides 2, 2, 1, 1, 1; the decoder mirrors them and ends in a sigmoid. It is trained for
one SNR. Tensor names are those of the PyTorch re-implementation github.com/chunbaobao/Deep-JSCC-PyTorch.

    python3 -m blindlink_training.deepjscc --checkpoint epoch_999.pkl --out models/deepjscc
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor, nn

from .checkpoint import load_strictly, origin, publish_codec, read_state, require
from .public_graphs import LINK_POWER, ScaledDecoder, write_graph

# The encoder scales its latents to mean square 1, which is what the decoder was trained on.
LATENT_POWER = 1.0


class ConvBlock(nn.Module):
    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, out, 5, stride, padding=2)
        self.prelu = nn.PReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.prelu(self.conv(x))


class TransposedBlock(nn.Module):
    def __init__(self, channels: int, out: int, stride: int, activation: nn.Module) -> None:
        super().__init__()
        self.transconv = nn.ConvTranspose2d(channels, out, 5, stride, padding=2, output_padding=stride - 1)
        self.activate = activation

    def forward(self, x: Tensor) -> Tensor:
        return self.activate(self.transconv(x))


class Encoder(nn.Module):
    """picture [N,3,H,W] in [0,1] → latents [N,C,H/4,W/4] of any scale."""

    def __init__(self, latent_channels: int) -> None:
        super().__init__()
        self.conv1 = ConvBlock(3, 16, 2)
        self.conv2 = ConvBlock(16, 32, 2)
        self.conv3 = ConvBlock(32, 32, 1)
        self.conv4 = ConvBlock(32, 32, 1)
        self.conv5 = ConvBlock(32, latent_channels, 1)

    def forward(self, picture: Tensor) -> Tensor:
        return self.conv5(self.conv4(self.conv3(self.conv2(self.conv1(picture)))))


class Decoder(nn.Module):
    """latents [N,C,h,w] of mean square 1 → picture [N,3,4h,4w] in (0,1)."""

    def __init__(self, latent_channels: int) -> None:
        super().__init__()
        self.tconv1 = TransposedBlock(latent_channels, 32, 1, nn.PReLU())
        self.tconv2 = TransposedBlock(32, 32, 1, nn.PReLU())
        self.tconv3 = TransposedBlock(32, 32, 1, nn.PReLU())
        self.tconv4 = TransposedBlock(32, 16, 2, nn.PReLU())
        self.tconv5 = TransposedBlock(16, 3, 2, nn.Sigmoid())

    def forward(self, latents: Tensor) -> Tensor:
        return self.tconv5(self.tconv4(self.tconv3(self.tconv2(self.tconv1(latents)))))


class DeepJscc(nn.Module):
    def __init__(self, latent_channels: int) -> None:
        super().__init__()
        self.latent_channels = latent_channels
        self.encoder = Encoder(latent_channels)
        self.decoder = Decoder(latent_channels)


def build(state: dict[str, Tensor], checkpoint: str) -> DeepJscc:
    """The network with a checkpoint's weights; its number of latent channels is read from the tensors' shapes."""
    last = "encoder.conv5.conv.weight"
    require(state, [last], checkpoint, "DeepJSCC")
    latent_channels = state[last].shape[0]
    if latent_channels % 2 == 1:
        raise SystemExit(f"{checkpoint}: has {latent_channels} latent channels; two make a complex symbol, so their number must be even")
    net = DeepJscc(latent_channels)
    load_strictly(net, state, checkpoint, f"DeepJSCC with {latent_channels} latent channels")
    return net.eval()


def export(net: DeepJscc, folder: Path) -> None:
    picture, latents = torch.rand(2, 3, 32, 32), torch.randn(2, net.latent_channels, 8, 8)
    decoder = ScaledDecoder(net.decoder, (LATENT_POWER / LINK_POWER) ** 0.5)
    write_graph(net.encoder, {"picture": picture}, ["latents"], folder / "encoder.onnx")
    write_graph(decoder, {"latents": latents}, ["picture"], folder / "decoder.onnx")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    net = build(read_state(args.checkpoint), args.checkpoint)
    card = {
        "description": "DeepJSCC, a public checkpoint trained for one SNR",
        "latentChannels": net.latent_channels,
        "downSampling": 4,
        "valueRange": [0, 1],
        "snrInput": False,
        **origin(args.checkpoint, net),
    }
    publish_codec(args.out, card, lambda folder: export(net, folder))


if __name__ == "__main__":
    main()
