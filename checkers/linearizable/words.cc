#include "checkers/linearizable/words.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>

namespace faultline::linearizable {
namespace {

constexpr std::size_t rows_max = 40;

/// What a client does: "enqueued", "was given".
std::string_view verb_of(Function function) {
  switch (function) {
    case Function::enqueue:
      return "enqueued";
    case Function::dequeue:
      return "dequeued";
    case Function::push:
      return "pushed";
    case Function::pop:
      return "popped";
    case Function::add:
      return "added";
    case Function::remove:
      return "removed";
    case Function::append:
      return "appended";
    default:
      return name_of(function);
  }
}

bool takes(Function function) { return function == Function::dequeue || function == Function::pop; }

}  // namespace

std::string Words::seconds(std::int64_t nanoseconds, int decimals) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%.*f s", decimals, static_cast<double>(nanoseconds) * 1e-9);
  return buffer;
}

std::string Words::who(OperationId id) const {
  const NodeId node = h_.node()[id];
  return node != no_node ? h_.node_name(node) : "process " + std::to_string(h_.process()[id]);
}

ValueHandle Words::observed(OperationId id) const {
  return h_.function()[id] == Function::read ? h_.output()[id] : pair(id)[0];
}

ValueHandle Words::written(OperationId id) const {
  return h_.function()[id] == Function::write ? h_.argument()[id] : pair(id)[1];
}

std::string Words::when(OperationId id, bool asked, int decimals) const {
  const std::int64_t time = asked ? h_.begin_time()[id] : h_.end_time()[id];
  if (time != no_time) return "at " + seconds(time, decimals);
  const Position position = asked ? h_.begin()[id] : h_.end()[id];
  return position == never ? "some time" : "at event " + std::to_string(h_.index_of(position));
}

int Words::decimals(OperationId a, bool a_asked, OperationId b, bool b_asked) const {
  for (int count = 2; count < 9; ++count)
    if (when(a, a_asked, count) != when(b, b_asked, count)) return count;
  return 2;
}

std::string Words::deed(OperationId id, bool perfect, int decimals) const {
  const std::string by = who(id);
  const std::string had = perfect ? "had " : "";
  switch (h_.function()[id]) {
    case Function::read:
      return by + " " + had + "read " + text(h_.output()[id]) + " " + when(id, false, decimals);
    case Function::write:
      return by + " " + had + (perfect ? "written " : "wrote ") + text(h_.argument()[id]) + " " +
             when(id, false, decimals);
    case Function::cas:
      break;
    default:
      return by + " " + other_deed(id, perfect) + " " + when(id, false, decimals);
  }
  const std::string name =
      by + "'s compare-and-set from " + text(pair(id)[0]) + " to " + text(pair(id)[1]);
  const bool refused = h_.fate()[id] == Fate::mismatch;
  return name + " " + had + (refused ? (perfect ? "been refused" : "was refused") : "succeeded") +
         " " + when(id, false, decimals);
}

std::string Words::other_deed(OperationId id, bool perfect) const {
  const Function function = h_.function()[id];
  const std::string had = perfect ? "had " : "";
  const std::string argument = h_.argument()[id].is_nil() ? "" : " " + text(h_.argument()[id]);
  if (h_.fate()[id] == Fate::mismatch)
    return had + (perfect ? "been" : "was") + " refused to " + std::string(name_of(function)) +
           argument;
  const ValueHandle output = h_.output()[id];
  const bool tells = !output.is_nil() && !(output == h_.argument()[id]);
  switch (function) {
    case Function::generate:
      return had + (perfect ? "been given " : "was given ") + text(output);
    case Function::txn:
      return had + "committed " + text(output);
    case Function::contains:
      return had + (perfect ? "been told " : "was told ") + text(output) + " of" + argument;
    case Function::acquire:
      return had + "acquired the lock" + argument +
             (tells ? " with the token " + text(output) : std::string());
    case Function::release:
      return had + "released the lock" + argument;
    default:
      break;
  }
  if (takes(function) && h_.fate()[id] == Fate::ok && output.is_nil()) return had + "found nothing";
  std::string deed = had + std::string(verb_of(function)) + argument;
  if (takes(function)) return h_.fate()[id] == Fate::ok ? deed + " " + text(output) : deed;
  return tells ? deed + " and was answered " + text(output) : deed;
}

std::string Words::operation(OperationId id) const {
  std::string out(name_of(h_.function()[id]));
  const Function function = h_.function()[id];
  const bool shows_nil = function == Function::write || function == Function::cas;
  if (function != Function::read && (shows_nil || !h_.argument()[id].is_nil()))
    out += " " + text(h_.argument()[id]);
  return out;
}

std::string Words::answer(OperationId id) const {
  const Function function = h_.function()[id];
  switch (h_.fate()[id]) {
    case Fate::ok: {
      const ValueHandle output = h_.output()[id];
      if (function == Function::read) return text(output);
      if (takes(function) && output.is_nil()) return "nothing";
      const bool silent = function == Function::write || function == Function::cas ||
                          output.is_nil() || h_.values().equal(output, h_.argument()[id]);
      return silent ? "ok" : text(output);
    }
    case Fate::mismatch:
      return "refused: mismatch";
    case Fate::fail:
    case Fate::info:
      break;
  }
  const std::string fate(name_of(h_.fate()[id]));
  return h_.error()[id] == no_error ? fate
                                    : fate + ": " + std::string(h_.error_text(h_.error()[id]));
}

std::string Words::moment(OperationId id, bool asked) const {
  const std::int64_t time = asked ? h_.begin_time()[id] : h_.end_time()[id];
  if (!asked && h_.end()[id] == never) return "-";
  if (time != no_time) return seconds(time, 6);
  return "event " + std::to_string(h_.index_of(asked ? h_.begin()[id] : h_.end()[id]));
}

std::string table(const History& history, const std::vector<OperationId>& operations) {
  const Words words(history);
  constexpr std::size_t columns = 7;
  std::vector<std::array<std::string, columns>> rows{
      {"from", "to", "process", "node", "operation", "answer", "index"}};
  for (const OperationId id : operations) {
    if (rows.size() > rows_max) break;
    const NodeId node = history.node()[id];
    rows.push_back({words.moment(id, true), words.moment(id, false),
                    std::to_string(history.process()[id]),
                    node == no_node ? "-" : history.node_name(node), words.operation(id),
                    words.answer(id), std::to_string(history.index_of(history.begin()[id]))});
  }
  std::array<std::size_t, columns> widths{};
  for (const auto& row : rows)
    for (std::size_t c = 0; c < columns; ++c) widths[c] = std::max(widths[c], row[c].size());
  std::string out;
  for (const auto& row : rows) {
    std::string line = " ";
    for (std::size_t c = 0; c < columns; ++c) {
      line += " " + row[c];
      if (c + 1 < columns) line.append(widths[c] - row[c].size() + 1, ' ');
    }
    out += line + "\n";
  }
  if (operations.size() + 1 > rows.size())
    out += "  … and " + std::to_string(operations.size() + 1 - rows.size()) + " more\n";
  return out;
}

}  // namespace faultline::linearizable
