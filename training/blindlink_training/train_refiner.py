"""Train the refiner of a codec.

    python3 -m blindlink_training.train_refiner --codec ../models/natural-12 --train A.jpegs --val V.jpegs --out runs/natural --minutes 15

Codewords are encoded once at several SNRs, then sent through fading; the network gets precision and evidence as
blind-em forms them from a channel estimate that is wrong by more than it admits.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import torch

from .channel import SUBCARRIERS, draw_taps
from .loop import Interrupt, average_into, descend, set_rate, start_from
from .muon import Muon
from .photo_codec import PhotoParts
from .pictures import load_photographs, load_pictures
from .refiner import Refiner
from .saved_codec import load_codec, stored_parameters
from .train_photo import load_photo_codec, photo_codewords
from .train_polarity import VAL_SNRS_DB, crop, encode_all


def observe(z: torch.Tensor, snr_db: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Precision w = 2(|Ĥ|²+v)/σ² and evidence q = 2·Ĥ*Y/σ² of every real latent; and what a white prior would err by."""
    n = len(z)
    real, imaginary = z.flatten(1).chunk(2, dim=1)
    symbols = torch.complex(real, imaginary)
    k = symbols.shape[1]
    taps = draw_taps(n, z.device)
    error = 10 ** torch.empty(n, 1, device=z.device).uniform_(-3.5, -0.7)
    admitted = error * torch.empty(n, 1, device=z.device).uniform_(0.1, 1)
    estimate = taps + error.sqrt() * draw_taps(n, z.device)
    subcarrier = torch.randperm(k, device=z.device) % SUBCARRIERS
    response = torch.fft.fft(taps, n=SUBCARRIERS)[:, subcarrier]
    guess = torch.fft.fft(estimate, n=SUBCARRIERS)[:, subcarrier]
    variance = (10 ** (-snr_db / 10)).view(-1, 1)
    y = response * symbols + variance.sqrt() * torch.randn(n, k, dtype=torch.complex64, device=z.device)
    precision = 2 * (guess.abs().square() + admitted) / variance
    evidence = 2 * guess.conj() * y / variance
    both = torch.cat([precision, precision], dim=1).view_as(z)
    return both, torch.cat([evidence.real, evidence.imag], dim=1).view_as(z), 1 / (both + 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--codec", required=True, help="checkpoint.pt of train_codec or train_photo, or the folder of an exported codec")
    parser.add_argument("--rate", type=int, help="latent channels of a photo codec, which is trained for several")
    parser.add_argument("--train", nargs="+", required=True)
    parser.add_argument("--val", nargs="+", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--steps", type=int, default=10**9)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--blocks", type=int, default=4)
    parser.add_argument("--init", help="an exported network of another codec to start from")
    parser.add_argument("--limit", type=int, default=None, help="use this many training pictures")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)

    if args.rate is not None:
        if Path(args.codec).is_dir():
            raise SystemExit(f"{args.codec}: --rate wants the checkpoint of a photo codec's run; of an exported one nothing is trained yet")
        photo = load_photo_codec(Path(args.codec))
        z, snr = photo_codewords(photo, args.rate, load_photographs(args.train, least=128), args.limit or 6000, args.seed)
        z_val, _ = photo_codewords(photo, args.rate, load_photographs(args.val, least=128), 500, args.seed + 1)
        z, snr, z_val = (t.to(args.device) for t in (z, snr, z_val))
    else:
        codec = load_codec(args.codec).to(args.device)
        if isinstance(codec, PhotoParts):
            raise SystemExit(f"{args.codec}: a codec for photographs; this trains on pictures of 64×64; give --rate and its run's checkpoint")
        z, snr = encode_all(codec, load_pictures(args.train, limit=args.limit), args.seed)
        z_val, _ = encode_all(codec, load_pictures(args.val), args.seed + 1)
    net = Refiner(z.shape[1], args.width, args.blocks).to(args.device, memory_format=torch.channels_last)
    if args.init:
        start_from(net, stored_parameters(Path(args.init)))
    average = Refiner(**net.config).to(args.device)
    average.load_state_dict(net.state_dict())
    optimiser = Muon(net, lr=args.lr, weight_decay=1e-3)
    start, step, running, reported = time.time(), 0, 0.0, 0.0
    interrupt = Interrupt()
    while (progress := max((time.time() - start) / 60 / args.minutes, step / args.steps)) < 1:
        if interrupt.requested:
            interrupt.leave(step, "nothing is written")
        set_rate(optimiser, args.lr, step, progress, warm_up=200)
        pick = torch.randint(len(z), (args.batch,))
        target = crop(z[pick].float())
        # The receiver does not know the true SNR to the decibel either.
        precision, evidence, white = observe(target, snr[pick] + 2 * torch.randn(args.batch, device=z.device))
        with torch.autocast(z.device.type, dtype=torch.bfloat16):
            mean, variance = net(precision, evidence)
        squared = (target - mean.float()).square()
        ratio = squared.detach() / variance
        loss = (squared / white).mean() + 0.2 * (ratio + variance.log() - white.log()).mean()
        descend(loss, net, optimiser)
        step += 1
        average_into(average, net, step, 0.998)
        gain = (squared / white).mean().item()
        running += (gain - running) * max(0.005, 1 / step)
        if (time.time() - start) / 60 - reported > 1:
            reported = (time.time() - start) / 60
            print(json.dumps({"step": step, "minutes": round(reported, 1), "errorOverWhite": round(running, 4)}), flush=True)

    quality = {}
    with torch.no_grad():
        torch.manual_seed(0)
        for snr_db in VAL_SNRS_DB:
            sums = torch.zeros(2)
            for part in z_val.float().split(250):
                precision, evidence, white = observe(part, torch.full((len(part),), snr_db, device=part.device))
                mean, variance = average(precision, evidence)
                sums += torch.tensor([(part - mean).square().sum(), variance.sum()]) / part.numel() * len(part) / len(z_val)
            quality[str(snr_db)] = {"meanSquareError": round(sums[0].item(), 4), "meanVariance": round(sums[1].item(), 4)}
    print(json.dumps({"step": step, "final": True, "val": quality}), flush=True)
    Path(args.out).mkdir(parents=True, exist_ok=True)
    torch.save(
        {"net": average.state_dict(), "config": net.config, "val": quality, "step": step, "args": vars(args)},
        Path(args.out) / "refiner.pt",
    )


if __name__ == "__main__":
    main()
