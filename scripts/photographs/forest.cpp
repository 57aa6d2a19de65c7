// Spruces on hills behind each other in morning mist, as a long lens sees them.
#include "scenes.hpp"

namespace {

class Forest : public Scene {
 public:
  explicit Forest(uint64_t seed) : seed_(static_cast<int>(seed) * 100) {
    camera = {{0, 60, 0}, {0, 58, 400}, 24};
    look = {1.1f, 1.15f, 1.3f, 0.10f, 0.3f};
    samples = 16;
    // Rows of trees from near to far, closer together on the slopes that face the eye.
    float z = 105;
    for (int k = 0; k < 46; k++) {
      rows_.push_back(z);
      z *= k % 9 == 8 ? 1.30f : 1.028f;
    }
  }
  V3 radiance(Ray ray, Rng& rng) const override {
    const V3 d = ray.direction / ray.direction.z;
    V3 light;
    float through = 1;
    for (size_t k = 0; k < rows_.size() && through > 0.01f; k++) {
      const float z = rows_[k], x = d.x * z, y = 60 + d.y * z;
      // Mist that lies between this row and the one before.
      const float from = k == 0 ? 20 : rows_[k - 1];
      const float thick = mist(x, y, z) * (z - from);
      const float stop = 1 - std::exp(-thick);
      light += air(d, y) * (through * stop);
      through *= 1 - stop;
      const Leaf leaf = row(static_cast<int>(k), x, y, z, rng);
      light += leaf.colour * (through * leaf.cover);
      through *= 1 - leaf.cover;
    }
    return light + sky(d) * through;
  }

 private:
  int seed_;
  std::vector<float> rows_;
  struct Leaf {
    float cover = 0;
    V3 colour;
  };
  /** Brighter towards the sun behind the mist, upper left. */
  static float glow(V3 d) { return std::exp(-((d.x - 0.15f) * (d.x - 0.15f) * 9 + (d.y - 0.12f) * (d.y - 0.12f) * 30)); }
  static V3 sky(V3 d) { return mix(V3{0.42f, 0.52f, 0.64f}, V3{1.6f, 1.16f, 0.76f}, glow(d)) * (0.95f + 0.25f * fbm(d.x * 5, d.y * 14, 4, 90)); }
  static V3 air(V3 d, float y) { return mix(V3{0.30f, 0.38f, 0.48f}, V3{1.10f, 0.84f, 0.60f}, 0.85f * glow(d)) * mix(0.92f, 1.05f, smoothstep(0, 120, y)); }
  float mist(float x, float y, float z) const {
    const float low = std::exp(-std::max(0.f, y - 22 - z * 0.020f) / 17);
    const float drift = smoothstep(-0.30f, 0.38f, fbm(V3{x / 75, y / 26, z / 110}, 5, seed_ + 91));
    return 0.00007f + low * drift * 0.0034f;
  }
  float ground(int k, float x, float z) const {
    const int hill = k / 9;
    const float along = (k % 9) / 9.f;
    return z * (0.012f + 0.022f * hill) - 26 + along * (9 + 0.045f * z) + (18 + 0.12f * z) * fbm(x / (0.42f * z + 50), hill * 7.7f, 3, seed_ + 92) + 5 * fbm(x / 30, k * 3.3f, 2, seed_ + 93);
  }
  /** What a row of trees covers at a point of its plane. */
  Leaf row(int k, float x, float y, float z, Rng& rng) const {
    Leaf leaf;
    const float cell = 3.6f;
    const int i = static_cast<int>(std::floor(x / cell));
    float nearest = 1e9f;
    for (int a = -2; a <= 2; a++) {
      const int id = i + a;
      const auto own = [&](int what) { return hash01(id, k, seed_ + what); };
      if (own(1) < 0.25f) continue;
      const float cx = (id + own(2)) * cell, tall = mix(11, 27, own(3) * own(3) * 0.6f + own(4) * 0.4f);
      const float foot = ground(k, cx, z), v = (y - foot) / tall;
      if (v < 0 || v > 1) continue;
      const float lean = (own(5) - 0.5f) * 0.05f * tall * v, off = x - cx - lean;
      const float full = tall * mix(0.13f, 0.19f, own(6)) * std::pow(1 - v, 0.85f) + 0.08f;
      if (std::fabs(off) > full * 1.5f + 0.3f) continue;
      // Whorls of branches: they hang down from the stem, each side its own.
      const int side = off < 0 ? 0 : 1;
      const float u = std::fabs(off) / full;
      const float whorl = (v * tall + 0.35f * full * u * (0.5f + u)) / mix(0.62f, 0.95f, own(7)) + side * 0.45f;
      const int n = static_cast<int>(std::floor(whorl));
      const float f = whorl - n, reach = 0.62f + 0.6f * hash01(n, id * 7 + side, k + seed_ + 8);
      const float needles = 0.30f * noise(V3{off * 5.5f, y * 7.5f, z + id * 3.f}, 95) + 0.20f * noise(V3{off * 13, y * 15, z}, 96);
      float cover = reach * (1 - 0.55f * std::fabs(f - 0.45f) * 2 * clamp(u * 1.4f, 0, 1)) - u + needles * (0.3f + u);
      cover = smoothstep(-0.03f, 0.08f, cover);
      if (std::fabs(off) < 0.012f * tall * (1 - v)) cover = 1;
      if (cover <= 0.02f || rng.uniform() > cover) continue;
      if (std::fabs(own(9)) < nearest) {
        nearest = own(9);
        // Light from above and from the sun's side, dark inside.
        const float lit = clamp(0.30f + 0.55f * u * reach + 0.45f * (0.5f - f) + 0.5f * needles + (off > 0 ? 0.10f : -0.05f) * u, 0.04f, 1.2f);
        const V3 tone = mix(V3{0.018f, 0.028f, 0.020f}, V3{0.040f, 0.046f, 0.022f}, own(10));
        leaf.colour = tone * (0.30f + 1.5f * lit) * (0.75f + 0.5f * v);
        leaf.cover = 1;
      }
    }
    if (leaf.cover > 0) return leaf;
    // Undergrowth and the ground itself.
    const float floor = ground(k, x, z) + 1.6f + 1.5f * fbm(x / 2.2f, k * 5.1f, 4, seed_ + 97);
    if (y < floor) {
      leaf.cover = 1;
      leaf.colour = V3{0.020f, 0.026f, 0.016f} * (0.6f + 0.9f * smoothstep(-4, 0, y - floor) + 0.6f * fbm(V3{x * 1.5f, y * 2, z}, 3, 98));
    }
    return leaf;
  }
};

}  // namespace

std::unique_ptr<Scene> forest(uint64_t seed) { return std::make_unique<Forest>(seed); }
