// Over a sea of cumulus in late light, as from an aeroplane.
#include "clouds.hpp"
#include "scenes.hpp"

namespace {

class Cloudscape : public Scene {
 public:
  explicit Cloudscape(uint64_t seed) : air_(12, 48, 1.2f) {
    clouds_.bottom = 800;
    clouds_.top = 3600;
    clouds_.scale = 4200;
    clouds_.cover = 0.72f;
    clouds_.density = 0.04f;
    clouds_.octaves = 8;
    clouds_.billow = 0.7f;
    clouds_.edge = 0.09f;
    clouds_.shift = {23900.f * static_cast<float>(seed), 0, 5000};
    camera = {{0, 5200, 0}, {0, 4480, 3000}, 36};
    look = {0.5f, 1.1f, 1.15f, 0.08f, 0.3f};
    denoising = 0.5f;
    samples = 9;
  }
  V3 radiance(Ray ray, Rng& rng) const override {
    V3 behind = air_.sky(ray.direction);
    if (ray.direction.y < 0) {
      // The sea far below.
      const float t = ray.origin.y / -ray.direction.y;
      const auto between = air_.between(ray.origin, ray.direction, std::min(t, 90000.f));
      // Towards the horizon there is more air than `between` counts steps for.
      const float far = smoothstep(-0.10f, 0.002f, ray.direction.y);
      behind = mix(V3{0.01f, 0.025f, 0.05f} * between.through + between.light, air_.sky({ray.direction.x, 0.004f, ray.direction.z}), far);
    }
    const auto passage = clouds_.march(ray, 45000, air_, rng, 140);
    if (passage.through > 0.999f) return behind;
    const auto before = air_.between(ray.origin, ray.direction, passage.distance);
    return behind * passage.through + passage.light * before.through + before.light * (1 - passage.through);
  }

 private:
  Atmosphere air_;
  CloudLayer clouds_;
};

}  // namespace

std::unique_ptr<Scene> cloudscape(uint64_t seed) { return std::make_unique<Cloudscape>(seed); }
