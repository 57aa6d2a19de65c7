// Takes the noise of few samples out of a traced picture: non-local means over light without the surface's colour,
// led by colour and normal of what each pixel sees first (after Rousselle, Manzi and Zwicker 2013).
#pragma once
#include <vector>
#include "vec.hpp"

struct Pixel {
  V3 light, albedo, normal;
  float variance = 0;  // of the mean of the luminance
};

inline std::vector<V3> denoise(const std::vector<Pixel>& pixels, int size, float strength) {
  const int reach = 8, patch = 1;
  const auto luma = [](V3 c) { return dot(c, {0.3f, 0.5f, 0.2f}); };
  std::vector<V3> bare(pixels.size());
  std::vector<float> variance(pixels.size());
  for (size_t i = 0; i < pixels.size(); i++) {
    const V3 a = pixels[i].albedo + grey(0.02f);
    bare[i] = {pixels[i].light.x / a.x, pixels[i].light.y / a.y, pixels[i].light.z / a.z};
  }
  // A single bright dot is a rare path: no brighter than the second brightest of its neighbours.
  const std::vector<V3> dotted = bare;
  for (int y = 1; y < size - 1; y++) {
    for (int x = 1; x < size - 1; x++) {
      float first = 0, second = 0;
      for (const int o : {-size - 1, -size, -size + 1, -1, 1, size - 1, size, size + 1}) {
        const float l = luma(dotted[static_cast<size_t>(y * size + x + o)]);
        if (l > first) {
          second = first;
          first = l;
        } else {
          second = std::max(second, l);
        }
      }
      V3& here = bare[static_cast<size_t>(y * size + x)];
      const float most = second * 1.15f, own = luma(here);
      if (own > most) here = here * (most / own);
    }
  }
  const auto inside = [&](int v) { return std::min(std::max(v, 0), size - 1); };
  // A pixel's own estimate of its variance is noisy too: that of its neighbourhood.
  for (int y = 0; y < size; y++) {
    for (int x = 0; x < size; x++) {
      float sum = 0;
      for (int b = -2; b <= 2; b++) {
        for (int a = -2; a <= 2; a++) {
          const size_t j = static_cast<size_t>(inside(y + b)) * size + inside(x + a);
          const float l = luma(pixels[j].albedo) + 0.02f;
          sum += pixels[j].variance / (l * l);
        }
      }
      variance[static_cast<size_t>(y) * size + x] = sum / 25;
    }
  }
  std::vector<V3> out(pixels.size());
  for (int y = 0; y < size; y++) {
    for (int x = 0; x < size; x++) {
      const size_t i = static_cast<size_t>(y) * size + x;
      V3 sum;
      float weights = 0;
      for (int b = -reach; b <= reach; b++) {
        for (int a = -reach; a <= reach; a++) {
          const int p = x + a, q = y + b;
          if (p < 0 || q < 0 || p >= size || q >= size) continue;
          const size_t j = static_cast<size_t>(q) * size + p;
          const V3 dn = pixels[i].normal - pixels[j].normal, da = pixels[i].albedo - pixels[j].albedo;
          const float feature = dot(dn, dn) / 0.02f + dot(da, da) / 0.01f;
          if (feature > 6) continue;
          float colour = 0;
          for (int v = -patch; v <= patch; v++) {
            for (int u = -patch; u <= patch; u++) {
              const size_t k = static_cast<size_t>(inside(y + v)) * size + inside(x + u), m = static_cast<size_t>(inside(q + v)) * size + inside(p + u);
              const float d = luma(bare[k]) - luma(bare[m]), noise = variance[k] + variance[m];
              colour += std::max(0.f, d * d - noise) / (strength * strength * noise + 1e-7f);
            }
          }
          const float w = std::exp(-feature - colour / 9);
          sum += bare[j] * w;
          weights += w;
        }
      }
      out[i] = sum / weights * (pixels[i].albedo + grey(0.02f));
    }
  }
  return out;
}
