#include "harness/core/transaction.h"

#include <algorithm>

namespace faultline {

std::optional<Access> access_of(const Value& item) {
  const List* parts = item.list();
  if (parts == nullptr || parts->size() != 3) return std::nullopt;
  const std::string* name = parts->at(0).text();
  if (name == nullptr) return std::nullopt;
  Access access{Access::Kind::read, &parts->at(1), &parts->at(2)};
  if (*name == "w")
    access.kind = Access::Kind::write;
  else if (*name == "append")
    access.kind = Access::Kind::append;
  else if (*name != "r")
    return std::nullopt;
  return access;
}

std::optional<std::vector<Access>> accesses_of(const Value& transaction) {
  const List* items = transaction.list();
  if (items == nullptr) return std::nullopt;
  std::vector<Access> accesses;
  accesses.reserve(items->size());
  for (const Value& item : *items) {
    const auto access = access_of(item);
    if (!access) return std::nullopt;
    accesses.push_back(*access);
  }
  return accesses;
}

std::string key_name(const Value& key) { return key.text() ? *key.text() : to_text(key); }

bool only_reads(const Value& transaction) {
  const auto accesses = accesses_of(transaction);
  return accesses && std::ranges::all_of(*accesses, [](const Access& access) {
           return access.kind == Access::Kind::read;
         });
}

}  // namespace faultline
