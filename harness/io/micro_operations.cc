#include "harness/io/micro_operations.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "harness/io/forms.h"

namespace faultline {
namespace {

using Kind = ValueHandle::Kind;

std::string_view name_of_micro(const ValuePool& pool, ValueHandle operation) {
  return pool.as_text(pool.items(operation)[0]);
}

/// A copy, since making values moves what a pool holds.
std::vector<ValueHandle> items_of(const ValuePool& pool, ValueHandle list) {
  const auto items = pool.items(list);
  return {items.begin(), items.end()};
}

}  // namespace

bool is_micro_operations(const ValuePool& pool, ValueHandle value) {
  if (value.kind() != Kind::list || pool.items(value).empty()) return false;
  return std::ranges::all_of(pool.items(value), [&](ValueHandle item) {
    if (item.kind() != Kind::list) return false;
    const auto parts = pool.items(item);
    return (parts.size() == 2 || parts.size() == 3) && parts[0].kind() == Kind::text;
  });
}

bool begins_with_keyword(const char* at) {
  if (at == nullptr) return false;
  for (int brackets = 0; brackets < 2; ++brackets) {
    if (*at != '[' && *at != '(') return false;
    for (++at; Forms::is_space(*at);) ++at;
  }
  return *at == ':';
}

ValueHandle with_short_names(ValuePool& pool, ValueHandle value) {
  if (!is_micro_operations(pool, value)) return value;
  const auto is_long = [&](ValueHandle operation) {
    const std::string_view name = name_of_micro(pool, operation);
    return name == "read" || name == "write";
  };
  if (std::ranges::none_of(pool.items(value), is_long)) return value;
  std::vector<ValueHandle> operations = items_of(pool, value);
  for (ValueHandle& operation : operations) {
    if (!is_long(operation)) continue;
    std::vector<ValueHandle> parts = items_of(pool, operation);
    parts[0] = pool.text(name_of_micro(pool, operation) == "read" ? "r" : "w");
    operation = pool.list(parts);
  }
  return pool.list(operations);
}

}  // namespace faultline
