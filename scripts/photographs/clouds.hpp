// Cumulus clouds: a layer of noise, marched through, lit by the sun through itself and by the sky.
#pragma once
#include <functional>
#include "atmosphere.hpp"
#include "random.hpp"

struct CloudLayer {
  float bottom = 1200, top = 2600;  // of the layer
  float scale = 2200;               // metres of the largest lumps
  float cover = 0.5f;               // 0 none, 1 all
  float density = 0.03f;            // extinction per metre
  V3 shift = {};
  int octaves = 6;
  float billow = 0;   // 0 wisps, 1 cauliflower
  float edge = 0.16f; // width of the border

  /** Extinction per metre at a point. */
  float at(V3 p, bool fine = true) const {
    const float h = (p.y - bottom) / (top - bottom);
    if (h < 0 || h > 1) return 0;
    const V3 q = (p + shift) / scale;
    // Flat below, round above, and of different heights.
    const float base = fbm(q.x, q.z, 3, 11) * 1.3f + fbm(V3{q.x * 2.1f, q.y * 2.1f, q.z * 2.1f}, 2, 3) * 0.5f + cover - 0.5f;
    const float shape = base - 0.75f * h * h - 0.3f * smoothstep(0.12f, 0, h);
    if (shape < -0.2f) return 0;
    if (shape > 0.9f) return density;
    const int detailed = fine ? octaves - 1 : 2;
    float detail = billow > 0 ? billow * billows(q * 5.5f, detailed, 7) : 0;
    // Wisps on the bulges, finer and weaker.
    if (fine || billow <= 0) detail += (billow > 0 ? 0.45f : 1) * fbm(q * (billow > 0 ? 17.f : 7.f), billow > 0 ? 4 : detailed, 9);
    return density * smoothstep(0, edge, shape + 0.46f * detail - 0.02f);
  }

  struct Passage {
    V3 light;
    float through = 1, distance = 0;
  };
  /** What a ray gathers in the layer within `far` metres. */
  Passage march(Ray ray, float far, const Atmosphere& air, Rng& rng, int steps = 64) const {
    Passage result;
    float from = 0, to = far;
    const float dy = ray.direction.y;
    if (std::fabs(dy) < 1e-4f) {
      if (ray.origin.y < bottom || ray.origin.y > top) return result;
    } else {
      const float a = (bottom - ray.origin.y) / dy, b = (top - ray.origin.y) / dy;
      from = std::max(0.f, std::min(a, b));
      to = std::min(far, std::max(a, b));
    }
    if (to <= from) return result;
    // Steps grow with distance where the eye is within or near the layer.
    const float ratio = (to + 400) / (from + 400);
    const auto place = [&](float f) { return ratio > 4 ? (from + 400) * std::pow(ratio, f) - 400 : mix(from, to, f); };
    const float jitter = rng.uniform();
    const V3 sunlight = air.sunlight(0.5f * (bottom + top));
    const float mu = dot(ray.direction, air.sun);
    float weight = 0, way = 0;
    for (int k = 0; k < steps && result.through > 0.004f; k++) {
      const float t0 = place(static_cast<float>(k) / steps), t1 = place(static_cast<float>(k + 1) / steps), t = mix(t0, t1, jitter);
      const V3 p = ray.at(t);
      const float here = at(p);
      if (here <= 0) continue;
      // Depth of cloud towards the sun.
      float depth = 0, reach = (top - bottom) * 0.03f, s = 0;
      for (int l = 0; l < 6; l++) {
        s += reach * (0.5f + 0.5f * rng.uniform());
        depth += at(p + air.sun * s, l < 2) * reach * 1.2f;
        s += reach * 0.3f;
        reach *= 1.75f;
      }
      // Wrenninge (2013): scatterings of higher order as weaker, wider, deeper-reaching first ones.
      V3 lit;
      float a = 1, b = 1, c = 1;
      for (int order = 0; order < 5; order++) {
        const float phase = mix(henyey(mu, -0.2f * c), henyey(mu, 0.75f * c), 0.75f);
        lit += sunlight * (a * phase * std::exp(-depth * b));
        a *= 0.62f;
        b *= 0.42f;
        c *= 0.6f;
      }
      const float h = clamp((p.y - bottom) / (top - bottom), 0, 1);
      lit += air.ambient * mix(0.10f, 0.32f, h);
      const float stop = 1 - std::exp(-here * (t1 - t0));
      result.light += lit * (result.through * stop);
      way += t * result.through * stop;
      weight += result.through * stop;
      result.through *= 1 - stop;
    }
    if (weight > 0) result.distance = way / weight;
    return result;
  }

 private:
  static float henyey(float mu, float g) { return (1 - g * g) / (4 * PI * std::pow(1 + g * g - 2 * g * mu, 1.5f)); }
};

/** The sky with a layer of clouds, the air before them, and the sun's disc widened to `disc` radians. */
inline V3 cloudySky(const Atmosphere& air, const CloudLayer& clouds, Ray ray, Rng& rng, float disc = 0, int steps = 48) {
  V3 light = air.sky(ray.direction);
  if (disc > 0) {
    const float off = std::acos(clamp(dot(ray.direction, air.sun), -1, 1));
    light += air.sunBelow * (std::exp(-off * off / (disc * disc)) * 0.00007f / (disc * disc));
  }
  const auto passage = clouds.march(ray, 60000, air, rng, steps);
  if (passage.through > 0.999f) return light;
  const auto before = air.between(ray.origin, ray.direction, passage.distance);
  return light * passage.through + passage.light * before.through + before.light * (1 - passage.through);
}
