#include "checkers/transactional/online_reader.h"

#include <algorithm>
#include <string_view>

namespace faultline::transactional {

bool OnlineReader::read(const ValuePool& pool, ValueHandle value, bool has_answers) {
  micros_.clear();
  copies_used_ = 0;
  if (value.kind() != ValueHandle::Kind::list) return false;
  for (const ValueHandle item : pool.items(value))
    if (!read_micro(pool, item, has_answers)) return false;
  return true;
}

bool OnlineReader::read_micro(const ValuePool& pool, ValueHandle item, bool has_answers) {
  if (item.kind() != ValueHandle::Kind::list) return false;
  const auto parts = pool.items(item);
  if (parts.size() < 2 || parts.size() > 3 || parts[1].is_compound() ||
      parts[0].kind() != ValueHandle::Kind::text)
    return false;
  const std::string_view name = pool.as_text(parts[0]);
  const ValueHandle last = parts.size() == 3 ? parts[2] : ValueHandle();
  OnlineMicro& micro = micros_.emplace_back();
  micro.key = key_of(own(pool, parts[1]));
  if (name == (is_lists_ ? "append" : "w")) {
    if (last.is_nil() || last.is_compound()) return false;
    micro.is_append = true;
    micro.element = own(pool, last);
    return true;
  }
  return name == "r" && (!has_answers || last.is_nil() || read_answer(pool, last, micro));
}

bool OnlineReader::read_answer(const ValuePool& pool, ValueHandle answer, OnlineMicro& micro) {
  if (!is_lists_) {
    if (answer.is_compound()) return false;
    micro.element = own(pool, answer);
    return true;
  }
  if (answer.kind() != ValueHandle::Kind::list) return false;
  micro.items = pool.items(answer);
  return std::ranges::all_of(micro.items, is_plain) || copy(pool, micro);
}

bool OnlineReader::copy(const ValuePool& pool, OnlineMicro& micro) {
  if (copies_used_ == copies_.size()) copies_.emplace_back();
  std::vector<ValueHandle>& items = copies_[copies_used_++];
  items.clear();
  for (const ValueHandle item : micro.items) {
    if (item.is_compound()) return false;
    items.push_back(own(pool, item));
  }
  micro.items = items;
  return true;
}

}  // namespace faultline::transactional
