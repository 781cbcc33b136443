// Histories of objects as fptlin takes them: the format `fptlin`. The first line names the object,
// "# queue"; then an operation a line, "PROCESS BEGIN END METHOD VALUES", with times in any unit.
// All are complete. -1 is what an empty object answers.
//
// Intervals are half open, as its own verdicts want it: what returns at 3 is over before what is
// called at 3. One that is called and returns at 3 is concurrent with what is called then. Of a
// process whose operations overlap, the later one goes to a process of its own.
#include <algorithm>
#include <array>
#include <unordered_map>
#include <utility>
#include <vector>

#include "harness/io/lines.h"

namespace faultline {
namespace {

enum class Shape : std::uint8_t {
  puts,     ///< VALUE
  takes,    ///< What was found.
  changes,  ///< VALUE, and 1 if it did, 0 if it was refused.
  tells,    ///< VALUE, and 1 or 0.
  counts,   ///< 1 if it did, 0 if it was refused.
  swaps     ///< OLD NEW
};

struct Method {
  std::string_view object, name;
  Function function;
  Shape shape;
};

constexpr auto methods = std::to_array<Method>({
    {"queue", "ENQ", Function::enqueue, Shape::puts},
    {"queue", "DEQ", Function::dequeue, Shape::takes},
    {"queue", "PEEK", Function::read, Shape::takes},
    {"stack", "PUSH", Function::push, Shape::puts},
    {"stack", "POP", Function::pop, Shape::takes},
    {"stack", "PEEK", Function::read, Shape::takes},
    {"priorityqueue", "INSERT", Function::enqueue, Shape::puts},
    {"priorityqueue", "POLL", Function::dequeue, Shape::takes},
    {"priorityqueue", "PEEK", Function::read, Shape::takes},
    {"set", "INSERT", Function::add, Shape::changes},
    {"set", "REMOVE", Function::remove, Shape::changes},
    {"set", "CONTAINS", Function::contains, Shape::tells},
    {"semaphore", "INCR", Function::release, Shape::counts},
    {"semaphore", "DECR", Function::acquire, Shape::counts},
    {"rmw", "READ_MODIFY_WRITE", Function::cas, Shape::swaps},
});

struct Object {
  std::string_view name, model, initial;
};
constexpr auto objects = std::to_array<Object>({{"queue", "fifo-queue", ""},
                                                {"stack", "stack", ""},
                                                {"priorityqueue", "max-priority-queue", ""},
                                                {"set", "set", ""},
                                                {"semaphore", "semaphore", "0"},
                                                {"rmw", "cas-register", "0"}});

/// A time, and the order of what happens at that time: returns, calls, returns of those.
using Moment = std::pair<std::int64_t, int>;

struct Row {
  std::uint32_t process = 0;
  std::int64_t begin = 0, end = 0;
  Moment called() const { return {begin, 1}; }
  Moment returned() const { return {end, begin == end ? 2 : 0}; }
  Function function = Function::read;
  Fate fate = Fate::ok;
  ValueHandle argument{}, output{};
};

bool read_truth(Lines& lines, bool& into) {
  const char* const at = lines.at();
  int number = 0;
  if (!lines.number(number, "1 or 0")) return false;
  into = number == 1;
  return number == 0 || number == 1 || lines.fail(at, "expected 1 or 0");
}

bool read_values(Lines& lines, ValuePool& pool, Shape shape, Row& row) {
  std::int64_t first = 0, second = 0;
  bool truth = true;
  switch (shape) {
    case Shape::puts:
      if (!lines.number(first, "a value")) return false;
      row.argument = row.output = pool.integer(first);
      return true;
    case Shape::takes:
      if (!lines.number(first, "a value, or -1")) return false;
      row.output = first == -1 ? ValueHandle() : pool.integer(first);
      return true;
    case Shape::changes:
    case Shape::tells:
      if (!lines.number(first, "a value") || !read_truth(lines, truth)) return false;
      row.argument = pool.integer(first);
      row.output = pool.boolean(truth);
      return true;
    case Shape::counts:
      if (!read_truth(lines, truth)) return false;
      row.fate = truth ? Fate::ok : Fate::mismatch;
      return true;
    case Shape::swaps:
      if (!lines.number(first, "the old value") || !lines.number(second, "the new value"))
        return false;
      row.argument = row.output =
          pool.list(std::to_array({pool.integer(first), pool.integer(second)}));
      return true;
  }
  return false;
}

bool read_row(Lines& lines, ValuePool& pool, std::string_view object, Row& row) {
  if (!lines.number(row.process, "a process") || !lines.number(row.begin, "the time of the call"))
    return false;
  const char* const end_at = lines.at();
  if (!lines.number(row.end, "the time of the return")) return false;
  if (row.end < row.begin)
    return lines.fail(end_at, "expected a return that is not before the call");
  const char* const at = lines.at();
  const std::string_view name = lines.word();
  std::string known;
  for (const Method& method : methods) {
    if (method.object != object) continue;
    if (method.name == name) {
      row.function = method.function;
      return read_values(lines, pool, method.shape, row) && lines.line_end();
    }
    known += (known.empty() ? "" : ", ") + std::string(method.name);
  }
  return lines.fail(at, "expected a method of a " + std::string(object) + " (" + known +
                            "), found \"" + std::string(name.substr(0, 40)) + "\"");
}

bool read_rows(Lines& lines, HistoryBuilder& builder, std::string_view object,
               std::vector<Row>& rows) {
  std::uint32_t process_max = 0;
  while (lines.next()) {
    if (lines.take("#")) continue;
    Row row;
    if (!read_row(lines, builder.values(), object, row)) return false;
    process_max = std::max(process_max, row.process);
    rows.push_back(row);
  }
  std::ranges::stable_sort(rows, {}, &Row::begin);
  std::unordered_map<std::uint32_t, Moment> busy_until;
  for (Row& row : rows) {
    const auto [at, fresh] = busy_until.try_emplace(row.process, row.returned());
    if (!fresh && at->second > row.called())
      row.process = ++process_max;
    else
      at->second = row.returned();
  }
  return true;
}

bool read_fptlin(Lines& lines, HistoryBuilder& builder, Loaded& into) {
  std::string_view name;
  if (lines.next() && lines.take("#")) name = lines.word();
  const auto object = std::ranges::find(objects, name, &Object::name);
  if (object == objects.end())
    return lines.fail("expected # and queue, stack, priorityqueue, set, semaphore or rmw");
  into.model_hint = object->model;
  if (!object->initial.empty()) into.initial_hint = object->initial;
  std::vector<Row> rows;
  if (!read_rows(lines, builder, name, rows)) return false;
  if (rows.size() >= never / 2) return lines.fail("expected at most 2,147,483,646 operations");

  std::vector<std::size_t> by_end(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) by_end[i] = i;
  std::ranges::stable_sort(by_end, {}, [&](std::size_t i) { return rows[i].returned(); });
  std::size_t begun = 0;
  for (const std::size_t ended : by_end) {
    for (; begun < rows.size() && rows[begun].called() < rows[ended].returned(); ++begun)
      if (!lines.check(builder.invoke({.process = rows[begun].process,
                                       .function = rows[begun].function,
                                       .argument = rows[begun].argument})))
        return false;
    const Row& row = rows[ended];
    if (!lines.check(
            builder.complete({.process = row.process, .fate = row.fate, .output = row.output})))
      return false;
  }
  return true;
}

}  // namespace

bool sniff_fptlin(const Head& head) {
  Lines lines("", head.first_line());
  if (!lines.next() || !lines.take("#")) return false;
  const std::string_view name = lines.word();
  return lines.at_line_end() && std::ranges::find(objects, name, &Object::name) != objects.end();
}

std::optional<LoadError> load_fptlin(const Input& input, Loaded& into) {
  return load_lines(input, into, read_fptlin);
}

}  // namespace faultline
