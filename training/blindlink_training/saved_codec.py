"""Reading codecs back, from a checkpoint or from what was exported."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from .codec import Codec
from .distortion import Distortion
from .photo_codec import PhotoParts
from .refiner import Refiner


def load_codec(path: str) -> Codec:
    """The averaged weights of a checkpoint, or those of an exported codec's folder."""
    if Path(path).is_dir():
        return load_exported(Path(path))
    state = torch.load(path, map_location="cpu")
    codec = Codec(**state["config"])
    codec.load_state_dict(state["average"])
    return codec.eval()


def load_exported(folder: Path) -> Codec | PhotoParts:
    """A codec from its ONNX files."""
    card = json.loads((folder / "card.json").read_text())
    network = card["training"]["network"]
    codec = PhotoParts(card["latentChannels"], network) if "widths" in network else Codec(**network)
    for part, file in ((codec.encoder, "encoder.onnx"), (codec.decoder, "decoder.onnx")):
        stored = stored_parameters(folder / file)
        part.load_state_dict({name: stored[name] for name in part.state_dict()})
    return codec.eval()


def stored_parameters(path: Path) -> dict[str, torch.Tensor]:
    """The parameters of an exported network: the exporter keeps their names; `small_weights` says how it stores the large ones."""
    import onnx
    from onnx import numpy_helper

    kept = {i.name: torch.from_numpy(numpy_helper.to_array(i).copy()).float() for i in onnx.load(str(path)).graph.initializer}
    stored = {}
    for name, values in kept.items():
        if name.endswith("_byte"):
            stored[name.removesuffix("_byte")] = values * kept[name.removesuffix("_byte") + "_scale"]
        else:
            stored[name.removesuffix("_half")] = values
    return stored


def load_refiner(folder: Path) -> Refiner:
    """The refiner of an exported codec."""
    stored = stored_parameters(folder / "refiner.onnx")
    net = Refiner(stored["exit.weight"].shape[0] // 2, stored["entry.weight"].shape[0], blocks_in(stored))
    net.load_state_dict({name: stored[name] for name in net.state_dict()})
    return net.eval()


def load_distortion(folder: Path) -> Distortion:
    """The distortion network of an exported codec."""
    card = json.loads((folder / "card.json").read_text())
    stored = stored_parameters(folder / card["distortion"])
    net = Distortion(card["latentChannels"], card["downSampling"], len(stored["picture.bias"]), blocks_in(stored))
    net.load_state_dict({name: stored[name] for name in net.state_dict()})
    return net.eval()


def blocks_in(stored: dict[str, torch.Tensor]) -> int:
    """Residual blocks of a refiner or a distortion network."""
    return sum(1 for name in stored if name.startswith("first.") and name.endswith(".weight"))
