"""Reading training pictures.

Two sources are understood:

* a packed file ``NAME.jpegs``: uint32 count n, n uint32 byte lengths, then n JPEG files (little-endian);
* a folder of ordinary picture files (searched recursively), centre-cropped to a square and resized.
"""

from __future__ import annotations

import io
import itertools
import struct
from pathlib import Path
from typing import Iterator

import numpy as np
import torch
from PIL import Image

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".ppm"}


class PicturesError(SystemExit):
    """Pictures that cannot be had; a program that does not catch it ends with this one line and status 1."""


def _decode(raw: bytes, size: int) -> np.ndarray:
    """One encoded picture → [size, size, 3] uint8, centre-cropped to a square."""
    picture = Image.open(io.BytesIO(raw)).convert("RGB")
    if picture.size != (size, size):
        edge = min(picture.size)
        left, top = (picture.width - edge) // 2, (picture.height - edge) // 2
        picture = picture.crop((left, top, left + edge, top + edge)).resize((size, size), Image.LANCZOS)
    return np.asarray(picture)


def _packed(path: Path) -> list[bytes]:
    """The encoded pictures of a packed file, in order."""
    blob = path.read_bytes()
    (count,) = struct.unpack_from("<I", blob, 0)
    lengths = struct.unpack_from(f"<{count}I", blob, 4)
    offset = 4 + 4 * count
    if offset + sum(lengths) != len(blob):
        raise PicturesError(f"{path}: {len(blob)} bytes, but its table of contents asks for {offset + sum(lengths)}")
    pictures = []
    for length in lengths:
        pictures.append(blob[offset : offset + length])
        offset += length
    return pictures


def _encoded(paths: list[str]) -> Iterator[bytes]:
    """The encoded pictures of packed files, picture files and folders, in order."""
    for name in paths:
        path = Path(name)
        if path.is_dir():
            yield from (p.read_bytes() for p in sorted(path.rglob("*")) if p.suffix.lower() in SUFFIXES)
        elif path.suffix == ".jpegs":
            yield from _packed(path)
        elif path.is_file():
            yield path.read_bytes()
        else:
            raise PicturesError(f"{name}: no such file or folder of pictures")


def load_pictures(paths: list[str], size: int = 64, limit: int | None = None) -> torch.Tensor:
    """Pictures of all `paths` (packed files, picture files or folders) as [n, 3, size, size] uint8."""
    encoded = list(itertools.islice(_encoded(paths), limit))
    if not encoded:
        raise PicturesError(f"no pictures in {', '.join(paths)}")
    stack = np.stack([_decode(raw, size) for raw in encoded])
    return torch.from_numpy(stack).permute(0, 3, 1, 2).contiguous()


def unpack(paths: list[str], folder: Path, limit: int) -> Path:
    """Writes the first `limit` pictures of `paths`, as they are, into a folder that blindlink can read."""
    folder.mkdir(exist_ok=True)
    for i, raw in enumerate(itertools.islice(_encoded(paths), limit)):
        suffix = Image.open(io.BytesIO(raw)).format.lower()
        (folder / f"{i:05d}.{suffix}").write_bytes(raw)
    return folder


def load_photographs(paths: list[str], least: int) -> list[np.ndarray]:
    """Pictures at their own sizes, [H,W,3] uint8; those with an edge below `least` are left out."""
    pictures = [np.asarray(Image.open(io.BytesIO(raw)).convert("RGB")) for raw in _encoded(paths)]
    kept = [p for p in pictures if min(p.shape[:2]) >= least]
    if not kept:
        raise PicturesError(f"{', '.join(paths)}: no picture has both edges of {least} pixels or more")
    return kept
