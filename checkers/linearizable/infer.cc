// Which model a history is of, from what was asked and what was answered.
#include <array>
#include <string>

#include "checkers/linearizable/checks.h"

namespace faultline::linearizable {
namespace {

/// What was asked how often, and what kinds of answers there were.
struct Signs {
  std::array<std::uint64_t, 256> asked{};
  bool list_read = false, integer_read = false, text_read = false;  ///< By ok reads.
  bool token = false, permits = false;  ///< Integers answered, or asked for, by acquires.
  bool add_told = false;                ///< An add answered something else than what was added.

  bool has(Function f) const { return asked[static_cast<std::size_t>(f)] > 0; }
  /// Is nothing asked but these?
  bool only(std::initializer_list<Function> functions) const {
    std::uint64_t inside = 0, all = 0;
    for (const std::uint64_t count : asked) all += count;
    for (const Function f : functions) inside += asked[static_cast<std::size_t>(f)];
    return inside == all;
  }
};

/// How often each function was asked for. Neighbours are counted apart, so that no count waits for
/// the one before it.
std::array<std::uint64_t, 256> count_functions(std::span<const Function> functions) {
  std::array<std::array<std::uint64_t, 256>, 4> counts{};
  for (std::size_t i = 0; i < functions.size(); ++i)
    ++counts[i % 4][static_cast<std::size_t>(functions[i])];
  for (std::size_t f = 0; f < 256; ++f)
    for (std::size_t c = 1; c < 4; ++c) counts[0][f] += counts[c][f];
  return counts[0];
}

Signs signs_of(const History& h) {
  Signs signs;
  signs.asked = count_functions(h.function());
  // The answers say nothing more of these.
  if (signs.only({Function::read, Function::write, Function::cas})) return signs;
  for (std::size_t i = 0; i < h.size(); ++i) {
    const Function f = h.function()[i];
    const ValueHandle argument = h.argument()[i];
    if (f == Function::acquire) signs.permits |= is_integer(argument);
    if (h.fate()[i] != Fate::ok) continue;
    const ValueHandle output = h.output()[i];
    if (f == Function::read) {
      signs.list_read |= output.kind() == ValueHandle::Kind::list;
      signs.integer_read |= is_integer(output);
      signs.text_read |= output.kind() == ValueHandle::Kind::text;
    }
    if (f == Function::acquire) signs.token |= is_integer(output) && !(output == argument);
    if (f == Function::add) signs.add_told |= is_integer(output) && !(output == argument);
  }
  return signs;
}

/// The candidates, separated by spaces; the only one if there is one.
std::string candidates(const Signs& s) {
  using F = Function;
  if (s.only({F::read, F::write})) return "register";
  if (s.only({F::read, F::write, F::cas})) return "cas-register";
  if (s.only({F::txn})) return "multi-register";
  if (s.only({F::acquire, F::release})) {
    if (s.token && s.permits) return "semaphore fenced-lock";
    return s.permits ? "semaphore" : s.token ? "fenced-lock" : "mutex";
  }
  if (s.only({F::enqueue, F::dequeue, F::read})) return "fifo-queue";
  if (s.only({F::push, F::pop, F::read})) return "stack";
  if (s.only({F::generate})) return "id-generator";
  if (s.has(F::append) && s.only({F::append, F::read}) && !s.text_read) {
    return "append-list";
  }
  if (!s.has(F::add) && s.only({F::read, F::write, F::cas, F::append, F::remove}))
    return "key-value";
  if (s.only({F::add, F::read})) {
    if (s.add_told) return "fetch-and-add";
    if (s.list_read && !s.integer_read) return "grow-only-set";
    if (s.integer_read && !s.list_read) return "counter";
    return "counter fetch-and-add grow-only-set set";
  }
  if (s.has(F::add) && s.only({F::add, F::remove, F::contains, F::read})) return "set";
  if (s.only({F::remove, F::contains, F::read})) return "set key-value";
  return "";
}

}  // namespace

Inference infer_model(const History& history) {
  const Signs signs = signs_of(history);
  const std::string names = candidates(signs);
  if (!names.empty() && names.find(' ') == std::string::npos) return {find_model(names), ""};
  std::string asked;
  for (std::size_t f = 0; f < signs.asked.size(); ++f)
    if (signs.asked[f] > 0)
      asked += (asked.empty() ? "" : ", ") + std::string(name_of(static_cast<Function>(f))) + " (" +
               std::to_string(signs.asked[f]) + ")";
  if (names.empty())
    return {nullptr, "no model has all of these operations: " + asked + "; faultline list models"};
  std::string options;
  for (std::size_t at = 0; at < names.size();) {
    const std::size_t end = std::min(names.find(' ', at), names.size());
    options += (options.empty() ? "" : " or ") + ("--model " + names.substr(at, end - at));
    at = end + 1;
  }
  return {nullptr, "what these operations are of is not clear: " + asked + "; say " + options};
}

}  // namespace faultline::linearizable
