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

void Teller::add_list(Map& parts, const std::string& name,
                      std::span<const ValueHandle> items) const {
  const std::size_t left_out = items.size() > items_max ? items.size() - items_max : 0;
  List told;
  for (const ValueHandle item : items.subspan(left_out)) told.push_back(value(item));
  parts.emplace_back(name, std::move(told));
  if (left_out > 0) parts.emplace_back(name + "_left_out", left_out);
}

Value Teller::labels(std::span<const Transaction> some) const {
  List names;
  for (const Transaction t : some) names.emplace_back(label(t));
  return names;
}

Map Teller::link(std::string_view kind, std::string_view source, KeyIndex k,
                 std::optional<ValueHandle> before, std::optional<ValueHandle> after) const {
  Map parts = {{"kind", std::string(kind)},
               {"source", std::string(source)},
               {"key", value(all_.key_value(k))}};
  if (before) parts.emplace_back("before", value(*before));
  if (after) parts.emplace_back("after", value(*after));
  return parts;
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
    std::string did;
    for (const Phrase& deed : deeds(language, t)) did += (did.empty() ? "" : ", ") + deed.text;
    if (all_.of(t).size() > micro_max) did += ", …";
    rows.push_back({label(t), who_plainly(t),
                    moment(t, true, 3) + " to " + (is_open ? "?" : moment(t, false, 3)),
                    std::string(name_of(history_.fate()[t])), std::move(did)});
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

List Teller::rows(const Language& language) const {
  List all;
  const auto time = [](std::int64_t at) { return at == no_time ? Value() : Value(at); };
  for (const Transaction t : transactions_) {
    const NodeId node = history_.node()[t];
    const Position end = history_.end()[t];
    Map row = {{"name", label(t)},
               {"index", history_.index_of(history_.begin()[t])},
               {"end_index", end == never ? Value() : Value(history_.index_of(end))},
               {"process", std::int64_t{history_.process()[t]}},
               {"node", node == no_node ? Value() : Value(std::string(history_.node_name(node)))},
               {"begin", time(history_.begin_time()[t])},
               {"end", end == never ? Value() : time(history_.end_time()[t])},
               {"fate", std::string(name_of(history_.fate()[t]))}};
    List operations;
    for (Phrase& deed : deeds(language, t)) {
      deed.parts.emplace_back("text", std::move(deed.text));
      operations.emplace_back(std::move(deed.parts));
    }
    const std::size_t left_out = all_.of(t).size() - operations.size();
    row.emplace_back("operations", std::move(operations));
    if (left_out > 0) row.emplace_back("operations_left_out", left_out);
    all.emplace_back(std::move(row));
  }
  return all;
}

Phrase Teller::reason(const Language& language, const Step& from, Transaction to) const {
  const auto certain = [](std::string text, const char* kind) {
    return Phrase{std::move(text), {{"kind", kind}, {"source", kind}}};
  };
  if (from.edge == Edge::process) return certain(in_process(from.transaction, to), "process");
  if (from.edge == Edge::realtime) return certain(in_time(from.transaction, to), "realtime");
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

std::vector<Phrase> Teller::deeds(const Language& language, Transaction t) const {
  std::vector<Phrase> told;
  const auto all = all_.of(t);
  for (const MicroOperation& m : all.first(std::min(all.size(), micro_max)))
    told.push_back(language.deed(*this, t, m));
  return told;
}

namespace {

/// What of it can be said of whatever anomaly that needs no cycle.
Map offence_parts(const Dependencies& source, const Language& language, const Teller& teller,
                  const Offence& offence) {
  const Transactions& all = source.transactions();
  Map parts = {{"transaction", teller.label(offence.transaction)}};
  if (offence.other != nobody) parts.emplace_back("other", teller.label(offence.other));
  parts.emplace_back("key", teller.value(all.key_value(offence.key)));
  if (language.names_element(offence)) parts.emplace_back("value", teller.value(offence.element));
  const auto add = [&](const char* name, Transaction t, std::uint64_t micro) {
    const std::uint64_t first = all.first_micro(t);
    if (micro < first || micro - first >= all.of(t).size()) return;
    Phrase deed = language.deed(teller, t, all.of(t)[micro - first]);
    deed.parts.emplace_back("text", std::move(deed.text));
    parts.emplace_back(name, std::move(deed.parts));
  };
  if (offence.cycle.empty()) add("operation", offence.transaction, offence.micro);
  if (offence.anomaly == Anomaly::incompatible_order)
    add("other_operation", offence.other, offence.other_micro);
  Links links = language.links(teller, offence);
  parts.emplace_back("transactions", teller.rows(language));
  parts.emplace_back("edges", edges_of(teller, links.all));
  if (links.left_out > 0) parts.emplace_back("edges_left_out", links.left_out);
  return parts;
}

}  // namespace

Told tell(const Dependencies& source, const Language& language, const Offence& offence) {
  std::vector<Transaction> transactions{offence.transaction, offence.other};
  for (const auto& more : {offence.cycle, language.seen_by(offence)})
    transactions.insert(transactions.end(), more.begin(), more.end());
  const Teller teller(source, transactions);
  Told told{language.sentence(teller, offence), "", teller.witness()};
  told.explanation =
      std::string(name_of(offence.anomaly)) + ": " + told.sentence + "\n" + teller.table(language);
  told.parts = offence_parts(source, language, teller, offence);
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
  std::vector<Link> chain;
  for (std::size_t i = 0; i < cycle.steps.size(); ++i) {
    const Transaction to = cycle.steps[(i + 1) % cycle.steps.size()].transaction;
    chain.push_back({cycle.steps[i].transaction, to, teller.reason(language, cycle.steps[i], to)});
  }
  return tell_circle(name_of(cycle.anomaly), teller, language, chain);
}

std::string_view kind_of(Edge edge) {
  if (is_rw(edge)) return "rw";
  if (edge == Edge::process) return "process";
  if (edge == Edge::realtime) return "realtime";
  return edge == Edge::wr ? "wr" : "ww";
}

std::string chain_text(const Teller& teller, std::span<const Link> chain, std::string_view indent) {
  std::string text;
  for (std::size_t i = 0; i < chain.size(); ++i) {
    const bool is_last = i + 1 == chain.size();
    text += std::string(indent) + (is_last ? "but " : "    ") + teller.label(chain[i].from) +
            " < " + teller.label(chain[i].to) + ", because " + chain[i].why.text +
            (is_last ? ": a contradiction\n" : "\n");
  }
  return text;
}

List edges_of(const Teller& teller, std::span<const Link> chain) {
  List edges;
  for (const Link& link : chain) {
    Map edge = {{"from", teller.label(link.from)}, {"to", teller.label(link.to)}};
    edge.insert(edge.end(), link.why.parts.begin(), link.why.parts.end());
    edge.emplace_back("text", link.why.text);
    edges.emplace_back(std::move(edge));
  }
  return edges;
}

Told tell_circle(std::string_view name, const Teller& teller, const Language& language,
                 std::span<const Link> chain) {
  Told told;
  told.witness = teller.witness();
  const std::size_t count = chain.size();
  for (std::size_t i = 0; i < count; ++i)
    told.sentence += (i == 0 ? "" : i + 1 == count ? ", although " : ", and ") + chain[i].why.text;
  if (count > 3)
    told.sentence = "each of " + std::to_string(count) +
                    " transactions must come before the next, and the last before the first";
  told.explanation = std::string(name) + ": let\n" + teller.table(language) + "  then\n" +
                     chain_text(teller, chain);
  told.parts = {{"transactions", teller.rows(language)}, {"edges", edges_of(teller, chain)}};
  return told;
}

}  // namespace faultline::transactional
