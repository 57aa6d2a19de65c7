"""Networks with random weights, their ONNX exports, and PyTorch's outputs and input gradients for random inputs.

    python3 test/golden/network-gradients.py NAME OUT [--time N]

writes OUT/NAME/graph.onnx, and NAME's inputs, cotangent, output and gradients as .npy. With --time it prints instead the
median milliseconds of N evaluations of output and input gradient with one thread, after writing.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "training"))
from blindlink_training.adjscc import Adjscc  # noqa: E402
from blindlink_training.adm import AdmUnet, export as export_adm  # noqa: E402
from blindlink_training.prior import Prior  # noqa: E402


class SwinBlock(nn.Module):
    """A shifted-window transformer block: tokens in windows, cyclic shift, relative position bias, GELU perceptron."""

    def __init__(self, width: int, heads: int, window: int, shift: int) -> None:
        super().__init__()
        self.heads, self.window, self.shift = heads, window, shift
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.bias = nn.Parameter(torch.randn(heads, (2 * window - 1) ** 2))
        place = torch.stack(torch.meshgrid(torch.arange(window), torch.arange(window), indexing="ij")).flatten(1)
        relative = (place[:, :, None] - place[:, None, :]) + window - 1
        self.register_buffer("index", relative[0] * (2 * window - 1) + relative[1])
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def attend(self, x: Tensor) -> Tensor:
        count, tokens, width = x.shape
        q, k, v = self.qkv(x).reshape(count, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        scores = q @ k.transpose(-2, -1) * (width // self.heads) ** -0.5
        scores = scores + self.bias[:, self.index.flatten()].view(self.heads, tokens, tokens)
        return self.proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(count, tokens, width))

    def forward(self, x: Tensor) -> Tensor:
        batch, height, width, channels = x.shape
        w = self.window
        h = torch.roll(self.norm1(x), (-self.shift, -self.shift), (1, 2))
        h = h.view(batch, height // w, w, width // w, w, channels).permute(0, 1, 3, 2, 4, 5).reshape(-1, w * w, channels)
        h = self.attend(h).view(batch, height // w, width // w, w, w, channels).permute(0, 1, 3, 2, 4, 5)
        x = x + torch.roll(h.reshape(batch, height, width, channels), (self.shift, self.shift), (1, 2))
        return x + self.mlp(self.norm2(x))


class SwinNet(nn.Module):
    """Patch embedding, a plain and a shifted block, patch merging, a block, as SwinJSCC's encoder has them."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Conv2d(3, 16, 2, stride=2)
        self.blocks = nn.ModuleList([SwinBlock(16, 2, 4, 0), SwinBlock(16, 2, 4, 2)])
        self.merge_norm, self.merge = nn.LayerNorm(64), nn.Linear(64, 32, bias=False)
        self.last = SwinBlock(32, 4, 4, 0)
        self.head = nn.Linear(32, 8)

    def forward(self, picture: Tensor) -> Tensor:
        x = self.embed(picture).permute(0, 2, 3, 1)
        for block in self.blocks:
            x = block(x)
        x = torch.cat([x[:, 0::2, 0::2], x[:, 1::2, 0::2], x[:, 0::2, 1::2], x[:, 1::2, 1::2]], dim=-1)
        return self.head(self.last(self.merge(self.merge_norm(x)))).permute(0, 3, 1, 2)


class Zoo(nn.Module):
    """What other denoisers and codecs use: bilinear and nearest up-sampling, pooling, batch and instance norm, paddings."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1, padding_mode="reflect")
        self.batch, self.instance = nn.BatchNorm2d(8), nn.InstanceNorm2d(8, affine=True)
        self.grouped = nn.Conv2d(8, 16, 3, padding=2, dilation=2, groups=4)
        self.up = nn.ConvTranspose2d(16, 8, 4, stride=2, padding=1)
        self.mix = nn.Conv2d(24, 3, 1)
        self.slope = nn.PReLU(8)
        self.batch.running_mean.uniform_(-1, 1)
        self.batch.running_var.uniform_(0.5, 2)

    def forward(self, x: Tensor) -> Tensor:
        a = self.slope(self.batch(self.first(x)))
        b = F.elu(self.grouped(F.max_pool2d(a, 2)))
        c = F.leaky_relu(self.instance(self.up(b)), 0.2)
        d = F.interpolate(F.avg_pool2d(a, 3, stride=2, padding=1), scale_factor=2, mode="bilinear", align_corners=False)
        e = F.hardtanh(F.softplus(a) - F.interpolate(F.adaptive_avg_pool2d(c, 1), size=a.shape[-2:]), -0.5, 0.8)
        y = self.mix(torch.cat([c, d, e], dim=1)) + torch.maximum(x, 0.3 * x.roll(1, 3)).tanh()
        return F.normalize(y, dim=1) + torch.where(x > 0, x.exp(), 1 - x.abs()).mean(dim=(2, 3), keepdim=True)


ADM_SMALL = dict(model_channels=32, num_res_blocks=1, channel_mult=(1, 2), attention_factors=(2,), num_heads=2, groups=8)
ADM_BENCH = dict(model_channels=64, num_res_blocks=1, channel_mult=(1, 2, 3), attention_factors=(4,), num_heads=4)


def build(name: str) -> tuple[nn.Module, list[str], list[Tensor], int]:
    """The network, its inputs' names, examples of them, and how many of them gradients are taken for."""
    timed = name.endswith("-bench")
    size = 64 if timed else 16
    batch = 1 if timed else 2
    picture = torch.rand(batch, 3, size, size)
    snr = torch.linspace(3, 10, batch)
    if name == "prior" or name == "prior-bench":
        net = Prior([64, 96, 128], [2, 2, 4]) if timed else Prior([16, 24], [1, 1], 32)
        return net, ["noisy", "sigma"], [2 * picture - 1, torch.linspace(0.4, 1, batch)], 2
    if name == "adm" or name == "adm-bench":
        net = AdmUnet(**(ADM_BENCH if timed else ADM_SMALL))
        return net, ["noisy", "timesteps"], [2 * picture - 1, torch.linspace(100, 300, batch)], 1
    if name == "adm-variants":
        net = AdmUnet(
            **ADM_SMALL, out_channels=3, scale_shift=False, resblock_updown=False, new_attention_order=True, head_channels=16
        )
        return net, ["noisy", "timesteps"], [2 * picture - 1, torch.linspace(100, 300, batch)], 1
    if name == "adjscc-encoder":
        return Adjscc(16, 4).jscc_encoder, ["picture", "snr_db"], [picture, snr], 2
    if name == "adjscc-decoder":
        return Adjscc(16, 4).jscc_decoder, ["latents", "snr_db"], [torch.randn(batch, 4, 4, 4), snr], 2
    if name == "swin":
        return SwinNet(), ["picture"], [picture], 1
    if name == "zoo":
        return Zoo(), ["picture"], [2 * picture - 1], 1
    raise SystemExit(f"no network {name}")


def randomise(net: nn.Module) -> None:
    """Layers that start at zero would hide whatever is wrong behind them."""
    for parameter in net.parameters():
        if parameter.abs().sum() == 0 and parameter.dim() > 1:
            nn.init.normal_(parameter, std=1 / parameter[0].numel() ** 0.5)
        elif parameter.dim() == 1:
            with torch.no_grad():
                parameter.add_(0.1 * torch.randn_like(parameter))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("out")
    parser.add_argument("--time", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    net, names, inputs, gradients = build(args.name)
    randomise(net)
    net.eval()
    for parameter in net.parameters():
        parameter.requires_grad_(False)
    folder = Path(args.out) / args.name
    folder.mkdir(parents=True, exist_ok=True)
    path = str(folder / "graph.onnx")
    if isinstance(net, AdmUnet):
        result = "prediction"
        export_adm(net, inputs[0].shape[-1], path)
    else:
        result = "output"
        axes = {name: {0: "batch"} for name in [*names, result]}
        torch.onnx.export(net, tuple(inputs), path, input_names=names, output_names=[result], opset_version=17, dynamic_axes=axes)
    for tensor in inputs[:gradients]:
        tensor.requires_grad_(True)
    output = net(*inputs)
    cotangent = torch.randn_like(output)
    wanted = inputs[:gradients]
    results = torch.autograd.grad(output, wanted, cotangent)
    arrays = {**dict(zip(names, inputs)), result: output, "cotangent": cotangent}
    arrays.update({f"grad_{name}": value for name, value in zip(names, results)})
    for name, value in arrays.items():
        np.save(folder / f"{name}.npy", np.ascontiguousarray(value.detach().numpy()))
    if args.time == 0:
        print(json.dumps({"inputs": names, "gradients": names[:gradients], "output": result}))
        return
    times = []
    for _ in range(args.time + 3):
        began = time.perf_counter()
        torch.autograd.grad(net(*inputs), inputs[:1], cotangent)
        times.append(1000 * (time.perf_counter() - began))
    print(json.dumps({"milliseconds": sorted(times[3:])[args.time // 2], "torch": torch.__version__}))


if __name__ == "__main__":
    main()
