#include "checkers/linearizable/objects.h"

#include <algorithm>

namespace faultline::linearizable {
namespace {

/// Operations that can change or tell the state of some object.
bool is_operation(Function function, Fate fate) {
  if (fate == Fate::fail) return false;
  return fate != Fate::info || (function != Function::read && function != Function::contains);
}

}  // namespace

Objects::Objects(const History& history) : history_(&history) {
  const auto keys = history.key();
  const auto functions = history.function();
  const auto fates = history.fate();
  const std::size_t buckets = history.key_count() + 1;
  const auto bucket_of = [&](std::size_t row) {
    return keys[row] == no_key ? buckets - 1 : keys[row];
  };
  std::vector<std::size_t> next(buckets, 0);
  for (std::size_t i = 0; i < history.size(); ++i)
    if (is_operation(functions[i], fates[i])) ++next[bucket_of(i)];
  std::size_t total = 0;
  for (std::size_t b = 0; b < buckets; ++b) {
    const std::size_t here = next[b];
    next[b] = total;
    if (here == 0) continue;
    keys_.push_back(b + 1 == buckets ? no_key : static_cast<KeyId>(b));
    offsets_.push_back(total);
    total += here;
  }
  offsets_.push_back(total);
  rows_.resize(total);
  for (std::size_t i = 0; i < history.size(); ++i)
    if (is_operation(functions[i], fates[i]))
      rows_[next[bucket_of(i)]++] = static_cast<OperationId>(i);
  if (size() > 1)
    number_moments();
  else
    events_.assign(size(), history.events());
}

/// Deals the events in their order out to the objects, so that each has a dense time of its own in
/// which no two moments change places.
void Objects::number_moments() {
  constexpr std::uint32_t nobody = 0xffffffffu;
  const auto ends = history_->end();
  const auto begins = history_->begin();
  std::vector<std::uint32_t> place(history_->events(), nobody);
  std::vector<std::uint32_t> object_of(rows_.size());
  for (std::size_t o = 0; o < size(); ++o)
    for (std::size_t at = offsets_[o]; at < offsets_[o + 1]; ++at) {
      object_of[at] = static_cast<std::uint32_t>(o);
      place[begins[rows_[at]]] = static_cast<std::uint32_t>(at);
      if (history_->fate()[rows_[at]] != Fate::info)
        place[ends[rows_[at]]] = static_cast<std::uint32_t>(at);
    }
  begins_.resize(rows_.size());
  ends_.assign(rows_.size(), never);
  events_.assign(size(), 0);
  for (Position p = 0; p < history_->events(); ++p) {
    const std::uint32_t at = place[p];
    if (at == nobody) continue;
    const Position now = events_[object_of[at]]++;
    (begins[rows_[at]] == p ? begins_ : ends_)[at] = now;
  }
}

std::uint64_t Objects::bytes() const {
  return keys_.capacity() * sizeof(KeyId) + offsets_.capacity() * sizeof(std::size_t) +
         rows_.capacity() * sizeof(OperationId) +
         (begins_.capacity() + ends_.capacity() + events_.capacity()) * sizeof(Position);
}

Loader::Loader(const Objects& objects)
    : objects_(objects),
      table_(0, Hash{&objects.history().values()}, Equal{&objects.history().values()}) {}

/// Integers that lie close together are numbered by subtraction, everything else by a hash table.
void Loader::prepare_numbers(std::span<const OperationId> rows) {
  const History& h = objects_.history();
  values_.clear();
  table_.clear();
  direct_.clear();
  std::int64_t lowest = INT64_MAX, highest = INT64_MIN;
  const auto see = [&](ValueHandle value) {
    if (!value.is_small_integer()) return;
    lowest = std::min(lowest, value.small_integer());
    highest = std::max(highest, value.small_integer());
  };
  for (const OperationId row : rows) {
    see(h.argument()[row]);
    if (h.fate()[row] == Fate::ok) see(h.output()[row]);
  }
  if (lowest > highest) return;
  const auto range = static_cast<std::uint64_t>(highest - lowest) + 1;
  if (range > 4 * rows.size() + 64) return;
  lowest_ = lowest;
  direct_.assign(range, no_value);
}

ValueId Loader::number(ValueHandle h) {
  if (h.is_nil()) return no_value;
  const auto fresh = static_cast<ValueId>(values_.size());
  if (h.is_small_integer() && !direct_.empty()) {
    ValueId& id = direct_[static_cast<std::size_t>(h.small_integer() - lowest_)];
    if (id == no_value) {
      id = fresh;
      values_.push_back(h);
    }
    return id;
  }
  const auto [at, is_new] = table_.try_emplace(h, fresh);
  if (is_new) values_.push_back(h);
  return at->second;
}

Operations Loader::load(std::size_t object) {
  const History& h = objects_.history();
  const auto rows = objects_.rows(object);
  prepare_numbers(rows);
  list_.clear();
  list_.reserve(rows.size());
  const std::size_t first = objects_.offsets_[object];
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const OperationId row = rows[i];
    const Fate fate = h.fate()[row];
    Operation& operation = list_.emplace_back();
    operation.id = row;
    operation.process = h.process()[row];
    operation.function = h.function()[row];
    operation.refused = fate == Fate::mismatch;
    operation.argument = number(h.argument()[row]);
    if (fate == Fate::ok) operation.output = number(h.output()[row]);
    const bool dense = !objects_.begins_.empty();
    operation.begin = dense ? objects_.begins_[first + i] : h.begin()[row];
    if (fate != Fate::info) operation.end = dense ? objects_.ends_[first + i] : h.end()[row];
  }
  return {list_, objects_.events_[object], values_, &h.values(), h.begin_time(), h.end_time()};
}

std::uint64_t Loader::bytes() const {
  return list_.capacity() * sizeof(Operation) + values_.capacity() * sizeof(ValueHandle) +
         direct_.capacity() * sizeof(ValueId) +
         table_.bucket_count() * (sizeof(ValueHandle) + sizeof(ValueId) + 2);
}

}  // namespace faultline::linearizable
