"""NTSCC+ (Wang et al., "Improved Nonlinear Transform Source-Channel Coding to Catalyze Semantic Communications", 2023).

An analysis transform of neighbourhood attention gives features; a hyperprior with a checkerboard context says how many bits
each place is worth; a Swin transformer codes each place into that many symbols, times η, rounded up to one of the rates; and
all is undone at the receiver, who is told the rates. Tensor names are those of github.com/wsxtyrdd/NTSCC_plus; all sizes are
read from the tensors' shapes.

    python3 -m blindlink_training.ntscc --checkpoint ckbd2_lmbd_0.18.pth.tar --out models/ntscc

Covered: the transmission itself, without the variants that adapt to the SNR or are refined online. Where the public code adds
uniform noise to the features before it estimates rates, features are rounded here, so that a picture has one mask.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .checkpoint import load_strictly, origin, publish_codec, read_state, require
from .public_graphs import write_graph
from .neighbourhood import ResidualGroup
from .swin import CrossBlock, SwinBlock, swin_blocks, through_blocks

DOWN_SAMPLING = 16
LEAST_SCALE = 0.11
LEAST_LIKELIHOOD = 1e-9
# From here on the asymptotic series of erfc is the more exact one in float32.
ERFC_TAIL = 3.0


def conv(channels: int, out: int, kernel: int, stride: int = 2) -> nn.Conv2d:
    return nn.Conv2d(channels, out, kernel, stride, padding=kernel // 2)


def deconv(channels: int, out: int, kernel: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(channels, out, kernel, 2, padding=kernel // 2, output_padding=1)


def erfc(x: Tensor) -> Tensor:
    """1 − erf(x), to 0.3 % of its value at any x."""
    y = x.clamp_min(ERFC_TAIL)
    square = 1 / (2 * y * y)
    tail = (-y * y).exp() / (y * math.pi**0.5) * (1 - square * (1 - 3 * square * (1 - 5 * square)))
    return torch.where(x > ERFC_TAIL, tail, 1 - torch.erf(x))


def gaussian_bits(y: Tensor, scales: Tensor, means: Tensor) -> Tensor:
    """−log₂ P of the features rounded about their means, P(v) = Φ((½ − |v|)/s) − Φ((−½ − |v|)/s)."""
    distance = (y - means).round().abs()
    width = scales.clamp_min(LEAST_SCALE) * 2**0.5
    likelihood = 0.5 * (erfc((distance - 0.5) / width) - erfc((distance + 0.5) / width))
    return -likelihood.clamp_min(LEAST_LIKELIHOOD).log2().clamp_max(0)


def even_columns(x: Tensor) -> Tensor:
    return torch.arange(x.shape[3]) % 2 == 0


def demux(x: Tensor) -> tuple[Tensor, Tensor]:
    """The fields of a checkerboard, each [N,C,H/2,W]: places of even row + column (non-anchors), and of odd (anchors)."""
    upper, lower, even = x[:, :, 0::2], x[:, :, 1::2], even_columns(x)
    return torch.where(even, upper, lower), torch.where(even, lower, upper)


def mux(non_anchor: Tensor, anchor: Tensor) -> Tensor:
    """The checkerboard [N,C,H,W] of two fields."""
    count, channels, half, width = anchor.shape
    even = even_columns(anchor)
    rows = [torch.where(even, non_anchor, anchor), torch.where(even, anchor, non_anchor)]
    return torch.stack(rows, dim=3).reshape(count, channels, 2 * half, width)


def anchors(x: Tensor) -> Tensor:
    """[H,W], 1 at anchors."""
    return ((torch.arange(x.shape[2])[:, None] + torch.arange(x.shape[3])) % 2).float()


class SwinLayer(nn.Module):
    """[N,C,H,W] → [N,C,H,W]."""

    def __init__(self, width: int, shape: dict) -> None:
        super().__init__()
        self.blocks = swin_blocks(width=width, **shape)

    def forward(self, x: Tensor) -> Tensor:
        return through_blocks(self.blocks, x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ContextLayer(nn.Module):
    """x, context [N,C,H,W] → [N,C,H,W]: self-attention and attention to the context by turns."""

    def __init__(self, width: int, shape: dict) -> None:
        super().__init__()
        window, heads, hidden = shape["window"], shape["heads"], shape["hidden"]
        self.crs_blocks = nn.ModuleList(CrossBlock(width, window, heads, hidden) for _ in range(shape["depth"]))
        self.slf_blocks = nn.ModuleList(SwinBlock(width, window, heads, 0, hidden) for _ in range(shape["depth"]))

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        h, around = x.permute(0, 2, 3, 1), context.permute(0, 2, 3, 1)
        for own, cross in zip(self.slf_blocks, self.crs_blocks):
            h = cross(own(h), around)
        return h.permute(0, 3, 1, 2)


class Transform(nn.Module):
    """Analysis g_a, synthesis g_s, and the hyperprior's h_a and h_s with the context model."""

    def __init__(self, n: int, m: int, groups: dict[str, dict]) -> None:
        super().__init__()
        middle = n * 3 // 2
        widths = [3, n, middle, 2 * n, m]
        for i in range(4):
            setattr(self, f"g_a{2 * i}", conv(widths[i], widths[i + 1], 5 if i == 0 else 3))
            setattr(self, f"g_a{2 * i + 1}", ResidualGroup(widths[i + 1], **groups[f"g_a{2 * i + 1}"]))
            setattr(self, f"g_s{6 - 2 * i}", ResidualGroup(widths[i + 1], **groups[f"g_s{6 - 2 * i}"]))
            setattr(self, f"g_s{7 - 2 * i}", deconv(widths[i + 1], widths[i], 5 if i == 0 else 3))
        for i in range(2):
            setattr(self, f"h_a{2 * i}", conv(m if i == 0 else middle, middle, 3))
            setattr(self, f"h_a{2 * i + 1}", ResidualGroup(middle, **groups[f"h_a{2 * i + 1}"]))
            setattr(self, f"h_s{2 * i}", ResidualGroup(middle, **groups[f"h_s{2 * i}"]))
            setattr(self, f"h_s{2 * i + 1}", deconv(middle, middle if i == 0 else 2 * m, 3))
        self.entropy_bottleneck = nn.Module()
        self.entropy_bottleneck.quantiles = nn.Parameter(torch.zeros(middle, 1, 3))
        self.sc_transform = nn.Conv2d(m, 2 * m, 5, padding=2)
        inner = [m * 10 // 3, m * 8 // 3]
        layers = [conv(4 * m, inner[0], 1, 1), nn.GELU(), conv(inner[0], inner[1], 1, 1), nn.GELU(), conv(inner[1], 2 * m, 1, 1)]
        self.entropy_parameters = nn.Sequential(*layers)

    def through(self, name: str, layers: int, x: Tensor) -> Tensor:
        for i in range(layers):
            x = getattr(self, f"{name}{i}")(x)
        return x

    def bits(self, y: Tensor) -> Tensor:
        """How many bits each place of the features y [N,M,h,w] is worth, [N,1,h,w]."""
        medians = self.entropy_bottleneck.quantiles[:, :, 1:2]
        z = (self.through("h_a", 4, y) - medians).round() + medians
        parameters = self.through("h_s", 4, z)
        anchor = anchors(y)
        # The context of a place is its neighbours in the other field.
        kernel = self.sc_transform
        weight = kernel.weight * anchors(kernel.weight)
        context = F.conv2d(y.round() * anchor, weight, kernel.bias, padding=2) * (1 - anchor)
        scales, means = self.entropy_parameters(torch.cat([parameters, context], dim=1)).chunk(2, dim=1)
        return gaussian_bits(y, scales, means).sum(dim=1, keepdim=True)


class RateAdaptation(nn.Module):
    """A linear map of its own for each rate: x [N,C,h,w], choice [N,R,h,w] (one of R is 1) → [N,out,h,w]."""

    def __init__(self, rates: int, width: int, out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(rates, width, out))
        self.bias = nn.Parameter(torch.zeros(rates, out))

    def forward(self, x: Tensor, choice: Tensor) -> Tensor:
        every = torch.einsum("nchw,rco->nrohw", x, self.weight) + self.bias[None, :, :, None, None]
        return (every * choice[:, :, None]).sum(dim=1)


class NtsccPlus(nn.Module):
    def __init__(self, n: int, m: int, rates: Tensor, most: int, groups: dict[str, dict], layers: dict[str, dict]) -> None:
        super().__init__()
        self.latent_channels = most
        self.ntc = Transform(n, m, groups)
        for name, shape in layers.items():
            setattr(self, name, ContextLayer(m, shape) if "ctx" in name else SwinLayer(m, shape))
        self.register_buffer("rate_choice_tensor", rates)
        self.rate_token_enc = nn.Parameter(torch.zeros(len(rates), m))
        self.rate_token_dec = nn.Parameter(torch.zeros(len(rates), m))
        self.rate_adaption_enc = RateAdaptation(len(rates), m, most)
        self.rate_adaption_dec = RateAdaptation(len(rates), most, m)

    def choose(self, symbols: Tensor) -> tuple[Tensor, Tensor]:
        """Symbols wanted at each place [N,1,h,w] → the least rate that holds them: one of R [N,R,h,w], and itself [N,1,h,w]."""
        rates = self.rate_choice_tensor.float()
        index = (rates[None, :, None, None] < symbols).sum(dim=1, keepdim=True).clamp_max(len(rates) - 1)
        choice = (torch.arange(len(rates))[None, :, None, None] == index).float()
        return choice, (choice * rates[None, :, None, None]).sum(dim=1, keepdim=True)

    def token(self, tokens: Tensor, choice: Tensor) -> Tensor:
        return torch.einsum("nrhw,rc->nchw", choice, tokens)

    def encode(self, picture: Tensor, eta: float) -> tuple[Tensor, Tensor]:
        """picture [N,3,H,W] in [0,1] → latents and mask, both [N,C,H/16,W/16]."""
        y = self.ntc.through("g_a", 8, picture)
        non_anchor, anchor = self.trans_sep_enc(torch.cat(demux(y))).chunk(2)
        fields = torch.cat([anchor, self.trans_ctx_enc(non_anchor, anchor)])
        free, held = demux(self.ntc.bits(y))
        choice, rate = self.choose(eta * torch.cat([held, free]))
        s = self.rate_adaption_enc(self.f_e0(fields + self.token(self.rate_token_enc, choice)), choice)
        mask = (torch.arange(self.latent_channels)[None, :, None, None] < rate).float()
        return tuple(mux(*reversed(x.chunk(2))) for x in (s * mask, mask))

    def decode(self, latents: Tensor, mask: Tensor) -> Tensor:
        """Latents at the encoder's scale and their mask, [N,C,h,w] → picture [N,3,16h,16w], about [0,1]."""
        s, sent = (torch.cat([anchor, free]) for free, anchor in (demux(latents * mask), demux(mask)))
        choice, _ = self.choose(sent.sum(dim=1, keepdim=True))
        fields = self.f_d0(self.rate_adaption_dec(s, choice) + self.token(self.rate_token_dec, choice))
        anchor, non_anchor = fields.chunk(2)
        anchor = self.trans_sep_dec(anchor)
        non_anchor = self.trans_sep_dec(self.trans_ctx_dec(non_anchor, anchor))
        return self.ntc.through("g_s", 8, mux(non_anchor, anchor))


class EncoderGraph(nn.Module):
    def __init__(self, net: NtsccPlus, eta: float) -> None:
        super().__init__()
        self.net, self.eta = net, eta

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        return self.net.encode(picture, self.eta)


class DecoderGraph(nn.Module):
    def __init__(self, net: NtsccPlus) -> None:
        super().__init__()
        self.net = net

    def forward(self, latents: Tensor, mask: Tensor) -> Tensor:
        return self.net.decode(latents, mask)


GROUPS = ("g_a1", "g_a3", "g_a5", "g_a7", "h_a1", "h_a3", "h_s0", "h_s2", "g_s0", "g_s2", "g_s4", "g_s6")
LAYERS = ("f_e0", "f_d0", "trans_sep_enc", "trans_sep_dec", "trans_ctx_enc", "trans_ctx_dec")


def needed(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Without second names of the same tensors, masks, and what only training and entropy coding need."""
    entropy = ("ntc.entropy_bottleneck.", "ntc.gaussian_conditional.")
    return {
        name: value
        for name, value in state.items()
        if not name.startswith("f_list.")
        and not name.endswith((".attn_mask", ".relative_position_index"))
        and name not in ("rate_adaption_enc.mask", "rate_adaption_enc.rate_choice_tensor", "ntc.sc_transform.mask")
        and (not name.startswith(entropy) or name == "ntc.entropy_bottleneck.quantiles")
    }


def build(state: dict[str, Tensor], checkpoint: str) -> NtsccPlus:
    """The network with a checkpoint's weights."""
    state = needed(state)
    blocks = {name: f"ntc.{name}.residual_group.blocks." for name in GROUPS}
    blocks.update({name: f"{name}.{'crs_' if 'ctx' in name else ''}blocks." for name in LAYERS})
    tables = {name: "0.attn.rpb" if name in GROUPS else "0.attn.relative_position_bias_table" for name in blocks}
    sized = [blocks[name] + end for name in blocks for end in (tables[name], "0.mlp.fc1.weight")]
    whole = ["ntc.g_a0.weight", "ntc.g_a6.weight", "rate_choice_tensor", "rate_adaption_enc.weight"]
    require(state, [*whole, *sized], checkpoint, "NTSCC+")

    def shape_of(name: str) -> dict:
        table, prefix = state[blocks[name] + tables[name]], blocks[name]
        depth = 1 + max(int(key[len(prefix) :].split(".")[0]) for key in state if key.startswith(prefix))
        shape = {"depth": depth, "hidden": state[prefix + "0.mlp.fc1.weight"].shape[0]}
        if name in GROUPS:
            return {**shape, "heads": table.shape[0], "kernel": (table.shape[1] + 1) // 2}
        return {**shape, "heads": table.shape[1], "window": (math.isqrt(table.shape[0]) + 1) // 2}

    n, m = (state[name].shape[0] for name in whole[:2])
    net = NtsccPlus(
        n,
        m,
        state["rate_choice_tensor"],
        state["rate_adaption_enc.weight"].shape[2],
        {name: shape_of(name) for name in GROUPS},
        {name: shape_of(name) for name in LAYERS},
    )
    load_strictly(net, state, checkpoint, f"NTSCC+ of widths {n} and {m}")
    return net.eval()


def export(net: NtsccPlus, folder: Path, eta: float) -> None:
    picture = torch.rand(1, 3, 128, 128)
    with torch.no_grad():
        latents, mask = net.encode(picture, eta)
    write_graph(EncoderGraph(net, eta), {"picture": picture}, ["latents", "mask"], folder / "encoder.onnx")
    write_graph(DecoderGraph(net), {"latents": latents, "mask": mask}, ["picture"], folder / "decoder.onnx")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--eta", type=float, default=0.2, help="real latents sent for each bit; 0.2 as published")
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    net = build(read_state(args.checkpoint), args.checkpoint)
    window = net.f_e0.blocks[0].window
    source = origin(args.checkpoint, net)
    card = {
        "description": "NTSCC+, a public checkpoint trained for one SNR, with a rate of its own for each place",
        "latentChannels": net.latent_channels,
        "downSampling": DOWN_SAMPLING,
        "multipleOf": 2 * DOWN_SAMPLING * window,
        "valueRange": [0, 1],
        "snrInput": False,
        "mask": True,
        **source,
        "training": {**source["training"], "eta": args.eta},
    }
    publish_codec(args.out, card, lambda folder: export(net, folder, args.eta))


if __name__ == "__main__":
    main()
