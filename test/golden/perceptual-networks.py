"""Random weights under public tensor names, and what LPIPS, DISTS and the FID's Inception-v3 are to give with them, in float64.

    python3 test/golden/perceptual-networks.py weights SHAPES.json OUT   {file: {tensor: shape}} → state dicts
    python3 test/golden/perceptual-networks.py inception OUT             OUT/inception.pth; prints {tensor: shape}
    python3 test/golden/perceptual-networks.py reference KIND OUT        from OUT/a.npy (and b.npy) to OUT/expected.npy
    python3 test/golden/perceptual-networks.py torchvision OUT           prints differences to torchvision's own networks

LPIPS and DISTS are written here a second time, tensor by tensor from the state dicts, apart from what is exported.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from unittest import mock

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "training"))
from blindlink_training.features import load_inception  # noqa: E402
from blindlink_training.inception import FidInception  # noqa: E402
from blindlink_training.perceptual import alexnet, squeezenet, vgg16  # noqa: E402

State = dict[str, Tensor]


def random_tensor(name: str, shape: list[int]) -> Tensor:
    """As trained ones are: variances above 0, weights of distances not negative, convolutions that keep the power."""
    if name.endswith(("bn.weight", "running_var", "alpha", "beta")):
        return 0.5 + torch.rand(shape)
    if name.startswith("lin"):
        return torch.rand(shape)
    if len(shape) == 4:
        return torch.randn(shape) * (2 / np.prod(shape[1:])) ** 0.5
    return 0.1 * torch.randn(shape)


def vgg_maps(state: State, x: Tensor, hanning: bool) -> list[Tensor]:
    maps = []
    for stage in ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28)):
        if maps and hanning:
            g = torch.tensor(np.outer([0.5, 1, 0.5], [0.5, 1, 0.5]) / 4, dtype=x.dtype)
            x = (F.conv2d(F.pad(x**2, (1, 1, 1, 1)).flatten(0, 1)[:, None], g[None, None], stride=2)).add(1e-12).sqrt()
            x = x.view(len(maps[-1]), -1, *x.shape[2:])
        elif maps:
            x = F.max_pool2d(x, 2, 2)
        for i in stage:
            x = F.relu(F.conv2d(x, state[f"features.{i}.weight"], state[f"features.{i}.bias"], padding=1))
        maps.append(x)
    return maps


def alexnet_maps(state: State, x: Tensor) -> list[Tensor]:
    maps = []
    for i, stride, padding in ((0, 4, 2), (3, 1, 2), (6, 1, 1), (8, 1, 1), (10, 1, 1)):
        if i in (3, 6):
            x = F.max_pool2d(x, 3, 2)
        x = F.relu(F.conv2d(x, state[f"features.{i}.weight"], state[f"features.{i}.bias"], stride, padding))
        maps.append(x)
    return maps


def squeezenet_maps(state: State, x: Tensor) -> list[Tensor]:
    def layer(name: str, x: Tensor, **more: int) -> Tensor:
        return F.relu(F.conv2d(x, state[f"features.{name}.weight"], state[f"features.{name}.bias"], **more))

    maps = [layer("0", x, stride=2)]
    x = maps[0]
    for i in (3, 4, 6, 7, 9, 10, 11, 12):
        if i in (3, 6, 9):
            x = F.max_pool2d(x, 3, 2, ceil_mode=True)
        narrow = layer(f"{i}.squeeze", x)
        x = torch.cat([layer(f"{i}.expand1x1", narrow), layer(f"{i}.expand3x3", narrow, padding=1)], 1)
        if i not in (3, 6):
            maps.append(x)
    return maps


def lpips(maps, linear: State, a: Tensor, b: Tensor) -> Tensor:
    shift, scale = (torch.tensor(v, dtype=a.dtype).view(3, 1, 1) for v in ((-0.03, -0.088, -0.188), (0.458, 0.448, 0.45)))
    total = torch.zeros(len(a), dtype=a.dtype)
    for i, (x, y) in enumerate(zip(*(maps((2 * p - 1 - shift) / scale) for p in (a, b)))):
        difference = x / (x.norm(dim=1, keepdim=True) + 1e-10) - y / (y.norm(dim=1, keepdim=True) + 1e-10)
        total += torch.einsum("nchw,c->n", difference**2, linear[f"lin{i}.model.1.weight"].flatten()) / difference[0, 0].numel()
    return total


def dists(backbone: State, weights: State, a: Tensor, b: Tensor) -> Tensor:
    mean, std = (torch.tensor(v, dtype=a.dtype).view(3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    x_maps, y_maps = ([p, *vgg_maps(backbone, (p - mean) / std, True)] for p in (a, b))
    alpha, beta = weights["alpha"].flatten(), weights["beta"].flatten()
    total, at = torch.zeros(len(a), dtype=a.dtype), 0
    for x, y in zip(x_maps, y_maps):
        x, y = x.flatten(2), y.flatten(2)
        own = slice(at, at + x.shape[1])
        at = own.stop
        mx, my = x.mean(2), y.mean(2)
        covariance = (x * y).mean(2) - mx * my
        total += (alpha[own] * (2 * mx * my + 1e-6) / (mx**2 + my**2 + 1e-6)).sum(1)
        total += (beta[own] * (2 * covariance + 1e-6) / (x.var(2, unbiased=False) + y.var(2, unbiased=False) + 1e-6)).sum(1)
    return 1 - total / (alpha.sum() + beta.sum())


@torch.no_grad()
def reference(kind: str, folder: Path) -> None:
    pictures = [torch.from_numpy(np.load(folder / f"{name}.npy")).double() for name in ("a", "b") if (folder / f"{name}.npy").exists()]

    def load(name: str) -> State:
        return {key: value.double() for key, value in torch.load(folder / name).items()}

    if kind == "fid":
        result = load_inception(str(folder / "inception.pth")).eval().double()(pictures[0])
    elif kind == "fid-squeeze":
        shift, scale = (torch.tensor(v, dtype=torch.double).view(1, 3, 1, 1) for v in ((-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)))
        result = squeezenet_maps(load("squeezenet.pth"), (2 * pictures[0] - 1 - shift) / scale)[-1].flatten(2).mean(2)
    elif kind == "dists":
        result = dists(load("vgg16.pth"), load("dists.pt"), *pictures)
    elif kind == "lpips-alexnet":
        state = load("alexnet.pth")
        result = lpips(lambda x: alexnet_maps(state, x), load("lpips-alexnet.pth"), *pictures)
    elif kind == "lpips-squeeze":
        state = load("squeezenet.pth")
        result = lpips(lambda x: squeezenet_maps(state, x), load("lpips-squeeze.pth"), *pictures)
    else:
        state = load("vgg16.pth")
        result = lpips(lambda x: vgg_maps(state, x, False), load("lpips-vgg16.pth"), *pictures)
    np.save(folder / "expected.npy", result.float().numpy())


@torch.no_grad()
def compare_with_torchvision(folder: Path) -> dict[str, float]:
    """Largest differences of maps and features, with equal weights; Inception-v3's pooling made that of the FID."""
    from torchvision import models

    worst = {}
    backbones = (
        ("vgg16", vgg16(), models.vgg16()),
        ("alexnet", alexnet(), models.alexnet()),
        ("squeezenet", squeezenet(), models.squeezenet1_1()),
    )
    for name, ours, theirs in backbones:
        ours.load_state_dict({key: value for key, value in theirs.state_dict().items() if key.startswith("features.")})
        x = picture = torch.rand(1, 3, 70, 66)
        maps = []
        for i, layer in enumerate(theirs.features):
            x = layer(x.clone())
            if i in ours.taps:
                maps.append(x)
        worst[name] = max((a - b).abs().max().item() for a, b in zip(maps, ours(picture)))
    ours = load_inception(str(folder / "inception.pth")).eval()
    theirs = models.Inception3(num_classes=1008, aux_logits=False, init_weights=False).eval()
    theirs.load_state_dict({**ours.state_dict(), **{key: value for key, value in theirs.state_dict().items() if key.startswith("fc.")}})
    theirs.fc = torch.nn.Identity()
    plain = F.avg_pool2d

    def average(x: Tensor, **options: int) -> Tensor:
        return plain(x, **options, count_include_pad=False)

    def maximum(x: Tensor, kernel_size: int, stride: int, padding: int) -> Tensor:
        return F.max_pool2d(x, kernel_size, stride, padding)

    def last_block(x: Tensor, forward=theirs.Mixed_7c.forward) -> Tensor:
        with mock.patch.object(F, "avg_pool2d", maximum):
            return forward(x)

    picture = torch.rand(2, 3, 70, 66)
    with mock.patch.object(F, "avg_pool2d", average), mock.patch.object(theirs.Mixed_7c, "forward", last_block):
        expected = theirs(2 * F.interpolate(picture, size=(299, 299), mode="bilinear", align_corners=False) - 1)
    worst["inception"] = (expected - ours(picture)).abs().max().item()
    return worst


def main() -> None:
    torch.manual_seed(1)
    torch.set_num_threads(1)
    command, *rest, out = sys.argv[1:]
    folder = Path(out)
    if command == "weights":
        for file, shapes in json.loads(Path(rest[0]).read_text()).items():
            state = {name: random_tensor(name, shape) for name, shape in shapes.items()}
            # torchvision's oldest files are of this format.
            torch.save(state, folder / file, _use_new_zipfile_serialization=False)
    elif command == "inception":
        shapes = {name: list(v.shape) for name, v in FidInception().state_dict().items() if not name.endswith("num_batches_tracked")}
        torch.save({name: random_tensor(name, shape) for name, shape in shapes.items()}, folder / "inception.pth")
        print(json.dumps(shapes))
    elif command == "reference":
        reference(rest[0], folder)
    else:
        print(json.dumps(compare_with_torchvision(folder)))


if __name__ == "__main__":
    main()
