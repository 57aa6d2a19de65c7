// An empty room with a chair and a plant, low sun through the window on a wooden floor.
#include "atmosphere.hpp"
#include "scenes.hpp"
#include "tracer.hpp"
#include "wood.hpp"

namespace {

class Room : public TracedScene {
 public:
  explicit Room(uint64_t seed) : air_(24, -64, 2) {
    Rng rng(seed, 31);
    for (int k = 0; k < 34; k++) {
      const float a = k * 2.399f + rng.uniform(-0.3f, 0.3f), lean = mix(0.15f, 1.25f, static_cast<float>(k) / 34) + rng.uniform(-0.1f, 0.1f);
      leaves_.push_back({normalize({std::sin(a) * std::sin(lean), std::cos(lean), std::cos(a) * std::sin(lean)}), rng.uniform(0.34f, 0.62f), rng.uniform(0.035f, 0.055f)});
    }
    camera = {{0.95f, 1.30f, -2.7f}, {-0.35f, 0.86f, 0.8f}, 45};
    camera.aperture = 0.006f;
    camera.focus = 3.6f;
    look = {1.75f, 1.02f, 1.12f, 0.08f, 0.3f};
    denoising = 0.7f;
    samples = 25;
    far = 20;
    bounces = 6;
    touch = 2e-4f;
    sunDirection_ = normalize({-0.80f, 0.46f, -0.10f});
    sunLight_ = V3{1, 0.80f, 0.58f} * 13;
  }

 protected:
  enum { FLOOR, WALLS, CEILING, FRAME, CHAIR, SEAT, POT, LEAF, SKIRTING, PICTURE, PAINTING, RUG };
  static constexpr float W = 2.1f, H = 2.75f, D = 1.9f;          // half width, height, depth of the back wall
  static constexpr float Z0 = -0.85f, Z1 = 0.65f, Y0 = 0.55f, Y1 = 2.25f;  // the window, in the wall at −x

  Nearest nearest(V3 p) const override {
    Nearest best;
    // Nothing of the room goes on outside.
    const float outside = -(p.x + W + 0.28f);
    best.add(std::max(p.y, outside), FLOOR);
    best.add(std::max(H - p.y, outside), CEILING);
    best.add(W - p.x, WALLS);
    best.add(std::max(D - p.z, outside), WALLS);
    best.add(std::max(p.z + 4.5f, outside), WALLS);
    // Parts of it only where they are near; else how far away they are at least.
    // The wall with the window: 25 cm thick.
    const V3 hole = p - V3{-W - 0.15f, 0.5f * (Y0 + Y1), 0.5f * (Z0 + Z1)};
    const float wall = std::max(p.x + W, -toBox(hole, {0.4f, 0.5f * (Y1 - Y0), 0.5f * (Z1 - Z0)}));
    best.add(std::max(wall, outside), WALLS);
    if (p.x > -W + 0.5f) {
      best.add(p.x + W - 0.3f, FRAME);
    } else {
    const V3 f = p - V3{-W - 0.12f, 0.5f * (Y0 + Y1), 0.5f * (Z0 + Z1)};
    const float halfY = 0.5f * (Y1 - Y0), halfZ = 0.5f * (Z1 - Z0);
    float frame = std::max(toBox(f, {0.035f, halfY, halfZ}, 0.004f), -toBox(f, {0.1f, halfY - 0.055f, halfZ - 0.055f}));
    frame = std::min(frame, toBox(f, {0.03f, halfY, 0.035f}, 0.004f));
    frame = std::min(frame, toBox(f - V3{0, 0.28f, 0}, {0.022f, 0.018f, halfZ}, 0.004f));
    frame = std::min(frame, toBox(f - V3{0.13f, -halfY - 0.005f, 0}, {0.16f, 0.018f, halfZ + 0.05f}, 0.006f));
    best.add(frame, FRAME);
    }
    // Skirting boards.
    if (p.y > 0.4f) {
      best.add(p.y - 0.12f, SKIRTING);
    } else {
    best.add(toBox(p - V3{0, 0.055f, D}, {W, 0.055f, 0.014f}, 0.005f), SKIRTING);
    best.add(toBox(p - V3{W, 0.055f, 0}, {0.014f, 0.055f, 5}, 0.005f), SKIRTING);
    best.add(toBox(p - V3{-W, 0.055f, 0}, {0.014f, 0.055f, 5}, 0.005f), SKIRTING);
    const V3 r = p - V3{0.1f, 0.004f, -0.2f};
    best.add(toBox(r, {1.05f, 0.006f, 0.70f}, 0.005f), RUG);
    }
    chair(p - V3{0.15f, 0, 0.75f}, best);
    plant(p - V3{-1.45f, 0, 1.25f}, best);
    if (p.z < D - 0.4f) {
      best.add(D - 0.05f - p.z, PAINTING);
      return best;
    }
    const V3 c = p - V3{0.75f, 1.62f, D - 0.014f};
    best.add(std::max(toBox(c, {0.34f, 0.44f, 0.016f}, 0.002f), -toBox(c + V3{0, 0, 0.02f}, {0.315f, 0.415f, 0.02f})), PICTURE);
    best.add(toBox(c, {0.32f, 0.42f, 0.006f}), PAINTING);
    return best;
  }
  static void chair(V3 p, Nearest& best) {
    const float near = toBox(p - V3{0, 0.45f, 0}, {0.32f, 0.52f, 0.32f});
    if (near > 0.1f) {
      best.add(near + 0.05f, CHAIR);
      return;
    }
    // Turned a little towards the window.
    const float c = std::cos(0.55f), s = std::sin(0.55f);
    p = {c * p.x - s * p.z, p.y, s * p.x + c * p.z};
    const V3 m{std::fabs(p.x), p.y, p.z};
    float d = toCapsule(m, {0.15f, 0.43f, -0.16f}, {0.20f, 0, -0.21f}, 0.019f, 0.012f);
    d = std::min(d, toCapsule(m, {0.15f, 0.43f, 0.16f}, {0.19f, 0, 0.23f}, 0.019f, 0.012f));
    d = std::min(d, toCapsule(m, {0.165f, 0.45f, 0.17f}, {0.19f, 0.93f, 0.27f}, 0.015f, 0.011f));
    d = std::min(d, toCapsule(m, {0, 0.2f, -0.18f}, {0.18f, 0.2f, -0.185f}, 0.009f, 0.009f));
    for (int k = 0; k < 3; k++) {
      // Slats, bent to the back.
      const float y = 0.62f + 0.125f * k, bend = 0.05f * (m.x * m.x / 0.036f - 1);
      d = std::min(d, toBox(V3{m.x, p.y - y, p.z - 0.245f - (y - 0.7f) * 0.2f + bend * 0.6f}, {0.185f, 0.027f, 0.008f}, 0.006f) * 0.8f);
    }
    best.add(d, CHAIR);
    const float dish = 0.012f * std::exp(-(m.x * m.x + p.z * p.z) / 0.012f);
    best.add(toBox(p - V3{0, 0.445f - dish, 0}, {0.215f, 0.017f, 0.205f}, 0.015f) * 0.8f, SEAT);
  }
  void plant(V3 p, Nearest& best) const {
    const float near = toSphere(p - V3{0, 0.7f, 0}, 0.85f);
    if (near > 0.1f) {
      best.add(near + 0.03f, LEAF);
      return;
    }
    const float r = 0.16f + 0.04f * (p.y / 0.34f);
    const float pot = std::max(std::hypot(p.x, p.z) - r, std::fabs(p.y - 0.17f) - 0.17f) * 0.95f;
    best.add(std::max(pot, -std::max(std::hypot(p.x, p.z) - r + 0.015f, 0.30f - p.y)), POT);
    const V3 root{0, 0.36f, 0};
    for (const Blade& b : leaves_) {
      // A long leaf that bends down towards its tip.
      const V3 q = p - root;
      const float along = clamp(dot(q, b.direction) / b.length, 0, 1);
      const V3 side = normalize(cross(b.direction, {0, 1, 0.01f})), up = cross(side, b.direction);
      const V3 spine = b.direction * (along * b.length) - V3{0, 0.26f * b.length * along * along * (1 - b.direction.y * 0.6f), 0};
      const V3 o = q - spine;
      const float width = b.width * std::sqrt(std::max(0.02f, std::sin(PI * std::pow(along, 0.7f)))) + 0.002f;
      const float across = dot(o, side), height = dot(o, up) - 0.25f * std::fabs(across);
      const float d = std::max(std::fabs(across) - width, std::max(std::fabs(height) - 0.0015f, std::fabs(dot(o, b.direction)) - 0.02f));
      best.add(d * 0.55f, LEAF);
    }
  }
  Material material(V3 p, V3& n, int object) const override {
    switch (object) {
      case FLOOR:
        return wood(p.z, p.x, 0.13f, 2.2f, {0.47f, 0.30f, 0.165f}, {0.27f, 0.145f, 0.07f}, n, 0.36f);
      case SEAT:
      case CHAIR: {
        const float grain = fbm(V3{p.x * 9, p.y * (object == SEAT ? 30.f : 5.f), p.z * 60}, 3, 4);
        return {Material::SOLID, mix(V3{0.20f, 0.105f, 0.05f}, V3{0.30f, 0.165f, 0.08f}, 0.5f + grain), 0.4f, 0.04f, 0};
      }
      case POT:
        return {Material::SOLID, V3{0.52f, 0.26f, 0.16f} * (0.85f + 0.25f * fbm(p * 14, 4, 5)), 0.8f, 0.02f, 0};
      case LEAF:
        return {Material::SOLID, mix(V3{0.045f, 0.115f, 0.028f}, V3{0.09f, 0.19f, 0.045f}, 0.5f + fbm(p * 8, 3, 6)), 0.42f, 0.04f, 0.5f};
      case FRAME:
      case SKIRTING:
      case CEILING:
        return {Material::SOLID, {0.80f, 0.79f, 0.76f}, 0.5f, object == CEILING ? 0.f : 0.03f, 0};
      case PICTURE:
        return {Material::SOLID, {0.035f, 0.03f, 0.027f}, 0.4f, 0.04f, 0};
      case PAINTING: {
        // A print: paper, and hills in a few flat tones.
        const float u = p.x - 0.75f, v = p.y - 1.62f;
        if (std::fabs(u) > 0.23f || std::fabs(v) > 0.33f) return {Material::SOLID, {0.78f, 0.77f, 0.72f}, 0.6f, 0.03f, 0};
        const V3 tones[] = {{0.60f, 0.42f, 0.28f}, {0.36f, 0.30f, 0.26f}, {0.16f, 0.22f, 0.24f}, {0.07f, 0.11f, 0.14f}};
        V3 colour{0.74f, 0.62f, 0.48f};
        if (std::hypot(u - 0.06f, v - 0.14f) < 0.07f) colour = {0.72f, 0.28f, 0.12f};
        for (int k = 0; k < 4; k++) {
          if (v < 0.06f - 0.09f * k + 0.09f * fbm(u * 5 + 9 * k, 0.5f + k, 3, 7)) colour = tones[k];
        }
        return {Material::SOLID, colour, 0.6f, 0.03f, 0};
      }
      case RUG: {
        const float u = p.x - 0.1f, v = p.z + 0.2f, weave = 0.75f + 0.35f * noise(V3{u * 400, 0, v * 160}, 8) + 0.3f * fbm(V3{u * 30, 0, v * 30}, 3, 9);
        V3 colour = {0.33f, 0.29f, 0.235f};
        const float edge = std::min(1.05f - std::fabs(u), 0.70f - std::fabs(v));
        if ((edge > 0.07f && edge < 0.085f) || (edge > 0.11f && edge < 0.14f)) colour = {0.14f, 0.17f, 0.22f};
        n = normalize(n + V3{0.2f * noise(V3{u * 500, 1, v * 200}, 10), 0, 0.2f * noise(V3{u * 500, 3, v * 200}, 11)});
        return {Material::SOLID, colour * weave, 0.9f, 0, 0};
      }
      default: {
        const float trowel = fbm(V3{p.x * 2.5f, p.y * 2.5f, p.z * 2.5f}, 4, 12), fine = noise(p * 90.f, 13);
        n = normalize(n + V3{0.01f * fine, 0.01f * noise(p * 90.f, 14), 0.01f * noise(p * 90.f, 15)});
        return {Material::SOLID, V3{0.66f, 0.64f, 0.585f} * (0.97f + 0.06f * trowel), 0.9f, 0, 0};
      }
    }
  }
  V3 outside(V3 d) const { return d.y > 0 ? mix(V3{5.6f, 5.8f, 5.6f}, V3{2.4f, 3.6f, 5.8f}, std::sqrt(clamp(d.y, 0, 1))) : mix(V3{5.0f, 5.2f, 4.8f}, V3{0.9f, 1.1f, 0.5f}, smoothstep(0, 0.12f, -d.y)); }
  V3 sky(V3 d, bool withSun) const override { return withSun ? outside(d) : V3{}; }
  V3 directLight(V3 p, V3 n, float soft, Rng& rng) const override {
    V3 sum;
    const auto facing = [&](V3 d) {
      const float c = dot(n, d);
      return soft > 0 ? std::max(0.f, (c + 0.5f * soft) / (1 + 0.5f * soft)) : std::max(0.f, c);
    };
    const V3 toSun = rng.coneDirection(sunDirection_, 0.006f);
    const float c = facing(toSun);
    if (c > 0 && entersBy(p, toSun)) sum += sunLight_ * (c / PI * open(p, toSun, 9));
    // The sky through the window: a point of it.
    const V3 q{-W - 0.26f, rng.uniform(Y0, Y1), rng.uniform(Z0, Z1)};
    const V3 w = q - p;
    const float l2 = dot(w, w), l = std::sqrt(l2);
    const V3 d = w / l;
    const float s = facing(d);
    if (s > 0 && d.x < 0) sum += outside(d) * (s * -d.x * (Y1 - Y0) * (Z1 - Z0) / (std::max(l2, 0.02f) * PI) * open(p, d, l * 0.999f));
    return sum;
  }
  V3 glossyLamps(V3 p, V3, V3 r, Rng&) const override {
    return entersBy(p, r) ? outside(r) * open(p, r, 9) : V3{};
  }
  static bool entersBy(V3 p, V3 d) {
    if (d.x >= 0) return false;
    const V3 q = p + d * ((p.x + W + 0.2f) / -d.x);
    return q.y > Y0 && q.y < Y1 && q.z > Z0 && q.z < Z1;
  }

 private:
  struct Blade {
    V3 direction;
    float length, width;
  };
  std::vector<Blade> leaves_;
  Atmosphere air_;
  V3 sunDirection_, sunLight_;
};

}  // namespace

std::unique_ptr<Scene> room(uint64_t seed) { return std::make_unique<Room>(seed); }
