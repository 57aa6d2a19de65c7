"""Neighbourhood attention (Hassani et al., "Neighborhood Attention Transformer", 2023), with the tensor names of NATTEN.

Every place attends to the k×k places nearest to it that lie within the picture: at the edges the window moves inwards, and
the bias follows the offset between the two places. Features are [N,H,W,C].
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .swin import Mlp


class NeighbourhoodAttention(nn.Module):
    def __init__(self, width: int, heads: int, kernel: int) -> None:
        super().__init__()
        self.heads, self.kernel = heads, kernel
        self.qkv = nn.Linear(width, 3 * width)
        self.rpb = nn.Parameter(torch.zeros(heads, 2 * kernel - 1, 2 * kernel - 1))
        self.proj = nn.Linear(width, width)

    def neighbours(self, size: Tensor) -> tuple[Tensor, Tensor]:
        """Along one edge: each place's neighbours [size, k] and their offsets, counted from 0 [size, k].

        Where the edge is shorter than the window, neighbours lie beyond it, in zeros.
        """
        place = torch.arange(size)
        start = torch.minimum((place - self.kernel // 2).clamp_min(0), torch.as_tensor(size).clamp_min(self.kernel) - self.kernel)
        neighbour = start[:, None] + torch.arange(self.kernel)
        return neighbour, neighbour - place[:, None] + self.kernel - 1

    def forward(self, x: Tensor) -> Tensor:
        count, height, width, channels = x.shape
        padded = F.pad(x, (0, 0, 0, self.kernel - 1, 0, self.kernel - 1))
        # [N, heads, H, W, depth] each; keys and values have the rows and columns of zeros.
        q, k, v = (
            part.reshape(*part.shape[:3], self.heads, channels // self.heads).permute(0, 3, 1, 2, 4)
            for part in self.qkv(padded).chunk(3, dim=-1)
        )
        q = q[:, :, :height, :width] * (channels // self.heads) ** -0.5
        rows, row_offsets = self.neighbours(height)
        columns, column_offsets = self.neighbours(width)

        def around(y: Tensor, b: int) -> Tensor:
            """The b-th column of each place's window: [N, heads, H, k, W, depth]."""
            return y[:, :, :, columns[:, b]][:, :, rows]

        kernel = range(self.kernel)
        scores = torch.stack([(q[:, :, :, None] * around(k, b)).sum(dim=-1) for b in kernel], dim=-1)
        scores = scores + self.rpb[:, row_offsets][:, :, :, column_offsets]
        weights = scores.permute(0, 1, 2, 4, 3, 5).flatten(4).softmax(dim=-1)
        weights = weights.reshape(count, self.heads, height, width, self.kernel, self.kernel).permute(0, 1, 2, 4, 3, 5)
        mixed = sum((weights[..., b, None] * around(v, b)).sum(dim=3) for b in kernel)
        return self.proj(mixed.permute(0, 2, 3, 1, 4).reshape(count, height, width, channels))


class NeighbourhoodBlock(nn.Module):
    def __init__(self, width: int, heads: int, kernel: int, hidden: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attn = NeighbourhoodAttention(width, heads, kernel)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = Mlp(width, hidden)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class ResidualGroup(nn.Module):
    """x [N,C,H,W] plus what `depth` blocks make of it."""

    def __init__(self, width: int, depth: int, heads: int, kernel: int, hidden: int) -> None:
        super().__init__()
        self.residual_group = nn.Module()
        self.residual_group.blocks = nn.ModuleList(NeighbourhoodBlock(width, heads, kernel, hidden) for _ in range(depth))

    def forward(self, x: Tensor) -> Tensor:
        h = x.permute(0, 2, 3, 1)
        for block in self.residual_group.blocks:
            h = block(h)
        return x + h.permute(0, 3, 1, 2)
