// Noise by hashing of lattice points: the same numbers everywhere, no tables, no state.
#pragma once
#include "vec.hpp"

inline uint32_t hash(uint32_t x) {
  x ^= x >> 16;
  x *= 0x7feb352dU;
  x ^= x >> 15;
  x *= 0x846ca68bU;
  return x ^ (x >> 16);
}
inline uint32_t hash(int x, int y, int z = 0) {
  return hash(static_cast<uint32_t>(x) * 0x9e3779b1U ^ hash(static_cast<uint32_t>(y) * 0x85ebca77U ^ hash(static_cast<uint32_t>(z) + 0x68bc21ebU)));
}
/** [0, 1) for a lattice point. */
inline float hash01(int x, int y, int z = 0) { return static_cast<float>(hash(x, y, z) >> 8) * (1.f / 16777216); }

inline float quintic(float t) { return t * t * t * (t * (t * 6 - 15) + 10); }

inline float latticeSlope(uint32_t h, float x, float y) {
  const float a = static_cast<float>(h >> 8) * (2 * PI / 16777216);
  // A cheap sine is enough for the direction of a slope.
  return x * std::cos(a) + y * std::sin(a);
}

/** Gradient noise of the plane, about −0.7…0.7. */
inline float noise(float x, float y, int seed = 0) {
  const float fx = std::floor(x), fy = std::floor(y);
  const int i = static_cast<int>(fx), j = static_cast<int>(fy);
  x -= fx;
  y -= fy;
  const float u = quintic(x), v = quintic(y);
  const float a = latticeSlope(hash(i, j, seed), x, y), b = latticeSlope(hash(i + 1, j, seed), x - 1, y);
  const float c = latticeSlope(hash(i, j + 1, seed), x, y - 1), d = latticeSlope(hash(i + 1, j + 1, seed), x - 1, y - 1);
  return mix(mix(a, b, u), mix(c, d, u), v);
}

/** Value noise of space, −1…1. */
inline float noise(V3 p, int seed = 0) {
  const float fx = std::floor(p.x), fy = std::floor(p.y), fz = std::floor(p.z);
  const int i = static_cast<int>(fx), j = static_cast<int>(fy), k = static_cast<int>(fz) + seed * 1013;
  const float u = quintic(p.x - fx), v = quintic(p.y - fy), w = quintic(p.z - fz);
  const auto corner = [&](int a, int b, int c) { return hash01(i + a, j + b, k + c); };
  const float low = mix(mix(corner(0, 0, 0), corner(1, 0, 0), u), mix(corner(0, 1, 0), corner(1, 1, 0), u), v);
  const float high = mix(mix(corner(0, 0, 1), corner(1, 0, 1), u), mix(corner(0, 1, 1), corner(1, 1, 1), u), v);
  return mix(low, high, w) * 2 - 1;
}

/** Sums of octaves, each half as strong and twice as fine. */
inline float fbm(float x, float y, int octaves, int seed = 0) {
  float sum = 0, weight = 0.5f;
  for (int o = 0; o < octaves; o++) {
    sum += weight * noise(x, y, seed + o);
    const float turned = 1.6f * x + 1.2f * y;
    y = -1.2f * x + 1.6f * y + 3.7f;
    x = turned + 1.3f;
    weight *= 0.5f;
  }
  return sum;
}
inline float fbm(V3 p, int octaves, int seed = 0) {
  float sum = 0, weight = 0.5f;
  for (int o = 0; o < octaves; o++) {
    sum += weight * noise(p, seed + o);
    p = V3{p.y + p.z, p.z - p.x * 1.2f, p.x + p.y * 0.7f} * 1.35f + V3{1.7f, 9.2f, 3.1f};
    weight *= 0.5f;
  }
  return sum;
}
/** Octaves with sharp valleys between round bulges, about −0.5…0.5. */
inline float billows(V3 p, int octaves, int seed = 0) {
  float sum = 0, weight = 0.5f;
  for (int o = 0; o < octaves; o++) {
    sum += weight * (std::fabs(noise(p, seed + o)) * 2.4f - 0.75f);
    p = V3{p.y + p.z, p.z - p.x * 1.2f, p.x + p.y * 0.7f} * 1.35f + V3{1.7f, 9.2f, 3.1f};
    weight *= 0.62f;
  }
  return sum;
}
/** Octaves with sharp crests, 0…1. */
inline float ridges(float x, float y, int octaves, int seed = 0) {
  float sum = 0, weight = 0.5f, above = 1;
  for (int o = 0; o < octaves; o++) {
    float r = 1 - std::fabs(noise(x, y, seed + o)) * 1.6f;
    r = r * r;
    sum += weight * r * above;
    above = clamp(r, 0, 1);
    const float turned = 1.6f * x + 1.2f * y;
    y = -1.2f * x + 1.6f * y;
    x = turned;
    weight *= 0.5f;
  }
  return sum;
}
