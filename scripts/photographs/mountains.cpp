// A lake in a mountain valley in the morning: worn ridges, forests, snow, haze.
#include "clouds.hpp"
#include "scenes.hpp"
#include "terrain.hpp"

namespace {

class Mountains : public Scene {
 public:
  explicit Mountains(uint64_t seed)
      : air_(16, -112, 2.0f), ground_(1536, 18000, [&](float x, float z) { return raw(x, z, static_cast<int>(seed)); }) {
    ground_.erode(900000, 1, seed);
    ground_.slide(1.35f, 6);
    camera = {{200, 0, -7400}, {-100, 560, -2000}, 34};
    camera.eye.y = std::max(WATER, ground_.height(camera.eye.x, camera.eye.z)) + 45;
    clouds_.bottom = 2900;
    clouds_.top = 4300;
    clouds_.scale = 4200;
    clouds_.cover = 0.30f;
    clouds_.density = 0.012f;
    look = {0.62f, 1.12f, 1.2f, 0.06f, 0.3f};
    samples = 9;
  }

  V3 radiance(Ray ray, Rng& rng) const override {
    const float t = meetGround(ray, 5, 22000, 2600, 0.0012f, [&](float x, float z) { return surface(x, z); });
    if (t < 0) return cloudySky(air_, clouds_, ray, rng);
    const V3 p = ray.at(t);
    V3 light;
    if (p.y <= WATER + 0.05f) {
      const float d = t * 0.00002f;
      const float ripples = 0.004f + 0.006f * smoothstep(-0.1f, 0.3f, fbm(p.x * 0.004f, p.z * 0.0012f, 3, 40));
      V3 n = normalize({ripples * noise(p.x * 0.5f, p.z * 0.8f, 41) + d * rng.normal(), 1, ripples * (noise(p.x * 0.7f, p.z * 0.9f, 42) + 0.7f * rng.normal())});
      V3 r = reflect(ray.direction, n);
      r.y = std::fabs(r.y);
      const Ray mirrored{{p.x, WATER + 0.2f, p.z}, normalize(r)};
      const float far = meetGround(mirrored, 10, 22000, 2600, 0.004f, [&](float x, float z) { return surface(x, z); });
      V3 above;
      if (far < 0) {
        above = cloudySky(air_, clouds_, mirrored, rng, 0, 24);
      } else {
        const auto between = air_.between(mirrored.origin, mirrored.direction, far);
        above = land(mirrored.at(far), far) * between.through + between.light;
      }
      const float c = clamp(-dot(ray.direction, n), 0, 1), fresnel = 0.02f + 0.98f * std::pow(1 - c, 5.f);
      light = mix(V3{0.012f, 0.030f, 0.034f} * (largest(air_.ambient) * 1.2f), above, fresnel);
    } else {
      light = land(p, t);
    }
    const auto between = air_.between(ray.origin, ray.direction, t);
    // Morning mist over the lake and in the low valleys.
    const float mist = mistAlong(ray, t);
    const V3 white = air_.ambient * 0.42f + air_.sunBelow * 0.03f;
    return mix(light * between.through + between.light, white, 1 - std::exp(-mist));
  }

 private:
  static constexpr float WATER = 150;
  Atmosphere air_;
  HeightGrid ground_;
  CloudLayer clouds_;

  static float raw(float x, float z, int seed) {
    const float wx = x + 900 * fbm(x / 3500, z / 3500, 3, seed + 60), wz = z + 900 * fbm(x / 3500, z / 3500, 3, seed + 70);
    const float big = ridges(wx / 5200 + 3.3f, wz / 5200 + 1.7f, 8, seed + 1);
    const float valley = smoothstep(0.15f, 1.f, std::sqrt(x * x * 0.75f + std::pow(std::max(0.f, z + 7600) * 0.16f, 2.f)) / 2300 + 0.22f * fbm(x / 1800, z / 1800, 3, seed + 80));
    const float back = smoothstep(-9000, 3500, z);
    return 90 + (big * 1500 + 350) * valley * (0.55f + 0.75f * back) + 60 * fbm(x / 500, z / 500, 4, seed + 90);
  }
  /** Height of a crown of trees over the ground, a cone in each cell of a jittered lattice. */
  static float crowns(float x, float z) {
    const float cell = 9;
    const int i = static_cast<int>(std::floor(x / cell)), j = static_cast<int>(std::floor(z / cell));
    float top = 0;
    for (int b = -1; b <= 1; b++) {
      for (int a = -1; a <= 1; a++) {
        const float cx = (i + a + hash01(i + a, j + b, 1)) * cell - x, cz = (j + b + hash01(i + a, j + b, 2)) * cell - z;
        const float tall = 10 + 17 * hash01(i + a, j + b, 3), wide = 0.21f * tall;
        top = std::max(top, tall * (1 - std::sqrt(cx * cx + cz * cz) / wide));
      }
    }
    return top;
  }
  float forest(float x, float z, float h) const {
    if (h < WATER + 3 || h > 900) return 0;
    const float slope = std::hypot(ground_.height(x + 15, z) - ground_.height(x - 15, z), ground_.height(x, z + 15) - ground_.height(x, z - 15)) / 30;
    const float edge = 720 + 260 * fbm(x / 600, z / 600, 3, 21) - h;
    return smoothstep(-60, 60, edge) * smoothstep(1.15f, 0.8f, slope + 0.5f * fbm(x / 120, z / 120, 3, 22));
  }
  float surface(float x, float z) const {
    float h = ground_.height(x, z);
    h += 5 * fbm(x / 60, z / 60, 4, 31);
    if (h < WATER) return WATER;
    const float grown = forest(x, z, h);
    if (grown > 0.25f) h += crowns(x, z) * std::min(1.f, grown * 1.5f);
    return h;
  }
  V3 normalAt(V3 p, float e) const {
    return normalize({surface(p.x - e, p.z) - surface(p.x + e, p.z), 2 * e, surface(p.x, p.z - e) - surface(p.x, p.z + e)});
  }
  V3 land(V3 p, float t) const {
    const float h = ground_.height(p.x, p.z);
    const V3 n = normalAt(p, std::max(0.6f, t * 0.0007f));
    const float e = 14;
    const V3 smooth = normalize({ground_.height(p.x - e, p.z) - ground_.height(p.x + e, p.z), 2 * e, ground_.height(p.x, p.z - e) - ground_.height(p.x, p.z + e)});
    const float grown = forest(p.x, p.z, h);
    const float strata = noise(p.x / 300, p.y / 14, 51) * 0.5f + fbm(p.x / 40, p.z / 40 + p.y / 30, 4, 52);
    V3 albedo = mix(V3{0.17f, 0.155f, 0.14f}, V3{0.27f, 0.25f, 0.225f}, 0.5f + 0.7f * strata);
    const V3 grass = mix(V3{0.055f, 0.075f, 0.022f}, V3{0.12f, 0.105f, 0.04f}, clamp(0.5f + fbm(p.x / 90, p.z / 90, 4, 53) + (h - 500) / 1500, 0, 1));
    albedo = mix(albedo, grass, smoothstep(0.62f, 0.8f, smooth.y + 0.1f * fbm(p.x / 25, p.z / 25, 3, 54)) * smoothstep(1250, 850, h));
    float tree = grown > 0.25f ? smoothstep(h + 1, h + 5, p.y) : 0;
    if (tree > 0) {
      const float kind = hash01(static_cast<int>(std::floor(p.x / 9)), static_cast<int>(std::floor(p.z / 9)), 9);
      albedo = mix(albedo, mix(V3{0.012f, 0.024f, 0.010f}, V3{0.032f, 0.045f, 0.014f}, kind), tree);
    }
    const float snow = smoothstep(0.60f, 0.74f, smooth.y + 0.14f * fbm(p.x / 35, p.z / 35, 4, 55)) * smoothstep(980, 1350, h + 260 * fbm(p.x / 500, p.z / 500, 4, 56)) * (1 - tree);
    albedo = mix(albedo, V3{0.82f, 0.84f, 0.88f}, snow);
    const float facing = std::max(0.f, dot(n, air_.sun));
    const float sun = facing > 0 ? sunOver(p, air_.sun, 9000, 2600, std::max(2.f, t * 0.001f), [&](float x, float z) { return surface(x, z); }) : 0;
    // Trees are darker between their crowns.
    const float open = (0.55f + 0.45f * n.y) * mix(1, smoothstep(-2, 20, p.y - h), tree * 0.8f);
    const V3 bounce = air_.sunBelow * (0.05f * std::max(0.f, dot(n, normalize({-air_.sun.x, 0.3f, -air_.sun.z}))));
    return albedo * (air_.sunlight(p.y) * (facing * sun / PI) + air_.ambient * (open * 0.95f) + bounce * 0.3f);
  }
  float mistAlong(Ray ray, float t) const {
    float sum = 0;
    for (int k = 0; k < 10; k++) {
      const V3 p = ray.at(t * (k + 0.5f) / 10);
      const float patchy = smoothstep(-0.15f, 0.4f, fbm(p.x / 900, p.z / 900, 4, 61));
      sum += std::exp(-std::max(0.f, p.y - WATER) / 45) * patchy;
    }
    return sum * t / 10 * 0.00022f;
  }
};

}  // namespace

std::unique_ptr<Scene> mountains(uint64_t seed) { return std::make_unique<Mountains>(seed); }
