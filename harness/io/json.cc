#include "harness/io/json.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>

#include <nlohmann/json.hpp>

#include "harness/core/text.h"
#include "harness/io/json_write.h"

namespace faultline {
namespace {

/// Deeper values are refused: every reader of a Value recurses.
constexpr int json_depth_max = 200;

constexpr auto unescaped = [] {
  std::array<bool, 256> table{};
  for (int c = 0x20; c < 0x80; ++c) table[static_cast<std::size_t>(c)] = c != '"' && c != '\\';
  return table;
}();

constexpr std::string_view hex = "0123456789abcdef";

void append_escaped_byte(std::string& out, unsigned char byte) {
  out += "\xEF\xBF\xBD";
  out += hex[byte >> 4];
  out += hex[byte & 15];
}

/// Length of the well-formed character at the front (Unicode 15, table 3-7), or 0.
std::size_t utf8_length(std::string_view text) {
  const auto at = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : static_cast<unsigned char>(0);
  };
  const auto tail = [&](std::size_t i) { return (at(i) & 0xC0) == 0x80; };
  const unsigned char lead = at(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return tail(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const unsigned char low = lead == 0xE0 ? 0xA0 : 0x80, high = lead == 0xED ? 0x9F : 0xBF;
    return at(1) >= low && at(1) <= high && tail(2) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const unsigned char low = lead == 0xF0 ? 0x90 : 0x80, high = lead == 0xF4 ? 0x8F : 0xBF;
    return at(1) >= low && at(1) <= high && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

void append_escape(std::string& out, unsigned char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      out += "\\u00";
      out += hex[c >> 4];
      out += hex[c & 15];
  }
}

void append_real(std::string& out, double v) {
  if (!std::isfinite(v)) {
    out += std::isnan(v) ? "\"nan\"" : v > 0 ? "\"inf\"" : "\"-inf\"";
    return;
  }
  char digits[40];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, v);
  const std::string_view spelling(digits, static_cast<std::size_t>(end - digits));
  out += spelling;
  // Without a fraction it would be read back as an integer.
  if (spelling.find_first_of(".e") == std::string_view::npos) out += ".0";
}

/// `indent` < 0: all on one line.
struct JsonWriter {
  std::string& out;
  int indent;
  int depth = 0;

  void write(const Value& value) { std::visit(*this, value.content); }
  void operator()(std::monostate) { out += "null"; }
  void operator()(bool v) { out += v ? "true" : "false"; }
  void operator()(std::int64_t v) { append_integer(out, v); }
  void operator()(double v) { append_real(out, v); }
  void operator()(const std::string& v) { append_json_text(out, v); }
  void operator()(const List& v) {
    if (v.empty()) return void(out += "[]");
    // A list of scalars stays on one line: witnesses and victims are read by people.
    const bool flat =
        std::ranges::none_of(v, [](const Value& item) { return item.list() || item.map(); });
    out += '[';
    ++depth;
    for (std::size_t i = 0; i < v.size(); ++i) {
      if (i > 0) out += flat && indent > 0 ? ", " : ",";
      if (!flat) line();
      write(v[i]);
    }
    --depth;
    if (!flat) line();
    out += ']';
  }
  void operator()(const Map& v) {
    if (v.empty()) return void(out += "{}");
    out += '{';
    ++depth;
    for (std::size_t i = 0; i < v.size(); ++i) {
      if (i > 0) out += ',';
      line();
      append_json_text(out, v[i].first);
      out += indent > 0 ? ": " : ":";
      write(v[i].second);
    }
    --depth;
    line();
    out += '}';
  }
  void line() {
    if (indent <= 0) return;
    out += '\n';
    out.append(static_cast<std::size_t>(indent) * static_cast<std::size_t>(depth), ' ');
  }
};

using Json = nlohmann::ordered_json;

Result<Value> from_json(const Json& json, int depth) {
  if (depth > json_depth_max)
    return Error{"nested deeper than " + std::to_string(json_depth_max) + " levels",
                 ErrorKind::usage};
  switch (json.type()) {
    case Json::value_t::boolean:
      return Value(json.get<bool>());
    case Json::value_t::number_integer:
      return Value(json.get<std::int64_t>());
    case Json::value_t::number_unsigned: {
      const auto v = json.get<std::uint64_t>();
      if (v > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        return Value(static_cast<double>(v));
      return Value(static_cast<std::int64_t>(v));
    }
    case Json::value_t::number_float:
      return Value(json.get<double>());
    case Json::value_t::string:
      return Value(json.get_ref<const std::string&>());
    case Json::value_t::array: {
      List list;
      list.reserve(json.size());
      for (const Json& item : json) {
        auto value = from_json(item, depth + 1);
        if (!value) return value;
        list.push_back(std::move(*value));
      }
      return Value(std::move(list));
    }
    case Json::value_t::object: {
      Map map;
      for (const auto& [key, item] : json.items()) {
        auto value = from_json(item, depth + 1);
        if (!value) return value;
        map.emplace_back(key, std::move(*value));
      }
      return Value(std::move(map));
    }
    case Json::value_t::null:
    case Json::value_t::binary:
    case Json::value_t::discarded:
      break;
  }
  return Value();
}

Map counts(const std::vector<std::pair<std::string, std::uint64_t>>& pairs) {
  return {pairs.begin(), pairs.end()};
}

List texts(const std::vector<std::string>& items) { return {items.begin(), items.end()}; }

}  // namespace

void append_json_text(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const auto stop = std::ranges::find_if_not(
        text, [](char c) { return unescaped[static_cast<unsigned char>(c)]; });
    out.append(text.begin(), stop);
    text.remove_prefix(static_cast<std::size_t>(stop - text.begin()));
    if (text.empty()) break;
    const auto lead = static_cast<unsigned char>(text.front());
    if (lead < 0x80) {
      if (lead == 0x7f)
        out += '\x7f';
      else
        append_escape(out, lead);
      text.remove_prefix(1);
      continue;
    }
    const std::size_t length = utf8_length(text);
    if (length == 0 || text.substr(0, length) == "\xEF\xBF\xBD") {
      append_escaped_byte(out, lead);
      text.remove_prefix(1);
    } else {
      out += text.substr(0, length);
      text.remove_prefix(length);
    }
  }
  out += '"';
}

void append_json(std::string& out, const Value& value) { JsonWriter{out, -1}.write(value); }

std::string to_json(const Value& value) {
  std::string out;
  append_json(out, value);
  return out;
}

std::string to_json_pretty(const Value& value) {
  std::string out;
  JsonWriter{out, 2}.write(value);
  return out += '\n';
}

Result<Value> parse_json(std::string_view text) {
  try {
    return from_json(Json::parse(text), 0);
  } catch (const Json::parse_error& error) {
    const std::size_t at = std::min(error.byte > 0 ? error.byte - 1 : 0, text.size());
    const std::string_view before = text.substr(0, at);
    const auto line = std::ranges::count(before, '\n') + 1;
    const std::size_t line_begin = before.rfind('\n') + 1;  // npos + 1 is 0
    return Error{"line " + std::to_string(line) + ", column " +
                     std::to_string(at - line_begin + 1) + ": expected valid JSON",
                 ErrorKind::usage};
  } catch (const Json::exception& error) {
    // A number beyond a double's range, for one.
    return Error{std::string("expected valid JSON: ") + error.what(), ErrorKind::usage};
  }
}

Value verdict_value(const Verdict& verdict, const History& history, double seconds) {
  Map map = {{"name", verdict.name},
             {"model", verdict.model},
             {"engine", verdict.engine},
             {"verdict", std::string(name_of(verdict.validity))}};
  if (!verdict.reason.empty()) map.emplace_back("reason", verdict.reason);
  if (!verdict.incomplete.empty()) map.emplace_back("incomplete", verdict.incomplete);
  map.emplace_back("summary", verdict.summary);
  map.emplace_back("explanation", verdict.explanation);
  map.emplace_back("anomalies", counts(verdict.anomalies));
  map.emplace_back("not", texts(verdict.refuted));
  if (!verdict.also_refuted.empty()) map.emplace_back("also_not", texts(verdict.also_refuted));
  map.emplace_back("not_ruled_out", texts(verdict.not_refuted));
  map.emplace_back("counted", counts(verdict.counted));
  List witness;
  for (const OperationId row : verdict.witness)
    witness.emplace_back(history.index_of(history.begin()[row]));
  map.emplace_back("witness", std::move(witness));
  if (!verdict.cases.empty()) map.emplace_back("cases", verdict.cases);
  map.emplace_back("keys_invalid", texts(verdict.keys_invalid));
  if (!verdict.table.empty()) {
    Map table;
    for (const auto& [name, found] : verdict.table) table.emplace_back(name, found);
    map.emplace_back("table", std::move(table));
  }
  map.emplace_back("seconds", rounded(seconds));
  return map;
}

std::string table_text(const Verdict& verdict) {
  std::size_t width = 0;
  for (const auto& [name, found] : verdict.table) width = std::max(width, name.size());
  std::string text;
  for (const auto& [name, found] : verdict.table)
    text += name + std::string(width - name.size() + 2, ' ') + found + "\n";
  return text;
}

}  // namespace faultline
