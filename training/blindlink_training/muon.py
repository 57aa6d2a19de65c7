"""Muon: momentum whose matrix is orthogonalised (Jordan et al. 2024; scale of Liu et al., arXiv 2502.16982), AdamW for all else.

For a weight W [n, m] (convolutions: output channels × everything else), with momentum M ← μM + G and the Nesterov look-ahead
N = G + μM: W ← W − lr·0.2·√max(n, m)·O(N), O being the nearest semi-orthogonal matrix by five Newton–Schulz passes. The factor gives
the update the r.m.s. of AdamW's, so that learning rates carry over.
"""

from __future__ import annotations

import torch
from torch import Tensor


def orthogonalised(g: Tensor, passes: int = 5) -> Tensor:
    """The quintic Newton–Schulz iteration in bfloat16; singular values end within about 0.7…1.2."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = g.bfloat16() / (g.norm() + 1e-7)
    wide = x.shape[0] <= x.shape[1]
    x = x if wide else x.T
    for _ in range(passes):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return (x if wide else x.T).to(g.dtype)


class Muon(torch.optim.Optimizer):
    """The weights that `net.matrices()` gives, all convolutions' where it has none, by Muon, all others by AdamW, with one learning rate."""

    def __init__(
        self,
        net: torch.nn.Module,
        lr: float,
        momentum: float = 0.95,
        betas: tuple[float, float] = (0.9, 0.98),
        weight_decay: float = 1e-4,
    ) -> None:
        matrices = net.matrices() if hasattr(net, "matrices") else [p for p in net.parameters() if p.dim() == 4]
        known = {id(p) for p in matrices}
        others = [p for p in net.parameters() if id(p) not in known]
        groups = [{"params": matrices, "muon": True}, {"params": others, "muon": False}]
        super().__init__(groups, {"lr": lr, "momentum": momentum, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure=None) -> None:
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                p.mul_(1 - group["lr"] * group["weight_decay"])
                if group["muon"]:
                    m = state.setdefault("momentum", torch.zeros_like(p))
                    m.mul_(group["momentum"]).add_(p.grad)
                    update = p.grad.add(m, alpha=group["momentum"]).flatten(1)
                    update = orthogonalised(update) * 0.2 * max(update.shape) ** 0.5
                    p.add_(update.view_as(p), alpha=-group["lr"])
                else:
                    first, second = group["betas"]
                    mean = state.setdefault("mean", torch.zeros_like(p))
                    square = state.setdefault("square", torch.zeros_like(p))
                    steps = state["steps"] = state.get("steps", 0) + 1
                    mean.lerp_(p.grad, 1 - first)
                    square.lerp_(p.grad.square(), 1 - second)
                    scale = (square / (1 - second**steps)).sqrt().add_(1e-8)
                    p.addcdiv_(mean, scale, value=-group["lr"] / (1 - first**steps))
