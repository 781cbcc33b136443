#include "harness/core/bank.h"

namespace faultline {
namespace {

bool is_amount(const Value& value) {
  const std::int64_t* number = value.integer();
  return number != nullptr && *number >= -amount_max && *number <= amount_max;
}

}  // namespace

std::optional<Transfer> transfer_of(const Value& value) {
  const Map* members = value.map();
  if (members == nullptr) return std::nullopt;
  Transfer transfer;
  bool has_amount = false;
  for (const auto& [name, member] : *members) {
    if ((name == "from" || name == "to") && member.text() != nullptr) {
      (name == "from" ? transfer.from : transfer.to) = *member.text();
    } else if ((name == "amount" || name == "opening") && is_amount(member)) {
      (name == "amount" ? transfer.amount : transfer.opening) = *member.integer();
      has_amount |= name == "amount";
    } else if (const bool* flag = std::get_if<bool>(&member.content);
               name == "overdraft" && flag != nullptr) {
      transfer.overdraft = *flag;
    } else {
      return std::nullopt;
    }
  }
  const bool is_whole = has_amount && transfer.amount >= 0 && !transfer.from.empty() &&
                        !transfer.to.empty() && transfer.from != transfer.to;
  return is_whole ? std::optional(transfer) : std::nullopt;
}

Value value_of(const Transfer& transfer) {
  Map map{{"from", transfer.from},
          {"to", transfer.to},
          {"amount", transfer.amount},
          {"opening", transfer.opening}};
  if (transfer.overdraft) map.emplace_back("overdraft", true);
  return map;
}

std::optional<std::pair<std::int64_t, std::int64_t>> moved(const Transfer& transfer,
                                                           std::int64_t from, std::int64_t to) {
  if (from < transfer.amount && !transfer.overdraft) return std::nullopt;
  return std::pair(from - transfer.amount, to + transfer.amount);
}

std::optional<std::vector<Account>> accounts_of(const Value& value) {
  const Map* members = value.map();
  if (members == nullptr || members->empty()) return std::nullopt;
  std::vector<Account> accounts;
  for (const auto& [name, opening] : *members) {
    if (name.empty() || !is_amount(opening)) return std::nullopt;
    accounts.push_back({name, *opening.integer()});
  }
  return accounts;
}

std::optional<std::int64_t> balance_of(const Value& stored, std::int64_t opening) {
  if (stored.is_nil()) return opening;
  if (!is_amount(stored)) return std::nullopt;
  return *stored.integer();
}

}  // namespace faultline
