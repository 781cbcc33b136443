#include "harness/io/export.h"

#include <algorithm>
#include <array>
#include <deque>
#include <string>
#include <vector>

#include "harness/core/catalogue.h"
#include "harness/io/json_write.h"

namespace faultline {
namespace {

using Kind = ValueHandle::Kind;

constexpr auto names = std::to_array<std::string_view>({"edn", "jsonl"});
constexpr std::size_t export_piece_bytes = 1u << 20;

/// Writes events; a syntax is where its marks stand.
class EventWriter {
 public:
  EventWriter(const History& history, bool is_edn) : h_(history), is_edn_(is_edn) {}

  std::string out;

  void invocation(OperationId row) {
    begin(h_.begin()[row], "invoke");
    place(row);
    field("value"), value(h_.argument()[row], is_transaction(row));
    time(h_.begin_time()[row]);
    end();
  }

  void completion(Position at, OperationId row) {
    const Fate fate = h_.fate()[row];
    begin(at, name_of(fate));
    place(row);
    field("value");
    value(fate == Fate::ok ? h_.output()[row] : h_.argument()[row], is_transaction(row));
    time(h_.end_time()[row]);
    if (fate == Fate::mismatch || h_.error()[row] != no_error) {
      field("error");
      text(fate == Fate::mismatch ? "mismatch" : h_.error_text(h_.error()[row]));
    }
    end();
  }

  /// Of a nemesis.
  void nobodys(Position at) {
    begin(at, "info");
    field("process"), word("nemesis");
    end();
  }

 private:
  bool is_transaction(OperationId row) const { return h_.function()[row] == Function::txn; }

  void begin(Position at, std::string_view type) {
    out += '{';
    is_first_ = true;
    field("index"), append_integer(out, h_.index_of(at));
    field("type"), word(type);
  }
  void end() { out += "}\n"; }

  void place(OperationId row) {
    field("process"), append_integer(out, h_.process()[row]);
    if (h_.node()[row] != no_node) field("node"), text(h_.node_name(h_.node()[row]));
    field("f"), word(name_of(h_.function()[row]));
    // Said of a history without keys as well: its values are never taken for tuples then.
    field("key");
    value(h_.key()[row] == no_key ? ValueHandle() : h_.key_value(h_.key()[row]), false);
  }

  void time(std::int64_t ns) {
    if (ns != no_time) field("time"), append_integer(out, ns);
  }

  void field(std::string_view name) {
    if (!is_first_) out += is_edn_ ? ", " : ",";
    is_first_ = false;
    if (is_edn_)
      (out += ':').append(name) += ' ';
    else
      (out += '"').append(name) += "\":";
  }

  void word(std::string_view name) {
    if (is_edn_)
      (out += ':').append(name);
    else
      append_json_text(out, name);
  }

  void text(std::string_view content) {
    if (!is_edn_) return append_json_text(out, content);
    constexpr std::string_view hex = "0123456789abcdef";
    out += '"';
    for (const char c : content) {
      if (c == '"' || c == '\\') out += '\\';
      if (static_cast<unsigned char>(c) < 0x20)
        ((out += "\\u00") += hex[static_cast<unsigned char>(c) >> 4]) += hex[c & 15];
      else
        out += c;
    }
    out += '"';
  }

  /// The names of micro-operations are keywords in EDN.
  void value(ValueHandle v, bool is_transaction) {
    const ValuePool& pool = h_.values();
    switch (v.kind()) {
      case Kind::nil:
        out += is_edn_ ? "nil" : "null";
        return;
      case Kind::boolean:
        out += v.bits() >> 3 != 0 ? "true" : "false";
        return;
      case Kind::integer:
      case Kind::big_integer:
        return append_integer(out, pool.as_integer(v));
      case Kind::real:
        out += pool.as_text(v);
        return;
      case Kind::text:
        return text(pool.as_text(v));
      case Kind::list:
        return list(pool.items(v), is_transaction);
      case Kind::map:
        return map(pool.items(v));
    }
  }

  void list(std::span<const ValueHandle> items, bool is_transaction) {
    out += '[';
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out += is_edn_ ? ' ' : ',';
      const bool is_micro_operation = is_transaction && items[i].kind() == Kind::list;
      if (is_micro_operation)
        micro_operation(h_.values().items(items[i]));
      else
        value(items[i], false);
    }
    out += ']';
  }

  void micro_operation(std::span<const ValueHandle> parts) {
    const bool is_named = !parts.empty() && parts[0].kind() == Kind::text;
    const std::string_view name = is_named ? h_.values().as_text(parts[0]) : std::string_view();
    const bool is_word = is_edn_ && !name.empty() &&
                         std::ranges::all_of(name, [](char c) { return c >= 'a' && c <= 'z'; });
    if (!is_word) return list(parts, false);
    (out += "[:").append(name);
    for (const ValueHandle part : parts.subspan(1)) out += ' ', value(part, false);
    out += ']';
  }

  void map(std::span<const ValueHandle> items) {
    const ValuePool& pool = h_.values();
    out += '{';
    for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
      if (i > 0) out += is_edn_ ? ", " : ",";
      if (is_edn_ || items[i].kind() == Kind::text)
        value(items[i], false);
      else
        text(pool.to_text(items[i]));  // JSON's keys are texts
      out += is_edn_ ? ' ' : ':';
      value(items[i + 1], false);
    }
    out += '}';
  }

  const History& h_;
  const bool is_edn_;
  bool is_first_ = true;
};

}  // namespace

std::span<const std::string_view> export_formats() { return names; }

Status export_history(const History& h, std::string_view format,
                      const std::function<void(std::string_view)>& sink) {
  if (std::ranges::find(names, format) == names.end())
    return unknown_component("format to export", format, names);
  constexpr OperationId none = 0xffffffffu;
  std::vector<OperationId> ending(h.events(), none);
  for (OperationId row = 0; row < h.size(); ++row)
    if (h.end()[row] != never) ending[h.end()[row]] = row;
  EventWriter writer(h, format == "edn");
  std::deque<OperationId> given_up;  // infos that said so; where they did was not kept
  OperationId row = 0;
  for (Position at = 0; at < h.events(); ++at) {
    if (row < h.size() && h.begin()[row] == at) {
      const bool said_so = h.error()[row] != no_error || h.end_time()[row] != no_time;
      if (h.fate()[row] == Fate::info && said_so) given_up.push_back(row);
      writer.invocation(row++);
    } else if (ending[at] != none) {
      writer.completion(at, ending[at]);
    } else if (!given_up.empty()) {
      writer.completion(at, given_up.front());
      given_up.pop_front();
    } else {
      writer.nobodys(at);
    }
    if (writer.out.size() < export_piece_bytes) continue;
    sink(writer.out);
    writer.out.clear();
  }
  sink(writer.out);
  return Ok{};
}

}  // namespace faultline
