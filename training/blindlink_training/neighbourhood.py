"""Neighbourhood attention (Hassani et al., "Neighborhood Attention Transformer", 2023), with the tensor names of NATTEN.

Every place attends to the k×k places nearest to it that lie within the picture: at the edges the window moves inwards, and
the bias follows the offset between the two places. Features are [N,H,W,C].
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .swin import Mlp


def neighbours(size: Tensor, kernel: int) -> tuple[Tensor, Tensor]:
    """Along one edge: each place's neighbours [size, k] and their offsets, counted from 0 [size, k].

    Where the edge is shorter than the window, neighbours lie beyond it, in zeros.
    """
    place = torch.arange(size)
    start = torch.minimum((place - kernel // 2).clamp_min(0), torch.as_tensor(size).clamp_min(kernel) - kernel)
    neighbour = start[:, None] + torch.arange(kernel)
    return neighbour, neighbour - place[:, None] + kernel - 1


class Neighbourhood(NamedTuple):
    """The windows of a picture's places: rows [H, k], columns k times [W], and offsets within `rpb`."""

    rows: Tensor
    columns: tuple[Tensor, ...]
    row_offsets: Tensor
    column_offsets: Tensor

    @staticmethod
    def of(x: Tensor, kernel: int) -> Neighbourhood:
        (rows, row_offsets), (columns, column_offsets) = (neighbours(size, kernel) for size in x.shape[1:3])
        return Neighbourhood(rows, columns.unbind(1), row_offsets, column_offsets)


class NeighbourhoodAttention(nn.Module):
    def __init__(self, width: int, heads: int, kernel: int) -> None:
        super().__init__()
        self.heads, self.kernel = heads, kernel
        self.qkv = nn.Linear(width, 3 * width)
        self.rpb = nn.Parameter(torch.zeros(heads, 2 * kernel - 1, 2 * kernel - 1))
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor, around: Neighbourhood) -> Tensor:
        count, height, width, channels = x.shape
        padded = F.pad(x, (0, 0, 0, self.kernel - 1, 0, self.kernel - 1))
        # q [N, heads, H, W, depth]; keys and values are those of each place's rows, [N, heads, H, k, W + k - 1, depth].
        q, k, v = (
            part.reshape(*part.shape[:3], self.heads, channels // self.heads).permute(0, 3, 1, 2, 4)
            for part in self.qkv(padded).chunk(3, dim=-1)
        )
        q = q[:, :, :height, None, :width] * (channels // self.heads) ** -0.5
        k, v = k[:, :, around.rows], v[:, :, around.rows]
        # Column by column of the windows: all at once would take k times the memory.
        scores = torch.cat([(q * k.index_select(4, column)).sum(-1, keepdim=True) for column in around.columns], -1)
        scores = scores + self.rpb[:, around.row_offsets][:, :, :, around.column_offsets]
        # [N, heads, H, k, W, k]: windows lie along both k.
        turned = scores.transpose(3, 4)
        weights = turned.flatten(4).softmax(dim=-1).reshape(turned.shape).transpose(3, 4).chunk(self.kernel, dim=-1)
        mixed = sum((weight * v.index_select(4, column)).sum(3) for weight, column in zip(weights, around.columns))
        return self.proj(mixed.permute(0, 2, 3, 1, 4).reshape(count, height, width, channels))


class NeighbourhoodBlock(nn.Module):
    def __init__(self, width: int, heads: int, kernel: int, hidden: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attn = NeighbourhoodAttention(width, heads, kernel)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = Mlp(width, hidden)

    def forward(self, x: Tensor, around: Neighbourhood) -> Tensor:
        x = x + self.attn(self.norm1(x), around)
        return x + self.mlp(self.norm2(x))


class ResidualGroup(nn.Module):
    """x [N,C,H,W] plus what `depth` blocks make of it."""

    def __init__(self, width: int, depth: int, heads: int, kernel: int, hidden: int) -> None:
        super().__init__()
        self.kernel = kernel
        self.residual_group = nn.Module()
        self.residual_group.blocks = nn.ModuleList(NeighbourhoodBlock(width, heads, kernel, hidden) for _ in range(depth))

    def forward(self, x: Tensor) -> Tensor:
        h = x.permute(0, 2, 3, 1)
        around = Neighbourhood.of(h, self.kernel)
        for block in self.residual_group.blocks:
            h = block(h, around)
        return x + h.permute(0, 3, 1, 2)
