"""Golden values of picture metrics from public implementations, for test/unit/metrics/golden.test.ts.

    pip install scikit-image pytorch-msssim piq && python3 test/golden/picture-metrics.py > test/golden/picture-metrics.json

Pictures are formulas, so that both sides make the same ones: luma-like textures of sines, and the same with a smooth error.
"""

import json

import numpy as np
import torch
from piq.brisque import _natural_scene_statistics
from pytorch_msssim import ms_ssim
from skimage.metrics import peak_signal_noise_ratio, structural_similarity


def texture(edge: int, shift: float) -> np.ndarray:
    """[3, edge, edge] in [0, 1]."""
    y, x = np.mgrid[0:edge, 0:edge].astype(np.float64)
    planes = [
        0.5 + 0.25 * np.sin(x / (3 + c) + shift * np.cos(y / 9)) * np.cos(y / 5 + c) + 0.2 * np.sin((x * y) % 17) * (0.5 + 0.5 * np.sin(x / 31))
        for c in range(3)
    ]
    return np.clip(np.stack(planes), 0, 1).astype(np.float32)


small = [texture(64, 0), texture(64, 0.4)]
grey = [np.repeat(texture(256, s)[:1], 3, axis=0) for s in (0, 0.4)]
luma = torch.from_numpy(grey[0][:1])[None].double() * 255
features = _natural_scene_statistics(luma, kernel_size=7, sigma=7 / 6)[0].tolist()
print(
    json.dumps(
        {
            "psnrDb": float(peak_signal_noise_ratio(*small, data_range=1)),
            "ssim": float(
                structural_similarity(*small, channel_axis=0, data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False)
            ),
            "msSsim": float(ms_ssim(*(torch.from_numpy(g)[None] for g in grey), data_range=1)),
            "naturalness": features,
        },
        indent=2,
    )
)
