"""What trainings of a decoder for a codec that is there share: the run with its checkpoint, and the way into the codec's folder."""

from __future__ import annotations

import argparse
import copy
import hashlib
import json
import time
from pathlib import Path
from typing import Callable, Iterator

import torch
from torch import nn

from .export import write
from .golden import LATENT, golden
from .loop import Interrupt, save_atomically
from .saved_codec import load_codec, stored_parameters
from .small_weights import quarter_weights

SAVE_SECONDS, REPORT_SECONDS = 60, 240


def run_parser(description: str | None, codec: str, part: str, minutes: float, batch: int, lr: float) -> argparse.ArgumentParser:
    """The flags of every such training; `codec` says what folder it wants, `part` what it makes."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--codec", required=True, help=codec)
    parser.add_argument("--train", nargs="+", required=True)
    parser.add_argument("--val", nargs="+", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--export", help=f"write the {part} into this codec's folder instead of training")
    parser.add_argument("--minutes", type=float, default=minutes)
    parser.add_argument("--steps", type=int, default=10**9)
    parser.add_argument("--batch", type=int, default=batch)
    parser.add_argument("--lr", type=float, default=lr)
    parser.add_argument("--limit", type=int, default=None)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    return parser


def run_main(args: argparse.Namespace, train: Callable[[argparse.Namespace], None], export: Callable[[argparse.Namespace], None]) -> None:
    """Trains, or writes what was trained where `--export` says so."""
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    (train if args.export is None else export)(args)


class Run:
    """A training of some parts (networks, optimisers) until `--minutes` or `--steps` are up.

    What there is in `--out` is gone on from; the checkpoint is written every minute, at the end, and where it is stopped.
    """

    def __init__(self, args: argparse.Namespace, parts: dict[str, nn.Module | torch.optim.Optimizer]) -> None:
        self.args, self.parts = args, parts
        self.step, self.elapsed = 0, 0.0
        self.checkpoint = Path(args.out) / "checkpoint.pt"
        self.checkpoint.parent.mkdir(parents=True, exist_ok=True)
        if self.checkpoint.exists():
            state = torch.load(self.checkpoint, map_location=args.device)
            for name, part in parts.items():
                part.load_state_dict(state[name])
            self.step, self.elapsed = state["step"], state["elapsed"]
            torch.manual_seed(args.seed + self.step)

    def save(self, final: bool) -> None:
        states = {name: part.state_dict() for name, part in self.parts.items()}
        rest = {"args": vars(self.args), "step": self.step, "elapsed": self.elapsed, "final": final, "torch": str(torch.__version__)}
        save_atomically({**states, **rest}, self.checkpoint)

    def steps(self, quality: Callable[[], dict], before: dict) -> Iterator[float]:
        """The progress 0…1 at the beginning of each step; `quality` is told every four minutes, at the end, and with `before` at the very start."""

        def report(**more: object) -> None:
            print(json.dumps({"step": self.step, "minutes": round(self.elapsed / 60, 1), **quality(), **more}), flush=True)

        if self.step == 0:
            report(**before)
        start, saved, reported = time.time() - self.elapsed, time.time(), time.time()
        interrupt = Interrupt()
        while True:
            self.elapsed = time.time() - start
            progress = max(self.elapsed / 60 / self.args.minutes, self.step / self.args.steps)
            if progress >= 1:
                break
            if interrupt.requested:
                self.save(False)
                interrupt.leave(self.step, "the checkpoint is written, the same command goes on from here")
            yield progress
            self.step += 1
            if time.time() - saved > SAVE_SECONDS:
                self.save(False)
                saved = time.time()
            if time.time() - reported > REPORT_SECONDS:
                report()
                reported = time.time()
        self.save(True)
        report(final=True)


def averaged_decoder(args: argparse.Namespace) -> tuple[nn.Module, nn.Module, dict]:
    """The codec in `--codec`, the averaged decoder of the run in `--out`, and the run's checkpoint."""
    state = torch.load(Path(args.out) / "checkpoint.pt", map_location="cpu")
    codec = load_codec(args.codec)
    decoder = copy.deepcopy(codec.decoder)
    decoder.load_state_dict(state["average"])
    return codec, decoder, state


def put_decoder(decoder: nn.Module, folder: Path, file: str, card: dict) -> None:
    """Writes a decoder into a codec's folder, kernels as bytes, and hash and golden values into its card; the decoder is then what was written."""
    channels = card["latentChannels"]
    latents, snr = torch.randn(2, channels, 16, 16), torch.tensor([10.0, 5.0])
    write(decoder, (latents, snr), folder / file, ["latents", "snr_db"], "picture", ["rows", "columns"])
    quarter_weights(str(folder / file))
    stored = stored_parameters(folder / file)
    decoder.load_state_dict({name: stored[name] for name in decoder.state_dict()})
    card["sha256"][file] = hashlib.sha256((folder / file).read_bytes()).hexdigest()
    given, at = ([2, channels, 16, 16], -LATENT, LATENT), ([2], 10.0, 10.0)
    card["golden"][file] = golden(decoder, {"latents": given, "snr_db": at}, ["picture"])
    # What another decoder there was before costs is not what this one does: `blindlink model seal` counts again.
    card.get("cost", {}).pop(file, None)


def how_trained(state: dict, flags: tuple[str, ...]) -> dict:
    """What a card says of a run: steps, minutes, the flags that it had, and with what."""
    had = {flag: state["args"][flag] for flag in flags if flag in state["args"]}
    return {"steps": state["step"], "minutes": round(state["elapsed"] / 60, 1), **had, "torch": state["torch"]}
