"""What every training loop here shares."""

from __future__ import annotations

import math
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import nn


@contextmanager
def drawing_from(seed: int) -> Iterator[None]:
    """Random numbers are those of `seed` inside, on every device, and go on behind it as if none had been drawn."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


def set_rate(optimiser: torch.optim.Optimizer, rate: float, step: int, progress: float, warm_up: int = 300) -> None:
    """A cosine from `rate` to 0 over progress 0…1, after a linear warm-up."""
    value = rate * min(1.0, (step + 1) / warm_up) * (0.5 + 0.5 * math.cos(math.pi * progress))
    for group in optimiser.param_groups:
        group["lr"] = value


def descend(loss: torch.Tensor, net: nn.Module, optimiser: torch.optim.Optimizer) -> None:
    """One step of `net` down the loss, its gradient's norm at most 1."""
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    optimiser.step()


@torch.no_grad()
def start_from(net: nn.Module, theirs: dict[str, torch.Tensor], overlap: bool = False) -> None:
    """Copies the parameters of another network that have the same shape; with `overlap` also the common part of the others."""
    for name, mine in net.state_dict().items():
        if mine.shape == theirs[name].shape or overlap:
            common = tuple(slice(min(a, b)) for a, b in zip(mine.shape, theirs[name].shape))
            mine[common] = theirs[name][common]


@torch.no_grad()
def average_into(slow: nn.Module, fast: nn.Module, step: int, limit: float) -> None:
    """Exponential average of the weights, short at first; `step` counts from 1."""
    decay = min(limit, (step + 1) / (step + 10))
    for a, b in zip(slow.parameters(), fast.parameters()):
        a.lerp_(b, 1 - decay)
    for a, b in zip(slow.buffers(), fast.buffers()):
        a.copy_(b)


class Interrupt:
    """Ctrl-C and SIGTERM are asked for between steps, so that nothing is lost or half done."""

    def __init__(self) -> None:
        self.requested = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._request)

    def _request(self, *_: object) -> None:
        self.requested = True

    def leave(self, step: int, kept: str) -> None:
        """Ends the program with the status of an interrupted one."""
        print(f"stopped after step {step}; {kept}", file=sys.stderr)
        sys.exit(130)


def device_of(net: nn.Module) -> torch.device:
    return next(net.parameters()).device


def save_atomically(state: dict, path: Path) -> None:
    """Writes a checkpoint whole or not at all."""
    torch.save(state, str(path) + ".part")
    os.replace(str(path) + ".part", path)
