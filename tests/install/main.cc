// Reads the history named on the command line and judges it by every checker that is installed.
#include <iostream>

#include <checkers/checkers.h>
#include <harness/io/load.h>

int main(int, char** argv) {
  const auto loaded = faultline::load_history(argv[1]);
  if (!loaded) return std::cerr << loaded.error().what << '\n', 64;
  for (const faultline::CheckerEntry& entry : faultline::checkers()) {
    const faultline::ConfigNode defaults;
    faultline::Params params(defaults, "check");
    const auto checker = entry.make(params);
    if (!checker) return std::cerr << checker.error().what << '\n', 64;
    std::cout << entry.name << " "
              << name_of((*checker)->check(loaded->history, faultline::Budget{}).validity) << '\n';
  }
}
