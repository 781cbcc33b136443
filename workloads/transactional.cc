#include "workloads/transactional.h"

#include <algorithm>
#include <array>

#include "harness/core/check.h"
#include "workloads/mix.h"

namespace faultline {
namespace transactional_workloads {
namespace {

/// A final transaction reads so many keys.
constexpr std::size_t final_reads = 8;
constexpr std::array<std::string_view, 3> distributions = {"exponential", "uniform", "zipf"};
/// The weight of the slot that is used most; of others a part of it.
constexpr std::uint64_t weight_max = 1 << 20;

struct Settings {
  std::uint64_t min_length = 1, max_length = 4;  ///< Accesses of a transaction.
  std::uint64_t reads = 50, changes = 50;        ///< Weights.
  std::uint64_t read_only = 0;                   ///< Percent of transactions.
  std::uint64_t changes_per_key = 32;
  bool reads_first = false;  ///< What is changed was read before, in the same transaction.
  std::vector<std::uint64_t> weights;  ///< Of each slot.
  std::uint64_t total = 0;             ///< Of the weights.
};

class Transactions : public Generator {
 public:
  Transactions(const Question& question, const Settings& settings, Rng rng, std::size_t worker,
               std::size_t workers)
      : question_(question), settings_(settings), rng_(rng), worker_(worker), workers_(workers) {}

  Request next() override {
    const std::uint64_t length =
        settings_.min_length + rng_.below(settings_.max_length - settings_.min_length + 1);
    const bool reads_only = rng_.below(100) < settings_.read_only;
    List accesses;
    for (std::uint64_t i = 0; i < length; ++i) {
      const std::uint64_t slot = pick();
      const bool reads =
          reads_only || rng_.below(settings_.reads + settings_.changes) < settings_.reads;
      const std::string key = key_of(slot);
      if (reads || (settings_.reads_first && !has(accesses, key)))
        accesses.emplace_back(List{"r", key, Value()});
      if (!reads) accesses.emplace_back(List{question_.change, key, new_value()});
    }
    return {Function::txn, {}, std::move(accesses), false};
  }

 private:
  std::uint64_t pick() {
    std::uint64_t ticket = rng_.below(settings_.total);
    std::uint64_t slot = 0;
    while (ticket >= settings_.weights[slot]) ticket -= settings_.weights[slot++];
    return slot;
  }
  static bool has(const List& accesses, const std::string& key) {
    return std::ranges::any_of(
        accesses, [&](const Value& access) { return *access.list()->at(1).text() == key; });
  }
  /// By the changes that all workers together have made to the slot by now, if all are as fast as
  /// this one; slots begin at different points of their first key's life.
  std::string key_of(std::uint64_t slot) const {
    const std::uint64_t slots = settings_.weights.size();
    const double share =
        static_cast<double>(settings_.weights[slot]) / static_cast<double>(settings_.total);
    const auto made = static_cast<std::uint64_t>(static_cast<double>(changed_) *
                                                 static_cast<double>(workers_) * share);
    const std::uint64_t generation =
        (made + slot * settings_.changes_per_key / slots) / settings_.changes_per_key;
    return "k" + std::to_string(slot + generation * slots);
  }
  /// Unique over all workers and keys.
  Value new_value() { return Value(changed_++ * workers_ + worker_ + 1); }

  const Question question_;
  const Settings settings_;
  Rng rng_;
  std::uint64_t worker_, workers_;
  std::uint64_t changed_ = 0;
};

class Transactional : public Workload {
 public:
  Transactional(const Question& question, Settings settings)
      : question_(question), settings_(std::move(settings)) {}

  std::string_view name() const override { return question_.name; }
  std::vector<Function> functions() const override { return {Function::txn}; }
  std::vector<std::string> checks() const override { return {question_.name}; }
  std::unique_ptr<Generator> generator(Rng rng, std::size_t worker,
                                       std::size_t workers) const override {
    FAULTLINE_CHECK(worker < workers);
    return std::make_unique<Transactions>(question_, settings_, rng, worker, workers);
  }
  std::vector<Request> final_requests(const std::vector<std::string>& keys) const override {
    std::vector<Request> requests;
    for (std::size_t i = 0; i < keys.size(); i += final_reads) {
      List accesses;
      for (std::size_t j = i; j < std::min(keys.size(), i + final_reads); ++j)
        accesses.emplace_back(List{"r", keys[j], Value()});
      requests.push_back({Function::txn, {}, std::move(accesses), false});
    }
    return requests;
  }

 private:
  const Question question_;
  const Settings settings_;
};

std::uint64_t weight_of(std::string_view distribution, std::uint64_t slot) {
  if (distribution == "uniform") return weight_max;
  if (distribution == "zipf") return std::max<std::uint64_t>(1, weight_max / (slot + 1));
  return std::max<std::uint64_t>(1, weight_max >> std::min<std::uint64_t>(slot, 63));
}

Status read_settings(const Question& question, Params& params, Settings& settings) {
  const auto number = [&](std::string_view key, std::uint64_t otherwise, std::int64_t min,
                          std::int64_t max) {
    return static_cast<std::uint64_t>(
        params.integer(key, static_cast<std::int64_t>(otherwise), min, max));
  };
  const std::uint64_t keys = number("keys", 10, 1, 10'000);
  read_lengths(params, settings.min_length, settings.max_length);
  settings.changes_per_key = number(question.per_key, settings.changes_per_key, 1, 1'000'000);
  settings.read_only = number("read_only", settings.read_only, 0, 100);
  if (question.may_read_first) settings.reads_first = params.boolean("read_first", false);
  const std::string distribution = params.choice("distribution", distributions[0], distributions);
  for (std::uint64_t slot = 0; slot < keys; ++slot) {
    settings.weights.push_back(weight_of(distribution, slot));
    settings.total += settings.weights.back();
  }
  return read_mix(params, {{"read", settings.reads}, {question.mix, settings.changes}});
}

}  // namespace
}  // namespace transactional_workloads

Result<std::unique_ptr<Workload>> transactional_workload(
    const transactional_workloads::Question& question, Params& params,
    std::span<const Function> available) {
  if (std::ranges::find(available, Function::txn) == available.end())
    params.fail(params.where(), "the target has no transactions: it does not understand txn");
  transactional_workloads::Settings settings;
  const Status read = read_settings(question, params, settings);
  if (!read) return read.error();
  return std::unique_ptr<Workload>(
      std::make_unique<transactional_workloads::Transactional>(question, std::move(settings)));
}

}  // namespace faultline
