"""Export a trained prior to ONNX (weights as float16, or kernels as bytes) and write its card.

    python3 -m blindlink_training.export_prior --run runs/prior-faces --name faces-prior --val V.jpegs --out ../models/faces-prior
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .golden import add_golden
from .small_weights import halve_weights, quarter_weights
from .pictures import load_pictures
from .prior import Prior
from .train_prior import VAL_SIGMAS, denoising_psnr, load_exported_prior, load_prior


class Exported(nn.Module):
    """The prior with its space-to-depth and first convolution as one strided convolution, which keeps sizes free."""

    def __init__(self, prior: Prior) -> None:
        super().__init__()
        self.prior = prior
        old = prior.entry
        width = old.weight.shape[0]
        merged = nn.Conv2d(3, width, 6, stride=2, padding=2)
        # Channel 4c + 2i + j of the patches is pixel (2y + i, 2x + j) of colour c.
        weight = old.weight.detach().view(width, 3, 2, 2, 3, 3).permute(0, 1, 4, 2, 5, 3)
        merged.weight.data = weight.reshape(width, 3, 6, 6).clone()
        merged.bias.data = old.bias.detach().clone()
        self.merged = merged

    def forward(self, noisy: Tensor, sigma: Tensor) -> Tensor:
        unshuffle, entry = F.pixel_unshuffle, self.prior.entry
        F.pixel_unshuffle = lambda x, _: x
        self.prior.entry = self.merged
        try:
            return self.prior(noisy, sigma)
        finally:
            F.pixel_unshuffle, self.prior.entry = unshuffle, entry


def training_before(init: str | None) -> dict | None:
    """How the prior that this one was trained on from had been trained."""
    if init is None:
        return None
    training = json.loads((Path(init) / "card.json").read_text())["training"]
    return {k: training[k] for k in ("steps", "batch", "seed", "minutes", "hardware", "torch", "start") if k in training}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", required=True, help="folder with checkpoint.pt")
    parser.add_argument("--name", required=True)
    parser.add_argument("--description", default="")
    parser.add_argument("--data", default="", help="what it was trained on, and the terms of that")
    parser.add_argument("--val", nargs="+", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--bytes", action="store_true", help="store kernels as bytes: half the size of float16")
    args = parser.parse_args()
    torch.set_num_threads(1)
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    state = torch.load(Path(args.run) / "checkpoint.pt", map_location="cpu")
    prior = load_prior(str(Path(args.run) / "checkpoint.pt"))
    # Read before anything is written: a prior may be trained on into its own folder.
    start = training_before(state["args"].get("init"))
    network = out / "denoiser.onnx"
    example = (torch.randn(2, 3, 64, 64), torch.tensor([0.5, 2.0]))
    exported = Exported(prior).eval()
    with torch.no_grad():
        assert torch.allclose(exported(*example), prior(*example), atol=1e-4), "the merged entry differs from the prior"
    axes = {"noisy": {0: "batch", 2: "height", 3: "width"}, "sigma": {0: "batch"}, "denoised": {0: "batch"}}
    torch.onnx.export(
        exported,
        example,
        str(network),
        input_names=["noisy", "sigma"],
        output_names=["denoised"],
        dynamic_axes=axes,
        opset_version=17,
    )
    (quarter_weights if args.bytes else halve_weights)(str(network))
    val = load_pictures(args.val)
    card = {
        "format": "blindlink-prior/1",
        "name": args.name,
        "description": args.description,
        "network": "denoiser.onnx",
        "prediction": "denoised",
        "noiseInput": "sigma",
        "valueRange": [-1, 1],
        "multipleOf": 2 ** len(prior.config["widths"]),
        "sha256": {"denoiser.onnx": hashlib.sha256(network.read_bytes()).hexdigest()},
        "licence": "research use only: trained on pictures under non-commercial terms",
        "training": {
            "data": args.data,
            "steps": state["step"],
            "batch": state["args"]["batch"],
            "seed": state["args"]["seed"],
            "minutes": round(state["elapsed"] / 60, 1),
            "hardware": f"{state['args']['threads']} CPU thread(s), bfloat16, other work beside it"
            if state["args"]["device"] == "cpu"
            else state["args"]["device"],
            "torch": state["torch"],
            "network": prior.config,
            "parameters": sum(p.numel() for p in prior.parameters()),
        },
        "quality": {
            "measure": f"mean PSNR in dB (peak 2) of the denoised picture over {len(val)} validation pictures of 64×64; σ → dB",
        },
    }
    if start is not None:
        card["training"]["start"] = start
    card_path = out / "card.json"
    card_path.write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n")
    # Of the weights as they are stored.
    prior = load_exported_prior(out)
    card["quality"]["denoisingPsnrDb"] = {str(s): round(denoising_psnr(prior, val, s), 2) for s in VAL_SIGMAS}
    card_path.write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n")
    add_golden(out)
    print(json.dumps({"out": str(out), "quality": card["quality"]}, ensure_ascii=False))


if __name__ == "__main__":
    main()
