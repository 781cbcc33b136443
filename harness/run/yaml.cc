#include "harness/run/yaml.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <sstream>
#include <unordered_map>
#include <vector>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include "harness/core/check.h"

namespace faultline {
namespace {

/// Leaves the library's event loop with an error; caught in parse_any().
struct Stop {
  Error error;
};

/// Builds the tree from the library's events, which carry the places that its node API loses.
class Builder : public YAML::EventHandler {
 public:
  Builder(std::string_view text, std::string file) : text_(text), file_(std::move(file)) {}

  ConfigNode take() { return std::move(root_); }
  bool empty() const { return nodes_ == 0; }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override {
    if (expects_key()) stop(mark, "expected a key before \":\"");
    const std::string after = open_.empty() ? "" : " after \"" + open_.back().key + ":\"";
    stop(mark, "expected a value" + (after == " after \":\"" ? std::string() : after));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    stop(mark, "aliases (*name) are not supported; write the value out");
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse(mark, tag, anchor);
    if (tag == "!") refuse_open_quote(mark);
    if (expects_key()) {
      begin_member(mark, value);
      return;
    }
    ConfigNode& node = add(mark, ConfigNode::Kind::scalar);
    node.scalar = value;
    end_value();
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    refuse(mark, tag, anchor);
    if (expects_key()) stop(mark, "a key must be a word, found a list");
    push(mark, ConfigNode::Kind::sequence);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    refuse(mark, tag, anchor);
    if (expects_key()) stop(mark, "a key must be a word, found a mapping");
    push(mark, ConfigNode::Kind::mapping);
  }
  void OnSequenceEnd() override { pop(); }
  void OnMapEnd() override { pop(); }

 private:
  struct Open {
    ConfigNode* node;
    bool wants_value = false;                              ///< In a mapping: its key has been read.
    std::string key;                                       ///< The key read last.
    std::unordered_map<std::string, std::uint32_t> lines;  ///< Of its keys so far.
  };

  Where place(const YAML::Mark& mark) const {
    return {file_, static_cast<std::uint32_t>(mark.line + 1),
            static_cast<std::uint32_t>(mark.column + 1)};
  }
  [[noreturn]] void stop(const YAML::Mark& mark, std::string text) const {
    throw Stop{error_at(place(mark), std::move(text))};
  }
  void refuse(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) const {
    if (anchor != 0) stop(mark, "anchors (&name) are not supported");
    if (!tag.empty() && tag != "?" && tag != "!")
      stop(mark, "tags (" + tag + ") are not supported");
  }
  /// The library takes the end of the file for the closing quote.
  void refuse_open_quote(const YAML::Mark& mark) const {
    const auto begin = static_cast<std::size_t>(mark.pos);
    if (begin >= text_.size() || (text_[begin] != '"' && text_[begin] != '\'')) return;
    const char quote = text_[begin];
    for (std::size_t at = begin + 1; at < text_.size(); ++at) {
      if (text_[at] == quote) return;
      if (text_[at] == '\\' && quote == '"') ++at;
    }
    stop(mark, std::string("the quote ") + quote + " is never closed");
  }
  bool expects_key() const {
    return !open_.empty() && open_.back().node->kind == ConfigNode::Kind::mapping &&
           !open_.back().wants_value;
  }
  void begin_member(const YAML::Mark& mark, const std::string& key) {
    Open& open = open_.back();
    const auto [first, fresh] = open.lines.try_emplace(key, place(mark).line);
    if (!fresh)
      stop(mark, "duplicate key \"" + key + "\", first on line " + std::to_string(first->second));
    open.node->members.push_back({key, place(mark), {}});
    open.key = key;
    open.wants_value = true;
  }
  ConfigNode& add(const YAML::Mark& mark, ConfigNode::Kind kind) {
    if (++nodes_ > config_nodes_max)
      stop(mark, "more than " + std::to_string(config_nodes_max) + " values");
    ConfigNode* node = &root_;
    if (!open_.empty()) {
      Open& open = open_.back();
      if (open.node->kind == ConfigNode::Kind::mapping)
        node = &open.node->members.back().value;
      else
        node = &open.node->items.emplace_back();
    }
    node->kind = kind;
    node->where = place(mark);
    return *node;
  }
  /// Pointers to open nodes stay good: a container grows only while none of its children is open.
  void push(const YAML::Mark& mark, ConfigNode::Kind kind) {
    if (open_.size() >= config_depth_max)
      stop(mark, "nested deeper than " + std::to_string(config_depth_max) + " levels");
    open_.push_back({&add(mark, kind), false, {}, {}});
  }
  void pop() {
    open_.pop_back();
    end_value();
  }
  void end_value() {
    if (!open_.empty()) open_.back().wants_value = false;
  }

  std::string_view text_;
  std::string file_;
  ConfigNode root_;
  std::vector<Open> open_;
  std::size_t nodes_ = 0;
};

/// The library accepts tabs in some places and reports a far-away error in others.
Status refuse_tabs(std::string_view text, const std::string& file) {
  std::uint32_t line = 1;
  for (std::size_t at = 0; at < text.size(); ++line) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view row = text.substr(at, end - at);
    const std::size_t tab = row.find('\t');
    if (tab != std::string_view::npos && row.find_first_not_of(" \t") > tab)
      return error_at({file, line, static_cast<std::uint32_t>(tab + 1)},
                      "a tab in the indentation; use spaces");
    at = end + 1;
  }
  return Ok{};
}

Result<ConfigNode> parse_any(std::string_view text, const std::string& file) {
  if (text.size() > config_bytes_max)
    return error_at({file, 0, 0}, "larger than " + std::to_string(config_bytes_max) + " bytes");
  if (const Status tabs = refuse_tabs(text, file); !tabs) return tabs.error();
  std::istringstream in{std::string(text)};
  Builder builder(text, file);
  try {
    YAML::Parser parser(in);
    if (!parser.HandleNextDocument(builder) || builder.empty())
      return error_at({file, 1, 1}, "the configuration is empty");
    Builder second(text, file);
    if (parser && parser.HandleNextDocument(second))
      return error_at({file, 0, 0}, "more than one YAML document (\"---\")");
  } catch (const Stop& stop) {
    return stop.error;
  } catch (const YAML::Exception& error) {
    if (error.mark.is_null()) return error_at({file, 0, 0}, "invalid YAML: " + error.msg);
    return error_at({file, static_cast<std::uint32_t>(error.mark.line + 1),
                     static_cast<std::uint32_t>(error.mark.column + 1)},
                    "invalid YAML: " + error.msg);
  }
  return builder.take();
}

void relocate(ConfigNode& node, const Where& where) {
  node.where = where;
  for (ConfigNode& item : node.items) relocate(item, where);
  for (ConfigNode::Member& member : node.members) {
    member.where = where;
    relocate(member.value, where);
  }
}

/// The child of `node` called `name`, made if it is missing.
Result<ConfigNode*> descend(ConfigNode& node, const std::string& name, const Where& where) {
  if (node.kind == ConfigNode::Kind::sequence) {
    std::size_t index = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), index);
    if (error != std::errc() || end != name.data() + name.size() || index >= node.items.size())
      return error_at(where, "\"" + name + "\" is no item of a list of " +
                                 std::to_string(node.items.size()) + " (counted from 0)");
    return &node.items[index];
  }
  if (node.kind == ConfigNode::Kind::scalar)
    return error_at(where, "there is no \"" + name + "\" below the value \"" + node.scalar + "\"");
  if (ConfigNode* found = node.find(name)) return found;
  node.members.push_back({name, where, {}});
  node.members.back().value.where = where;
  return &node.members.back().value;
}

void emit(std::string& out, const Value& value, std::size_t indent);

/// Double quotes with JSON's escapes, which are YAML's as well.
void emit_quoted(std::string& out, const std::string& text) {
  static constexpr char digits[] = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += std::string("\\x") + digits[byte >> 4] + digits[byte & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

/// Only what no YAML reader can take for anything else goes without quotes.
void emit_text(std::string& out, const std::string& text) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.' || c == '/';
  };
  static constexpr std::string_view words[] = {"null",  "Null", "NULL", "true",
                                               "false", "yes",  "no"};
  const bool word = std::find(std::begin(words), std::end(words), text) != std::end(words);
  if (!text.empty() && !word && text.front() != '-' && text.front() != '.' &&
      std::all_of(text.begin(), text.end(), plain))
    out += text;
  else
    emit_quoted(out, text);
}

void emit_map(std::string& out, const Map& map, std::size_t indent) {
  bool first = true;
  for (const auto& [key, value] : map) {
    if (!first) out.append(indent, ' ');
    first = false;
    emit_text(out, key);
    out += ':';
    const bool map_below = value.map() != nullptr && !value.map()->empty();
    const bool list_below = value.list() != nullptr && !value.list()->empty();
    if (map_below || list_below) {
      out += '\n';
      out.append(indent + 2, ' ');
    } else {
      out += ' ';
    }
    emit(out, value, indent + 2);
  }
}

void emit_list(std::string& out, const List& list, std::size_t indent) {
  bool first = true;
  for (const Value& value : list) {
    if (!first) out.append(indent, ' ');
    first = false;
    out += "- ";
    emit(out, value, indent + 2);
  }
}

/// The cursor stands where the value begins; a value ends its last line.
void emit(std::string& out, const Value& value, std::size_t indent) {
  if (const Map* map = value.map(); map != nullptr && !map->empty())
    return emit_map(out, *map, indent);
  if (const List* list = value.list(); list != nullptr && !list->empty())
    return emit_list(out, *list, indent);
  if (value.map() != nullptr)
    out += "{}";
  else if (value.list() != nullptr)
    out += "[]";
  else if (const std::string* text = value.text())
    emit_text(out, *text);
  else if (const bool* boolean = std::get_if<bool>(&value.content))
    out += *boolean ? "true" : "false";
  else if (const std::int64_t* integer = value.integer())
    out += std::to_string(*integer);
  else if (const double* real = std::get_if<double>(&value.content)) {
    char buffer[64];
    const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, *real);
    FAULTLINE_CHECK(error == std::errc());
    out.append(buffer, end);
  } else {
    FAULTLINE_CHECK(!"a nil in a configuration");
  }
  out += '\n';
}

}  // namespace

Result<ConfigNode> parse_config(std::string_view text, const std::string& file) {
  Result<ConfigNode> node = parse_any(text, file);
  if (node && node->kind != ConfigNode::Kind::mapping)
    return error_at(node->where,
                    "expected a mapping like \"target: { name: etcd }\" at the top level");
  return node;
}

Result<ConfigNode> load_config(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in || std::filesystem::is_directory(path))
    return error_at({path.string(), 0, 0}, "cannot be read");
  std::string text;
  text.resize(config_bytes_max + 1);
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  return parse_config(text, path.string());
}

Status set_config(ConfigNode& root, std::string_view assignment) {
  const Where where{"--set " + std::string(assignment), 0, 0};
  const std::size_t equals = assignment.find('=');
  if (equals == std::string_view::npos || equals == 0)
    return error_at(where, "expected PATH=VALUE, as in target.nodes=3");
  ConfigNode* node = &root;
  for (std::size_t at = 0; at <= equals;) {
    const std::size_t end = std::min(assignment.find('.', at), equals);
    const std::string name(assignment.substr(at, end - at));
    if (name.empty()) return error_at(where, "expected PATH=VALUE, as in target.nodes=3");
    const Result<ConfigNode*> child = descend(*node, name, where);
    if (!child) return child.error();
    node = *child;
    at = end + 1;
  }
  Result<ConfigNode> value = parse_any(assignment.substr(equals + 1), where.file);
  if (!value) return value.error();
  relocate(*value, where);
  *node = std::move(*value);
  return Ok{};
}

std::string to_yaml(const Value& value) {
  std::string out;
  emit(out, value, 0);
  return out;
}

}  // namespace faultline
