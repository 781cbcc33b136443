#include "targets/json_value.h"

#include <limits>
#include <type_traits>

#include <nlohmann/json.hpp>

namespace faultline {
namespace {

using OrderedJson = nlohmann::ordered_json;

OrderedJson to_json(const Value& value) {
  return std::visit(
      [](const auto& content) -> OrderedJson {
        using T = std::decay_t<decltype(content)>;
        if constexpr (std::is_same_v<T, std::monostate>) {
          return nullptr;
        } else if constexpr (std::is_same_v<T, List>) {
          OrderedJson items = OrderedJson::array();
          for (const Value& item : content) items.push_back(to_json(item));
          return items;
        } else if constexpr (std::is_same_v<T, Map>) {
          OrderedJson members = OrderedJson::object();
          for (const auto& [key, item] : content) members[key] = to_json(item);
          return members;
        } else {
          return content;
        }
      },
      value.content);
}

constexpr int depth_max = 64;  ///< A reply may hold anything; the stack may not.

Result<Value> of_json(const OrderedJson& json, int depth = 0) {
  if (depth > depth_max) return Error{"nested too deeply"};
  switch (json.type()) {
    case OrderedJson::value_t::null:
      return Value{};
    case OrderedJson::value_t::boolean:
      return Value(json.get<bool>());
    case OrderedJson::value_t::number_integer:
      return Value(json.get<std::int64_t>());
    case OrderedJson::value_t::number_unsigned:
      if (json.get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max()) {
        return Error{"an integer beyond 64 bits"};
      }
      return Value(json.get<std::int64_t>());
    case OrderedJson::value_t::number_float:
      return Value(json.get<double>());
    case OrderedJson::value_t::string:
      return Value(json.get<std::string>());
    case OrderedJson::value_t::array: {
      List items;
      for (const OrderedJson& item : json) {
        auto value = of_json(item, depth + 1);
        if (!value) return value;
        items.push_back(*std::move(value));
      }
      return Value(std::move(items));
    }
    case OrderedJson::value_t::object: {
      Map members;
      for (const auto& [key, item] : json.items()) {
        auto value = of_json(item, depth + 1);
        if (!value) return value;
        members.emplace_back(key, *std::move(value));
      }
      return Value(std::move(members));
    }
    default:
      return Error{"no JSON value"};
  }
}

}  // namespace

Result<std::string> json_text(const Value& value) {
  try {
    return to_json(value).dump();
  } catch (const OrderedJson::exception&) {
    return Error{"a text that is no UTF-8"};
  }
}

Result<Value> value_of_json(std::string_view text) {
  const OrderedJson json = OrderedJson::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return Error{"not JSON"};
  return of_json(json);
}

std::string http_origin(std::string_view address, int port) {
  const bool v6 = address.find(':') != std::string_view::npos;
  std::string origin = v6 ? "http://[" : "http://";
  origin += address;
  origin += v6 ? "]:" : ":";
  return origin + std::to_string(port);
}

}  // namespace faultline
