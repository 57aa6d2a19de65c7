"""Export a trained codec (and its polarity network) to ONNX and write its card.

    python3 -m blindlink_training.export --run runs/natural --name natural-12 --val V.jpegs --out ../models/natural-12
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import Callable

import torch

from .codec import DOWN_SAMPLING
from .distortion import Distortion
from .golden import add_golden
from .small_weights import halve_weights, quarter_weights
from .pictures import load_pictures
from .polarity import Polarity
from .refiner import Refiner
from .train_codec import history_of, validate
from .saved_codec import load_codec


CARD_SNRS_DB = (0.0, 5.0, 10.0, 15.0, 20.0)


def write(net: torch.nn.Module, inputs: tuple, path: Path, names: list[str], output: str, free: list[str]) -> None:
    axes = {names[0]: {0: "batch", 2: free[0], 3: free[1]}, output: {0: "batch"}}
    if len(names) > 1:
        axes[names[1]] = {0: "batch"}
    torch.onnx.export(net, inputs, str(path), input_names=names, output_names=[output], dynamic_axes=axes, opset_version=17)


def load_trained(path: Path, kind: type[torch.nn.Module]) -> tuple[torch.nn.Module, dict]:
    """A network as its training has left it, and what else is in the file."""
    saved = torch.load(path, map_location="cpu")
    net = kind(**saved["config"])
    net.load_state_dict(saved["net"])
    return net.eval(), saved


def write_refiner(path: Path, out: Path) -> dict:
    """The refiner's graph; returns its quality on validation pictures."""
    net, saved = load_trained(path, Refiner)
    example = torch.rand(2, saved["config"]["latent_channels"], 16, 16)
    names = ["precision", "evidence", "mean", "variance"]
    axes = {name: {0: "batch", 2: "rows", 3: "columns"} for name in names}
    torch.onnx.export(
        net, (example, example), str(out), input_names=names[:2], output_names=names[2:], dynamic_axes=axes, opset_version=17
    )
    return saved["val"]


def write_distortion(net: Distortion, out: Path) -> None:
    """The distortion network's graph."""
    channels, d = net.config["latent_channels"], net.config["down_sampling"]
    latents = torch.rand(2, channels, 16, 16)
    names, output = ["picture", "precision", "evidence"], "squared_error"
    axes = {name: {0: "batch", 2: f"{name}_rows", 3: f"{name}_columns"} for name in [*names, output]}
    example = (torch.rand(2, 3, 16 * d, 16 * d), latents, latents)
    torch.onnx.export(net, example, str(out), input_names=names, output_names=[output], dynamic_axes=axes, opset_version=17)


def hardware(args: dict) -> str:
    return args["device"] if args["device"] != "cpu" else f"{args['threads']} CPU thread(s), bfloat16, other work beside it"


def before(state: dict) -> list[dict]:
    """What the codec went through before this run."""
    if "history" in state:
        return state["history"]
    init = state["args"].get("init")
    return history_of(Path(init)) if init else []


def write_polarity(path: Path, out: Path) -> dict:
    """The polarity network's graph; returns its accuracy on validation pictures."""
    net, saved = load_trained(path, Polarity)
    latents = torch.randn(2, saved["config"]["latent_channels"], 16, 16)
    write(net, (latents,), out, ["latents"], "log_odds", ["rows", "columns"])
    return saved["valAccuracy"]


# What can be added to a codec: its file, what writes it, and where the card has its quality.
ADDED = {"polarity": (write_polarity, "polarityAccuracy"), "refiner": (write_refiner, "refiner")}


def add_networks(run: Path, out: Path, shrink: Callable[[str], None] = halve_weights) -> None:
    """Adds refiner and polarity network of a run, which of them it has, to a codec that is exported already."""
    card_path = out / "card.json"
    card = json.loads(card_path.read_text())
    found = [part for part in ADDED if (run / f"{part}.pt").exists()]
    if not found:
        raise SystemExit(f"{run}: no polarity.pt and no refiner.pt; train one with train_polarity or train_refiner")
    for part in found:
        saved, file = torch.load(run / f"{part}.pt", map_location="cpu"), f"{part}.onnx"
        write_part, entry = ADDED[part]
        card["training"][part] = {"steps": saved["step"], **{k: saved["args"][k] for k in ("batch", "minutes", "seed")}}
        card["quality"][entry] = write_part(run / f"{part}.pt", out / file)
        shrink(str(out / file))
        card["sha256"][file] = hashlib.sha256((out / file).read_bytes()).hexdigest()
        items = [(k, v) for k, v in card.items() if k != part]
        items.insert([k for k, _ in items].index("sha256"), (part, file))
        card = dict(items)
    card_path.write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n")
    add_golden(out)
    print(json.dumps({"out": str(out), **{entry: card["quality"][entry] for _, entry in (ADDED[part] for part in found)}}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", required=True, help="folder with checkpoint.pt and, if there is one, polarity.pt")
    parser.add_argument("--name", help="needed for a codec; without one, what the run has is added to the card in --out")
    parser.add_argument("--description", default="")
    parser.add_argument("--data", default="", help="what it was trained on, and the terms of that")
    parser.add_argument("--val", nargs="+", default=[])
    parser.add_argument("--out", required=True)
    parser.add_argument("--bytes", action="store_true", help="store kernels as bytes: half the size of float16")
    args = parser.parse_args()
    torch.set_num_threads(1)
    shrink = quarter_weights if args.bytes else halve_weights

    run, out = Path(args.run), Path(args.out)
    if args.name is None:
        add_networks(run, out, shrink)
        return
    out.mkdir(parents=True, exist_ok=True)
    state = torch.load(run / "checkpoint.pt", map_location="cpu")
    codec = load_codec(str(run / "checkpoint.pt"))
    channels = codec.config["latent_channels"]
    picture, latents, snr = torch.rand(2, 3, 64, 64), torch.randn(2, channels, 16, 16), torch.tensor([10.0, 5.0])
    write(codec.encoder, (picture, snr), out / "encoder.onnx", ["picture", "snr_db"], "latents", ["height", "width"])
    write(codec.decoder, (latents, snr), out / "decoder.onnx", ["latents", "snr_db"], "picture", ["rows", "columns"])
    files = ["encoder.onnx", "decoder.onnx"]

    card_path = out / "card.json"
    card = json.loads(card_path.read_text()) if card_path.exists() else {}
    val = load_pictures(args.val)
    quality = {
        "measure": f"mean PSNR in dB over {len(val)} validation pictures of 64×64, AWGN, CSNR in dB → PSNR in dB",
        "awgnPsnrDb": {str(int(s)): round(validate(codec, val, s), 2) for s in CARD_SNRS_DB},
    }
    for part, (write_part, entry) in ADDED.items():
        if (run / f"{part}.pt").exists():
            quality[entry] = write_part(run / f"{part}.pt", out / f"{part}.onnx")
            files.append(f"{part}.onnx")
    for file in files:
        shrink(str(out / file))
    card = {
        "format": "blindlink-codec/1",
        "name": args.name,
        "description": args.description,
        "encoder": "encoder.onnx",
        "decoder": "decoder.onnx",
        "latentChannels": channels,
        "downSampling": DOWN_SAMPLING,
        "valueRange": [0, 1],
        "snrInput": True,
        **({"polarity": "polarity.onnx"} if "polarity.onnx" in files else {}),
        **({"refiner": "refiner.onnx"} if "refiner.onnx" in files else {}),
        **{key: card[key] for key in ("statistics", "codeword", "blindEm", "prior", "verdict") if key in card},
        "sha256": {**card.get("sha256", {}), **{f: hashlib.sha256((out / f).read_bytes()).hexdigest() for f in files}},
        "licence": "research use only: trained on pictures under non-commercial terms",
        "training": {
            "data": args.data,
            "steps": state["step"],
            "batch": state["args"]["batch"],
            "seed": state["args"]["seed"],
            "minutes": round(state["elapsed"] / 60, 1),
            "hardware": hardware(state["args"]),
            "torch": state["torch"],
            "network": codec.config,
            "parameters": {
                "encoder": sum(p.numel() for p in codec.encoder.parameters()),
                "decoder": sum(p.numel() for p in codec.decoder.parameters()),
            },
            "before": before(state),
            "lossFloor": state["args"]["loss_floor"],
            **{flag: state["args"][flag] for flag in ("lpips", "adversarial") if state["args"].get(flag)},
            "fadingShare": state["args"]["fading_share"],
            "blindShare": state["args"].get("blind_share", 0),
        },
        "quality": quality,
    }
    card_path.write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n")
    add_golden(out)
    print(json.dumps({"out": str(out), "quality": quality}, ensure_ascii=False))


if __name__ == "__main__":
    main()
