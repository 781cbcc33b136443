// The checker `linearizable`: a register per key, with read, write and compare-and-set. Each key
// goes to the zones where its values are unique (linear time), else to the search; the worst key
// decides.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <exception>
#include <map>
#include <memory>
#include <new>
#include <utility>

#include "checkers/checkers.h"
#include "checkers/linearizable/evidence.h"
#include "checkers/linearizable/problem.h"
#include "checkers/linearizable/search.h"
#include "checkers/linearizable/story.h"
#include "checkers/linearizable/zones.h"

namespace faultline {
namespace {

using namespace linearizable;

enum class Engine { automatic, zones, search };

struct Options {
  Engine engine = Engine::automatic;
  std::string model;  ///< As configured; "auto": what the history's operations say.
  InitialValue initial;
};

constexpr std::size_t keys_in_words = 3;
constexpr std::size_t keys_listed = 100;

std::string with_commas(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, ",");
  return text;
}

std::string plural(std::uint64_t count, const std::string& word) {
  return with_commas(count) + " " + word + (count == 1 ? "" : "s");
}

/// Checks one history; made for it and thrown away.
class Run {
 public:
  Run(const History& history, const Budget& budget, const Options& options, Verdict& verdict)
      : options_(options), meter_(budget), problem_(history, options.initial), verdict_(verdict) {}

  void check() {
    const Counts& counts = problem_.counts();
    verdict_.model = counts.cas + counts.mismatches > 0 ? "cas-register"
                     : options_.model == "auto"         ? "register"
                                                        : options_.model;
    verdict_.counted = {{"reads", counts.reads}, {"writes", counts.writes},
                        {"cas", counts.cas},     {"mismatches", counts.mismatches},
                        {"infos", counts.infos}, {"keys", counts.keys}};
    if (!problem_.unsupported().empty()) return give_up("unsupported", problem_.unsupported());
    if (counts.reads + counts.cas + counts.mismatches == 0)
      return give_up("vacuous",
                     "nothing was observed: no read, compare-and-set or mismatch succeeded in " +
                         plural(problem_.history().size(), "operation"));
    verdict_.validity = Validity::valid;
    // What is cheap first, so that a key too hard to decide does not hide another's violation.
    for (std::size_t i = 0; i < problem_.object_count() && !meter_.exhausted(); ++i) {
      if (problem_.bytes() + zones_.bytes() > meter_.bytes_max()) {
        note_unknown("memory", "the budget of memory is too small for key " + key_text(i));
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
      note_unknown(meter_.reason(),
                   "the budget ended before every key was looked at; no violation so far");
    conclude();
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
        return note_invalid(i, [&] { return explain_zones(problem_, object, result); });
      case ZoneResult::Answer::out_of_budget:
        return;
      case ZoneResult::Answer::not_applicable:
        break;
    }
    if (options_.engine == Engine::automatic) return to_search_.push_back({i, object});
    note_unknown("inapplicable",
                 "key " + key_text(i) +
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
      return note_invalid(i, [&] { return explain_search(problem_, object, result, meter_); });
    if (result.validity == Validity::unknown)
      note_unknown(result.reason, "valid up to operation " + with_commas(result.calls_checked) +
                                      " of " + with_commas(object.calls.size()) + " on " +
                                      key_phrase(i));
  }

  std::string key_text(std::size_t i) const {
    return problem_.key(i) == no_key ? "(none)" : problem_.history().key_text(problem_.key(i));
  }
  std::string key_phrase(std::size_t i) const {
    return problem_.key(i) == no_key ? "the only object" : "key " + key_text(i);
  }

  template <typename Explain>
  void note_invalid(std::size_t i, Explain explain) {
    verdict_.validity = Validity::invalid;
    ++keys_invalid_;
    if (verdict_.keys_invalid.size() < keys_listed && problem_.key(i) != no_key)
      verdict_.keys_invalid.push_back(key_text(i));
    Finding finding = explain();
    ++anomalies_[finding.anomaly];
    sequential_ruled_out_ |= finding.rules_out_sequential;
    if (keys_invalid_ > keys_in_words) return;
    const std::string name = problem_.key(i) == no_key ? "" : "key " + key_text(i) + ": ";
    if (keys_invalid_ == 1) {
      verdict_.summary = name + finding.sentence;
      verdict_.witness = finding.witness;
    }
    std::string& out = verdict_.explanation;
    if (!out.empty()) out += "\n";
    out += name + finding.sentence + " (" + finding.anomaly + ")\n" +
           table(problem_.history(), finding.witness);
    if (!finding.minimal)
      out += "(a small witness, not a minimal one: some of these may not be needed)\n";
  }

  void note_unknown(const std::string& reason, const std::string& summary) {
    if (verdict_.validity == Validity::invalid) return;
    if (verdict_.validity == Validity::unknown) {
      ++more_unknown_;
      return;
    }
    give_up(reason, summary);
  }
  void give_up(const std::string& reason, const std::string& summary) {
    verdict_.validity = Validity::unknown;
    verdict_.reason = reason;
    verdict_.summary = summary;
  }

  void conclude() {
    verdict_.engine = used_zones_ && used_search_ ? "zones+search"
                      : used_search_              ? "search"
                                                  : "zones";
    if (verdict_.validity == Validity::invalid) {
      verdict_.reason.clear();
      verdict_.counted.emplace_back("keys_invalid", keys_invalid_);
      verdict_.anomalies.assign(anomalies_.begin(), anomalies_.end());
      verdict_.refuted = {"linearizable"};
      if (!sequential_ruled_out_) verdict_.not_refuted = {"sequential"};
      if (keys_invalid_ > 1)
        verdict_.summary += " (and " + plural(keys_invalid_ - 1, "more key") + ")";
    } else if (verdict_.validity == Validity::unknown) {
      if (more_unknown_ > 0)
        verdict_.summary += " (and " + plural(more_unknown_, "more key") + " undecided)";
    } else {
      verdict_.summary = plural(problem_.history().size(), "operation") + " on " +
                         plural(problem_.counts().keys, "key") + ": linearizable";
    }
  }

  const Options& options_;
  Meter meter_;
  Problem problem_;
  Verdict& verdict_;
  Zones<> zones_;
  std::vector<std::pair<std::size_t, Object>> to_search_;
  bool used_zones_ = false, used_search_ = false, sequential_ruled_out_ = false;
  std::uint64_t keys_invalid_ = 0, more_unknown_ = 0;
  std::map<std::string, std::uint64_t> anomalies_;
};

class Linearizable final : public Checker {
 public:
  explicit Linearizable(Options options) : options_(std::move(options)) {}
  std::string_view name() const override { return "linearizable"; }
  std::vector<std::string_view> anomalies() const override { return anomaly_names(); }

  Verdict check(const History& history, const Budget& budget) const override {
    Verdict verdict;
    verdict.name = name();
    try {
      Run(history, budget, options_, verdict).check();
    } catch (const std::bad_alloc&) {
      fail(verdict, "out of memory");
    } catch (const std::exception& e) {
      fail(verdict, e.what());
    }
    return verdict;
  }

 private:
  /// What was proven before the exception stays proven.
  static void fail(Verdict& verdict, const std::string& what) {
    if (verdict.validity == Validity::invalid && !verdict.witness.empty()) return;
    verdict.validity = Validity::unknown;
    verdict.reason = "exception";
    verdict.summary = "the check broke off: " + what;
  }

  Options options_;
};

Value parse_value(const std::string& text) {
  if (text == "nil" || text == "null") return {};
  if (text == "true" || text == "false") return text == "true";
  const char* last = text.data() + text.size();
  std::int64_t integer = 0;
  if (const auto [end, error] = std::from_chars(text.data(), last, integer);
      error == std::errc() && end == last)
    return integer;
  double real = 0;
  if (const auto [end, error] = std::from_chars(text.data(), last, real);
      error == std::errc() && end == last && std::isfinite(real))
    return real;
  return text;
}

}  // namespace

Result<std::unique_ptr<Checker>> make_linearizable(Params& params) {
  constexpr auto engines = std::to_array<std::string_view>({"auto", "zones", "search"});
  constexpr auto models = std::to_array<std::string_view>({"auto", "register", "cas-register"});
  Options options;
  const std::string engine = params.choice("engine", "auto", engines);
  options.engine = engine == "zones"    ? Engine::zones
                   : engine == "search" ? Engine::search
                                        : Engine::automatic;
  options.model = params.choice("model", "auto", models);
  options.initial.value = parse_value(params.text("initial", "nil"));
  if (Status status = params.finish(); !status) return status.error();
  return std::unique_ptr<Checker>(std::make_unique<Linearizable>(std::move(options)));
}

}  // namespace faultline
