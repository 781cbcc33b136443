#include "harness/cli/progress_printer.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "harness/cli/console.h"
#include "harness/run/progress.h"

namespace faultline {
namespace {

using Clock = std::chrono::steady_clock;

double seconds(Nanoseconds time) {
  return std::round(std::chrono::duration<double>(time).count() * 1e3) / 1e3;
}

Map fields_of(const Progress& progress) {
  return {{"phase", progress.phase},
          {"elapsed_s", seconds(progress.elapsed)},
          {"left_s", seconds(progress.left)},
          {"ok", progress.counts.ok},
          {"fail", progress.counts.fail},
          {"info", progress.counts.info},
          {"crashes", std::uint64_t{progress.crashes}},
          {"active", List(progress.active.begin(), progress.active.end())}};
}

bool contains(const std::vector<std::string>& all, const std::string& one) {
  return std::ranges::find(all, one) != all.end();
}

}  // namespace

ProgressPrinter::~ProgressPrinter() { clear_progress(); }

void ProgressPrinter::show(const Progress& progress) {
  narrate(progress);
  if (!progress_due(shown_)) return;
  const auto now = Clock::now();
  const double interval = std::chrono::duration<double>(now - shown_).count();
  show_progress(progress_line(progress, served_, interval), fields_of(progress));
  shown_ = now;
  served_ = progress.counts.ok;
}

void ProgressPrinter::narrate(const Progress& progress) {
  if (!console().verbose) return;
  char time[32] = "";
  if (progress.elapsed.count() > 0)
    std::snprintf(time, sizeof time, "%.2f s: ", seconds(progress.elapsed));
  if (phase_ != progress.phase)
    say(Level::debug, "phase", time + progress.phase, fields_of(progress));
  for (const std::string& fault : progress.active)
    if (!contains(active_, fault))
      say(Level::debug, "fault-begins", time + fault + " begins", {{"fault", fault}});
  for (const std::string& fault : active_)
    if (!contains(progress.active, fault))
      say(Level::debug, "fault-ends", time + fault + " ends", {{"fault", fault}});
  phase_ = progress.phase;
  active_ = progress.active;
}

}  // namespace faultline
