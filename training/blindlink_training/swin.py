"""Swin transformer blocks (Liu et al., "Swin Transformer", 2021) as SwinJSCC and NTSCC+ use them, with their tensor names.

Features are [N,H,W,C]; both edges must be multiples of the window. Nothing depends on the size a network was built or
exported with: the mask of shifted windows is worked out from the features at hand.
"""

from __future__ import annotations

from typing import Optional

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Added to scores between places that only the cyclic shift has brought together.
APART = -100.0


def to_windows(x: Tensor, window: int) -> Tensor:
    """[N,H,W,C] → [N, windows, window², C]."""
    count, height, width, channels = x.shape
    x = x.reshape(count, height // window, window, width // window, window, channels)
    return x.permute(0, 1, 3, 2, 4, 5).reshape(count, -1, window * window, channels)


def from_windows(windows: Tensor, window: int, height: int, width: int) -> Tensor:
    """[N, windows, window², C] → [N,H,W,C]."""
    count, channels = windows.shape[0], windows.shape[-1]
    x = windows.reshape(count, height // window, width // window, window, window, channels)
    return x.permute(0, 1, 3, 2, 4, 5).reshape(count, height, width, channels)


def shift_mask(x: Tensor, window: int, shift: int) -> Tensor:
    """[windows, 1, window², window²]: 0 within a region of the unshifted picture, `APART` between regions."""
    height, width = x.shape[1:3]

    def regions(size: int) -> Tensor:
        place = torch.arange(size)
        return (place >= size - window).float() + (place >= size - shift).float()

    region = to_windows((3 * regions(height)[:, None] + regions(width)[None, :])[None, :, :, None], window)[0]
    return (APART * (region != region.transpose(1, 2)).float())[:, None]


class RelativePositionBias(nn.Module):
    """What the attentions below share: scores are biased by the two places' offset, from a table [(2w−1)², heads]."""

    def __init__(self, window: int, heads: int) -> None:
        super().__init__()
        self.window, self.heads = window, heads
        self.relative_position_bias_table = nn.Parameter(torch.zeros((2 * window - 1) ** 2, heads))
        place = torch.stack(torch.meshgrid(torch.arange(window), torch.arange(window), indexing="ij")).flatten(1)
        row, column = place[:, :, None] - place[:, None, :] + window - 1
        self.register_buffer("index", row * (2 * window - 1) + column, persistent=False)

    def bias(self) -> Tensor:
        """[heads, window², window²]."""
        return self.relative_position_bias_table[self.index].permute(2, 0, 1)

    def attend(self, q: Tensor, k: Tensor, v: Tensor, mask: Optional[Tensor] = None) -> Tensor:
        """q, k, v [N, windows, window², C] → [N, windows, window², C]."""
        q, k, v = (x.reshape(*x.shape[:3], self.heads, x.shape[3] // self.heads).transpose(2, 3) for x in (q, k, v))
        scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1) + self.bias()
        if mask is not None:
            scores = scores + mask
        return (scores.softmax(dim=-1) @ v).transpose(2, 3).flatten(3)


class WindowAttention(RelativePositionBias):
    def __init__(self, width: int, window: int, heads: int) -> None:
        super().__init__(window, heads)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, windows: Tensor, mask: Optional[Tensor]) -> Tensor:
        return self.proj(self.attend(*self.qkv(windows).chunk(3, dim=-1), mask))


class WindowCrossAttention(RelativePositionBias):
    def __init__(self, width: int, window: int, heads: int) -> None:
        super().__init__(window, heads)
        self.q = nn.Linear(width, width)
        self.kv = nn.Linear(width, 2 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, windows: Tensor, context: Tensor) -> Tensor:
        return self.proj(self.attend(self.q(windows), *self.kv(context).chunk(2, dim=-1)))


class Mlp(nn.Module):
    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))


class SwinBlock(nn.Module):
    """Self-attention within windows, which are shifted by `shift` places, and a perceptron."""

    def __init__(self, width: int, window: int, heads: int, shift: int, hidden: int) -> None:
        super().__init__()
        self.window, self.shift = window, shift
        self.norm1 = nn.LayerNorm(width)
        self.attn = WindowAttention(width, window, heads)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = Mlp(width, hidden)

    def forward(self, x: Tensor, mask: Optional[Tensor] = None) -> Tensor:
        """`mask` is that of `shift_mask` where windows are shifted."""
        height, width = x.shape[1:3]
        h = self.norm1(x)
        if self.shift > 0:
            h = torch.roll(h, (-self.shift, -self.shift), (1, 2))
        h = from_windows(self.attn(to_windows(h, self.window), mask), self.window, height, width)
        if self.shift > 0:
            h = torch.roll(h, (self.shift, self.shift), (1, 2))
        x = x + h
        return x + self.mlp(self.norm2(x))


class CrossBlock(nn.Module):
    """Attention of each window to the same window of a context, and a perceptron."""

    def __init__(self, width: int, window: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.window = window
        self.norm1 = nn.LayerNorm(width)
        # The public code has this layer and leaves it out of its computation.
        self.norm2 = nn.LayerNorm(width)
        self.attn = WindowCrossAttention(width, window, heads)
        self.norm3 = nn.LayerNorm(width)
        self.mlp = Mlp(width, hidden)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        height, width = x.shape[1:3]
        windows, around = (to_windows(self.norm1(y), self.window) for y in (x, context))
        x = x + from_windows(self.attn(windows, around), self.window, height, width)
        return x + self.mlp(self.norm3(x))


def swin_blocks(depth: int, width: int, window: int, heads: int, hidden: int) -> nn.ModuleList:
    """Plain and shifted blocks by turns."""
    return nn.ModuleList(SwinBlock(width, window, heads, window // 2 * (i % 2), hidden) for i in range(depth))


def through_blocks(blocks: nn.ModuleList, x: Tensor) -> Tensor:
    """What `swin_blocks` make of x [N,H,W,C]; the shifted ones share their mask."""
    shifted = [block for block in blocks if block.shift > 0]
    mask = shift_mask(x, shifted[0].window, shifted[0].shift) if shifted else None
    for block in blocks:
        x = block(x, mask if block.shift > 0 else None)
    return x


class Modulator(nn.Module):
    """A number for each picture [N] → scales in (0, 1) [N, 1, 1, width]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        layers = [nn.Linear(1, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width), nn.Sigmoid()]
        self.fc = nn.Sequential(*layers)

    def forward(self, value: Tensor) -> Tensor:
        return self.fc(value[:, None])[:, None, None]
