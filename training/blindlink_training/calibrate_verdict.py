"""Fit blind-em's verdict to simulated frames and write it into a codec's card.

    blindlink simulate PICTURES --receiver blind-em --json … >> frames.jsonl        (several SNRs, one start and several)
    python3 -m blindlink_training.calibrate_verdict --card ../models/faces-12/card.json frames.jsonl

Logistic regression of success (PSNR > 15 dB) on ln(χ / (1 + 0.02·SNR)), min(λ, 20) and α − 1 (docs/receivers.md), with a small ridge.
Use pictures that neither train nor judge the codec elsewhere.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

import torch

SIGN_CAP = 20.0
CODEC_DISTORTION = 0.02


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--card", required=True)
    parser.add_argument("frames", nargs="+")
    args = parser.parse_args()

    rows, labels = [], []
    for name in args.frames:
        for line in Path(name).read_text().splitlines():
            frame = json.loads(line)
            if frame["type"] != "frame" or frame["receiver"] != "blind-em":
                continue
            sign = min(frame["signLogOdds"] or 0.0, SIGN_CAP)
            residual = frame["residual"] / (1 + CODEC_DISTORTION * 10 ** (frame["snrDb"] / 10))
            rows.append([1.0, math.log(residual), sign, frame["agreeing"] / frame["starts"] - 1])
            labels.append(float(frame["success"]))
    x, y = torch.tensor(rows, dtype=torch.float64), torch.tensor(labels, dtype=torch.float64)
    weights = torch.zeros(4, dtype=torch.float64)
    ridge = torch.diag(torch.tensor([1e-6, 0.1, 0.1, 0.1], dtype=torch.float64))
    for _ in range(50):
        p = torch.sigmoid(x @ weights)
        gradient = x.T @ (y - p) - ridge @ weights
        hessian = (x * (p * (1 - p))[:, None]).T @ x + ridge
        weights = weights + torch.linalg.solve(hessian, gradient)
    p = torch.sigmoid(x @ weights)
    decoded = p >= 0.9
    names = ("intercept", "logResidual", "signLogOdds", "agreement")
    verdict = {name: round(value, 3) for name, value in zip(names, weights.tolist())}
    card_path = Path(args.card)
    card = json.loads(card_path.read_text())
    card["verdict"] = verdict
    card_path.write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n")
    print(
        json.dumps(
            {
                "frames": len(y),
                "successes": int(y.sum()),
                "verdict": verdict,
                "decodedPrecision": round((y[decoded].mean()).item(), 4),
                "decodedRecall": round((decoded & (y > 0)).sum().item() / y.sum().item(), 4),
            }
        )
    )


if __name__ == "__main__":
    main()
