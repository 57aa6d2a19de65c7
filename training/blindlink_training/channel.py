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


def observed(z: Tensor, snr_db: Tensor, fading_share: float) -> tuple[Tensor, Tensor]:
    """Precision w = 2|H|²/σ² and evidence q = 2·H*Y/σ² of every real latent, H known: the first `fading_share` of the batch over
    frequency-selective fading with every symbol on a random subcarrier, the rest over AWGN.

    z [N,C,h,w], real latents; channels c and c + C/2 make one complex symbol.
    """
    n = z.shape[0]
    real, imaginary = z.flatten(1).chunk(2, dim=1)
    symbols = torch.complex(real, imaginary)
    k = symbols.shape[1]
    subcarrier = torch.randperm(k, device=z.device) % SUBCARRIERS
    response = draw_frequency_response(n, z.device)[:, subcarrier]
    response[math.floor(fading_share * n) :] = 1
    variance = (10 ** (-snr_db / 10)).view(-1, 1)
    received = response * symbols + variance.sqrt() * torch.randn(n, k, dtype=torch.complex64, device=z.device)
    precision = 2 * response.abs().square() / variance
    evidence = 2 * response.conj() * received / variance
    return torch.cat([precision, precision], dim=1).view_as(z), torch.cat([evidence.real, evidence.imag], dim=1).view_as(z)


def mixed(z: Tensor, snr_db: Tensor, fading_share: float) -> Tensor:
    """The first `fading_share` of the batch over fading and MMSE-equalised, the rest over AWGN."""
    split = math.floor(fading_share * z.shape[0])
    if split == 0:
        return awgn(z, snr_db)
    precision, evidence = observed(z[:split], snr_db[:split], 1)
    return torch.cat([evidence / (precision + 2), awgn(z[split:], snr_db[split:])])
