// Makes one picture: photographs SCENE OUT.ppm [SIZE] [SAMPLES] [SEED]
#include <cstdlib>
#include <cstring>
#include "scenes.hpp"

namespace {
struct Entry {
  const char* name;
  std::unique_ptr<Scene> (*create)(uint64_t seed);
};
const Entry ENTRIES[] = {
    {"mountains", mountains},
    {"dunes", dunes},
    {"sea", sea},
    {"oranges", oranges},
    {"room", room},
    {"stones", stones},
    {"forest", forest},
    {"rain", rain},
    {"cloudscape", cloudscape},
};

[[noreturn]] void usage() {
  std::fprintf(stderr, "photographs SCENE OUT.ppm [SIZE=512] [SAMPLES=the scene's own] [SEED=1]; scenes:");
  for (const Entry& entry : ENTRIES) std::fprintf(stderr, " %s", entry.name);
  std::fprintf(stderr, "\n");
  std::exit(2);
}
}  // namespace

int main(int count, char** arguments) {
  if (count < 3 || count > 6) usage();
  const int size = count > 3 ? std::atoi(arguments[3]) : 512, samples = count > 4 ? std::atoi(arguments[4]) : 0;
  const uint64_t seed = count > 5 ? std::strtoull(arguments[5], nullptr, 10) : 1;
  if (size < 8 || size > 4096 || samples < 0) usage();
  for (const Entry& entry : ENTRIES) {
    if (std::strcmp(entry.name, arguments[1]) != 0) continue;
    const auto scene = entry.create(seed);
    develop(expose(*scene, size, samples > 0 ? samples : scene->samples, seed), size, scene->look, arguments[2], seed);
    return 0;
  }
  usage();
}
