// The sea at sunset: wind waves from a spectrum, the sky in them, a path of glitter.
#include "clouds.hpp"
#include "scenes.hpp"
#include "terrain.hpp"

namespace {

/** A square of waves that repeats: a sum of waves that go a whole number of times into it. */
class WaveTile {
 public:
  WaveTile(float extent, float shortest, float longest, float height, V3 wind, uint64_t seed) : extent_(extent), h_(N * N), sx_(N * N), sz_(N * N) {
    Rng rng(seed, 9);
    struct Wave {
      float kx, kz, a, phase;
    };
    std::vector<Wave> waves;
    float power = 0;
    const int most = static_cast<int>(extent / shortest);
    for (int j = -most; j <= most; j++) {
      for (int i = -most; i <= most; i++) {
        const float k = std::sqrt(static_cast<float>(i * i + j * j)), lambda = extent / std::max(k, 1e-3f);
        if (lambda < shortest || lambda > longest || rng.uniform() > std::min(1.f, 60 / (k * k) + 0.06f)) continue;
        const float along = (i * wind.x + j * wind.z) / k;
        if (along < -0.2f) continue;
        // Amplitude of a Phillips spectrum, spread about the wind.
        const float a = std::pow(lambda, 1.6f) * (0.08f + along * along) * std::fabs(rng.normal());
        waves.push_back({2 * PI * i / extent, 2 * PI * j / extent, a, rng.uniform(0, 2 * PI)});
        power += a * a / 2;
      }
    }
    const float scale = height / std::sqrt(power);
    for (const Wave& w : waves) {
      // A turning phasor along each row.
      for (int j = 0; j < N; j++) {
        const float start = w.phase + w.kz * j * extent / N, turn = w.kx * extent / N;
        for (int i = 0; i < N; i++) {
          const float c = std::cos(start + turn * i), s = std::sin(start + turn * i), a = w.a * scale;
          h_[j * N + i] += a * c;
          sx_[j * N + i] -= a * w.kx * s;
          sz_[j * N + i] -= a * w.kz * s;
        }
      }
    }
  }
  struct Place {
    float height, slopeX, slopeZ;
  };
  Place at(float x, float z) const {
    float u = x / extent_ * N, v = z / extent_ * N;
    const float fu = std::floor(u), fv = std::floor(v);
    const int i = static_cast<int>(fu) & (N - 1), j = static_cast<int>(fv) & (N - 1), p = (i + 1) & (N - 1), q = (j + 1) & (N - 1);
    u -= fu;
    v -= fv;
    const auto of = [&](const std::vector<float>& a) { return mix(mix(a[j * N + i], a[j * N + p], u), mix(a[q * N + i], a[q * N + p], u), v); };
    return {of(h_), of(sx_), of(sz_)};
  }

 private:
  static constexpr int N = 256;
  float extent_;
  std::vector<float> h_, sx_, sz_;
};

class Sea : public Scene {
 public:
  explicit Sea(uint64_t seed)
      : air_(6.5f, 9, 1.6f),
        swell_(97, 4, 60, 0.34f, normalize({0.5f, 0, -0.85f}), seed),
        chop_(23, 0.9f, 8, 0.085f, normalize({0.8f, 0, -0.6f}), seed + 1),
        ripples_(5.3f, 0.12f, 1.2f, 0.0085f, normalize({0.9f, 0, -0.3f}), seed + 2) {
    camera = {{0, 2.6f, 0}, {0, 3.4f, 20}, 46};
    clouds_.bottom = 1500;
    clouds_.top = 2500;
    clouds_.scale = 3000;
    clouds_.cover = 0.37f;
    clouds_.density = 0.008f;
    clouds_.billow = 0.45f;
    clouds_.edge = 0.22f;
    clouds_.octaves = 7;
    clouds_.shift = {3000.f * static_cast<float>(seed), 0, 2000};
    look = {0.43f, 1.1f, 1.15f, 0.12f, 0.3f};
    samples = 16;
    // The sky as the sea mirrors it.
    Rng rng(seed, 3);
    for (int j = 0; j < ROWS; j++) {
      for (int i = 0; i < COLUMNS; i++) {
        V3 sum;
        for (int s = 0; s < 4; s++) sum += skyAt({{0, 3, 0}, direction(i + 0.5f, j + 0.5f)}, rng, 32);
        panorama_.push_back(sum / 4);
      }
    }
  }
  V3 radiance(Ray ray, Rng& rng) const override {
    const auto height = [&](float x, float z) { return swell_.at(x, z).height + chop_.at(x, z).height; };
    const float t = ray.direction.y < 0.02f ? meetGround(ray, 0.8f, 12000, 2.0f, 0.002f, height) : -1;
    if (t < 0) return skyAt(ray, rng, 64);
    const V3 p = ray.at(t);
    const auto a = swell_.at(p.x, p.z), b = chop_.at(p.x, p.z), c = ripples_.at(p.x, p.z);
    const float gusts = 0.6f + 0.9f * clamp(0.5f + fbm(p.x / 30, p.z / 18, 3, 5), 0, 1);
    V3 n = normalize({-a.slopeX - b.slopeX - c.slopeX * gusts - 0.03f * rng.normal(), 1, -a.slopeZ - b.slopeZ - c.slopeZ * gusts - 0.03f * rng.normal()});
    if (dot(n, ray.direction) > -0.01f) n = normalize(n - ray.direction * (dot(n, ray.direction) + 0.02f));
    V3 r = reflect(ray.direction, n);
    if (r.y < 0.005f) r.y = 0.005f + 0.3f * std::fabs(r.y);
    r = normalize(r);
    const float cosine = clamp(-dot(ray.direction, n), 0, 1), fresnel = 0.02f + 0.98f * std::pow(1 - cosine, 5.f);
    const float off = std::acos(clamp(dot(r, air_.sun), -1, 1));
    const V3 above = mirrored(r) + air_.sunBelow * (0.18f * std::exp(-off * off / (0.05f * 0.05f)));
    // Light that comes back out of the water, more through thin crests.
    const float crest = smoothstep(-0.4f, 1.0f, a.height + b.height);
    const V3 water = V3{0.006f, 0.030f, 0.036f} * (largest(air_.ambient) * 1.2f) + V3{0.006f, 0.040f, 0.034f} * (crest * crest * largest(air_.sunBelow) * 0.05f);
    const V3 light = water * (1 - fresnel) + above * fresnel;
    const auto between = air_.between(ray.origin, ray.direction, t * 1.5f);
    return light * between.through + between.light;
  }

 private:
  static constexpr int ROWS = 160, COLUMNS = 512;
  Atmosphere air_;
  WaveTile swell_, chop_, ripples_;
  CloudLayer clouds_;
  std::vector<V3> panorama_;

  V3 skyAt(Ray ray, Rng& rng, int steps) const { return cloudySky(air_, clouds_, ray, rng, 0.012f, steps); }
  static V3 direction(float i, float j) {
    const float y = 0.004f + 0.996f * (j / ROWS) * (j / ROWS), a = i / COLUMNS * 2 * PI - PI, r = std::sqrt(1 - y * y);
    return {r * std::sin(a), y, r * std::cos(a)};
  }
  V3 mirrored(V3 d) const {
    const float v = clamp(std::sqrt(std::max(0.f, (d.y - 0.004f) / 0.996f)) * ROWS - 0.5f, 0, ROWS - 1.001f);
    const float u = (std::atan2(d.x, d.z) + PI) / (2 * PI) * COLUMNS;
    const int i = static_cast<int>(u), j = static_cast<int>(v);
    const auto at = [&](int a, int b) { return panorama_[b * COLUMNS + a % COLUMNS]; };
    return mix(mix(at(i, j), at(i + 1, j), u - i), mix(at(i, j + 1), at(i + 1, j + 1), u - i), v - j);
  }
};

}  // namespace

std::unique_ptr<Scene> sea(uint64_t seed) { return std::make_unique<Sea>(seed); }
