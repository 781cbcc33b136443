// predicates: transactions that look for rows by predicates, while others insert, change and delete
// such rows. Rows stand in universes, one after the other: "u7/3/2/" is the row 2 of worker 3 in
// universe 7, and "u7/" the prefix of all that is looked for there. Each row is changed by its
// worker alone, and lives through a few versions, so that a row that was not found tells which of
// them it was (the check closed-predicate; Elle's closed-predicate asks alike): it is inserted; and
// with `versions: 3` some are then read and changed, or deleted.
//
// A worker goes on to the next universe when it is done with its rows. As in transactional.h that
// follows its own count alone: what it asks is a function of its seed.
#include <algorithm>
#include <set>

#include "harness/core/check.h"
#include "harness/core/predicate.h"
#include "workloads/mix.h"
#include "workloads/workloads.h"

namespace faultline {
namespace predicate_workload {
namespace {

/// Looked for in a final transaction: so many universes.
constexpr std::size_t final_universes = 4;

struct Settings {
  std::uint64_t rows = 4;      ///< Of a worker in a universe.
  std::uint64_t versions = 3;  ///< Of a row; the first is that it is not there.
  std::uint64_t min_length = 1, max_length = 4;
  std::uint64_t reads = 20, finds = 40, changes = 40;  ///< Weights.
};

class Asker final : public Generator {
 public:
  Asker(const Settings& settings, Rng rng, std::size_t worker, std::size_t workers)
      : settings_(settings), rng_(rng), worker_(worker), workers_(workers) {
    plan();
  }

  Request next() override {
    if (pending_.empty()) {
      ++universe_;
      plan();
    }
    const std::uint64_t length =
        settings_.min_length + rng_.below(settings_.max_length - settings_.min_length + 1);
    List accesses;
    std::set<std::uint64_t> changed;  // In one transaction a row is changed once.
    for (std::uint64_t i = 0; i < length; ++i) {
      const std::uint64_t ticket =
          rng_.below(settings_.reads + settings_.finds + settings_.changes);
      if (ticket < settings_.reads)
        accesses.emplace_back(List{"r", some_key(), Value()});
      else if (ticket < settings_.reads + settings_.finds)
        accesses.emplace_back(List{"r-where", some_predicate().value(), Value()});
      else if (!pending_.empty() && changed.insert(pending_.back().row).second)
        change(accesses);
    }
    // What changes nothing, and reads nothing, asks nothing.
    if (accesses.empty()) accesses.emplace_back(List{"r-where", some_predicate().value(), Value()});
    return {Function::txn, {}, std::move(accesses), false};
  }

 private:
  enum class Verb { insert, write, erase };
  struct Change {
    Verb verb;
    std::uint64_t row;
  };

  /// Everything that will happen to its rows, the last first: each is inserted before it is
  /// changed.
  void plan() {
    std::vector<Change> later;
    for (std::uint64_t row = 0; row < settings_.rows; ++row) {
      const std::uint64_t what = settings_.versions > 2 ? rng_.below(4) : 0;
      if (what == 2) later.push_back({Verb::write, row});
      if (what == 3) later.push_back({Verb::erase, row});
    }
    pending_ = std::move(later);
    for (std::uint64_t row = settings_.rows; row-- > 0;) pending_.push_back({Verb::insert, row});
  }

  void change(List& accesses) {
    const Change what = pending_.back();
    pending_.pop_back();
    const std::string key = key_of(worker_, what.row);
    if (what.verb == Verb::erase) {
      const Predicate itself{key, Predicate::Kind::any, 0};
      accesses.emplace_back(List{"delete-where", itself.value(), Value()});
      return;
    }
    // Who read what it writes over tells in which order the versions were.
    if (what.verb == Verb::write) accesses.emplace_back(List{"r", key, Value()});
    accesses.emplace_back(List{"w", key, new_value()});
  }

  std::string prefix() const { return "u" + std::to_string(universe_) + "/"; }
  std::string key_of(std::uint64_t worker, std::uint64_t row) const {
    return prefix() + std::to_string(worker) + "/" + std::to_string(row) + "/";
  }
  std::string some_key() { return key_of(rng_.below(workers_), rng_.below(settings_.rows)); }
  /// Of the whole universe, or of one worker's part of it.
  Predicate some_predicate() {
    Predicate predicate{prefix(), Predicate::Kind::any, 0};
    if (rng_.below(4) == 0) predicate.prefix += std::to_string(rng_.below(workers_)) + "/";
    if (rng_.below(2) == 0) predicate.kind = Predicate::Kind::multiple_of, predicate.number = 2;
    return predicate;
  }
  /// Unique over all workers and rows; even or odd.
  Value new_value() {
    const std::uint64_t number = written_++ * workers_ + worker_ + 1;
    return Value(2 * number + rng_.below(2));
  }

  const Settings settings_;
  Rng rng_;
  const std::uint64_t worker_, workers_;
  std::uint64_t universe_ = 0, written_ = 0;
  std::vector<Change> pending_;
};

class Predicates final : public Workload {
 public:
  explicit Predicates(const Settings& settings) : settings_(settings) {}
  std::string_view name() const override { return "predicates"; }
  std::vector<Function> functions() const override { return {Function::txn}; }
  bool asks_by_predicate() const override { return true; }
  std::vector<std::string> checks() const override { return {"closed-predicate"}; }
  std::unique_ptr<Generator> generator(Rng rng, std::size_t worker,
                                       std::size_t workers) const override {
    FAULTLINE_CHECK(worker < workers);
    return std::make_unique<Asker>(settings_, rng, worker, workers);
  }
  /// Everything in every universe.
  std::vector<Request> final_requests(const std::vector<std::string>& keys) const override {
    std::set<std::string> prefixes;
    for (const std::string& key : keys) prefixes.insert(key.substr(0, key.find('/') + 1));
    std::vector<Request> requests;
    List accesses;
    for (const std::string& prefix : prefixes) {
      const Predicate all{prefix, Predicate::Kind::any, 0};
      accesses.emplace_back(List{"r-where", all.value(), Value()});
      if (accesses.size() < final_universes && prefix != *prefixes.rbegin()) continue;
      requests.push_back({Function::txn, {}, std::move(accesses), false});
      accesses.clear();
    }
    return requests;
  }

 private:
  const Settings settings_;
};

}  // namespace
}  // namespace predicate_workload

Result<std::unique_ptr<Workload>> make_predicates(Params& params,
                                                  std::span<const Function> available) {
  if (std::ranges::find(available, Function::txn) == available.end())
    params.fail(params.where(), "the target has no transactions: it does not understand txn");
  predicate_workload::Settings settings;
  const auto number = [&](std::string_view key, std::uint64_t otherwise, std::int64_t min,
                          std::int64_t max) {
    return static_cast<std::uint64_t>(
        params.integer(key, static_cast<std::int64_t>(otherwise), min, max));
  };
  settings.rows = number("rows", settings.rows, 1, 1000);
  settings.versions = number("versions", settings.versions, 2, 3);
  read_lengths(params, settings.min_length, settings.max_length);
  const Status read = read_mix(
      params, {{"read", settings.reads}, {"find", settings.finds}, {"change", settings.changes}});
  if (!read) return read.error();
  return std::unique_ptr<Workload>(std::make_unique<predicate_workload::Predicates>(settings));
}

}  // namespace faultline
