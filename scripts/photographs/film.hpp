// Camera, sampling of pixels, and film: glow, tone curve, colour, vignette, grain.
#pragma once
#include <cstdio>
#include <string>
#include <vector>
#include "denoise.hpp"
#include "noise.hpp"
#include "random.hpp"

struct Camera {
  V3 eye, target;
  float fieldDeg = 40;     // of the picture's height
  float aperture = 0;      // radius of the lens
  float focus = 1;         // distance in focus
};

struct Look {
  float exposure = 1, saturation = 1.05f, contrast = 1.0f, glow = 0.05f, vignette = 0.25f, grain = 0.006f;
  V3 balance = {1, 1, 1};
};

/** One picture: a camera and the light that comes along a ray. */
class Scene {
 public:
  Camera camera;
  Look look;
  int samples = 64;
  float denoising = 0;  // strength; 0 leaves the samples' mean
  virtual ~Scene() = default;
  virtual V3 radiance(Ray ray, Rng& rng) const = 0;
  /** Colour and normal of what the ray meets first, for scenes with `denoising`. */
  virtual void guide(Ray, V3& albedo, V3& normal) const { albedo = normal = {}; }
};

inline std::vector<V3> expose(const Scene& scene, int size, int samples, uint64_t seed) {
  const Camera& c = scene.camera;
  const V3 ahead = normalize(c.target - c.eye), right = normalize(cross(ahead, {0, 1, 0})), up = cross(right, ahead);
  const float half = std::tan(c.fieldDeg * PI / 360);
  std::vector<Pixel> picture(static_cast<size_t>(size) * size);
  const int side = std::max(1, static_cast<int>(std::sqrt(static_cast<float>(samples))));
  for (int y = 0; y < size; y++) {
    for (int x = 0; x < size; x++) {
      Rng rng(seed, static_cast<uint64_t>(y) * size + x);
      V3 sum, albedo, normal;
      float square = 0;
      for (int s = 0; s < side * side; s++) {
        // Stratified over the pixel, a tent of two pixels' width.
        const auto tent = [](float e) { return e < 0.5f ? std::sqrt(2 * e) - 1 : 1 - std::sqrt(2 - 2 * e); };
        const float px = x + 0.5f + 0.9f * tent((s % side + rng.uniform()) / side);
        const float py = y + 0.5f + 0.9f * tent((s / side + rng.uniform()) / side);
        const float u = (2 * px / size - 1) * half, v = (1 - 2 * py / size) * half;
        const V3 d = normalize(ahead + right * u + up * v);
        Ray ray{c.eye, d};
        if (c.aperture > 0) {
          const float r = c.aperture * std::sqrt(rng.uniform()), a = 2 * PI * rng.uniform();
          const V3 sharp = c.eye + d * (c.focus / dot(d, ahead));
          ray.origin = c.eye + right * (r * std::cos(a)) + up * (r * std::sin(a));
          ray.direction = normalize(sharp - ray.origin);
        }
        V3 light = scene.radiance(ray, rng);
        if (!(light.x >= 0 && light.y >= 0 && light.z >= 0)) light = {};
        // A limit to rare bright paths, in units of the exposed picture.
        const float most = (scene.denoising > 0 ? 5 : 12) / scene.look.exposure, peak = largest(light);
        if (peak > most) light = light * (most / peak);
        sum += light;
        if (scene.denoising > 0) {
          const float luma = dot(light, {0.3f, 0.5f, 0.2f});
          square += luma * luma;
          V3 a, n;
          scene.guide(ray, a, n);
          albedo += a;
          normal += n;
        }
      }
      const float n = static_cast<float>(side * side), mean = dot(sum, {0.3f, 0.5f, 0.2f}) / n;
      picture[static_cast<size_t>(y) * size + x] = {sum / n, albedo / n, normal / n, std::max(0.f, square / n - mean * mean) / n};
    }
    if (y % 32 == 31) std::fprintf(stderr, "\r%d %%", 100 * (y + 1) / size);
  }
  std::fprintf(stderr, "\n");
  if (scene.denoising > 0) return denoise(picture, size, scene.denoising);
  std::vector<V3> light;
  for (const Pixel& pixel : picture) light.push_back(pixel.light);
  return light;
}

/** Light spread by lens and film: a wide blur, by three box blurs a direction. */
inline std::vector<V3> blurred(std::vector<V3> a, int size, int radius) {
  std::vector<V3> b(a.size());
  for (int pass = 0; pass < 6; pass++) {
    const int step = pass % 2 == 0 ? 1 : size, across = pass % 2 == 0 ? size : 1;
    for (int line = 0; line < size; line++) {
      for (int i = 0; i < size; i++) {
        V3 sum;
        for (int k = -radius; k <= radius; k++) sum += a[line * across + std::min(std::max(i + k, 0), size - 1) * step];
        b[line * across + i * step] = sum / static_cast<float>(2 * radius + 1);
      }
    }
    std::swap(a, b);
  }
  return a;
}

/** The filmic curve of Hable (2010), white at 8. */
inline float filmCurve(float x) {
  const auto f = [](float v) { return (v * (0.22f * v + 0.03f) + 0.002f) / (v * (0.22f * v + 0.3f) + 0.06f) - 0.002f / 0.06f; };
  return clamp(f(x * 1.6f) / f(9), 0, 1);
}

/** Writes the picture as binary PPM, 8 bits. */
inline void develop(const std::vector<V3>& light, int size, const Look& look, const std::string& path, uint64_t seed) {
  const auto wide = blurred(light, size, std::max(1, size / 40)), close = blurred(light, size, std::max(1, size / 200));
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) {
    std::fprintf(stderr, "%s: cannot be written\n", path.c_str());
    std::exit(1);
  }
  std::fprintf(file, "P6\n%d %d\n255\n", size, size);
  Rng rng(seed, 77);
  for (int y = 0; y < size; y++) {
    for (int x = 0; x < size; x++) {
      const size_t i = static_cast<size_t>(y) * size + x;
      const float u = (x + 0.5f) / size - 0.5f, v = (y + 0.5f) / size - 0.5f;
      V3 c = light[i] * (1 - look.glow) + (wide[i] * 0.6f + close[i] * 0.4f) * look.glow;
      c = c * look.balance * (look.exposure * (1 - look.vignette * 2 * (u * u + v * v)));
      c = {filmCurve(c.x), filmCurve(c.y), filmCurve(c.z)};
      const float luma = dot(c, {0.2126f, 0.7152f, 0.0722f});
      c = mix(grey(luma), c, look.saturation);
      const float shade = look.grain * rng.normal();
      const auto byte = [&](float e) {
        e = clamp(e, 0, 1);
        e = e <= 0.0031308f ? 12.92f * e : 1.055f * std::pow(e, 1 / 2.4f) - 0.055f;
        const float s = e * e * (3 - 2 * e);
        e = mix(e, s, look.contrast - 1);
        return static_cast<int>(clamp((e + shade) * 255 + rng.uniform(), 0, 255));
      };
      std::fputc(byte(c.x), file);
      std::fputc(byte(c.y), file);
      std::fputc(byte(c.z), file);
    }
  }
  std::fclose(file);
}
