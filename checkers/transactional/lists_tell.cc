#include "checkers/transactional/lists_tell.h"

namespace faultline::transactional {

Phrase ListLanguage::deed(const Teller& t, Transaction of, const MicroOperation& m) const {
  const Value key = t.value(all_.key_value(m.key));
  if (m.is_append())
    return {"append " + t.text(m.value) + " to " + t.key(m.key),
            {{"kind", "append"}, {"key", key}, {"value", t.value(m.value)}}};
  Phrase read{"read " + t.key(m.key), {{"kind", "r"}, {"key", key}}};
  if (!t.is_ok(of)) return read;
  read.text += ": " + t.list(all_.list(m));
  t.add_list(read.parts, "value", all_.list(m));
  return read;
}

Phrase ListLanguage::reason(const Teller& t, const Step& from, Transaction to) const {
  if (from.edge == Edge::ww) return ww(t, from.transaction, to);
  return from.edge == Edge::wr ? wr(t, from.transaction, to) : rw(t, from.transaction, to);
}

Phrase ListLanguage::ww(const Teller& t, Transaction from, Transaction to) const {
  for (const MicroOperation& m : all_.of(to)) {
    if (!m.is_append()) continue;
    const auto order = lists_.order(m.key);
    const std::uint32_t at = lists_.position(m.append);
    const bool is_unread = at == Lists::not_there;
    const std::size_t before = is_unread ? order.size() : at;
    if (before == 0 || lists_.writer(m.key, before - 1) != from) continue;
    const ValueHandle previous = all_.appends()[order[before - 1]].element;
    const std::string element = t.text(previous);
    return {t.label(to) + " appended " + t.text(m.value) + " to key " + t.key(m.key) +
                (is_unread ? ", which nobody read, after " + t.label(from) + "'s " + element +
                                 ", the last that anybody did"
                           : " right after " + t.label(from) + "'s " + element),
            t.link("ww", is_unread ? "unread" : "list", m.key, previous, m.value)};
  }
  return unexplained(Edge::ww, "its append comes before that of " + t.label(to));
}

Phrase ListLanguage::wr(const Teller& t, Transaction from, Transaction to) const {
  std::uint64_t micro = first_of(to);
  for (const MicroOperation& m : all_.of(to)) {
    const std::uint32_t version = lists_.version(micro++);
    if (version == Lists::not_there || version == 0) continue;
    if (lists_.writer(m.key, version - 1) != from) continue;
    const ValueHandle last = all_.list(m).back();
    return {t.label(to) + " read key " + t.key(m.key) + " up to " + t.label(from) + "'s " +
                t.text(last),
            t.link("wr", "read", m.key, last)};
  }
  return unexplained(Edge::wr, t.label(to) + " read what it appended");
}

Phrase ListLanguage::rw(const Teller& t, Transaction from, Transaction to) const {
  std::uint64_t micro = first_of(from);
  for (const MicroOperation& m : all_.of(from)) {
    const std::uint32_t version = lists_.version(micro++);
    if (version == Lists::not_there) continue;
    const auto order = lists_.order(m.key);
    if (version < order.size()) {
      if (lists_.writer(m.key, version) == to) return without(t, from, m, to, order[version]);
      continue;
    }
    for (const AppendId append : lists_.unobserved(m.key))
      if (all_.appends()[append].transaction == to) return without(t, from, m, to, append);
  }
  return missed(t, from, to);
}

Phrase ListLanguage::without(const Teller& t, Transaction from, const MicroOperation& read,
                             Transaction to, AppendId append) const {
  const ValueHandle missing = all_.appends()[append].element;
  const bool is_unread = lists_.position(append) == Lists::not_there;
  Phrase told{t.label(from) + " read key " + t.key(read.key) + " as " + t.list(all_.list(read)) +
                  ", without " + t.label(to) + "'s " + t.text(missing),
              t.link("rw", is_unread ? "unread" : "list", read.key)};
  t.add_list(told.parts, "before", all_.list(read));
  told.parts.emplace_back("after", t.value(missing));
  return told;
}

/// One that is further behind.
Phrase ListLanguage::missed(const Teller& t, Transaction from, Transaction to) const {
  std::uint64_t micro = first_of(from);
  for (const MicroOperation& m : all_.of(from)) {
    const std::uint32_t version = lists_.version(micro++);
    if (version == Lists::not_there) continue;
    for (const MicroOperation& other : all_.of(to))
      if (other.is_append() && other.key == m.key && lists_.position(other.append) >= version)
        return without(t, from, m, to, other.append);
  }
  return unexplained(Edge::rw, t.label(from) + " did not see what " + t.label(to) + " appended");
}

bool ListLanguage::names_element(const Offence& o) const {
  // Elements are never nil.
  return !o.element.is_nil();
}

std::string ListLanguage::sentence(const Teller& t, const Offence& o) const {
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
    case G_cursor:
      return who + " read key " + key + " as " + t.read_list(o.micro) + " and appended " +
             t.text(o.element) + " to it, behind what " + other + " had appended in between";
    default:
      break;
  }
  return std::string(name_of(o.anomaly));
}

}  // namespace faultline::transactional
