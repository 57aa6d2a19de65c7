"""Reading codecs back, from a checkpoint or from what was exported."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from .codec import Codec


def load_codec(path: str) -> Codec:
    """The averaged weights of a checkpoint, or those of an exported codec's folder."""
    if Path(path).is_dir():
        return load_exported(Path(path))
    state = torch.load(path, map_location="cpu")
    codec = Codec(**state["config"])
    codec.load_state_dict(state["average"])
    return codec.eval()


def load_exported(folder: Path) -> Codec:
    """A codec from its ONNX files: the exporter keeps the parameters' names (and adds _half to those stored as float16)."""
    import onnx
    from onnx import numpy_helper

    codec = Codec(**json.loads((folder / "card.json").read_text())["training"]["network"])
    for part, file in ((codec.encoder, "encoder.onnx"), (codec.decoder, "decoder.onnx")):
        graph = onnx.load(str(folder / file)).graph
        stored = {i.name.removesuffix("_half"): torch.from_numpy(numpy_helper.to_array(i).copy()) for i in graph.initializer}
        part.load_state_dict({name: stored[name].float() for name in part.state_dict()})
    return codec.eval()
