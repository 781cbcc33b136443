#include "harness/campaign/report.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <string_view>
#include <system_error>
#include <utility>

#include "harness/campaign/junit.h"
#include "harness/campaign/markdown.h"
#include "harness/core/catalogue.h"
#include "harness/io/run_dir.h"

namespace faultline {
namespace {

constexpr std::array<std::string_view, 2> kinds_known = {"junit", "markdown"};

std::vector<std::string> split(const std::vector<std::string>& words) {
  std::vector<std::string> kinds;
  for (const std::string& word : words)
    for (std::size_t at = 0; at <= word.size();) {
      const std::size_t comma = std::min(word.find(',', at), word.size());
      kinds.push_back(word.substr(at, comma - at));
      at = comma + 1;
    }
  return kinds;
}

}  // namespace

Status Reports::check(const std::vector<std::string>& words) {
  for (const std::string& kind : split(words))
    if (std::ranges::find(kinds_known, kind) == kinds_known.end()) {
      Error error = unknown_component("report", kind, kinds_known);
      error.what = "--report: " + error.what;
      return error;
    }
  return Ok{};
}

Result<Reports> Reports::open(const std::vector<std::string>& words,
                              const std::filesystem::path& directory) {
  Reports reports;
  if (const Status known = check(words); !known) return known.error();
  for (const std::string& kind : split(words))
    (kind == "junit" ? reports.junit_ : reports.markdown_) = true;
  if (reports.empty()) return reports;
  reports.directory_ = directory;
  std::error_code failed;
  std::filesystem::create_directories(directory, failed);
  if (failed)
    return Error{"--report-dir: create " + directory.string() + ": " + failed.message(),
                 ErrorKind::usage};
  // Found out now, not after hours of work.
  const std::filesystem::path probe = directory / ".faultline-probe";
  if (const Status written = write_whole(probe, ""); !written)
    return Error{"--report-dir: " + written.error().what, ErrorKind::usage};
  std::filesystem::remove(probe, failed);
  return reports;
}

Status Reports::write(const CampaignResult& result) const {
  Status first = Ok{};
  const auto write = [&](const char* name, const std::string& text) {
    Status written = write_whole(directory_ / name, text);
    if (!written && first) first = std::move(written);
  };
  if (junit_) write("junit.xml", junit_xml(result));
  if (markdown_) write("summary.md", campaign_markdown(result));
  return first;
}

CampaignResult campaign_of(const std::string& name, const std::filesystem::path& config,
                           const std::optional<CampaignRun>& run) {
  CampaignTest test;
  test.config = config;
  test.label = test.name = name;
  test.seeds = {run ? run->seed : 0};
  Campaign campaign;
  campaign.name = "run";
  campaign.tests = {test};
  CampaignQueue queue(std::move(campaign));
  if (run) {
    if (!run->is_finished()) queue.stop(Stop::interrupted);
    queue.finish({0, 0}, *run);
  }
  CampaignResult result = queue.result();
  if (run) {
    result.directory = run->directory;
    result.seconds = run->seconds;
  }
  return result;
}

std::string time_text_now() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  char text[40];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

}  // namespace faultline
