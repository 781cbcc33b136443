#include "checkers/transactional/registers.h"

#include <algorithm>
#include <utility>

#include "checkers/transactional/cursors.h"
#include "checkers/transactional/lost_updates.h"
#include "checkers/transactional/walks.h"

namespace faultline::transactional {

Registers::Registers(const Transactions& transactions, const Elements& values)
    : transactions_(transactions) {
  commit(values);
  mark_last();
  place_reads();
  note_lost_updates(
      transactions_, version_count(),
      [this](Transaction, std::uint64_t micro) {
        const Version seen = version(micro);
        return seen == no_version ? version_count() : seen;
      },
      offences_);
  note_cursors(*this, offences_);
}

Registers::Registers(const Dependencies& objects, BigVector<Version> seen)
    : transactions_(objects.transactions()), seen_(std::move(seen)) {
  committed_.assign(transactions_.size(), 0);
  for (Transaction t = 0; t < transactions_.size(); ++t)
    committed_[t] = objects.is_committed(t) ? 1 : 0;
  mark_last();
}

/// For each read what it saw, and from that, which infos happened.
void Registers::commit(const Elements& values) {
  seen_.assign(transactions_.micro().size(), no_version);
  committed_.assign(transactions_.size(), 0);
  std::uint64_t micro = 0;
  for (Transaction t = 0; t < transactions_.size(); ++t) {
    const bool is_ok = transactions_.fate(t) == Fate::ok;
    if (is_ok) committed_[t] = 1;
    for (const MicroOperation& m : transactions_.of(t)) {
      const std::uint64_t self = micro++;
      if (!is_ok || m.is_append()) continue;
      if (m.value.is_nil()) {
        seen_[self] = initial(m.key);
        continue;
      }
      seen_[self] = values.find(m.key, m.value);
      if (seen_[self] == no_append) continue;
      const Transaction from = writer(seen_[self]);
      if (transactions_.fate(from) == Fate::info) committed_[from] = 1;
    }
  }
}

void Registers::mark_last() {
  is_last_.assign(transactions_.appends().size(), 0);
  std::vector<Transaction> seen(transactions_.key_count(), nobody);
  const auto writes = transactions_.appends();
  for (std::size_t a = writes.size(); a-- > 0;) {
    if (seen[writes[a].key] == writes[a].transaction) continue;
    seen[writes[a].key] = writes[a].transaction;
    is_last_[a] = 1;
  }
}

/// What reads say by themselves. Leaves of what they saw only what is another one's and committed.
void Registers::place_reads() {
  struct Knowledge {
    Transaction transaction = nobody;
    Transaction failed = nobody;  ///< Of whom it read.
    ValueHandle value{};          ///< Read or written last.
    std::uint64_t micro = 0;
  };
  std::vector<Knowledge> known(transactions_.key_count());
  std::uint64_t micro = 0;
  for (Transaction t = 0; t < transactions_.size(); ++t) {
    const auto all = transactions_.of(t);
    const std::uint64_t first = std::exchange(micro, micro + all.size());
    if (transactions_.fate(t) != Fate::ok) continue;
    AppendId next = no_append;  // of its own writes
    for (const MicroOperation& m : all)
      if (m.is_append()) next = std::min(next, m.append);
    for (std::uint64_t self = first; self < micro; ++self) {
      const MicroOperation& m = all[self - first];
      Knowledge& here = known[m.key];
      const bool is_known = here.transaction == t;
      if (!is_known) here = {t, nobody, {}, 0};
      if (m.is_append()) {
        next = m.append + 1;
        if (here.failed != nobody)
          offences_.note(
              {Anomaly::dirty_update, t, here.failed, here.micro, 0, m.key, m.value, {}});
        here.failed = nobody;
        here.value = m.value;
        continue;
      }
      if (is_known && here.value != m.value)
        offences_.note({Anomaly::internal, t, nobody, self, here.micro, m.key, here.value, {}});
      here.value = m.value;
      here.micro = self;
      Version& seen = seen_[self];
      if (seen == no_version) {
        offences_.note({Anomaly::garbage_read, t, nobody, self, 0, m.key, m.value, {}});
        continue;
      }
      if (is_initial(seen)) continue;
      const Transaction from = writer(seen);
      if (from == t) {
        if (seen >= next)
          offences_.note({Anomaly::future_read, t, nobody, self, 0, m.key, m.value, {}});
        seen = no_version;
      } else if (transactions_.fate(from) == Fate::fail) {
        offences_.note({Anomaly::G1a, t, from, self, 0, m.key, m.value, {}});
        here.failed = from;
        seen = no_version;
      } else if (!is_last(seen)) {
        offences_.note({Anomaly::G1b, t, from, self, 0, m.key, m.value, {}});
      }
    }
  }
}

Version Registers::written(Transaction t, KeyIndex key) const {
  if (!is_committed(t)) return no_version;
  for (const MicroOperation& m : transactions_.of(t))
    if (m.is_append() && m.key == key && is_last_[m.append] != 0) return m.append;
  return no_version;
}

void Registers::note_cyclic_versions(Meter& meter) {
  // What is a cycle without an order is one with it, too.
  for (const Order order : {Order::none, Order::process, Order::realtime})
    if (note_cycles(order, meter)) return;
}

bool Registers::note_cycles(Order order, Meter& meter) {
  std::vector<Pair> known = pairs(Order::none);
  std::erase_if(known, [](const Pair& pair) { return !pair.depends; });
  if (order != Order::none)
    for (const Pair& pair : pairs(order)) known.push_back(pair);
  const Graph graph = Graph::of(version_count(), version_count(), [&](auto visit) {
    for (const Pair& pair : known) visit(pair.before, pair.after, Edge::ww);
  });
  const Components<Any<bit_of(Edge::ww)>> parts(graph, meter);
  if (parts.acyclic()) return false;
  const auto anomaly = static_cast<Anomaly>(static_cast<unsigned>(Anomaly::cyclic_versions) +
                                            static_cast<unsigned>(order));
  Walks<Any<bit_of(Edge::ww)>> walks(graph, meter);
  const auto all = parts.order();
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Version v = all[i];
    if (!parts.is_cyclic(parts.of(v))) continue;
    if (i > 0 && parts.of(all[i - 1]) == parts.of(v)) continue;
    std::vector<Transaction> members{writer(v)};
    for (const Arrow arrow : graph.from(v)) {
      if (!parts.same(v, arrow.to())) continue;
      const auto way = walks.forward(
          arrow.to(), [&](Version at) { return at == v; },
          [&](Version to) { return parts.same(v, to); });
      if (!way) continue;
      for (const Step& step : *way) members.push_back(writer(step.transaction));
      break;
    }
    offences_.note({anomaly, members.front(), nobody, 0, 0, key_of(v), {}, std::move(members)});
  }
  return true;
}

std::uint64_t Registers::bytes() const {
  return seen_.capacity() * sizeof(Version) + committed_.capacity() + is_last_.capacity();
}

}  // namespace faultline::transactional
