"""Train a picture prior (a denoiser at every noise level).

    python3 -m blindlink_training.train_prior --train A.jpegs --val V.jpegs --out runs/prior-faces --minutes 100

The learning rate follows a cosine over the larger of the elapsed share of --minutes and of --steps. A checkpoint is
written atomically every minute; the same command resumes from it. σ is log-normal as in Karras et al. (2022), with a
share spread over the whole range that a sampler visits.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import time
from pathlib import Path

import torch

from .dncnn import Dncnn
from .loop import Interrupt, average_into, descend, save_atomically, set_rate
from .muon import Muon
from .pictures import load_pictures
from .prior import SIGMA_DATA, Prior
from .saved_codec import stored_parameters

VAL_SIGMAS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", nargs="+", required=True, help="packed files or folders of pictures")
    parser.add_argument("--val", nargs="+", required=True)
    parser.add_argument("--out", required=True, help="folder for the checkpoint and the log")
    parser.add_argument("--minutes", type=float, default=100)
    parser.add_argument("--steps", type=int, default=10**9)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--init", help="folder of an exported prior to train on, by Muon")
    parser.add_argument("--network", choices=["prior", "dncnn"], default="prior", help="dncnn: the yardstick of dncnn.py")
    parser.add_argument("--widths", type=int, nargs="+", default=[64, 96, 160])
    parser.add_argument("--blocks", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--wide-share", type=float, default=0.15, help="share of σ drawn evenly in ln σ over 0.01…100")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def draw_sigma(n: int, wide_share: float) -> torch.Tensor:
    wide = torch.rand(n) < wide_share
    narrow = (-1.2 + 1.2 * torch.randn(n)).exp()
    return torch.where(wide, torch.empty(n).uniform_(math.log(0.01), math.log(100)).exp(), narrow)


@torch.no_grad()
def denoising_psnr(prior: torch.nn.Module, pictures: torch.Tensor, sigma: float, device: str = "cpu", batch: int = 100) -> float:
    """Mean over pictures of the PSNR in dB (peak 2, clipped to [−1, 1]) after adding noise of standard deviation σ."""
    generator = torch.Generator().manual_seed(0)
    values = []
    for chunk in pictures.split(batch):
        x = chunk.float() / 127.5 - 1
        noisy = x + sigma * torch.randn(x.shape, generator=generator)
        y = prior(noisy.to(device), torch.full((len(x),), sigma, device=device)).cpu().clamp(-1, 1)
        values.append(10 * torch.log10(4 / (x - y).square().mean(dim=(1, 2, 3)).clamp_min(1e-10)))
    return torch.cat(values).mean().item()


def load_prior(path: str) -> Prior:
    """The averaged weights of a checkpoint."""
    state = torch.load(path, map_location="cpu")
    prior = Prior(**state["config"])
    prior.load_state_dict(state["average"])
    return prior.eval()


def load_exported_prior(folder: Path) -> Prior:
    """A prior from its ONNX file; see `export_prior.Exported` for its first convolution."""
    network = json.loads((folder / "card.json").read_text())["training"]["network"]
    stored = stored_parameters(folder / "denoiser.onnx")
    prior = Prior(**network)
    width = network["widths"][0]
    entry = stored["merged.weight"].view(width, 3, 3, 2, 3, 2).permute(0, 1, 3, 5, 2, 4).reshape(width, 12, 3, 3)
    known = {"entry.weight": entry, "entry.bias": stored["merged.bias"]}
    prior.load_state_dict({name: known[name] if name in known else stored[f"prior.{name}"] for name in prior.state_dict()})
    return prior.eval()


def main() -> None:
    args = parse()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    train, val = load_pictures(args.train), load_pictures(args.val)
    val_small = val[:200]
    if args.init:
        prior = load_exported_prior(Path(args.init)).train()
    else:
        prior = Prior(args.widths, args.blocks) if args.network == "prior" else Dncnn()
    prior = prior.to(args.device, memory_format=torch.channels_last)
    average = copy.deepcopy(prior).eval()
    average.load_state_dict(prior.state_dict())
    optimiser = Muon(prior, lr=args.lr) if args.init else torch.optim.AdamW(prior.parameters(), lr=args.lr, betas=(0.9, 0.98), weight_decay=1e-4)
    step, elapsed = 0, 0.0
    checkpoint = out / "checkpoint.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location=args.device)
        prior.load_state_dict(state["prior"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        step, elapsed = state["step"], state["elapsed"]
        torch.set_rng_state(state["rng"].cpu())
        torch.cuda.manual_seed_all(args.seed + step)

    def save(final: bool) -> None:
        state = {
            "prior": prior.state_dict(),
            "average": average.state_dict(),
            "optimiser": optimiser.state_dict(),
            "config": prior.config,
            "args": vars(args),
            "step": step,
            "elapsed": elapsed,
            "final": final,
            "rng": torch.get_rng_state(),
            "torch": str(torch.__version__),
        }
        save_atomically(state, checkpoint)

    kind = "cuda" if args.device.startswith("cuda") else "cpu"
    start, last_save, last_val = time.time() - elapsed, time.time(), time.time()
    running = 0.0
    interrupt = Interrupt()
    begin = {"step": step, "pictures": len(train), "parameters": sum(p.numel() for p in prior.parameters()), "device": args.device}
    if step == 0 and args.init:
        begin["valPsnrDb"] = {str(s): round(denoising_psnr(average, val_small, s, args.device), 2) for s in VAL_SIGMAS}
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
        x = train[torch.randint(len(train), (args.batch,))].float() / 127.5 - 1
        flip = torch.rand(args.batch) < 0.5
        x[flip] = x[flip].flip(3)
        sigma = draw_sigma(args.batch, args.wide_share)
        noisy = x + sigma[:, None, None, None] * torch.randn_like(x)
        x, noisy, sigma = (v.to(args.device) for v in (x, noisy, sigma))
        with torch.autocast(kind, dtype=torch.bfloat16):
            y = prior(noisy.contiguous(memory_format=torch.channels_last), sigma).float()
        # The weight makes every noise level's loss that of a network output of unit variance.
        weight = (sigma.square() + SIGMA_DATA**2) / (sigma * SIGMA_DATA).square()
        loss = (weight[:, None, None, None] * (x - y).square()).mean()
        descend(loss, prior, optimiser)
        step += 1
        average_into(average, prior, step, 0.9995)
        running += (loss.item() - running) * max(0.005, 1 / step)
        if time.time() - last_save > 60:
            save(False)
            last_save = time.time()
        if time.time() - last_val > 300:
            psnr = {str(s): round(denoising_psnr(average, val_small, s, args.device), 2) for s in VAL_SIGMAS}
            print(json.dumps({"step": step, "minutes": round(elapsed / 60, 1), "loss": round(running, 4), "valPsnrDb": psnr}), flush=True)
            last_val = time.time()
    psnr = {str(s): round(denoising_psnr(average, val, s, args.device), 3) for s in VAL_SIGMAS}
    print(json.dumps({"step": step, "minutes": round(elapsed / 60, 1), "final": True, "valPsnrDb": psnr}), flush=True)
    save(True)


if __name__ == "__main__":
    main()
