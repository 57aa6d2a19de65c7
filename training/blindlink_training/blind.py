"""A differentiable pilot-free receiver, for codecs that are trained through an unknown channel.

EM over the codeword as in docs/receivers.md, a few passes from one start: the codeword's prior is
N(m, UΛUᵀ + diag ψ), the taps' posterior Gaussian in closed form. Gradients flow through every pass to what was sent, so
the codeword learns to carry its own reference: what of it is alike in every picture becomes the mean m. The prior
itself follows the codec without gradient.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .channel import DECAY, SUBCARRIERS, TAPS, draw_frequency_response

LEAST_EIGENVALUE, LEAST_VARIANCE = 1e-3, 1e-3
HOTTEST = 30.0
# What a refiner leaves of the E-step's error, as an amplitude, and in how many of the last passes it is at work.
REFINED, REFINED_PASSES = 0.6, 2


@dataclass
class CodewordPrior:
    """Second-order statistics of n real latents: mean [n], basis U [n,r], eigenvalues Λ [r], left-over variance ψ [n]."""

    mean: Tensor
    basis: Tensor
    eigenvalues: Tensor
    variance: Tensor

    @staticmethod
    @torch.no_grad()
    def of(codewords: Tensor, rank: int) -> CodewordPrior:
        """From codewords [N,n]."""
        mean = codewords.mean(dim=0)
        centred = codewords - mean
        _, singular, basis = torch.svd_lowrank(centred, q=rank + 8, niter=2)
        eigenvalues = (singular[:rank].square() / len(codewords)).clamp_min(LEAST_EIGENVALUE)
        basis = basis[:, :rank].contiguous()
        explained = (basis.square() * eigenvalues).sum(dim=1)
        variance = (centred.square().mean(dim=0) - explained).clamp_min(LEAST_VARIANCE)
        return CodewordPrior(mean, basis, eigenvalues, variance)

    @torch.no_grad()
    def follow(self, codewords: Tensor, rate: float = 0.02) -> None:
        """Moves the mean towards that of codewords [N,n]."""
        self.mean.lerp_(codewords.mean(dim=0), rate)

    def mean_power(self) -> float:
        """The share of the codeword's power that is its mean's: what serves as reference."""
        return (self.mean.square().mean() / 0.5).item()

    def ordered(self, order: Tensor) -> CodewordPrior:
        return CodewordPrior(self.mean[order], self.basis[order], self.eigenvalues, self.variance[order])


def expect_codeword(precision: Tensor, evidence: Tensor, prior: CodewordPrior) -> tuple[Tensor, Tensor]:
    """E-step. Precision w and evidence q [N,n] of the real latents → posterior mean and variance [N,n]."""
    m, u, psi = prior.mean, prior.basis, prior.variance
    damped = 1 + precision * psi
    g = precision / damped
    t = (evidence - precision * m) / damped
    system = u.T @ (g[:, :, None] * u) + torch.diag(1 / prior.eigenvalues)
    factor = torch.linalg.cholesky(system)
    a = torch.cholesky_solve((t @ u)[:, :, None], factor)[:, :, 0]
    centre = m + a @ u.T
    p = 1 / (1 / psi + precision)
    # ‖F⁻¹uᵀ‖² over the rows of U is diag(U·system⁻¹·Uᵀ).
    spread = torch.linalg.solve_triangular(factor, u.T.expand(len(g), -1, -1), upper=False).square().sum(dim=1)
    return centre + p * (evidence - precision * centre), p + (p / psi).square() * spread


class TapEstimator:
    """The taps' posterior under h_l ~ CN(0, p_l): Σ = (Fᴴ diag(e) F/s² + P⁻¹)⁻¹, μ = Σ Fᴴ b/s², as a frequency response."""

    def __init__(self, device: torch.device) -> None:
        profile = torch.exp(-torch.arange(TAPS, device=device) / DECAY)
        self.precision = torch.diag(profile.sum() / profile).to(torch.complex64)
        turns = torch.outer(torch.arange(SUBCARRIERS, device=device), torch.arange(TAPS, device=device)) / SUBCARRIERS
        self.dft = torch.polar(torch.ones_like(turns), -2 * torch.pi * turns)

    def __call__(self, energy: Tensor, cross: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
        """energy Σ_s E|x|² and cross Σ_s E[x]*·y, both [N,M], s² [N,1] → response [N,M] and its variance [N,M]."""
        weighted = (energy / variance).to(torch.complex64)[:, :, None] * self.dft
        system = self.dft.conj().T @ weighted + self.precision
        covariance = torch.linalg.inv(system)
        taps = (covariance @ (self.dft.conj().T @ (cross / variance)[:, :, None]))[:, :, 0]
        spread = torch.einsum("ml,nlk,mk->nm", self.dft, covariance, self.dft.conj()).real
        return taps @ self.dft.T, spread


def through_unknown_channel(z: Tensor, snr_db: Tensor, prior: CodewordPrior, passes: int = 5) -> tuple[Tensor, Tensor]:
    """Codewords z [N,C,h,w] over Rayleigh multipath that the receiver must find out → equalised latents, channel error [N].

    The error is ‖Ĥ − H‖²/‖H‖². A receiver has a refiner, which needs a codec that is finished; here the last passes get what
    one would add, the E-step's error made smaller: where the passes before went astray, that does not save them. Symbols fall on random subcarriers; C·h·w/2 must be a multiple of SUBCARRIERS.
    """
    n, k = len(z), z[0].numel() // 2
    order = torch.randperm(k, device=z.device)
    real, imaginary = z.float().flatten(1).chunk(2, dim=1)
    sent = torch.complex(real, imaginary)[:, order].view(n, -1, SUBCARRIERS)
    response = draw_frequency_response(n, z.device)
    noise = 10 ** (-snr_db / 10).view(-1, 1)
    y = response[:, None] * sent + noise.sqrt()[:, :, None] * torch.randn(sent.shape, dtype=torch.complex64, device=z.device)

    prior = prior.ordered(torch.cat([order, order + k]))
    estimate = TapEstimator(z.device)
    mean = torch.complex(*prior.mean.chunk(2)).view(1, -1, SUBCARRIERS)
    energy = mean.abs().square().sum(dim=1).expand(n, -1)
    found, spread = estimate(energy, (mean.conj() * y).sum(dim=1), noise + 1)
    for i in range(passes):
        variance = noise * max(1.0, HOTTEST * (1 - i / (0.6 * passes)))
        w = (2 / variance * (found.abs().square() + spread))[:, None].expand(-1, y.shape[1], -1).flatten(1)
        q = (2 / variance[:, :, None] * found.conj()[:, None] * y).flatten(1)
        expected, uncertainty = expect_codeword(torch.cat([w, w], 1), torch.cat([q.real, q.imag], 1), prior)
        if i >= passes - REFINED_PASSES:
            true = torch.cat([sent.real.flatten(1), sent.imag.flatten(1)], dim=1)
            expected, uncertainty = true + REFINED * (expected - true), REFINED**2 * uncertainty
        # Parameter-expanded EM: a codeword has mean power 1, so amplitude that the estimate lacks is the channel's.
        scale = ((expected.square() + uncertainty).mean(dim=1, keepdim=True) / 0.5).sqrt()
        expected, uncertainty = expected / scale, uncertainty / scale.square()
        x = torch.complex(*expected.chunk(2, dim=1)).view_as(y)
        energy = (x.abs().square() + sum(uncertainty.chunk(2, dim=1)).view(y.shape)).sum(dim=1)
        found, spread = estimate(energy, (x.conj() * y).sum(dim=1), variance)

    equalised = (found.conj()[:, None] * y / (found.abs().square() + spread + noise)[:, None]).flatten(1)
    back = torch.empty_like(equalised)
    back[:, order] = equalised
    error = (found - response).abs().square().sum(dim=1) / response.abs().square().sum(dim=1)
    return torch.cat([back.real, back.imag], dim=1).view_as(z), error
