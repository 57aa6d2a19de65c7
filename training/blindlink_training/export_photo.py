"""Export one rate of the codec for photographs: ONNX, its polarity network (trained here, some minutes), card with golden values.

    python3 -m blindlink_training.export_photo --run runs/photo --rate 32 --name photo-48 --train P.jpegs … --val V.jpegs --out ../models/photo-48

Then `train_refiner --codec runs/photo/checkpoint.pt --rate 32 --out runs/photo`, `export --run runs/photo --out ../models/photo-48` (adds the refiner), `blindlink model statistics` and `blindlink model verdict`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from pathlib import Path

import torch
import torch.nn.functional as F

from .export import CARD_SNRS_DB, hardware, write
from .golden import LATENT, golden
from .small_weights import quarter_weights
from .loop import set_rate
from .photo_codec import DOWN_SAMPLING, PhotoParts
from .pictures import load_photographs
from .polarity import Polarity
from .saved_codec import stored_parameters
from .train_photo import load_photo_codec, photo_codewords, validate
from .train_polarity import crop, received

CODEWORDS = 4000
TILE = 128 // DOWN_SAMPLING


def train_polarity(z: torch.Tensor, snr: torch.Tensor, minutes: float) -> Polarity:
    net = Polarity(z.shape[1])
    optimiser = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-2)
    start, step = time.time(), 0
    while (elapsed := (time.time() - start) / 60) < minutes:
        set_rate(optimiser, 2e-3, step, elapsed / minutes, warm_up=100)
        pick = torch.randint(len(z), (64,))
        x = crop(received(z[pick].float(), snr[pick] + 2 * torch.randn(64)))
        loss = F.softplus(-net(x)).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        step += 1
    return net.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", required=True)
    parser.add_argument("--rate", type=int, required=True, help="latent channels: 32, 64 or 128 for CBR 1/48, 1/24, 1/12")
    parser.add_argument("--name", required=True)
    parser.add_argument("--train", nargs="+", required=True)
    parser.add_argument("--val", nargs="+", required=True)
    parser.add_argument("--minutes", type=float, default=4, help="of the polarity network's training")
    parser.add_argument("--data", default="")
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    state = torch.load(Path(args.run) / "checkpoint.pt", map_location="cpu")
    codec = load_photo_codec(Path(args.run) / "checkpoint.pt")
    train, val = load_photographs(args.train, least=128), load_photographs(args.val, least=128)
    encoder, decoder = codec.at_rate(args.rate)
    picture, latents, snr = torch.rand(2, 3, 128, 128), torch.randn(2, args.rate, TILE, TILE), torch.tensor([10.0, 5.0])
    write(encoder, (picture, snr), out / "encoder.onnx", ["picture", "snr_db"], "latents", ["height", "width"])
    write(decoder, (latents, snr), out / "decoder.onnx", ["latents", "snr_db"], "picture", ["rows", "columns"])
    z, snrs = photo_codewords(codec, args.rate, train, CODEWORDS, 1)
    polarity = train_polarity(z, snrs, args.minutes)
    write(polarity, (latents,), out / "polarity.onnx", ["latents"], "log_odds", ["rows", "columns"])
    files = ["encoder.onnx", "decoder.onnx", "polarity.onnx"]
    for file in files:
        quarter_weights(str(out / file))
    for net, file in ((encoder, "encoder.onnx"), (decoder, "decoder.onnx"), (polarity, "polarity.onnx")):
        stored = stored_parameters(out / file)
        net.load_state_dict({name: stored[name] for name in net.state_dict()})
    # Of the weights as they are stored.
    parts = PhotoParts(args.rate, codec.config)
    parts.encoder, parts.decoder = encoder, decoder
    quality = {str(int(s)): round(validate(parts, val, s, args.rate, torch.device("cpu")), 2) for s in CARD_SNRS_DB}
    z_val, _ = photo_codewords(parts, args.rate, val, 500, 2)
    accuracy = {}
    with torch.no_grad():
        for snr_db in (0.0, 5.0, 10.0):
            x = received(z_val.float(), torch.full((len(z_val),), snr_db))
            accuracy[str(snr_db)] = round((polarity(x) > 0).float().mean().item(), 4)
    given, at = ([2, args.rate, TILE, TILE], -LATENT, LATENT), ([2], 10.0, 10.0)
    card_path = out / "card.json"
    card = json.loads(card_path.read_text()) if card_path.exists() else {}
    card = {
        "format": "blindlink-codec/1",
        "name": args.name,
        "description": "SNR-adaptive codec for photographs",
        "encoder": "encoder.onnx",
        "decoder": "decoder.onnx",
        "latentChannels": args.rate,
        "downSampling": DOWN_SAMPLING,
        "tile": TILE,
        "valueRange": [0, 1],
        "snrInput": True,
        "polarity": "polarity.onnx",
        **{key: card[key] for key in ("statistics", "codeword", "blindEm", "prior", "verdict") if key in card},
        "sha256": {**card.get("sha256", {}), **{f: hashlib.sha256((out / f).read_bytes()).hexdigest() for f in files}},
        "licence": "research use only: trained on pictures under non-commercial terms",
        "training": {
            "data": args.data,
            "steps": state["step"],
            "batch": state["args"]["batch"],
            "crop": state["args"]["crop"],
            "seed": state["args"]["seed"],
            "minutes": round(state["elapsed"] / 60, 1),
            "hardware": hardware(state["args"]),
            "torch": state["torch"],
            "network": state["config"],
            "rates": sorted(state["args"]["rates"]),
            "parameters": {
                "encoder": sum(p.numel() for p in encoder.parameters()),
                "decoder": sum(p.numel() for p in decoder.parameters()),
            },
        },
        "quality": {
            "measure": f"mean PSNR in dB over {len(val)} validation photographs at full size, AWGN, CSNR in dB → PSNR in dB",
            "awgnPsnrDb": quality,
            "polarityAccuracy": accuracy,
        },
        "golden": {
            "encoder.onnx": golden(encoder, {"picture": ([2, 3, 128, 128], 0.0, 1.0), "snr_db": at}, ["latents"]),
            "decoder.onnx": golden(decoder, {"latents": given, "snr_db": at}, ["picture"]),
            "polarity.onnx": golden(polarity, {"latents": given}, ["log_odds"]),
        },
    }
    card_path.write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n")
    print(json.dumps({"out": str(out), "quality": quality, "polarity": accuracy}))


if __name__ == "__main__":
    main()
