#include <algorithm>
#include <atomic>
#include <mutex>
#include <string_view>
#include <utility>

#include "checkers/linearizable/checks.h"
#include "checkers/linearizable/crew.h"
#include "checkers/linearizable/evidence.h"
#include "checkers/linearizable/problem.h"
#include "checkers/linearizable/report.h"
#include "checkers/linearizable/search.h"
#include "checkers/linearizable/zones.h"
#include "harness/core/text.h"

namespace faultline::linearizable {
namespace {

/// Checks one history; made for it and thrown away.
class RegisterRun {
 public:
  RegisterRun(const History& history, const Budget& budget, const Options& options,
              Verdict& verdict)
      : options_(options),
        budget_(budget),
        purse_(budget),
        problem_(history, {options.setup.initial}),
        verdict_(verdict),
        report_(history, verdict) {}

  void check() {
    const Counts& counts = problem_.counts();
    verdict_.model = counts.cas + counts.mismatches > 0 ? "cas-register"
                     : options_.model == "auto"         ? "register"
                                                        : options_.model;
    verdict_.counted = {{"reads", counts.reads}, {"writes", counts.writes},
                        {"cas", counts.cas},     {"mismatches", counts.mismatches},
                        {"infos", counts.infos}, {"keys", counts.keys}};
    if (!problem_.unsupported().empty())
      return report_.give_up("unsupported", problem_.unsupported());
    if (counts.reads + counts.cas + counts.mismatches == 0)
      return report_.give_up(
          "vacuous", "nothing was observed: no read, compare-and-set or mismatch succeeded in " +
                         plural(problem_.history().size(), "operation"));
    const auto conclude = [&] { report_.conclude(counts.keys); };
    try {
      // What is cheap first, so that a key too hard to decide does not hide another's violation.
      try_zones();
      search_the_rest();
    } catch (...) {
      conclude();  // what was proven before stays proven
      throw;
    }
    if (left_out_)
      report_.note_unknown(Report::last, purse_.reason(),
                           "the budget ended before every key was looked at; no violation so far");
    verdict_.engine = used_zones_ && !to_search_.empty() ? "zones+search"
                      : !to_search_.empty()              ? "search"
                                                         : "zones";
    conclude();
  }

 private:
  struct Waiting {
    std::size_t index;  ///< In the problem.
    Object object;
  };

  void try_zones() {
    Meter meter = purse_.take(1, budget_.bytes_max);
    const std::uint64_t lent = meter.steps_left();
    for (std::size_t i = 0; i < problem_.object_count(); ++i) {
      if (meter.exhausted()) {
        left_out_ = true;
        break;
      }
      if (problem_.bytes() + zones_.bytes() > budget_.bytes_max) {
        report_.note_unknown(
            i, "memory",
            "the budget of memory is too small for " + report_.key_phrase(problem_.key(i)));
        break;
      }
      check_by_zones(i, meter);
    }
    purse_.give_back(meter, lent);
  }

  void check_by_zones(std::size_t i, Meter& meter) {
    const Object object = problem_.prepare(i);
    if (options_.engine == Engine::search) return to_search_.push_back({i, object});
    const ZoneResult result = zones_.check(object, meter);
    switch (result.answer) {
      case ZoneResult::Answer::valid:
        used_zones_ = true;
        return;
      case ZoneResult::Answer::invalid:
        used_zones_ = true;
        problem_.restore_time(i);
        return report_.note_invalid(i, problem_.key(i), explain_zones(problem_, object, result));
      case ZoneResult::Answer::out_of_budget:
        left_out_ = true;
        return;
      case ZoneResult::Answer::not_applicable:
        break;
    }
    if (options_.engine == Engine::automatic) return to_search_.push_back({i, object});
    report_.note_unknown(i, "inapplicable",
                         "key " + report_.key_text(problem_.key(i)) +
                             ": zones need unique written values, never the initial one, and no "
                             "mismatches; use engine: auto");
  }

  void search_the_rest() {
    std::ranges::stable_sort(to_search_, {},
                             [](const Waiting& waiting) { return waiting.object.calls.size(); });
    const std::size_t count = to_search_.size();
    const unsigned threads = crew_of(budget_, count);
    std::mutex mutex;
    std::vector<std::size_t> alone;  // those that half the memory was too little for
    purse_.expect(count);
    each_object(count, threads, [&] {
      return [&](std::size_t k) {
        if (check_by_search(k, threads)) return;
        const std::lock_guard lock(mutex);
        alone.push_back(k);
      };
    });
    std::ranges::sort(alone);
    purse_.expect(alone.size());
    for (const std::size_t k : alone) check_by_search(k, 1);
  }

  /// `threads` share the memory. False: it wants more of it than a thread has.
  bool check_by_search(std::size_t k, unsigned threads) {
    if (purse_.exhausted()) {
      left_out_ = true;
      return true;
    }
    const auto& [i, object] = to_search_[k];
    const Report::Rank rank = problem_.object_count() + k;
    problem_.restore_time(i);
    const std::uint64_t taken = std::min(problem_.bytes(), budget_.bytes_max);
    Meter share = purse_.take_share((budget_.bytes_max - taken) / threads);
    const std::uint64_t lent = share.steps_left();
    const SearchResult result = search(object, share);
    if (result.validity == Validity::invalid)
      report_.note_invalid(rank, problem_.key(i), explain_search(problem_, object, result, share));
    purse_.give_back(share, lent);
    if (result.validity != Validity::unknown) return true;
    if (threads > 1 && result.reason == std::string_view("memory")) return false;
    report_.note_unknown(rank, result.reason,
                         "valid up to operation " + with_thousands(result.calls_checked) + " of " +
                             with_thousands(object.calls.size()) + " on " +
                             report_.key_phrase(problem_.key(i)));
    return true;
  }

  const Options& options_;
  const Budget& budget_;
  Purse purse_;
  Problem problem_;
  Verdict& verdict_;
  Report report_;
  Zones<> zones_;
  std::vector<Waiting> to_search_;
  bool used_zones_ = false;
  std::atomic<bool> left_out_ = false;  ///< For want of steps or time, some keys.
};

}  // namespace

void check_registers(const History& history, const Budget& budget, const Options& options,
                     Verdict& verdict) {
  RegisterRun(history, budget, options, verdict).check();
}

}  // namespace faultline::linearizable
