// Oranges and a lemon in a stoneware bowl on a table by a window.
#include "scenes.hpp"
#include "tracer.hpp"
#include "wood.hpp"

namespace {

struct Fruit {
  V3 centre;
  float radius;
  V3 axis;
  bool lemon;
};

class Oranges : public TracedScene {
 public:
  explicit Oranges(uint64_t seed) {
    Rng rng(seed, 21);
    const auto put = [&](float x, float y, float z, float r, bool lemon) {
      V3 axis = normalize(rng.onSphere() + V3{0, 0.8f, -0.6f});
      fruits_.push_back({{x, y, z}, r, axis, lemon});
    };
    put(-0.055f, 0.083f, 0.015f, 0.040f, false);
    put(0.030f, 0.082f, -0.030f, 0.039f, false);
    put(0.040f, 0.084f, 0.052f, 0.041f, false);
    put(0.000f, 0.136f, 0.012f, 0.040f, false);
    put(-0.030f, 0.081f, -0.062f, 0.033f, true);
    put(0.185f, 0.040f, -0.075f, 0.040f, false);
    put(0.130f, 0.031f, -0.150f, 0.032f, true);
    fruits_[5].axis = normalize({0.5f, 0.5f, -0.7f});
    fruits_[6].axis = normalize({0.9f, 0.15f, -0.35f});
    camera = {{0.13f, 0.27f, -0.72f}, {0.035f, 0.062f, 0}, 26};
    camera.aperture = 0.010f;
    camera.focus = 0.72f;
    look = {1.6f, 1.08f, 1.12f, 0.05f, 0.35f};
    denoising = 0.7f;
    samples = 49;
    far = 8;
    touch = 8e-5f;
  }

 protected:
  enum { TABLE, BOWL, WALL, CLOTH, FRUIT = 10 };

  Nearest nearest(V3 p) const override {
    Nearest best;
    best.add(p.y, TABLE);
    best.add(1.3f - p.z, WALL);
    const float around = toCylinder(p - V3{0, 0.05f, 0}, 0.15f, 0.055f);
    best.add(around > 0.02f ? around : bowl(p), BOWL);
    for (size_t k = 0; k < fruits_.size(); k++) {
      const Fruit& f = fruits_[k];
      const V3 q = p - f.centre;
      float d = length(q) - f.radius * 1.35f;
      if (d < 0.008f) d = fruit(q, f, static_cast<int>(k));
      best.add(d, FRUIT + static_cast<int>(k));
    }
    return best;
  }
  static float bowl(V3 p) {
    // A shell between two bodies of revolution, its foot below.
    const float r = std::hypot(p.x, p.z);
    const float wobble = 0.0006f * std::sin(p.y * 260 + 0.4f * std::sin(std::atan2(p.x, p.z)));
    const V3 q{r, p.y - 0.165f, 0};
    const float outer = std::hypot(q.x, q.y * 1.05f) - 0.156f + wobble;
    float shell = std::max(std::fabs(outer) - 0.0035f, p.y - 0.082f);
    shell = smoothMin(shell, std::hypot(std::max(0.f, std::fabs(outer) - 0.0005f), p.y - 0.082f) - 0.0042f, 0.003f);
    const float foot = toCylinder(p - V3{0, 0.007f, 0}, 0.052f, 0.007f, 0.002f);
    return 0.8f * smoothMin(shell, foot, 0.008f);
  }
  static float fruit(V3 q, const Fruit& f, int k) {
    const float along = dot(q, f.axis), side = std::sqrt(std::max(0.f, dot(q, q) - along * along));
    float d;
    if (f.lemon) {
      const float u = along / f.radius;
      // A body that narrows to a tip at both ends.
      const float r = f.radius * (0.98f * std::sqrt(std::max(0.f, 1 - u * u * 0.72f)) - 0.10f * u * u);
      d = std::max((side - std::max(r, 0.f)) * 0.7f, std::fabs(along) - f.radius * 1.18f);
      d = smoothMin(d, toSphere(q - f.axis * (f.radius * 1.14f), f.radius * 0.2f), 0.012f);
    } else {
      d = std::hypot(side, along * 1.05f) - f.radius;
      // Stem end.
      const float top = length(q - f.axis * (f.radius * 0.98f));
      d += 0.004f * std::exp(-top * top / (0.008f * 0.008f));
      d = smoothMin(d, top - 0.0026f, 0.001f);
      d += 0.0016f * fbm(q * 28 + V3{7.f * k, 0, 0}, 2, 3);
    }
    return (d + 0.00030f * pores(q * (f.lemon ? 380.f : 430.f), k)) * 0.8f;
  }
  /** Dimples of a citrus skin. */
  static float pores(V3 q, int k) {
    const float a = noise(q, k + 40), b = noise(q * 0.5f + V3{3, 5, 7}, k + 41);
    return smoothstep(0.1f, 0.75f, a) - 0.5f * b;
  }
  Material material(V3 p, V3& n, int object) const override {
    if (object == TABLE) return wood(p.x * 0.97f + p.z * 0.22f, p.z * 0.97f - p.x * 0.22f, 0.115f, 1.9f, {0.33f, 0.19f, 0.095f}, {0.15f, 0.075f, 0.035f}, n, 0.42f);
    if (object == WALL) {
      const float tone = 0.9f + 0.12f * fbm(p.x * 3, p.y * 3, 4, 11);
      return {Material::SOLID, V3{0.30f, 0.33f, 0.34f} * tone, 0.9f, 0, 0};
    }
    if (object == BOWL) {
      // Speckled glaze, bare clay at the rim.
      const float speck = smoothstep(0.50f, 0.62f, noise(p * 330.f, 5)) * 0.7f + smoothstep(0.55f, 0.7f, noise(p * 140.f, 6)) * 0.5f;
      V3 colour = mix(V3{0.56f, 0.55f, 0.50f}, V3{0.18f, 0.12f, 0.08f}, clamp(speck, 0, 1));
      colour = mix(colour, V3{0.30f, 0.19f, 0.12f}, smoothstep(0.0815f, 0.0845f, p.y + 0.0015f * fbm(p * 60, 2, 8)));
      return {Material::SOLID, colour, 0.28f, 0.045f, 0};
    }
    const Fruit& f = fruits_[object - FRUIT];
    const V3 q = p - f.centre;
    const float tone = 0.5f + fbm(q * 35 + V3{5.f * object, 0, 0}, 3, 9), pore = pores(q * (f.lemon ? 380.f : 430.f), object - FRUIT);
    V3 colour = f.lemon ? mix(V3{0.72f, 0.48f, 0.035f}, V3{0.80f, 0.60f, 0.07f}, tone) : mix(V3{0.72f, 0.20f, 0.012f}, V3{0.82f, 0.31f, 0.02f}, tone);
    colour = colour * (1 - 0.12f * clamp(pore, 0, 1));
    const float top = length(q - f.axis * (f.radius * 0.98f));
    if (!f.lemon) {
      colour = mix(colour, V3{0.50f, 0.34f, 0.05f}, 0.5f * std::exp(-top * top / (0.009f * 0.009f)));
      colour = mix(colour, V3{0.16f, 0.13f, 0.05f}, smoothstep(0.0036f, 0.0026f, top));
    }
    return {Material::SOLID, colour, 0.38f, 0.045f, 0.6f};
  }
  V3 sky(V3 d, bool withSun) const override {
    // A dim room; the window is the lamp.
    const V3 room = mix(V3{0.10f, 0.085f, 0.07f}, V3{0.16f, 0.15f, 0.14f}, 0.5f + 0.5f * d.y);
    return room + (withSun ? window(d) : V3{});
  }
  /** The window far to the left: a cross of bars, sky above, garden below. */
  static V3 window(V3 d) {
    if (d.x > -0.05f) return {};
    const float z = d.z / -d.x, y = d.y / -d.x;
    if (z < LEFT || z > RIGHT || y < LOW || y > HIGH) return {};
    if (std::fabs(z - 0.5f * (LEFT + RIGHT)) < 0.02f || std::fabs(y - 0.62f) < 0.015f) return {0.2f, 0.2f, 0.2f};
    return mix(V3{3.2f, 3.6f, 2.6f}, V3{7.5f, 8.3f, 9.5f}, smoothstep(0.2f, 0.5f, y + 0.06f * noise(z * 9, y * 9, 3)));
  }
  static constexpr float LEFT = -0.42f, RIGHT = 0.44f, LOW = 0.12f, HIGH = 1.05f;
  V3 directLight(V3 p, V3 n, float soft, Rng& rng) const override {
    const float z = rng.uniform(LEFT, RIGHT), y = rng.uniform(LOW, HIGH);
    const V3 w{-1, y, z};
    const float l2 = dot(w, w), l = std::sqrt(l2);
    const V3 d = w / l;
    float c = dot(n, d);
    if (soft > 0) c = (c + 0.35f * soft) / (1 + 0.35f * soft);
    if (c <= 0) return {};
    const float solid = (RIGHT - LEFT) * (HIGH - LOW) / (l2 * l);
    return window(d) * (c * solid / PI * open(p, d, 3));
  }
  V3 glossyLamps(V3 p, V3, V3 r, Rng&) const override {
    const V3 seen = window(r);
    return largest(seen) > 0 ? seen * open(p, r, 3) : V3{};
  }

 private:
  std::vector<Fruit> fruits_;
};

}  // namespace

std::unique_ptr<Scene> oranges(uint64_t seed) { return std::make_unique<Oranges>(seed); }
