"""The ADM U-Net of guided diffusion (Dhariwal and Nichol, "Diffusion Models Beat GANs on Image Synthesis", 2021).

Written from the paper, with the public checkpoints' tensor names, so that their weights load with `load_state_dict`:
residual blocks with scale–shift normalisation of the time embedding, attention at chosen down-sampling factors, up- and
down-sampling inside residual blocks, group normalisation with 32 groups.

    python3 -m blindlink_training.adm --checkpoint ffhq_10m.pt --preset ffhq-10m --out models/ffhq-10m
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Optional

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .checkpoint import load_strictly, origin, publish_prior, read_state
from .public_graphs import write_graph
from .small_weights import halve_weights

PRESETS = {
    # ffhq_10m.pt: the 93.6 M parameter network for faces at 256×256 that DPS and DiffCom use.
    "ffhq-10m": dict(
        model_channels=128, num_res_blocks=1, channel_mult=(1, 1, 2, 2, 4, 4), attention_factors=(16,), num_heads=4, head_channels=64
    ),
    # 256x256_diffusion_uncond.pt: the paper's unconditional ImageNet network at 256×256, 552.8 M parameters.
    "imagenet-256-uncond": dict(
        model_channels=256, num_res_blocks=2, channel_mult=(1, 1, 2, 2, 4, 4), attention_factors=(8, 16, 32), num_heads=4, head_channels=64
    ),
}


def timestep_embedding(steps: Tensor, width: int) -> Tensor:
    """[N] → [N, width]: cosines, then sines, of frequencies from 1 down to 1/10000."""
    half = width // 2
    frequencies = torch.exp(-math.log(10000) * torch.arange(half, dtype=torch.float32, device=steps.device) / half)
    angle = steps.float()[:, None] * frequencies
    return torch.cat([angle.cos(), angle.sin()], dim=1)


def normalisation(channels: int, groups: int) -> nn.GroupNorm:
    return nn.GroupNorm(groups, channels)


class Upsample(nn.Module):
    def __init__(self, channels: int, learned: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1) if learned else None

    def forward(self, x: Tensor) -> Tensor:
        x = F.interpolate(x, scale_factor=2.0, mode="nearest")
        return x if self.conv is None else self.conv(x)


class Downsample(nn.Module):
    def __init__(self, channels: int, learned: bool) -> None:
        super().__init__()
        self.op = nn.Conv2d(channels, channels, 3, stride=2, padding=1) if learned else nn.AvgPool2d(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.op(x)


class ResBlock(nn.Module):
    def __init__(
        self, channels: int, embedding: int, out: int, groups: int, scale_shift: bool = True, resample: Optional[str] = None
    ) -> None:
        super().__init__()
        self.scale_shift = scale_shift
        self.in_layers = nn.Sequential(normalisation(channels, groups), nn.SiLU(), nn.Conv2d(channels, out, 3, padding=1))
        make = {"up": Upsample, "down": Downsample}.get(resample or "")
        self.h_upd = make(channels, False) if make else nn.Identity()
        self.x_upd = make(channels, False) if make else nn.Identity()
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(embedding, 2 * out if scale_shift else out))
        self.out_layers = nn.Sequential(
            normalisation(out, groups), nn.SiLU(), nn.Dropout(0.0), nn.Conv2d(out, out, 3, padding=1)
        )
        self.skip_connection = nn.Identity() if out == channels else nn.Conv2d(channels, out, 1)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        norm, activation, conv = self.in_layers
        h = conv(self.h_upd(activation(norm(x))))
        x = self.x_upd(x)
        modulation = self.emb_layers(embedding)[:, :, None, None]
        norm, *rest = self.out_layers
        if self.scale_shift:
            scale, shift = modulation.chunk(2, dim=1)
            h = norm(h) * (1 + scale) + shift
        else:
            h = norm(h + modulation)
        for layer in rest:
            h = layer(h)
        return self.skip_connection(x) + h


class AttentionBlock(nn.Module):
    """Self-attention over places; the order of heads and q, k, v in `qkv` is the checkpoints'."""

    def __init__(self, channels: int, heads: int, groups: int, new_order: bool = False) -> None:
        super().__init__()
        self.heads = heads
        self.new_order = new_order
        self.norm = normalisation(channels, groups)
        self.qkv = nn.Conv1d(channels, 3 * channels, 1)
        self.proj_out = nn.Conv1d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        flat = x.reshape(batch, channels, height * width)
        qkv = self.qkv(self.norm(flat))
        depth = channels // self.heads
        if self.new_order:
            q, k, v = (part.reshape(batch * self.heads, depth, -1) for part in qkv.chunk(3, dim=1))
        else:
            q, k, v = qkv.reshape(batch * self.heads, 3 * depth, -1).split(depth, dim=1)
        scale = depth**-0.25
        weights = torch.softmax(torch.einsum("bct,bcs->bts", q * scale, k * scale), dim=-1)
        mixed = torch.einsum("bts,bcs->bct", weights, v).reshape(batch, channels, -1)
        return (flat + self.proj_out(mixed)).reshape(batch, channels, height, width)


class Stage(nn.Sequential):
    """Layers in a row; residual blocks get the embedding."""

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        for layer in self:
            x = layer(x, embedding) if isinstance(layer, ResBlock) else layer(x)
        return x


class AdmUnet(nn.Module):
    """noisy [N,3,H,W], timesteps [N] → [N,out,H,W]: ε, and with out = 6 the variance's interpolation too."""

    def __init__(
        self,
        model_channels: int,
        num_res_blocks: int,
        channel_mult: tuple[int, ...],
        attention_factors: tuple[int, ...],
        in_channels: int = 3,
        out_channels: int = 6,
        num_heads: int = 1,
        head_channels: int = -1,
        groups: int = 32,
        scale_shift: bool = True,
        resblock_updown: bool = True,
        new_attention_order: bool = False,
    ) -> None:
        super().__init__()
        self.model_channels = model_channels
        embedding = 4 * model_channels
        self.time_embed = nn.Sequential(nn.Linear(model_channels, embedding), nn.SiLU(), nn.Linear(embedding, embedding))

        def block(channels: int, out: int, resample: Optional[str] = None) -> ResBlock:
            return ResBlock(channels, embedding, out, groups, scale_shift, resample)

        def attention(channels: int) -> AttentionBlock:
            heads = num_heads if head_channels < 0 else channels // head_channels
            return AttentionBlock(channels, heads, groups, new_attention_order)

        channels = int(channel_mult[0] * model_channels)
        self.input_blocks = nn.ModuleList([Stage(nn.Conv2d(in_channels, channels, 3, padding=1))])
        skips, factor = [channels], 1
        for level, mult in enumerate(channel_mult):
            for _ in range(num_res_blocks):
                layers: list[nn.Module] = [block(channels, int(mult * model_channels))]
                channels = int(mult * model_channels)
                if factor in attention_factors:
                    layers.append(attention(channels))
                self.input_blocks.append(Stage(*layers))
                skips.append(channels)
            if level < len(channel_mult) - 1:
                self.input_blocks.append(Stage(block(channels, channels, "down") if resblock_updown else Downsample(channels, True)))
                skips.append(channels)
                factor *= 2
        self.middle_block = Stage(block(channels, channels), attention(channels), block(channels, channels))
        self.output_blocks = nn.ModuleList()
        for level, mult in reversed(list(enumerate(channel_mult))):
            for i in range(num_res_blocks + 1):
                layers = [block(channels + skips.pop(), int(model_channels * mult))]
                channels = int(model_channels * mult)
                if factor in attention_factors:
                    layers.append(attention(channels))
                if level > 0 and i == num_res_blocks:
                    layers.append(block(channels, channels, "up") if resblock_updown else Upsample(channels, True))
                    factor //= 2
                self.output_blocks.append(Stage(*layers))
        self.out = nn.Sequential(normalisation(channels, groups), nn.SiLU(), nn.Conv2d(channels, out_channels, 3, padding=1))

    def forward(self, noisy: Tensor, timesteps: Tensor) -> Tensor:
        embedding = self.time_embed(timestep_embedding(timesteps, self.model_channels))
        h, skips = noisy, []
        for stage in self.input_blocks:
            h = stage(h, embedding)
            skips.append(h)
        h = self.middle_block(h, embedding)
        for stage in self.output_blocks:
            h = stage(torch.cat([h, skips.pop()], dim=1), embedding)
        return self.out(h)


def export(net: nn.Module, size: int, path: str) -> None:
    """An ONNX file: inputs `noisy` [batch,3,height,width] and `timesteps` [batch] (float32), output `prediction`.

    `size` is that of the example; other multiples of the network's down-sampling work as well.
    """
    example = {"noisy": torch.randn(2, 3, size, size), "timesteps": torch.tensor([10.0, 500.0])}
    write_graph(net, example, ["prediction"], Path(path))


# ONNX files end at 2 GiB.
MAX_SINGLE_BYTES = 2**31


def write_denoiser(net: AdmUnet, path: Path, half: bool) -> None:
    """The network's graph as one file, its weights in float32 or, halved, in float16."""
    if not half and 4 * sum(p.numel() for p in net.parameters()) >= MAX_SINGLE_BYTES:
        raise SystemExit("the network has more than 2 GiB of float32 weights, which no ONNX file holds: leave --single out")
    export(net, 64, str(path))
    if half:
        halve_weights(str(path))
        # Above 2 GiB PyTorch puts weights into files of their own, which the halved graph holds again.
        for file in path.parent.iterdir():
            if file != path:
                file.unlink()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", required=True, help="state dict of guided-diffusion")
    parser.add_argument("--preset", choices=sorted(PRESETS), required=True)
    parser.add_argument("--single", action="store_true", help="store the weights as float32, not float16")
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    net = AdmUnet(**PRESETS[args.preset])
    load_strictly(net, read_state(args.checkpoint), args.checkpoint, f"preset {args.preset}")
    card = {
        "description": f"ADM (guided diffusion), preset {args.preset}, trained on pictures of 256×256",
        "prediction": "epsilon",
        "noiseInput": "time",
        "schedule": {"kind": "linear", "steps": 1000, "first": 1e-4, "last": 0.02},
        "valueRange": [-1, 1],
        "multipleOf": 2 ** (len(PRESETS[args.preset]["channel_mult"]) - 1),
        **origin(args.checkpoint, net),
    }
    publish_prior(args.out, card, lambda path: write_denoiser(net.eval(), path, not args.single))


if __name__ == "__main__":
    main()
