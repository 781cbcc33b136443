#include "harness/run/record.h"

#include <fstream>
#include <sstream>
#include <string>

#include "harness/io/document.h"
#include "harness/io/json.h"
#include "harness/io/run_dir.h"

namespace faultline {
namespace {

namespace fs = std::filesystem;

Verdict doubt(std::string reason, std::string summary) {
  Verdict verdict;
  verdict.name = "record";
  verdict.engine = "files";
  verdict.reason = std::move(reason);
  verdict.summary = std::move(summary);
  return verdict;
}

/// The run has not written its results.
std::string why_without_results(const fs::path& run) {
  auto directory = RunDir::open(run);
  if (directory && directory->lock() == RunDir::Lock::running)
    return "the run is not over yet: this is what its clients saw so far";
  return "the run did not come to its end: this is what its clients saw until then";
}

bool is_run(const fs::path& run) {
  std::error_code ignored;
  return fs::is_directory(run, ignored) && fs::exists(run / "meta.json", ignored);
}

/// Nothing if there is no such file.
std::optional<Result<Value>> read_results(const fs::path& run) {
  std::ifstream file(run / "results.json", std::ios::binary);
  if (!file) return {};
  std::ostringstream content;
  content << file.rdbuf();
  return parse_json(content.str());
}

std::int64_t count_in(const Value& value, std::string_view key) {
  const Value* member = member_of(value, key);
  return member != nullptr && member->integer() != nullptr ? *member->integer() : 0;
}

}  // namespace

std::vector<std::string> reservations(const Value& results) {
  std::vector<std::string> lines;
  if (const Value* faults = member_of(results, "faults"); faults && faults->map())
    for (const auto& [fault, told] : *faults->map()) {
      if (const Value* doubts = member_of(told, "doubts"); doubts && doubts->list())
        for (const Value& each : *doubts->list())
          if (each.text() != nullptr) lines.push_back("doubt: " + fault + ": " + *each.text());
      if (const std::int64_t failed = count_in(told, "heals_failed"); failed > 0)
        lines.push_back("heals failed: " + fault + " " + std::to_string(failed) + " of " +
                        std::to_string(count_in(told, "injected")) +
                        ": what came after may have been broken still");
    }
  if (const Value* links = member_of(results, "links"))
    for (const auto& [key, who, how] :
         {std::tuple("own_drops", "the switch lost ", " packets by itself"),
          std::tuple("host_drops", "the machine dropped ",
                     " packets, perhaps other programs', before they reached their links")})
      if (const std::int64_t lost = count_in(*links, key); lost > 0)
        lines.push_back("degraded: " + (who + std::to_string(lost)) + how +
                        ": latencies and outages may be its doing");
  return lines;
}

std::vector<std::string> reservations_of(const fs::path& run) {
  if (!is_run(run)) return {};
  const auto results = read_results(run);
  return results && *results ? reservations(**results) : std::vector<std::string>{};
}

std::optional<Verdict> doubt_record(const fs::path& run) {
  if (!is_run(run)) return {};
  const auto read = read_results(run);
  if (!read) return doubt("incomplete", why_without_results(run));
  const Result<Value>& results = *read;
  if (!results) return doubt("incomplete", "results.json: " + results.error().what);
  if (const std::string error = text_in(*results, "error"); !error.empty())
    return doubt("incomplete", "the run broke off: " + error.substr(0, error.find('\n')));
  if (const Value* interrupted = member_of(*results, "interrupted"); interrupted != nullptr)
    if (*interrupted == Value(true))
      return doubt("incomplete",
                   "the run was interrupted: this is what its clients saw until then");
  if (text_in(*results, "reason") == "vacuous")
    return doubt("vacuous", "the run says: " + text_in(*results, "summary"));
  return {};
}

}  // namespace faultline
