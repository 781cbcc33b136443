// Transactions as Plume, PolySI and IsoVista take them: the format `plume`. An operation a line,
// "r(KEY,VALUE,SESSION,TRANSACTION)" or "w(…)". The operations of a transaction stand together
// among those of its session; transactions have numbers of their own. All are committed; between
// sessions there is no order. "null" is no value. Where somebody read 0 of a key to which nobody
// wrote it, 0 is the initial value, as in the histories of PolySI and of IsoVista.
#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "harness/io/lines.h"
#include "harness/io/transactions.h"

namespace faultline {
namespace {

struct Operation {
  bool is_write = false;
  ValueHandle key{}, value{};
};

struct Transaction {
  std::int64_t session = 0;
  std::vector<Operation> operations;
};

bool read_operation(Lines& lines, ValuePool& pool, Operation& operation, std::int64_t& session,
                    std::int64_t& transaction) {
  operation.is_write = lines.take("w(");
  if (!operation.is_write && !lines.take("r(")) return lines.unexpected("r( or w(");
  const std::string_view key = lines.word(",)");
  if (key.empty()) return lines.unexpected("a key");
  if (!lines.expect(",")) return false;
  const std::string_view value = lines.word(",)");
  if (!lines.expect(",") || !lines.number(session, "a session's number") || !lines.expect(",") ||
      !lines.number(transaction, "a transaction's number") || !lines.expect(")") ||
      !lines.line_end())
    return false;
  const bool is_absent = value.empty() || value == "null" || value == "nil";
  if (is_absent && operation.is_write) return lines.fail("expected a value to write");
  operation.key = scalar(pool, key);
  operation.value = is_absent ? ValueHandle() : scalar(pool, value);
  return true;
}

bool read_plume(Lines& lines, HistoryBuilder& builder, Loaded& into) {
  into.has_real_time = false;
  std::vector<Transaction> transactions;  // in the order in which they begin in the file
  std::unordered_map<std::int64_t, std::size_t> place;
  std::unordered_set<std::uint64_t> zero_read, zero_written;  // keys
  std::unordered_map<std::int64_t, std::int64_t> current;     // of each session
  while (lines.next()) {
    Operation operation;
    std::int64_t session = 0, id = 0;
    if (!read_operation(lines, builder.values(), operation, session, id)) return false;
    const auto [at, fresh] = place.try_emplace(id, transactions.size());
    if (fresh) transactions.push_back({session, {}});
    const auto [now, first] = current.try_emplace(session, id);
    if (!fresh && (transactions[at->second].session != session || first || now->second != id))
      return lines.fail("expected the operations of transaction " + std::to_string(id) +
                        " together in one session");
    now->second = id;
    if (operation.value.is_small_integer() && operation.value.small_integer() == 0)
      (operation.is_write ? zero_written : zero_read).insert(operation.key.bits());
    transactions[at->second].operations.push_back(operation);
  }
  if (std::ranges::any_of(zero_read, [&](auto key) { return !zero_written.contains(key); }))
    into.initial_hint = "0";
  std::unordered_map<std::int64_t, std::uint32_t> processes;
  TransactionWriter writer(builder);
  for (const Transaction& transaction : transactions) {
    const auto process =
        processes.try_emplace(transaction.session, static_cast<std::uint32_t>(processes.size()))
            .first->second;
    for (const Operation& o : transaction.operations) writer.add(o.is_write, o.key, o.value);
    if (!lines.check(writer.end(process, Fate::ok))) return false;
  }
  return true;
}

}  // namespace

bool sniff_plume(const Head& head) {
  return head.text.starts_with("w(") || head.text.starts_with("r(");
}

std::optional<LoadError> load_plume(const Input& input, Loaded& into) {
  return load_lines(input, into, read_plume);
}

}  // namespace faultline
