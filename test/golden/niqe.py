"""Golden values of NIQE from pyiqa, given our model (src/metrics/niqe-model.ts), for test/unit/metrics/niqe.test.ts.

    pip install torch scipy && pip install --no-deps pyiqa && python3 test/golden/niqe.py > test/golden/niqe.json

Pictures are the textures of picture-metrics.py, wider than high.
"""

import importlib.util
import json
import re
import sys
import types
from pathlib import Path

import numpy as np
import torch

# pyiqa imports every metric with all that they need; NIQE itself needs torch and scipy.
root = Path(importlib.util.find_spec("pyiqa").origin).parent
for name in ("pyiqa", "pyiqa.utils", "pyiqa.archs"):
    package = types.ModuleType(name)
    package.__path__ = [str(root.joinpath(*name.split(".")[1:]))]
    sys.modules[name] = package
sys.modules["pyiqa.utils.download_util"] = types.SimpleNamespace(load_file_from_url=None)
sys.modules["pyiqa.archs.fsim_arch"] = types.SimpleNamespace(_construct_filters=None)
sys.modules["pyiqa.archs.arch_util"] = types.SimpleNamespace(get_url_from_name=lambda name: name)

from pyiqa.archs.niqe_arch import calculate_niqe  # noqa: E402

HEIGHT, WIDTH = 200, 300


def texture(shift: float, noise: float) -> np.ndarray:
    """[3, HEIGHT, WIDTH] in [0, 1]."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float64)
    planes = [
        0.5
        + 0.25 * np.sin(x / (3 + c) + shift * np.cos(y / 9)) * np.cos(y / 5 + c)
        + 0.2 * np.sin((x * y) % 17) * (0.5 + 0.5 * np.sin(x / 31))
        + noise * np.sin(((x + 1) * (y + 3) * 12.9898) % 78.233)
        for c in range(3)
    ]
    return np.clip(np.stack(planes), 0, 1).astype(np.float32)


def model() -> tuple[np.ndarray, np.ndarray]:
    text = Path("src/metrics/niqe-model.ts").read_text()
    mean, upper = ([float(v) for v in re.findall(r"[-\d.e]+", part)] for part in re.findall(r"\[([^\]]*)\]", text.split("= {")[1]))
    covariance = np.zeros((36, 36))
    covariance[np.triu_indices(36)] = upper
    return np.array(mean), covariance + np.triu(covariance, 1).T


mean, covariance = (torch.from_numpy(v) for v in model())
print(
    json.dumps(
        [
            float(calculate_niqe(torch.from_numpy(texture(*arguments))[None], mu_pris_param=mean[None], cov_pris_param=covariance[None]))
            for arguments in [(0, 0), (0.4, 0), (0.4, 0.1), (3, 0.3)]
        ]
    )
)
