"""Golden values of the 5G NR LDPC code, for test/unit/fec/nr-ldpc.golden.test.ts.

    pip install numpy && pip download sionna --no-deps && unzip sionna-*.whl
    python3 test/golden/nr-ldpc.py sionna/phy/fec/ldpc/codes > test/golden/nr-ldpc.json
    python3 test/golden/nr-ldpc.py sionna/phy/fec/ldpc/codes --tables > src/fec/base-graph-tables.ts

The exponents are those of TS 38.212, tables 5.3.2-2 and 5.3.2-3, as an independent implementation has them. Codewords come
from Gaussian elimination of the whole parity-check matrix, not from the structure that an encoder uses.
"""

import csv
import hashlib
import json
import sys
from pathlib import Path

import numpy as np

LIFTING = [[a << j for j in range(9) if a << j <= 384] for a in (2, 3, 5, 7, 9, 11, 13, 15)]


def read_graph(path: Path) -> list[tuple[int, int, list[int]]]:
    """(row, column, exponents of the eight sets) of every edge."""
    edges, row = [], 0
    for i, line in enumerate(csv.reader(path.open(), delimiter=";")):
        if i < 2:
            continue
        if line[0] != "":
            row = int(line[0])
        edges.append((row, int(line[1]), [int(v) for v in line[2:10]]))
    return edges


def parity_checks(edges: list[tuple[int, int, list[int]]], z: int, rows: int, columns: int) -> np.ndarray:
    index = next(i for i, sizes in enumerate(LIFTING) if z in sizes)
    h = np.zeros((rows * z, columns * z), np.uint8)
    for row, column, exponents in edges:
        shift = exponents[index] % z
        for i in range(z):
            h[row * z + i, column * z + (i + shift) % z] ^= 1
    return h


def solve(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    """x of A x = b over GF(2), A square and regular."""
    n = len(matrix)
    rows = np.packbits(np.concatenate([matrix, right[:, None]], axis=1), axis=1)
    for i in range(n):
        byte, bit = i >> 3, 0x80 >> (i & 7)
        pivot = i + int(np.flatnonzero(rows[i:, byte] & bit)[0])
        rows[[i, pivot]] = rows[[pivot, i]]
        others = (rows[:, byte] & bit) != 0
        others[i] = False
        rows[others] ^= rows[i]
    return np.unpackbits(rows, axis=1)[:, n]


def bits_of(seed: int, count: int) -> np.ndarray:
    """Bit 31 of a linear congruential generator (Numerical Recipes): both sides can make it."""
    out = np.empty(count, np.uint8)
    state = seed
    for i in range(count):
        state = (1664525 * state + 1013904223) & 0xFFFFFFFF
        out[i] = state >> 31
    return out


def encode(edges: list[tuple[int, int, list[int]]], bg: int, z: int, info: np.ndarray) -> np.ndarray:
    rows, columns, systematic = (46, 68, 22) if bg == 1 else (42, 52, 10)
    h = parity_checks(edges, z, rows, columns)
    product = lambda part, word: (part[:, np.flatnonzero(word)].sum(axis=1, dtype=np.int64) % 2).astype(np.uint8)
    right = product(h[:, : systematic * z], info)
    core = 4 * z
    parity = solve(h[:core, systematic * z : systematic * z + core], right[:core])
    rest = right[core:] ^ product(h[core:, systematic * z : systematic * z + core], parity)
    codeword = np.concatenate([info, parity, rest])
    assert not np.any(product(h, codeword))
    return codeword


def with_crc(bits: np.ndarray, polynomial: list[int]) -> np.ndarray:
    """Long division of the bits, moved up, by the polynomial with these exponents."""
    degree = polynomial[0]
    rest = np.concatenate([bits, np.zeros(degree, np.uint8)])
    divisor = np.zeros(degree + 1, np.uint8)
    divisor[[degree - e for e in polynomial]] = 1
    for i in range(len(bits)):
        if rest[i]:
            rest[i : i + degree + 1] ^= divisor
    return np.concatenate([bits, rest[-degree:]])


CRC24A = [24, 23, 18, 17, 14, 11, 10, 7, 6, 5, 4, 3, 1, 0]
CRC24B = [24, 23, 6, 5, 1, 0]
CRC16 = [16, 12, 5, 0]


def transport_block(graphs: dict, info: np.ndarray, rate: float, coded: int, order: int) -> np.ndarray:
    """TS 38.212, 7.2.1 to 7.2.6 with redundancy version 0."""
    size = len(info)
    bg = 2 if size <= 292 or (size <= 3824 and rate <= 0.67) or rate <= 0.25 else 1
    block = with_crc(info, CRC24A if size > 3824 else CRC16)
    limit = 8448 if bg == 1 else 3840
    count = 1 if len(block) <= limit else -(-len(block) // (limit - 24))
    parts = np.split(block, count)
    if count > 1:
        parts = [with_crc(part, CRC24B) for part in parts]
    k_real = len(parts[0])
    kb = 22 if bg == 1 else next(n for least, n in ((640, 10), (560, 9), (192, 8), (0, 6)) if len(block) > least)
    z = min(s for sizes in LIFTING for s in sizes if kb * s >= k_real)
    k = (22 if bg == 1 else 10) * z
    out = []
    for r, part in enumerate(parts):
        word = encode(graphs[bg], bg, z, np.concatenate([part, np.zeros(k - k_real, np.uint8)])).astype(np.int8)
        word[k_real:k] = -1
        buffer = word[2 * z :]
        symbols = coded // order
        length = order * (symbols // count if r < count - symbols % count else -(-symbols // count))
        kept = buffer[buffer >= 0]
        sent = np.resize(kept, length).astype(np.uint8)
        out.append(sent.reshape(order, -1).T.reshape(-1))
    return np.concatenate(out)


def main(folder: Path, tables: bool) -> None:
    graphs = {1: read_graph(folder / "5G_bg1.csv"), 2: read_graph(folder / "5G_bg2.csv")}
    if tables:
        print("/**\n * Exponents V of the base graphs, TS 38.212 tables 5.3.2-2 and 5.3.2-3, one row of the graph a line:")
        print(" * `column:` and V for the sets of lifting sizes 0 to 7. Written by test/golden/nr-ldpc.py.\n */")
        for bg, edges in graphs.items():
            print(f"export const baseGraph{bg}Table = `")
            for row in range(max(e[0] for e in edges) + 1):
                print(" ".join(f"{c}:{','.join(map(str, v))}" for r, c, v in edges if r == row))
            print("`;" + ("\n" if bg == 1 else ""))
        return
    golden: dict = {"edges": {}, "codewords": [], "transportBlocks": []}
    for bg, edges in graphs.items():
        text = "".join(f"{r};{c};{';'.join(map(str, v))}\n" for r, c, v in sorted(edges))
        golden["edges"][bg] = {"count": len(edges), "sha256": hashlib.sha256(text.encode()).hexdigest()}
    for bg, z in [(1, 2), (1, 7), (1, 30), (1, 52), (1, 104), (2, 2), (2, 3), (2, 13), (2, 26), (2, 64), (2, 88), (2, 144), (2, 240)]:
        codeword = encode(graphs[bg], bg, z, bits_of(100 * bg + z, (22 if bg == 1 else 10) * z))
        golden["codewords"].append({"bg": bg, "z": z, "sha256": hashlib.sha256(codeword.tobytes()).hexdigest()})
    for size, rate, coded, order in [(24, 0.3, 96, 2), (288, 0.9, 324, 6), (1000, 0.5, 2004, 4), (3824, 0.8, 4800, 2), (3848, 0.3, 12800, 4), (8424, 0.7, 12036, 6), (17424, 0.5, 34912, 8), (7656, 0.2, 38004, 2)]:
        sent = transport_block(graphs, bits_of(size, size), rate, coded, order)
        digest = hashlib.sha256(sent.tobytes()).hexdigest()
        golden["transportBlocks"].append({"payload": size, "rate": rate, "coded": coded, "bitsPerSymbol": order, "sha256": digest})
    print(json.dumps(golden, indent=1))


main(Path(sys.argv[1]), "--tables" in sys.argv)
