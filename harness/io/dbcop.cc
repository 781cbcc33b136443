// Transactions in the binary form of dbcop, history.bincode: the format `dbcop`. Little-endian:
// five i64 (an id and the counts of nodes, variables, transactions and events), three texts (u64
// bytes, UTF-8: what it is, when it began and ended), then u64 sessions, each u64 transactions,
// each u64 events and a byte: whether it was committed. An event is a byte (1: a write), i64
// variable, i64 value and a byte: whether it succeeded; one that did not is left out. Between
// sessions there is no order, and the initial value of every variable is 0.
#include <bit>
#include <cstring>

#include "harness/io/lines.h"
#include "harness/io/transactions.h"

namespace faultline {
namespace {

static_assert(std::endian::native == std::endian::little, "integers are read as they stand");

constexpr std::uint64_t event_bytes = 18;
constexpr int integers_in_front = 5, texts_in_front = 3;
constexpr std::uint64_t head_text_bytes_max = 1u << 16;

/// Not thread-safe. Once a function answered false, expected() says why.
class Bytes {
 public:
  explicit Bytes(std::string_view bytes) : bytes_(bytes) {}

  std::uint64_t left() const { return bytes_.size() - at_; }
  std::uint64_t at() const { return at_; }
  const std::string& expected() const { return expected_; }

  bool fail(std::string_view wanted) {
    expected_ = "expected " + std::string(wanted) + " at byte " + std::to_string(at_);
    if (at_ == bytes_.size()) expected_ += ", found the end of the file";
    return false;
  }
  template <typename Integer>
  bool integer(Integer& into, std::string_view wanted) {
    if (left() < sizeof into) return fail(wanted);
    std::memcpy(&into, bytes_.data() + at_, sizeof into);
    at_ += sizeof into;
    return true;
  }
  /// How many of something follow, of which each takes `least` bytes at the least.
  bool count(std::uint64_t& into, std::uint64_t least, std::string_view wanted) {
    if (!integer(into, wanted)) return false;
    if (into <= left() / least) return true;
    at_ -= sizeof into;
    return fail(std::string(wanted) + " that the file has room for");
  }
  bool truth(bool& into, std::string_view wanted) {
    std::uint8_t byte = 0;
    if (!integer(byte, wanted)) return false;
    into = byte == 1;
    if (byte <= 1) return true;
    --at_;
    return fail(std::string(wanted) + ", 0 or 1,");
  }
  void skip(std::uint64_t size) { at_ += size; }

 private:
  const std::string_view bytes_;
  std::uint64_t at_ = 0;
  std::string expected_;
};

bool read_front(Bytes& in) {
  for (int i = 0; i < integers_in_front; ++i) {
    std::int64_t ignored = 0;
    if (!in.integer(ignored, "five counts of 8 bytes")) return false;
  }
  for (int i = 0; i < texts_in_front; ++i) {
    std::uint64_t size = 0;
    if (!in.count(size, 1, "the length of a text")) return false;
    in.skip(size);
  }
  return true;
}

bool read_event(Bytes& in, ValuePool& pool, TransactionWriter& writer) {
  bool is_write = false, has_succeeded = false;
  std::int64_t variable = 0, value = 0;
  if (!in.truth(is_write, "whether an event is a write") || !in.integer(variable, "a variable") ||
      !in.integer(value, "a value") || !in.truth(has_succeeded, "whether an event succeeded"))
    return false;
  if (has_succeeded) writer.add(is_write, pool.integer(variable), pool.integer(value));
  return true;
}

bool read_transaction(Bytes& in, HistoryBuilder& builder, TransactionWriter& writer,
                      std::uint32_t session) {
  std::uint64_t events = 0;
  bool is_committed = false;
  if (!in.count(events, event_bytes, "a number of events")) return false;
  for (std::uint64_t i = 0; i < events; ++i)
    if (!read_event(in, builder.values(), writer)) return false;
  if (!in.truth(is_committed, "whether a transaction was committed")) return false;
  if (builder.events() >= never - 2) return in.fail("at most 2,147,483,646 transactions");
  const Status done = writer.end(session, is_committed ? Fate::ok : Fate::fail);
  return done || in.fail(done.error().what);
}

bool read_dbcop(Bytes& in, HistoryBuilder& builder) {
  std::uint64_t sessions = 0;
  if (!read_front(in)) return false;
  if (!in.count(sessions, sizeof sessions, "a number of sessions")) return false;
  TransactionWriter writer(builder);
  for (std::uint32_t session = 0; session < sessions; ++session) {
    std::uint64_t transactions = 0;
    if (!in.count(transactions, sizeof transactions + 1, "a number of transactions")) return false;
    for (std::uint64_t i = 0; i < transactions; ++i)
      if (!read_transaction(in, builder, writer, session)) return false;
  }
  return in.left() == 0 || in.fail("the end of the file");
}

}  // namespace

bool sniff_dbcop(const Head& head) {
  Bytes in(head.bytes);
  constexpr std::int64_t count_max = std::int64_t{1} << 40;
  for (int i = 0; i < integers_in_front; ++i) {
    std::int64_t number = 0;
    if (!in.integer(number, "")) return false;
    if (i > 0 && (number < 0 || number > count_max)) return false;
  }
  std::uint64_t text_bytes = 0;
  return in.integer(text_bytes, "") && text_bytes < head_text_bytes_max;
}

std::optional<LoadError> load_dbcop(const Input& input, Loaded& into) {
  const auto bytes = input.source.whole();
  if (!bytes) return load_error(input.name, 0, 0, bytes.error().what);
  Bytes in(*bytes);
  HistoryBuilder builder;
  into.has_real_time = false;
  into.initial_hint = "0";
  if (!read_dbcop(in, builder)) return load_error(input.name, 0, 0, in.expected());
  into.history = builder.finish();
  if (into.history.events() == 0)
    return load_error(input.name, 0, 0, "expected a history, found no transaction");
  return {};
}

}  // namespace faultline
