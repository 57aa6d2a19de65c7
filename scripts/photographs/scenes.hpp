// The pictures that can be made, each in a file of its own.
#pragma once
#include <memory>
#include "film.hpp"

std::unique_ptr<Scene> mountains(uint64_t seed);
std::unique_ptr<Scene> dunes(uint64_t seed);
std::unique_ptr<Scene> sea(uint64_t seed);
std::unique_ptr<Scene> oranges(uint64_t seed);
std::unique_ptr<Scene> room(uint64_t seed);
std::unique_ptr<Scene> stones(uint64_t seed);
std::unique_ptr<Scene> forest(uint64_t seed);
std::unique_ptr<Scene> rain(uint64_t seed);
std::unique_ptr<Scene> cloudscape(uint64_t seed);
