"""Export a perceptual feature network (LPIPS, DISTS, FID) from its public files to ONNX, with a card; see docs/perception.md.

    python3 -m blindlink_training.features lpips-vgg16   --backbone vgg16-397923af.pth        --weights vgg.pth    --out ../features/lpips-vgg16
    python3 -m blindlink_training.features lpips-alexnet --backbone alexnet-owt-7be5be79.pth  --weights alex.pth   --out ../features/lpips-alexnet
    python3 -m blindlink_training.features lpips-squeeze --backbone squeezenet1_1-b8a52dc0.pth --weights squeeze.pth --out ../features/lpips-squeeze
    python3 -m blindlink_training.features dists         --backbone vgg16-397923af.pth        --weights weights.pt --out ../features/dists
    python3 -m blindlink_training.features fid-squeeze   --backbone squeezenet1_1-b8a52dc0.pth --out ../features/fid-squeeze
    python3 -m blindlink_training.features fid           --backbone pt_inception-2015-12-05-6726825d.pth           --out ../features/fid
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor, nn

from .checkpoint import load_strictly, publish_features, read_state, sha256_of
from .golden import golden
from .inception import FidInception
from .perceptual import Dists, Lpips, PooledFeatures, alexnet, squeezenet, vgg16

# What each is, and the smallest edge at which every map has a position.
NETWORKS = {
    "lpips-vgg16": {"kind": "lpips", "minimumSize": 16, "description": "LPIPS 0.1 on VGG16"},
    "lpips-alexnet": {"kind": "lpips", "minimumSize": 31, "description": "LPIPS 0.1 on AlexNet"},
    "lpips-squeeze": {"kind": "lpips", "minimumSize": 17, "description": "LPIPS 0.1 on SqueezeNet 1.1"},
    "dists": {"kind": "dists", "minimumSize": 16, "description": "DISTS on VGG16"},
    "fid-squeeze": {"kind": "fid", "minimumSize": 17, "description": "SqueezeNet 1.1, last module's map averaged: features of a Fréchet distance"},
    "fid": {"kind": "fid", "minimumSize": 1, "description": "Inception-v3 (2015-12-05), pool3: features of the FID"},
}
BACKBONES = {"lpips-vgg16": vgg16, "lpips-alexnet": alexnet, "lpips-squeeze": squeezenet}
GOLDEN_SIZE = [1, 3, 64, 64]


def without(prefix: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a public file less those of its classifier, which no distance uses."""
    return {name: value for name, value in state.items() if not name.startswith(prefix)}


def load_inception(path: str) -> FidInception:
    net = FidInception()
    state = without("fc.", read_state(path))
    # The file, converted from TensorFlow, need not count training batches, which nothing here reads.
    counters = {name: value for name, value in net.state_dict().items() if name.endswith("num_batches_tracked")}
    load_strictly(net, {**counters, **state}, path, "the FID's Inception-v3")
    return net


def load_features(network: str, backbone: str) -> nn.Module:
    """What a Fréchet distance is of, from its one file."""
    if network == "fid":
        return load_inception(backbone)
    net = PooledFeatures(squeezenet())
    load_strictly(net.backbone, without("classifier.", read_state(backbone)), backbone, f"the backbone of {network}")
    return net


def load_distance(network: str, backbone: str, weights: str) -> nn.Module:
    """LPIPS or DISTS from a torchvision file (its `features.*`) and the metric's own."""
    net: Lpips | Dists
    if network == "dists":
        net, own = Dists(), "weights"
    else:
        net, own = Lpips(BACKBONES[network]()), "linear"
    load_strictly(net.backbone, without("classifier.", read_state(backbone)), backbone, f"the backbone of {network}")
    load_strictly(getattr(net, own), read_state(weights), weights, f"the weights of {network}")
    return net


def write_graph(net: nn.Module, kind: str, path: Path) -> dict:
    """The graph as one ONNX file with float32 weights; returns its golden values."""
    names, output = (["picture"], "features") if kind == "fid" else (["a", "b"], "distance")
    axes = {name: {0: "batch", 2: "height", 3: "width"} for name in names}
    example = tuple(torch.rand(2, 3, 64, 64) for _ in names)
    torch.onnx.export(
        net, example, str(path), input_names=names, output_names=[output], dynamic_axes={**axes, output: {0: "batch"}}, opset_version=17
    )
    # The second picture has less contrast than the first.
    inputs = {name: (GOLDEN_SIZE, 0.0, high) for name, high in zip(names, (1.0, 0.6))}
    return {path.name: golden(net, inputs, [output])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", choices=list(NETWORKS))
    parser.add_argument("--backbone", required=True, help="state dict of torchvision's VGG16, AlexNet or SqueezeNet 1.1, or pytorch-fid's Inception-v3")
    parser.add_argument("--weights", help="the metric's own: linear layers of lpips, alpha and beta of DISTS")
    parser.add_argument("--licence", default="as the files'", help="terms of the files, for the card")
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    is_single = NETWORKS[args.network]["kind"] == "fid"
    if (args.weights is None) != is_single:
        raise SystemExit(f"{args.network}: {'takes no' if is_single else 'needs'} --weights")
    torch.set_num_threads(1)
    net = load_features(args.network, args.backbone) if is_single else load_distance(args.network, args.backbone, args.weights)
    files = [file for file in (args.backbone, args.weights) if file is not None]
    card = {
        **NETWORKS[args.network],
        "source": {Path(file).name: sha256_of(file) for file in files},
        "licence": args.licence,
    }
    publish_features(args.out, card, lambda path: write_graph(net.eval(), card["kind"], path))


if __name__ == "__main__":
    main()
