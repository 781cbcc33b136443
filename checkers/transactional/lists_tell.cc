#include "checkers/transactional/lists_tell.h"

namespace faultline::transactional {

std::string ListLanguage::deed(const Teller& t, Transaction of, const MicroOperation& m) const {
  if (m.is_append()) return "append " + t.text(m.value) + " to " + t.key(m.key);
  return "read " + t.key(m.key) + (t.is_ok(of) ? ": " + t.list(all_.list(m)) : "");
}

std::string ListLanguage::reason(const Teller& t, const Step& from, Transaction to) const {
  if (from.edge == Edge::ww) return ww(t, from.transaction, to);
  return from.edge == Edge::wr ? wr(t, from.transaction, to) : rw(t, from.transaction, to);
}

std::string ListLanguage::ww(const Teller& t, Transaction from, Transaction to) const {
  for (const MicroOperation& m : all_.of(to)) {
    if (!m.is_append()) continue;
    const auto order = lists_.order(m.key);
    const std::uint32_t at = lists_.position(m.append);
    const bool is_unread = at == Lists::not_there;
    const std::size_t before = is_unread ? order.size() : at;
    if (before == 0 || lists_.writer(m.key, before - 1) != from) continue;
    const std::string element = t.text(all_.appends()[order[before - 1]].element);
    return t.label(to) + " appended " + t.text(m.value) + " to key " + t.key(m.key) +
           (is_unread ? ", which nobody read, after " + t.label(from) + "'s " + element +
                            ", the last that anybody did"
                      : " right after " + t.label(from) + "'s " + element);
  }
  return "its append comes before that of " + t.label(to);
}

std::string ListLanguage::wr(const Teller& t, Transaction from, Transaction to) const {
  std::uint64_t micro = first_of(to);
  for (const MicroOperation& m : all_.of(to)) {
    const std::uint32_t version = lists_.version(micro++);
    if (version == Lists::not_there || version == 0) continue;
    if (lists_.writer(m.key, version - 1) != from) continue;
    return t.label(to) + " read key " + t.key(m.key) + " up to " + t.label(from) + "'s " +
           t.text(all_.list(m).back());
  }
  return t.label(to) + " read what it appended";
}

std::string ListLanguage::rw(const Teller& t, Transaction from, Transaction to) const {
  std::uint64_t micro = first_of(from);
  for (const MicroOperation& m : all_.of(from)) {
    const std::uint32_t version = lists_.version(micro++);
    if (version == Lists::not_there) continue;
    const auto order = lists_.order(m.key);
    const auto sentence = [&](ValueHandle element) {
      return t.label(from) + " read key " + t.key(m.key) + " as " + t.list(all_.list(m)) +
             ", without " + t.label(to) + "'s " + t.text(element);
    };
    if (version < order.size()) {
      if (lists_.writer(m.key, version) == to)
        return sentence(all_.appends()[order[version]].element);
      continue;
    }
    for (const AppendId append : lists_.unobserved(m.key))
      if (all_.appends()[append].transaction == to) return sentence(all_.appends()[append].element);
  }
  return missed(t, from, to);
}

/// One that is further behind.
std::string ListLanguage::missed(const Teller& t, Transaction from, Transaction to) const {
  std::uint64_t micro = first_of(from);
  for (const MicroOperation& m : all_.of(from)) {
    const std::uint32_t version = lists_.version(micro++);
    if (version == Lists::not_there) continue;
    for (const MicroOperation& other : all_.of(to))
      if (other.is_append() && other.key == m.key && lists_.position(other.append) >= version)
        return t.label(from) + " read key " + t.key(m.key) + " as " + t.list(all_.list(m)) +
               ", without " + t.label(to) + "'s " + t.text(other.value);
  }
  return t.label(from) + " did not see what " + t.label(to) + " appended";
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
