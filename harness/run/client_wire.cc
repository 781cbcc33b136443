#include "harness/run/client_wire.h"

#include <cstring>
#include <optional>

#include "harness/core/check.h"

namespace faultline {
namespace {

constexpr std::size_t depth_max = 64;

class Encoder {
 public:
  Encoder& byte(std::size_t value) {
    bytes.push_back(static_cast<char>(value));
    return *this;
  }
  template <typename Number>
  Encoder& number(Number value) {
    static_assert(sizeof value == 8);
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  Encoder& text(std::string_view value) {
    number(static_cast<std::uint64_t>(value.size()));
    bytes.append(value);
    return *this;
  }
  /// The index of its alternative, and the content.
  Encoder& value(const Value& v) {
    byte(v.content.index());
    std::visit([this](const auto& content) { put(content); }, v.content);
    return *this;
  }

  std::string bytes;

 private:
  void put(std::monostate) {}
  void put(bool v) { byte(v ? 1 : 0); }
  void put(std::int64_t v) { number(v); }
  void put(double v) { number(v); }
  void put(const std::string& v) { text(v); }
  void put(const List& items) {
    number(static_cast<std::uint64_t>(items.size()));
    for (const Value& item : items) value(item);
  }
  void put(const Map& members) {
    number(static_cast<std::uint64_t>(members.size()));
    for (const auto& [key, member] : members) text(key).value(member);
  }
};

/// Reads past the end, and what has no meaning, as zeros, and remembers that.
class Decoder {
 public:
  explicit Decoder(std::string_view bytes) : bytes_(bytes) {}

  bool whole() const { return good_ && bytes_.empty(); }

  /// Below `limit`.
  std::size_t byte(std::size_t limit) {
    const std::string_view got = take(1);
    const std::size_t value = got.empty() ? 0 : static_cast<unsigned char>(got[0]);
    good_ &= value < limit;
    return value < limit ? value : 0;
  }
  template <typename Number = std::uint64_t>
  Number number() {
    Number value{};
    static_assert(sizeof value == 8);
    if (const std::string_view got = take(sizeof value); !got.empty())
      std::memcpy(&value, got.data(), sizeof value);
    return value;
  }
  std::string text() {
    const auto size = number();
    return std::string(take(size));
  }
  Value value(std::size_t depth = 0) {
    good_ &= depth < depth_max;
    const std::size_t kind = byte(std::variant_size_v<decltype(Value::content)>);
    if (!good_) return {};
    switch (kind) {
      case 1:
        return byte(2) == 1;
      case 2:
        return number<std::int64_t>();
      case 3:
        return number<double>();
      case 4:
        return text();
      case 5: {
        List items;
        for (auto left = number(); left > 0 && good_; --left) items.push_back(value(depth + 1));
        return items;
      }
      case 6: {
        Map members;
        for (auto left = number(); left > 0 && good_; --left) {
          std::string key = text();
          members.emplace_back(std::move(key), value(depth + 1));
        }
        return members;
      }
      default:
        return {};
    }
  }

 private:
  std::string_view take(std::uint64_t count) {
    if (!good_ || count > bytes_.size()) {
      good_ = false;
      return {};
    }
    const std::string_view taken = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return taken;
  }

  std::string_view bytes_;
  bool good_ = true;
};

std::optional<Outcome> outcome_of(Fate fate, Value output, std::string why) {
  switch (fate) {
    case Fate::ok:
      return Outcome::ok(std::move(output));
    case Fate::fail:
      return Outcome::fail(std::move(why));
    case Fate::info:
      return Outcome::info(std::move(why));
    case Fate::mismatch:
      return Outcome::mismatch();
  }
  return std::nullopt;
}

}  // namespace

std::string encode(const ClientCall& call) {
  FAULTLINE_CHECK(!call.request.expects_last_seen);
  return Encoder()
      .byte(static_cast<std::size_t>(call.kind))
      .number(call.sequence)
      .number(call.connection)
      .number(call.node)
      .number(std::int64_t{call.timeout.count()})
      .byte(static_cast<std::size_t>(call.request.function))
      .text(call.request.key)
      .value(call.request.value)
      .bytes;
}

Result<ClientCall> decode_call(std::string_view bytes) {
  Decoder decoder(bytes);
  ClientCall call;
  call.kind = static_cast<ClientCall::Kind>(decoder.byte(2));
  call.sequence = decoder.number();
  call.connection = decoder.number();
  call.node = decoder.number();
  call.timeout = std::chrono::nanoseconds(decoder.number<std::int64_t>());
  call.request.function = static_cast<Function>(decoder.byte(function_names().size()));
  call.request.key = decoder.text();
  call.request.value = decoder.value();
  if (!decoder.whole()) return Error{"not a worker's message"};
  return call;
}

std::string encode(const ClientAnswer& answer) {
  return Encoder()
      .number(answer.sequence)
      .byte(static_cast<std::size_t>(answer.outcome.fate()))
      .value(answer.outcome.output())
      .text(answer.outcome.why())
      .bytes;
}

Result<ClientAnswer> decode_answer(std::string_view bytes) {
  Decoder decoder(bytes);
  const std::uint64_t sequence = decoder.number();
  const auto fate = static_cast<Fate>(decoder.byte(4));
  Value output = decoder.value();
  std::string why = decoder.text();
  auto outcome = outcome_of(fate, std::move(output), std::move(why));
  if (!decoder.whole() || !outcome) return Error{"not an answer of a client machine"};
  return ClientAnswer{sequence, *std::move(outcome)};
}

}  // namespace faultline
