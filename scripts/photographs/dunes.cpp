// Sand dunes in the evening: sharp crests, ripples, long shadows.
#include "clouds.hpp"
#include "scenes.hpp"
#include "terrain.hpp"

namespace {

class Dunes : public Scene {
 public:
  explicit Dunes(uint64_t seed)
      : air_(14, -80, 3.0f), ground_(1600, 1600, [&](float x, float z) { return raw(x, z, static_cast<int>(seed)); }) {
    // Sand does not lie steeper than 34°.
    ground_.slide(0.66f, 40);
    camera = {{0, 0, -420}, {14, 12, 0}, 40};
    camera.eye.y = ground_.height(0, -420) + 10;
    look = {0.62f, 1.05f, 1.2f, 0.05f, 0.3f};
    samples = 16;
  }
  V3 radiance(Ray ray, Rng&) const override {
    const auto height = [&](float x, float z) { return surface(x, z); };
    const float t = meetGround(ray, 1, 4000, 130, 0.0008f, height);
    if (t < 0) {
      V3 light = air_.sky(ray.direction);
      // Thin high cirrus.
      const float k = 9000 / std::max(0.02f, ray.direction.y);
      const V3 q = ray.direction * k;
      const float veil = smoothstep(0.02f, 0.5f, fbm(q.x / 16000 + 0.4f * fbm(q.x / 30000, q.z / 30000, 3, 8), q.z / 5200, 6, 9)) * smoothstep(0.02f, 0.2f, ray.direction.y);
      return mix(light, air_.sunBelow * 0.07f + air_.ambient * 0.8f, veil * 0.55f);
    }
    const V3 p = ray.at(t);
    const float e = std::max(0.012f, t * 0.0006f);
    V3 n = normalize({surface(p.x - e, p.z) - surface(p.x + e, p.z), 2 * e, surface(p.x, p.z - e) - surface(p.x, p.z + e)});
    const float facing = std::max(0.f, dot(n, air_.sun));
    const float sun = facing > 0 ? sunOver(p, air_.sun, 700, 130, 0.05f + t * 0.0008f, [&](float x, float z) { return ground_.height(x, z); }) : 0;
    const float tone = 0.5f + 0.5f * fbm(p.x / 14, p.z / 14, 4, 4) + 0.35f * fbm(p.x * 9, p.z * 9, 2, 5);
    const V3 sand = mix(V3{0.36f, 0.20f, 0.095f}, V3{0.50f, 0.31f, 0.16f}, tone);
    // Sand sends light back to where it came from, and on at a glance.
    const float back = 0.8f + 0.35f * std::max(0.f, dot(-ray.direction, air_.sun));
    const V3 skyLight = air_.ambient * (0.5f + 0.5f * n.y) + sand * air_.sunBelow * (0.06f * (1 - n.y) + 0.025f);
    V3 light = sand * (air_.sunBelow * (facing * sun * back / PI) + skyLight);
    const auto between = air_.between(ray.origin, ray.direction, t * 3);
    return light * between.through + between.light;
  }

 private:
  Atmosphere air_;
  HeightGrid ground_;

  static float dune(float u) {
    // A gentle windward slope and a steep lee, the crest sharp.
    u -= std::floor(u);
    return u < 0.7f ? std::pow(u / 0.7f, 1.35f) : (1 - u) / 0.3f;
  }
  static float raw(float x, float z, int seed) {
    const float wx = x + 120 * fbm(x / 260, z / 260, 2, seed + 1), wz = z + 90 * fbm(x / 300, z / 300, 2, seed + 2);
    const float across = (wx * 0.94f + wz * 0.34f);
    const float strength = 0.55f + 0.9f * fbm(x / 380, z / 380, 2, seed + 3);
    const float big = dune(across / 260 + 0.9f * fbm(x / 420, z / 420, 2, seed + 4)) * 46 * clamp(strength, 0.15f, 1);
    const float small = dune((wx * 0.8f - wz * 0.6f) / 85 + 0.8f * fbm(x / 150, z / 150, 2, seed + 5)) * 7;
    return big + small * (0.4f + 0.6f * strength) + 14 * fbm(x / 600, z / 600, 2, seed + 6) + 22 * smoothstep(-100, 500, z);
  }
  float surface(float x, float z) const {
    const float w = 0.35f * fbm(x / 1.8f, z / 1.8f, 3, 7);
    const float bend = 3 * fbm(x / 9, z / 9, 2, 8);
    const float phase = (x * 0.9f + z * 0.44f + bend + w) * (2 * PI / 0.24f);
    const float strength = (0.6f + 0.4f * smoothstep(-0.25f, 0.25f, fbm(x / 18, z / 18, 3, 9)));
    return ground_.height(x, z) + 0.010f * strength * (std::sin(phase) + 0.3f * std::sin(2 * phase + 1)) + 0.05f * fbm(x / 2.5f, z / 2.5f, 3, 10);
  }
};

}  // namespace

std::unique_ptr<Scene> dunes(uint64_t seed) { return std::make_unique<Dunes>(seed); }
