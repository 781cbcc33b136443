#include "harness/cli/child_run.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <utility>

#include "harness/campaign/summary.h"

namespace faultline {
namespace {

/// The last few lines of a log are where a program says why it gave up.
std::string tail_of(const std::filesystem::path& path) {
  constexpr std::streamoff bytes = 2000;
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  const std::streamoff size = file.tellg();
  if (size <= 0) return "";
  file.seekg(std::max<std::streamoff>(0, size - bytes));
  return {std::istreambuf_iterator<char>(file), {}};
}

CampaignRun interrupted(CampaignRun run, const char* when) {
  run.exit_code = ExitCode::interrupted;
  run.error = when;
  return run;
}

}  // namespace

ChildOptions options_of(const ChildRun& child) {
  ChildOptions options;
  options.argv = child.argv;
  options.stderr_file = child.log;
  options.deadline = child.timeout;
  return options;
}

CampaignRun result_of(const ChildRun& child, const ChildResult& ended) {
  const std::string log = tail_of(child.log);
  CampaignRun run = read_run(child.seed, {ended.exit_code, ended.signal, ended.timed_out,
                                          ended.seconds, ended.output, log});
  return ended.signals_passed_on > 0 ? interrupted(std::move(run), "interrupted") : run;
}

CampaignRun run_as_child(const ChildRun& child, Signals& signals) {
  CampaignRun run;
  run.seed = child.seed;
  if (signals.take() != 0) return interrupted(run, "interrupted before it began");
  const auto ended = run_child(options_of(child), &signals);
  if (ended) return result_of(child, *ended);
  run.error = ended.error().what;
  return run;
}

}  // namespace faultline
