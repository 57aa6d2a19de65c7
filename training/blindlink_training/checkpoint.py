"""Public checkpoints: reading them strictly, and publishing what is exported of them with a card.

A checkpoint is a state dict, alone or under `state_dict`, `model` or `net`; a `module.` before every name (DataParallel) is dropped.
Everything that can be wrong with one ends the programme with one line, before anything is written to --out.
"""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

WRAPPERS = ("state_dict", "model", "net")
SHOWN = 3


def read_state(path: str) -> dict[str, Tensor]:
    """Tensor name → float32 tensor (integers stay what they are)."""
    if not Path(path).is_file():
        raise SystemExit(f"{path}: no such file")
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError):
        # Other Python objects could run code as they are read.
        raise SystemExit(f"{path}: is no PyTorch checkpoint, or holds other things than tensors and plain values") from None
    for wrapper in WRAPPERS:
        if isinstance(saved, dict) and isinstance(saved.get(wrapper), dict):
            saved = saved[wrapper]
            break
    if not isinstance(saved, dict) or not saved or not all(isinstance(v, Tensor) for v in saved.values()):
        raise SystemExit(f"{path}: holds no state dict (tensors by name, alone or under {', '.join(WRAPPERS)})")
    if all(name.startswith("module.") for name in saved):
        saved = {name[len("module.") :]: value for name, value in saved.items()}
    return {name: value.float() if value.is_floating_point() else value for name, value in saved.items()}


def require(state: dict[str, Tensor], names: list[str], path: str, what: str) -> None:
    """Ends with one line unless the tensors are there that a network's sizes are read from."""
    missing = [name for name in names if name not in state]
    if missing:
        raise SystemExit(f"{path}: is no checkpoint of {what}: missing {len(missing)} ({_some(missing)})")


def load_strictly(net: nn.Module, state: dict[str, Tensor], path: str, what: str) -> None:
    """Loads a state dict of exactly the network's names and shapes; ends with one line naming what does not fit."""
    wanted = net.state_dict()
    missing = [name for name in wanted if name not in state]
    unexpected = [name for name in state if name not in wanted]
    misshapen = [
        f"{name} is {list(state[name].shape)}, not {list(wanted[name].shape)}"
        for name in wanted
        if name in state and state[name].shape != wanted[name].shape
    ]
    faults = [
        f"{label} {len(names)} ({_some(names)})"
        for label, names in (("missing", missing), ("unexpected", unexpected), ("wrong shape", misshapen))
        if names
    ]
    if faults:
        raise SystemExit(f"{path}: does not fit {what}: {'; '.join(faults)}")
    net.load_state_dict(state)


def _some(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")


def sha256_of(path: str | Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def origin(checkpoint: str, net: nn.Module) -> dict:
    """What a card says of where its weights are from."""
    return {
        "licence": "as the checkpoint's",
        "training": {
            "checkpoint": Path(checkpoint).name,
            "checkpointSha256": sha256_of(checkpoint),
            "parameters": sum(p.numel() for p in net.parameters()),
        },
    }


@contextmanager
def publishing(out: str) -> Iterator[Path]:
    """A temporary folder beside `out`, whose files move there when all is written, the card last; on an error none does."""
    target = Path(out).resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        yield work
        target.mkdir(exist_ok=True)
        for file in sorted(work.iterdir(), key=lambda f: f.name == "card.json"):
            os.replace(file, target / file.name)
    finally:
        shutil.rmtree(work)


def publish_codec(out: str, card: dict, write_graphs: Callable[[Path], None]) -> None:
    """`encoder.onnx` and `decoder.onnx` as `write_graphs(folder)` makes them, and the card with their hashes."""
    with publishing(out) as folder:
        write_graphs(folder)
        files = ["encoder.onnx", "decoder.onnx"]
        head = {"format": "blindlink-codec/1", "name": Path(out).resolve().name, "encoder": files[0], "decoder": files[1]}
        _write_card(folder, {**head, **card, "sha256": {file: sha256_of(folder / file) for file in files}})


def publish_prior(out: str, card: dict, write_graph: Callable[[Path], None]) -> None:
    """`denoiser.onnx` as `write_graph(file)` makes it, and the card with its hash."""
    with publishing(out) as folder:
        write_graph(folder / "denoiser.onnx")
        head = {"format": "blindlink-prior/1", "name": Path(out).resolve().name, "network": "denoiser.onnx"}
        _write_card(folder, {**head, **card, "sha256": {"denoiser.onnx": sha256_of(folder / "denoiser.onnx")}})


def publish_features(out: str, card: dict, write_graph: Callable[[Path], dict]) -> None:
    """`network.onnx` as `write_graph(file)` makes it, and the card with its hash and the golden values that `write_graph` returns."""
    with publishing(out) as folder:
        golden = write_graph(folder / "network.onnx")
        head = {"format": "blindlink-features/1", "name": Path(out).resolve().name, "network": "network.onnx"}
        _write_card(folder, {**head, **card, "sha256": {"network.onnx": sha256_of(folder / "network.onnx")}, "golden": golden})


def _write_card(folder: Path, card: dict) -> None:
    (folder / "card.json").write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n")
