// Components for tests of the runner: a store in memory that is right, or wrong in a chosen way; a
// workload, a fault and a checker small enough to be obviously what they say.
#pragma once

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "harness/core/catalogue.h"
#include "tests/fake_steps.h"

namespace faultline::run_fakes {

/// Registers in memory, behind one lock: linearizable unless told otherwise.
struct Store {
  std::mutex mutex;
  std::map<std::string, Value> values;
  std::atomic<bool> refuses{false};       ///< Every request fails at once.
  std::atomic<bool> loses_writes{false};  ///< Acknowledges and forgets: linearizable never again.
  std::atomic<bool> hangs_writes{false};  ///< Every write is an info.
  std::atomic<bool> unready{false};
  std::atomic<int> connections{0};
  std::vector<std::size_t> leaders;
};

class StoreClient : public Client {
 public:
  explicit StoreClient(std::shared_ptr<Store> store) : store_(std::move(store)) {
    ++store_->connections;
  }
  Outcome invoke(const Request& request, Deadline) override {
    if (store_->refuses) return Outcome::fail("refused");
    const std::lock_guard lock(store_->mutex);
    Value& value = store_->values[request.key];
    if (request.function == Function::read) return Outcome::ok(value);
    if (store_->hangs_writes) return Outcome::info("timeout");
    if (request.function == Function::cas) {
      const List& both = *request.value.list();
      if (!(both[0] == value)) return Outcome::mismatch();
      value = both[1];
      return Outcome::ok(request.value);
    }
    if (!store_->loses_writes) value = request.value;
    return Outcome::ok(request.value);
  }

 private:
  std::shared_ptr<Store> store_;
};

class StoreTarget : public Target {
 public:
  explicit StoreTarget(std::shared_ptr<Store> store) : store_(std::move(store)) {}
  std::string_view name() const override { return "memory"; }
  std::vector<Function> functions() const override {
    return {Function::read, Function::write, Function::cas};
  }
  Status available() const override { return Ok{}; }
  std::filesystem::path program() const override { return "/bin/true"; }
  std::string version() const override { return "1"; }
  Result<Launch> launch(const Node&, std::span<const Node>) const override {
    return Launch{{"/bin/true"}, {}};
  }
  Status ready(const Node&, Deadline) const override {
    if (store_->unready) return Error{"not yet"};
    return Ok{};
  }
  Result<std::unique_ptr<Client>> connect(const Node&) const override {
    return std::unique_ptr<Client>(std::make_unique<StoreClient>(store_));
  }
  std::vector<std::size_t> leaders(std::span<const Node>, Deadline) const override {
    return store_->leaders;
  }

 private:
  std::shared_ptr<Store> store_;
};

/// Unique writes, reads, and compare-and-sets from what was last seen, over a few keys.
class RegisterWorkload : public Workload {
 public:
  RegisterWorkload(std::size_t keys, bool cas) : keys_(keys), cas_(cas) {}
  std::string_view name() const override { return "registers"; }
  std::vector<Function> functions() const override {
    if (cas_) return {Function::read, Function::write, Function::cas};
    return {Function::read, Function::write};
  }
  std::vector<std::string> checks() const override { return {"recent"}; }
  std::unique_ptr<Generator> generator(Rng rng, std::size_t worker,
                                       std::size_t workers) const override {
    struct Own : Generator {
      Own(Rng r, std::size_t k, bool c, std::size_t w, std::size_t n)
          : rng(r), keys(k), cas(c), next_value(w), step(n) {}
      Request next() override {
        Request request;
        request.key = "k" + std::to_string(rng.below(keys));
        const std::uint64_t kind = rng.below(cas ? 3 : 2);
        if (kind == 0) return request;
        next_value += step;
        request.function = kind == 1 ? Function::write : Function::cas;
        request.value = kind == 1 ? Value(next_value) : Value(List{Value(), Value(next_value)});
        request.expects_last_seen = kind == 2;
        return request;
      }
      Rng rng;
      std::size_t keys;
      bool cas;
      std::uint64_t next_value;
      std::size_t step;
    };
    return std::make_unique<Own>(rng, keys_, cas_, worker, workers);
  }
  std::vector<Request> final_requests(const std::vector<std::string>& keys) const override {
    std::vector<Request> requests;
    for (const std::string& key : keys) {
      Request request;
      request.key = key;
      requests.push_back(request);
    }
    return requests;
  }

 private:
  std::size_t keys_;
  bool cas_;
};

/// Counts what it did to whom; never touches a lever.
class TallyNemesis : public Nemesis {
 public:
  explicit TallyNemesis(bool effective, bool on_clients = false)
      : effective_(effective), on_clients_(on_clients) {}
  std::string_view name() const override { return "tally"; }
  bool strikes_clients() const override { return on_clients_; }
  Map parameters() const override { return {{"kind", "count"}}; }
  Result<Attestation> inject(Levers&, FaultId id, std::span<const std::size_t> victims,
                             std::span<const std::size_t>, Rng) override {
    injected.push_back(id);
    active.emplace(id, std::vector<std::size_t>(victims.begin(), victims.end()));
    if (fails) return Error{"told to fail"};
    return late(Attestation{effective_, {{"count", injected.size()}}});
  }
  Result<ByHand> by_hand(const Cluster& cluster, std::span<const std::size_t> victims,
                         std::span<const std::size_t> leaders, Rng) const override {
    ByHand hand;
    for (const std::size_t victim : victims)
      hand.strike.push_back(
          {machine_of(cluster, victim).name,
           "count " + std::to_string(victim) + " of " + std::to_string(leaders.size())});
    return hand;
  }
  Result<Attestation> heal(Levers&, FaultId id) override {
    healed.push_back(id);
    active.erase(id);
    if (heal_fails) return Error{"told to fail"};
    return late(Attestation{heals, {}, bears_out});
  }
  std::vector<FaultId> injected, healed;
  std::map<FaultId, std::vector<std::size_t>> active;
  bool fails = false, bears_out = false, heals = true, heal_fails = false;
  bool is_slow = false;  ///< The evidence of what it does comes once this is false again.

 private:
  Attestation late(Attestation attestation) {
    const bool effective = std::exchange(attestation.effective, false);
    attestation.rest = [this, effective](Attestation& told) {
      if (is_slow) return false;
      told.effective = effective;
      return true;
    };
    return attestation;
  }

  bool effective_, on_clients_;
};

/// "recent": invalid if the last read of a key (by begin) is nil although a write to it was
/// acknowledged before; valid otherwise, vacuous without reads. Enough to tell a right store from
/// one that loses writes.
class RecentChecker : public Checker {
 public:
  std::string_view name() const override { return "recent"; }
  Verdict check(const History& history, const Budget&) const override {
    Verdict verdict;
    verdict.name = "recent";
    verdict.validity = Validity::valid;
    std::uint64_t reads = 0;
    for (OperationId read = 0; read < history.size(); ++read) {
      if (history.function()[read] != Function::read || history.fate()[read] != Fate::ok) continue;
      ++reads;
      if (!history.output()[read].is_nil() || verdict.validity == Validity::invalid) continue;
      for (OperationId write = 0; write < read; ++write)
        if (history.function()[write] == Function::write && history.fate()[write] == Fate::ok &&
            history.key()[write] == history.key()[read] &&
            history.end()[write] < history.begin()[read]) {
          verdict.validity = Validity::invalid;
          verdict.witness = {write, read};
          verdict.summary = "a write was lost";
          verdict.explanation = "write, then a read of nil";
          verdict.anomalies = {{"lost-write", 1}};
          break;
        }
    }
    verdict.counted = {{"reads", reads}};
    if (reads == 0) {
      verdict.validity = Validity::unknown;
      verdict.reason = "vacuous";
    }
    return verdict;
  }
};

/// Never decides: works until it is told to stop.
class EndlessChecker : public Checker {
 public:
  std::string_view name() const override { return "endless"; }
  Verdict check(const History&, const Budget& budget) const override {
    while (!*budget.stop) std::this_thread::yield();
    Verdict verdict;
    verdict.name = "endless";
    verdict.reason = "stopped";
    verdict.summary = "told to stop";
    return verdict;
  }
};

/// Catalogues of the above. `store` is what every target made from now on talks to.
struct Components {
  static std::shared_ptr<Store>& store() {
    static std::shared_ptr<Store> shared = std::make_shared<Store>();
    return shared;
  }
  static Result<std::unique_ptr<Target>> target(Params& params) {
    params.text("mode", "quorum");
    if (const Status status = params.finish(); !status) return status.error();
    return std::unique_ptr<Target>(std::make_unique<StoreTarget>(store()));
  }
  static Result<std::unique_ptr<Workload>> workload(Params& params, std::span<const Function>) {
    const auto keys = static_cast<std::size_t>(params.integer("keys", 5, 1, 1000));
    const bool cas = params.boolean("cas", true);
    return std::unique_ptr<Workload>(std::make_unique<RegisterWorkload>(keys, cas));
  }
  /// Asks for what the store does not offer.
  static Result<std::unique_ptr<Workload>> queue(Params&, std::span<const Function>) {
    struct Queue : RegisterWorkload {
      Queue() : RegisterWorkload(1, false) {}
      std::string_view name() const override { return "queue"; }
      std::vector<Function> functions() const override { return {Function::enqueue}; }
    };
    return std::unique_ptr<Workload>(std::make_unique<Queue>());
  }
  /// Has two scripts, each of a transaction that writes and one that reads.
  static Result<std::unique_ptr<Workload>> scripted(Params&, std::span<const Function>) {
    struct Scripted : RegisterWorkload {
      Scripted() : RegisterWorkload(1, false) {}
      std::string_view name() const override { return "scripted"; }
      std::vector<Function> functions() const override { return {}; }
      std::vector<Request> final_requests(const std::vector<std::string>&) const override {
        return {};
      }
      std::vector<Script> scripts() const override {
        const Step write{Step::Kind::access, List{"w", "x", 1}};
        const Step read{Step::Kind::access, List{"r", "x", {}}}, commit{Step::Kind::commit, {}};
        const Script script{"a", {{0, write}, {0, commit}, {1, read}, {1, commit}}};
        return {script, script};
      }
    };
    return std::unique_ptr<Workload>(std::make_unique<Scripted>());
  }
  /// Looks for rows, or so it says.
  static Result<std::unique_ptr<Workload>> searching(Params&, std::span<const Function>) {
    struct Searching : RegisterWorkload {
      Searching() : RegisterWorkload(1, false) {}
      std::string_view name() const override { return "searching"; }
      bool asks_by_predicate() const override { return true; }
    };
    return std::unique_ptr<Workload>(std::make_unique<Searching>());
  }
  static Result<std::unique_ptr<Target>> steps(Params&) {
    return std::unique_ptr<Target>(std::make_unique<fakes::StepTarget>(fakes::Level::two_phase));
  }
  static Result<std::unique_ptr<Nemesis>> nemesis(Params& params) {
    params.text("kind", "count");
    const bool effective = params.boolean("effective", true);
    return std::unique_ptr<Nemesis>(std::make_unique<TallyNemesis>(effective));
  }
  /// Strikes client machines: holds them paused.
  static Result<std::unique_ptr<Nemesis>> stall(Params&) {
    struct Stall : TallyNemesis {
      Stall() : TallyNemesis(true, true) {}
      Map parameters() const override { return {}; }
      Result<Attestation> inject(Levers& levers, FaultId id, std::span<const std::size_t> victims,
                                 std::span<const std::size_t> leaders, Rng rng) override {
        for (const std::size_t victim : victims)
          if (const Status held = levers.hold_paused(id, victim); !held) return held.error();
        return TallyNemesis::inject(levers, id, victims, leaders, rng);
      }
      Result<Attestation> heal(Levers& levers, FaultId id) override {
        if (const Status released = levers.release(id); !released) return released.error();
        return TallyNemesis::heal(levers, id);
      }
    };
    return std::unique_ptr<Nemesis>(std::make_unique<Stall>());
  }
  static Result<std::unique_ptr<Checker>> checker(Params& params) {
    params.integer("depth", 3, 1, 10);
    return std::unique_ptr<Checker>(std::make_unique<RecentChecker>());
  }

  static Result<std::unique_ptr<Checker>> endless(Params&) {
    return std::unique_ptr<Checker>(std::make_unique<EndlessChecker>());
  }

  static const Catalogues& catalogues() {
    static const std::vector<TargetEntry> targets = {{"memory", "", &target},
                                                     {"steps", "", &steps}};
    static const std::vector<WorkloadEntry> workloads = {{"queue", "", &queue},
                                                         {"registers", "", &workload},
                                                         {"scripted", "", &scripted},
                                                         {"searching", "", &searching}};
    static const std::vector<NemesisEntry> nemeses = {{"stall", "", &stall},
                                                      {"tally", "", &nemesis}};
    static const std::vector<CheckerEntry> checkers = {{"endless", "", &endless},
                                                       {"recent", "", &checker}};
    static const Catalogues all{checkers, nemeses, workloads, targets};
    return all;
  }
};

}  // namespace faultline::run_fakes
