"""A short Blind-DiffCom trajectory (arXiv 2406.07390, algorithm 3) as a plain PyTorch loop, for test/unit/receiver/blind-diffcom.test.ts.

    python3 test/golden/blind-diffcom.py > test/golden/blind-diffcom.json

Pictures are N(0.2, 0.3²) a pixel, so that the denoiser is a formula; the encoder is space-to-depth by 2, a 1×1 convolution and tanh; 32
cells, two taps. Everything is written from the algorithm, with autograd; nothing is shared with the code under test but this set-up.
"""

import json
import math

import torch

torch.set_default_dtype(torch.float64)
MEAN, SPREAD = 0.2, 0.3
EDGE, N, SYMBOLS, TAPS, STEPS, T = 8, 16, 2, 2, 6, 1000
NOISE = 0.01
PROFILE = torch.tensor([math.exp(-l / 4) for l in range(TAPS)])
PROFILE = PROFILE / PROFILE.sum()
WEIGHT = torch.tensor([[math.cos(1.7 * o + 0.9 * i + 0.3 * o * i) / 2 for i in range(12)] for o in range(4)])


class Draws:
    """The same numbers in both languages; not normal, which the algorithm does not care about."""

    def __init__(self, stream):
        self.stream, self.k = stream, 0

    def __call__(self, count):
        out = [math.sqrt(2) * math.sin(12.9898 * (self.k + i + 1) + 78.233 * self.stream) for i in range(count)]
        self.k += count
        return torch.tensor(out)

    def complex(self, count):
        pairs = self(2 * count).view(count, 2) / math.sqrt(2)
        return torch.complex(pairs[:, 0], pairs[:, 1])


def space_to_depth(x):
    """ONNX SpaceToDepth of block 2: channel (dy·2 + dx)·3 + c."""
    c, h, w = x.shape
    return x.view(c, h // 2, 2, w // 2, 2).permute(2, 4, 0, 1, 3).reshape(4 * c, h // 2, w // 2)


def encoded(x):
    """x [3,8,8] in [−1,1] → latents [4,4,4]; the codec's pictures are in [0,1]."""
    return torch.tanh(torch.einsum("oi,ihw->ohw", WEIGHT, space_to_depth((x + 1) / 2)))


def codeword(x, power=None):
    """32 complex symbols of mean power 1, or scaled by the power of other latents."""
    latents = encoded(x)
    latents = latents * (0.5 / (latents.square().mean() if power is None else power)).sqrt()
    return torch.complex(latents[:2].flatten(), latents[2:].flatten())


def decoded(z):
    """32 complex symbols → a picture in [−1,1], not clipped: 1×1 convolution, ONNX DepthToSpace of block 2 (depth, column, row)."""
    latents = torch.cat([z.real, z.imag]).view(4, 4, 4)
    weight = torch.tensor([[math.cos(1.7 * i + 0.9 * o) / 4 for i in range(4)] for o in range(12)])
    y = torch.einsum("oi,ihw->ohw", weight, latents)
    return 2 * y.view(2, 2, 3, 4, 4).permute(2, 3, 0, 4, 1).reshape(3, 8, 8) - 1


def response_of(h):
    bins = torch.arange(N).repeat(SYMBOLS)
    return sum(h[l] * torch.exp(torch.complex(torch.zeros(()), -2 * math.pi * bins * l / N)) for l in range(TAPS))


def expected(z, h):
    return response_of(h) * z


def equalised(y, response):
    return response.conj() * y / (response.abs().square() + NOISE)


betas = [1e-4 + (0.02 - 1e-4) * t / (T - 1) for t in range(T)]
alpha_bar = [1.0]
for b in betas:
    alpha_bar.append(alpha_bar[-1] * (1 - b))


def run(variant, y, zeta_x, zeta_h, gamma=0.0, power=None):
    if variant == "normalised":
        zeta_x, zeta_h, gamma = zeta_x * math.sqrt(y.numel()), zeta_h / math.sqrt(y.numel()), gamma * math.sqrt(3 * EDGE * EDGE)
    draws, channel_draws = Draws(1), Draws(2)
    x = draws(3 * EDGE * EDGE).view(3, EDGE, EDGE)
    h = channel_draws.complex(TAPS)
    times = [round(T - (T - 1) * i / (STEPS - 1)) for i in range(STEPS)]
    for i, t in enumerate(times):
        s = times[i + 1] if i + 1 < STEPS else 0
        a, before = alpha_bar[t], alpha_bar[s]
        x_t, h_t = x.clone().requires_grad_(), h.clone().requires_grad_()
        sigma2 = (1 - a) / a
        clean = (MEAN + SPREAD**2 / (SPREAD**2 + sigma2) * (x_t / math.sqrt(a) - MEAN)).clamp(-1, 1)
        if variant == "paper":
            taps = math.sqrt(a) * PROFILE / (a * PROFILE + 1 - a) * h_t
        else:
            taps = (h_t - math.sqrt(1 - a) * h_t) / a
        received = expected(codeword(clean, power), taps)
        loss = (y - received).abs().square().sum().sqrt()
        if gamma > 0:
            response = response_of(taps.detach())
            target = decoded(equalised(y, response)).clamp(-1, 1)
            loss = loss + gamma / zeta_x * (decoded(equalised(received, response)) - target).square().sum().sqrt()
        g_x, g_h = torch.autograd.grad(loss, [x_t, h_t])
        # q(x_s | x_t, x̂₀) of DDPM, between the visited times
        alpha = a / before
        beta = 1 - alpha
        mean = lambda now, zero: math.sqrt(before) * beta / (1 - a) * zero + math.sqrt(alpha) * (1 - before) / (1 - a) * now
        noise = math.sqrt(beta * (1 - before) / (1 - a))
        fade = 1 if variant == "paper" else (STEPS - i) / STEPS
        fresh = noise * draws(3 * EDGE * EDGE).view(3, EDGE, EDGE) if noise > 0 else 0
        x = mean(x_t, clean).detach() + fresh - fade * zeta_x * g_x
        spread = noise if variant == "paper" else noise**2
        h = mean(h_t, taps).detach() + spread * channel_draws.complex(TAPS) - fade * zeta_h * g_h
        if gamma > 0 and i >= STEPS / 2:
            # The posterior mean of h ~ CN(0, P) given what was sent and y = Ah + CN(0, s²).
            symbols = codeword(clean).detach()
            a_matrix = torch.stack([symbols * response_of(torch.eye(TAPS, dtype=torch.complex128)[l]) for l in range(TAPS)], 1)
            s2 = max(NOISE, (y - received).detach().abs().square().mean().item())
            gram = a_matrix.conj().T @ a_matrix / s2 + torch.diag(1 / PROFILE).to(torch.complex128)
            h = torch.linalg.solve(gram, a_matrix.conj().T @ y / s2) * (1 + math.sqrt(1 - before))
    return {"picture": ((x + 1) / 2).clamp(0, 1).flatten().tolist(), "taps": {"re": h.real.tolist(), "im": h.imag.tolist()}}


sent = torch.tensor([0.2 + 0.6 * math.sin(0.37 * i) for i in range(3 * EDGE * EDGE)]).view(3, EDGE, EDGE)
truth = torch.tensor([0.8 - 0.3j, -0.2 + 0.4j])
y = expected(codeword(sent), truth) + math.sqrt(NOISE) * Draws(3).complex(N * SYMBOLS)
rounded = lambda o: {k: rounded(v) for k, v in o.items()} if isinstance(o, dict) else [round(v, 7) for v in o]
print(
    json.dumps(
        {
            "received": rounded({"re": y.real.tolist(), "im": y.imag.tolist()}),
            "paper": rounded(run("paper", y, 0.3, 0.1)),
            "reference": rounded(run("reference", y, 1.0, 0.2)),
            "normalised": rounded(run("normalised", y, 0.125, 0.5)),
            "told": rounded(run("normalised", y, 0.125, 0.5, power=encoded(sent).square().mean())),
            "confirmed": rounded(run("normalised", y, 0.125, 0.5, gamma=0.005)),
        }
    )
)
