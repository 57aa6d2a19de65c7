"""Train the polarity network of a codec.

    python3 -m blindlink_training.train_polarity --codec runs/natural/checkpoint.pt --train A.jpegs --val V.jpegs \\
        --out runs/natural --minutes 6

Codewords are encoded once at several SNRs, then sent through fading and equalised with a wrong channel estimate;
the network sees what a blind receiver would hand it.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import torch
import torch.nn.functional as F

from .channel import SUBCARRIERS, TAPS, draw_taps
from .codec import Codec
from .loop import Interrupt, device_of, set_rate, start_from
from .muon import Muon
from .photo_codec import PhotoParts
from .pictures import load_pictures
from .polarity import Polarity
from .saved_codec import load_codec, stored_parameters

SNRS_DB = (-6.0, -3.0, 0.0, 3.0, 6.0, 10.0, 15.0)
VAL_SNRS_DB = (-5.0, 0.0, 5.0, 10.0)


@torch.no_grad()
def encode_all(codec: Codec, pictures: torch.Tensor, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Codewords [n,C,16,16] (half precision) at an SNR drawn per batch from SNRS_DB, half of the batches mirrored."""
    generator = torch.Generator().manual_seed(seed)
    device = device_of(codec)
    codewords, snrs = [], []
    for chunk in pictures.split(250):
        x = chunk.to(device).float() / 255
        if torch.rand((), generator=generator) < 0.5:
            x = x.flip(3)
        snr_db = SNRS_DB[int(torch.randint(len(SNRS_DB), (), generator=generator))]
        snr = torch.full((len(x),), snr_db, device=device)
        with torch.autocast(device.type, dtype=torch.bfloat16):
            z = codec.encode(x.contiguous(memory_format=torch.channels_last), snr)
        codewords.append(z.half())
        snrs.append(snr)
    return torch.cat(codewords), torch.cat(snrs)


def received(z: torch.Tensor, snr_db: torch.Tensor) -> torch.Tensor:
    """Codewords after fading, noise and MMSE equalisation with an erroneous channel estimate."""
    n = len(z)
    real, imaginary = z.flatten(1).chunk(2, dim=1)
    symbols = torch.complex(real, imaginary)
    k = symbols.shape[1]
    taps = draw_taps(n, z.device)
    error = 10 ** torch.empty(n, 1, device=z.device).uniform_(-3, -0.4)
    wrong = taps + error.sqrt() * draw_taps(n, z.device)
    subcarrier = torch.randperm(k, device=z.device) % SUBCARRIERS
    response = torch.fft.fft(taps, n=SUBCARRIERS)[:, subcarrier]
    estimate = torch.fft.fft(wrong, n=SUBCARRIERS)[:, subcarrier]
    variance = (10 ** (-snr_db / 10)).view(-1, 1)
    y = response * symbols + variance.sqrt() * torch.randn(n, k, dtype=torch.complex64, device=z.device)
    equalised = estimate.conj() * y / (estimate.abs().square() + error / SUBCARRIERS * TAPS + variance)
    return torch.cat([equalised.real, equalised.imag], dim=1).view_as(z)


def crop(z: torch.Tensor) -> torch.Tensor:
    """One batch in three keeps only a corner: the partial tiles at a picture's edges."""
    if torch.rand(()) > 1 / 3:
        return z
    edge = z.shape[2]
    h, w = torch.randint(edge // 4, edge + 1, (2,)).tolist()
    return z[:, :, :h, :w]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--codec", required=True, help="checkpoint.pt of train_codec")
    parser.add_argument("--train", nargs="+", required=True)
    parser.add_argument("--val", nargs="+", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--minutes", type=float, default=6)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--init", help="an exported network of another codec to start from")
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--limit", type=int, default=None, help="use this many training pictures")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)

    codec = load_codec(args.codec).to(args.device)
    if isinstance(codec, PhotoParts):
        raise SystemExit(f"{args.codec}: a codec for photographs; this trains on pictures of 64×64; export_photo trains its polarity network")
    z, snr = encode_all(codec, load_pictures(args.train, limit=args.limit), args.seed)
    z_val, snr_val = encode_all(codec, load_pictures(args.val), args.seed + 1)
    net = Polarity(codec.config["latent_channels"], args.width).to(args.device)
    if args.init:
        start_from(net, stored_parameters(Path(args.init)))
    optimiser = Muon(net, lr=args.lr, weight_decay=1e-2)
    start, step, running, reported = time.time(), 0, 0.7, 0.0
    interrupt = Interrupt()
    while (elapsed := (time.time() - start) / 60) < args.minutes:
        if interrupt.requested:
            interrupt.leave(step, "nothing is written")
        set_rate(optimiser, args.lr, step, elapsed / args.minutes, warm_up=100)
        pick = torch.randint(len(z), (args.batch,))
        # The receiver does not know the true SNR to the decibel either.
        x = crop(received(z[pick].float(), snr[pick] + 2 * torch.randn(args.batch, device=z.device)))
        loss = F.softplus(-net(x)).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        step += 1
        running += (loss.item() - running) * 0.01
        if elapsed - reported > 1:
            print(json.dumps({"step": step, "minutes": round(elapsed, 1), "loss": round(running, 4)}), flush=True)
            reported = elapsed

    quality = {}
    with torch.no_grad():
        torch.manual_seed(0)
        for snr_db in VAL_SNRS_DB:
            x = received(z_val.float(), torch.full((len(z_val),), snr_db, device=z_val.device))
            logits = torch.cat([net(part) for part in x.split(250)])
            quality[str(snr_db)] = round((logits > 0).float().mean().item(), 4)
    print(json.dumps({"step": step, "final": True, "valAccuracy": quality}), flush=True)
    Path(args.out).mkdir(parents=True, exist_ok=True)
    torch.save(
        {"net": net.state_dict(), "config": net.config, "valAccuracy": quality, "step": step, "args": vars(args)},
        Path(args.out) / "polarity.pt",
    )


if __name__ == "__main__":
    main()
