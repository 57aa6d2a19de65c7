"""What makes a decoded picture look better in training: LPIPS, and a discriminator of patches that is trained beside it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .features import load_distance
from .loop import set_rate

# Shares of a training after which the discriminator begins to learn and to be heard.
JUDGE_LEARNS, JUDGE_SPEAKS = 0.1, 0.2


class Discriminator(nn.Module):
    """pictures [N,3,H,W] in [0,1], and the SNR in dB [N] → realness of patches [N,1,H/8,W/8]; spectrally normalised."""

    def __init__(self, width: int = 48) -> None:
        super().__init__()
        norm = nn.utils.spectral_norm
        widths = (4, width, 2 * width, 4 * width)
        self.layers = nn.ModuleList(norm(nn.Conv2d(a, b, 4, stride=2, padding=1)) for a, b in zip(widths, widths[1:]))
        self.out = norm(nn.Conv2d(widths[-1], 1, 3, padding=1))

    def forward(self, picture: Tensor, snr_db: Tensor) -> Tensor:
        plane = (snr_db / 10 - 0.7).view(-1, 1, 1, 1).expand(-1, 1, *picture.shape[2:])
        x = torch.cat([2 * picture - 1, plane], dim=1)
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.2)
        return self.out(x)


def shifted(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Both pictures from a random pixel within 4×4 on, and stretched by up to a quarter: LPIPS' strides would else leave a grid that
    they never see."""
    top, left = torch.randint(4, (2,)).tolist()
    height, width = x.shape[2] - 4, x.shape[3] - 4
    scale = float(torch.empty(()).uniform_(1, 1.25))
    size = (round(scale * height), round(scale * width))
    pair = torch.cat([x, y])[:, :, top : top + height, left : left + width]
    a, b = F.interpolate(pair, size, mode="bilinear", align_corners=False).chunk(2)
    return a, b


class PerceptualLoss:
    """a·LPIPS(x, y) − g·D(y) of pictures x decoded as y, both [N,3,H,W] in [0,1].

    LPIPS on SqueezeNet 1.1, D a discriminator of patches trained beside it by the hinge loss (Lim and Ye, 2017) with pictures as they are.
    `parts` are what a checkpoint keeps of it.
    """

    def __init__(self, backbone: str, weights: str, lpips: float, adversarial: float, lr: float, device: torch.device) -> None:
        self.lpips_weight, self.adversarial, self.lr, self.device = lpips, adversarial, lr, device
        self.lpips = load_distance("lpips-squeeze", backbone, weights).to(device).eval().requires_grad_(False)
        self.judge = Discriminator().to(device, memory_format=torch.channels_last)
        self.rival = torch.optim.AdamW(self.judge.parameters(), lr=lr, betas=(0.5, 0.98), weight_decay=1e-4)
        self.parts: dict[str, nn.Module | torch.optim.Optimizer] = {"judge": self.judge, "rival": self.rival}

    def of(self, x: Tensor, y: Tensor, snr_db: Tensor, progress: float) -> Tensor:
        """The mean over a batch, after the share `progress` of a training; the discriminator is heard from a fifth on."""
        with torch.autocast(self.device.type, dtype=torch.bfloat16):
            distance = self.lpips(*shifted(x, y)).float().mean()
            if progress <= JUDGE_SPEAKS or self.adversarial == 0:
                return self.lpips_weight * distance
            realness = self.judge(y, snr_db).float().mean()
        return self.lpips_weight * distance - self.adversarial * realness

    def learn(self, x: Tensor, y: Tensor, snr_db: Tensor, step: int, progress: float) -> None:
        """One step of the discriminator, from a tenth of a training on."""
        if progress <= JUDGE_LEARNS or self.adversarial == 0:
            return
        set_rate(self.rival, self.lr, step, progress)
        with torch.autocast(self.device.type, dtype=torch.bfloat16):
            real, fake = self.judge(x, snr_db).float(), self.judge(y.detach(), snr_db).float()
        self.rival.zero_grad(set_to_none=True)
        (F.relu(1 - real).mean() + F.relu(1 + fake).mean()).backward()
        self.rival.step()
