#include "harness/core/params.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "harness/core/text.h"

namespace faultline {
namespace {

/// ", did you mean "x"?" or the list of what there is.
std::string hint(std::string_view word, std::span<const std::string_view> candidates) {
  if (const auto near = nearest_word(word, candidates))
    return ", did you mean \"" + std::string(*near) + "\"?";
  std::string all;
  for (const std::string_view candidate : candidates)
    all += (all.empty() ? "; expected one of: " : ", ") + std::string(candidate);
  return all;
}

template <typename T>
std::optional<T> parse_number(const std::string& text) {
  T number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string number_text(double v) {
  std::string text = std::to_string(v);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

}  // namespace

Error error_at(const Where& where, std::string text) {
  std::string prefix = where.file;
  if (where.line > 0)
    prefix += ":" + std::to_string(where.line) + ":" + std::to_string(where.column);
  return {prefix.empty() ? std::move(text) : prefix + ": " + text, ErrorKind::usage};
}

const ConfigNode* ConfigNode::find(std::string_view key) const {
  const auto at =
      std::find_if(members.begin(), members.end(), [&](const Member& m) { return m.key == key; });
  return at == members.end() ? nullptr : &at->value;
}
ConfigNode* ConfigNode::find(std::string_view key) {
  return const_cast<ConfigNode*>(std::as_const(*this).find(key));
}
ConfigNode ConfigNode::of(std::string scalar_text) {
  ConfigNode node;
  node.kind = Kind::scalar;
  node.scalar = std::move(scalar_text);
  return node;
}

Params::Params(const ConfigNode& mapping, std::string what)
    : mapping_(&mapping), what_(std::move(what)) {
  if (mapping.kind != ConfigNode::Kind::mapping)
    fail(mapping.where, what_ + ": expected a mapping like { key: value }");
}

void Params::fail(const Where& where, std::string text) {
  if (!error_) error_ = error_at(where, std::move(text));
}
void Params::fail(std::string_view key, const std::string& text) {
  const ConfigNode* found = mapping_->find(key);
  fail(found != nullptr ? found->where : mapping_->where, std::string(key) + ": " + text);
}

const ConfigNode* Params::node(std::string_view key) {
  if (std::find(known_.begin(), known_.end(), key) == known_.end()) known_.emplace_back(key);
  return mapping_->find(key);
}
bool Params::has(std::string_view key) { return node(key) != nullptr; }

void Params::set_resolved(std::string_view key, Value value) {
  for (auto& [name, old] : resolved_)
    if (name == key) {
      old = std::move(value);
      return;
    }
  resolved_.emplace_back(key, std::move(value));
}

const std::string* Params::scalar(std::string_view key, std::string_view expected) {
  const ConfigNode* found = node(key);
  if (found == nullptr) return nullptr;
  if (found->kind != ConfigNode::Kind::scalar) {
    fail(key, "expected " + std::string(expected) + ", found a " +
                  (found->kind == ConfigNode::Kind::sequence ? "list" : "mapping"));
    return nullptr;
  }
  return &found->scalar;
}

std::string Params::text(std::string_view key, std::string_view otherwise) {
  const std::string* found = scalar(key, "a text");
  std::string value = found != nullptr ? *found : std::string(otherwise);
  set_resolved(key, value);
  return value;
}

std::string Params::required_text(std::string_view key) {
  if (!has(key)) fail(mapping_->where, what_ + ": \"" + std::string(key) + "\" is missing");
  return text(key, "");
}

std::int64_t Params::integer(std::string_view key, std::int64_t otherwise, std::int64_t min,
                             std::int64_t max) {
  std::int64_t value = otherwise;
  if (const std::string* found = scalar(key, "an integer")) {
    const auto number = parse_number<std::int64_t>(*found);
    if (!number || *number < min || *number > max)
      fail(key, "expected an integer from " + std::to_string(min) + " to " + std::to_string(max) +
                    ", found \"" + *found + "\"");
    else
      value = *number;
  }
  set_resolved(key, value);
  return value;
}

double Params::real(std::string_view key, double otherwise, double min, double max) {
  double value = otherwise;
  if (const std::string* found = scalar(key, "a number")) {
    const auto number = parse_number<double>(*found);
    if (!number || !std::isfinite(*number) || *number < min || *number > max)
      fail(key, "expected a number from " + number_text(min) + " to " + number_text(max) +
                    ", found \"" + *found + "\"");
    else
      value = *number;
  }
  set_resolved(key, value);
  return value;
}

bool Params::boolean(std::string_view key, bool otherwise) {
  bool value = otherwise;
  if (const std::string* found = scalar(key, "true or false")) {
    if (*found == "true")
      value = true;
    else if (*found == "false")
      value = false;
    else
      fail(key, "expected true or false, found \"" + *found + "\"");
  }
  set_resolved(key, value);
  return value;
}

std::chrono::nanoseconds Params::duration(std::string_view key,
                                          std::chrono::nanoseconds otherwise) {
  std::chrono::nanoseconds value = otherwise;
  if (const std::string* found = scalar(key, "a duration like 8s or 500ms")) {
    if (const auto parsed = parse_duration(*found))
      value = *parsed;
    else
      fail(key, "expected a duration like 8s or 500ms, found \"" + *found + "\"");
  }
  set_resolved(key, format_duration(value));
  return value;
}

double Params::rate(std::string_view key, double otherwise) {
  double value = otherwise;
  if (const std::string* found = scalar(key, "a rate like 2000/s")) {
    if (const auto parsed = parse_rate(*found))
      value = *parsed;
    else
      fail(key, "expected a rate like 2000/s or unlimited, found \"" + *found + "\"");
  }
  set_resolved(key, value == 0 ? std::string("unlimited") : number_text(value) + "/s");
  return value;
}

std::string Params::choice(std::string_view key, std::string_view otherwise,
                           std::span<const std::string_view> choices) {
  std::string value(otherwise);
  choices_.emplace_back(key, std::vector<std::string>(choices.begin(), choices.end()));
  if (const std::string* found = scalar(key, "a word")) {
    if (std::find(choices.begin(), choices.end(), *found) != choices.end())
      value = *found;
    else
      fail(key, "unknown value \"" + *found + "\"" + hint(*found, choices));
  }
  set_resolved(key, value);
  return value;
}

std::vector<std::string> Params::texts(std::string_view key, std::vector<std::string> otherwise) {
  std::vector<std::string> values = std::move(otherwise);
  if (const ConfigNode* found = node(key)) {
    values.clear();
    if (found->kind == ConfigNode::Kind::scalar) {
      values.push_back(found->scalar);
    } else if (found->kind == ConfigNode::Kind::sequence) {
      for (const ConfigNode& item : found->items)
        if (item.kind == ConfigNode::Kind::scalar)
          values.push_back(item.scalar);
        else
          fail(item.where, std::string(key) + ": expected a list of words");
    } else {
      fail(key, "expected a list of words");
    }
  }
  List list(values.begin(), values.end());
  set_resolved(key, std::move(list));
  return values;
}

Status Params::finish() const {
  if (error_) return *error_;
  const std::vector<std::string_view> known(known_.begin(), known_.end());
  for (const ConfigNode::Member& member : mapping_->members)
    if (std::find(known.begin(), known.end(), member.key) == known.end())
      return error_at(member.where,
                      what_ + ": unknown key \"" + member.key + "\"" + hint(member.key, known));
  return Ok{};
}

}  // namespace faultline
