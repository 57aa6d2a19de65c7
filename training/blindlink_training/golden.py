"""Golden values: what PyTorch computes from an exported model's own weights, for `blindlink model check` to compare with.

    python3 -m blindlink_training.golden ../models/natural-12

Inputs are made by a formula (`made`), the same as blindlink's; of each output the root mean square and sixteen values are kept.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

from .polarity import Polarity
from .prior import Prior
from .saved_codec import load_distortion, load_exported, load_refiner, stored_parameters

LATENT = math.sqrt(1.5)
NUM_VALUES = 16


def made(index: int, dims: list[int], low: float, high: float) -> torch.Tensor:
    """Element i of input number k is low + (high − low)·frac((i + 1 + 1000·k)·0.6180339887498949)."""
    turns = (np.arange(1, math.prod(dims) + 1, dtype=np.float64) + 1000 * index) * 0.6180339887498949
    return torch.from_numpy((low + (high - low) * (turns - np.floor(turns))).astype(np.float32)).view(dims)


@torch.no_grad()
def golden(net: nn.Module, inputs: dict[str, tuple[list[int], float, float]], outputs: list[str]) -> dict:
    results = net(*(made(k, *recipe) for k, recipe in enumerate(inputs.values())))
    kept = {}
    for name, result in zip(outputs, results if isinstance(results, tuple) else (results,)):
        flat = result.double().flatten()
        count = min(NUM_VALUES, len(flat))
        values = [float(f"{flat[j * len(flat) // count]:.7g}") for j in range(count)]
        kept[name] = {"dims": list(result.shape), "rms": float(f"{flat.square().mean().sqrt():.7g}"), "values": values}
    return {"inputs": {name: {"dims": d, "low": low, "high": high} for name, (d, low, high) in inputs.items()}, "outputs": kept}


def inputs_of_refiner(channels: int) -> dict[str, tuple[list[int], float, float]]:
    return {"precision": ([2, channels, 16, 16], 0.0, 40.0), "evidence": ([2, channels, 16, 16], -40.0, 40.0)}


def of_codec(folder: Path, card: dict) -> dict:
    codec = load_exported(folder)
    channels = card["latentChannels"]
    latents, snr = ([2, channels, 16, 16], -LATENT, LATENT), ([2], 10.0, 10.0)
    files = {
        "encoder.onnx": golden(codec.encoder, {"picture": ([2, 3, 64, 64], 0.0, 1.0), "snr_db": snr}, ["latents"]),
        "decoder.onnx": golden(codec.decoder, {"latents": latents, "snr_db": snr}, ["picture"]),
    }
    if "polarity" in card:
        stored = stored_parameters(folder / card["polarity"])
        net = Polarity(channels, len(stored["entry.bias"]))
        net.load_state_dict({name: stored[name] for name in net.state_dict()})
        files[card["polarity"]] = golden(net, {"latents": latents}, ["log_odds"])
    if "refiner" in card:
        net = load_refiner(folder)
        files[card["refiner"]] = golden(net, inputs_of_refiner(channels), ["mean", "variance"])
    if "distortion" in card:
        edge = 16 * card["downSampling"]
        inputs = {"picture": ([2, 3, edge, edge], 0.0, 1.0), **inputs_of_refiner(channels)}
        files[card["distortion"]] = golden(load_distortion(folder), inputs, ["squared_error"])
    return files


def of_prior(folder: Path, card: dict) -> dict:
    prior = Prior(**card["training"]["network"])
    stored = stored_parameters(folder / card["network"])
    weights = {name: stored[f"prior.{name}"] for name in prior.state_dict() if not name.startswith("entry.")}
    # export_prior's `Exported` made one strided convolution of space to depth and the entry; this takes it apart again.
    width = len(stored["merged.bias"])
    entry = stored["merged.weight"].view(width, 3, 3, 2, 3, 2).permute(0, 1, 3, 5, 2, 4).reshape(width, 12, 3, 3)
    prior.load_state_dict({**weights, "entry.weight": entry, "entry.bias": stored["merged.bias"]})
    inputs = {"noisy": ([2, 3, 64, 64], -1.0, 1.0), "sigma": ([2], 0.5, 0.5)}
    return {card["network"]: golden(prior.eval(), inputs, ["denoised"])}


def add_golden(folder: Path) -> None:
    path = folder / "card.json"
    card = json.loads(path.read_text())
    made = (of_prior if card["format"].startswith("blindlink-prior/") else of_codec)(folder, card)
    card["golden"] = {**card.get("golden", {}), **made}
    path.write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        add_golden(Path(name))
