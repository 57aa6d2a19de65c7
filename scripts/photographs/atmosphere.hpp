// Air that scatters sunlight once (Rayleigh and Mie, Nishita 1993), with ozone; more scattering as an even glow.
#pragma once
#include <vector>
#include "noise.hpp"
#include "vec.hpp"

class Atmosphere {
 public:
  V3 sun;               // towards it
  float haze;           // Mie scattering relative to clear air
  float sunPower = 22;  // above the air
  V3 sunBelow;          // what arrives at the ground, set by the constructor
  V3 ambient;           // mean sky over the upper hemisphere, set by the constructor

  Atmosphere(float elevationDeg, float azimuthDeg, float haze_) : haze(haze_) {
    const float e = elevationDeg * PI / 180, a = azimuthDeg * PI / 180;
    sun = {std::cos(e) * std::sin(a), std::sin(e), std::cos(e) * std::cos(a)};
    for (int i = 0; i < LEVELS; i++) through_[i] = exp(-depth({0, R + i * STEP, 0}, sun));
    sunBelow = through_[0] * sunPower;
    table_.resize(WIDTH * HEIGHT);
    for (int j = 0; j < HEIGHT; j++) {
      for (int i = 0; i < WIDTH; i++) table_[j * WIDTH + i] = march(directionOf(i, j), 1e9f, 300, 40, true).light;
    }
    float weight = 0;
    for (int j = 0; j < HEIGHT; j += 2) {
      for (int i = 0; i < WIDTH; i += 4) {
        const V3 d = directionOf(i, j);
        const float w = std::max(0.f, d.y);
        // Rows are denser at the horizon: weigh by their solid angle, which goes with the square root of y.
        const float area = std::sqrt(std::max(1e-4f, d.y));
        ambient += table_[j * WIDTH + i] * (w * area);
        weight += w * area;
      }
    }
    ambient = ambient / weight;
  }

  /** Light of the sky from a direction, without the sun's disc. */
  V3 sky(V3 d) const {
    const float y = clamp(d.y, -0.02f, 1), v = std::sqrt((y + 0.02f) / 1.02f) * (HEIGHT - 1);
    const float turn = std::atan2(d.x, d.z) / (2 * PI) + 0.5f, u = turn * WIDTH;
    const int i = static_cast<int>(u), j = std::min(static_cast<int>(v), HEIGHT - 2);
    const float fu = u - i, fv = v - j;
    const auto at = [&](int a, int b) { return table_[b * WIDTH + a % WIDTH]; };
    return mix(mix(at(i, j), at(i + 1, j), fu), mix(at(i, j + 1), at(i + 1, j + 1), fu), fv);
  }
  /** Sunlight at a height over the ground. */
  V3 sunlight(float height) const {
    const float level = clamp(height / STEP, 0, LEVELS - 1.001f);
    const int i = static_cast<int>(level);
    return mix(through_[i], through_[i + 1], level - i) * sunPower;
  }

  struct Air {
    V3 light, through;
  };
  /** What the air between the eye and a point adds, and the share of the point's light that it lets through. */
  Air between(V3 from, V3 d, float distance) const { return march(d, distance, std::max(0.f, from.y), 8, false); }

 private:
  static constexpr float R = 6360e3f, TOP = 6420e3f, STEP = 250;
  static constexpr int LEVELS = 60, WIDTH = 256, HEIGHT = 96;
  V3 through_[LEVELS];
  std::vector<V3> table_;

  static V3 directionOf(int i, int j) {
    const float v = static_cast<float>(j) / (HEIGHT - 1), y = v * v * 1.02f - 0.02f;
    const float a = (static_cast<float>(i) / WIDTH - 0.5f) * 2 * PI, r = std::sqrt(std::max(0.f, 1 - y * y));
    return {r * std::sin(a), y, r * std::cos(a)};
  }
  static V3 rayleigh() { return {5.8e-6f, 13.6e-6f, 33.1e-6f}; }
  float mie() const { return 4e-6f * haze; }
  static V3 ozone() { return {0.65e-6f, 1.88e-6f, 0.085e-6f}; }

  static float toTop(V3 p, V3 d) {
    const float b = dot(p, d), c = dot(p, p) - TOP * TOP;
    return -b + std::sqrt(std::max(0.f, b * b - c));
  }
  /** Extinction of the way out of the air. */
  V3 depth(V3 p, V3 d) const {
    const float way = toTop(p, d);
    const int steps = 48;
    float r = 0, m = 0, o = 0;
    for (int k = 0; k < steps; k++) {
      const float f0 = static_cast<float>(k) / steps, f1 = static_cast<float>(k + 1) / steps;
      const float t0 = way * f0 * f0, t1 = way * f1 * f1;
      const float h = std::max(0.f, length(p + d * (0.5f * (t0 + t1))) - R), dt = t1 - t0;
      r += std::exp(-h / 8000) * dt;
      m += std::exp(-h / 1200) * dt;
      o += std::max(0.f, 1 - std::fabs(h - 25000) / 15000) * dt;
    }
    return rayleigh() * r + grey(mie() * 1.1f * m) + ozone() * o;
  }
  Air march(V3 d, float distance, float height, int steps, bool toSky) const {
    const V3 origin{0, R + height, 0};
    const float way = std::min(distance, toTop(origin, d)), mu = dot(d, sun);
    const float phaseR = 3 / (16 * PI) * (1 + mu * mu), g = 0.76f;
    const float phaseM = 3 / (8 * PI) * (1 - g * g) * (1 + mu * mu) / ((2 + g * g) * std::pow(1 + g * g - 2 * g * mu, 1.5f));
    V3 light, through = grey(1);
    for (int k = 0; k < steps; k++) {
      const float f0 = static_cast<float>(k) / steps, f1 = static_cast<float>(k + 1) / steps;
      const float t0 = way * (toSky ? f0 * f0 : f0), t1 = way * (toSky ? f1 * f1 : f1), dt = t1 - t0;
      const V3 p = origin + d * (0.5f * (t0 + t1));
      const float h = std::max(0.f, length(p) - R);
      const float r = std::exp(-h / 8000), m = std::exp(-h / 1200);
      const V3 scatterR = rayleigh() * r;
      const float scatterM = mie() * m;
      const V3 absorb = scatterR + grey(scatterM * 1.1f) + ozone() * std::max(0.f, 1 - std::fabs(h - 25000) / 15000);
      const V3 lit = h < (LEVELS - 1) * STEP && !toSky ? sunlight(h) : exp(-depth(p, sun)) * sunPower;
      // The second and later scatterings: even, bluish, a share of the first.
      const V3 glow = (scatterR + grey(scatterM)) * (lit * 0.03f + V3{0.10f, 0.16f, 0.28f} * (0.02f * sunPower * clamp(sun.y * 4 + 0.25f, 0, 1)));
      const V3 added = lit * (scatterR * phaseR + grey(scatterM * phaseM)) + glow;
      const V3 here = exp(absorb * -dt);
      light += through * added * dt * (V3{1, 1, 1} + here) * 0.5f;
      through *= here;
    }
    return {light, through};
  }
};
