#include "harness/run/run_meta.h"

#include <ctime>
#include <utility>

#include "harness/run/sha256.h"

namespace faultline {
namespace {

std::string utc_text(std::chrono::system_clock::time_point time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  char text[40];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

}  // namespace

Value meta_value(const RunMeta& meta) {
  Map value = meta.given;
  value.emplace_back("name", meta.name);
  value.emplace_back("seed", meta.seed);
  value.emplace_back("store", meta.store);
  if (!meta.rung.empty()) value.emplace_back("rung", meta.rung);
  if (!meta.monotonic_offsets.empty())
    value.emplace_back("monotonic_offset_ns", meta.monotonic_offsets);
  if (meta.origin) {
    const std::chrono::nanoseconds since_epoch = meta.origin->time_since_epoch();
    value.emplace_back("origin", utc_text(*meta.origin));
    value.emplace_back("origin_ns", since_epoch.count());
  }
  if (meta.load.end > 0)
    value.emplace_back("load", Map{{"begin_ns", meta.load.begin}, {"end_ns", meta.load.end}});
  Map host = {{"before", meta.host_before}};
  if (meta.host_after) host.emplace_back("after", *meta.host_after);
  value.emplace_back("host", std::move(host));
  for (const auto& item : meta.rest) value.push_back(item);
  return value;
}

List differences(const Map& before, const Map& after) {
  List names;
  const auto value_in = [](const Map& map, const std::string& key) -> const Value* {
    for (const auto& [name, value] : map)
      if (name == key) return &value;
    return nullptr;
  };
  for (const auto& [name, value] : before) {
    const Value* then = value_in(after, name);
    if (then == nullptr || !(*then == value)) names.emplace_back(name);
  }
  for (const auto& [name, value] : after)
    if (value_in(before, name) == nullptr) names.emplace_back(name);
  return names;
}

Map describe_store(const Target& target) {
  const auto hash = sha256_of_file(target.program());
  return {{"name", std::string(target.name())},
          {"version", target.version()},
          {"program", target.program().string()},
          {"sha256", hash ? Value(*hash) : Value()}};
}

}  // namespace faultline
