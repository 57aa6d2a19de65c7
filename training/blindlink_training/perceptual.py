"""LPIPS and DISTS as networks of two pictures [N,3,H,W] in [0,1] → distance [N], with the tensor names of the public files.

LPIPS: Zhang, Isola, Efros, Shechtman and Wang, "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", 2018 (version 0.1).
DISTS: Ding, Ma, Wang and Simoncelli, "Image Quality Assessment: Unifying Structure and Texture Similarity", 2020.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

VGG16_STAGES = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
ALEXNET_CONVOLUTIONS = ((64, 11, 4, 2), (192, 5, 1, 2), (384, 3, 1, 1), (256, 3, 1, 1), (256, 3, 1, 1))


class Backbone(nn.Module):
    """Convolutions of a classifier, numbered as torchvision's `features`; gives the maps after the layers `taps`."""

    def __init__(self, layers: list[nn.Module], taps: list[int], widths: list[int]) -> None:
        super().__init__()
        self.features = nn.Sequential(*layers)
        self.taps = taps
        self.widths = widths

    def forward(self, x: Tensor) -> list[Tensor]:
        maps = []
        for i, layer in enumerate(self.features):
            x = layer(x)
            if i in self.taps:
                maps.append(x)
        return maps


def vgg16(hanning: bool = False) -> Backbone:
    """VGG16 up to relu5_3, tapped at the end of each stage; 2×2 maximum pooling between, or DISTS' L2 pooling."""
    layers: list[nn.Module] = []
    taps, channels = [], 3
    for stage in VGG16_STAGES:
        if taps:
            layers.append(HanningPooling(channels) if hanning else nn.MaxPool2d(2))
        for width in stage:
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
        taps.append(len(layers) - 1)
    return Backbone(layers, taps, [stage[-1] for stage in VGG16_STAGES])


def alexnet() -> Backbone:
    """AlexNet (of one column) up to relu5, tapped after each ReLU; 3×3 maximum pooling after the first two."""
    layers: list[nn.Module] = []
    taps, channels = [], 3
    for i, (width, kernel, stride, padding) in enumerate(ALEXNET_CONVOLUTIONS):
        if i in (1, 2):
            layers.append(nn.MaxPool2d(3, 2))
        layers += [nn.Conv2d(channels, width, kernel, stride, padding), nn.ReLU()]
        channels = width
        taps.append(len(layers) - 1)
    return Backbone(layers, taps, [width for width, *_ in ALEXNET_CONVOLUTIONS])


class Fire(nn.Module):
    """SqueezeNet's module: a 1×1 layer that narrows, then 1×1 and 3×3 layers side by side."""

    def __init__(self, channels: int, narrow: int, half: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, narrow, 1)
        self.expand1x1 = nn.Conv2d(narrow, half, 1)
        self.expand3x3 = nn.Conv2d(narrow, half, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.squeeze(x))
        return torch.cat([F.relu(self.expand1x1(x)), F.relu(self.expand3x3(x))], dim=1)


def squeezenet() -> Backbone:
    """SqueezeNet 1.1 (Iandola et al., 2016) up to its last module, tapped as LPIPS does."""

    def pool() -> nn.Module:
        return nn.MaxPool2d(3, 2, ceil_mode=True)

    layers = [nn.Conv2d(3, 64, 3, stride=2), nn.ReLU(), pool(), Fire(64, 16, 64), Fire(128, 16, 64), pool()]
    layers += [Fire(128, 32, 128), Fire(256, 32, 128), pool()]
    layers += [Fire(256, 48, 192), Fire(384, 48, 192), Fire(384, 64, 256), Fire(512, 64, 256)]
    return Backbone(layers, [1, 4, 7, 9, 10, 11, 12], [64, 128, 256, 384, 384, 512, 512])


class HanningPooling(nn.Module):
    """√(g ∗ x² + 1e-12) at every second position; g is the 3×3 Hanning window, sum 1. [N,C,H,W] → [N,C,⌈H/2⌉,⌈W/2⌉]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        window = torch.tensor([0.25, 0.5, 0.25])
        self.register_buffer("window", torch.outer(window, window).expand(channels, 1, 3, 3).clone(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return (F.conv2d(x.square(), self.window, stride=2, padding=1, groups=self.channels) + 1e-12).sqrt()


class LinearLayers(nn.Module):
    """The lpips package's `lin0` … `lin4`: non-negative weights of the channels of each tap."""

    def __init__(self, widths: list[int]) -> None:
        super().__init__()
        for i, width in enumerate(widths):
            head = nn.Module()
            head.model = nn.Sequential(nn.Identity(), nn.Conv2d(width, 1, 1, bias=False))
            self.add_module(f"lin{i}", head)


class ClassifierRange(nn.Module):
    """Pictures in [0, 1] as classifiers of ImageNet want them, by the lpips package's numbers for pictures in [−1, 1]."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("shift", torch.tensor([-0.030, -0.088, -0.188]).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("scale", torch.tensor([0.458, 0.448, 0.450]).view(1, 3, 1, 1), persistent=False)

    def forward(self, picture: Tensor) -> Tensor:
        return (2 * picture - 1 - self.shift) / self.scale


class PooledFeatures(nn.Module):
    """The last map of a backbone, averaged over positions: pictures [N,3,H,W] in [0,1] → features [N,C], for a Fréchet distance."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone
        self.range = ClassifierRange()

    def forward(self, picture: Tensor) -> Tensor:
        return self.backbone(self.range(picture))[-1].mean((2, 3))


class Lpips(nn.Module):
    """Σ_l mean over positions of Σ_c w_lc·(â_lc − b̂_lc)², where â_l = a_l/(‖a_l‖ + 1e-10) over channels."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone
        self.linear = LinearLayers(backbone.widths)
        self.range = ClassifierRange()

    def _normalised(self, picture: Tensor) -> list[Tensor]:
        maps = self.backbone(self.range(picture))
        return [m / (m.square().sum(1, keepdim=True).sqrt() + 1e-10) for m in maps]

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        pairs = zip(self.linear.children(), self._normalised(a), self._normalised(b))
        return sum(head.model((x - y).square()).mean((1, 2, 3)) for head, x, y in pairs)


class ChannelWeights(nn.Module):
    """DISTS' `alpha` (texture: means) and `beta` (structure: covariances), one of each for every channel of every map."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(1, channels, 1, 1))
        self.beta = nn.Parameter(torch.ones(1, channels, 1, 1))


class Dists(nn.Module):
    """1 − Σ_c (α_c·(2·μ_a·μ_b + k)/(μ_a² + μ_b² + k) + β_c·(2·σ_ab + k)/(σ_a² + σ_b² + k)), k = 1e-6.

    Means, variances and covariance are over positions, of the picture itself and of five maps; Σα + Σβ = 1.
    """

    def __init__(self) -> None:
        super().__init__()
        self.backbone = vgg16(hanning=True)
        self.weights = ChannelWeights(3 + sum(self.backbone.widths))
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1), persistent=False)

    def _maps(self, picture: Tensor) -> list[Tensor]:
        return [picture, *self.backbone((picture - self.mean) / self.std)]

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        texture, structure = [], []
        for x, y in zip(self._maps(a), self._maps(b)):
            mean_x, mean_y = x.mean((2, 3), keepdim=True), y.mean((2, 3), keepdim=True)
            x, y = x - mean_x, y - mean_y
            variances = x.square().mean((2, 3), keepdim=True) + y.square().mean((2, 3), keepdim=True)
            texture.append((2 * mean_x * mean_y + 1e-6) / (mean_x.square() + mean_y.square() + 1e-6))
            structure.append((2 * (x * y).mean((2, 3), keepdim=True) + 1e-6) / (variances + 1e-6))
        alpha, beta = self.weights.alpha, self.weights.beta
        similarity = alpha * torch.cat(texture, 1) + beta * torch.cat(structure, 1)
        return 1 - similarity.sum((1, 2, 3)) / (alpha.sum() + beta.sum())
