"""Random checkpoints with given names and shapes, and what PyTorch makes of them.

    python3 test/golden/public-checkpoints.py make SPEC OUT.pt      SPEC: JSON, name → shape or {"values": [integers]}
    python3 test/golden/public-checkpoints.py fit MODEL SPEC        prints the parameters of a network of exactly these tensors
    python3 test/golden/public-checkpoints.py run MODEL CHECKPOINT OUT   writes inputs and outputs as OUT/NAME.npy

MODEL is adjscc, deepjscc, ntscc, swinjscc:VARIANT:CHANNELS, or (fit) adm:PRESET and (run) adm-small.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "training"))
from blindlink_training import adjscc, adm, checkpoint, deepjscc, ntscc, swinjscc  # noqa: E402

ADM_SMALL = dict(model_channels=32, num_res_blocks=1, channel_mult=(1, 2), attention_factors=(2,), num_heads=2)
ETA = 0.03


def random_tensor(name: str, shape: list[int]) -> Tensor:
    """Weights of layers keep the size of what goes through them; scales are near 1, shifts near 0."""
    noise = torch.randn(shape)
    if len(shape) == 1:
        return 1 + 0.1 * noise.abs() if name.endswith(("weight", "beta")) else 0.1 * noise
    if name.endswith("gamma"):
        return 0.1 * noise.abs() + 0.3 * torch.eye(shape[0])
    return noise / noise[0].numel() ** 0.5


def state_of(spec: str) -> dict[str, Tensor]:
    entries = json.loads(Path(spec).read_text()).items()
    return {name: torch.tensor(v["values"]) if isinstance(v, dict) else random_tensor(name, v) for name, v in entries}


def network(model: str, state: dict[str, Tensor], path: str) -> nn.Module:
    kind, *rest = model.split(":")
    if kind == "swinjscc":
        return swinjscc.build(state, path, rest[0])
    if kind.startswith("adm"):
        net = adm.AdmUnet(**(ADM_SMALL if kind == "adm-small" else adm.PRESETS[rest[0]]))
        checkpoint.load_strictly(net, state, path, model)
        return net.eval()
    return {"adjscc": adjscc, "deepjscc": deepjscc, "ntscc": ntscc}[kind].build(state, path)


def outputs(model: str, net: nn.Module) -> dict[str, Tensor]:
    """Graph inputs and outputs: latents_hat is what the link hands the decoder of an unmasked codec."""
    kind, *rest = model.split(":")
    snr_db = torch.tensor([3.0, 11.0])
    if kind == "adm-small":
        noisy, timesteps = torch.randn(2, 3, 32, 64), torch.tensor([100.0, 700.0])
        return {"noisy": noisy, "timesteps": timesteps, "prediction": net(noisy, timesteps)}
    if kind == "deepjscc":
        picture, latents_hat = torch.rand(2, 3, 48, 24), torch.randn(2, net.latent_channels, 5, 7) * 0.5**0.5
        picture_hat = net.decoder(latents_hat * 2**0.5)
        return dict(picture=picture, latents=net.encoder(picture), latents_hat=latents_hat, picture_hat=picture_hat)
    if kind == "adjscc":
        picture, latents_hat = torch.rand(2, 3, 48, 24), torch.randn(2, net.latent_channels, 5, 7) * 0.5**0.5
        latents, picture_hat = net.jscc_encoder(picture, snr_db), net.jscc_decoder(latents_hat, snr_db)
        return dict(picture=picture, snr_db=snr_db, latents=latents, latents_hat=latents_hat, picture_hat=picture_hat)
    if kind == "ntscc":
        # 128 rows are fewer than the smallest features' window at a down-sampling of 64.
        picture = torch.rand(2, 3, 128, 256)
        latents, mask = net.encode(picture, ETA)
        return dict(picture=picture, latents=latents, mask=mask, picture_hat=net.decode(latents, mask))
    channels = int(rest[1])
    picture = torch.rand(2, 3, 32, 48)
    latents, worth = net.encode(picture, snr_db, channels)
    best = worth.sort(dim=1, descending=True).indices[:, :channels]
    mask = torch.zeros_like(worth).scatter(1, best, 1.0)[:, :, None, None].expand_as(latents)
    sent = latents * mask
    return dict(picture=picture, snr_db=snr_db, latents=sent, mask=mask, picture_hat=net.decode(sent, snr_db))


@torch.no_grad()
def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(5)
    verb, model, *rest = sys.argv[1:]
    if verb == "make":
        torch.save({"state_dict": state_of(model)}, rest[0])
    elif verb == "fit":
        with FakeTensorMode():
            net = network(model, state_of(rest[0]), "full size")
        print(sum(p.numel() for p in net.parameters()))
    else:
        net = network(model, checkpoint.read_state(rest[0]), rest[0])
        for name, value in outputs(model, net).items():
            np.save(Path(rest[1]) / f"{name}.npy", np.ascontiguousarray(value.numpy()))


if __name__ == "__main__":
    main()
