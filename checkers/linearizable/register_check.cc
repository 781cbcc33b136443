#include <algorithm>
#include <atomic>
#include <memory>
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
    Problem::Prepared prepared;
  };

  /// What a thread has of its own while it looks at objects by zones.
  struct Zoner {
    Zoner(Purse& from, std::uint64_t bytes)
        : purse(from), meter(from.take_share(bytes)), lent(meter.steps_left()) {}
    ~Zoner() { purse.give_back(meter, lent); }
    Zoner(const Zoner&) = delete;
    Zoner& operator=(const Zoner&) = delete;

    std::uint64_t bytes() const { return zones.bytes() + numbering.bytes(); }

    Purse& purse;
    Meter meter;
    const std::uint64_t lent;
    Zones<> zones;
    Problem::Numbering numbering;
  };

  void try_zones() {
    const std::size_t count = problem_.object_count();
    const unsigned threads = crew_of(budget_, count);
    prepared_.resize(count);
    std::mutex mutex;
    std::vector<std::size_t> alone;  // those that a thread's share was too little for
    purse_.expect(threads);
    each_object(count, threads, [&] {
      return [&, zoner = std::make_unique<Zoner>(purse_, budget_.bytes_max)](std::size_t i) {
        if (is_within(*zoner, threads) && check_by_zones(i, *zoner)) return;
        const std::lock_guard lock(mutex);
        alone.push_back(i);
      };
    });
    std::ranges::sort(alone);
    check_alone_by_zones(alone);
    for (std::size_t i = 0; i < count; ++i)
      if (!prepared_[i].object.calls.empty()) to_search_.push_back({i, prepared_[i]});
    prepared_ = {};
  }

  void check_alone_by_zones(const std::vector<std::size_t>& alone) {
    if (alone.empty()) return;
    purse_.expect(1);
    Zoner zoner(purse_, budget_.bytes_max);
    for (const std::size_t i : alone) {
      if (!is_within(zoner, 1))
        return report_.note_unknown(
            i, "memory",
            "the budget of memory is too small for " + report_.key_phrase(problem_.key(i)));
      if (check_by_zones(i, zoner)) continue;
      left_out_ = true;
      return;
    }
  }

  bool is_within(const Zoner& zoner, unsigned threads) const {
    return problem_.bytes() + threads * zoner.bytes() <= budget_.bytes_max;
  }

  /// False: it wants more steps than there are left.
  bool check_by_zones(std::size_t i, Zoner& zoner) {
    if (zoner.meter.exhausted()) return false;
    auto& [object, ambiguous] = prepared_[i];
    if (object.calls.empty()) prepared_[i] = problem_.prepare(i, zoner.numbering);
    if (options_.engine == Engine::search) return true;
    ZoneResult result;
    result.answer = ZoneResult::Answer::not_applicable;
    if (!ambiguous) result = zoner.zones.check(object, zoner.meter);
    if (result.answer == ZoneResult::Answer::out_of_budget) return false;
    if (result.answer == ZoneResult::Answer::not_applicable) {
      if (options_.engine == Engine::automatic) return true;
      report_.note_unknown(i, "inapplicable",
                           "key " + report_.key_text(problem_.key(i)) +
                               ": zones need unique written values, never the initial one, and no "
                               "mismatches; use engine: auto");
    } else {
      used_zones_ = true;
      if (result.answer == ZoneResult::Answer::invalid) {
        problem_.restore_time(i);
        report_.note_invalid(i, problem_.key(i), explain_zones(problem_, object, result));
      }
    }
    object = {};
    return true;
  }

  void search_the_rest() {
    std::ranges::stable_sort(to_search_, {}, [](const Waiting& waiting) {
      return waiting.prepared.object.calls.size();
    });
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
    const auto& [i, prepared] = to_search_[k];
    const auto& [object, ambiguous] = prepared;
    const Report::Rank rank = problem_.object_count() + k;
    if (!ambiguous) problem_.restore_time(i);
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
  std::vector<Problem::Prepared>
      prepared_;  ///< By object, while zones are tried: those still to be decided.
  std::vector<Waiting> to_search_;
  std::atomic<bool> used_zones_ = false;
  std::atomic<bool> left_out_ = false;  ///< For want of steps or time, some keys.
};

}  // namespace

void check_registers(const History& history, const Budget& budget, const Options& options,
                     Verdict& verdict) {
  RegisterRun(history, budget, options, verdict).check();
}

}  // namespace faultline::linearizable
