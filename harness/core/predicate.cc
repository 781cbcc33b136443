#include "harness/core/predicate.h"

#include <algorithm>
#include <array>
#include <utility>

#include "harness/core/transaction.h"

namespace faultline {
namespace {

constexpr std::array<std::string_view, 3> predicate_kinds = {"any", "equal", "multiple-of"};

}  // namespace

bool Predicate::matches(std::string_view key, std::int64_t value) const {
  if (!key.starts_with(prefix)) return false;
  switch (kind) {
    case Kind::any:
      return true;
    case Kind::equal:
      return value == number;
    case Kind::multiple_of:
      return value % number == 0;
  }
  return false;
}

Value Predicate::value() const {
  const std::string kind_name(predicate_kinds[static_cast<std::size_t>(kind)]);
  return List{prefix, kind_name, kind == Kind::any ? Value() : Value(number)};
}

std::optional<Predicate> predicate_of(const Value& value) {
  const List* parts = value.list();
  if (parts == nullptr || parts->size() != 3) return std::nullopt;
  const std::string* prefix = parts->at(0).text();
  const std::string* name = parts->at(1).text();
  if (prefix == nullptr || prefix->empty() || name == nullptr) return std::nullopt;
  const auto kind = std::ranges::find(predicate_kinds, *name);
  if (kind == predicate_kinds.end()) return std::nullopt;
  Predicate predicate{*prefix, static_cast<Predicate::Kind>(kind - predicate_kinds.begin()), 0};
  const Value& number = parts->at(2);
  if (predicate.kind == Predicate::Kind::any)
    return number.is_nil() ? std::optional(std::move(predicate)) : std::nullopt;
  if (number.integer() == nullptr) return std::nullopt;
  predicate.number = *number.integer();
  // Nothing is a multiple of 0, and -1 divides the least integer into what does not fit.
  if (predicate.kind == Predicate::Kind::multiple_of && predicate.number < 1) return std::nullopt;
  return predicate;
}

std::optional<PredicateAccess> predicate_access_of(const Value& access) {
  const List* parts = access.list();
  if (parts == nullptr || parts->size() != 3) return std::nullopt;
  const std::string* name = parts->at(0).text();
  if (name == nullptr || (*name != "r-where" && *name != "delete-where")) return std::nullopt;
  auto predicate = predicate_of(parts->at(1));
  if (!predicate) return std::nullopt;
  return PredicateAccess{*name == "delete-where", *std::move(predicate)};
}

bool changes_nothing(const Value& transaction) {
  const List* accesses = transaction.list();
  return accesses != nullptr && std::ranges::all_of(*accesses, [](const Value& access) {
           if (const auto item = access_of(access)) return item->kind == Access::Kind::read;
           const auto predicate = predicate_access_of(access);
           return predicate && !predicate->deletes;
         });
}

bool asks_by_predicate(const Value& transaction) {
  const List* accesses = transaction.list();
  return accesses != nullptr && std::ranges::any_of(*accesses, [](const Value& access) {
           return predicate_access_of(access).has_value();
         });
}

}  // namespace faultline
