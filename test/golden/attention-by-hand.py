"""Largest difference between the attentions of the exporters and the same sums written out place by place.

    python3 test/golden/attention-by-hand.py
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "training"))
from blindlink_training.neighbourhood import Neighbourhood, NeighbourhoodAttention  # noqa: E402
from blindlink_training.swin import SwinBlock, shift_mask  # noqa: E402

HEADS, DEPTH = 2, 3
WIDTH = HEADS * DEPTH


def mix(q: Tensor, keys: Tensor, values: Tensor, bias: Tensor) -> Tensor:
    """One place's answer: q [WIDTH], keys and values [n, WIDTH], bias [HEADS, n] → [WIDTH]."""
    out = []
    for head in range(HEADS):
        part = slice(head * DEPTH, (head + 1) * DEPTH)
        scores = keys[:, part] @ q[part] / DEPTH**0.5 + bias[head]
        out.append(scores.softmax(0) @ values[:, part])
    return torch.cat(out)


def neighbourhood(net: NeighbourhoodAttention, x: Tensor) -> Tensor:
    """x [H,W,WIDTH], zeros where the picture is smaller than the window."""
    height, width = x.shape[:2]
    k = net.kernel
    padded = torch.zeros(max(height, k), max(width, k), WIDTH)
    padded[:height, :width] = x
    q, keys, values = net.qkv(padded).chunk(3, dim=-1)
    out = torch.zeros_like(x)
    for i in range(height):
        for j in range(width):
            top = min(max(i - k // 2, 0), padded.shape[0] - k)
            left = min(max(j - k // 2, 0), padded.shape[1] - k)
            window = [(top + a, left + b) for a in range(k) for b in range(k)]
            bias = torch.stack([net.rpb[:, a - i + k - 1, b - j + k - 1] for a, b in window], dim=1)
            around = [torch.stack([y[place] for place in window]) for y in (keys, values)]
            out[i, j] = mix(q[i, j], *around, bias)
    return net.proj(out)


def shifted(block: SwinBlock, x: Tensor) -> Tensor:
    """The attention of a shifted block: places see those of their window that the shift has not brought around the edge."""
    height, width = x.shape[:2]
    w, s = block.window, block.shift
    q, keys, values = block.attn.qkv(block.norm1(x)).chunk(3, dim=-1)
    table = block.attn.relative_position_bias_table.reshape(2 * w - 1, 2 * w - 1, HEADS)
    out = torch.zeros_like(x)
    for i in range(height):
        for j in range(width):
            row, column = (i - s) % height, (j - s) % width
            # Along each edge: where the window's other places are in the shifted picture, and whence they came.
            rows = [a for a in range(row // w * w, row // w * w + w) if (a + s >= height) == (row + s >= height)]
            columns = [b for b in range(column // w * w, column // w * w + w) if (b + s >= width) == (column + s >= width)]
            window = [(a, b) for a in rows for b in columns]
            bias = torch.stack([table[row - a + w - 1, column - b + w - 1] for a, b in window], dim=1)
            whence = [((a + s) % height, (b + s) % width) for a, b in window]
            around = [torch.stack([y[place] for place in whence]) for y in (keys, values)]
            out[i, j] = mix(q[i, j], *around, bias)
    x = x + block.attn.proj(out)
    return x + block.mlp(block.norm2(x))


@torch.no_grad()
def main() -> None:
    torch.manual_seed(3)
    torch.set_num_threads(1)
    worst = 0.0
    for kernel, height, width in ((3, 5, 4), (5, 9, 6), (3, 2, 4), (7, 5, 8)):
        net = NeighbourhoodAttention(WIDTH, HEADS, kernel)
        net.rpb.normal_()
        x = torch.randn(height, width, WIDTH)
        worst = max(worst, (net(x[None], Neighbourhood.of(x[None], kernel))[0] - neighbourhood(net, x)).abs().max().item())
    for window, height, width in ((4, 8, 12), (4, 4, 8), (2, 6, 4)):
        block = SwinBlock(WIDTH, window, HEADS, window // 2, 8)
        block.attn.relative_position_bias_table.normal_()
        x = torch.randn(height, width, WIDTH)
        worst = max(worst, (block(x[None], shift_mask(x[None], window, window // 2))[0] - shifted(block, x)).abs().max().item())
    print(worst)


if __name__ == "__main__":
    main()
