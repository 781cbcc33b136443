// bank: transfers between accounts, and reads of all of them (Jepsen's bank). Each is one
// transaction, so that whatever happens every read finds the same total.
//
// The accounts are the same all the time: what a history costs is its reads, not their past.
#include "harness/core/bank.h"

#include <algorithm>

#include "harness/core/check.h"
#include "workloads/mix.h"
#include "workloads/workloads.h"

namespace faultline {
namespace bank_workload {
namespace {

struct BankSettings {
  std::uint64_t accounts = 8;
  std::int64_t balance = 10;  ///< Of each, at first.
  std::uint64_t max_transfer = 5;
  bool negative_balances = false;
  std::uint64_t reads = 50, transfers = 50;  ///< Weights.
};

std::string account_name(std::uint64_t account) { return "a" + std::to_string(account); }

Request read_of(const BankSettings& settings) {
  Map accounts;
  for (std::uint64_t a = 0; a < settings.accounts; ++a)
    accounts.emplace_back(account_name(a), settings.balance);
  return {Function::read, {}, std::move(accounts), false};
}

class BankRequests : public Generator {
 public:
  BankRequests(const BankSettings& settings, Rng rng) : settings_(settings), rng_(rng) {}

  Request next() override {
    if (rng_.below(settings_.reads + settings_.transfers) < settings_.reads)
      return read_of(settings_);
    const std::uint64_t from = rng_.below(settings_.accounts);
    const std::uint64_t other = rng_.below(settings_.accounts - 1);
    Transfer transfer;
    transfer.from = account_name(from);
    transfer.to = account_name(other < from ? other : other + 1);
    transfer.amount = static_cast<std::int64_t>(1 + rng_.below(settings_.max_transfer));
    transfer.opening = settings_.balance;
    transfer.overdraft = settings_.negative_balances;
    return {Function::transfer, {}, value_of(transfer), false};
  }

 private:
  const BankSettings settings_;
  Rng rng_;
};

class BankWorkload : public Workload {
 public:
  explicit BankWorkload(const BankSettings& settings) : settings_(settings) {}

  std::string_view name() const override { return "bank"; }
  std::vector<Function> functions() const override {
    std::vector<Function> asked = {Function::read};
    if (settings_.transfers > 0) asked.push_back(Function::transfer);
    return asked;
  }
  std::vector<std::string> checks() const override { return {"bank"}; }
  std::unique_ptr<Generator> generator(Rng rng, std::size_t worker,
                                       std::size_t workers) const override {
    FAULTLINE_CHECK(worker < workers);
    return std::make_unique<BankRequests>(settings_, rng);
  }
  std::vector<Request> final_requests(const std::vector<std::string>&) const override {
    return {read_of(settings_)};
  }

 private:
  const BankSettings settings_;
};

}  // namespace
}  // namespace bank_workload

Result<std::unique_ptr<Workload>> make_bank(Params& params, std::span<const Function> available) {
  if (std::ranges::find(available, Function::transfer) == available.end())
    params.fail(params.where(), "the target has no bank: it does not understand transfer");
  bank_workload::BankSettings settings;
  settings.accounts = static_cast<std::uint64_t>(params.integer("accounts", 8, 2, 1000));
  settings.balance = params.integer("balance", settings.balance, 0, 1'000'000'000);
  settings.max_transfer =
      static_cast<std::uint64_t>(params.integer("max_transfer", 5, 1, 1'000'000'000));
  settings.negative_balances = params.boolean("negative_balances", false);
  if (settings.balance == 0 && !settings.negative_balances)
    params.fail("balance", "nothing can be moved: accounts hold nothing and may not go below it");
  if (const Status read =
          read_mix(params, {{"read", settings.reads}, {"transfer", settings.transfers}});
      !read)
    return read.error();
  return std::unique_ptr<Workload>(std::make_unique<bank_workload::BankWorkload>(settings));
}

}  // namespace faultline
