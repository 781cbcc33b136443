#include "harness/core/value.h"

#include <algorithm>
#include <charconv>
#include <iterator>

#include "harness/core/check.h"

namespace faultline {
namespace {

constexpr std::int64_t small_max = (std::int64_t{1} << 60) - 1;
constexpr std::int64_t small_min = -(std::int64_t{1} << 60);

std::uint64_t mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

std::string json_quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

/// Key and value by the key; equal keys keep their order.
std::vector<std::pair<ValueHandle, ValueHandle>> sorted(std::span<const ValueHandle> items) {
  std::vector<std::pair<ValueHandle, ValueHandle>> entries;
  for (std::size_t i = 0; i < items.size(); i += 2) entries.emplace_back(items[i], items[i + 1]);
  std::ranges::stable_sort(entries, {}, [](const auto& entry) { return entry.first.bits(); });
  return entries;
}

}  // namespace

bool operator==(const Value& a, const Value& b) {
  const Map *left = a.map(), *right = b.map();
  if (left == nullptr || right == nullptr) return a.content == b.content;
  return left->size() == right->size() &&
         std::is_permutation(left->begin(), left->end(), right->begin());
}

std::string real_spelling(double v) {
  if (v == 0) return "0.0";
  char buffer[32];
  const auto end = std::to_chars(buffer, std::end(buffer), v).ptr;
  std::string spelling(buffer, end);
  if (spelling.find_first_of(".en") == std::string::npos) spelling += ".0";
  return spelling;
}

std::string to_text(const Value& value) {
  struct Visitor {
    std::string operator()(std::monostate) const { return "nil"; }
    std::string operator()(bool v) const { return v ? "true" : "false"; }
    std::string operator()(std::int64_t v) const { return std::to_string(v); }
    std::string operator()(double v) const { return real_spelling(v); }
    std::string operator()(const std::string& v) const { return json_quoted(v); }
    std::string operator()(const List& v) const {
      std::string out = "[";
      for (const Value& item : v) out += (out.size() > 1 ? ", " : "") + to_text(item);
      return out + "]";
    }
    std::string operator()(const Map& v) const {
      std::string out = "{";
      for (const auto& [key, item] : v)
        out += (out.size() > 1 ? ", " : "") + json_quoted(key) + ": " + to_text(item);
      return out + "}";
    }
  };
  return std::visit(Visitor{}, value.content);
}

ValueHandle ValuePool::integer(std::int64_t v) {
  if (v >= small_min && v <= small_max)
    return {ValueHandle::Kind::integer, static_cast<std::uint64_t>(v)};
  const auto [at, fresh] =
      big_index_.try_emplace(v, static_cast<std::uint32_t>(big_integers_.size()));
  if (fresh) big_integers_.push_back(v);
  return {ValueHandle::Kind::big_integer, at->second};
}

ValueHandle ValuePool::intern(ValueHandle::Kind kind, std::string_view v) {
  const auto [at, fresh] =
      text_index_.try_emplace(std::string(v), static_cast<std::uint32_t>(texts_.size()));
  if (fresh) texts_.emplace_back(v);
  return {kind, at->second};
}

ValueHandle ValuePool::text(std::string_view v) { return intern(ValueHandle::Kind::text, v); }
ValueHandle ValuePool::real(std::string_view v) { return intern(ValueHandle::Kind::real, v); }

ValueHandle ValuePool::compound(ValueHandle::Kind kind, std::span<const ValueHandle> items) {
  const std::uint64_t offset = compounds_.size();
  compounds_.push_back(ValueHandle::of_bits(items.size()));
  compounds_.insert(compounds_.end(), items.begin(), items.end());
  return {kind, offset};
}

ValueHandle ValuePool::list(std::span<const ValueHandle> items) {
  return compound(ValueHandle::Kind::list, items);
}
ValueHandle ValuePool::map(std::span<const ValueHandle> items) {
  FAULTLINE_CHECK(items.size() % 2 == 0);
  std::vector<ValueHandle> in_order;
  in_order.reserve(items.size());
  for (const auto& [key, item] : sorted(items)) {
    in_order.push_back(key);
    in_order.push_back(item);
  }
  return compound(ValueHandle::Kind::map, in_order);
}

ValueHandle ValuePool::add(const Value& value) {
  struct Visitor {
    ValuePool& pool;
    ValueHandle operator()(std::monostate) const { return {}; }
    ValueHandle operator()(bool v) const { return pool.boolean(v); }
    ValueHandle operator()(std::int64_t v) const { return pool.integer(v); }
    ValueHandle operator()(double v) const { return pool.real(real_spelling(v)); }
    ValueHandle operator()(const std::string& v) const { return pool.text(v); }
    ValueHandle operator()(const List& v) const {
      std::vector<ValueHandle> items;
      for (const Value& item : v) items.push_back(pool.add(item));
      return pool.list(items);
    }
    ValueHandle operator()(const Map& v) const {
      std::vector<ValueHandle> items;
      for (const auto& [key, item] : v) {
        items.push_back(pool.text(key));
        items.push_back(pool.add(item));
      }
      return pool.map(items);
    }
  };
  return std::visit(Visitor{*this}, value.content);
}

std::int64_t ValuePool::as_integer(ValueHandle h) const {
  if (h.kind() == ValueHandle::Kind::integer) return h.small_integer();
  FAULTLINE_CHECK(h.kind() == ValueHandle::Kind::big_integer);
  return big_integers_[h.bits() >> 3];
}

std::string_view ValuePool::as_text(ValueHandle h) const {
  FAULTLINE_CHECK(h.kind() == ValueHandle::Kind::text || h.kind() == ValueHandle::Kind::real);
  return texts_[h.bits() >> 3];
}

bool ValuePool::equal(ValueHandle a, ValueHandle b) const {
  if (a == b) return true;
  if (a.kind() != b.kind() || !a.is_compound()) return false;
  const auto left = items(a), right = items(b);
  if (left.size() != right.size()) return false;
  for (std::size_t i = 0; i < left.size(); ++i)
    if (!equal(left[i], right[i])) return false;
  return true;
}

std::uint64_t ValuePool::hash(ValueHandle h) const {
  if (!h.is_compound()) return mix(h.bits() + 0x9e3779b97f4a7c15ull);
  std::uint64_t hash_so_far = static_cast<std::uint64_t>(h.kind());
  for (const ValueHandle item : items(h)) hash_so_far = mix(hash_so_far + hash(item));
  return hash_so_far;
}

Value ValuePool::value(ValueHandle h) const {
  switch (h.kind()) {
    case ValueHandle::Kind::nil:
      return {};
    case ValueHandle::Kind::integer:
    case ValueHandle::Kind::big_integer:
      return as_integer(h);
    case ValueHandle::Kind::boolean:
      return (h.bits() >> 3) != 0;
    case ValueHandle::Kind::text:
      return std::string(as_text(h));
    case ValueHandle::Kind::real: {
      // Not std::stod: it throws for numbers that are too small to be normal.
      const std::string_view spelling = as_text(h);
      double v = 0;
      std::from_chars(spelling.data(), spelling.data() + spelling.size(), v);
      return v;
    }
    case ValueHandle::Kind::list: {
      List list;
      for (const ValueHandle item : items(h)) list.push_back(value(item));
      return list;
    }
    case ValueHandle::Kind::map: {
      Map map;
      const auto all = items(h);
      for (std::size_t i = 0; i + 1 < all.size(); i += 2)
        map.emplace_back(all[i].kind() == ValueHandle::Kind::text ? std::string(as_text(all[i]))
                                                                  : to_text(all[i]),
                         value(all[i + 1]));
      return map;
    }
  }
  return {};
}

ValueHandle ValuePool::import(const ValuePool& other, ValueHandle h) {
  switch (h.kind()) {
    case ValueHandle::Kind::nil:
    case ValueHandle::Kind::integer:
    case ValueHandle::Kind::boolean:
      return h;
    case ValueHandle::Kind::big_integer:
      return integer(other.as_integer(h));
    case ValueHandle::Kind::text:
      return text(other.as_text(h));
    case ValueHandle::Kind::real:
      return real(other.as_text(h));
    case ValueHandle::Kind::list:
    case ValueHandle::Kind::map: {
      std::vector<ValueHandle> copies;
      for (const ValueHandle item : other.items(h)) copies.push_back(import(other, item));
      return h.kind() == ValueHandle::Kind::list ? list(copies) : map(copies);
    }
  }
  return {};
}

std::string ValuePool::to_text(ValueHandle h) const {
  if (h.kind() == ValueHandle::Kind::real) return std::string(as_text(h));
  if (!h.is_compound()) return faultline::to_text(value(h));
  const bool is_map = h.kind() == ValueHandle::Kind::map;
  std::string out;
  std::size_t n = 0;
  for (const ValueHandle item : items(h)) {
    const bool is_item = is_map && n % 2 == 1;
    out += (n == 0 ? "" : is_item ? ": " : ", ") + to_text(item);
    ++n;
  }
  return is_map ? "{" + out + "}" : "[" + out + "]";
}

void ValuePool::clear() {
  big_integers_.clear(), texts_.clear(), text_index_.clear();
  big_index_.clear(), compounds_.clear();
}

std::uint64_t ValuePool::bytes() const {
  std::uint64_t total =
      big_integers_.capacity() * sizeof(std::int64_t) + compounds_.capacity() * sizeof(ValueHandle);
  for (const std::string& text : texts_) total += 2 * (text.size() + sizeof(std::string)) + 32;
  return total;
}

}  // namespace faultline
