#include "workloads/groups.h"

#include <algorithm>

#include "harness/core/check.h"
#include "workloads/mix.h"

namespace faultline {
namespace group_workloads {
namespace {

struct GroupSettings {
  std::uint64_t group_size = 2;
  std::uint64_t reads = 70, writes = 30;  ///< Weights.
};

/// "g3-0": what is left of the dash is the group's.
std::string group_name(std::uint64_t group) { return "g" + std::to_string(group) + "-"; }

/// A transaction that reads all of a group, in this order of its keys.
Request group_read(const std::string& group, const std::vector<std::uint64_t>& order) {
  List reads;
  for (const std::uint64_t key : order)
    reads.emplace_back(List{"r", group + std::to_string(key), Value()});
  return {Function::txn, {}, std::move(reads), false};
}

std::vector<std::uint64_t> in_order(std::uint64_t size) {
  std::vector<std::uint64_t> keys(size);
  for (std::uint64_t i = 0; i < size; ++i) keys[i] = i;
  return keys;
}

class GroupRequests : public Generator {
 public:
  GroupRequests(const GroupSettings& settings, Rng rng, std::size_t worker, std::size_t workers)
      : settings_(settings), rng_(rng), worker_(worker), workers_(workers) {}

  /// Writes come in even steps: drawn one by one, workers would drift apart.
  Request next() override {
    due_ += settings_.writes;
    if (due_ < settings_.reads + settings_.writes) return read();
    due_ -= settings_.reads + settings_.writes;
    return write();
  }

 private:
  std::uint64_t next_key() const { return written_ * workers_ + worker_; }

  Request write() {
    const std::uint64_t key = next_key();
    ++written_;
    List accesses;
    accesses.emplace_back(List{
        "w", group_name(key / settings_.group_size) + std::to_string(key % settings_.group_size),
        key + 1});
    return {Function::txn, {}, std::move(accesses), false};
  }

  /// Mostly of what is being written, else a few before or after it.
  Request read() {
    constexpr std::uint64_t before = 6, after = 2;
    std::uint64_t group = next_key() / settings_.group_size;
    if (rng_.below(2) == 0) {
      const std::uint64_t place = group + rng_.below(before + after + 1);
      group = place > before ? place - before : 0;
    }
    std::vector<std::uint64_t> order = in_order(settings_.group_size);
    for (std::uint64_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[rng_.below(i)]);
    return group_read(group_name(group), order);
  }

  const GroupSettings settings_;
  Rng rng_;
  std::uint64_t worker_, workers_;
  std::uint64_t written_ = 0;
  std::uint64_t due_ = 0;  ///< Of the next write.
};

class Groups : public Workload {
 public:
  Groups(const GroupQuestion& question, const GroupSettings& settings)
      : question_(question), settings_(settings) {}

  std::string_view name() const override { return question_.name; }
  std::vector<Function> functions() const override { return {Function::txn}; }
  std::vector<std::string> checks() const override { return {question_.name}; }
  std::unique_ptr<Generator> generator(Rng rng, std::size_t worker,
                                       std::size_t workers) const override {
    FAULTLINE_CHECK(worker < workers);
    return std::make_unique<GroupRequests>(settings_, rng, worker, workers);
  }
  /// Every group once more.
  std::vector<Request> final_requests(const std::vector<std::string>& keys) const override {
    std::vector<std::string> groups;
    for (const std::string& key : keys) groups.push_back(key.substr(0, key.find('-') + 1));
    std::ranges::sort(groups);
    const auto repeated = std::ranges::unique(groups);
    groups.erase(repeated.begin(), repeated.end());
    std::vector<Request> reads;
    for (const std::string& group : groups)
      reads.push_back(group_read(group, in_order(settings_.group_size)));
    return reads;
  }

 private:
  const GroupQuestion question_;
  const GroupSettings settings_;
};

}  // namespace
}  // namespace group_workloads

Result<std::unique_ptr<Workload>> group_workload(const group_workloads::GroupQuestion& question,
                                                 Params& params,
                                                 std::span<const Function> available) {
  if (std::ranges::find(available, Function::txn) == available.end())
    params.fail(params.where(), "the target has no transactions: it does not understand txn");
  group_workloads::GroupSettings settings;
  settings.group_size =
      static_cast<std::uint64_t>(params.integer("group_size", question.group_size, 2, 64));
  if (const Status read = read_mix(params, {{"read", settings.reads}, {"write", settings.writes}});
      !read)
    return read.error();
  return std::unique_ptr<Workload>(std::make_unique<group_workloads::Groups>(question, settings));
}

}  // namespace faultline
