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

}  // namespace

std::optional<Verdict> doubt_record(const fs::path& run) {
  std::error_code ignored;
  if (!fs::is_directory(run, ignored) || !fs::exists(run / "meta.json", ignored)) return {};
  std::ifstream file(run / "results.json", std::ios::binary);
  if (!file) return doubt("incomplete", why_without_results(run));
  std::ostringstream content;
  content << file.rdbuf();
  const auto results = parse_json(content.str());
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
