#include "harness/run/node_journal.h"

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <utility>

#include "harness/io/document.h"

namespace faultline {
namespace {

std::int64_t steady_now() {
  return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string time_of(const Value& line) {
  const auto time = number_in(line, "time");
  if (!time) return "?";
  char buffer[48];
  std::snprintf(buffer, sizeof buffer, "%.2f s", *time);
  return buffer;
}

}  // namespace

NodeJournal::NodeJournal(Cluster& cluster)
    : cluster_(cluster), crashed_(cluster.nodes().size(), false) {}

void NodeJournal::set_origin(TimePoint origin, std::function<void(const Value&)> write) {
  origin_ = origin;
  write_ = std::move(write);
  for (const Entry& entry : std::exchange(kept_, {})) emit(entry);
}

void NodeJournal::add(Entry entry) {
  if (origin_)
    emit(entry);
  else
    kept_.push_back(std::move(entry));
}

void NodeJournal::emit(const Entry& entry) {
  const std::int64_t origin = std::chrono::nanoseconds(origin_->time_since_epoch()).count();
  const double time = std::round(static_cast<double>(entry.steady_ns - origin) / 1e3) / 1e6;
  Map line = {{"node", cluster_.nodes()[entry.node].name}, {"event", entry.event}, {"time", time}};
  if (!entry.how.empty()) line.emplace_back("how", entry.how);
  lines_.emplace_back(std::move(line));
  write_(lines_.back());
}

Status NodeJournal::start(std::size_t node) {
  const Status started = cluster_.start(node);
  if (started && node < crashed_.size()) {
    crashed_[node] = false;
    add({node, "started", steady_now(), {}});
  }
  return started;
}

Status NodeJournal::signal(std::size_t node, int number) {
  const Status sent = cluster_.signal(node, number);
  if (sent && number == SIGKILL && node < crashed_.size()) add({node, "killed", steady_now(), {}});
  return sent;
}

std::vector<Cluster::Death> NodeJournal::take_deaths() {
  std::vector<Death> deaths = cluster_.take_deaths();
  std::erase_if(deaths, [this](const Death& death) {
    if (death.node < crashed_.size()) return false;
    if (!client_death_)
      client_death_ = Error{"client machine " + machine_of(cluster_, death.node).name +
                            " ended by itself: " + death.how};
    return true;
  });
  for (const Death& death : deaths) {
    crashed_[death.node] = true;
    add({death.node, "died", death.steady_ns, death.how});
  }
  return deaths;
}

Verdict check_crash_free(std::span<const Value> node_lines, bool disk_full) {
  Verdict verdict;
  verdict.name = "crash-free";
  verdict.engine = "journal";
  std::uint64_t starts = 0, crashes = 0;
  std::string first;
  for (const Value& line : node_lines) {
    if (line.map() == nullptr) continue;
    const std::string event = text_in(line, "event");
    if (event == "started") ++starts;
    if (event != "died") continue;
    ++crashes;
    const std::string row = text_in(line, "node") + " ended by itself at " + time_of(line) + ": " +
                            text_in(line, "how");
    if (first.empty()) first = row;
    verdict.explanation += row + "\n";
  }
  verdict.counted = {{"starts", starts}, {"crashes", crashes}};
  if (crashes > 0) {
    verdict.validity = Validity::invalid;
    verdict.anomalies = {{"crash", crashes}};
    verdict.summary = first;
    if (crashes > 1) verdict.summary += ", and " + std::to_string(crashes - 1) + " more";
    if (disk_full) {
      verdict.validity = Validity::unknown;
      verdict.reason = "incomplete";
      verdict.summary += ", when the run's files could not be written";
      verdict.explanation.clear();
    }
  } else if (starts > 0) {
    verdict.validity = Validity::valid;
    verdict.summary = "no store process ended by itself";
  } else {
    verdict.reason = "vacuous";
    verdict.summary = "no node was started";
  }
  return verdict;
}

}  // namespace faultline
