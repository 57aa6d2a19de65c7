// Planks: growth rings cut lengthwise, pores, gaps, each board its own.
#pragma once
#include "noise.hpp"
#include "tracer.hpp"

/** A board floor or table in the plane, boards along x. Light and dark are the wood's colours. */
inline Material wood(float x, float z, float boardWidth, float boardLength, V3 light, V3 dark, V3& n, float gloss) {
  const int row = static_cast<int>(std::floor(z / boardWidth));
  const float shifted = x + boardLength * hash01(row, 71);
  const int column = static_cast<int>(std::floor(shifted / boardLength));
  const float own = hash01(row, column, 72), v = z - row * boardWidth, u = shifted - column * boardLength;
  // The board's place in its tree.
  const float ax = x * 0.9f + own * 37, az = v / boardWidth * 0.16f + own * 11;
  const float bend = 0.035f * fbm(ax * 1.6f, az * 4, 3, 73) + 0.010f * fbm(ax * 6, az * 20, 2, 74);
  const float ring = (az + bend) * (55 + 45 * own);
  const float saw = ring - std::floor(ring), late = smoothstep(0.35f, 0.95f, saw) * smoothstep(1.f, 0.96f, saw);
  const float fibre = fbm(x * 26, z * 900, 3, 75), pores = smoothstep(0.22f, 0.42f, fbm(x * 60, z * 1400, 2, 76));
  V3 colour = mix(light, dark, clamp(0.15f + 0.55f * late + 0.3f * fibre + 0.35f * (own - 0.5f), 0, 1));
  colour = colour * (1 - 0.35f * pores) * (0.88f + 0.24f * hash01(row, column, 77));
  const float gap = std::min(std::min(v, boardWidth - v), std::min(u, boardLength - u));
  colour = colour * mix(0.12f, 1, smoothstep(0.0004f, 0.0016f, gap));
  n = normalize(n + V3{0.01f * fbm(x * 5, z * 40, 2, 78), 0, 0.05f * fibre + 0.02f * (late - 0.5f)});
  return {Material::SOLID, colour, clamp(gloss + 0.18f * (pores + fibre), 0.05f, 1), 0.04f, 0};
}
