#include "checkers/transactional/lists.h"

namespace faultline::transactional {
namespace {

/// The transactions with unobserved appends of each key: its group.
Groups unobserved_of(const Lists& lists) {
  const Transactions& all = lists.transactions();
  Groups groups(static_cast<Node>(all.size()));
  for (KeyIndex k = 0; k < all.key_count(); ++k) {
    for (const AppendId append : lists.unobserved(k)) groups.add(all.appends()[append].transaction);
    groups.finish_group();
  }
  return groups;
}

template <typename Visit>
void each_version_edge(const Lists& lists, const Groups& appenders, Visit visit) {
  for (KeyIndex k = 0; k < lists.transactions().key_count(); ++k) {
    Transaction before = nobody;
    for (std::size_t i = 0; i < lists.order(k).size(); ++i) {
      const Transaction writer = lists.writer(k, i);
      if (before != nobody && writer != nobody && before != writer) visit(before, writer, Edge::ww);
      before = writer;
    }
    const Transaction last = before;
    for (const Transaction t : appenders.of(k))
      if (last != nobody && last != t) visit(last, t, Edge::ww);
    appenders.each_of(k, visit);
  }
}

template <typename Visit>
void each_read_edge(const Lists& lists, const Groups& appenders, Visit visit) {
  const Transactions& all = lists.transactions();
  std::uint64_t micro = 0;
  for (Transaction t = 0; t < all.size(); ++t)
    for (const MicroOperation& operation : all.of(t)) {
      const std::uint32_t version = lists.version(micro++);
      if (version == Lists::not_there) continue;
      const KeyIndex k = operation.key;
      if (version > 0) {
        const Transaction writer = lists.writer(k, version - 1);
        if (writer != nobody && writer != t) visit(writer, t, Edge::wr);
      }
      if (version == lists.order(k).size()) {
        appenders.each_from(t, k, Edge::rw, visit);
      } else {
        const Transaction next = lists.writer(k, version);
        if (next != nobody && next != t) visit(t, next, Edge::rw);
      }
    }
}

template <typename Visit>
void each_certain_write(const Lists& lists, Visit visit) {
  const Transactions& all = lists.transactions();
  for (KeyIndex k = 0; k < all.key_count(); ++k) {
    Transaction before = nobody;
    for (const AppendId append : lists.order(k)) {
      if (append == no_append) continue;
      const Transaction writer = all.appends()[append].transaction;
      if (all.fate(writer) != Fate::ok) continue;
      if (before != nobody && before != writer) visit(before, writer, Edge::ww);
      before = writer;
    }
    if (before == nobody) continue;
    for (const AppendId append : lists.unobserved(k)) {
      const Transaction writer = all.appends()[append].transaction;
      if (all.fate(writer) == Fate::ok && writer != before) visit(before, writer, Edge::ww);
    }
  }
}

}  // namespace

Graph Lists::graph(const GraphOptions& options) const {
  const std::size_t count = transactions_.size();
  const bool processes = options.order == Order::process;
  if (options.only_certain_writes)
    return Graph::of(count, count, [&](auto visit) {
      each_certain_write(*this, visit);
      if (processes) each_process_edge(true, visit);
    });
  const Groups appenders = unobserved_of(*this);
  return Graph::of(count, appenders.nodes(), [&](auto visit) {
    each_version_edge(*this, appenders, visit);
    each_read_edge(*this, appenders, visit);
    if (processes) each_process_edge(false, visit);
  });
}

}  // namespace faultline::transactional
