// Three-vectors and small helpers. Lengths are metres, y points up.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>

constexpr float PI = 3.14159265f;

struct V3 {
  float x = 0, y = 0, z = 0;
};
inline V3 operator+(V3 a, V3 b) { return {a.x + b.x, a.y + b.y, a.z + b.z}; }
inline V3 operator-(V3 a, V3 b) { return {a.x - b.x, a.y - b.y, a.z - b.z}; }
inline V3 operator*(V3 a, V3 b) { return {a.x * b.x, a.y * b.y, a.z * b.z}; }
inline V3 operator*(V3 a, float s) { return {a.x * s, a.y * s, a.z * s}; }
inline V3 operator*(float s, V3 a) { return a * s; }
inline V3 operator/(V3 a, float s) { return a * (1 / s); }
inline V3 operator-(V3 a) { return {-a.x, -a.y, -a.z}; }
inline V3& operator+=(V3& a, V3 b) { return a = a + b; }
inline V3& operator*=(V3& a, V3 b) { return a = a * b; }
inline float dot(V3 a, V3 b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
inline V3 cross(V3 a, V3 b) { return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x}; }
inline float length(V3 a) { return std::sqrt(dot(a, a)); }
inline V3 normalize(V3 a) { return a / length(a); }
inline V3 reflect(V3 d, V3 n) { return d - n * (2 * dot(d, n)); }
inline V3 exp(V3 a) { return {std::exp(a.x), std::exp(a.y), std::exp(a.z)}; }
inline float largest(V3 a) { return std::max(a.x, std::max(a.y, a.z)); }
inline V3 grey(float v) { return {v, v, v}; }

inline float clamp(float x, float low, float high) { return std::min(std::max(x, low), high); }
inline float mix(float a, float b, float t) { return a + (b - a) * t; }
inline V3 mix(V3 a, V3 b, float t) { return a + (b - a) * t; }
inline float smoothstep(float from, float to, float x) {
  const float t = clamp((x - from) / (to - from), 0, 1);
  return t * t * (3 - 2 * t);
}
/** Smallest of two distances with a rounded joint of width `k`. */
inline float smoothMin(float a, float b, float k) {
  const float h = std::max(k - std::fabs(a - b), 0.f) / k;
  return std::min(a, b) - h * h * k * 0.25f;
}

struct Ray {
  V3 origin, direction;
  V3 at(float t) const { return origin + direction * t; }
};

/** Two unit vectors across `n`. */
inline void basis(V3 n, V3& u, V3& v) {
  u = normalize(std::fabs(n.y) < 0.9f ? cross({0, 1, 0}, n) : cross({1, 0, 0}, n));
  v = cross(n, u);
}
