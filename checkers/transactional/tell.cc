#include "checkers/transactional/tell.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "harness/core/text.h"

namespace faultline::transactional {
namespace {

constexpr std::size_t items_max = 6, micro_max = 8;

std::string seconds(std::int64_t nanoseconds, int decimals) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%.*f s", decimals, seconds_of(nanoseconds));
  return buffer;
}

}  // namespace

Teller::Teller(const Dependencies& source, const std::vector<Transaction>& transactions)
    : all_(source.transactions()), history_(all_.history()) {
  for (const Transaction t : transactions)
    if (t != nobody && std::ranges::find(transactions_, t) == transactions_.end())
      transactions_.push_back(t);
}

std::vector<OperationId> Teller::witness() const {
  std::vector<OperationId> rows(transactions_.begin(), transactions_.end());
  std::ranges::sort(rows);
  return rows;
}

std::string Teller::label(Transaction t) const {
  return "T" + std::to_string(std::ranges::find(transactions_, t) - transactions_.begin() + 1);
}

std::string Teller::who(Transaction t) const {
  const NodeId node = history_.node()[t];
  return (node != no_node ? history_.node_name(node)
                          : "process " + std::to_string(history_.process()[t])) +
         " (" + label(t) + ")";
}

std::string Teller::list(std::span<const ValueHandle> items) const {
  const std::size_t left_out = items.size() > items_max ? items.size() - items_max : 0;
  std::string out = left_out > 0 ? "[… " : "[";
  for (std::size_t i = left_out; i < items.size(); ++i)
    out += (i > left_out ? ", " : "") + text(items[i]);
  return out + "]";
}

std::string Teller::moment(Transaction t, bool began, int decimals) const {
  const std::int64_t time = began ? history_.begin_time()[t] : history_.end_time()[t];
  if (time != no_time) return seconds(time, decimals);
  const Position position = began ? history_.begin()[t] : history_.end()[t];
  return position == never ? "never" : "event " + std::to_string(history_.index_of(position));
}

/// As many as it takes to tell the two moments apart.
int Teller::decimals(Transaction ended, Transaction began) const {
  int count = 2;
  while (count < 9 && moment(ended, false, count) == moment(began, true, count)) ++count;
  return count;
}

std::string Teller::table(const Language& language) const {
  std::vector<std::array<std::string, 5>> rows;
  std::array<std::size_t, 5> widths{};
  for (const Transaction t : transactions_) {
    const bool is_open = history_.end()[t] == never;
    rows.push_back({label(t), who_plainly(t),
                    moment(t, true, 3) + " to " + (is_open ? "?" : moment(t, false, 3)),
                    std::string(name_of(history_.fate()[t])), deeds(language, t)});
    for (std::size_t c = 0; c < widths.size(); ++c)
      widths[c] = std::max(widths[c], rows.back()[c].size());
  }
  std::string out;
  for (const auto& row : rows) {
    out += " ";
    for (std::size_t c = 0; c + 1 < row.size(); ++c) out += " " + padded(row[c], widths[c]) + " ";
    out += " " + row.back() + "\n";
  }
  return out;
}

std::string Teller::reason(const Language& language, const Step& from, Transaction to) const {
  if (from.edge == Edge::process) return in_process(from.transaction, to);
  if (from.edge == Edge::realtime) return in_time(from.transaction, to);
  return language.reason(*this, from, to);
}

std::string Teller::in_process(Transaction from, Transaction to) const {
  return "process " + std::to_string(history_.process()[from]) + " was done with " + label(from) +
         " when it began " + label(to);
}

std::string Teller::in_time(Transaction from, Transaction to) const {
  const int count = decimals(from, to);
  return label(from) + " had ended at " + moment(from, false, count) + " when " + label(to) +
         " began at " + moment(to, true, count);
}

std::string Teller::who_plainly(Transaction t) const {
  const NodeId node = history_.node()[t];
  const std::string process = "process " + std::to_string(history_.process()[t]);
  return node != no_node ? history_.node_name(node) + ", " + process : process;
}

std::string Teller::deeds(const Language& language, Transaction t) const {
  std::string out;
  std::size_t count = 0;
  for (const MicroOperation& m : all_.of(t)) {
    if (count++ == micro_max) return out + ", …";
    out += (out.empty() ? "" : ", ") + language.deed(*this, t, m);
  }
  return out;
}

Told tell(const Dependencies& source, const Language& language, const Offence& offence) {
  std::vector<Transaction> transactions{offence.transaction, offence.other};
  for (const auto& more : {offence.cycle, language.seen_by(offence)})
    transactions.insert(transactions.end(), more.begin(), more.end());
  const Teller teller(source, transactions);
  Told told{language.sentence(teller, offence), "", teller.witness()};
  told.explanation =
      std::string(name_of(offence.anomaly)) + ": " + told.sentence + "\n" + teller.table(language);
  return told;
}

Told tell(const Dependencies& source, const Language& language, const Cycle& cycle) {
  std::vector<Transaction> transactions;
  for (const Step& step : cycle.steps) transactions.push_back(step.transaction);
  for (std::size_t i = 0; i < cycle.steps.size(); ++i)
    for (const Transaction t :
         language.seen_by(cycle.steps[i], cycle.steps[(i + 1) % cycle.steps.size()].transaction))
      transactions.push_back(t);
  const Teller teller(source, transactions);
  std::vector<Transaction> members;
  std::vector<std::string> reasons;
  for (std::size_t i = 0; i < cycle.steps.size(); ++i) {
    members.push_back(cycle.steps[i].transaction);
    const Transaction to = cycle.steps[(i + 1) % cycle.steps.size()].transaction;
    reasons.push_back(teller.reason(language, cycle.steps[i], to));
  }
  return tell_circle(name_of(cycle.anomaly), teller, language, members, reasons);
}

std::string chain_text(const Teller& teller, std::span<const Transaction> members,
                       std::span<const std::string> reasons, std::string_view indent) {
  const std::size_t count = members.size();
  std::string chain;
  for (std::size_t i = 0; i < count; ++i) {
    const bool is_last = i + 1 == count;
    chain += std::string(indent) + (is_last ? "but " : "    ") + teller.label(members[i]) + " < " +
             teller.label(members[(i + 1) % count]) + ", because " + reasons[i] +
             (is_last ? ": a contradiction\n" : "\n");
  }
  return chain;
}

Told tell_circle(std::string_view name, const Teller& teller, const Language& language,
                 std::span<const Transaction> members, std::span<const std::string> reasons) {
  Told told;
  told.witness = teller.witness();
  const std::size_t count = members.size();
  for (std::size_t i = 0; i < count; ++i)
    told.sentence += (i == 0 ? "" : i + 1 == count ? ", although " : ", and ") + reasons[i];
  if (count > 3)
    told.sentence = "each of " + std::to_string(count) +
                    " transactions must come before the next, and the last before the first";
  told.explanation = std::string(name) + ": let\n" + teller.table(language) + "  then\n" +
                     chain_text(teller, members, reasons);
  return told;
}

}  // namespace faultline::transactional
