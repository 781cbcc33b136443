// The checker `rw-register`: isolation of transactions that write registers and read them (Elle's
// rw-register; Kingsbury & Alvaro 2020). Nothing tells the order of all versions of a key, so that
// two things are done: what can be inferred of it refutes, and an order that is guessed proves, if
// no anomaly is left with it. Up to causal consistency no guess is needed (weak_levels.h). What is
// open then of snapshot isolation and serializability, a solver decides (strong_levels.h).
#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <boost/unordered/unordered_flat_set.hpp>

#include "checkers/checkers.h"
#include "checkers/guarded.h"
#include "checkers/meter.h"
#include "checkers/transactional/judgement.h"
#include "checkers/transactional/online_rw_register.h"
#include "checkers/transactional/registers_order.h"
#include "checkers/transactional/registers_tell.h"
#include "checkers/transactional/strong_levels.h"
#include "checkers/transactional/weak_levels.h"

namespace faultline {
namespace transactional {
namespace {

struct Options {
  ModelSet asked;
  /// False: positions are those of a file, and say only who was first in a process.
  bool has_real_time = true;
  std::optional<std::int64_t> initial;  ///< What is read before any write; nothing: nil.
};

/// What can be judged of what is asked for, and of what that implies, without real time.
ModelSet judged_of(const Options& options) {
  if (options.has_real_time) return options.asked;
  const ModelSet timed = real_time_models();
  ModelSet judged = options.asked & ~timed;
  for (const std::string& name : strongest_of(with_weaker(options.asked & timed) & ~timed))
    judged.set(find_model(name).value());
  return judged;
}

/// One history; made for it and thrown away.
class RwRegisterRun {
 public:
  RwRegisterRun(const History& history, const Budget& budget, const Options& options,
                Verdict& verdict)
      : history_(history),
        budget_(budget),
        meter_(budget),
        options_(options),
        asked_(judged_of(options)),
        verdict_(verdict) {}

  void check() {
    verdict_.engine = "graph";
    Transactions transactions(history_, Objects::registers);
    if (!transactions.unsupported().empty())
      return give_up(verdict_, "unsupported", transactions.unsupported());
    verdict_.counted = {{"transactions", transactions.size()},
                        {"writes", transactions.appends().size()},
                        {"reads", transactions.reads()},
                        {"keys", transactions.key_count()}};
    if (transactions.reads() == 0)
      return give_up(verdict_, "vacuous",
                     "nothing was observed: no transaction that succeeded read a register");
    if (is_too_much(transactions.bytes())) return;
    const Elements values(transactions);
    if (values.repeated() != no_append)
      return give_up(verdict_, "unsupported",
                     repeated_text(transactions, values, "values written", "written to"));
    if (!takes_initial(transactions, values)) return;
    Registers registers(transactions, values);
    // A guess, its graph, and five searches at most, of two states; what is inferred comes later.
    if (is_too_much(transactions.bytes() + values.bytes() + registers.bytes() +
                    300 * transactions.size() + 40 * transactions.micro().size()))
      return;
    bytes_ = transactions.bytes() + registers.bytes();
    CycleFindings cycles;
    WeakFindings weak;
    StrongFindings strong;
    const char* ended = nullptr;
    try {
      search(registers, cycles, weak, strong);
    } catch (const OutOfBudget&) {
      ended = meter_.reason();
    } catch (const OutOfBytes&) {
      ended = "memory";
    }
    if (!options_.has_real_time) forget_real_time(registers, cycles, strong);
    holds_ |= weak.holds | strong.holds;
    verdict_.counted.emplace_back("edges",
                                  std::max({edges_, cycles.edges, weak.edges, strong.edges}));
    if (strong.pairs > 0) {
      verdict_.engine = "graph+sat";
      verdict_.counted.emplace_back("pairs", strong.pairs);
    }
    const RegisterLanguage language(registers);
    judge({registers, language, cycles, holds_, ended,
           "reads leave the order of some versions open, and none that was tried proves it: read "
           "keys before writing them",
           told(registers, language, weak, strong, ended != nullptr)},
          asked_, verdict_);
    if (!options_.has_real_time) judge_without_real_time();
    if (options_.initial && verdict_.validity == Validity::invalid)
      verdict_.explanation +=
          "\nnil is what was there before any write: " + std::to_string(*options_.initial);
  }

 private:
  /// False: it is not known whether somebody read what was there at first, and that is said.
  bool takes_initial(Transactions& transactions, const Elements& values) {
    if (!options_.initial) return true;
    for (Transaction t = 0; t < transactions.size(); ++t) {
      if (transactions.fate(t) != Fate::ok) continue;
      for (const MicroOperation& m : transactions.of(t)) {
        if (m.is_append()) continue;
        const bool is_initial =
            m.value.is_small_integer() && m.value.small_integer() == *options_.initial;
        if (!m.value.is_nil() && !(is_initial && values.find(m.key, m.value) != no_append))
          continue;
        give_up(verdict_, "unsupported",
                "the initial value is " + std::to_string(*options_.initial) + ", but key " +
                    transactions.key_text(m.key) +
                    (is_initial ? " was also written so: a read of it may be of either"
                                : " was read as nil by the operation with invoke index " +
                                      std::to_string(history_.index_of(history_.begin()[t]))));
        return false;
      }
    }
    transactions.take_for_nil(*options_.initial);
    return true;
  }

  /// Positions, which keep the order of each process, are as good a guess as any: what was proven
  /// with them stays. What was refuted by them does not.
  void forget_real_time(Registers& registers, CycleFindings& cycles, StrongFindings& strong) const {
    const auto is_of_time = [](Anomaly a) { return name_of(a).ends_with("-realtime"); };
    const auto forget = [&](std::vector<std::uint64_t>& counts, auto& kept) {
      for (std::size_t a = 0; a < counts.size(); ++a)
        if (is_of_time(static_cast<Anomaly>(a))) counts[a] = 0;
      std::erase_if(kept, [&](const auto& found) { return is_of_time(found.anomaly); });
    };
    registers.forget(is_of_time);
    forget(cycles.counts, cycles.kept);
    std::erase_if(strong.refuted, [&](const auto& found) { return is_of_time(found.anomaly); });
  }

  /// Of models that are about real time only that they are refuted can be said.
  void judge_without_real_time() {
    const ModelSet timed = real_time_models();
    ModelSet left;
    for (ModelId m = 0; m < models().size(); ++m) left.set(m);
    left &= ~timed;
    for (const auto* names : {&verdict_.refuted, &verdict_.also_refuted})
      for (const std::string& name : *names) left.reset(find_model(name).value());
    verdict_.not_refuted = strongest_of(left);
    const ModelSet asked = options_.asked & timed;
    if (asked.none() || verdict_.validity == Validity::invalid) return;
    const std::string judged = joined(strongest_of(asked_));
    give_up(verdict_, "unsupported",
            "the history has no order in real time, and " + joined(names_of(asked)) +
                " is about it; the strongest that can be judged is " + judged +
                (verdict_.validity == Validity::valid ? ", and that holds" : ""));
  }

  bool is_too_much(std::uint64_t bytes) {
    return too_much(bytes, budget_, history_.size(), verdict_);
  }

  void search(Registers& registers, CycleFindings& cycles, WeakFindings& weak,
              StrongFindings& strong) {
    const ModelSet strongest = ModelSet().set(find_model("strict-serializable").value());
    // What needs no order of versions is decided without one.
    const bool is_weak = (asked_ & ~weak_models()).none();
    bool was_tried = true;
    if (is_weak) {
      decide_weak_levels(registers, asked_, bytes_, meter_, weak);
      if ((asked_ & ~weak.holds).none()) return;
    } else {
      was_tried = try_order(registers, Order::realtime, Guess::Effort::while_it_helps);
      if ((strongest & ~holds_).none()) return;
    }
    registers.note_cyclic_versions(meter_);
    find_inferred_cycles(registers, meter_, cycles);
    // Any order of the versions that keeps that of the transactions will do for these.
    CycleFindings dependencies;
    dependencies.ww = {true, true, true};
    dependencies.ww_wr = cycles.ww_wr;
    holds_ |= proven(registers.offences(), dependencies, true);
    if (is_weak) return;
    ModelSet refuted;
    const auto refute = [&](const std::vector<std::uint64_t>& counts) {
      for (std::size_t a = 0; a < counts.size(); ++a)
        if (counts[a] > 0) refuted |= ruled_out_by(static_cast<Anomaly>(a));
    };
    refute(registers.offences().counts);
    refute(cycles.counts);
    // No order proves what is refuted.
    for (const Order order : {Order::realtime, Order::process, Order::none})
      if ((asked_ & ~refuted & ~holds_).any() && (order != Order::realtime || !was_tried))
        try_order(registers, order, Guess::Effort::all);
    decide_weak_levels(registers, asked_ & ~holds_, bytes_, meter_, weak);
    refute(weak.counts);
    decide_strong_levels(registers, asked_ & ~refuted & ~holds_ & ~weak.holds, refuted, sequence_,
                         bytes_, meter_, strong);
  }

  static std::vector<OtherFinding> told(const Registers& registers,
                                        const RegisterLanguage& language, const WeakFindings& weak,
                                        const StrongFindings& strong, bool has_ended) {
    std::vector<OtherFinding> all;
    for (const auto& [anomaly, why] : strong.refuted)
      all.push_back({anomaly, 1, language.tell_refutation(name_of(anomaly), why)});
    for (std::size_t a = 0; a < weak.counts.size(); ++a) {
      const auto anomaly = static_cast<Anomaly>(a);
      const Contradiction* smallest = nullptr;
      for (const Contradiction& c : weak.kept)
        if (c.anomaly == anomaly && (smallest == nullptr || c.ties.size() < smallest->ties.size()))
          smallest = &c;
      if (weak.counts[a] == 0 || (smallest == nullptr && !has_ended)) continue;
      // The budget may have ended before one was made out.
      all.push_back({anomaly, weak.counts[a],
                     smallest != nullptr
                         ? language.tell_contradiction(*smallest)
                         : tell_known(registers, language, anomaly, weak.known_of.at(anomaly))});
    }
    return all;
  }

  /// False if with all effort a better order might be found: then this one is not looked at.
  bool try_order(const Registers& registers, Order order, Guess::Effort effort) {
    const Guess guess(registers, order, effort, meter_);
    if (guess.gave_up()) return false;
    CycleFindings found;
    find_cycles(OrderedRegisters(registers, guess.versions()), meter_, found);
    edges_ = found.edges;
    holds_ |= proven(registers.offences(), found, true);
    if (order == Order::realtime) sequence_ = guess.sequence();
    return true;
  }

  const History& history_;
  const Budget& budget_;
  Meter meter_;
  const Options& options_;
  const ModelSet asked_;
  Verdict& verdict_;
  std::uint64_t bytes_ = 0;  ///< Taken by what stays.
  ModelSet holds_;           ///< With one order of the versions or another.
  std::uint64_t edges_ = 0;
  std::vector<Transaction> sequence_;  ///< As was guessed with real time.
};

class RwRegister final : public Checker {
 public:
  explicit RwRegister(const Options& options) : options_(options) {}
  std::string_view name() const override { return "rw-register"; }
  std::vector<std::string_view> anomalies() const override {
    using enum Anomaly;
    return anomalies_by_name({duplicate_elements, incompatible_order, prefix_violation, G0,
                              G0_process, G0_realtime, PL_1_cycle_exists,
                              strong_session_PL_1_cycle_exists, strong_PL_1_cycle_exists,
                              PL_3_cycle_exists});
  }
  std::vector<std::pair<std::string_view, std::string_view>> models() const override {
    return models_and_aliases();
  }

  bool suits(const History& history) const override {
    // Writes in transactions, no value twice; with such, multi-register can judge, and this not.
    const std::size_t looked_at = std::min<std::size_t>(history.size(), 1000);
    boost::unordered_flat_set<std::pair<std::uint64_t, std::uint64_t>> written;
    const ValuePool& pool = history.values();
    for (std::size_t row = 0; row < looked_at; ++row) {
      if (history.function()[row] != Function::txn) return false;
      if (!Transactions::has_micro(history, row, "w")) continue;
      for (const ValueHandle item : pool.items(history.argument()[row])) {
        if (item.kind() != ValueHandle::Kind::list || pool.items(item).size() != 3) return false;
        const auto parts = pool.items(item);
        if (parts[0].kind() != ValueHandle::Kind::text || pool.as_text(parts[0]) != "w") continue;
        if (parts[2].is_nil() || !written.emplace(parts[1].bits(), parts[2].bits()).second)
          return false;
      }
    }
    return !written.empty();
  }

  Verdict check(const History& history, const Budget& budget) const override {
    Verdict verdict;
    verdict.name = name();
    verdict.model = joined(names_of(options_.asked));
    guarded(verdict, [&] { RwRegisterRun(history, budget, options_, verdict).check(); });
    return verdict;
  }
  std::unique_ptr<OnlineChecker> online(const Budget& budget) const override {
    // Where positions say nothing of real time, most of what is certain early is not.
    if (!options_.has_real_time) return nullptr;
    return online_rw_register(options_.asked, budget, options_.initial);
  }

 private:
  const Options options_;
};

std::optional<std::int64_t> initial_of(Params& params) {
  const std::string text = params.text("initial", "nil");
  if (text == "nil" || text == "null") return std::nullopt;
  std::int64_t value = 0;
  const auto [stop, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || stop != text.data() + text.size())
    params.fail("initial", "expected an integer or nil, found \"" + text + "\"");
  return value;
}

Options options_of(Params& params) {
  Options options;
  const bool has_model = params.has("model");
  options.asked = models_of(params);
  options.has_real_time = params.boolean("real_time", true);
  options.initial = initial_of(params);
  if (!has_model && !options.has_real_time)
    options.asked = ModelSet().set(find_model("strong-session-serializable").value());
  return options;
}

}  // namespace
}  // namespace transactional

Result<std::unique_ptr<Checker>> make_rw_register(Params& params) {
  const transactional::Options options = transactional::options_of(params);
  if (Status status = params.finish(); !status) return status.error();
  return std::unique_ptr<Checker>(std::make_unique<transactional::RwRegister>(options));
}

}  // namespace faultline
