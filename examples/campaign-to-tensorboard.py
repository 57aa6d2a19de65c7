"""
A campaign's folder as TensorBoard event files: one run for each receiver, a scalar for each metric, the step is the point.

    pip install tensorboard tensorboardX
    python examples/campaign-to-tensorboard.py runs/moving runs/tensorboard
    tensorboard --logdir runs/tensorboard

A campaign that is still running has no points.csv yet: its frames.jsonl becomes running means, the step is the frame.
"""

import json
import sys
from collections import defaultdict
from csv import DictReader
from pathlib import Path

from tensorboardX import SummaryWriter


def points(folder: Path, out: Path) -> None:
    """Means with their intervals; the step is the point's number, its settings are the run's text."""
    rows = list(DictReader((folder / "points.csv").open()))
    settings = list(rows[0])[1 : list(rows[0]).index("receiver")]
    metrics = [name for name in rows[0] if f"{name}Low" in rows[0]]
    for receiver in {row["receiver"] for row in rows}:
        with SummaryWriter(str(out / receiver)) as writer:
            for row in (row for row in rows if row["receiver"] == receiver):
                step = int(row["point"])
                writer.add_text("settings", ", ".join(f"{name} {row[name]}" for name in settings), step)
                for metric in metrics:
                    for end in ("", "Low", "High"):
                        if row[metric + end]:
                            writer.add_scalar(f"{metric}/{end.lower() or 'mean'}", float(row[metric + end]), step)


def frames(folder: Path, out: Path) -> None:
    """Running means over the frames of each point."""
    writers = defaultdict(lambda: None)
    sums = defaultdict(lambda: (0.0, 0))
    for line in (folder / "frames.jsonl").open():
        if not line.endswith("\n"):
            break  # being written
        frame = json.loads(line)
        for receiver, report in frame["receivers"].items():
            writers[receiver] = writers[receiver] or SummaryWriter(str(out / receiver))
            for metric in ("psnrDb", "msSsim", "channelError", "evm", "throughput", "success"):
                if report.get(metric) is None:
                    continue
                key = (receiver, frame["point"], metric)
                total, count = sums[key]
                sums[key] = (total + float(report[metric]), count + 1)
                name = f"point {frame['point']}/{metric}"
                writers[receiver].add_scalar(name, sums[key][0] / sums[key][1], frame["frame"])
    for writer in writers.values():
        writer.close()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: campaign-to-tensorboard.py CAMPAIGN_FOLDER LOG_FOLDER")
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    if not (source / "campaign.json").exists():
        sys.exit(f"{source}: holds no campaign; give a folder that blindlink sweep FILE.yaml wrote")
    (points if (source / "points.csv").exists() else frames)(source, target)
