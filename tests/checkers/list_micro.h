// Appends to lists and reads of them, for scripts of transactions.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "checkers/checkers.h"
#include "tests/checkers/transaction_script.h"

namespace faultline::list_scripts {

struct Micro {
  static constexpr auto make = &make_list_append;

  int key;
  std::optional<int> element;
  std::vector<int> list{};

  Value value(bool answered) const {
    if (element) return List{"append", key, *element};
    const List items(list.begin(), list.end());
    return List{"r", key, answered ? Value(items) : Value()};
  }
};
inline Micro append(int key, int element) { return {key, element}; }
inline Micro read(int key, std::vector<int> list) { return {key, {}, std::move(list)}; }

using Script = TransactionScript<Micro>;

}  // namespace faultline::list_scripts
