// Carries the schedule out: strikes, attests and heals at the planned times, and writes down what
// happened. Driven by step() from the one thread that pulls levers; has no thread and no clock of
// its own, so that a test drives it through an hour in a millisecond.
#pragma once

#include <functional>
#include <future>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "harness/core/nemesis.h"
#include "harness/core/value.h"
#include "harness/run/plan.h"

namespace faultline {

/// What became of one entry of `faults:`.
struct FaultTally {
  std::string fault;
  std::size_t planned = 0, injected = 0, effective = 0;
  /// What the healings' evidence says under "doubts": why a violation found under this fault may be
  /// the fault's own doing. The first doubts_max.
  std::set<std::string> doubts = {};
  std::size_t heals_failed =
      0;  ///< Heals not attested: what came after may have been broken still.
  static constexpr std::size_t doubts_max = 20;
};

/// Whom `fault` strikes, by index of machine: those of clients follow the nodes'. An error if that
/// is nobody.
Result<std::vector<std::size_t>> victims_of(const FaultPlan& fault, const Cluster& cluster,
                                            std::span<const std::size_t> leaders, Rng rng);
/// "partition majority-ring", "kill n1 n3"; victims that are everybody are not told.
std::string strike_text(const FaultPlan& fault, const Cluster& cluster,
                        std::span<const std::size_t> victims);
/// What the strike `id` draws from: its victims from victims, its nemesis's choice from nemesis.
struct StrikeRng {
  StrikeRng(const Rng& faults, FaultId id)
      : victims(faults.fork("strike", id).fork("victims")),
        nemesis(faults.fork("strike", id).fork("nemesis")) {}
  Rng victims, nemesis;
};

/// schedule.json.
Value schedule_value(std::span<const FaultPlan> faults, std::span<const PlannedFault> schedule);

class Injector {
 public:
  struct Setup {
    std::span<const FaultPlan> faults;
    std::vector<PlannedFault> schedule;  ///< By start, as plan_schedule() makes it.
    Levers& levers;
    Rng rng;
    std::function<Nanoseconds()> now;         ///< Since the load began.
    std::function<void(const Value&)> write;  ///< Takes a line of faults.jsonl.
    /// Starts to find out who leads, without waiting for the answer, which must come within `left`.
    /// `tries`: how often that was asked for this fault already.
    std::function<std::future<std::vector<std::size_t>>(int tries, Nanoseconds left)> ask_leaders;
    /// Of a replay: strikes with their victims, or given up, as recorded; nobody is asked for them.
    std::map<FaultId, RecordedStrike> recorded = {};
  };
  explicit Injector(Setup setup);

  /// Does what is due now, heals before strikes, and looks for evidence that takes its time: a heal
  /// lets go when it is due, and its line is written once it is attested. Returns when it wants to
  /// be called again at the latest; nothing if all is done. A role that needs a leader is resolved
  /// by asking at most leader_tries times, leader_pause apart, and not beyond the planned heal, but
  /// once in any case.
  std::optional<Nanoseconds> step();

  /// Heals what is active, gives up what has not struck, releases every lever, and waits until all
  /// is attested. Everything is tried whatever fails. Idempotent.
  Status heal_all();

  /// What is broken right now, for people: "partition majority-ring", "kill n1 n3".
  std::vector<std::string> active() const;
  const std::vector<FaultTally>& tallies() const { return tallies_; }  ///< An entry each.
  const std::vector<Value>& lines() const { return lines_; }           ///< Of faults.jsonl.

  static constexpr int leader_tries = 10;
  static constexpr Nanoseconds leader_pause = std::chrono::milliseconds(200);

 private:
  struct Waiting {
    PlannedFault planned;
    int tries = 0;
    Nanoseconds next_try{};
    std::optional<std::future<std::vector<std::size_t>>> answer;
  };
  struct Active {
    PlannedFault planned;
    std::vector<std::size_t> victims, leaders;
    Nanoseconds applied{};
    Attestation attestation;
    std::string reason;  ///< Why it is not effective, if the injection failed.
    bool attested = false;
  };
  /// Released; evidence of the injection or of the heal may still be to come.
  struct Healed {
    Active over;
    Result<Attestation> healing;
    Nanoseconds at{};
  };

  bool try_waiting(Waiting& waiting);
  void strike(const PlannedFault& planned, std::span<const std::size_t> leaders);
  void heal(Active active);
  /// Looks for the evidence of the injection; true if it is complete.
  bool is_attested(Active& active);
  /// True if everything of it is known, and written.
  bool try_telling(Healed& healed);
  void tell(Healed& healed);
  void give_up(const PlannedFault& planned, const std::string& reason, bool reached = true);
  const RecordedStrike* recorded(const PlannedFault& planned) const;
  List names(std::span<const std::size_t> machines) const;
  void write(Map line);
  Map line_of(const PlannedFault& planned) const;
  const FaultPlan& plan_of(const PlannedFault& planned) const;

  Setup setup_;
  std::size_t next_ = 0;  ///< Into the schedule.
  std::vector<Waiting> waiting_;
  std::vector<Active> active_;
  std::vector<Healed> healed_;
  std::vector<FaultTally> tallies_;
  std::vector<Value> lines_;
  std::optional<Error> heal_error_;
};

}  // namespace faultline
