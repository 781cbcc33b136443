// A transaction of the embedded store, over several exchanges: begin, a read each, commit.
//
// What the exchange of commit means:
//   | it never left                                         | fail |
//   | timeout, reset, no whole reply                        | info |
//   | 200 {"ok":true}                                       | ok   |
//   | 200 {"ok":false,"mismatch":true}: a conflict          | fail |
//   | 400, 503 {"ok":false,"definite":true,"error":"…"}     | fail |
//   | anything else                                         | info |
// What goes wrong before it is a fail: nothing was changed.
//
// A bank is transactions too. A transfer reads both accounts and then writes what they hold after
// it, so that it is as isolated as any other transaction of the store: a command by which the store
// moved the amount by itself would be atomic at every level, and no update would ever be lost.
#include <optional>
#include <utility>

#include "harness/core/bank.h"
#include "targets/json_value.h"
#include "targets/refkv.h"

namespace faultline {
namespace refkv_client {
namespace {

/// An open transaction, as its client sees it: what the store told, and what is to change.
class Transaction {
 public:
  explicit Transaction(const RefkvExchange& exchange) : exchange_(exchange) {}

  /// What went wrong; nothing if it has begun.
  std::optional<std::string> begin() {
    const auto moment = ask({{"op", "begin"}});
    if (!moment) return moment.error().what;
    if (moment->integer() == nullptr || *moment->integer() < 0) return "begin: no moment";
    at_ = *moment->integer();
    return std::nullopt;
  }

  /// What is under the key, with the transaction's own changes.
  Result<Value> read(const std::string& key) {
    steps_.emplace_back(List{"r", key});
    auto value = ask({{"op", "read"}, {"key", key}, {"at", at_}});
    if (!value) return value;
    for (const Change& change : changes_) {
      if (change.key != key) continue;
      if (!change.appends) {
        *value = change.value;
        continue;
      }
      if (value->is_nil()) *value = List{};
      if (value->list() == nullptr) return Error{key + " is appended to, but holds no list"};
      std::get<List>(value->content).push_back(change.value);
    }
    return value;
  }

  void change(bool appends, std::string key, Value value) {
    steps_.emplace_back(List{appends ? "append" : "w", key, value});
    changes_.push_back({appends, std::move(key), std::move(value)});
  }

  bool changes_anything() const { return !changes_.empty(); }

  /// `answer` is the transaction with its reads filled in.
  Outcome commit(Value answer) {
    const auto body =
        json_text(Map{{"op", "commit"}, {"at", at_}, {"accesses", std::move(steps_)}});
    if (!body) return Outcome::fail(body.error().what);
    return refkv_outcome({Function::txn, {}, std::move(answer), false}, exchange_(*body));
  }

 private:
  struct Change {
    bool appends;
    std::string key;
    Value value;
  };

  /// What the store answered; an error if it is anything but ok.
  Result<Value> ask(const Map& call) {
    const auto body = json_text(call);
    if (!body) return body.error();
    return refkv_answer(exchange_(*body));
  }

  const RefkvExchange& exchange_;
  std::int64_t at_ = 0;
  List steps_;                   ///< All of them.
  std::vector<Change> changes_;  ///< Those that its own reads must see.
};

}  // namespace
}  // namespace refkv_client

Outcome refkv_transaction(const Request& request, const RefkvExchange& exchange) {
  const auto accesses = accesses_of(request.value);
  if (!accesses)
    return Outcome::fail("a transaction wants [[\"r\" | \"w\" | \"append\", key, value] …]");
  refkv_client::Transaction transaction(exchange);
  if (const auto why = transaction.begin()) return Outcome::fail(*why);
  List answer = *request.value.list();
  for (std::size_t i = 0; i < accesses->size(); ++i) {
    const Access& access = (*accesses)[i];
    const std::string key = key_name(*access.key);
    if (access.kind != Access::Kind::read) {
      transaction.change(access.kind == Access::Kind::append, key, *access.value);
      continue;
    }
    auto value = transaction.read(key);
    if (!value) return Outcome::fail(value.error().what);
    std::get<List>(answer[i].content)[2] = std::move(*value);
  }
  if (!transaction.changes_anything()) return Outcome::ok(std::move(answer));
  return transaction.commit(std::move(answer));
}

namespace refkv_client {
namespace {

Result<std::int64_t> read_balance(Transaction& transaction, const Account& account) {
  const auto stored = transaction.read(account.name);
  if (!stored) return stored.error();
  const auto balance = balance_of(*stored, account.opening);
  if (!balance) return Error{account.name + " holds no balance: " + to_text(*stored)};
  return *balance;
}

}  // namespace
}  // namespace refkv_client

Outcome refkv_balances(const Request& request, const RefkvExchange& exchange) {
  const auto accounts = accounts_of(request.value);
  if (!accounts) return Outcome::fail("mode transactions reads accounts, {account: opening …}");
  refkv_client::Transaction transaction(exchange);
  if (const auto why = transaction.begin()) return Outcome::fail(*why);
  Map balances;
  for (const Account& account : *accounts) {
    const auto balance = refkv_client::read_balance(transaction, account);
    if (!balance) return Outcome::fail(balance.error().what);
    balances.emplace_back(account.name, *balance);
  }
  return Outcome::ok(std::move(balances));
}

Outcome refkv_transfer(const Request& request, const RefkvExchange& exchange) {
  const auto transfer = transfer_of(request.value);
  if (!transfer) return Outcome::fail("a transfer wants {from, to, amount}");
  refkv_client::Transaction transaction(exchange);
  if (const auto why = transaction.begin()) return Outcome::fail(*why);
  const auto from = refkv_client::read_balance(transaction, {transfer->from, transfer->opening});
  if (!from) return Outcome::fail(from.error().what);
  const auto to = refkv_client::read_balance(transaction, {transfer->to, transfer->opening});
  if (!to) return Outcome::fail(to.error().what);
  const auto after = moved(*transfer, *from, *to);
  if (!after) return Outcome::fail("insufficient funds");
  transaction.change(false, transfer->from, after->first);
  transaction.change(false, transfer->to, after->second);
  return transaction.commit(request.value);
}

}  // namespace faultline
