// Random numbers (PCG32) and the distributions that light needs.
#pragma once
#include "vec.hpp"

class Rng {
 public:
  explicit Rng(uint64_t seed, uint64_t stream = 1) : increment_((stream << 1) | 1) {
    next();
    state_ += seed;
    next();
  }
  uint32_t next() {
    const uint64_t old = state_;
    state_ = old * 6364136223846793005ULL + increment_;
    const uint32_t x = static_cast<uint32_t>(((old >> 18) ^ old) >> 27);
    const uint32_t r = static_cast<uint32_t>(old >> 59);
    return (x >> r) | (x << ((32 - r) & 31));
  }
  /** [0, 1) */
  float uniform() { return static_cast<float>(next() >> 8) * (1.f / 16777216); }
  float uniform(float low, float high) { return mix(low, high, uniform()); }
  float normal() { return std::sqrt(-2 * std::log(1 - uniform())) * std::cos(2 * PI * uniform()); }
  /** A direction about `n`, density cos/π. */
  V3 cosineDirection(V3 n) {
    const float r = std::sqrt(uniform()), a = 2 * PI * uniform();
    V3 u, v;
    basis(n, u, v);
    return normalize(u * (r * std::cos(a)) + v * (r * std::sin(a)) + n * std::sqrt(std::max(0.f, 1 - r * r)));
  }
  /** A direction within an angle of `axis`, evenly over the cap. */
  V3 coneDirection(V3 axis, float angle) {
    const float c = mix(1, std::cos(angle), uniform()), s = std::sqrt(std::max(0.f, 1 - c * c)), a = 2 * PI * uniform();
    V3 u, v;
    basis(axis, u, v);
    return u * (s * std::cos(a)) + v * (s * std::sin(a)) + axis * c;
  }
  V3 onSphere() {
    const float z = uniform(-1, 1), r = std::sqrt(1 - z * z), a = 2 * PI * uniform();
    return {r * std::cos(a), r * std::sin(a), z};
  }
  /** A normal of a GGX surface of roughness α about `n`. */
  V3 ggxNormal(V3 n, float alpha) {
    const float e = uniform(), c = std::sqrt((1 - e) / (1 + (alpha * alpha - 1) * e));
    const float s = std::sqrt(std::max(0.f, 1 - c * c)), a = 2 * PI * uniform();
    V3 u, v;
    basis(n, u, v);
    return normalize(u * (s * std::cos(a)) + v * (s * std::sin(a)) + n * c);
  }

 private:
  uint64_t state_ = 0, increment_;
};
