// Transactions as the tests of AWDIT have them: the format `awdit`. "w KEY VALUE" and "r KEY
// VALUE", a line each; "-----" ends a transaction, "=====" a session. All are committed; between
// sessions there is no order.
#include "harness/io/lines.h"
#include "harness/io/transactions.h"

namespace faultline {
namespace {

bool is_rule(std::string_view line, char c) {
  return line.size() >= 3 && line.find_first_not_of(c) == line.npos;
}

bool read_awdit(Lines& lines, HistoryBuilder& builder, Loaded& into) {
  into.has_real_time = false;
  TransactionWriter writer(builder);
  std::uint32_t session = 0;
  const auto end_transaction = [&] {
    return writer.is_empty() || lines.check(writer.end(session, Fate::ok));
  };
  while (lines.next()) {
    const bool ends_session = is_rule(lines.rest(), '=');
    if (ends_session || is_rule(lines.rest(), '-')) {
      if (!end_transaction()) return false;
      session += ends_session ? 1 : 0;
      continue;
    }
    const bool is_write = lines.take("w ");
    if (!is_write && !lines.take("r ")) return lines.unexpected("w, r, ----- or =====");
    const std::string_view key = lines.word(), value = lines.word();
    if (key.empty() || value.empty()) return lines.fail("expected a key and a value");
    if (!lines.line_end()) return false;
    writer.add(is_write, scalar(builder.values(), key), scalar(builder.values(), value));
  }
  return end_transaction();
}

}  // namespace

bool sniff_awdit(const Head& head) {
  const std::string_view line = head.first_line();
  return (line.starts_with("w ") || line.starts_with("r ")) && line.size() > 4;
}

std::optional<LoadError> load_awdit(const Input& input, Loaded& into) {
  return load_lines(input, into, read_awdit);
}

}  // namespace faultline
