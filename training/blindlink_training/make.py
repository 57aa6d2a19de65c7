"""Make a shipped model from pictures: every stage, one command.

    python3 -m blindlink_training.make faces-48 --train DATA… --val VAL --out ../models/faces-48
    python3 -m blindlink_training.make faces-48 --train DATA… --val VAL --out /tmp/try --smoke      # minutes, only to see it run

Stages that are complete in --runs are not repeated, training resumes from its checkpoints. Statistics and verdict are
blindlink's own work: `npm run build` first. A codec that starts from another needs that one in the models folder.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import torch
from PIL import Image

from .pictures import load_photographs, unpack

HERE = Path(__file__).resolve().parents[1]
MODELS, PROGRAM = HERE.parent / "models", HERE.parent / "dist" / "cli" / "main.js"
TERMS = {
    "natural": "54,000 pictures of 64×64 pixels from Tiny-ImageNet (ImageNet terms: non-commercial research)",
    "faces": "22,207 aligned faces of 64×64 pixels from UTKFace (non-commercial research)",
    "photographs": "photographs: ImageNet samples and BSDS500 (research use only)",
}
VERDICT_FRAMES, VERDICT_PICTURES = 40, 1000
PHOTO_RATE, PHOTO_CROP, PHOTO_VERDICT_FRAMES = 32, 128, 24


@dataclass
class Recipe:
    pictures: str
    description: str
    minutes: float
    kind: str = "codec"  # or prior, photo
    latent_channels: int = 8
    start: str | None = None
    flags: list[str] = field(default_factory=list)
    then: tuple[float, list[str]] | None = None  # minutes and flags of a second stage
    polarity_minutes: float = 2.5
    refiner_minutes: float = 8
    decoder_minutes: float = 0  # of its own decoder, for refined latents, once all else is there
    distortion_minutes: float = 0  # of the network that foretells the decoded picture's error
    perceptual: tuple[float, list[str]] | None = None  # minutes and flags of a perceptual decoder
    in_bytes: bool = False  # kernels are stored as bytes
    rank: int = 384
    blind_em: dict = field(default_factory=dict)


def looks(lpips: float, adversarial: float) -> list[str]:
    return ["--batch", "32", "--lpips", str(lpips), "--adversarial", str(adversarial), "--fading", "0.75"]


WARM = ["--lr", "1.2e-3", "--loss-floor", "1e-3"]
BLIND = [*WARM, "--blind-share", "0.5"]
BLIND_AFTER = [*BLIND, "--lr", "8e-4"]
SEARCH = {"passes": 24, "initialStarts": 4, "refinements": 8}
SHORT = {"passes": 16, "initialStarts": 1, "refinements": 8}
LONG = {**SEARCH, "refinements": 12}
RECIPES = {
    "natural-12": Recipe("natural", "natural pictures", 112, polarity_minutes=6, refiner_minutes=14, blind_em=SEARCH),
    "natural-12-blind": Recipe(
        *("natural", "natural pictures, trained blind", 75),
        start="natural-12",
        flags=BLIND,
        polarity_minutes=12,
        refiner_minutes=22,
        decoder_minutes=32,
        distortion_minutes=29,
        perceptual=(36, looks(lpips=40, adversarial=0.25)),
        blind_em=SHORT,
    ),
    "natural-6": Recipe("natural", "natural pictures", 32, latent_channels=16, start="natural-12-blind", flags=WARM, rank=256, blind_em=SEARCH),
    "natural-24": Recipe(
        *("natural", "natural pictures", 25),
        latent_channels=4,
        start="natural-12-blind",
        flags=WARM,
        then=(12, BLIND_AFTER),
        distortion_minutes=17,
        blind_em=LONG,
    ),
    "natural-48": Recipe(
        *("natural", "natural pictures", 25),
        latent_channels=2,
        start="natural-12-blind",
        flags=WARM,
        then=(10, BLIND_AFTER),
        distortion_minutes=17,
        blind_em=LONG,
    ),
    "faces-12": Recipe(
        *("faces", "aligned faces", 52),
        flags=["--seed", "2"],
        polarity_minutes=6,
        refiner_minutes=22,
        decoder_minutes=24,
        distortion_minutes=13,
        perceptual=(80, [*looks(lpips=200, adversarial=0.15), "--least-snr", "-6"]),
        rank=192,
        blind_em={"rank": 128, "passes": 20, "initialStarts": 1, "refinements": 4},
    ),
    "faces-48": Recipe(
        *("faces", "aligned faces", 22),
        latent_channels=2,
        start="faces-12",
        flags=WARM,
        polarity_minutes=7,
        refiner_minutes=18,
        decoder_minutes=32,
        perceptual=(28, looks(lpips=120, adversarial=0.15)),
        blind_em={**LONG, "initialStarts": 2},
    ),
    "faces-48-perceptual": Recipe(
        *("faces", "aligned faces, both ends trained for how pictures look", 50),
        latent_channels=2,
        start="faces-48",
        flags=["--lr", "8e-4", "--loss-floor", "1e-3", "--lpips", "120", "--adversarial", "0.15", "--fading-share", "0.5"],
        polarity_minutes=5,
        refiner_minutes=13,
        decoder_minutes=10,
        rank=192,
        blind_em={**LONG, "initialStarts": 2},
        in_bytes=True,
    ),
    "photo-48": Recipe(
        *("photographs", "photographs", 93),
        kind="photo",
        polarity_minutes=4,
        refiner_minutes=14,
        perceptual=(80, ["--batch", "16", "--lpips", "12"]),
    ),
    "faces-prior": Recipe("faces", "aligned faces", 95, kind="prior", then=(60, ["--lr", "8e-4"]), in_bytes=True),
    "natural-prior": Recipe("natural", "natural pictures", 95, kind="prior", then=(60, ["--lr", "8e-4"]), in_bytes=True),
}


def python(module: str, *args: object) -> None:
    subprocess.run([sys.executable, "-m", f"blindlink_training.{module}", *map(str, args)], cwd=HERE, check=True)


def blindlink(*args: object, output: Path | None = None) -> None:
    command = ["node", str(PROGRAM), *map(str, args)]
    if output is None:
        subprocess.run(command, check=True)
    else:
        with output.open("w") as stream:
            subprocess.run(command, check=True, stdout=stream)


def is_final(checkpoint: Path) -> bool:
    return checkpoint.exists() and bool(torch.load(checkpoint, map_location="cpu").get("final"))


def make_prior(name: str, recipe: Recipe, args: argparse.Namespace, run: Path) -> None:
    data = ["--train", *args.train, "--val", *args.val, "--device", args.device]
    described = ["--name", name, "--val", *args.val, "--description", f"Denoiser for {recipe.description}", "--data", TERMS[recipe.pictures]]
    short = ["--batch", 4, "--steps", 30]
    if not is_final(run / "checkpoint.pt"):
        size = ["--widths", 16, 24, "--blocks", 1, 1, *short] if args.smoke else ["--minutes", recipe.minutes]
        python("train_prior", *data, "--out", run, *size)
    first, onward = run / "first", run / "onward"
    if not (first / "card.json").exists():
        python("export_prior", "--run", run, "--out", first, *described)
    minutes, flags = recipe.then
    if not is_final(onward / "checkpoint.pt"):
        python("train_prior", *data, "--out", onward, "--init", first, *flags, *(short if args.smoke else ["--minutes", minutes]))
    python("export_prior", "--run", onward, "--out", args.out, *(["--bytes"] if recipe.in_bytes else []), *described)
    blindlink("model", "seal", args.out)


def make_codec(name: str, recipe: Recipe, args: argparse.Namespace, run: Path) -> None:
    data = ["--train", *args.train, "--val", *args.val, "--device", args.device]
    common = [*data, "--out", run]
    small = ["--batch", 4, "--limit", 200] if args.smoke else []
    start = MODELS / recipe.start if recipe.start else None
    if start and not start.is_dir():
        raise SystemExit(f"{name} starts from {recipe.start}, which is not in {MODELS}; make it first, with --out {start}")

    def begin(file: str) -> list:
        return ["--init", start / file] if start else []

    by_lpips = lpips_files(args) if "--lpips" in recipe.flags else []
    stages = [(recipe.minutes, recipe.flags), *([recipe.then] if recipe.then else [])]
    origin = begin("")
    for i, (minutes, flags) in enumerate(stages):
        stage = run if i == len(stages) - 1 else run / "first"
        if not is_final(stage / "checkpoint.pt"):
            size = ["--steps", 3, "--batch", 4] if args.smoke else ["--minutes", minutes]
            rate = ["--latent-channels", recipe.latent_channels]
            python("train_codec", *data, "--out", stage, *rate, *origin, *flags, *by_lpips, *size)
        origin = ["--init", stage / "checkpoint.pt"]
    codec = ["--codec", run / "checkpoint.pt"]
    if not (run / "polarity.pt").exists():
        minutes = 0.05 if args.smoke else recipe.polarity_minutes
        python("train_polarity", *codec, *common, "--minutes", minutes, *begin("polarity.onnx"), *small)
    if not (run / "refiner.pt").exists():
        minutes = 0.05 if args.smoke else recipe.refiner_minutes
        python("train_refiner", *codec, *common, "--minutes", minutes, *begin("refiner.onnx"), *small)
    described = ["--description", f"SNR-adaptive codec for {recipe.description}", "--data", TERMS[recipe.pictures]]
    stored = ["--bytes"] if recipe.in_bytes else []
    python("export", "--run", run, "--name", name, "--val", *args.val, "--out", args.out, *described, *stored)

    decoding = ("tune_decoder", ["--least-snr", -6])
    if by_lpips:
        decoding = ("train_decoder", ["--own", "--least-snr", -3, "--lpips", 120, "--adversarial", 0.15, "--fading", 0.75, *by_lpips])
    if recipe.decoder_minutes:
        add(args, run / "decoder", decoding[0], recipe.decoder_minutes, decoding[1])
    if recipe.distortion_minutes:
        add(args, run / "distortion", "train_distortion", recipe.distortion_minutes, [])
    add_perceptual(args, run, recipe)

    card_path = args.out / "card.json"
    card = json.loads(card_path.read_text())
    card.update(blindEm={"rank": recipe.rank, **recipe.blind_em}, prior=f"{recipe.pictures}-prior")
    card_path.write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n")
    pictures = unpack(args.train, run / "pictures", limit=60 if args.smoke else 10_000)
    rank = 4 if args.smoke else recipe.rank
    blindlink("model", "statistics", args.out, pictures, "--rank", rank, "--limit", 10_000)
    blindlink("model", "quantise", args.out, pictures, "--networks", "refiner")
    calibrate(args, run)
    blindlink("model", "seal", args.out)
    blindlink("model", "check", args.out)


def make_photo(name: str, recipe: Recipe, args: argparse.Namespace, run: Path) -> None:
    data = ["--train", *args.train, "--val", *args.val]
    rate = ["--rate", PHOTO_RATE]
    if not is_final(run / "checkpoint.pt"):
        size = ["--steps", 3, "--batch", 2] if args.smoke else ["--minutes", recipe.minutes]
        python("train_photo", *data, "--device", args.device, "--out", run, "--rates", PHOTO_RATE, *size)
    minutes = ["--minutes", 0.05 if args.smoke else recipe.polarity_minutes]
    python("export_photo", "--run", run, *rate, "--name", name, *data, "--data", TERMS[recipe.pictures], "--out", args.out, *minutes)
    refiner = run / "refiner"
    if not (refiner / "refiner.pt").exists():
        size = ["--minutes", 0.05, "--batch", 4] if args.smoke else ["--minutes", recipe.refiner_minutes]
        python("train_refiner", "--codec", run / "checkpoint.pt", *rate, *data, "--device", args.device, "--out", refiner, *size)
    python("export", "--run", refiner, "--out", args.out)
    add_perceptual(args, run, recipe)

    card_path = args.out / "card.json"
    card = json.loads(card_path.read_text())
    card.update(prior="natural-prior")
    card_path.write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n")
    pictures = unpack(args.train, run / "pictures", limit=10_000)
    blindlink("model", "statistics", args.out, pictures, *(["--rank", 4] if args.smoke else []))
    blindlink("model", "quantise", args.out, pictures)
    apart = middles(args.apart or args.val, run / "apart")
    frames = ["--weights-from", "natural-12-blind", "--frames", 2] if args.smoke else ["--frames", PHOTO_VERDICT_FRAMES]
    blindlink("model", "verdict", args.out, apart, *frames, "--least-contrast", 0.01, "--other", "natural-12-blind")
    blindlink("model", "seal", args.out)
    blindlink("model", "check", args.out)


def middles(paths: list[str], folder: Path) -> Path:
    """Writes the middle of each photograph into a folder."""
    folder.mkdir(exist_ok=True)
    for i, picture in enumerate(load_photographs(paths, least=PHOTO_CROP)):
        top, left = ((n - PHOTO_CROP) // 2 for n in picture.shape[:2])
        Image.fromarray(picture[top : top + PHOTO_CROP, left : left + PHOTO_CROP]).save(folder / f"{i:05d}.png")
    return folder


def lpips_files(args: argparse.Namespace) -> list[str]:
    return ["--backbone", args.backbone, "--weights", args.weights]


def add(args: argparse.Namespace, run: Path, module: str, minutes: float, flags: list) -> None:
    """Trains a part of the codec in its folder, and adds it there."""
    stage = ["--codec", args.out, "--train", *args.train, "--val", *args.val, "--device", args.device, "--out", run, *flags]
    if not is_final(run / "checkpoint.pt"):
        python(module, *stage, *(["--steps", 3, "--batch", 4, "--limit", 200] if args.smoke else ["--minutes", minutes]))
    python(module, *stage, "--export", args.out)


def add_perceptual(args: argparse.Namespace, run: Path, recipe: Recipe) -> None:
    if recipe.perceptual is None:
        return
    if args.backbone is None:
        print(f"{args.name}: without its perceptual decoder, which needs --backbone and --weights", flush=True)
        return
    minutes, flags = recipe.perceptual
    add(args, run / "perceptual", "train_decoder", minutes, [*flags, *lpips_files(args)])


def calibrate(args: argparse.Namespace, run: Path) -> None:
    """The verdict, from simulated frames of pictures kept apart where there are some."""
    apart = unpack(args.apart or args.val, run / "apart", limit=VERDICT_PICTURES)
    frames = ["--frames", 2, "--weights-from", "natural-12-blind"] if args.smoke else ["--frames", VERDICT_FRAMES]
    blindlink("model", "verdict", args.out, apart, *frames)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=list(RECIPES))
    parser.add_argument("--train", nargs="+", required=True, help="packed files or folders of pictures")
    parser.add_argument("--val", nargs="+", required=True)
    parser.add_argument("--apart", nargs="+", help="pictures that calibrate the verdict; those of --val by default")
    parser.add_argument("--out", type=Path, required=True, help="the model's folder")
    parser.add_argument("--runs", type=Path, default=HERE / "runs", help="checkpoints are kept in a folder of the model's name here")
    parser.add_argument("--backbone", help="torchvision's SqueezeNet 1.1, for codecs and perceptual decoders, which are trained by LPIPS")
    parser.add_argument("--weights", help="LPIPS 0.1's linear layers for it")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--smoke", action="store_true", help="a few steps of everything: shows that the recipe runs")
    args = parser.parse_args()
    recipe = RECIPES[args.name]
    if (args.backbone is None) != (args.weights is None):
        parser.error("--backbone and --weights go together: LPIPS' files on SqueezeNet 1.1")
    if "--lpips" in recipe.flags and args.backbone is None:
        parser.error(f"{args.name} is trained by LPIPS: give --backbone and --weights, its files on SqueezeNet 1.1")
    given = [*args.train, *args.val, *(args.apart or []), *(p for p in (args.backbone, args.weights) if p)]
    missing = [path for path in given if not Path(path).exists()]
    if missing:
        parser.error(f"{', '.join(missing)}: no such file or folder")
    if args.device.startswith("cuda") and not torch.cuda.is_available():
        parser.error(f"--device {args.device}: this PyTorch sees no CUDA device; leave it out")
    if not PROGRAM.exists():
        sys.exit(f"{PROGRAM} is not there: npm run build makes it")
    args.out = args.out.resolve()
    for name in ("train", "val", "apart"):
        paths = getattr(args, name)
        setattr(args, name, paths and [str(Path(p).resolve()) for p in paths])
    for name in ("backbone", "weights"):
        path = getattr(args, name)
        setattr(args, name, path and str(Path(path).resolve()))
    run = (args.runs / (args.name + ("-smoke" if args.smoke else ""))).resolve()
    run.mkdir(parents=True, exist_ok=True)
    # Ctrl-C reaches the stage that runs, which ends by itself; its status is told below.
    signal.signal(signal.SIGINT, lambda *_: None)
    try:
        {"codec": make_codec, "prior": make_prior, "photo": make_photo}[recipe.kind](args.name, recipe, args, run)
    except subprocess.CalledProcessError as error:
        sys.exit(f"stopped: {' '.join(error.cmd)} ended with status {error.returncode}; the same command goes on from here")


if __name__ == "__main__":
    main()
