"""Train an SNR-adaptive codec.

    python3 -m blindlink_training.train_codec --train A.jpegs B.jpegs --val V.jpegs --out runs/natural --minutes 60

With `--lpips` both ends are trained for how pictures look (`perceptual_loss.py`), best from a codec that was trained without (`--init`).
The learning rate follows a cosine over the larger of the elapsed share of --minutes and of --steps. A
checkpoint is written atomically every minute; the same command resumes from it, and with more --minutes it goes on
past the end of an earlier schedule.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path
from typing import Callable

import torch

from .blind import CodewordPrior, through_unknown_channel
from .channel import awgn, mixed
from .codec import Codec
from .loop import Interrupt, average_into, descend, device_of, drawing_from, save_atomically, set_rate, start_from
from .muon import Muon
from .perceptual_loss import PerceptualLoss
from .pictures import load_pictures
from .saved_codec import load_codec

VAL_SNRS_DB = (0.0, 5.0, 10.0)
# Sent and decoded pictures [N,3,H,W] → [N].
Measure = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
PRIOR_CODEWORDS, PRIOR_REFRESH = 768, 300


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", nargs="+", required=True, help="packed files or folders of pictures")
    parser.add_argument("--val", nargs="+", required=True)
    parser.add_argument("--out", required=True, help="folder for the checkpoint and the log")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--steps", type=int, default=10**9)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--lr", type=float, default=1.5e-3)
    parser.add_argument("--latent-channels", type=int, default=8)
    parser.add_argument("--width", type=int, default=96)
    parser.add_argument("--encoder-blocks", type=int, default=2)
    parser.add_argument("--decoder-blocks", type=int, default=3)
    parser.add_argument("--loss-floor", type=float, default=3e-3, help="MSE below which pictures stop mattering more")
    parser.add_argument("--fading-share", type=float, default=0.25)
    parser.add_argument("--blind-share", type=float, default=0.0, help="share of the batch sent over a channel that the receiver must find out")
    parser.add_argument("--blind-rank", type=int, default=32, help="rank of the codeword's prior in that receiver")
    parser.add_argument("--blind-passes", type=int, default=4)
    parser.add_argument("--lpips", type=float, default=0.0, help="weight of LPIPS in the loss, which --backbone and --weights are then for")
    parser.add_argument("--adversarial", type=float, default=0.0, help="weight of a discriminator of patches, beside --lpips")
    parser.add_argument("--backbone", help="torchvision's SqueezeNet 1.1")
    parser.add_argument("--weights", help="LPIPS 0.1's linear layers for it")
    parser.add_argument("--init", help="checkpoint.pt or an exported codec's folder to start from, of any latent channels")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    if args.lpips > 0 and not (args.backbone and args.weights):
        parser.error("--lpips: needs --backbone and --weights, the files of LPIPS on SqueezeNet 1.1")
    if args.adversarial > 0 and args.lpips <= 0:
        parser.error("--adversarial: goes with --lpips")
    return args


def history_of(init: Path) -> list[dict]:
    """What a codec went through before, for its card: the earlier stages of a checkpoint, or the name of an exported one."""
    if init.is_dir():
        return [{"codec": init.resolve().name}]
    state = torch.load(init, map_location="cpu")
    args = state["args"]
    stage = {"steps": state["step"], "minutes": round(state["elapsed"] / 60, 1), "blindShare": args.get("blind_share", 0)}
    if "history" not in state:
        state["history"] = history_of(Path(args["init"])) if args.get("init") else []
    return [*state["history"], stage]


def draw_snr(n: int, least: float = -1.0) -> torch.Tensor:
    """SNR in dB: three quarters uniform over least…13, where the link is used, one quarter over least − 3…22."""
    wide = torch.rand(n) < 0.25
    return torch.where(wide, torch.empty(n).uniform_(least - 3, 22), torch.empty(n).uniform_(least, 13))


def psnr_db(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Of each picture, [N,3,H,W] in [0,1] → [N]."""
    return -10 * torch.log10((x - y).square().mean(dim=(1, 2, 3)).clamp_min(1e-10))


@torch.no_grad()
def validate(codec: Codec, pictures: torch.Tensor, snr_db: float, measure: Measure = psnr_db, batch: int = 100) -> float:
    """Mean over pictures of a measure of sent and decoded ones, over AWGN, on clipped output; the PSNR in dB without other words."""
    with drawing_from(0):
        values = []
        for chunk in pictures.split(batch):
            x = chunk.to(device_of(codec)).float() / 255
            snr = torch.full((len(x),), snr_db, device=x.device)
            y = codec.decoder(awgn(codec.encode(x, snr), snr), snr).clamp(0, 1)
            values.append(measure(x, y))
    return torch.cat(values).mean().item()


@torch.no_grad()
def encode_some(codec: Codec, pictures: torch.Tensor, count: int) -> torch.Tensor:
    """Codewords [count, C·h·w] of pictures drawn at random, at SNRs drawn at random."""
    parts = []
    device = device_of(codec)
    for pick in torch.randint(len(pictures), (count,)).split(64):
        with torch.autocast(device.type, dtype=torch.bfloat16):
            z = codec.encode(pictures[pick].to(device).float() / 255, draw_snr(len(pick)).to(device))
        parts.append(z.float().flatten(1))
    return torch.cat(parts)


@torch.no_grad()
def validate_blind(codec: Codec, pictures: torch.Tensor, snr_db: float, prior: CodewordPrior, passes: int) -> dict[str, float]:
    """Over an unknown channel, one start: share of pictures above 15 dB, mean PSNR, median channel error."""
    with drawing_from(0):
        values, errors = [], []
        for x in pictures.split(100):
            x = x.to(device_of(codec)).float() / 255
            snr = torch.full((len(x),), snr_db, device=x.device)
            z, error = through_unknown_channel(codec.encode(x, snr), snr, prior, passes)
            y = codec.decoder(z, snr).clamp(0, 1)
            values.append(psnr_db(x, y))
            errors.append(error)
    psnr, error = torch.cat(values), torch.cat(errors)
    return {
        "success": round((psnr > 15).float().mean().item(), 4),
        "psnrDb": round(psnr.mean().item(), 2),
        "channelError": round(error.median().item(), 4),
    }


def main() -> None:
    args = parse()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    train, val = load_pictures(args.train), load_pictures(args.val)
    val_small = val[:200]
    codec = Codec(args.latent_channels, args.width, args.encoder_blocks, args.decoder_blocks)
    device = torch.device(args.device)
    codec = codec.to(device, memory_format=torch.channels_last)
    history = []
    if args.init:
        start_from(codec, load_codec(args.init).state_dict(), overlap=True)
        history = history_of(Path(args.init))
    average = Codec(**codec.config).to(device, memory_format=torch.channels_last)
    average.load_state_dict(codec.state_dict())
    perceptual = None
    if args.lpips > 0:
        perceptual = PerceptualLoss(args.backbone, args.weights, args.lpips, args.adversarial, args.lr, device)
    # Muon gains where LPIPS is part of the loss; the recipes without it were measured with AdamW.
    optimiser = Muon(codec, lr=args.lr) if perceptual else torch.optim.AdamW(codec.parameters(), lr=args.lr, betas=(0.9, 0.98), weight_decay=1e-4)
    beside = perceptual.parts if perceptual else {}
    step, elapsed = 0, 0.0
    checkpoint = out / "checkpoint.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location=device)
        codec.load_state_dict(state["codec"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        for name, part in beside.items():
            part.load_state_dict(state[name])
        step, elapsed = state["step"], state["elapsed"]
        torch.set_rng_state(state["rng"].cpu())
        torch.cuda.manual_seed_all(args.seed + step)

    def blind_quality(pictures: torch.Tensor) -> dict:
        if prior is None:
            return {}
        quality = {s: validate_blind(average, pictures, s, prior, args.blind_passes) for s in VAL_SNRS_DB}
        return {"meanPower": round(prior.mean_power(), 4), "blind": quality}

    def quality(pictures: torch.Tensor) -> dict:
        looks = {"valLpips": {str(s): round(validate(average, pictures, s, perceptual.lpips), 4) for s in VAL_SNRS_DB}} if perceptual else {}
        return {"valPsnrDb": {str(s): round(validate(average, pictures, s), 3) for s in VAL_SNRS_DB}, **looks, **blind_quality(pictures)}

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
            "history": history,
            "rng": torch.get_rng_state(),
            **{name: part.state_dict() for name, part in beside.items()},
            "torch": str(torch.__version__),
        }
        save_atomically(state, checkpoint)

    blind = math.floor(args.blind_share * args.batch)
    prior = CodewordPrior.of(encode_some(codec, train, PRIOR_CODEWORDS), args.blind_rank) if blind else None
    start, last_save, last_val = time.time() - elapsed, time.time(), time.time()
    running = 0.0
    interrupt = Interrupt()
    begin = {"step": step, "pictures": len(train), "parameters": sum(p.numel() for p in codec.parameters()), "device": args.device}
    print(json.dumps(begin), flush=True)
    while True:
        elapsed = time.time() - start
        if interrupt.requested:
            save(False)
            interrupt.leave(step, "the checkpoint is written, the same command goes on from here")
        progress = max(elapsed / 60 / args.minutes, step / args.steps)
        if progress >= 1:
            break
        set_rate(optimiser, args.lr, step, progress)
        x = train[torch.randint(len(train), (args.batch,))].to(device).float() / 255
        flip = torch.rand(args.batch, device=device) < 0.5
        x[flip] = x[flip].flip(3)
        x = x.contiguous(memory_format=torch.channels_last)
        snr = draw_snr(args.batch).to(device)
        with torch.autocast(device.type, dtype=torch.bfloat16):
            z = codec.encode(x, snr)
        received = mixed(z[blind:], snr[blind:], args.fading_share)
        if prior is not None:
            if step % PRIOR_REFRESH == PRIOR_REFRESH - 1:
                prior = CodewordPrior.of(encode_some(codec, train, PRIOR_CODEWORDS), args.blind_rank)
            prior.follow(z.detach().flatten(1))
            found, _ = through_unknown_channel(z[:blind], snr[:blind], prior, args.blind_passes)
            received = torch.cat([found, received])
        with torch.autocast(device.type, dtype=torch.bfloat16):
            y = codec.decoder(received, snr).float()
        mse = (x - y).square().mean(dim=(1, 2, 3))
        # Between MSE (a large floor) and mean PSNR (none): hard pictures keep a say, easy ones are not ignored.
        loss = torch.log(mse + args.loss_floor).mean()
        if perceptual:
            loss = loss + perceptual.of(x, y, snr, progress)
        descend(loss, codec, optimiser)
        if perceptual:
            perceptual.learn(x, y, snr, step, progress)
        step += 1
        average_into(average, codec, step, 0.999)
        running += (loss.item() - running) * 0.01
        if time.time() - last_save > 60:
            save(False)
            last_save = time.time()
        if time.time() - last_val > 180:
            line = {"step": step, "minutes": round(elapsed / 60, 1), "loss": round(running, 4)}
            print(json.dumps({**line, **quality(val_small)}), flush=True)
            last_val = time.time()
    print(json.dumps({"step": step, "minutes": round(elapsed / 60, 1), "final": True, **quality(val)}), flush=True)
    save(True)


if __name__ == "__main__":
    main()
