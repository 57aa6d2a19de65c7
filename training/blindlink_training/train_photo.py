"""Train the codec for photographs, at one rate or at several together.

    python3 -m blindlink_training.train_photo --train P0.jpegs P1.jpegs --val V.jpegs --out runs/photo --minutes 90

Crops of whole photographs, flipped and resized at random; each step has one rate. A quarter of each batch goes through equalised
multipath. The checkpoint is written every minute and the same command resumes from it.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import time
from pathlib import Path

import numpy as np
import torch

from .blind import CodewordPrior, through_unknown_channel
from .channel import awgn, mixed
from .context_codec import ContextCodec
from .loop import Interrupt, average_into, descend, drawing_from, save_atomically, set_rate
from .muon import Muon
from .photo_codec import DOWN_SAMPLING, PhotoCodec
from .pictures import load_photographs
from .saved_codec import load_exported
from .train_codec import draw_snr
from .train_polarity import SNRS_DB

PRIOR_CROPS, PRIOR_CROP, PRIOR_RANK, PRIOR_REFRESH = 192, 128, 32, 400
BLIND_PASSES = 4


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", nargs="+", required=True)
    parser.add_argument("--val", nargs="+", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--rates", type=int, nargs="+", default=[32], help="latent channels: 32 is CBR 1/48, 64 is 1/24, 128 is 1/12")
    parser.add_argument("--context", help="folder of a codec of 64×64 pictures: trains it with a path of wide context instead, at its rate")
    parser.add_argument("--blind-share", type=float, default=0.0, help="share of the batch whose tiles go over channels that the receiver must find out")
    parser.add_argument("--minutes", type=float, default=90)
    parser.add_argument("--steps", type=int, default=10**9)
    parser.add_argument("--batch", type=int, default=24)
    parser.add_argument("--crop", type=int, default=128)
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--loss-floor", type=float, default=1e-3)
    parser.add_argument("--fading-share", type=float, default=0.25)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def crops(pictures: list[np.ndarray], count: int, edge: int, rng: np.random.Generator) -> torch.Tensor:
    """[count,3,edge,edge] in [0,1]: crops of pictures at full size or, a third of them, made smaller by up to half."""
    out = torch.empty(count, 3, edge, edge)
    for i in range(count):
        picture = pictures[rng.integers(len(pictures))]
        height, width = picture.shape[:2]
        most = min(height, width) / edge
        size = edge if rng.random() > 1 / 3 else int(edge * rng.uniform(1, min(2, most)))
        top, left = rng.integers(height - size + 1), rng.integers(width - size + 1)
        crop = torch.from_numpy(picture[top : top + size, left : left + size].copy()).permute(2, 0, 1).float() / 255
        if size != edge:
            crop = torch.nn.functional.interpolate(crop[None], (edge, edge), mode="bilinear", antialias=True, align_corners=False)[0]
        out[i] = crop.flip(2) if rng.random() < 0.5 else crop
    return out


def load_photo_codec(checkpoint: Path) -> PhotoCodec:
    """The averaged weights of a run."""
    state = torch.load(checkpoint, map_location="cpu")
    if "context_widths" in state["config"]:
        raise SystemExit(f"{checkpoint}: a codec with wide context (--context) cannot be exported yet")
    codec = PhotoCodec(**state["config"])
    codec.load_state_dict(state["average"])
    return codec.eval()


@torch.no_grad()
def photo_codewords(
    codec: PhotoCodec, rate: int, pictures: list[np.ndarray], count: int, seed: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Codewords [count,rate,8,8] (half precision) of crops of 128×128, and their SNRs, one drawn for each fifty."""
    rng = np.random.default_rng(seed)
    parts, snrs = [], []
    for _ in range(0, count, 50):
        snr = torch.full((50,), float(rng.choice(SNRS_DB)))
        parts.append(codec.encode(crops(pictures, 50, 128, rng), snr, rate).half())
        snrs.append(snr)
    return torch.cat(parts), torch.cat(snrs)


def expect_whole_tiles(rates: list[int], edge: int) -> None:
    """A packet holds one tile of 1024 symbols: it must be a square, and the latents of a crop, `edge` on each side, whole tiles."""
    for rate in rates:
        side = round((2048 / rate) ** 0.5)
        if rate * side * side != 2048 or edge % side != 0:
            raise SystemExit(
                f"--blind-share: 1024 symbols of {rate} latents a position are no square tile of which {edge}×{edge} positions are made; "
                "choose other --rates or another --crop, or leave it out"
            )


def to_tiles(z: torch.Tensor) -> torch.Tensor:
    """Codewords of crops [n,C,h,w] as those of their tiles of 1024 symbols [n·T,C,e,e]."""
    n, channels, height, width = z.shape
    e = round((2048 / channels) ** 0.5)
    return z.view(n, channels, height // e, e, width // e, e).permute(0, 2, 4, 1, 3, 5).reshape(-1, channels, e, e)


def from_tiles(tiles: torch.Tensor, shape: torch.Size) -> torch.Tensor:
    n, channels, height, width = shape
    e = tiles.shape[-1]
    return tiles.view(n, height // e, width // e, channels, e, e).permute(0, 3, 1, 4, 2, 5).reshape(shape)


@torch.no_grad()
def prior_of(codec: PhotoCodec | ContextCodec, rate: int, pictures: list[np.ndarray], rng: np.random.Generator) -> CodewordPrior:
    """Second-order statistics of the tiles of crops, at SNRs drawn at random."""
    parts = []
    device = next(codec.parameters()).device
    for _ in range(PRIOR_CROPS // 32):
        with torch.autocast(device.type, dtype=torch.bfloat16):
            parts.append(codec.encode(crops(pictures, 32, PRIOR_CROP, rng).to(device), draw_snr(32).to(device), rate))
    return CodewordPrior.of(to_tiles(torch.cat(parts)).flatten(1), PRIOR_RANK)


@torch.no_grad()
def validate(codec: PhotoCodec, pictures: list[np.ndarray], snr_db: float, rate: int, device: torch.device) -> float:
    """Mean over whole photographs (cut to multiples of 16) of the PSNR in dB over AWGN, on clipped output."""
    with drawing_from(0):
        values = []
        for picture in pictures:
            height, width = (DOWN_SAMPLING * (n // DOWN_SAMPLING) for n in picture.shape[:2])
            x = torch.from_numpy(picture[:height, :width].copy()).permute(2, 0, 1)[None].to(device).float() / 255
            snr = torch.full((1,), float(snr_db), device=device)
            y = codec.decoder(awgn(codec.encode(x, snr, rate), snr), snr).float().clamp(0, 1)
            values.append(-10 * torch.log10((x - y).square().mean().clamp_min(1e-10)).item())
    return sum(values) / len(values)


def main() -> None:
    args = parse()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    device = torch.device(args.device)
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    train, val = load_photographs(args.train, least=args.crop), load_photographs(args.val, least=args.crop)
    rates = sorted(args.rates)
    if args.context:
        theirs = load_exported(Path(args.context))
        rates = [theirs.config["latent_channels"]]
        codec = ContextCodec(**theirs.config)
        codec.start_from(theirs)
    else:
        codec = PhotoCodec(rates[-1])
        if not (out / "checkpoint.pt").exists():
            codec.start_linear(crops(train, 1500, args.crop, np.random.default_rng(args.seed)))
    codec = codec.to(device, memory_format=torch.channels_last)
    average = copy.deepcopy(codec)
    optimiser = Muon(codec, lr=args.lr)
    step, elapsed = 0, 0.0
    checkpoint = out / "checkpoint.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location=device)
        codec.load_state_dict(state["codec"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        step, elapsed = state["step"], state["elapsed"]
        torch.manual_seed(args.seed + step)
    rng = np.random.default_rng([args.seed, step])

    def save(final: bool) -> None:
        state = {
            "codec": codec.state_dict(),
            "average": average.state_dict(),
            "optimiser": optimiser.state_dict(),
            "config": codec.config,
            "args": vars(args),
            "step": step,
            "elapsed": elapsed,
            "final": final,
            "torch": str(torch.__version__),
        }
        save_atomically(state, checkpoint)

    def report(pictures: list[np.ndarray], **more: object) -> None:
        psnr = {str(r): [round(validate(average, pictures, s, r, device), 2) for s in (0, 10)] for r in rates}
        print(json.dumps({"step": step, "minutes": round(elapsed / 60, 1), "valPsnrDb": psnr, **more}), flush=True)

    start, last_save, last_val = time.time() - elapsed, time.time(), time.time()
    running = 0.0
    interrupt = Interrupt()
    blind = math.floor(args.blind_share * args.batch)
    # Codewords of a rate have statistics of their own.
    priors: dict[int, CodewordPrior] = {}
    refreshed: dict[int, int] = {}
    if blind > 0:
        for crop in (args.crop, PRIOR_CROP):
            with torch.no_grad():
                sample = codec.encode(torch.zeros(1, 3, crop, crop, device=device), torch.zeros(1, device=device), rates[0])
            expect_whole_tiles(rates, sample.shape[-1])
    if step == 0:
        report(val[:12])
    print(json.dumps({"step": step, "pictures": len(train), "parameters": sum(p.numel() for p in codec.parameters())}), flush=True)
    while True:
        elapsed = time.time() - start
        if interrupt.requested:
            save(False)
            interrupt.leave(step, "the checkpoint is written, the same command goes on from here")
        progress = max(elapsed / 60 / args.minutes, step / args.steps)
        if progress >= 1:
            break
        set_rate(optimiser, args.lr, step, progress)
        rate = int(rng.choice(rates))
        x = crops(train, args.batch, args.crop, rng).to(device).contiguous(memory_format=torch.channels_last)
        snr = draw_snr(args.batch).to(device)
        with torch.autocast(device.type, dtype=torch.bfloat16):
            z = codec.encode(x, snr, rate)
        received = mixed(z[blind:], snr[blind:], args.fading_share)
        if blind > 0:
            if step - refreshed.get(rate, -PRIOR_REFRESH) >= PRIOR_REFRESH:
                priors[rate], refreshed[rate] = prior_of(codec, rate, train, rng), step
            prior = priors[rate]
            tiles = to_tiles(z[:blind])
            prior.follow(tiles.detach().flatten(1))
            found, _ = through_unknown_channel(tiles, snr[:blind].repeat_interleave(len(tiles) // blind), prior, BLIND_PASSES)
            received = torch.cat([from_tiles(found, z[:blind].shape), received])
        received = received.contiguous(memory_format=torch.channels_last)
        with torch.autocast(device.type, dtype=torch.bfloat16):
            y = codec.decoder(received, snr).float()
        mse = (x - y).square().mean(dim=(1, 2, 3))
        loss = torch.log(mse + args.loss_floor).mean()
        descend(loss, codec, optimiser)
        step += 1
        average_into(average, codec, step, 0.999)
        running += (loss.item() - running) * max(0.01, 1 / step)
        if time.time() - last_save > 60:
            save(False)
            last_save = time.time()
        if time.time() - last_val > 240:
            report(val[:12], loss=round(running, 4))
            last_val = time.time()
    report(val, final=True)
    save(True)


if __name__ == "__main__":
    main()
