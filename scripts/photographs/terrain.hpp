// Ground as a grid of heights: made of noise, worn by running water, met by rays.
#pragma once
#include <functional>
#include <vector>
#include "noise.hpp"
#include "random.hpp"

class HeightGrid {
 public:
  /** n×n heights over a square of `extent` metres around the origin. */
  HeightGrid(int n, float extent, const std::function<float(float, float)>& height) : n_(n), extent_(extent), h_(static_cast<size_t>(n) * n) {
    for (int j = 0; j < n; j++) {
      for (int i = 0; i < n; i++) h_[at(i, j)] = height((static_cast<float>(i) / n - 0.5f) * extent, (static_cast<float>(j) / n - 0.5f) * extent);
    }
  }
  float cell() const { return extent_ / n_; }

  /** Height at a place, cubic between grid points (Catmull-Rom), the border's outside. */
  float height(float x, float z) const {
    const float u = clamp((x / extent_ + 0.5f) * n_, 1, n_ - 3.001f), v = clamp((z / extent_ + 0.5f) * n_, 1, n_ - 3.001f);
    const int i = static_cast<int>(u), j = static_cast<int>(v);
    const float fu = u - i, fv = v - j;
    float wu[4], wv[4], sum = 0;
    weights(fu, wu);
    weights(fv, wv);
    for (int b = 0; b < 4; b++) {
      const float* row = &h_[at(i - 1, j - 1 + b)];
      sum += wv[b] * (wu[0] * row[0] + wu[1] * row[1] + wu[2] * row[2] + wu[3] * row[3]);
    }
    return sum;
  }

  /** Drops of water that run downhill, take ground along and leave it where they slow down. */
  void erode(int drops, float strength, uint64_t seed) {
    Rng rng(seed, 5);
    const float unit = cell();
    for (int k = 0; k < drops; k++) {
      float x = rng.uniform(1, n_ - 3.f), y = rng.uniform(1, n_ - 3.f), dx = 0, dy = 0, speed = 1, water = 1, load = 0;
      for (int step = 0; step < 64; step++) {
        const int i = static_cast<int>(x), j = static_cast<int>(y);
        const float fx = x - i, fy = y - j;
        const float a = h_[at(i, j)], b = h_[at(i + 1, j)], c = h_[at(i, j + 1)], d = h_[at(i + 1, j + 1)];
        const float gx = mix(b - a, d - c, fy) / unit, gy = mix(c - a, d - b, fx) / unit, old = mix(mix(a, b, fx), mix(c, d, fx), fy);
        dx = dx * 0.1f - gx * 0.9f;
        dy = dy * 0.1f - gy * 0.9f;
        const float norm = std::sqrt(dx * dx + dy * dy);
        if (norm < 1e-6f) break;
        dx /= norm;
        dy /= norm;
        x += dx;
        y += dy;
        if (x < 1 || y < 1 || x > n_ - 3 || y > n_ - 3) break;
        const int p = static_cast<int>(x), q = static_cast<int>(y);
        const float now = mix(mix(h_[at(p, q)], h_[at(p + 1, q)], x - p), mix(h_[at(p, q + 1)], h_[at(p + 1, q + 1)], x - p), y - q);
        const float fall = (old - now) / unit, room = std::max(fall, 0.02f) * speed * water * 4;
        const auto add = [&](float amount) {
          h_[at(i, j)] += amount * unit * (1 - fx) * (1 - fy);
          h_[at(i + 1, j)] += amount * unit * fx * (1 - fy);
          h_[at(i, j + 1)] += amount * unit * (1 - fx) * fy;
          h_[at(i + 1, j + 1)] += amount * unit * fx * fy;
        };
        if (fall < 0 || load > room) {
          const float left = fall < 0 ? std::min(-fall, load) : (load - room) * 0.3f;
          load -= left;
          add(left);
        } else {
          const float taken = std::min((room - load) * 0.3f * strength, fall);
          load += taken;
          add(-taken);
        }
        speed = std::sqrt(std::max(0.f, speed * speed + fall * 4));
        water *= 0.98f;
      }
    }
  }
  /** Slopes steeper than `talus` slide down a little, some rounds long. */
  void slide(float talus, int rounds) {
    const float most = talus * cell();
    for (int r = 0; r < rounds; r++) {
      for (int j = 1; j < n_ - 1; j++) {
        for (int i = 1; i < n_ - 1; i++) {
          for (const int o : {1, -1, n_, -n_}) {
            float& here = h_[at(i, j)];
            float& there = h_[at(i, j) + o];
            const float over = here - there - most;
            if (over > 0) {
              here -= over * 0.25f;
              there += over * 0.25f;
            }
          }
        }
      }
    }
  }

 private:
  int n_;
  float extent_;
  std::vector<float> h_;
  size_t at(int i, int j) const { return static_cast<size_t>(j) * n_ + i; }
  static void weights(float t, float* w) {
    w[0] = t * (-0.5f + t * (1 - 0.5f * t));
    w[1] = 1 + t * t * (-2.5f + 1.5f * t);
    w[2] = t * (0.5f + t * (2 - 1.5f * t));
    w[3] = t * t * (-0.5f + 0.5f * t);
  }
};

/** Where a ray meets the ground `height(x, z)`; negative where it does not before `far`. Steps grow with distance. */
template <class Height>
float meetGround(Ray ray, float near, float far, float top, float fineness, const Height& height) {
  float t = near, before = near;
  for (int k = 0; k < 1500 && t < far; k++) {
    const V3 p = ray.at(t);
    if (p.y > top && ray.direction.y >= 0) return -1;
    const float above = p.y - height(p.x, p.z);
    if (above < 0) {
      float low = before, high = t;
      for (int b = 0; b < 10; b++) {
        const float middle = 0.5f * (low + high);
        const V3 q = ray.at(middle);
        (q.y < height(q.x, q.z) ? high : low) = middle;
      }
      return 0.5f * (low + high);
    }
    before = t;
    t += std::max(above * 0.4f, fineness * t);
  }
  return -1;
}

/** Share of the sun that reaches a point over the ground, with a half shadow. */
template <class Height>
float sunOver(V3 p, V3 sun, float far, float top, float first, const Height& height) {
  float open = 1, t = first;
  for (int k = 0; k < 200 && t < far; k++) {
    const V3 q = p + sun * t;
    if (q.y > top) break;
    const float above = q.y - height(q.x, q.z);
    if (above < -0.02f * t) return 0;
    open = std::min(open, 0.5f + 0.5f * above / (0.012f * t));
    t += std::max(above * 0.6f, 0.02f * t + 0.3f * first);
  }
  return smoothstep(0, 1, clamp(open, 0, 1));
}
