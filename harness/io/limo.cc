// Histories of queues and stacks as LiMo takes them: the format `limo`. "# @object atomic-stack" or
// atomic-queue, then "[thread] call push(1)" and "[thread] return VALUE" in the order of time;
// other comments begin with #. A pop or deq that returns "empty", or nothing, found nothing; but
// "call pop(1)" says beforehand what it returns.
#include <optional>
#include <unordered_map>

#include "harness/io/lines.h"

namespace faultline {
namespace {

struct Open {
  Function function = Function::push;
  ValueHandle foretold{};  ///< What it will return, or what it puts.
};

bool takes(Function function) { return function == Function::pop || function == Function::dequeue; }

bool read_object(Lines& lines, Loaded& into) {
  const std::string_view object = lines.word();
  if (object != "atomic-stack" && object != "atomic-queue")
    return lines.fail("expected the object atomic-stack or atomic-queue, found \"" +
                      std::string(object.substr(0, 40)) + "\"");
  into.model_hint = object == "atomic-stack" ? "stack" : "fifo-queue";
  return true;
}

bool read_function(Lines& lines, Function& into) {
  const char* const at = lines.at();
  const std::string_view name = lines.word("(");
  if (name == "push")
    into = Function::push;
  else if (name == "pop")
    into = Function::pop;
  else if (name == "enq")
    into = Function::enqueue;
  else if (name == "deq")
    into = Function::dequeue;
  else
    return lines.fail(
        at, "expected push, pop, enq or deq, found \"" + std::string(name.substr(0, 40)) + "\"");
  return true;
}

/// (VALUE), VALUE, () or nothing.
bool read_value(Lines& lines, ValuePool& pool, ValueHandle& into) {
  const bool is_enclosed = lines.take("(");
  const std::string_view word = lines.word(is_enclosed ? ")" : "");
  if (is_enclosed && !lines.expect(")")) return false;
  into = word.empty() ? ValueHandle() : scalar(pool, word);
  return lines.line_end();
}

bool read_call(Lines& lines, HistoryBuilder& builder, std::uint32_t thread, Open& open) {
  const char* const at = lines.at();
  if (!read_function(lines, open.function)) return false;
  if (!read_value(lines, builder.values(), open.foretold)) return false;
  if (!takes(open.function) && open.foretold.is_nil())
    return lines.fail(at, "expected what is put, as in push(1)");
  return lines.check(
      builder.invoke({.process = thread,
                      .function = open.function,
                      .argument = takes(open.function) ? ValueHandle() : open.foretold}));
}

bool read_return(Lines& lines, HistoryBuilder& builder, std::uint32_t thread, const Open& open) {
  const std::string_view word = lines.word();
  if (!lines.line_end()) return false;
  ValueHandle value = open.foretold;
  if (takes(open.function) && word == "empty")
    value = {};
  else if (takes(open.function) && !word.empty())
    value = scalar(builder.values(), word);
  return lines.check(builder.complete({.process = thread, .fate = Fate::ok, .output = value}));
}

bool read_limo(Lines& lines, HistoryBuilder& builder, Loaded& into) {
  std::unordered_map<std::uint32_t, Open> open;
  while (lines.next()) {
    if (lines.take("#")) {
      if (lines.take("@object") && !read_object(lines, into)) return false;
      continue;
    }
    std::uint32_t thread = 0;
    if (!lines.expect("[") || !lines.number(thread, "a thread's number") || !lines.expect("]"))
      return false;
    if (lines.take("call")) {
      if (!read_call(lines, builder, thread, open[thread])) return false;
    } else if (lines.take("return")) {
      if (!read_return(lines, builder, thread, open[thread])) return false;
    } else {
      return lines.unexpected("call or return");
    }
  }
  return true;
}

}  // namespace

bool sniff_limo(const Head& head) {
  Lines lines("", head.text);
  while (lines.next()) {
    if (lines.take("#")) {
      if (lines.take("@object")) return true;
      continue;
    }
    std::uint32_t thread = 0;
    return lines.take("[") && lines.number(thread, "") && lines.take("]") &&
           (lines.take("call") || lines.take("return"));
  }
  return false;
}

std::optional<LoadError> load_limo(const Input& input, Loaded& into) {
  return load_lines(input, into, read_limo);
}

}  // namespace faultline
