#include "checkers/transactional/predicate_tell.h"

#include <algorithm>

namespace faultline::transactional {

Phrase PredicateLanguage::deed(const Teller& t, Transaction at, const MicroOperation& m) const {
  const bool is_ok = t.is_ok(at);
  if (m.is_search()) {
    const RowSearch& search = all_.searches()[m.search()];
    Phrase told{
        std::string(search.deletes ? "delete" : "find") + " where " + t.text(search.predicate),
        {{"kind", search.deletes ? "delete-where" : "r-where"},
         {"predicate", t.value(search.predicate)}}};
    if (!is_ok) return told;
    const auto found = all_.found(search);
    told.text += found.empty() ? ": nothing" : ": ";
    constexpr std::size_t rows_max = 4;
    List rows;
    for (std::size_t i = 0; i < std::min(found.size(), rows_max); ++i) {
      told.text += (i > 0 ? " and " : "") + t.key(found[i].key) + " = " + t.text(found[i].value);
      List row;
      row.push_back(t.value(all_.key_value(found[i].key)));
      row.push_back(t.value(found[i].value));
      rows.emplace_back(std::move(row));
    }
    told.parts.emplace_back("rows", std::move(rows));
    if (found.size() <= rows_max) return told;
    told.text += " and …";
    told.parts.emplace_back("rows_left_out", found.size() - rows_max);
    return told;
  }
  const Value key = t.value(all_.key_value(m.key)), value = t.value(m.value);
  if (m.is_append() && m.value.is_nil())
    return {"delete " + t.key(m.key), {{"kind", "delete"}, {"key", key}}};
  if (m.is_append())
    return {"write " + t.text(m.value) + " to " + t.key(m.key),
            {{"kind", "w"}, {"key", key}, {"value", value}}};
  Phrase read{"read " + t.key(m.key), {{"kind", "r"}, {"key", key}}};
  if (!is_ok) return read;
  read.text += ": " + (m.value.is_nil() ? "nothing" : t.text(m.value));
  read.parts.emplace_back("value", value);
  return read;
}

/// The read behind such an edge.
const RowRead* PredicateLanguage::tie(Transaction reader, Transaction from, Transaction to,
                                      Edge edge) const {
  for (const RowRead& read : rows_.reads_of(reader)) {
    bool is_it = false;
    rows_.each_read_edge(read, RowView::certain, [&](Transaction a, Transaction b, Edge e) {
      is_it = is_it || (a == from && b == to && e == edge);
    });
    if (is_it) return &read;
  }
  return nullptr;
}

std::string PredicateLanguage::how(const Teller& t, const RowRead& read) const {
  const MicroOperation& m = all_.micro()[read.micro];
  const std::string key = "key " + t.key(read.key);
  std::string text = t.label(read.transaction);
  if (m.is_search()) text += " looked for " + t.text(all_.searches()[m.search()].predicate);
  if (read.seen == no_row)
    return text + (m.is_search() ? " and did not find " : " did not find ") + key;
  return text + (m.is_search() ? " and found " : " read ") + key + " as " +
         t.text(rows_.versions()[read.seen].value);
}

const RowVersion* PredicateLanguage::left_by(Transaction writer, KeyIndex key) const {
  const auto at = std::ranges::find_if(rows_.versions(), [&](const RowVersion& v) {
    return v.writer == writer && v.key == key && v.is_last;
  });
  return at == rows_.versions().end() ? nullptr : &*at;
}

std::string PredicateLanguage::what(const Teller& t, Transaction writer, KeyIndex key) const {
  const RowVersion* version = left_by(writer, key);
  if (version == nullptr || version->value.is_nil()) return t.label(writer) + "'s deletion";
  return t.label(writer) + "'s " + t.text(version->value) +
         (version->is_initial ? ", which was there at first" : "");
}

ValueHandle PredicateLanguage::value_left_by(Transaction writer, KeyIndex key) const {
  const RowVersion* version = left_by(writer, key);
  return version == nullptr ? ValueHandle() : version->value;
}

Map PredicateLanguage::told_by(const Teller& t, std::string_view kind, const RowRead& read,
                               ValueHandle before, std::optional<ValueHandle> after) const {
  const MicroOperation& m = all_.micro()[read.micro];
  const bool is_missed = m.is_search() && read.seen == no_row;
  const char* by_key = kind == "wr" ? "read" : "versions";
  Map parts = t.link(kind, is_missed ? "predicate" : by_key, read.key, before, after);
  if (m.is_search())
    parts.emplace_back("predicate", t.value(all_.searches()[m.search()].predicate));
  return parts;
}

Phrase PredicateLanguage::reason(const Teller& t, const Step& from, Transaction to) const {
  const Transaction one = from.transaction;
  if (from.edge == Edge::wr) {
    if (const RowRead* read = tie(to, one, to, Edge::wr))
      return {how(t, *read) + (read->seen == no_row ? ", as it was only after " : ", which was ") +
                  what(t, one, read->key),
              told_by(t, "wr", *read, value_left_by(one, read->key))};
  } else if (is_rw(from.edge)) {
    if (const RowRead* read = tie(one, one, to, from.edge))
      return {how(t, *read) + ", without " + what(t, to, read->key),
              told_by(t, "rw", *read,
                      read->seen == no_row ? ValueHandle() : rows_.versions()[read->seen].value,
                      value_left_by(to, read->key))};
  } else {
    for (KeyIndex k = 0; k < all_.key_count(); ++k) {
      bool is_it = false;
      rows_.each_write_edge(k, RowView::certain, [&](Transaction a, Transaction b, Edge) {
        is_it = is_it || (a == one && b == to);
      });
      if (is_it)
        return {what(t, to, k) + " of key " + t.key(k) + " came over " + what(t, one, k),
                t.link("ww", "versions", k, value_left_by(one, k), value_left_by(to, k))};
    }
  }
  return unexplained(from.edge, t.label(one) + " must come before " + t.label(to));
}

std::string PredicateLanguage::sentence(const Teller& t, const Offence& o) const {
  using enum Anomaly;
  const std::string who = t.who(o.transaction), key = t.key(o.key);
  const std::string other = o.other == nobody ? "" : t.who(o.other);
  const std::string value = o.element.is_nil() ? "nothing" : t.text(o.element);
  const MicroOperation& m = all_.micro()[o.micro];
  const std::string saw = m.is_search() ? " found key " : " read key ";
  switch (o.anomaly) {
    case predicate_read_miss:
      return who + " looked for " + t.text(all_.searches()[m.search()].predicate) +
             " and did not find key " + key + ", although every version of it fits: " + value +
             ", which was there at first, and what was written later";
    case garbage_read:
      return who + saw + key + " as " + value + ", which nobody had written";
    case G1a:
      return who + saw + key + " as " + value +
             ", which a transaction had written that failed, of " + other;
    case G1b:
      return who + saw + key + " as " + value + ", in the middle of what " + other +
             " wrote in one transaction";
    case dirty_update:
      return who + " changed key " + key + " over what a transaction had written that failed, of " +
             other;
    case future_read:
      return who + saw + key + " as " + value + " before it wrote that itself";
    case lost_update:
      return other + " and " + who + " both read key " + key + " as " + value +
             " and changed it: neither saw what the other did";
    case internal:
      if (!m.is_search())
        return who + " read key " + key + " as " +
               (m.value.is_nil() ? "nothing" : t.text(m.value)) +
               ", where the same transaction had read or written " + value + " before";
      return who + " looked for " + t.text(all_.searches()[m.search()].predicate) +
             ", and was answered for key " + key + " (" + value +
             ") what does not fit that, or what it had done itself";
    default:
      break;
  }
  return std::string(name_of(o.anomaly));
}

}  // namespace faultline::transactional
