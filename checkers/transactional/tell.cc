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

class Teller {
 public:
  Teller(const Lists& lists, const std::vector<Transaction>& transactions)
      : lists_(lists), all_(lists.transactions()), history_(all_.history()) {
    for (const Transaction t : transactions)
      if (t != nobody && std::ranges::find(transactions_, t) == transactions_.end())
        transactions_.push_back(t);
  }

  const std::vector<Transaction>& transactions() const { return transactions_; }
  std::vector<OperationId> witness() const {
    std::vector<OperationId> rows(transactions_.begin(), transactions_.end());
    std::ranges::sort(rows);
    return rows;
  }

  /// "T2"
  std::string label(Transaction t) const {
    return "T" + std::to_string(std::ranges::find(transactions_, t) - transactions_.begin() + 1);
  }
  /// "n2 (T2)", "process 7 (T2)"
  std::string who(Transaction t) const {
    const NodeId node = history_.node()[t];
    return (node != no_node ? history_.node_name(node)
                            : "process " + std::to_string(history_.process()[t])) +
           " (" + label(t) + ")";
  }
  std::string text(ValueHandle value) const { return history_.values().to_text(value); }
  std::string key(KeyIndex k) const { return all_.key_text(k); }

  /// Of a long list the last items: "[… 7, 8, 9]".
  std::string list(std::span<const ValueHandle> items) const {
    const std::size_t left_out = items.size() > items_max ? items.size() - items_max : 0;
    std::string out = left_out > 0 ? "[… " : "[";
    for (std::size_t i = left_out; i < items.size(); ++i)
      out += (i > left_out ? ", " : "") + text(items[i]);
    return out + "]";
  }
  std::string read_list(std::uint64_t micro) const { return list(all_.list(all_.micro()[micro])); }

  std::string moment(Transaction t, bool began, int decimals) const {
    const std::int64_t time = began ? history_.begin_time()[t] : history_.end_time()[t];
    if (time != no_time) return seconds(time, decimals);
    const Position position = began ? history_.begin()[t] : history_.end()[t];
    return position == never ? "never" : "event " + std::to_string(history_.index_of(position));
  }
  /// As many as it takes to tell the two moments apart.
  int decimals(Transaction ended, Transaction began) const {
    int count = 2;
    while (count < 9 && moment(ended, false, count) == moment(began, true, count)) ++count;
    return count;
  }

  /// A line each: who, from when to when, what became of it, and what it did.
  std::string table() const {
    std::vector<std::array<std::string, 5>> rows;
    std::array<std::size_t, 5> widths{};
    for (const Transaction t : transactions_) {
      const bool is_open = history_.end()[t] == never;
      rows.push_back({label(t), who_plainly(t),
                      moment(t, true, 3) + " to " + (is_open ? "?" : moment(t, false, 3)),
                      std::string(name_of(history_.fate()[t])), deeds(t)});
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

  /// Why one must come before the other: "T2 appended 5 to key 3 right after T1's 4".
  std::string reason(Transaction from, Transaction to, Edge edge) const {
    switch (edge) {
      case Edge::ww:
        return ww(from, to);
      case Edge::wr:
        return wr(from, to);
      case Edge::rw:
        return rw(from, to);
      case Edge::process:
        return "process " + std::to_string(history_.process()[from]) + " was done with " +
               label(from) + " when it began " + label(to);
      default:
        break;
    }
    const int count = decimals(from, to);
    return label(from) + " had ended at " + moment(from, false, count) + " when " + label(to) +
           " began at " + moment(to, true, count);
  }

 private:
  std::string who_plainly(Transaction t) const {
    const NodeId node = history_.node()[t];
    const std::string process = "process " + std::to_string(history_.process()[t]);
    return node != no_node ? history_.node_name(node) + ", " + process : process;
  }

  std::string deeds(Transaction t) const {
    std::string out;
    std::size_t count = 0;
    for (const MicroOperation& m : all_.of(t)) {
      if (count++ == micro_max) {
        out += ", …";
        break;
      }
      out += out.empty() ? "" : ", ";
      if (m.is_append())
        out += "append " + text(m.value) + " to " + key(m.key);
      else
        out += "read " + key(m.key) +
               (history_.fate()[t] == Fate::ok ? ": " + list(all_.list(m)) : "");
    }
    return out;
  }

  std::string ww(Transaction from, Transaction to) const {
    for (const MicroOperation& m : all_.of(to)) {
      if (!m.is_append()) continue;
      const auto order = lists_.order(m.key);
      const std::uint32_t at = lists_.position(m.append);
      const bool is_unread = at == Lists::not_there;
      const std::size_t before = is_unread ? order.size() : at;
      if (before == 0 || lists_.writer(m.key, before - 1) != from) continue;
      const std::string element = text(all_.appends()[order[before - 1]].element);
      return label(to) + " appended " + text(m.value) + " to key " + key(m.key) +
             (is_unread ? ", which nobody read, after " + label(from) + "'s " + element +
                              ", the last that anybody did"
                        : " right after " + label(from) + "'s " + element);
    }
    return "its append comes before that of " + label(to);
  }

  std::string wr(Transaction from, Transaction to) const {
    std::uint64_t micro = first_of(to);
    for (const MicroOperation& m : all_.of(to)) {
      const std::uint32_t version = lists_.version(micro++);
      if (version == Lists::not_there || version == 0) continue;
      if (lists_.writer(m.key, version - 1) != from) continue;
      return label(to) + " read key " + key(m.key) + " up to " + label(from) + "'s " +
             text(all_.list(m).back());
    }
    return label(to) + " read what it appended";
  }

  std::string rw(Transaction from, Transaction to) const {
    std::uint64_t micro = first_of(from);
    for (const MicroOperation& m : all_.of(from)) {
      const std::uint32_t version = lists_.version(micro++);
      if (version == Lists::not_there) continue;
      const auto order = lists_.order(m.key);
      const auto sentence = [&](ValueHandle element) {
        return label(from) + " read key " + key(m.key) + " as " + list(all_.list(m)) +
               ", without " + label(to) + "'s " + text(element);
      };
      if (version < order.size()) {
        if (lists_.writer(m.key, version) == to)
          return sentence(all_.appends()[order[version]].element);
        continue;
      }
      for (const AppendId append : lists_.unobserved(m.key))
        if (all_.appends()[append].transaction == to)
          return sentence(all_.appends()[append].element);
    }
    return label(from) + " did not see what " + label(to) + " appended";
  }

  std::uint64_t first_of(Transaction t) const {
    return static_cast<std::uint64_t>(all_.of(t).data() - all_.micro().data());
  }

  const Lists& lists_;
  const Transactions& all_;
  const History& history_;
  std::vector<Transaction> transactions_;
};

std::string offence_sentence(const Teller& t, const Offence& o) {
  using enum Anomaly;
  const std::string who = t.who(o.transaction), key = t.key(o.key);
  const std::string other = o.other == nobody ? "" : t.who(o.other);
  switch (o.anomaly) {
    case duplicate_elements:
      return who + " read key " + key + " with " + t.text(o.element) + " in it twice";
    case garbage_read:
      return who + " read " + t.text(o.element) + " in key " + key + ", which nobody had appended";
    case incompatible_order:
      return who + " read key " + key + " as " + t.read_list(o.micro) + ", " + other + " as " +
             t.read_list(o.other_micro) + ": neither can have become the other";
    case G1a:
      return who + " read " + t.text(o.element) + " in key " + key +
             ", which a transaction had appended that failed, of " + other;
    case G1b:
      return who + " read key " + key + " up to " + t.text(o.element) + ", in the middle of what " +
             other + " appended in one transaction";
    case dirty_update:
      return who + " appended " + t.text(o.element) + " to key " + key +
             " behind what a transaction had appended that failed, of " + other;
    case internal:
      if (o.other != nobody && !o.element.is_nil())
        return who + " read key " + key + " as " + t.read_list(o.micro) + ", where " +
               t.text(o.element) + " is before what " + other + " had appended before it";
      return who + " read key " + key + " as " + t.read_list(o.micro) +
             ", which is not what the same transaction had read and appended before";
    case future_read:
      return who + " read " + t.text(o.element) + " in key " + key +
             " before it appended that itself";
    case lost_update:
      return other + " and " + who + " both read key " + key + " as " + t.read_list(o.micro) +
             " and appended to it: neither saw what the other did";
    default:
      break;
  }
  return std::string(name_of(o.anomaly));
}

}  // namespace

Told tell(const Lists& lists, const Offence& offence) {
  const Teller teller(lists, {offence.transaction, offence.other});
  Told told{offence_sentence(teller, offence), "", teller.witness()};
  told.explanation =
      std::string(name_of(offence.anomaly)) + ": " + told.sentence + "\n" + teller.table();
  return told;
}

Told tell(const Lists& lists, const Cycle& cycle) {
  std::vector<Transaction> transactions;
  for (const Step& step : cycle.steps) transactions.push_back(step.transaction);
  const Teller teller(lists, transactions);
  const std::string name(name_of(cycle.anomaly));
  Told told;
  told.witness = teller.witness();
  const std::size_t count = cycle.steps.size();
  std::string chain;
  for (std::size_t i = 0; i < count; ++i) {
    const Transaction from = cycle.steps[i].transaction;
    const Transaction to = cycle.steps[(i + 1) % count].transaction;
    const std::string reason = teller.reason(from, to, cycle.steps[i].edge);
    const bool is_last = i + 1 == count;
    chain += "  " + std::string(is_last ? "but " : "    ") + teller.label(from) + " < " +
             teller.label(to) + ", because " + reason + (is_last ? ": a contradiction\n" : "\n");
    told.sentence += (i == 0 ? "" : is_last ? ", although " : ", and ") + reason;
  }
  if (count > 3)
    told.sentence = "each of " + std::to_string(count) +
                    " transactions must come before the next, and the last before the first";
  told.explanation = name + ": let\n" + teller.table() + "  then\n" + chain;
  return told;
}

}  // namespace faultline::transactional
