#include "checkers/linearizable/problem.h"

#include <algorithm>
#include <array>

#include <boost/unordered/unordered_flat_map.hpp>

namespace faultline::linearizable {
namespace {

/// Operations that can change or tell the state of a register.
bool is_call(Function function, Fate fate) {
  switch (fate) {
    case Fate::ok:
      return true;
    case Fate::fail:
      return false;
    case Fate::info:
      return function != Function::read;
    case Fate::mismatch:
      return function == Function::cas;
  }
  return false;
}

/// The initial value's handle in `values`, if it occurs there as an argument or an output.
std::optional<ValueHandle> find_handle(const History& history, const Value& wanted) {
  if (wanted.is_nil()) return ValueHandle::nil();
  const ValuePool& values = history.values();
  const auto matches = [&](ValueHandle h) {
    if (const std::string* text = wanted.text())
      return h.kind() == ValueHandle::Kind::text && values.as_text(h) == *text;
    if (const std::int64_t* number = wanted.integer())
      return h.is_small_integer()
                 ? h.small_integer() == *number
                 : h.kind() == ValueHandle::Kind::big_integer && values.as_integer(h) == *number;
    return values.value(h) == wanted;
  };
  for (std::size_t i = 0; i < history.size(); ++i) {
    if (history.function()[i] == Function::cas &&
        history.argument()[i].kind() == ValueHandle::Kind::list) {
      for (const ValueHandle h : values.items(history.argument()[i]))
        if (matches(h)) return h;
    } else if (matches(history.argument()[i])) {
      return history.argument()[i];
    }
    if (matches(history.output()[i])) return history.output()[i];
  }
  return std::nullopt;
}

}  // namespace

/// Numbers the values of all keys: by subtraction where they are integers close together, else by a
/// hash table.
class Problem::Interner {
 public:
  Interner(const History& history, const InitialValue& initial)
      : values_(history.values()),
        table_(0, Hash{&history.values()}, Equal{&history.values()}),
        initial_(find_handle(history, initial.value)),
        initial_bits_(initial_ ? initial_->bits() : no_bits) {}

  /// First pass: every value once.
  void see(ValueHandle h) {
    if (h.is_small_integer()) {
      lowest_ = std::min(lowest_, h.small_integer());
      highest_ = std::max(highest_, h.small_integer());
    }
  }
  void seen_all(std::size_t count) {
    if (lowest_ <= highest_) {
      const auto range = static_cast<std::uint64_t>(highest_ - lowest_) + 1;
      if (range <= 4 * count + 1024) direct_ = range;
    }
    next_ = static_cast<ValueId>(direct_ + 1);
  }

  ValueId number(ValueHandle h) {
    if (h.bits() == initial_bits_) return initial_value;
    if (h.is_small_integer() && direct_ > 0)
      return static_cast<ValueId>(h.small_integer() - lowest_) + 1;
    return look_up(h);
  }
  ValueId value_count() const { return next_; }

 private:
  static constexpr std::uint64_t no_bits = ~std::uint64_t{0};  // of no kind of handle

  ValueId look_up(ValueHandle h) {
    if (initial_ && h.is_compound() && values_.equal(h, *initial_)) return initial_value;
    const auto [at, fresh] = table_.try_emplace(h, next_);
    if (fresh) ++next_;
    return at->second;
  }

  struct Hash {
    const ValuePool* pool;
    std::size_t operator()(ValueHandle h) const { return pool->hash(h); }
  };
  struct Equal {
    const ValuePool* pool;
    bool operator()(ValueHandle a, ValueHandle b) const { return pool->equal(a, b); }
  };

  const ValuePool& values_;
  boost::unordered_flat_map<ValueHandle, ValueId, Hash, Equal> table_;
  std::optional<ValueHandle> initial_;
  std::uint64_t initial_bits_;
  std::int64_t lowest_ = INT64_MAX, highest_ = INT64_MIN;
  std::uint64_t direct_ = 0;
  ValueId next_ = 1;
};

Problem::Problem(const History& history, const InitialValue& initial) : history_(&history) {
  count(initial);
}

std::string Problem::unsupported_text(std::span<const std::uint64_t> functions) const {
  std::string others;
  for (std::size_t f = 0; f < functions.size(); ++f) {
    const auto function = static_cast<Function>(f);
    if (functions[f] == 0 || function == Function::read || function == Function::write ||
        function == Function::cas)
      continue;
    others += (others.empty() ? "" : ", ") + std::string(name_of(function)) + " (" +
              std::to_string(functions[f]) + ")";
  }
  return others.empty() ? ""
                        : "not a register's history: it has operations other than read, write and "
                          "cas: " +
                              others;
}

void Problem::count(const InitialValue& initial) {
  const History& h = *history_;
  const std::size_t n = h.size();
  const auto functions = h.function();
  const auto fates = h.fate();
  const auto keys = h.key();
  std::array<std::uint64_t, 256> by_function{};
  // By function (read, write, cas) and fate; neighbours apart, so that no count waits for the one
  // before it.
  std::array<std::array<std::uint64_t, 16>, 2> tally{};
  const std::size_t buckets = h.key_count() + 1;
  bucket_.assign(buckets, 0);
  const KeyId first_key = n == 0 ? no_key : keys[0];
  Interner interner(h, initial);
  for (std::size_t i = 0; i < n; ++i) {
    const Function f = functions[i];
    if (static_cast<std::size_t>(f) > 2) {
      ++by_function[static_cast<std::size_t>(f)];
      continue;
    }
    ++tally[i % 2][4 * static_cast<std::size_t>(f) + static_cast<std::size_t>(fates[i])];
    if (!is_call(f, fates[i])) continue;
    if (keys[i] != first_key) ++bucket_[keys[i] == no_key ? buckets - 1 : keys[i]];
    if (f == Function::cas) {
      const ValueHandle argument = h.argument()[i];
      if (argument.kind() != ValueHandle::Kind::list || h.values().items(argument).size() != 2) {
        unsupported_ = "the cas with invoke index " + std::to_string(h.index_of(h.begin()[i])) +
                       " has the value " + h.values().to_text(argument) + ", expected [old, new]";
        return;
      }
      for (const ValueHandle item : h.values().items(argument)) interner.see(item);
    } else {
      interner.see(f == Function::read ? h.output()[i] : h.argument()[i]);
    }
  }
  const auto counted = [&](Function f, Fate fate) {
    const std::size_t at = 4 * static_cast<std::size_t>(f) + static_cast<std::size_t>(fate);
    return tally[0][at] + tally[1][at];
  };
  counts_.reads = counted(Function::read, Fate::ok);
  counts_.writes = counted(Function::write, Fate::ok);
  counts_.cas = counted(Function::cas, Fate::ok);
  counts_.mismatches = counted(Function::cas, Fate::mismatch);
  counts_.infos = counted(Function::write, Fate::info) + counted(Function::cas, Fate::info);
  // The first key, often the only one, has what the others have not.
  std::uint64_t rest =
      counts_.reads + counts_.writes + counts_.cas + counts_.mismatches + counts_.infos;
  for (const std::uint32_t of_another : bucket_) rest -= of_another;
  bucket_[first_key == no_key ? buckets - 1 : first_key] = static_cast<std::uint32_t>(rest);
  unsupported_ = unsupported_text(by_function);
  if (!unsupported_.empty()) return;
  interner.seen_all(n);
  fill(interner);
}

void Problem::fill(Interner& interner) {
  const History& h = *history_;
  std::uint32_t total = 0;
  for (std::size_t b = 0; b < bucket_.size(); ++b) {
    const std::uint32_t here = bucket_[b];
    bucket_[b] = total;
    if (here == 0) continue;
    keys_.push_back(b + 1 == bucket_.size() ? no_key : static_cast<KeyId>(b));
    offsets_.push_back(total);
    total += here;
  }
  offsets_.push_back(total);
  counts_.keys = keys_.size();
  const bool alone = keys_.size() == 1;  // then the calls come in their order, else in every key's
  if (alone)
    calls_.reserve(total);
  else
    calls_.resize(total);
  const auto functions = h.function();
  const auto fates = h.fate();
  const auto keys = h.key();
  const auto arguments = h.argument();
  const auto outputs = h.output();
  const auto begins = h.begin();
  const auto ends = h.end();
  const auto place_of = [this](KeyId key) -> std::uint32_t& {
    return bucket_[key == no_key ? bucket_.size() - 1 : key];
  };
  for (std::size_t i = 0; i < h.size(); ++i) {
    const Function f = functions[i];
    const Fate fate = fates[i];
    if (!is_call(f, fate)) continue;
    Call call;
    call.begin = begins[i];
    call.end = fate == Fate::info ? never : ends[i];
    call.id = static_cast<OperationId>(i);
    if (f == Function::read) {
      call.value = interner.number(outputs[i]);
    } else if (f == Function::write) {
      call.kind = Kind::write;
      call.value = interner.number(arguments[i]);
    } else {
      const auto pair = h.values().items(arguments[i]);
      call.kind = fate == Fate::mismatch ? Kind::mismatch : Kind::cas;
      call.expected = interner.number(pair[0]);
      call.value = interner.number(pair[1]);
    }
    if (alone)
      calls_.push_back(call);
    else
      calls_[place_of(keys[i])++] = call;
  }
  value_count_ = interner.value_count();
}

Problem::Prepared Problem::prepare(std::size_t object, Numbering& numbering) {
  const std::span<Call> calls = own_calls(object);
  if (keys_.size() == 1) return {{calls, value_count_}};
  constexpr std::uint64_t written = std::uint64_t{1} << 31;
  std::vector<std::uint64_t>& local = numbering.local_;
  if (local.empty()) local.assign(value_count_, 0);
  ValueId next = 1;
  bool ambiguous = false;
  const std::uint64_t stamp = (static_cast<std::uint64_t>(object) + 1) << 32;
  local[initial_value] = stamp | written | initial_value;
  const auto localize = [&](ValueId value) -> std::uint64_t& {
    std::uint64_t& entry = local[value];
    if ((entry >> 32) != (stamp >> 32)) entry = stamp | next++;
    return entry;
  };
  const auto number = [](std::uint64_t entry) { return static_cast<ValueId>(entry & ~written); };
  for (Call& call : calls) {
    if (call.expected != no_value) call.expected = number(localize(call.expected));
    std::uint64_t& value = localize(call.value);
    call.value = number(value);
    if (call.kind == Kind::read) continue;
    ambiguous |= (value & written) != 0 || call.kind == Kind::mismatch;
    value |= written;
  }
  if (!ambiguous) compress_time(calls);
  return {{calls, next}, ambiguous};
}

void Problem::compress_time(std::span<Call> calls) {
  // Only "end < begin" matters, so an end may be told as the number of begins up to it.
  const std::uint64_t span = calls.back().begin - calls.front().begin;
  if (span <= 8 * calls.size() + 64) return;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    if (calls[i].end == never) continue;
    std::size_t low = i, step = 1;  // calls[low].begin <= end
    while (low + step < calls.size() && calls[low + step].begin <= calls[i].end) {
      low += step;
      step *= 2;
    }
    std::size_t high = std::min(low + step, calls.size());
    while (low + 1 < high) {
      const std::size_t middle = (low + high) / 2;
      (calls[middle].begin <= calls[i].end ? low : high) = middle;
    }
    calls[i].end = static_cast<Position>(high);
  }
  for (std::size_t i = 0; i < calls.size(); ++i) calls[i].begin = static_cast<Position>(i + 1);
}

void Problem::restore_time(std::size_t object) {
  const auto begins = history_->begin();
  const auto ends = history_->end();
  for (Call& call : own_calls(object)) {
    call.begin = begins[call.id];
    if (call.end != never) call.end = ends[call.id];
  }
}

std::uint64_t Problem::bytes() const {
  return calls_.capacity() * sizeof(Call) + bucket_.capacity() * sizeof(std::uint32_t) +
         (offsets_.capacity() + keys_.capacity()) * sizeof(std::size_t);
}

}  // namespace faultline::linearizable
