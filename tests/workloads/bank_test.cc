#include "harness/core/bank.h"

#include <set>

#include <doctest/doctest.h>

#include "workloads/workloads.h"

namespace faultline {
namespace bank_workload_test {
namespace {

const std::vector<Function> bank_verbs = {Function::read, Function::transfer};
using Settings = std::vector<std::pair<std::string, std::string>>;

Result<std::unique_ptr<Workload>> make(const Settings& settings,
                                       const std::vector<Function>& available = bank_verbs) {
  ConfigNode node;
  for (const auto& [key, text] : settings) {
    if (key == "read" || key == "transfer" || key == "write") {
      ConfigNode mix;
      mix.members.push_back({key, {}, ConfigNode::of(text)});
      node.members.push_back({"mix", {}, mix});
    } else {
      node.members.push_back({key, {}, ConfigNode::of(text)});
    }
  }
  Params params(node, "workload bank");
  auto made = make_bank(params, available);
  if (!made) return made;
  if (const Status finished = params.finish(); !finished) return finished.error();
  return made;
}
std::string error_of(const Settings& settings,
                     const std::vector<Function>& available = bank_verbs) {
  const auto made = make(settings, available);
  REQUIRE_FALSE(made);
  return made.error().what;
}

std::vector<Request> asked(const Workload& workload, std::uint64_t seed) {
  std::vector<Request> requests;
  const auto generator = workload.generator(Rng(seed), 0, 2);
  for (int i = 0; i < 3000; ++i) requests.push_back(generator->next());
  return requests;
}

TEST_CASE("bank: reads of all accounts, and transfers between two of them") {
  const auto workload = make({{"accounts", "4"}, {"max_transfer", "3"}});
  REQUIRE(workload);
  CHECK((*workload)->checks() == std::vector<std::string>{"bank"});
  CHECK((*workload)->functions() == bank_verbs);
  std::set<std::pair<std::string, std::string>> pairs;
  std::set<std::int64_t> amounts;
  int reads = 0;
  for (const Request& request : asked(**workload, 1)) {
    CHECK(request.key.empty());
    if (request.function == Function::read) {
      ++reads;
      const auto accounts = accounts_of(request.value);
      REQUIRE(accounts);
      CHECK(accounts->size() == 4);
      for (const Account& account : *accounts) CHECK(account.opening == 10);
      continue;
    }
    CHECK(request.function == Function::transfer);
    const auto transfer = transfer_of(request.value);
    REQUIRE(transfer);
    CHECK(transfer->opening == 10);
    CHECK_FALSE(transfer->overdraft);
    pairs.emplace(transfer->from, transfer->to);
    amounts.insert(transfer->amount);
  }
  CHECK(pairs.size() == 12);
  CHECK(amounts == std::set<std::int64_t>{1, 2, 3});
  CHECK(reads > 1300);
  CHECK(reads < 1700);
  const auto last = (*workload)->final_requests({});
  REQUIRE(last.size() == 1);
  CHECK(last[0].function == Function::read);
  CHECK(accounts_of(last[0].value)->size() == 4);
}

TEST_CASE("bank: the same seed asks the same, another one something else") {
  const auto workload = make({});
  REQUIRE(workload);
  const auto text = [](const std::vector<Request>& requests) {
    std::string all;
    for (const Request& request : requests) all += to_text(request.value) + "\n";
    return all;
  };
  CHECK(text(asked(**workload, 1)) == text(asked(**workload, 1)));
  CHECK(text(asked(**workload, 1)) != text(asked(**workload, 2)));
}

TEST_CASE("bank: parameters, and what is refused") {
  const auto overdraft = make({{"negative_balances", "true"}, {"balance", "0"}, {"transfer", "1"}});
  REQUIRE(overdraft);
  for (const Request& request : asked(**overdraft, 1)) {
    CHECK(request.function == Function::transfer);
    CHECK(transfer_of(request.value)->overdraft);
  }
  const auto reads = make({{"read", "1"}});
  REQUIRE(reads);
  CHECK((*reads)->functions() == std::vector<Function>{Function::read});
  CHECK(error_of({{"accounts", "1"}}).find("accounts") != std::string::npos);
  CHECK(error_of({{"balance", "0"}}).find("nothing can be moved") != std::string::npos);
  CHECK(error_of({{"read", "0"}}).find("every weight is 0") != std::string::npos);
  CHECK(error_of({{"write", "1"}}).find("mix") != std::string::npos);
  CHECK(error_of({{"acounts", "3"}}).find("did you mean \"accounts\"") != std::string::npos);
  CHECK(error_of({}, {Function::read, Function::txn}).find("does not understand transfer") !=
        std::string::npos);
}

}  // namespace
}  // namespace bank_workload_test
}  // namespace faultline
