#include "harness/core/history.h"

#include <algorithm>
#include <array>

#include "harness/core/check.h"
#include "harness/core/text.h"

namespace faultline {
namespace {

constexpr auto names = std::to_array<std::string_view>({
#define FAULTLINE_FUNCTION(name, text) text,
    FAULTLINE_FUNCTIONS(FAULTLINE_FUNCTION)
#undef FAULTLINE_FUNCTION
});

constexpr OperationId idle = 0xffffffffu;     ///< The process has no open operation.
constexpr OperationId retired = 0xfffffffeu;  ///< The process had an info and must not go on.
constexpr std::uint32_t near_processes = 1u << 20;

std::string process_text(std::uint32_t process) { return "process " + std::to_string(process); }

}  // namespace

std::string_view name_of(Function function) { return names[static_cast<std::size_t>(function)]; }
std::span<const std::string_view> function_names() { return names; }

Result<Function> parse_function(std::string_view name) {
  if (name == "init") return Function::txn;
  const auto at = std::find(names.begin(), names.end(), name);
  if (at != names.end()) return static_cast<Function>(at - names.begin());
  std::string what = "unknown f \"" + std::string(name) + "\"";
  if (const auto near = nearest_word(name, names))
    what += ", did you mean \"" + std::string(*near) + "\"?";
  return Error{std::move(what), ErrorKind::usage};
}

std::string_view name_of(Fate fate) {
  switch (fate) {
    case Fate::ok:
      return "ok";
    case Fate::fail:
    case Fate::mismatch:
      return "fail";
    case Fate::info:
      return "info";
  }
  return "info";
}

std::string History::key_text(KeyId key) const {
  if (key == no_key) return "";
  const ValueHandle h = keys_[key];
  return h.kind() == ValueHandle::Kind::text ? std::string(values_.as_text(h)) : values_.to_text(h);
}

std::uint64_t History::bytes() const {
  return process_.capacity() * 4 + function_.capacity() + fate_.capacity() + key_.capacity() * 4 +
         (argument_.capacity() + output_.capacity()) * 8 +
         (begin_.capacity() + end_.capacity()) * 4 +
         (begin_time_.capacity() + end_time_.capacity()) * 8 + node_.capacity() * 2 +
         error_.capacity() * 4 + indexes_.capacity() * 8 + values_.bytes();
}

void HistoryBuilder::reserve(std::size_t n) {
  History& h = history_;
  h.process_.reserve(n), h.function_.reserve(n), h.fate_.reserve(n), h.key_.reserve(n);
  h.argument_.reserve(n), h.output_.reserve(n), h.begin_.reserve(n), h.end_.reserve(n);
  h.begin_time_.reserve(n), h.end_time_.reserve(n), h.node_.reserve(n), h.error_.reserve(n);
}

KeyId HistoryBuilder::key(ValueHandle value) {
  FAULTLINE_CHECK(!value.is_compound());
  const auto [at, fresh] =
      key_index_.try_emplace(value.bits(), static_cast<KeyId>(history_.keys_.size()));
  if (fresh) history_.keys_.push_back(value);
  return at->second;
}

NodeId HistoryBuilder::node(std::string_view name) {
  const auto [at, fresh] =
      node_index_.try_emplace(std::string(name), static_cast<NodeId>(history_.nodes_.size()));
  if (fresh) history_.nodes_.emplace_back(name);
  return at->second;
}

ErrorId HistoryBuilder::error(std::string_view text) {
  const auto [at, fresh] =
      error_index_.try_emplace(std::string(text), static_cast<ErrorId>(history_.errors_.size()));
  if (fresh) history_.errors_.emplace_back(text);
  return at->second;
}

OperationId& HistoryBuilder::open_slot(std::uint32_t process) {
  if (process >= near_processes) return open_far_.try_emplace(process, idle).first->second;
  if (process >= open_.size())
    open_.resize(std::max<std::size_t>(process + 1, 2 * open_.size()), idle);
  return open_[process];
}

const OperationId* HistoryBuilder::open_operation(std::uint32_t process) const {
  const OperationId* slot = nullptr;
  if (process < near_processes) {
    if (process < open_.size()) slot = &open_[process];
  } else if (const auto at = open_far_.find(process); at != open_far_.end()) {
    slot = &at->second;
  }
  return slot != nullptr && *slot < retired ? slot : nullptr;
}

Status HistoryBuilder::invoke(const Invoke& event) {
  OperationId& slot = open_slot(event.process);
  if (slot == retired)
    return Error{process_text(event.process) +
                     " invokes again after an info; a process ends with its first info",
                 ErrorKind::usage};
  if (slot != idle)
    return Error{process_text(event.process) + " invokes again before its last operation completed",
                 ErrorKind::usage};
  History& h = history_;
  slot = static_cast<OperationId>(h.process_.size());
  h.process_.push_back(event.process);
  h.function_.push_back(event.function);
  h.fate_.push_back(Fate::info);
  h.key_.push_back(event.key);
  h.argument_.push_back(event.argument);
  h.output_.push_back({});
  h.begin_.push_back(h.events_++);
  h.end_.push_back(never);
  h.begin_time_.push_back(event.time);
  h.end_time_.push_back(no_time);
  h.node_.push_back(event.node);
  h.error_.push_back(no_error);
  return Ok{};
}

Status HistoryBuilder::complete(const Complete& event) {
  OperationId& slot = open_slot(event.process);
  if (slot >= retired)
    return Error{process_text(event.process) + " completes an operation that it never invoked",
                 ErrorKind::usage};
  History& h = history_;
  h.fate_[slot] = event.fate;
  h.output_[slot] = event.output;
  h.error_[slot] = event.error;
  h.end_time_[slot] = event.time;
  if (event.fate != Fate::info) h.end_[slot] = h.events_;
  ++h.events_;
  slot = event.fate == Fate::info ? retired : idle;
  return Ok{};
}

History HistoryBuilder::finish() {
  History done = std::move(history_);
  *this = HistoryBuilder();
  return done;
}

}  // namespace faultline
