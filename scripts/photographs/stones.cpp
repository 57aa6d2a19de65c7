// A pile of round stones on a pebble beach in late sun, the sea out of focus behind.
#include "atmosphere.hpp"
#include "scenes.hpp"
#include "tracer.hpp"

namespace {

class Stones : public TracedScene {
 public:
  explicit Stones(uint64_t seed) : air_(17, 128, 2.2f) {
    Rng rng(seed, 41);
    float y = 0.005f;
    const float radii[] = {0.105f, 0.082f, 0.067f, 0.048f, 0.033f, 0.022f};
    for (int k = 0; k < 6; k++) {
      const float flat = rng.uniform(0.36f, 0.46f), r = radii[k];
      y += r * flat;
      pile_.push_back({{rng.uniform(-0.008f, 0.008f), y, rng.uniform(-0.008f, 0.008f)}, {r * rng.uniform(0.95f, 1.08f), r * flat, r * rng.uniform(0.85f, 1.f)}, rng.uniform(0, 6), rng.uniform(-0.05f, 0.05f)});
      y += r * flat * 0.96f;
    }
    camera = {{0.02f, 0.17f, -1.0f}, {0.055f, 0.165f, 0}, 25};
    camera.aperture = 0.013f;
    camera.focus = 0.97f;
    look = {0.85f, 1.08f, 1.15f, 0.07f, 0.35f};
    denoising = 0.7f;
    samples = 49;
    far = 60;
    touch = 1.2e-4f;
    bounces = 5;
  }

 protected:
  enum { BEACH, SEA, PILE = 10 };
  struct Stone {
    V3 centre, half;
    float turn, tilt;
  };
  Nearest nearest(V3 p) const override {
    Nearest best;
    // Ground falls gently to the sea.
    const float ground = p.y + 0.02f * std::max(0.f, p.z) + 0.02f;
    best.add(ground > 0.06f ? ground - 0.045f : pebbles(p), BEACH);
    best.add(p.z > 2 ? p.y + 0.155f : 1e3f, SEA);
    for (size_t k = 0; k < pile_.size(); k++) {
      const Stone& s = pile_[k];
      const V3 q = p - s.centre;
      float d = length(q) - std::max(s.half.x, s.half.z) * 1.1f;
      if (d < 0.01f) d = stone(q, s.half, s.turn, s.tilt, static_cast<int>(k));
      best.add(d, PILE + static_cast<int>(k));
    }
    return best;
  }
  static float stone(V3 q, V3 half, float turn, float tilt, int k) {
    const float c = std::cos(turn), s = std::sin(turn);
    q = {c * q.x - s * q.z, q.y + tilt * q.x, s * q.x + c * q.z};
    // A superellipsoid, uneven.
    const V3 u{q.x / half.x, q.y / half.y, q.z / half.z};
    const float across = std::pow(std::pow(std::fabs(u.x), 2.3f) + std::pow(std::fabs(u.z), 2.3f), 1 / 2.3f);
    const float norm = std::pow(std::pow(across, 2.5f) + std::pow(std::fabs(u.y), 2.5f), 1 / 2.5f);
    const float bumps = 0.06f * noise(q * (1.1f / half.x) + V3{9.f * k, 0, 0}, 3) + 0.012f * fbm(q * (5 / half.x), 2, 4);
    return (norm - 1 + bumps) * half.y * 0.72f;
  }
  /** Pebbles in cells of a lattice: big ones over a bed of small ones. */
  static float pebbles(V3 p) {
    const float slope = p.y + 0.02f * std::max(0.f, p.z) + 0.02f;
    float best = slope + 0.012f;
    best = std::min(best, layer({p.x, slope - 0.001f, p.z}, 0.021f, 1, 1.f));
    best = std::min(best, layer({p.x + 7.3f, slope - 0.006f, p.z + 2.1f}, 0.047f, 2, 0.72f));
    return best;
  }
  static float layer(V3 p, float cell, int kind, float share) {
    const int i = static_cast<int>(std::floor(p.x / cell)), j = static_cast<int>(std::floor(p.z / cell));
    float best = cell * 0.6f;
    for (int b = -1; b <= 1; b++) {
      for (int a = -1; a <= 1; a++) {
        const int u = i + a, v = j + b;
        if (hash01(u, v, kind) > share) continue;
        const float r = cell * (0.36f + 0.28f * hash01(u, v, kind + 10));
        const V3 c{(u + 0.2f + 0.6f * hash01(u, v, kind + 20)) * cell, cell * 0.1f * hash01(u, v, kind + 30), (v + 0.2f + 0.6f * hash01(u, v, kind + 40)) * cell};
        V3 q = p - c;
        const float turn = 6.28f * hash01(u, v, kind + 50), cs = std::cos(turn), sn = std::sin(turn);
        q = {cs * q.x - sn * q.z, q.y + 0.3f * (hash01(u, v, kind + 60) - 0.5f) * q.x, sn * q.x + cs * q.z};
        const V3 half{r, r * (0.45f + 0.3f * hash01(u, v, kind + 70)), r * (0.65f + 0.3f * hash01(u, v, kind + 80))};
        const V3 e{q.x / half.x, q.y / half.y, q.z / half.z};
        const float norm = length(e);
        // A bound of the distance to an ellipsoid.
        const float grad = length({e.x / half.x, e.y / half.y, e.z / half.z});
        best = std::min(best, norm * (norm - 1) / std::max(grad, 1e-3f));
      }
    }
    return best * 0.85f;
  }
  static V3 rock(float kind, V3 p, int id) {
    const V3 greys[] = {{0.19f, 0.185f, 0.18f}, {0.29f, 0.275f, 0.255f}, {0.095f, 0.095f, 0.10f}, {0.36f, 0.33f, 0.29f}, {0.27f, 0.19f, 0.145f}, {0.20f, 0.205f, 0.225f}, {0.48f, 0.46f, 0.42f}};
    V3 colour = greys[std::min(6, static_cast<int>(kind * 7))];
    const V3 o{3.f * id, 1.7f * id, 0};
    colour = colour * (0.8f + 0.5f * (0.5f + fbm(p * 60 + o, 4, 6)) * 0.9f) * (1 - 0.25f * smoothstep(0.3f, 0.7f, noise(p * 900.f, 7)));
    // Veins of quartz in some.
    if (hash01(id, 3, 8) > 0.6f) colour = mix(colour, {0.55f, 0.53f, 0.5f}, 0.7f * smoothstep(0.03f, 0.012f, std::fabs(noise(p * 16 + o, 9) + 0.15f * noise(p * 70, 10))));
    return colour;
  }
  Material material(V3 p, V3& n, int object) const override {
    if (object == SEA) {
      const float a = fbm(p.x * 1.5f, p.z * 4, 4, 20), b = fbm(p.x * 1.5f + 9, p.z * 4, 4, 21);
      n = normalize(n + V3{0.25f * a, 0, 0.6f * b});
      return {Material::SOLID, {0.012f, 0.035f, 0.045f}, 0.18f, 0.03f, 0};
    }
    n = normalize(n + V3{0.10f * noise(p * 700.f, 22), 0.10f * noise(p * 700.f, 23), 0.10f * noise(p * 700.f, 24)});
    if (object >= PILE) return {Material::SOLID, rock(hash01(object, 5, 11), p, object), 0.62f, 0.035f, 0};
    // Which pebble: the cell of the nearer layer, roughly its colour.
    const float slope = p.y + 0.02f * std::max(0.f, p.z) + 0.02f;
    const float fine = layer({p.x, slope - 0.001f, p.z}, 0.021f, 1, 1.f), big = layer({p.x + 7.3f, slope - 0.006f, p.z + 2.1f}, 0.047f, 2, 0.72f);
    const int id = fine < big ? owner({p.x, 0, p.z}, 0.021f, 1) : owner({p.x + 7.3f, 0, p.z + 2.1f}, 0.047f, 2);
    // Darker, wet and shining towards the water.
    const float wet = smoothstep(0.9f, 2.2f, p.z + 0.3f * fbm(p.x, p.z, 3, 12));
    return {Material::SOLID, rock(static_cast<float>(id & 1023) / 1024, p, id & 255) * mix(0.95f, 0.45f, wet), mix(0.62f, 0.2f, wet), 0.035f, 0};
  }
  static int owner(V3 p, float cell, int kind) {
    const int i = static_cast<int>(std::floor(p.x / cell)), j = static_cast<int>(std::floor(p.z / cell));
    float best = 1e9f;
    int id = 0;
    for (int b = -1; b <= 1; b++) {
      for (int a = -1; a <= 1; a++) {
        const int u = i + a, v = j + b;
        const float r = 0.36f + 0.28f * hash01(u, v, kind + 10);
        const float d = std::hypot(p.x / cell - (u + 0.2f + 0.6f * hash01(u, v, kind + 20)), p.z / cell - (v + 0.2f + 0.6f * hash01(u, v, kind + 40))) / r;
        if (d < best) {
          best = d;
          id = static_cast<int>(hash(u, v, kind + 90) & 0xffff);
        }
      }
    }
    return id;
  }
  V3 sky(V3 d, bool) const override {
    V3 light = air_.sky(d);
    // Soft banks of cloud low over the sea.
    const float h = clamp(d.y, 0.005f, 1), bank = smoothstep(-0.05f, 0.3f, fbm(std::atan2(d.x, d.z) * 3.2f, h * 16, 5, 30)) * smoothstep(0.45f, 0.03f, h);
    light = mix(light, air_.sunBelow * 0.05f + air_.ambient * 0.75f, 0.7f * bank);
    return light;
  }
  V3 directLight(V3 p, V3 n, float, Rng& rng) const override {
    const V3 d = rng.coneDirection(air_.sun, 0.012f);
    V3 sum;
    const float c = dot(n, d);
    if (c > 0) sum += air_.sunBelow * (c / PI * open(p, d, 1.5f));
    // The sky, sampled as the surface sees it.
    const V3 s = rng.cosineDirection(n);
    if (s.y > 0) sum += sky(s, false) * open(p, s, 0.6f);
    return sum;
  }
  V3 glossyLamps(V3 p, V3, V3 r, Rng&) const override {
    V3 sum = r.y > 0 ? sky(r, false) : V3{};
    const float off = std::acos(clamp(dot(r, air_.sun), -1, 1));
    sum += air_.sunBelow * (0.35f * std::exp(-off * off / (0.035f * 0.035f)));
    return largest(sum) > 0 ? sum * open(p, r, 1.5f) : sum;
  }

 private:
  std::vector<Stone> pile_;
  Atmosphere air_;
};

}  // namespace

std::unique_ptr<Scene> stones(uint64_t seed) { return std::make_unique<Stones>(seed); }
