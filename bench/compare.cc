#include "bench/compare.h"

#include <cstdio>
#include <fstream>
#include <map>
#include <optional>

#include <nlohmann/json.hpp>

namespace {

using nlohmann::json;

/// What Google Benchmark writes about a benchmark besides what was measured.
bool is_measure(const std::string& name, const json& value) {
  static const char* const about[] = {
      "family_index",     "iterations",  "per_family_instance_index",
      "repetition_index", "repetitions", "threads"};
  if (!value.is_number()) return false;
  for (const char* other : about)
    if (name == other) return false;
  return true;
}

/// "os_nodes_up/5 real_time (ms)" → 19.4
std::optional<std::map<std::string, double>> read(const std::string& path) {
  std::ifstream file(path);
  const json report = json::parse(file, nullptr, false);
  if (!report.is_object() || !report.contains("benchmarks")) {
    std::fprintf(stderr, "bench: %s: expected a report of ./dev bench --json\n", path.c_str());
    return {};
  }
  std::map<std::string, double> measures;
  for (const json& benchmark : report["benchmarks"]) {
    if (benchmark.value("error_occurred", false)) continue;
    for (const auto& [name, value] : benchmark.items()) {
      if (!is_measure(name, value)) continue;
      std::string full = benchmark.value("name", "") + " " + name;
      if (name.ends_with("_time")) full += " (" + benchmark.value("time_unit", "ns") + ")";
      measures[full] = value.get<double>();
    }
  }
  return measures;
}

}  // namespace

int compare(const std::string& before_path, const std::string& after_path) {
  constexpr int usage = 64;
  const auto before = read(before_path), after = read(after_path);
  if (!before || !after) return usage;
  std::size_t width = 0;
  for (const auto& [name, value] : *before) width = std::max(width, name.size());
  const int columns = static_cast<int>(width);
  std::printf("%-*s  %12s  %12s  %s\n", columns, "", "before", "after", "after/before");
  for (const auto& [name, value] : *before) {
    const auto other = after->find(name);
    if (other == after->end()) continue;
    std::printf("%-*s  %12.5g  %12.5g  %.3f\n", columns, name.c_str(), value, other->second,
                value == 0 ? 0 : other->second / value);
  }
  for (const auto& [name, value] : *before)
    if (!after->contains(name)) std::printf("only before: %s\n", name.c_str());
  for (const auto& [name, value] : *after)
    if (!before->contains(name)) std::printf("only after: %s\n", name.c_str());
  return 0;
}
