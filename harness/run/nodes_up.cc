#include "harness/run/nodes_up.h"

#include <algorithm>
#include <fstream>
#include <optional>
#include <thread>

namespace faultline {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr Nanoseconds round_pause = 5ms;
constexpr Nanoseconds leader_thought = 500ms;
constexpr std::size_t tail_lines_max = 10;
constexpr std::size_t tail_files_max = 4;
constexpr std::streamoff tail_bytes_max = 8192;

std::vector<std::string> last_lines(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  in.seekg(0, std::ios::end);
  const std::streamoff size = in.tellg();
  in.seekg(std::max<std::streamoff>(0, size - tail_bytes_max));
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line.substr(0, 400));
  if (lines.size() > tail_lines_max)
    lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(tail_lines_max));
  return lines;
}

}  // namespace

std::vector<NotReady> await_ready(const AwaitReady& wait) {
  std::vector<NotReady> missing;
  for (const Node& node : wait.nodes) missing.push_back({node.index, "not asked"});
  std::vector<Nanoseconds> limits(wait.nodes.size(), wait.question_min);
  for (bool first = true;; first = false) {
    bool stopped = false;
    for (NotReady& one : missing) {
      stopped = stopped || wait.stop();
      if (stopped || wait.dead(one.node)) continue;
      const auto now = Clock::now();
      if (!first && now >= wait.deadline) continue;
      Nanoseconds& limit = limits[one.node];
      const Status ready = wait.target.ready(
          wait.nodes[one.node], std::min(now + limit, std::max(wait.deadline, now + 10ms)));
      one.why = ready ? "" : ready.error().what;
      if (!ready && Clock::now() >= now + limit)
        limit = std::min(2 * limit, AwaitReady::question_max);
    }
    std::erase_if(missing, [](const NotReady& one) { return one.why.empty(); });
    for (NotReady& one : missing)
      if (wait.dead(one.node)) one.why = "it ended by itself";
    const bool hopeless = std::all_of(missing.begin(), missing.end(),
                                      [&](const NotReady& one) { return wait.dead(one.node); });
    if (missing.empty() || hopeless || stopped || wait.stop() || Clock::now() >= wait.deadline)
      return missing;
    std::this_thread::sleep_for(round_pause);
  }
}

Nanoseconds leader_question_limit(const LinkPolicies& nature, std::size_t nodes, int tries) {
  Nanoseconds farthest{};
  for (std::size_t node = 0; node < nodes; ++node) {
    Nanoseconds trip{};
    for (const Edge& edge : {Edge{clients_end, node}, Edge{node, clients_end}})
      if (const auto link = nature.find(edge); link != nature.end())
        trip += link->second.delay + link->second.jitter;
    farthest = std::max(farthest, trip);
  }
  // They are asked one after another.
  Nanoseconds limit = leader_thought + 2 * static_cast<std::int64_t>(nodes) * farthest;
  const Nanoseconds most = std::max(limit, AwaitReady::question_max);
  for (int i = 0; i < tries; ++i) limit = std::min(2 * limit, most);
  return limit;
}

std::string log_tail(const std::filesystem::path& log_dir) {
  std::error_code ignored;
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(log_dir, ignored))
    if (entry.is_regular_file(ignored) && entry.file_size(ignored) > 0)
      files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  if (files.size() > tail_files_max) files.resize(tail_files_max);
  std::string text;
  for (const std::filesystem::path& file : files)
    for (const std::string& line : last_lines(file))
      text += "  " + file.filename().string() + ": " + line + "\n";
  return text;
}

}  // namespace faultline
