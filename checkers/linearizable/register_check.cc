#include <algorithm>
#include <utility>

#include "checkers/linearizable/checks.h"
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
        meter_(budget),
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
    verdict_.validity = Validity::valid;
    // What is cheap first, so that a key too hard to decide does not hide another's violation.
    for (std::size_t i = 0; i < problem_.object_count() && !meter_.exhausted(); ++i) {
      if (problem_.bytes() + zones_.bytes() > meter_.bytes_max()) {
        report_.note_unknown("memory", "the budget of memory is too small for key " +
                                           report_.key_text(problem_.key(i)));
        break;
      }
      check_by_zones(i);
    }
    std::stable_sort(to_search_.begin(), to_search_.end(), [](const auto& a, const auto& b) {
      return a.second.calls.size() < b.second.calls.size();
    });
    for (std::size_t k = 0; k < to_search_.size() && !meter_.exhausted(); ++k) {
      check_by_search(to_search_[k].first, to_search_[k].second, to_search_.size() - k);
    }
    if (meter_.exhausted())
      report_.note_unknown(meter_.reason(),
                           "the budget ended before every key was looked at; no violation so far");
    verdict_.engine = used_zones_ && used_search_ ? "zones+search"
                      : used_search_              ? "search"
                                                  : "zones";
    report_.conclude(problem_.counts().keys);
  }

 private:
  void check_by_zones(std::size_t i) {
    const Object object = problem_.prepare(i);
    if (options_.engine == Engine::search) return to_search_.push_back({i, object});
    const ZoneResult result = zones_.check(object, meter_);
    switch (result.answer) {
      case ZoneResult::Answer::valid:
        used_zones_ = true;
        return;
      case ZoneResult::Answer::invalid:
        used_zones_ = true;
        problem_.restore_time(i);
        return report_.note_invalid(problem_.key(i), explain_zones(problem_, object, result));
      case ZoneResult::Answer::out_of_budget:
        return;
      case ZoneResult::Answer::not_applicable:
        break;
    }
    if (options_.engine == Engine::automatic) return to_search_.push_back({i, object});
    report_.note_unknown("inapplicable",
                         "key " + report_.key_text(problem_.key(i)) +
                             ": zones need unique written values, never the initial one, and no "
                             "mismatches; use engine: auto");
  }

  /// `waiting` keys, this one included, share what is left.
  void check_by_search(std::size_t i, const Object& object, std::size_t waiting) {
    used_search_ = true;
    problem_.restore_time(i);
    Meter share(meter_.steps_left() / waiting, meter_.bytes_max(), meter_.stop());
    const std::uint64_t before = share.steps_left();
    const SearchResult result = search(object, share);
    meter_.spend(before - share.steps_left());
    meter_.poll();
    if (result.validity == Validity::invalid)
      return report_.note_invalid(problem_.key(i),
                                  explain_search(problem_, object, result, meter_));
    if (result.validity == Validity::unknown)
      report_.note_unknown(result.reason, "valid up to operation " +
                                              with_thousands(result.calls_checked) + " of " +
                                              with_thousands(object.calls.size()) + " on " +
                                              report_.key_phrase(problem_.key(i)));
  }

  const Options& options_;
  Meter meter_;
  Problem problem_;
  Verdict& verdict_;
  Report report_;
  Zones<> zones_;
  std::vector<std::pair<std::size_t, Object>> to_search_;
  bool used_zones_ = false, used_search_ = false;
};

}  // namespace

void check_registers(const History& history, const Budget& budget, const Options& options,
                     Verdict& verdict) {
  RegisterRun(history, budget, options, verdict).check();
}

}  // namespace faultline::linearizable
