// A history is everything the clients saw: the only evidence, and a checker's only input.
// In memory it is a struct of arrays, a column per attribute, a row per operation (an invocation
// and its completion), so that a checker digests ten million operations without touching a string,
// a map or a heap node. Histories are immutable; HistoryBuilder makes them.
//
// Rows are ordered by `begin`. Time is position: the place of an event (invocation or completion)
// in the one total order in which events were stamped. Wall and monotonic times are carried along
// for people, never for order.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "harness/core/big_vector.h"
#include "harness/core/result.h"
#include "harness/core/value.h"

namespace faultline {

/// What a request asks for; the vocabulary of history.jsonl's field "f".
/// FUNCTION(name in C++, name on disk)
// clang-format off: it indents a list of macro calls one step further at every run.
#define FAULTLINE_FUNCTIONS(FUNCTION)                                                \
  FUNCTION(read, "read") FUNCTION(write, "write") FUNCTION(cas, "cas")               \
  FUNCTION(add, "add") FUNCTION(remove, "remove") FUNCTION(contains, "contains")     \
  FUNCTION(enqueue, "enqueue") FUNCTION(dequeue, "dequeue") FUNCTION(drain, "drain") \
  FUNCTION(push, "push") FUNCTION(pop, "pop") FUNCTION(acquire, "acquire")           \
  FUNCTION(release, "release") FUNCTION(generate, "generate") FUNCTION(txn, "txn")   \
  FUNCTION(transfer, "transfer") FUNCTION(append, "append")
// clang-format on

enum class Function : std::uint8_t {
#define FAULTLINE_FUNCTION(name, text) name,
  FAULTLINE_FUNCTIONS(FAULTLINE_FUNCTION)
#undef FAULTLINE_FUNCTION
};

std::string_view name_of(Function function);
/// All names, in the order of the enumeration.
std::span<const std::string_view> function_names();
/// Index into function_names(), or an error naming the nearest. "init" is a txn: what Elle calls
/// so, with a map of what is there before all else.
Result<Function> parse_function(std::string_view name);

/// What became of an operation.
enum class Fate : std::uint8_t {
  ok,        ///< It happened, and the answer is this.
  fail,      ///< It certainly did not happen.
  info,      ///< It may have happened, or may still: its interval has no end.
  mismatch,  ///< A compare-and-set that certainly did not happen *because* the state differed from
             ///< its expectation at some instant of its interval: a fail that is an observation.
             ///< Likewise an acquire of what was held, a release of what was not, a remove of what
             ///< was not there. On disk {"type":"fail","error":"mismatch"}.
};
/// Of those functions alone a fail with the error "mismatch" says something of the state.
constexpr bool may_mismatch(Function f) {
  return f == Function::cas || f == Function::acquire || f == Function::release ||
         f == Function::remove;
}
std::string_view name_of(Fate fate);  ///< As on disk: ok, fail, info, and fail for mismatch.

using Position = std::uint32_t;
inline constexpr Position never = 0xffffffffu;  ///< `end` of an info: after everything.

using KeyId = std::uint32_t;
inline constexpr KeyId no_key = 0xffffffffu;
using NodeId = std::uint16_t;
inline constexpr NodeId no_node = 0xffffu;
using ErrorId = std::uint32_t;
inline constexpr ErrorId no_error = 0xffffffffu;
using OperationId = std::uint32_t;  ///< A row: index into every column.

inline constexpr std::int64_t no_time = -1;

class History {
 public:
  std::size_t size() const { return process_.size(); }
  Position events() const { return events_; }  ///< Positions are in [0, events()).

  std::span<const std::uint32_t> process() const { return process_; }
  std::span<const Function> function() const { return function_; }
  std::span<const Fate> fate() const { return fate_; }
  std::span<const KeyId> key() const { return key_; }
  std::span<const ValueHandle> argument() const { return argument_; }  ///< Of the invocation.
  std::span<const ValueHandle> output() const { return output_; }      ///< Meaningful if ok.
  std::span<const Position> begin() const { return begin_; }
  std::span<const Position> end() const { return end_; }  ///< `never` if info.
  /// Monotonic nanoseconds since the run began; no_time where the file had none. `end_time` of an
  /// info is when the client gave up, no_time if it never said so.
  std::span<const std::int64_t> begin_time() const { return begin_time_; }
  std::span<const std::int64_t> end_time() const { return end_time_; }
  std::span<const NodeId> node() const { return node_; }
  std::span<const ErrorId> error() const { return error_; }

  const ValuePool& values() const { return values_; }
  std::size_t key_count() const { return keys_.size(); }
  std::string key_text(KeyId key) const;  ///< "k7" for text keys, 7 for integers, "" for no_key.
  ValueHandle key_value(KeyId key) const { return keys_[key]; }
  std::size_t node_count() const { return nodes_.size(); }
  const std::string& node_name(NodeId node) const { return nodes_[node]; }
  std::string_view error_text(ErrorId error) const { return errors_[error]; }

  /// The `index` field that an event had in its file: equal to its position, but for foreign
  /// histories whose indexes are sparse or do not begin at 0.
  std::uint64_t index_of(Position position) const {
    return indexes_.empty() ? position : indexes_[position];
  }

  std::uint64_t bytes() const;  ///< Roughly what it holds on the heap.

 private:
  friend class HistoryBuilder;

  BigVector<std::uint32_t> process_;
  BigVector<Function> function_;
  BigVector<Fate> fate_;
  BigVector<KeyId> key_;
  BigVector<ValueHandle> argument_, output_;
  BigVector<Position> begin_, end_;
  BigVector<std::int64_t> begin_time_, end_time_;
  BigVector<NodeId> node_;
  BigVector<ErrorId> error_;
  Position events_ = 0;
  ValuePool values_;
  std::vector<ValueHandle> keys_;
  std::vector<std::string> nodes_;
  std::vector<std::string> errors_;
  BigVector<std::uint64_t> indexes_;
};

/// Pairs events into operations, in the order of the file. Not thread-safe.
class HistoryBuilder {
 public:
  HistoryBuilder() = default;
  void reserve(std::size_t operations);

  ValuePool& values() { return history_.values_; }
  KeyId key(ValueHandle value);  ///< Interns; value must come from values(), and be no list or map.
  KeyId key(std::string_view text) { return key(values().text(text)); }
  NodeId node(std::string_view name);
  ErrorId error(std::string_view text);

  struct Invoke {
    std::uint32_t process = 0;
    Function function = Function::read;
    KeyId key = no_key;
    ValueHandle argument{};
    NodeId node = no_node;
    std::int64_t time = no_time;
  };
  struct Complete {
    std::uint32_t process = 0;
    Fate fate = Fate::info;
    ValueHandle output{};
    ErrorId error = no_error;
    std::int64_t time = no_time;
  };

  /// Appends the next event. An error says what is malformed: a process that overlaps itself, that
  /// goes on after an info, or that completes what it never invoked.
  Status invoke(const Invoke& event);
  Status complete(const Complete& event);
  /// The row of that operation, or nothing.
  const OperationId* open_operation(std::uint32_t process) const;
  /// Skips a position: an event of the file that is none of a client's (nemesis).
  void skip_event() { ++history_.events_; }
  /// Records that the event appended last had this `index` in its file. Call it for all or none.
  void set_index(std::uint64_t index) { history_.indexes_.push_back(index); }

  Position events() const { return history_.events_; }
  /// What was appended so far; rows whose operation is still open have fate info.
  const History& so_far() const { return history_; }
  /// Operations that never completed become info. The builder is empty afterwards.
  History finish();

 private:
  History history_;
  std::unordered_map<std::uint64_t, KeyId> key_index_;
  std::unordered_map<std::string, NodeId> node_index_;
  std::unordered_map<std::string, ErrorId> error_index_;
  std::vector<OperationId> open_;  ///< By process: its open operation, or a marker.
  std::unordered_map<std::uint32_t, OperationId> open_far_;  ///< Processes too large for open_.
  OperationId& open_slot(std::uint32_t process);
};

}  // namespace faultline
