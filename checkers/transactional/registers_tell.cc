#include "checkers/transactional/registers_tell.h"

#include <algorithm>
#include <unordered_map>

namespace faultline::transactional {

Phrase RegisterLanguage::deed(const Teller& t, Transaction of, const MicroOperation& m) const {
  const Value key = t.value(all_.key_value(m.key)), value = t.value(m.value);
  if (m.is_append())
    return {"write " + t.text(m.value) + " to " + t.key(m.key),
            {{"kind", "w"}, {"key", key}, {"value", value}}};
  Phrase read{"read " + t.key(m.key), {{"kind", "r"}, {"key", key}}};
  if (!t.is_ok(of)) return read;
  read.text += ": " + t.text(m.value);
  read.parts.emplace_back("value", value);
  return read;
}

bool RegisterLanguage::meets(Transaction t, Version version) const {
  std::uint64_t micro = registers_.first_micro(t);
  for (const MicroOperation& m : all_.of(t)) {
    const std::uint64_t self = micro++;
    if (m.is_append() ? m.append == version : registers_.seen(self) == version)
      return registers_.is_committed(t);
  }
  return false;
}

bool RegisterLanguage::reads_of(Transaction t, Transaction writer) const {
  std::uint64_t micro = registers_.first_micro(t);
  return std::ranges::any_of(all_.of(t), [&](const MicroOperation& m) {
    const Version v = registers_.seen(micro++);
    return !m.is_append() && v != no_version && !registers_.is_initial(v) &&
           registers_.writer(v) == writer;
  });
}

bool RegisterLanguage::fill_by_reads(Evidence& found) const {
  if (registers_.is_initial(found.before)) return true;
  const Transaction writer = registers_.writer(found.before);
  if (reads_of(registers_.writer(found.after), writer)) {
    found.first = writer;
    return true;
  }
  for (Transaction t = 0; t < all_.size(); ++t) {
    if (all_.fate(t) != Fate::ok || t == registers_.writer(found.after) || !meets(t, found.after) ||
        !reads_of(t, writer))
      continue;
    found.first = t;
    return true;
  }
  return false;
}

bool RegisterLanguage::fill_by_process(Evidence& found) const {
  std::unordered_map<std::uint32_t, Transaction> met;  // By process: who met the first.
  const auto processes = all_.history().process();
  for (Transaction t = 0; t < all_.size(); ++t) {
    if (const auto at = met.find(processes[t]); at != met.end() && meets(t, found.after)) {
      found.first = at->second;
      found.second = t;
      return true;
    }
    if (meets(t, found.before)) met.emplace(processes[t], t);
  }
  return false;
}

bool RegisterLanguage::fill_by_realtime(Evidence& found) const {
  const auto begins = all_.history().begin();
  const auto ends = all_.history().end();
  for (Transaction t = 0; t < all_.size(); ++t) {
    if (meets(t, found.before) && (found.first == nobody || ends[t] < ends[found.first]))
      found.first = t;
    if (meets(t, found.after) && (found.second == nobody || begins[t] > begins[found.second]))
      found.second = t;
  }
  return found.first != nobody && found.second != nobody &&
         ends[found.first] < begins[found.second];
}

bool RegisterLanguage::fill(Evidence& found, Order order) const {
  switch (order) {
    case Order::none:
      return fill_by_reads(found);
    case Order::process:
      return fill_by_process(found);
    case Order::realtime:
      return fill_by_realtime(found);
  }
  return false;
}

std::optional<RegisterLanguage::Evidence> RegisterLanguage::evidence(const Step& from,
                                                                     Transaction to) const {
  if (!is_rw(from.edge) && !is_inferred(from.edge)) return std::nullopt;
  std::uint64_t micro = registers_.first_micro(from.transaction);
  for (const MicroOperation& m : all_.of(from.transaction)) {
    const std::uint64_t self = micro++;
    if (m.is_append() == is_rw(from.edge)) continue;
    const Version before = m.is_append() ? m.append : registers_.version(self);
    const Version after = registers_.written(to, m.key);
    if (before == no_version || after == no_version || before == after ||
        !registers_.is_last(before))
      continue;
    Evidence found{before, after, nobody, nobody};
    if (fill(found, order_of(from.edge))) return found;
  }
  return std::nullopt;
}

std::vector<Transaction> RegisterLanguage::seen_by(const Step& from, Transaction to) const {
  const auto found = evidence(from, to);
  if (!found) return {};
  return {found->first, found->second};
}

std::vector<std::pair<RegisterLanguage::Evidence, Order>> RegisterLanguage::evidence(
    const Offence& o) const {
  std::vector<std::pair<Evidence, Order>> all;
  const auto own = static_cast<Order>(static_cast<unsigned>(o.anomaly) -
                                      static_cast<unsigned>(Anomaly::cyclic_versions));
  for (std::size_t i = 0; i < o.cycle.size(); ++i)
    for (const Order order : {Order::none, own}) {
      Evidence found{registers_.written(o.cycle[i], o.key),
                     registers_.written(o.cycle[(i + 1) % o.cycle.size()], o.key), nobody, nobody};
      // Without an order, only what no rw is needed for.
      if (order == Order::none &&
          !reads_of(registers_.writer(found.after), registers_.writer(found.before)))
        continue;
      if (!fill(found, order)) continue;
      all.emplace_back(found, order);
      break;
    }
  return all;
}

std::vector<Transaction> RegisterLanguage::seen_by(const Offence& o) const {
  std::vector<Transaction> all;
  if (o.cycle.empty()) return all;
  for (const auto& [found, order] : evidence(o)) all.insert(all.end(), {found.first, found.second});
  return all;
}

Phrase RegisterLanguage::because(const Teller& t, const Evidence& found, Order order) const {
  const auto by = [&](std::string text, const char* source, std::vector<Transaction> who) {
    Phrase told{std::move(text), {{"source", source}}};
    if (!who.empty()) told.parts.emplace_back("by", t.labels(who));
    return told;
  };
  const KeyIndex k = registers_.key_of(found.after);
  const std::string before = t.text(registers_.value_of(found.before));
  const std::string after = t.text(registers_.value_of(found.after));
  const Transaction writer = registers_.writer(found.after);
  if (order == Order::process)
    return by(t.label(found.first) + " of the same process met " + before + " before " +
                  t.label(found.second) + " met " + after,
              "process", {found.first, found.second});
  if (order == Order::realtime)
    return by(t.label(found.first) + " met " + before + ", " + t.label(found.second) + " met " +
                  after + ", and " + t.in_time(found.first, found.second),
              "realtime", {found.first, found.second});
  if (registers_.is_initial(found.before))
    return by("which was there before any write", "initial", {});
  if (meets(writer, found.before))
    return by(t.label(writer) + " read " + before + " itself", "reads", {writer});
  if (registers_.writer(found.before) == found.first)
    return by(t.label(writer) + " read of " + t.label(found.first) + ", whose " + before + " was",
              "reads", {writer});
  return by(t.label(found.first) + " read of " + t.label(registers_.writer(found.before)) +
                ", and key " + t.key(k) + " as " + after + " all the same",
            "reads", {found.first});
}

Map RegisterLanguage::parts(const Teller& t, std::string_view kind, const Evidence& found,
                            Map why) const {
  const std::string source = *why.front().second.text();
  Map parts = t.link(kind, source, registers_.key_of(found.after),
                     registers_.value_of(found.before), registers_.value_of(found.after));
  parts.insert(parts.end(), why.begin() + 1, why.end());
  return parts;
}

Phrase RegisterLanguage::reason(const Teller& t, const Step& from, Transaction to) const {
  if (from.edge == Edge::wr) {
    std::uint64_t micro = registers_.first_micro(to);
    for (const MicroOperation& m : all_.of(to)) {
      const Version v = registers_.seen(micro++);
      if (!m.is_append() && v != no_version && !registers_.is_initial(v) &&
          registers_.writer(v) == from.transaction)
        return {t.label(to) + " read key " + t.key(m.key) + " as " + t.label(from.transaction) +
                    "'s " + t.text(m.value),
                t.link("wr", "read", m.key, m.value)};
    }
  }
  const auto found = evidence(from, to);
  if (!found)
    return unexplained(from.edge,
                       t.label(from.transaction) + " did not see what " + t.label(to) + " wrote");
  const std::string key = t.key(registers_.key_of(found->after));
  const std::string before = t.text(registers_.value_of(found->before));
  const std::string after = t.text(registers_.value_of(found->after));
  Phrase why = because(t, *found, order_of(from.edge));
  Map edge = parts(t, kind_of(from.edge), *found, std::move(why.parts));
  if (is_rw(from.edge))
    return {t.label(from.transaction) + " read key " + key + " as " + before + ", without " +
                t.label(to) + "'s " + after +
                (registers_.is_initial(found->before) ? "" : " (" + why.text + ")"),
            std::move(edge)};
  return {t.label(from.transaction) + "'s " + before + " of key " + key + " was before " +
              t.label(to) + "'s " + after + " (" + why.text + ")",
          std::move(edge)};
}

bool RegisterLanguage::names_element(const Offence& o) const {
  return o.cycle.empty() && o.anomaly != Anomaly::lost_update;
}

/// Of a cyclic-versions, as many as anybody reads.
Links RegisterLanguage::links(const Teller& t, const Offence& o) const {
  constexpr std::size_t text_max = 1000;
  Links links;
  if (o.cycle.empty()) return links;
  std::size_t length = 0;
  for (const auto& [found, order] : evidence(o)) {
    if (length > text_max) {
      ++links.left_out;
      continue;
    }
    Phrase why = because(t, found, order);
    links.all.push_back({registers_.writer(found.before),
                         registers_.writer(found.after),
                         {t.text(registers_.value_of(found.before)) + " was before " +
                              t.text(registers_.value_of(found.after)) + " (" + why.text + ")",
                          parts(t, "ww", found, std::move(why.parts))}});
    length += links.all.back().why.text.size();
  }
  return links;
}

std::string RegisterLanguage::sentence(const Teller& t, const Offence& o) const {
  using enum Anomaly;
  const std::string who = t.who(o.transaction), key = t.key(o.key);
  const std::string other = o.other == nobody ? "" : t.who(o.other);
  const std::string value = t.text(o.element);
  switch (o.anomaly) {
    case garbage_read:
      return who + " read key " + key + " as " + value + ", which nobody had written";
    case G1a:
      return who + " read key " + key + " as " + value +
             ", which a transaction had written that failed, of " + other;
    case G1b:
      return who + " read key " + key + " as " + value + ", in the middle of what " + other +
             " wrote in one transaction";
    case dirty_update:
      return who + " wrote " + value + " to key " + key + " over what a transaction had written " +
             "that failed, of " + other;
    case internal:
      return who + " read key " + key + " as " + t.text(all_.micro()[o.micro].value) + ", where " +
             "the same transaction had read or written " + value + " before";
    case future_read:
      return who + " read key " + key + " as " + value + " before it wrote that itself";
    case lost_update:
      return other + " and " + who + " both read key " + key + " as " +
             t.text(all_.micro()[o.micro].value) + " and wrote it: neither saw what the other did";
    case G_cursor:
      return who + " read key " + key + " as " + t.text(all_.micro()[o.micro].value) +
             " and wrote " + value + " to it, over what " + other +
             " had written in between, of which it had read";
    case cyclic_versions:
    case cyclic_versions_process:
    case cyclic_versions_realtime: {
      std::string text = "key " + key + ": ";
      const Links told = links(t, o);
      for (const Link& link : told.all)
        text += (text.ends_with(": ") ? "" : ", and ") + link.why.text;
      return text + (told.left_out > 0 ? ", …" : "");
    }
    default:
      break;
  }
  return std::string(name_of(o.anomaly));
}

}  // namespace faultline::transactional
