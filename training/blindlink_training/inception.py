"""Inception-v3 as the Fréchet inception distance has it: pictures [N,3,H,W] in [0,1] → features [N,2048] (pool3).

Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", 2015; Heusel et al., "GANs Trained by a Two Time-Scale Update Rule
Converge to a Local Nash Equilibrium", 2017. Tensor names are those of pytorch-fid's `pt_inception-2015-12-05`, whose network is the one
TensorFlow published then: averages leave padding out, and the last block pools by maximum.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIZE = 299


class Unit(nn.Module):
    """Convolution, batch normalisation, ReLU; padded so that a stride of 1 keeps the size, unless `padded` is off."""

    def __init__(self, inputs: int, outputs: int, kernel: int | tuple[int, int] = 1, stride: int = 1, padded: bool = True) -> None:
        super().__init__()
        rows, columns = (kernel, kernel) if isinstance(kernel, int) else kernel
        padding = (rows // 2, columns // 2) if padded else 0
        self.conv = nn.Conv2d(inputs, outputs, (rows, columns), stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


def average(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)


def maximum(x: Tensor) -> Tensor:
    return F.max_pool2d(x, 3, 1, 1)


def halving(x: Tensor) -> Tensor:
    return F.max_pool2d(x, 3, 2)


Pool = Callable[[Tensor], Tensor]


class Block(nn.Module):
    """Branches side by side, each a chain of units by name; the last begins (or, without units, consists) of pooling."""

    def __init__(self, pool: Pool, branches: list[list[tuple[str, Unit]]]) -> None:
        super().__init__()
        self.pool = pool
        self.branches = [[name for name, _ in branch] for branch in branches]
        for branch in branches:
            for name, unit in branch:
                self.add_module(name, unit)

    def _chain(self, names: list[str], x: Tensor) -> Tensor:
        for name in names:
            x = getattr(self, name)(x)
        return x

    def forward(self, x: Tensor) -> Tensor:
        *others, last = self.branches
        return torch.cat([*(self._chain(names, x) for names in others), self._chain(last, self.pool(x))], 1)


class ForkedBlock(nn.Module):
    """The 8×8 block, whose 3×3 branches end in a 1×3 and a 3×1 unit side by side. Gives 2048 channels."""

    def __init__(self, inputs: int, pool: Pool) -> None:
        super().__init__()
        self.pool = pool
        self.branch1x1 = Unit(inputs, 320)
        self.branch3x3_1 = Unit(inputs, 384)
        self.branch3x3_2a = Unit(384, 384, (1, 3))
        self.branch3x3_2b = Unit(384, 384, (3, 1))
        self.branch3x3dbl_1 = Unit(inputs, 448)
        self.branch3x3dbl_2 = Unit(448, 384, 3)
        self.branch3x3dbl_3a = Unit(384, 384, (1, 3))
        self.branch3x3dbl_3b = Unit(384, 384, (3, 1))
        self.branch_pool = Unit(inputs, 192)

    def forward(self, x: Tensor) -> Tensor:
        single = self.branch3x3_1(x)
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        parts = [self.branch1x1(x), self.branch3x3_2a(single), self.branch3x3_2b(single)]
        parts += [self.branch3x3dbl_3a(double), self.branch3x3dbl_3b(double), self.branch_pool(self.pool(x))]
        return torch.cat(parts, 1)


def block35(inputs: int, pooled: int) -> Block:
    """At 35×35; gives 224 + pooled channels."""
    return Block(
        average,
        [
            [("branch1x1", Unit(inputs, 64))],
            [("branch5x5_1", Unit(inputs, 48)), ("branch5x5_2", Unit(48, 64, 5))],
            [("branch3x3dbl_1", Unit(inputs, 64)), ("branch3x3dbl_2", Unit(64, 96, 3)), ("branch3x3dbl_3", Unit(96, 96, 3))],
            [("branch_pool", Unit(inputs, pooled))],
        ],
    )


def to17() -> Block:
    """From 35×35 to 17×17, 288 to 768 channels."""
    single = [("branch3x3", Unit(288, 384, 3, 2, padded=False))]
    double = [Unit(288, 64), Unit(64, 96, 3), Unit(96, 96, 3, 2, padded=False)]
    return Block(halving, [single, _numbered("branch3x3dbl", double), []])


def block17(width: int) -> Block:
    """At 17×17, 768 channels; `width` is that of the factored 7×7 convolutions."""
    single = [Unit(768, width), Unit(width, width, (1, 7)), Unit(width, 192, (7, 1))]
    double = [Unit(768, width), Unit(width, width, (7, 1)), Unit(width, width, (1, 7)), Unit(width, width, (7, 1)), Unit(width, 192, (1, 7))]
    branches = [_numbered("branch7x7", single), _numbered("branch7x7dbl", double)]
    return Block(average, [[("branch1x1", Unit(768, 192))], *branches, [("branch_pool", Unit(768, 192))]])


def to8() -> Block:
    """From 17×17 to 8×8, 768 to 1280 channels."""
    single = [Unit(768, 192), Unit(192, 320, 3, 2, padded=False)]
    factored = [Unit(768, 192), Unit(192, 192, (1, 7)), Unit(192, 192, (7, 1)), Unit(192, 192, 3, 2, padded=False)]
    return Block(halving, [_numbered("branch3x3", single), _numbered("branch7x7x3", factored), []])


def _numbered(name: str, units: list[Unit]) -> list[tuple[str, Unit]]:
    return [(f"{name}_{i + 1}", unit) for i, unit in enumerate(units)]


class FidInception(nn.Module):
    """Resizes to 299×299 (bilinear, pixel centres aligned), scales to [−1, 1], averages the last map over positions."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = Unit(3, 32, 3, 2, padded=False)
        self.Conv2d_2a_3x3 = Unit(32, 32, 3, padded=False)
        self.Conv2d_2b_3x3 = Unit(32, 64, 3)
        self.Conv2d_3b_1x1 = Unit(64, 80)
        self.Conv2d_4a_3x3 = Unit(80, 192, 3, padded=False)
        self.Mixed_5b = block35(192, 32)
        self.Mixed_5c = block35(256, 64)
        self.Mixed_5d = block35(288, 64)
        self.Mixed_6a = to17()
        self.Mixed_6b = block17(128)
        self.Mixed_6c = block17(160)
        self.Mixed_6d = block17(160)
        self.Mixed_6e = block17(192)
        self.Mixed_7a = to8()
        self.Mixed_7b = ForkedBlock(1280, average)
        self.Mixed_7c = ForkedBlock(2048, maximum)

    def forward(self, picture: Tensor) -> Tensor:
        x = 2 * F.interpolate(picture, size=(SIZE, SIZE), mode="bilinear", align_corners=False) - 1
        x = halving(self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x))))
        x = halving(self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(x)))
        for name, block in self.named_children():
            if name.startswith("Mixed"):
                x = block(x)
        return x.mean((2, 3))
