"""Train the distortion network of a codec that is there: what error a decoded picture has, told without the picture sent.

    python3 -m blindlink_training.train_distortion --codec ../models/natural-12-blind --train A.jpegs --val V.jpegs --out runs/distortion --minutes 15
    python3 -m blindlink_training.train_distortion … --export ../models/natural-12-blind

Encoder, refiner and decoder stay. Pictures come through fading with channel estimates that are right, wrong by more than they admit, of the
opposite sign, of another channel, or of one that turns or moves from OFDM symbol to symbol unheard of. The loss is the squared error of the
logarithm of the picture's error, and a little of each patch's likelihood. The checkpoint is written every minute and the same command resumes from it.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import json
from pathlib import Path

import torch
from torch import Tensor, nn

from .channel import SUBCARRIERS, draw_taps
from .decoder_run import Run, how_trained, run_main, run_parser
from .distortion import Distortion
from .export import write_distortion
from .golden import add_golden
from .loop import average_into, descend, drawing_from, set_rate
from .muon import Muon
from .saved_codec import load_codec, load_refiner, stored_parameters
from .small_weights import quarter_weights
from .train_codec import draw_snr
from .train_decoder import batches, validation_pictures

FILE = "distortion.onnx"
VAL_SNRS_DB = (-5.0, 0.0, 5.0, 10.0, 15.0)
OFDM_SYMBOLS = 16
# A patch's error is taken as one of so many squared deviations that are alike.
PATCH_WEIGHT = 0.1
LEAST_ERROR = 1e-5
# Shares of frames whose channel is known, estimated, estimated while phases turn, while taps move; the rest is another channel's or upside down.
KNOWN, ESTIMATED, TURNING, MOVING, OTHER = 0.25, 0.2, 0.25, 0.2, 0.05


def parse() -> argparse.Namespace:
    parser = run_parser(__doc__, "folder of the exported codec", "network", minutes=15, batch=48, lr=2e-3)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--blocks", type=int, default=3)
    parser.add_argument("--least-snr", type=float, default=-6.0, help="lower end of most SNRs, dB")
    return parser.parse_args()


def misheard(z: Tensor, snr_db: Tensor, known: float = KNOWN) -> tuple[Tensor, Tensor]:
    """Precision and evidence [N,C,h,w] of codewords z under channel estimates of all kinds; the first share `known` has the true channel."""
    n = len(z)
    real, imaginary = z.flatten(1).chunk(2, dim=1)
    symbols = torch.complex(real, imaginary)
    k = symbols.shape[1]
    kind = torch.linspace(0, 1, n + 1, device=z.device)[:n].view(-1, 1)
    exact = kind < known
    still = known + ESTIMATED
    turning = (kind >= still) & (kind < still + TURNING) & ~exact
    moving = (kind >= still + TURNING) & (kind < still + TURNING + MOVING) & ~exact
    other = (kind >= 1 - 2 * OTHER) & ~exact
    taps = draw_taps(n, z.device)
    error = 10 ** torch.empty(n, 1, device=z.device).uniform_(-3.5, -0.7)
    error = torch.where(exact, 0, error)
    admitted = error * torch.empty(n, 1, device=z.device).uniform_(0.1, 1)
    wrong = taps + error.sqrt() * draw_taps(n, z.device)
    upside_down = kind >= 1 - OTHER
    wrong = torch.where(other, torch.where(upside_down, -wrong, draw_taps(n, z.device)), wrong)
    place = torch.randperm(k, device=z.device)
    subcarrier, symbol = place % SUBCARRIERS, place // SUBCARRIERS % OFDM_SYMBOLS
    guess = torch.fft.fft(wrong, n=SUBCARRIERS)[:, subcarrier]
    # An estimate holds at the first OFDM symbol, as one from a pilot there, or on the average of all.
    since = torch.where(torch.rand(n, 1, device=z.device) < 0.5, 0, (OFDM_SYMBOLS - 1) / 2)
    time = torch.arange(OFDM_SYMBOLS, device=z.device) - since
    step = 10 ** torch.empty(n, 1, device=z.device).uniform_(-2, 0)
    walk = (step * torch.randn(n, OFDM_SYMBOLS, device=z.device)).cumsum(dim=1)
    walk = torch.where(since == 0, walk - walk[:, :1], walk - walk.mean(dim=1, keepdim=True))
    phase = torch.where(torch.rand(n, 1, device=z.device) < 0.5, walk, 0.3 * step * time)
    phase = torch.where(turning, phase, 0)[:, symbol]
    angle = torch.where(moving, 0.3 * step * time, 0)[:, symbol]
    response, elsewhere = (torch.fft.fft(h, n=SUBCARRIERS)[:, subcarrier] for h in (taps, draw_taps(n, z.device)))
    response = angle.cos() * response + angle.sin() * elsewhere
    variance = (10 ** (-snr_db / 10)).view(-1, 1)
    noise = variance.sqrt() * torch.randn(n, k, dtype=torch.complex64, device=z.device)
    y = response * torch.polar(torch.ones_like(phase), phase) * symbols + noise
    precision = 2 * (guess.abs().square() + admitted) / variance
    evidence = 2 * guess.conj() * y / variance
    both = torch.cat([precision, precision], dim=1).view_as(z)
    return both, torch.cat([evidence.real, evidence.imag], dim=1).view_as(z)


class Link:
    """A finished codec: pictures → what is decoded of them, and what was heard of their codewords."""

    def __init__(self, folder: str, device: torch.device) -> None:
        card = json.loads((Path(folder) / "card.json").read_text())
        self.down_sampling = card["downSampling"]
        self.codec = load_codec(folder).to(device, memory_format=torch.channels_last).requires_grad_(False)
        self.refiner = load_refiner(Path(folder)).to(device).requires_grad_(False) if card.get("decodesRefined") else None

    @torch.no_grad()
    def __call__(self, x: Tensor, snr: Tensor, known: float = KNOWN) -> tuple[Tensor, Tensor, Tensor]:
        """Decoded pictures, precision and evidence; the noise is off the SNR that both ends take it for by 2 dB r.m.s., unless all is `known`."""
        off = 2 * torch.randn(len(x), device=x.device) if known < 1 else 0
        with torch.autocast(x.device.type, dtype=torch.bfloat16):
            z = self.codec.encode(x, snr).float()
            precision, evidence = misheard(z, snr + off, known)
            given = evidence / (precision + 2) if self.refiner is None else self.refiner(precision, evidence)[0]
            y = self.codec.decoder(given.contiguous(memory_format=torch.channels_last), snr).float().clamp(0, 1)
        return y, precision, evidence


def patches(squared: Tensor, d: int) -> Tensor:
    """Squared errors [N,3,H,W] → their means over patches [N,1,H/d,W/d]."""
    return nn.functional.avg_pool2d(squared.mean(dim=1, keepdim=True), d)


@torch.no_grad()
def table(link: Link, net: nn.Module, pictures: Tensor) -> dict:
    """R.m.s. error and mean error in dB of the PSNR that is expected, by SNR with the channel known, and with estimates of all kinds (10 dB ± 2)."""
    device = next(net.parameters()).device
    found = {}
    for name, snr_db, known in [*((str(int(s)), s, 1.0) for s in VAL_SNRS_DB), ("mixed", 10.0, 0.0)]:
        off = []
        with drawing_from(0):
            for chunk in pictures.split(100 if pictures.shape[2] <= 64 else 8):
                x = chunk.to(device).float() / 255
                y, precision, evidence = link(x, torch.full((len(x),), snr_db, device=device), known)
                expected = net(y, precision, evidence).mean(dim=(1, 2, 3))
                off.append(10 * torch.log10((x - y).square().mean(dim=(1, 2, 3)) / expected))
        off = torch.cat(off)
        found[name] = {"rmsDb": round(off.square().mean().sqrt().item(), 2), "biasDb": round(off.mean().item(), 2)}
    return found


def export(args: argparse.Namespace) -> None:
    """Adds the averaged network to the codec's folder and card."""
    folder = Path(args.export)
    state = torch.load(Path(args.out) / "checkpoint.pt", map_location="cpu")
    link = Link(args.codec, torch.device("cpu"))
    net = Distortion(link.codec.config["latent_channels"], link.down_sampling, state["args"]["width"], state["args"]["blocks"])
    net.load_state_dict(state["average"])
    write_distortion(net.eval(), folder / FILE)
    quarter_weights(str(folder / FILE))
    # What is measured is what was written.
    stored = stored_parameters(folder / FILE)
    net.load_state_dict({name: stored[name] for name in net.state_dict()})
    val = validation_pictures(link.codec, args.val)
    card = json.loads((folder / "card.json").read_text())
    card["sha256"][FILE] = hashlib.sha256((folder / FILE).read_bytes()).hexdigest()
    items = [(key, value) for key, value in card.items() if key != "distortion"]
    items.insert([key for key, _ in items].index("sha256"), ("distortion", FILE))
    card = dict(items)
    card["training"]["distortion"] = how_trained(state, ("batch", "seed", "width", "blocks"))
    card["quality"]["distortion"] = {
        "measure": f"error in dB of the PSNR that is expected, over {len(val)} validation pictures through fading that the receiver knows, by CSNR in dB; "
        "mixed: with channel estimates that are wrong in all ways it was trained for, 10 dB",
        **table(link, net, val),
    }
    (folder / "card.json").write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n")
    add_golden(folder)
    print(json.dumps(card["quality"]["distortion"]))


def train(args: argparse.Namespace) -> None:
    device = torch.device(args.device)
    link = Link(args.codec, device)
    val = validation_pictures(link.codec, args.val)[: 24 if link.down_sampling > 4 else 300]
    net = Distortion(link.codec.config["latent_channels"], link.down_sampling, args.width, args.blocks)
    net = net.to(device, memory_format=torch.channels_last)
    average = copy.deepcopy(net)
    optimiser = Muon(net, lr=args.lr, weight_decay=1e-3)
    run = Run(args, {"net": net, "average": average, "optimiser": optimiser})
    draw = batches(link.codec, args, run.step)
    for progress in run.steps(lambda: {"dB": table(link, average, val)}, before={}):
        set_rate(optimiser, args.lr, run.step, progress)
        x = draw().to(device).contiguous(memory_format=torch.channels_last)
        y, precision, evidence = link(x, draw_snr(args.batch, args.least_snr).to(device))
        squared = patches((x - y).square(), link.down_sampling)
        with torch.autocast(device.type, dtype=torch.bfloat16):
            expected = net(y, precision, evidence)
        whole = torch.log(expected.mean(dim=(1, 2, 3)) + LEAST_ERROR) - torch.log(squared.mean(dim=(1, 2, 3)) + LEAST_ERROR)
        part = (squared + LEAST_ERROR) / (expected + LEAST_ERROR)
        loss = whole.square().mean() + PATCH_WEIGHT * (part - 1 - part.log()).mean()
        descend(loss, net, optimiser)
        average_into(average, net, run.step + 1, 0.998)


if __name__ == "__main__":
    run_main(parse(), train, export)
