"""Channels that a codec is trained over. σ² is the total noise variance of a complex symbol."""

from __future__ import annotations

import math

import torch
from torch import Tensor

TAPS, DECAY, SUBCARRIERS = 8, 4.0, 64


def awgn(z: Tensor, snr_db: Tensor) -> Tensor:
    """z + n with σ² = 10^(−SNR/10); z [N,...] holds real latents of mean square 1/2."""
    sigma = (0.5 * 10 ** (-snr_db / 10)).sqrt()
    return z + sigma.view(-1, *[1] * (z.dim() - 1)) * torch.randn_like(z)


def draw_taps(n: int, device: torch.device) -> Tensor:
    """[n, TAPS] complex: Rayleigh taps with exponential profile (τ = 4), of unit mean power over draws."""
    profile = torch.exp(-torch.arange(TAPS, device=device) / DECAY)
    return torch.randn(n, TAPS, dtype=torch.complex64, device=device) * (profile / profile.sum()).sqrt()


def draw_frequency_response(n: int, device: torch.device) -> Tensor:
    """[n, SUBCARRIERS] complex, of drawn taps, scaled to unit mean power per draw."""
    taps = draw_taps(n, device)
    response = torch.fft.fft(taps, n=SUBCARRIERS)
    return response / response.abs().square().mean(dim=1, keepdim=True).sqrt()


def fading_mmse(z: Tensor, snr_db: Tensor) -> Tensor:
    """Frequency-selective fading, known to the receiver, MMSE-equalised; every symbol falls on a random subcarrier.

    z [N,C,h,w], real latents; channels c and c + C/2 make one complex symbol.
    """
    n = z.shape[0]
    real, imaginary = z.flatten(1).chunk(2, dim=1)
    symbols = torch.complex(real, imaginary)
    k = symbols.shape[1]
    subcarrier = torch.randperm(k, device=z.device) % SUBCARRIERS
    response = draw_frequency_response(n, z.device)[:, subcarrier]
    variance = (10 ** (-snr_db / 10)).view(-1, 1)
    received = response * symbols + variance.sqrt() * torch.randn(n, k, dtype=torch.complex64, device=z.device)
    equalised = response.conj() * received / (response.abs().square() + variance)
    return torch.cat([equalised.real, equalised.imag], dim=1).view_as(z)


def mixed(z: Tensor, snr_db: Tensor, fading_share: float) -> Tensor:
    """The first `fading_share` of the batch over fading, the rest over AWGN."""
    split = math.floor(fading_share * z.shape[0])
    if split == 0:
        return awgn(z, snr_db)
    return torch.cat([fading_mmse(z[:split], snr_db[:split]), awgn(z[split:], snr_db[split:])])
