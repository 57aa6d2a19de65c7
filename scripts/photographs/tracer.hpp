// A path tracer for solids given by distance functions: diffuse, glossy, metal and glass, lit by a sky and by lamps.
#pragma once
#include "film.hpp"

struct Material {
  enum Kind { SOLID, METAL, GLASS, LAMP } kind = SOLID;
  V3 colour = {0.5f, 0.5f, 0.5f};  // reflectance; transmittance of a metre of glass; light of a lamp
  float roughness = 0.5f;          // of the coat of a solid, or of the metal
  float coat = 0.04f;              // reflectance of a solid's coat at right angles; 0 for none
  float soft = 0;                  // share of light that goes through the skin: fruit, wax
};

/** The distance to the nearest surface, and whose it is. */
struct Nearest {
  float distance = 1e9f;
  int object = -1;
  void add(float d, int id) {
    if (d < distance) {
      distance = d;
      object = id;
    }
  }
};

class TracedScene : public Scene {
 public:
  V3 radiance(Ray ray, Rng& rng) const override {
    V3 light, weight = grey(1);
    bool counts = true;     // lamps and sun, where they were not sampled on the way
    bool scattered = false;  // after a matt surface coats are left out: bright dots for little light
    for (int bounce = 0; bounce < bounces; bounce++) {
      const Hit hit = meet(ray, far);
      if (hit.object < 0) {
        const V3 seen = sky(ray.direction, counts);
        light += weight * seen;
        break;
      }
      V3 p = ray.at(hit.t);
      V3 n = normal(p);
      const bool inside = dot(n, ray.direction) > 0;
      const Material m = material(p, n, hit.object);
      if (inside) n = -n;
      if (m.kind == Material::LAMP) {
        if (counts) light += weight * m.colour;
        break;
      }
      if (m.kind == Material::GLASS) {
        const V3 d = ray.direction;
        const float eta = inside ? 1.5f : 1 / 1.5f, c = -dot(d, n), k = 1 - eta * eta * (1 - c * c);
        if (inside) weight *= V3{std::pow(m.colour.x, hit.t), std::pow(m.colour.y, hit.t), std::pow(m.colour.z, hit.t)};
        float f = 1;
        if (k > 0) {
          const float ct = std::sqrt(k), n1 = inside ? 1.5f : 1, n2 = inside ? 1 : 1.5f;
          const float rs = (n1 * c - n2 * ct) / (n1 * c + n2 * ct), rp = (n1 * ct - n2 * c) / (n1 * ct + n2 * c);
          f = 0.5f * (rs * rs + rp * rp);
        }
        if (rng.uniform() < f) {
          ray = {p + n * (4 * touch), reflect(d, n)};
        } else {
          ray = {p - n * (4 * touch), normalize(d * eta + n * (eta * c - std::sqrt(k)))};
        }
        counts = true;
        continue;
      }
      p += n * (4 * touch);
      const float c = clamp(-dot(ray.direction, n), 0, 1);
      const float alpha = m.roughness * m.roughness;
      const float fresnel = m.kind == Material::METAL ? 1 : m.coat > 0 && !scattered ? m.coat + (1 - m.coat) * std::pow(1 - c, 5.f) * (1 - 0.6f * m.roughness) : 0;
      if (m.kind == Material::SOLID && fresnel > 0) {
        const V3 r = reflect(ray.direction, rng.ggxNormal(n, std::max(alpha, 1e-4f)));
        if (dot(r, n) > 0) light += weight * glossyLamps(p, n, normalize(r), rng) * fresnel;
      }
      if (rng.uniform() < fresnel) {
        const V3 h = rng.ggxNormal(n, std::max(alpha, 1e-4f));
        V3 r = reflect(ray.direction, h);
        if (dot(r, n) <= 0) r = reflect(r, n);
        if (m.kind == Material::METAL) {
          const float g = std::pow(1 - clamp(dot(r, h), 0, 1), 5.f);
          weight *= mix(m.colour, grey(1), g);
        }
        ray = {p, normalize(r)};
        // Lamps in a coat were added above.
        counts = m.kind == Material::METAL;
      } else {
        weight *= m.colour;
        light += weight * directLight(p, n, m.soft, rng);
        V3 d = rng.cosineDirection(n);
        if (m.soft > 0 && rng.uniform() < m.soft * 0.5f) d = rng.cosineDirection(normalize(n + rng.onSphere() * 0.8f));
        ray = {p, d};
        counts = false;
        scattered = true;
      }
      if (bounce > 2) {
        const float stay = std::min(0.95f, largest(weight));
        if (rng.uniform() >= stay) break;
        weight = weight / stay;
      }
    }
    return light;
  }
  void guide(Ray ray, V3& albedo, V3& n) const override {
    const Hit hit = meet(ray, far);
    albedo = grey(1);
    n = {};
    if (hit.object < 0) return;
    const V3 p = ray.at(hit.t);
    n = normal(p);
    const Material m = material(p, n, hit.object);
    if (m.kind == Material::SOLID) albedo = m.colour;
  }

 protected:
  float far = 60, touch = 2e-4f, shortening = 0.9f;
  int bounces = 10;

  virtual Nearest nearest(V3 p) const = 0;
  virtual Material material(V3 p, V3& n, int object) const = 0;
  /** Light from beyond everything; `withSun` adds what `directLight` samples. */
  virtual V3 sky(V3 d, bool withSun) const = 0;
  /** Light of sampled lamps on a diffuse surface, over π, before its colour. */
  virtual V3 directLight(V3 p, V3 n, float soft, Rng& rng) const = 0;
  /** Light of the lamps that a rough reflection towards `r` meets. */
  virtual V3 glossyLamps(V3, V3, V3, Rng&) const { return {}; }

  struct Hit {
    float t;
    int object;
  };
  Hit meet(Ray ray, float most) const {
    float t = 0, side = 0;
    for (int k = 0; k < 400 && t < most; k++) {
      const Nearest here = nearest(ray.at(t));
      if (side == 0) side = here.distance < 0 ? -1 : 1;
      const float d = here.distance * side;
      if (d < touch * (1 + 0.5f * t)) return {t, here.object};
      t += d * shortening;
    }
    return {most, -1};
  }
  /** 1 where nothing that stops light stands between; glass lets most through. */
  float open(V3 p, V3 d, float most) const {
    float t = 0, clear = 1;
    for (int k = 0; k < 200 && t < most; k++) {
      const Nearest here = nearest(p + d * t);
      if (here.distance < touch * 0.8f) {
        if (!letsThrough(here.object)) return 0;
        clear *= 0.97f;
        t += std::max(std::fabs(here.distance), touch * 20);
        if (clear < 0.3f) return clear;
      }
      t += std::max(std::fabs(here.distance) * shortening, touch);
    }
    return clear;
  }
  virtual bool letsThrough(int) const { return false; }
  V3 normal(V3 p) const {
    const float e = touch * 2;
    const V3 a{1, -1, -1}, b{-1, -1, 1}, c{-1, 1, -1}, d{1, 1, 1};
    return normalize(a * nearest(p + a * e).distance + b * nearest(p + b * e).distance + c * nearest(p + c * e).distance + d * nearest(p + d * e).distance);
  }
};

/** Distances. */
inline float toBox(V3 p, V3 half, float round = 0) {
  const V3 q{std::fabs(p.x) - half.x + round, std::fabs(p.y) - half.y + round, std::fabs(p.z) - half.z + round};
  const V3 o{std::max(q.x, 0.f), std::max(q.y, 0.f), std::max(q.z, 0.f)};
  return length(o) + std::min(largest(q), 0.f) - round;
}
inline float toSphere(V3 p, float r) { return length(p) - r; }
inline float toCapsule(V3 p, V3 a, V3 b, float ra, float rb) {
  const V3 pa = p - a, ba = b - a;
  const float h = clamp(dot(pa, ba) / dot(ba, ba), 0, 1);
  return length(pa - ba * h) - mix(ra, rb, h);
}
inline float toCylinder(V3 p, float r, float half, float round = 0) {
  const float x = std::hypot(p.x, p.z) - r + round, y = std::fabs(p.y) - half + round;
  return std::min(std::max(x, y), 0.f) + std::hypot(std::max(x, 0.f), std::max(y, 0.f)) - round;
}
