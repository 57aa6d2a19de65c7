"""How public networks become the graphs that the link takes."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

# Mean square of a real latent of unit-power complex symbols, which the link hands to a decoder.
LINK_POWER = 0.5


class ScaledDecoder(nn.Module):
    """latents [N,C,h,w] of mean square 1/2, further inputs → what the decoder makes of `scale` times the latents."""

    def __init__(self, decoder: nn.Module, scale: float) -> None:
        super().__init__()
        self.decoder = decoder
        self.scale = scale

    def forward(self, latents: Tensor, *further: Tensor) -> Tensor:
        return self.decoder(latents * self.scale, *further)


def write_graph(net: nn.Module, inputs: dict[str, Tensor], outputs: list[str], path: Path) -> None:
    """An ONNX file whose inputs and outputs carry these names; batch, height and width are free."""
    edges = {"picture": {2: "height", 3: "width"}}
    axes: dict[str, dict[int, str]] = {name: {0: "batch"} for name in [*inputs, *outputs]}
    for name, example in inputs.items():
        if example.dim() == 4:
            axes[name].update(edges.get(name, {2: "rows", 3: "columns"}))
    with warnings.catch_warnings():
        # The exporter warns of what it leaves unfolded and unchecked; tests compare its graphs with the network.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net,
            tuple(inputs.values()),
            str(path),
            input_names=list(inputs),
            output_names=outputs,
            dynamic_axes=axes,
            opset_version=17,
        )
