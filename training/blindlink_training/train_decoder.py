"""Train a perceptual decoder for a codec that is there: the same transmission, another picture at the receiver.

    python3 -m blindlink_training.train_decoder --codec ../models/faces-48 --train A.jpegs --val V.jpegs \\
        --backbone squeezenet1_1.pth --weights squeeze.pth --out runs/faces-48-perceptual --minutes 30
    python3 -m blindlink_training.train_decoder … --export ../models/faces-48

With a codec for photographs the pictures are crops of whole ones. It starts from the codec's own decoder, and the encoder stays as it is. The loss of a picture x decoded as y is

    log(MSE + floor) + a·LPIPS(x, y) − g·D(y),

LPIPS on SqueezeNet 1.1, D a discriminator of patches trained beside it (`perceptual_loss.py`).
The checkpoint is written every minute and the same command resumes from it; `--export` adds what there is to a codec's folder.
"""

from __future__ import annotations

import argparse
import copy
import json
from pathlib import Path
from typing import Callable

import numpy as np
import torch
from torch import Tensor, nn

from .channel import mixed
from .decoder_run import Run, averaged_decoder, how_trained, put_decoder, run_main, run_parser
from .features import load_distance
from .loop import average_into, descend, drawing_from, set_rate
from .photo_codec import PhotoParts
from .muon import Muon
from .perceptual_loss import PerceptualLoss
from .pictures import load_photographs, load_pictures
from .refiner import handed
from .saved_codec import load_codec, load_refiner
from .train_codec import draw_snr, psnr_db
from .train_photo import crops

NAME = "perceptual"
VAL_SNRS_DB = (0.0, 5.0, 10.0, 15.0)
CROP, VAL_EDGE = 128, 256
# Codewords, SNRs in dB and the share that comes through fading → what a decoder gets.
Hand = Callable[[Tensor, Tensor, float], Tensor]


def parse() -> argparse.Namespace:
    parser = run_parser(__doc__, "folder of the exported codec", "decoder", minutes=30, batch=48, lr=6e-4)
    parser.add_argument("--backbone", required=True, help="torchvision's SqueezeNet 1.1")
    parser.add_argument("--weights", required=True, help="LPIPS 0.1's linear layers for it")
    parser.add_argument("--loss-floor", type=float, default=1e-3)
    parser.add_argument("--lpips", type=float, default=30.0, help="a")
    parser.add_argument("--fading", type=float, default=0.25, help="share of a batch that comes through fading")
    parser.add_argument("--least-snr", type=float, default=-1.0, help="lower end of most SNRs, dB")
    parser.add_argument("--adversarial", type=float, default=0.5, help="g; from a fifth of the time on")
    parser.add_argument("--own", action="store_true", help="trains the codec's own decoder on, for refined latents, in place of another one")
    return parser.parse_args()


@torch.no_grad()
def quality(codec: nn.Module, decoder: nn.Module, lpips: nn.Module, pictures: Tensor, snr_db: float, hand: Hand) -> tuple[float, float]:
    """Mean PSNR in dB and mean LPIPS over pictures, over AWGN, on clipped output."""
    device = next(decoder.parameters()).device
    with drawing_from(0):
        psnr, distance = [], []
        for chunk in pictures.split(100 if pictures.shape[2] <= 64 else 8):
            x = chunk.to(device).float() / 255
            snr = torch.full((len(x),), snr_db, device=device)
            y = decoder(hand(codec.encode(x, snr), snr, 0), snr).clamp(0, 1)
            psnr.append(psnr_db(x, y))
            distance.append(lpips(x, y))
    return torch.cat(psnr).mean().item(), torch.cat(distance).mean().item()


def validation_pictures(codec: nn.Module, paths: list[str]) -> Tensor:
    """[n,3,H,W] of bytes: pictures of 64×64, or the middles of photographs."""
    if not isinstance(codec, PhotoParts):
        return load_pictures(paths)
    middles = []
    for picture in load_photographs(paths, least=VAL_EDGE):
        top, left = ((n - VAL_EDGE) // 2 for n in picture.shape[:2])
        middles.append(torch.from_numpy(picture[top : top + VAL_EDGE, left : left + VAL_EDGE].copy()).permute(2, 0, 1))
    return torch.stack(middles)


def handing(codec: Path, own: bool) -> Hand:
    """What a codec's decoders are handed: refined latents where its card says so, or will (`own`)."""
    if not own and not json.loads((codec / "card.json").read_text()).get("decodesRefined", False):
        return mixed
    refiner = load_refiner(codec).requires_grad_(False)
    return lambda z, snr_db, fading: handed(refiner.to(z.device), z, snr_db, fading, 1)


def batches(codec: nn.Module, args: argparse.Namespace, step: int) -> Callable[[], Tensor]:
    """Gives random training pictures [batch,3,H,W] in [0,1], half of them mirrored."""
    if isinstance(codec, PhotoParts):
        photographs, rng = load_photographs(args.train, least=CROP)[: args.limit], np.random.default_rng([args.seed, step])
        return lambda: crops(photographs, args.batch, CROP, rng)
    train = load_pictures(args.train, limit=args.limit)

    def draw() -> Tensor:
        x = train[torch.randint(len(train), (args.batch,))].float() / 255
        return x.flip(3) if torch.rand(()) < 0.5 else x

    return draw


def table(codec: nn.Module, decoder: nn.Module, lpips: nn.Module, pictures: Tensor, hand: Hand) -> dict:
    values = {str(int(s)): quality(codec, decoder, lpips, pictures, s, hand) for s in VAL_SNRS_DB}
    return {
        "awgnPsnrDb": {s: round(p, 2) for s, (p, _) in values.items()},
        "awgnLpips": {s: round(d, 4) for s, (_, d) in values.items()},
    }


def export(args: argparse.Namespace) -> None:
    """Adds the averaged decoder to the codec's folder and card, or puts it in place of its own (`--own`)."""
    folder = Path(args.export)
    file, part = ("decoder.onnx", "decoder") if args.own else (f"{NAME}.onnx", f"{NAME}Decoder")
    codec, decoder, state = averaged_decoder(args)
    lpips = load_distance("lpips-squeeze", args.backbone, args.weights).eval()
    val, hand = validation_pictures(codec, args.val), handing(Path(args.codec), args.own)
    card = json.loads((folder / "card.json").read_text())
    put_decoder(decoder, folder, file, card)
    card["training"][part] = how_trained(state, ("batch", "seed", "lpips", "adversarial", "fading", "least_snr"))
    found = table(codec, decoder, lpips, val, hand)
    measured = f"over {len(val)} validation pictures of {val.shape[3]}×{val.shape[2]}, AWGN"
    if args.own:
        card["decodesRefined"] = True
        card["quality"] |= {"measure": f"mean PSNR in dB and LPIPS (SqueezeNet 1.1) {measured}, refined, by CSNR in dB", **found}
    else:
        card["decoders"] = {**card.get("decoders", {}), NAME: file}
        card["quality"][part] = {
            "measure": f"mean PSNR in dB and LPIPS (SqueezeNet 1.1) {measured}, by CSNR in dB",
            **found,
            "decoderLpips": table(codec, codec.decoder, lpips, val, hand)["awgnLpips"],
        }
    (folder / "card.json").write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n")
    print(json.dumps(found))


def train(args: argparse.Namespace) -> None:
    device = torch.device(args.device)
    codec = load_codec(args.codec).to(device, memory_format=torch.channels_last).requires_grad_(False)
    val = validation_pictures(codec, args.val)[: 24 if isinstance(codec, PhotoParts) else 200]
    perceptual = PerceptualLoss(args.backbone, args.weights, args.lpips, args.adversarial, args.lr, device)
    decoder, average = copy.deepcopy(codec.decoder).requires_grad_(True), copy.deepcopy(codec.decoder)
    optimiser = Muon(decoder, lr=args.lr)
    run = Run(args, {"decoder": decoder, "average": average, "optimiser": optimiser, **perceptual.parts})
    draw, hand = batches(codec, args, run.step), handing(Path(args.codec), args.own)

    for progress in run.steps(lambda: table(codec, average, perceptual.lpips, val, hand), before={"decoder": "the codec's own"}):
        set_rate(optimiser, args.lr, run.step, progress)
        x = draw().to(device).contiguous(memory_format=torch.channels_last)
        snr = draw_snr(args.batch, args.least_snr).to(device)
        with torch.no_grad(), torch.autocast(device.type, dtype=torch.bfloat16):
            received = hand(codec.encode(x, snr).float(), snr, args.fading).contiguous(memory_format=torch.channels_last)
        with torch.autocast(device.type, dtype=torch.bfloat16):
            y = decoder(received, snr)
        y = y.float()
        error = torch.log((x - y).square().mean(dim=(1, 2, 3)) + args.loss_floor).mean()
        descend(error + perceptual.of(x, y, snr, progress), decoder, optimiser)
        perceptual.learn(x, y, snr, run.step, progress)
        average_into(average, decoder, run.step + 1, 0.999)


if __name__ == "__main__":
    run_main(parse(), train, export)
