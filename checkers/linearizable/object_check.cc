#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <utility>

#include "checkers/linearizable/checks.h"
#include "checkers/linearizable/crew.h"
#include "checkers/linearizable/general.h"
#include "checkers/linearizable/models/transactions.h"
#include "checkers/linearizable/objects.h"
#include "checkers/linearizable/reduce.h"
#include "checkers/linearizable/report.h"
#include "checkers/linearizable/tale.h"
#include "harness/core/text.h"

namespace faultline::linearizable {
namespace {

constexpr std::uint64_t reduce_steps_max = 50'000'000;
/// For a history that seems to tell nothing: it may still have what no order explains.
constexpr std::uint64_t untold_steps_max = 1'000'000;

bool contains(const std::vector<Function>& functions, Function function) {
  return std::ranges::find(functions, function) != functions.end();
}

/// Does its answer say anything of the state? One that looks like an echo may do so all the same.
bool tells(const Operation& o, const Operations& all, const ModelTraits& traits) {
  if (o.is_info()) return false;
  if (o.refused) return !contains(traits.ignorable, o.function);
  switch (o.function) {
    case Function::write:
    case Function::enqueue:
    case Function::push:
    case Function::append:
    case Function::release:
      return false;
    case Function::add:
    case Function::remove:
      return o.output != no_value && o.output != o.argument;
    case Function::txn:
      return std::ranges::any_of(accesses_of(o, all),
                                 [&](ValueHandle access) { return !writes(access, *all.pool); });
    default:
      return true;
  }
}

/// Alphabetically.
std::string joined(std::string_view a, std::string_view b) {
  return std::string(std::min(a, b)) + "+" + std::string(std::max(a, b));
}

/// Checks one history; made for it and thrown away.
class ObjectRun {
 public:
  ObjectRun(const History& history, const Budget& budget, const Options& options,
            const ModelEntry& model, Verdict& verdict)
      : history_(history),
        options_(options),
        name_(model.name),
        traits_(model.traits()),
        budget_(budget),
        purse_(budget),
        objects_(history),
        verdict_(verdict),
        report_(history, verdict) {}

  void check() {
    verdict_.model = name_;
    verdict_.engine = "general";
    count();
    if (options_.engine == Engine::zones || options_.engine == Engine::search)
      return report_.give_up("inapplicable",
                             "the engines zones and search are for registers; use --engine auto or "
                             "general");
    if (const std::string why = unsupported(); !why.empty())
      return report_.give_up("unsupported", why);
    if (traits_.initial_objection != nullptr)
      if (const auto wrong = traits_.initial_objection(options_.setup.initial))
        return report_.give_up("unsupported", "the initial value: " + *wrong);
    try {
      look_at_all();
    } catch (...) {
      report_.conclude(objects_.size());  // what was proven before stays proven
      throw;
    }
    if (report_.nothing_noted() && !told_ && !left_out_)
      return report_.give_up("vacuous",
                             "nothing was observed: no answer says anything of the state in " +
                                 plural(history_.size(), "operation"));
    if (left_out_)
      report_.note_unknown(Report::last, purse_.reason(),
                           "the budget ended before every key was looked at; no violation so far");
    if (used_fast_)
      verdict_.engine = used_search_ ? joined(traits_.fast_name, "general") : traits_.fast_name;
    report_.conclude(objects_.size());
  }

 private:
  void count() {
    std::array<std::uint64_t, 256> ok{};
    std::uint64_t refused = 0, infos = 0;
    for (std::size_t o = 0; o < objects_.size(); ++o)
      for (const OperationId row : objects_.rows(o)) {
        const Fate fate = history_.fate()[row];
        if (fate == Fate::ok) ++ok[static_cast<std::size_t>(history_.function()[row])];
        refused += fate == Fate::mismatch;
        infos += fate == Fate::info;
      }
    for (const Function f : traits_.functions)
      verdict_.counted.emplace_back(std::string(name_of(f)), ok[static_cast<std::size_t>(f)]);
    verdict_.counted.insert(verdict_.counted.end(),
                            {{"mismatches", refused}, {"infos", infos}, {"keys", objects_.size()}});
  }

  std::string unsupported() const {
    std::array<std::uint64_t, 256> others{};
    for (std::size_t row = 0; row < history_.size(); ++row) {
      const Function f = history_.function()[row];
      if (!contains(traits_.functions, f)) ++others[static_cast<std::size_t>(f)];
      if (history_.fate()[row] == Fate::mismatch && !contains(traits_.refusable, f) &&
          !contains(traits_.ignorable, f))
        return "the " + std::string(name_of(f)) + " with invoke index " + index(row) +
               " was refused with a mismatch, which says nothing of a " + std::string(name_);
    }
    std::string text;
    for (std::size_t f = 0; f < others.size(); ++f)
      if (others[f] > 0)
        text += (text.empty() ? "" : ", ") + std::string(name_of(static_cast<Function>(f))) + " (" +
                std::to_string(others[f]) + ")";
    if (text.empty()) return "";
    std::string known;
    for (const Function f : traits_.functions)
      known += (known.empty() ? "" : ", ") + std::string(name_of(f));
    return "no history of the model " + std::string(name_) + ": it has operations other than " +
           known + ": " + text;
  }
  std::string named(const Operation& o) const {
    return "the " + std::string(name_of(o.function)) + " with invoke index " + index(o.id);
  }
  std::string index(std::size_t row) const {
    return std::to_string(history_.index_of(history_.begin()[row]));
  }

  std::string objection(const Operations& all) const {
    if (traits_.objection == nullptr) return "";
    for (const Operation& o : all.list) {
      if (const std::string wrong = traits_.objection(o, all); !wrong.empty())
        return named(o) + " asked for " + all.pool->to_text(argument_of(o, all)) +
               (o.is_info() ? "" : " and was answered " + all.pool->to_text(output_of(o, all))) +
               "; " + wrong;
    }
    return "";
  }

  /// To the times, where they matter: they are not there, or they contradict the order of the
  /// history. (Two threads may have stamped two events the other way round; but what began after
  /// something else was over cannot be over, by the clock, before that began.)
  std::string objection_to_times(const Operations& all) const {
    std::vector<const Operation*> ended;
    for (const Operation& o : all.list) {
      if (o.refused) continue;
      if (all.begin_times[o.id] == no_time || (!o.is_info() && all.end_times[o.id] == no_time))
        return named(o) + " has no time; a " + std::string(name_) + " is judged by the clock";
      if (!o.is_info()) ended.push_back(&o);
    }
    std::ranges::sort(ended, {}, &Operation::end);
    const Operation* latest = nullptr;
    std::size_t next = 0;
    for (const Operation& o : all.list) {
      if (o.refused || o.is_info()) continue;
      for (; ended[next]->end < o.begin; ++next)
        if (latest == nullptr || all.begin_times[ended[next]->id] > all.begin_times[latest->id])
          latest = ended[next];
      for (const Operation* before : {latest, &o})
        if (before != nullptr && all.end_times[o.id] < all.begin_times[before->id])
          return "the times go back: " + named(o) + " was over before " +
                 (before == &o ? "it began" : named(*before) + " began, which it came after") +
                 "; a " + std::string(name_) + " is judged by the clock";
    }
    return "";
  }

  /// One thread's place to work.
  struct Desk {
    Loader loader;
    unsigned threads;  ///< That share the memory.
  };
  enum class Outcome : std::uint8_t { done, hard, needs_memory };

  void look_at_all() {
    const std::size_t count = objects_.size();
    std::vector<std::size_t> hard, alone;
    std::mutex mutex;
    const auto sort_out = [&](Outcome outcome, std::size_t i) {
      if (outcome == Outcome::done) return;
      const std::lock_guard lock(mutex);
      (outcome == Outcome::hard ? hard : alone).push_back(i);
    };
    // What is cheap first, so that a key too hard to decide does not hide another's violation.
    unsigned threads = crew_of(budget_, count);
    each_object(count, threads, [&] {
      return [&, desk = Desk{Loader(objects_), threads}](std::size_t i) mutable {
        sort_out(decide_quickly(i, i, desk), i);
      };
    });
    const auto size = [&](std::size_t i) { return std::pair(objects_.rows(i).size(), i); };
    std::vector<std::size_t> searched = std::exchange(hard, {});
    std::ranges::sort(searched, {}, size);
    threads = crew_of(budget_, searched.size());
    purse_.expect(searched.size());
    each_object(searched.size(), threads, [&] {
      return [&, desk = Desk{Loader(objects_), threads}](std::size_t k) mutable {
        sort_out(search(count + k, searched[k], desk), searched[k]);
      };
    });
    // Those that a part of the memory was too little for.
    std::ranges::sort(alone, {}, size);
    Desk desk{Loader(objects_), 1};
    purse_.expect(alone.size());
    for (std::size_t k = 0; k < alone.size(); ++k)
      if (decide_quickly(2 * count + k, alone[k], desk) == Outcome::hard)
        search(2 * count + k, alone[k], desk);
  }

  /// What the search of an object may use besides all that is kept for the history.
  std::uint64_t bytes_for(const Desk& desk) const {
    const std::uint64_t share =
        (budget_.bytes_max - std::min(objects_.bytes(), budget_.bytes_max)) / desk.threads;
    return share - std::min(share, desk.loader.bytes());
  }

  /// By its fast engine, or because nothing can be said of it.
  Outcome decide_quickly(Report::Rank rank, std::size_t i, Desk& desk) {
    Meter meter = purse_.take(desk.threads, budget_.bytes_max / desk.threads);
    const std::uint64_t lent = meter.steps_left();
    const Outcome outcome = decide_quickly(rank, i, desk, meter);
    purse_.give_back(meter, lent);
    return outcome;
  }

  Outcome decide_quickly(Report::Rank rank, std::size_t i, Desk& desk, Meter& meter) {
    if (!meter.poll()) return leave_out();
    const Operations all = desk.loader.load(i);
    const KeyId key = objects_.key(i);
    if (!meter.spend(all.list.size())) return leave_out();
    if (bytes_for(desk) == 0) {
      if (desk.threads > 1) return Outcome::needs_memory;
      report_.note_unknown(rank, "memory",
                           "the budget of memory is too small for " + report_.key_phrase(key));
      return Outcome::done;
    }
    std::string wrong = objection(all);
    if (wrong.empty() && traits_.by_time) wrong = objection_to_times(all);
    if (!wrong.empty()) {
      report_.note_unknown(rank, "unsupported", wrong);
      return Outcome::done;
    }
    if (!told_ &&
        std::ranges::any_of(all.list, [&](const Operation& o) { return tells(o, all, traits_); }))
      told_ = true;
    if (traits_.fast == nullptr || options_.engine == Engine::general) return Outcome::hard;
    const Decision decision = traits_.fast(all, meter, options_.setup);
    if (decision.answer == Decision::Answer::unknown)
      return meter.exhausted() ? leave_out() : Outcome::hard;
    used_fast_ = true;
    if (decision.answer == Decision::Answer::invalid) note_decision(rank, key, all, decision);
    return Outcome::done;
  }

  Outcome leave_out() {
    left_out_ = true;
    return Outcome::done;
  }

  std::string so_far(KeyId key, const Operations& all, std::uint64_t checked) const {
    return "valid up to operation " + with_thousands(checked) + " of " +
           with_thousands(all.list.size()) + " on " + report_.key_phrase(key);
  }

  Outcome search(Report::Rank rank, std::size_t i, Desk& desk) {
    if (purse_.exhausted()) return leave_out();
    used_search_ = true;
    const Operations all = desk.loader.load(i);
    const KeyId key = objects_.key(i);
    Meter share = purse_.take_share(bytes_for(desk), told_ ? UINT64_MAX : untold_steps_max);
    const std::uint64_t lent = share.steps_left();
    const auto model = traits_.make(all, options_.setup);
    const GeneralPlan plan(all, *model, traits_.by_process, traits_.by_time);
    States states(*model, plan.classes());
    const SearchResult result = desk.threads == 1 && budget_.threads > 1
                                    ? compete(all, plan, states, share)
                                    : search_general(plan, states, share);
    if (result.validity == Validity::invalid) {
      Meter rest(std::min(share.steps_left() / 4, reduce_steps_max), share.bytes_max(),
                 share.stop());
      const ObjectProof proof = reduce(all, result.failed_call, traits_, options_.setup, rest);
      report_.note_invalid(
          rank, key, tell(history_, all, name_, proof.places, proof.failed, "", proof.minimal));
    }
    purse_.give_back(share, lent);
    if (result.validity != Validity::unknown) return Outcome::done;
    if (desk.threads > 1 && result.reason == std::string_view("memory"))
      return Outcome::needs_memory;
    if (told_) report_.note_unknown(rank, result.reason, so_far(key, all, result.calls_checked));
    return Outcome::done;
  }

  /// With a processor that would have nothing to do.
  SearchResult compete(const Operations& all, const GeneralPlan& plan, States& states,
                       Meter& meter) const {
    const auto model = traits_.make(all, options_.setup);
    States for_depth(*model, plan.classes());
    return search_in_competition(plan, states, for_depth, meter);
  }

  void note_decision(Report::Rank rank, KeyId key, const Operations& all,
                     const Decision& decision) {
    std::vector<std::size_t> places;
    std::size_t bad = 0;
    for (std::size_t i = 0; i < all.list.size(); ++i) {
      const auto at = std::ranges::find(decision.witness, all.list[i].id);
      if (at == decision.witness.end()) continue;
      if (static_cast<std::size_t>(at - decision.witness.begin()) == decision.bad) bad = i;
      places.push_back(i);
    }
    report_.note_invalid(
        rank, key, tell(history_, all, name_, places, bad, decision.anomaly, decision.minimal));
  }

  const History& history_;
  const Options& options_;
  const std::string_view name_;
  const ModelTraits traits_;
  const Budget& budget_;
  Purse purse_;
  Objects objects_;
  Verdict& verdict_;
  Report report_;
  std::atomic<bool> told_ = false;
  std::atomic<bool> used_fast_ = false, used_search_ = false;
  std::atomic<bool> left_out_ = false;  ///< For want of steps or time, some keys.
};

}  // namespace

void check_objects(const History& history, const Budget& budget, const Options& options,
                   const ModelEntry& model, Verdict& verdict) {
  ObjectRun(history, budget, options, model, verdict).check();
}

}  // namespace faultline::linearizable
