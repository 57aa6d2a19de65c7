"""SwinJSCC (Yang et al., "SwinJSCC: Taming Swin Transformer for Deep Joint Source-Channel Coding", 2024).

A Swin transformer that halves the picture at each stage, its mirror image as decoder, and two optional modulators: SA scales
the features for the SNR, RA for the rate, and keeps of the last stage's channels those it scales up most. Tensor names are
those of github.com/semcomm/SwinJSCC; all sizes are read from the tensors' shapes.

    python3 -m blindlink_training.swinjscc --checkpoint w_SA.model --variant sa --pictures PICTURES/ --out models/swinjscc
    python3 -m blindlink_training.swinjscc --checkpoint w_SAandRA.model --variant sa-ra --channels 96 --out models/swinjscc

The public code hands the decoder each frame's own power, and with RA the choice of channels. With RA both are side
information (a card with `mask`). With --pictures both are fixed instead, from the means over some pictures, and the codec is
like any other.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .checkpoint import load_strictly, origin, publish_codec, read_state, require
from .public_graphs import LINK_POWER, ScaledDecoder, write_graph
from .pictures import load_pictures
from .swin import Modulator, swin_blocks, through_blocks

VARIANTS = ("plain", "sa", "ra", "sa-ra")
MODULATORS = 7
# The SNRs of the paper's training, over which --pictures takes its means.
SNRS_DB = (1.0, 4.0, 7.0, 10.0, 13.0)
CALIBRATION_PICTURES = 32


@dataclass(frozen=True)
class Sizes:
    """Of one side, stage by stage from its input on; `latents` is None where channels are chosen by rate."""

    widths: tuple[int, ...]
    depths: tuple[int, ...]
    heads: tuple[int, ...]
    hidden: tuple[int, ...]
    window: int
    latents: Optional[int]


class Merging(nn.Module):
    """Four neighbours become one place: [N,H,W,C] → [N,H/2,W/2,out]."""

    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.reduction = nn.Linear(4 * width, out, bias=False)
        self.norm = nn.LayerNorm(4 * width)

    def forward(self, x: Tensor) -> Tensor:
        four = [x[:, 0::2, 0::2], x[:, 1::2, 0::2], x[:, 0::2, 1::2], x[:, 1::2, 1::2]]
        return self.reduction(self.norm(torch.cat(four, dim=-1)))


class Splitting(nn.Module):
    """One place becomes four: [N,H,W,C] → [N,2H,2W,out]."""

    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.increment = nn.Linear(width, 4 * out, bias=False)
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        return F.pixel_shuffle(self.increment(self.norm(x)).permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1)


class Stage(nn.Module):
    """Blocks behind a merging (encoder) or before a splitting (decoder)."""

    def __init__(self, sizes: Sizes, i: int) -> None:
        super().__init__()
        self.blocks = swin_blocks(sizes.depths[i], sizes.widths[i], sizes.window, sizes.heads[i], sizes.hidden[i])
        self.downsample: Optional[Merging] = None
        self.upsample: Optional[Splitting] = None

    def forward(self, x: Tensor) -> Tensor:
        if self.downsample is not None:
            x = self.downsample(x)
        x = through_blocks(self.blocks, x)
        return x if self.upsample is None else self.upsample(x)


def make_modulation(width: int) -> tuple[nn.ModuleList, nn.ModuleList]:
    """Eight linear layers with a modulator behind each but the last; int(1.5·width) wide inside."""
    hidden = int(1.5 * width)
    outs = [hidden] * MODULATORS + [width]
    linears = nn.ModuleList(nn.Linear(width if i == 0 else hidden, out) for i, out in enumerate(outs))
    return linears, nn.ModuleList(Modulator(hidden) for _ in range(MODULATORS))


def modulation(linears: nn.ModuleList, modulators: nn.ModuleList, x: Tensor, value: Tensor) -> Tensor:
    """Scales in (0, 1) of the features x [N,h,w,C] for an SNR or a rate [N]."""
    h = x
    for linear, modulator in zip(linears, modulators):
        h = linear(h) * modulator(value)
    return torch.sigmoid(linears[-1](h))


class Encoder(nn.Module):
    """picture [N,3,H,W] in [0,1] → features [N,h,w,C]."""

    def __init__(self, sizes: Sizes, both: bool) -> None:
        super().__init__()
        self.patch_embed = nn.Module()
        self.patch_embed.proj = nn.Conv2d(3, sizes.widths[0], 2, stride=2)
        self.layers = nn.ModuleList(Stage(sizes, i) for i in range(len(sizes.widths)))
        for i in range(1, len(sizes.widths)):
            self.layers[i].downsample = Merging(sizes.widths[i - 1], sizes.widths[i])
        self.norm = nn.LayerNorm(sizes.widths[-1])
        if sizes.latents is not None:
            self.head_list = nn.Linear(sizes.widths[-1], sizes.latents)
        self.sm_list, self.bm_list = make_modulation(sizes.widths[-1])
        if both:
            self.sm_list1, self.bm_list1 = make_modulation(sizes.widths[-1])

    def forward(self, picture: Tensor) -> Tensor:
        x = self.patch_embed.proj(picture).permute(0, 2, 3, 1)
        for layer in self.layers:
            x = layer(x)
        return self.norm(x)


class Decoder(nn.Module):
    """features [N,h,w,C] → picture [N,3,H,W], about [0,1]."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        outs = [*sizes.widths[1:], 3]
        self.layers = nn.ModuleList(Stage(sizes, i) for i in range(len(sizes.widths)))
        for i, out in enumerate(outs):
            self.layers[i].upsample = Splitting(sizes.widths[i], out)
        if sizes.latents is not None:
            self.head_list = nn.Linear(sizes.latents, sizes.widths[0])
        self.sm_list, self.bm_list = make_modulation(sizes.widths[0])

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x.permute(0, 3, 1, 2)


class SwinJscc(nn.Module):
    def __init__(self, encoder: Sizes, decoder: Sizes, variant: str) -> None:
        super().__init__()
        self.variant = variant
        self.window = encoder.window
        self.latent_channels = encoder.latents or encoder.widths[-1]
        self.down_sampling = 2 ** len(encoder.widths)
        self.encoder = Encoder(encoder, variant == "sa-ra")
        self.decoder = Decoder(decoder)

    @property
    def takes_snr(self) -> bool:
        return "sa" in self.variant

    @property
    def takes_rate(self) -> bool:
        return "ra" in self.variant

    def encode(self, picture: Tensor, snr_db: Optional[Tensor], rate: int) -> tuple[Tensor, Tensor]:
        """Latents [N,C,h,w], and how much each channel is worth [N,C] (with RA the sum of its scales, else ones)."""
        net = self.encoder
        x = net(picture)
        if self.variant == "sa":
            x = x * modulation(net.sm_list, net.bm_list, x, snr_db)
        if self.variant == "sa-ra":
            x = x * modulation(net.sm_list1, net.bm_list1, x, snr_db)
        if self.takes_rate:
            scales = modulation(net.sm_list, net.bm_list, x, torch.full_like(picture[:, 0, 0, 0], rate))
            return (x * scales).permute(0, 3, 1, 2), scales.sum(dim=(1, 2))
        latents = net.head_list(x).permute(0, 3, 1, 2)
        return latents, torch.ones_like(latents[:, :, 0, 0])

    def decode(self, latents: Tensor, snr_db: Optional[Tensor]) -> Tensor:
        """Latents [N,C,h,w] at the encoder's scale, zero where a channel is not kept → picture [N,3,H,W]."""
        net = self.decoder
        x = latents.permute(0, 2, 3, 1)
        if not self.takes_rate:
            x = net.head_list(x)
        if self.takes_snr:
            x = x * modulation(net.sm_list, net.bm_list, x, snr_db)
        return net(x)


class EncoderGraph(nn.Module):
    """picture, snr_db with SA → latents; of the `kept` channels alone, or of all with the mask of each picture's best."""

    def __init__(self, net: SwinJscc, rate: int, kept: Optional[Tensor]) -> None:
        super().__init__()
        self.net, self.rate, self.kept = net, rate, kept

    def forward(self, picture: Tensor, snr_db: Optional[Tensor] = None) -> Tensor | tuple[Tensor, Tensor]:
        latents, worth = self.net.encode(picture, snr_db, self.rate)
        if self.kept is not None:
            return latents[:, self.kept]
        least = worth.topk(self.rate, dim=1).values[:, -1:]
        mask = (worth >= least).float()[:, :, None, None].expand_as(latents)
        return latents * mask, mask


class DecoderGraph(nn.Module):
    """latents of the `kept` channels, snr_db with SA → picture."""

    def __init__(self, net: SwinJscc, kept: Tensor) -> None:
        super().__init__()
        self.net = net
        # Where each channel lies among the kept ones; the last place is a channel of zeros.
        self.place = torch.full((net.latent_channels,), len(kept))
        self.place[kept] = torch.arange(len(kept))

    def forward(self, latents: Tensor, snr_db: Optional[Tensor] = None) -> Tensor:
        return self.net.decode(F.pad(latents, (0, 0, 0, 0, 0, 1))[:, self.place], snr_db)


class MaskedDecoderGraph(nn.Module):
    """latents [N,C,h,w], snr_db with SA, mask [N,C,h,w] → picture."""

    def __init__(self, net: SwinJscc) -> None:
        super().__init__()
        self.net = net

    def forward(self, latents: Tensor, *further: Tensor) -> Tensor:
        *snr_db, mask = further
        return self.net.decode(latents * mask, snr_db[0] if snr_db else None)


def build(state: dict[str, Tensor], checkpoint: str, variant: str) -> SwinJscc:
    """The network with a checkpoint's weights."""
    derived = (".attn_mask", ".relative_position_index")
    state = {
        name: value
        for name, value in state.items()
        if not name.endswith(derived) and not name.startswith(("distortion_loss.", "channel."))
    }
    latents = state["encoder.head_list.weight"].shape[0] if "encoder.head_list.weight" in state else None
    if (latents is None) != ("ra" in variant) and "encoder.norm.weight" in state:
        fits = "ra and sa-ra" if latents is None else "plain and sa"
        raise SystemExit(f"{checkpoint}: is of the variants {fits}, not {variant}; give another --variant")
    net = SwinJscc(*(sizes_of(state, side, latents, checkpoint) for side in ("encoder", "decoder")), variant)
    load_strictly(net, state, checkpoint, f"SwinJSCC, variant {variant}")
    return net.eval()


def sizes_of(state: dict[str, Tensor], side: str, latents: Optional[int], checkpoint: str) -> Sizes:
    def count(prefix: str) -> int:
        names = [name[len(prefix) :].split(".")[0] for name in state if name.startswith(prefix)]
        return max((int(name) + 1 for name in names if name.isdigit()), default=0)

    stages = range(max(1, count(f"{side}.layers.")))
    first = [f"{side}.layers.{i}.blocks.0" for i in stages]
    table, hidden = "attn.relative_position_bias_table", "mlp.fc1.weight"
    require(state, [f"{block}.{name}" for block in first for name in (table, hidden)], checkpoint, "SwinJSCC")
    return Sizes(
        widths=tuple(state[f"{block}.{hidden}"].shape[1] for block in first),
        depths=tuple(count(f"{side}.layers.{i}.blocks.") for i in stages),
        heads=tuple(state[f"{block}.{table}"].shape[1] for block in first),
        hidden=tuple(state[f"{block}.{hidden}"].shape[0] for block in first),
        window=(round(state[f"{first[0]}.{table}"].shape[0] ** 0.5) + 1) // 2,
        latents=latents,
    )


@torch.no_grad()
def calibrate(net: SwinJscc, pictures: Tensor, rate: int) -> tuple[Tensor, float]:
    """Over uint8 pictures [n,3,e,e]: the `rate` channels that are worth most (sorted), and their latents' mean square."""
    runs = []
    for picture in pictures.split(1):
        for snr_db in SNRS_DB if net.takes_snr else SNRS_DB[:1]:
            latents, worth = net.encode(picture.float() / 255, torch.tensor([snr_db]), rate)
            runs.append((latents.square().mean(dim=(2, 3))[0], worth[0]))
    powers, worths = (torch.stack(parts).mean(dim=0) for parts in zip(*runs))
    kept = worths.topk(rate).indices.sort().values
    return kept, powers[kept].mean().item()


def export(net: SwinJscc, folder: Path, rate: int, fixed: Optional[tuple[Tensor, float]]) -> None:
    """Graphs with channels and power fixed, or with the mask of each picture."""
    unit = net.down_sampling * net.window
    kept, power = fixed if fixed is not None else (None, LINK_POWER)
    channels = net.latent_channels if kept is None else len(kept)
    latents = torch.randn(2, channels, net.window, net.window)
    snr = {"snr_db": torch.tensor([10.0, 5.0])} if net.takes_snr else {}
    mask = {} if kept is not None else {"mask": torch.ones_like(latents)}
    decoder = MaskedDecoderGraph(net) if kept is None else ScaledDecoder(DecoderGraph(net, kept), (power / LINK_POWER) ** 0.5)
    encoder_inputs = {"picture": torch.rand(2, 3, unit, unit), **snr}
    write_graph(EncoderGraph(net, rate, kept), encoder_inputs, ["latents", *mask], folder / "encoder.onnx")
    write_graph(decoder, {"latents": latents, **snr, **mask}, ["picture"], folder / "decoder.onnx")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--variant", choices=VARIANTS, required=True)
    parser.add_argument("--channels", type=int, help="with RA: the channels kept, 2 or more and even")
    parser.add_argument("--pictures", nargs="+", help="fix power, and with RA channels, from the means over some of these")
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    adapts = "ra" in args.variant
    if adapts != (args.channels is not None):
        parser.error(f"--channels: {'needed' if adapts else 'only'} with variant {args.variant if adapts else 'ra or sa-ra'}")
    if not adapts and args.pictures is None:
        parser.error(f"--pictures: needed with variant {args.variant}, for the decoder must know the latents' power")
    net = build(read_state(args.checkpoint), args.checkpoint, args.variant)
    rate = args.channels if adapts else net.latent_channels
    if rate < 2 or rate % 2 != 0 or rate > net.latent_channels:
        parser.error(f"--channels {rate}: must be even, from 2 to {net.latent_channels}")
    fixed, made = None, {}
    if args.pictures is not None:
        pictures = load_pictures(args.pictures, size=16 * net.down_sampling, limit=CALIBRATION_PICTURES)
        fixed = calibrate(net, pictures, rate)
        made = {"calibrationPictures": len(pictures), "latentPower": fixed[1]}
    source = origin(args.checkpoint, net)
    card = {
        "description": f"SwinJSCC, a public checkpoint of variant {args.variant}" + (f", {rate} channels" if adapts else ""),
        "latentChannels": net.latent_channels if fixed is None else rate,
        "downSampling": net.down_sampling,
        "multipleOf": net.down_sampling * net.window,
        "valueRange": [0, 1],
        "snrInput": net.takes_snr,
        **({"mask": True} if fixed is None else {}),
        **source,
        "training": {**source["training"], "variant": args.variant, "channels": rate, **made},
    }
    publish_codec(args.out, card, lambda folder: export(net, folder, rate, fixed))


if __name__ == "__main__":
    main()
