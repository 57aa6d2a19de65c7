"""Train a codec's own decoder further, for what receivers hand it: the encoder, and so the transmission, stays.

    python3 -m blindlink_training.tune_decoder --codec ../models/natural-12-blind --train A.jpegs --val V.jpegs --out runs/natural-decoder --minutes 40
    python3 -m blindlink_training.tune_decoder … --export ../models/natural-12-blind

A part of each batch is not equalised but refined: the decoder sees the refiner's posterior mean of the codeword, which knows how much
each latent was heard of, where an equalised latent does not say so. The exported card says so (`decodesRefined`), and receivers hand it that.
The loss is the mean of log(MSE + floor). The checkpoint is written every minute and the same command resumes from it.
"""

from __future__ import annotations

import argparse
import copy
import json
from pathlib import Path

import torch
from torch import Tensor, nn

from .decoder_run import Run, averaged_decoder, how_trained, put_decoder, run_main, run_parser
from .export import CARD_SNRS_DB
from .loop import average_into, descend, drawing_from, set_rate
from .muon import Muon
from .photo_codec import PhotoParts
from .refiner import handed
from .saved_codec import load_codec, load_refiner
from .train_codec import draw_snr, psnr_db
from .train_decoder import batches, validation_pictures

FILE = "decoder.onnx"
VAL_SNRS_DB = (-5.0, 0.0, 5.0, 10.0, 15.0)


def parse() -> argparse.Namespace:
    parser = run_parser(__doc__, "folder of the exported codec, with a refiner", "decoder", minutes=40, batch=32, lr=6e-4)
    parser.add_argument("--loss-floor", type=float, default=1e-3)
    parser.add_argument("--least-snr", type=float, default=-1.0, help="lower end of most SNRs, dB")
    parser.add_argument("--fading", type=float, default=0.75, help="share of a batch that comes through fading")
    parser.add_argument("--refined", type=float, default=0.75, help="share of a batch that the refiner has seen")
    return parser.parse_args()


@torch.no_grad()
def quality(codec: nn.Module, decoder: nn.Module, refiner: nn.Module, pictures: Tensor, snr_db: float, refined: float, fading: float = 1) -> float:
    """Mean PSNR in dB over pictures through fading that the receiver knows (0: over AWGN), on clipped output."""
    device = next(decoder.parameters()).device
    with drawing_from(0):
        values = []
        for chunk in pictures.split(100 if pictures.shape[2] <= 64 else 8):
            x = chunk.to(device).float() / 255
            snr = torch.full((len(x),), snr_db, device=device)
            y = decoder(handed(refiner, codec.encode(x, snr), snr, fading, refined), snr).clamp(0, 1)
            values.append(psnr_db(x, y))
    return torch.cat(values).mean().item()


def table(codec: nn.Module, decoder: nn.Module, refiner: nn.Module, pictures: Tensor, refined: float = 1) -> dict:
    return {str(int(s)): round(quality(codec, decoder, refiner, pictures, s, refined), 2) for s in VAL_SNRS_DB}


def export(args: argparse.Namespace) -> None:
    """Puts the averaged decoder into the codec's folder, and says so in its card."""
    folder = Path(args.export)
    codec, decoder, state = averaged_decoder(args)
    refiner = load_refiner(Path(args.codec))
    val = validation_pictures(codec, args.val)
    card = json.loads((folder / "card.json").read_text())
    put_decoder(decoder, folder, FILE, card)
    card["decodesRefined"] = True
    card["training"]["decoder"] = how_trained(state, ("batch", "seed", "fading", "refined", "least_snr"))
    card["quality"]["fadingPsnrDb"] = {
        "measure": f"mean PSNR in dB over {len(val)} validation pictures through fading that the receiver knows, by CSNR in dB: refined, equalised",
        "refined": table(codec, decoder, refiner, val),
        "equalised": table(codec, decoder, refiner, val, 0),
    }
    card["quality"]["measure"] = f"mean PSNR in dB over {len(val)} validation pictures, AWGN, refined, CSNR in dB → PSNR in dB"
    card["quality"]["awgnPsnrDb"] = {
        str(int(s)): round(quality(codec, decoder, refiner, val, s, 1, fading=0), 2) for s in CARD_SNRS_DB
    }
    (folder / "card.json").write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n")
    print(json.dumps(card["quality"]["fadingPsnrDb"]))


def train(args: argparse.Namespace) -> None:
    device = torch.device(args.device)
    codec = load_codec(args.codec).to(device, memory_format=torch.channels_last).requires_grad_(False)
    refiner = load_refiner(Path(args.codec)).to(device).requires_grad_(False)
    val = validation_pictures(codec, args.val)[: 24 if isinstance(codec, PhotoParts) else 300]
    decoder, average = copy.deepcopy(codec.decoder).requires_grad_(True), copy.deepcopy(codec.decoder)
    optimiser = Muon(decoder, lr=args.lr)
    run = Run(args, {"decoder": decoder, "average": average, "optimiser": optimiser})
    draw = batches(codec, args, run.step)

    def quality_now() -> dict:
        return {"refined": table(codec, average, refiner, val), "equalised": table(codec, average, refiner, val, 0)}

    for progress in run.steps(quality_now, before={"decoder": "as it is"}):
        set_rate(optimiser, args.lr, run.step, progress)
        x = draw().to(device).contiguous(memory_format=torch.channels_last)
        snr = draw_snr(args.batch, args.least_snr).to(device)
        with torch.no_grad(), torch.autocast(device.type, dtype=torch.bfloat16):
            z = codec.encode(x, snr)
            given = handed(refiner, z.float(), snr, args.fading, args.refined)
        with torch.autocast(device.type, dtype=torch.bfloat16):
            y = decoder(given.contiguous(memory_format=torch.channels_last), snr)
        loss = torch.log((x - y.float()).square().mean(dim=(1, 2, 3)) + args.loss_floor).mean()
        descend(loss, decoder, optimiser)
        average_into(average, decoder, run.step + 1, 0.999)


if __name__ == "__main__":
    run_main(parse(), train, export)
