// The rw-register checker against brute force where it is hardest: many concurrent transactions,
// most of which write without having read, few keys, few reads. No guess at the order of the
// versions fits, and little is known of it.
#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "checkers/checkers.h"
#include "checkers/transactional/judgement.h"
#include "checkers/transactional/polygraph.h"
#include "tests/oracle/judges.h"
#include "tests/oracle/registers_oracle.h"
#include "tests/oracle/txn_compare.h"

namespace faultline::oracle::registers {
namespace {

/// Those that the brute force can still decide: an execution or begins and commits, no orders of
/// versions.
constexpr auto strong_models = std::span(models).last<6>();
static_assert(strong_models.front().kind == Kind::snapshot);
static_assert(strong_models.back().kind == Kind::serializable);

struct BlindJudge {
  using Model = registers::Model;
  static constexpr bool is_registers = true;
  static constexpr auto models = strong_models;
  static constexpr auto make = &make_rw_register;

  bool allows(const Transactions& history, const Model& model) {
    return oracle.allows(history, model);
  }
  bool is_sane(const Transactions& history) { return sane(history); }

  Oracle oracle;
};

/// Five to twelve transactions of clients that begin and end at random. What they read is what a
/// serial execution has, by and by: an order that keeps real time, or hardly does, or none at all;
/// and now and then some read another value of its key.
class BlindHistories {
 public:
  explicit BlindHistories(Rng rng) : rng_(rng) {}

  Transactions next() {
    history_.clear();
    keys_ = 1 + below(keys_max);
    ask();
    execute();
    for (int spoilt = below(percent(50) ? 4 : 10); spoilt > 0; --spoilt) spoil();
    return history_;
  }

 private:
  int below(int n) { return static_cast<int>(rng_.below(static_cast<unsigned>(n))); }
  bool percent(int share) { return below(100) < share; }

  void ask() {
    const int count = 5 + below(8), clients = 3 + below(5), writes = 40 + below(40);
    const int micros = 1 + below(3), infos = below(3) == 0 ? 15 : 0;
    std::vector<int> open(static_cast<std::size_t>(clients), -1);
    std::vector<std::uint32_t> process;
    for (std::uint32_t p = 0; p < open.size(); ++p) process.push_back(p);
    int element = 0, now = 0, ended = 0;
    while (ended < count) {
      const auto client = rng_.below(open.size());
      if (int& at = open[client]; at >= 0) {
        Transaction& t = history_[static_cast<std::size_t>(std::exchange(at, -1))];
        t.end = now++;
        if (t.fate == Fate::info) process[client] += 100;
        ++ended;
      } else if (static_cast<int>(history_.size()) < count) {
        at = static_cast<int>(history_.size());
        Transaction& t = history_.emplace_back();
        t.process = process[client];
        t.begin = now++;
        if (percent(infos)) t.fate = Fate::info;
        for (int m = 1 + below(micros); m > 0; --m) {
          const int key = below(keys_);
          t.micros.push_back(percent(writes) ? txn::append(key, ++element) : txn::read(key, {}));
        }
      }
    }
  }

  void execute() {
    const int blur = std::array{0, 0, 4, 100}[rng_.below(4)];
    std::vector<std::pair<double, Transaction*>> order;
    for (Transaction& t : history_)
      order.emplace_back(t.begin + (t.end - t.begin) * rng_.uniform() + blur * rng_.uniform(), &t);
    std::ranges::sort(order);
    std::array<int, keys_max> state{};
    for (const auto& [moment, t] : order)
      for (Micro& m : t->micros) {
        int& here = state[static_cast<std::size_t>(m.key)];
        if (m.append) here = m.element;
        if (!m.append && here != 0) m.list = {here};
      }
  }

  void spoil() {
    std::vector<Micro*> reads;
    for (Transaction& t : history_)
      for (Micro& m : t.micros)
        if (!m.append && t.fate == Fate::ok) reads.push_back(&m);
    if (reads.empty()) return;
    Micro& read = *reads[rng_.below(reads.size())];
    std::vector<txn::Elements> values{{}};
    for (const Transaction& t : history_)
      if (const int last = last_write(t, read.key); last != 0) values.push_back({last});
    read.list = values[rng_.below(values.size())];
  }

  Rng rng_;
  int keys_ = 1;
  Transactions history_;
};

TEST_CASE("oracle: rw-register where most writes are blind, up to twelve transactions") {
  for (const Model& model : strong_models) {
    CAPTURE(model.name);
    txn::Comparison<BlindJudge> comparison(model);
    BlindHistories histories(Rng(40417).fork(model.name));
    const long count = iterations(500);
    for (long i = 0; i < count; ++i) comparison.compare(histories.next());
    CHECK(comparison.wrong == 0);
    CHECK(comparison.unproven + comparison.undetected == 0);
    CHECK(comparison.allowed > count / 10);
    CHECK(comparison.forbidden > count / 10);
    MESSAGE(comparison.summary());
  }
}

// --- The choice between orders by itself, without what else proves and refutes -------------------

namespace tx = transactional;

/// What a refutation must be: a proof, a smaller one if it is shrunk, and of those that it names.
/// True if it takes a choice between versions.
bool check_refutation(const tx::Registers& registers, const tx::Refutation& whole, Meter& meter) {
  CHECK(tx::is_sound(registers, whole));
  const tx::Refutation small = tx::shrunk(registers, whole, meter);
  CHECK(tx::is_sound(registers, small));
  CHECK(small.claim == whole.claim);
  CHECK(small.order == whole.order);
  const auto members = tx::members_of(small), all = tx::members_of(whole);
  CHECK(std::ranges::includes(all, members));
  // Without any one of them there is an order.
  for (const tx::Transaction left_out : members) {
    auto rest = members;
    std::erase(rest, left_out);
    CHECK(tx::decide(registers, rest, rest, small.claim, small.order, 0, meter).answer ==
          tx::Decision::Answer::holds);
  }
  const auto cases = tx::cases_of(small, 100'000);
  REQUIRE(cases);
  CHECK_FALSE(cases->empty());
  return cases->size() > 1;
}

struct Tally {
  long holds = 0, refuted = 0, by_cases = 0, skipped = 0;
};

void check_decision(const Transactions& history, const Model& model, Oracle& oracle, Tally& tally) {
  const History recorded = txn::Speller({.registers = true}).history(history);
  const tx::Transactions transactions(recorded, tx::Objects::registers);
  const tx::Elements values(transactions);
  tx::Registers registers(transactions, values);
  // What single reads show is for others to find.
  if (std::ranges::any_of(registers.offences().counts, [](auto count) { return count > 0; })) {
    ++tally.skipped;
    return;
  }
  std::vector<tx::Transaction> members;
  for (tx::Transaction t = 0; t < transactions.size(); ++t)
    if (registers.is_committed(t)) members.push_back(t);
  Meter meter(1'000'000'000, 1'000'000'000, nullptr);
  const auto claim = model.kind == Kind::serializable ? tx::Claim::serial : tx::Claim::snapshots;
  const auto order = static_cast<tx::Order>(model.order);
  tx::Decision decision = tx::decide(registers, members, members, claim, order, 0, meter);
  const bool truth = oracle.allows(history, model);
  CAPTURE(txn::to_text(history));
  REQUIRE(decision.answer == (truth ? tx::Decision::Answer::holds : tx::Decision::Answer::refuted));
  if (!truth) {
    ++tally.refuted;
    if (check_refutation(registers, decision.refutation, meter)) ++tally.by_cases;
    return;
  }
  ++tally.holds;
  tx::CycleFindings found;
  tx::find_cycles(tx::OrderedRegisters(registers, std::move(decision.versions)), meter, found);
  CHECK(tx::proven(registers.offences(), found, true).test(tx::find_model(model.name).value()));
}

TEST_CASE(
    "oracle: polygraphs of registers where most writes are blind, up to twelve transactions") {
  static_assert(static_cast<int>(Order::real_time) == static_cast<int>(tx::Order::realtime));
  Oracle oracle;
  for (const Model& model : strong_models) {
    CAPTURE(model.name);
    Tally tally;
    BlindHistories histories(Rng(90125).fork(model.name));
    const long count = iterations(2000);
    for (long i = 0; i < count; ++i) check_decision(histories.next(), model, oracle, tally);
    MESSAGE(std::string(model.name)
            << ": " << tally.holds << " hold, " << tally.refuted << " refuted, " << tally.by_cases
            << " of them by cases; " << tally.skipped << " skipped");
    CHECK(tally.holds > count / 10);
    CHECK(tally.refuted > count / 100);
    CHECK(tally.by_cases > count / 500);
  }
}

}  // namespace
}  // namespace faultline::oracle::registers
