// A street in the evening through a wet window: drops in focus, lamps as discs behind.
#include "scenes.hpp"

namespace {

class Rain : public Scene {
 public:
  explicit Rain(uint64_t seed) {
    camera = {{0, 0, 0}, {0, 0, 1}, 40};
    look = {1.15f, 1.08f, 1.12f, 0.14f, 0.35f};
    samples = 64;
    Rng rng(seed, 51);
    const auto lamp = [&](float x, float y, float size, V3 colour) { lamps_.push_back({x, y, size, colour}); };
    // Street lamps in two rows towards a vanishing point, and their light on the wet road.
    for (int k = 0; k < 5; k++) {
      const float far = 1.15f + 0.75f * k;
      for (const float side : {-1.f, 1.f}) {
        const float x = 0.04f + side * 0.52f / far + rng.uniform(-0.01f, 0.01f), y = -0.03f + 0.42f / far;
        lamp(x, y, 0.052f - 0.0025f * k, V3{1, 0.58f, 0.22f} * rng.uniform(2.2f, 3.4f));
        lamp(x * 0.95f, -0.06f - 0.26f / far, 0.056f, V3{1, 0.55f, 0.2f} * rng.uniform(0.25f, 0.5f));
      }
    }
    // Cars that come and go.
    for (int k = 0; k < 5; k++) {
      const float far = rng.uniform(1.3f, 4.2f), x = 0.04f + 0.15f / far + rng.uniform(-0.015f, 0.015f), y = -0.03f - 0.13f / far;
      for (const float w : {-0.045f, 0.045f}) lamp(x + w / far * 1.6f, y, 0.050f, V3{1, 0.93f, 0.80f} * rng.uniform(3.f, 5.f));
      const float behind = rng.uniform(1.2f, 4.f), rx = 0.04f - 0.17f / behind;
      for (const float w : {-0.045f, 0.045f}) lamp(rx + w / behind * 1.6f, -0.03f - 0.12f / behind, 0.050f, V3{1, 0.055f, 0.03f} * rng.uniform(1.6f, 2.8f));
    }
    // Traffic lights, signs and windows of houses.
    lamp(0.27f, 0.09f, 0.053f, V3{0.10f, 1, 0.45f} * 2.6f);
    lamp(-0.20f, 0.07f, 0.053f, V3{1, 0.08f, 0.05f} * 2.6f);
    for (int k = 0; k < 46; k++) {
      const float side = rng.uniform() < 0.5f ? -1.f : 1.f, x = 0.04f + side * rng.uniform(0.12f, 0.42f), y = rng.uniform(-0.08f, 0.36f * std::fabs(x) / 0.4f + 0.03f);
      const V3 kinds[] = {{1, 0.75f, 0.42f}, {1, 0.85f, 0.65f}, {0.55f, 0.75f, 1}, {1, 0.35f, 0.5f}};
      lamp(x, y, rng.uniform(0.040f, 0.054f), kinds[static_cast<int>(rng.uniform(0, 3.99f) * rng.uniform())] * rng.uniform(0.12f, 0.8f));
    }
  }
  V3 radiance(Ray ray, Rng& rng) const override {
    const float x = ray.direction.x / ray.direction.z, y = ray.direction.y / ray.direction.z;
    float slopeX, slopeY;
    const float e = 0.0006f, h = water(x, y);
    if (h <= 0) {
      // A misted pane: the view is blurred a little more, and milky.
      const float jx = 0.006f * rng.normal(), jy = 0.006f * rng.normal();
      return street(x + jx, y + jy, 1) * 0.9f + V3{0.012f, 0.014f, 0.018f};
    }
    slopeX = (water(x + e, y) - water(x - e, y)) / (2 * e);
    slopeY = (water(x, y + e) - water(x, y - e)) / (2 * e);
    const float steep = std::sqrt(slopeX * slopeX + slopeY * slopeY);
    // A drop is a short lens: the street upside down and small.
    const float k = 0.26f;
    const V3 seen = street(x * 0.4f - slopeX * k, y * 0.4f - slopeY * k, 1.1f) * 1.15f + V3{0.012f, 0.016f, 0.024f};
    const float rim = smoothstep(1.9f, 0.9f, steep);
    V3 light = seen * (0.4f + 0.6f * rim);
    // The sky as a small light on the upper edge.
    light += V3{0.30f, 0.36f, 0.5f} * (0.22f * smoothstep(0.80f, 0.95f, -slopeY / (0.6f + steep)) * smoothstep(0.5f, 1.0f, steep));
    return light;
  }

 private:
  struct Lamp {
    float x, y, size;
    V3 colour;
  };
  std::vector<Lamp> lamps_;

  /** The street, lamps as the discs of an open lens; `blur` scales them. */
  V3 street(float x, float y, float blur) const {
    const float dusk = smoothstep(-0.05f, 0.55f, y);
    V3 light = mix(V3{0.030f, 0.026f, 0.030f}, V3{0.035f, 0.060f, 0.115f}, dusk);
    light += V3{0.10f, 0.055f, 0.025f} * std::exp(-(x - 0.04f) * (x - 0.04f) * 22 - (y + 0.02f) * (y + 0.02f) * 55);
    // Houses left and right, darker than the sky.
    const float house = smoothstep(0.03f, 0.12f, std::fabs(x - 0.04f) - 0.3f * std::max(0.f, y));
    light = light * mix(1, 0.55f, house * smoothstep(-0.02f, 0.05f, y));
    for (const Lamp& lamp : lamps_) {
      const float r = lamp.size * blur * 0.66f, dx = x - lamp.x, dy = y - lamp.y;
      if (std::fabs(dx) > r * 1.1f || std::fabs(dy) > r * 1.1f) continue;
      const float d = std::hypot(dx, dy) / r;
      const float disc = smoothstep(1.06f, 0.94f, d) * (0.72f + 0.28f * d * d * d) * (1 + 0.10f * noise(dx * 160, dy * 160, 5));
      light += lamp.colour * (disc * 0.42f / blur);
    }
    return light;
  }
  /** Thickness of water on the pane: drops of three sizes, flattened by their weight, and paths of some that ran. */
  static float water(float x, float y) {
    float h = drops(x, y, 0.115f, 1, 0.30f);
    h = std::max(h, drops(x + 0.31f, y + 0.17f, 0.052f, 2, 0.26f));
    h = std::max(h, drops(x + 0.77f, y + 0.41f, 0.024f, 3, 0.2f));
    h = std::max(h, drops(x + 0.13f, y + 0.73f, 0.0105f, 4, 0.12f));
    return h;
  }
  static float drops(float x, float y, float cell, int kind, float share) {
    x += 0.10f * cell * noise(x / cell * 2.2f, y / cell * 2.2f, kind + 60);
    y += 0.10f * cell * noise(x / cell * 2.2f, y / cell * 2.2f, kind + 61);
    const int i = static_cast<int>(std::floor(x / cell)), j = static_cast<int>(std::floor(y / cell));
    float best = 0;
    for (int b = -1; b <= 1; b++) {
      for (int a = -1; a <= 1; a++) {
        const int u = i + a, v = j + b;
        if (hash01(u, v, kind) > share) continue;
        const float r = cell * mix(0.16f, 0.40f, hash01(u, v, kind + 10));
        const float dx = (x - (u + hash01(u, v, kind + 20)) * cell) / r;
        float dy = (y - (v + hash01(u, v, kind + 30)) * cell) / r;
        // Heavier below.
        dy = dy > 0 ? dy / mix(1.05f, 1.35f, hash01(u, v, kind + 40)) : dy;
        const float d = dx * dx + dy * dy;
        if (d < 1) best = std::max(best, r * 0.62f * std::pow(1 - d, 0.62f));
      }
    }
    return best;
  }
};

}  // namespace

std::unique_ptr<Scene> rain(uint64_t seed) { return std::make_unique<Rain>(seed); }
