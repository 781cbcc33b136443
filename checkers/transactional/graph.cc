#include "checkers/transactional/graph.h"

#include <algorithm>

#include <boost/unordered/unordered_flat_map.hpp>

#include "harness/core/check.h"

namespace faultline::transactional {
namespace {

/// The transactions with unobserved appends of each key, in their order, and the nodes before them.
///
/// Of a key with several of them, a suffix node leads to one and to the next suffix node, a prefix
/// node to one and to the prefix node before. A reader that is one of them itself leads to what
/// comes behind it and before it, so that it has no edge to itself.
class Appenders {
 public:
  explicit Appenders(const Lists& lists) : lists_(lists) {
    const Transactions& all = lists.transactions();
    next_node_ = static_cast<Node>(all.size());
    begins_.push_back(0);
    for (KeyIndex k = 0; k < all.key_count(); ++k) {
      for (const AppendId append : lists.unobserved(k)) {
        const Transaction t = all.appends()[append].transaction;
        if (transactions_.size() == begins_.back() || transactions_.back() != t)
          transactions_.push_back(t);
      }
      begins_.push_back(transactions_.size());
      nodes_.push_back(next_node_);
      const std::size_t count = of(k).size();
      if (count > 1) next_node_ += static_cast<Node>(2 * count);
    }
  }

  std::span<const Transaction> of(KeyIndex k) const {
    return std::span(transactions_).subspan(begins_[k], begins_[k + 1] - begins_[k]);
  }
  std::size_t nodes() const { return next_node_; }

  /// From a committed reader of the whole list of a key.
  template <typename Visit>
  void each_from(Transaction reader, KeyIndex k, Visit visit) const {
    const auto all = of(k);
    if (all.empty()) return;
    if (all.size() == 1) {
      if (all[0] != reader) visit(reader, all[0], Edge::rw);
      return;
    }
    const auto at = std::ranges::lower_bound(all, reader);
    if (at == all.end() || *at != reader) return visit(reader, suffix(k, 0), Edge::rw);
    const auto i = static_cast<std::size_t>(at - all.begin());
    if (i + 1 < all.size()) visit(reader, suffix(k, i + 1), Edge::rw);
    if (i > 0) visit(reader, prefix(k, i - 1), Edge::rw);
  }

  /// Between the nodes, and from the last observed append.
  template <typename Visit>
  void each_of(KeyIndex k, Visit visit) const {
    const auto all = of(k);
    const std::size_t observed = lists_.order(k).size();
    const Transaction last = observed == 0 ? nobody : lists_.writer(k, observed - 1);
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (last != nobody && last != all[i]) visit(last, all[i], Edge::ww);
      if (all.size() == 1) continue;
      visit(suffix(k, i), all[i], Edge::free);
      visit(prefix(k, i), all[i], Edge::free);
      if (i + 1 < all.size()) visit(suffix(k, i), suffix(k, i + 1), Edge::free);
      if (i > 0) visit(prefix(k, i), prefix(k, i - 1), Edge::free);
    }
  }

 private:
  Node suffix(KeyIndex k, std::size_t i) const { return nodes_[k] + static_cast<Node>(i); }
  Node prefix(KeyIndex k, std::size_t i) const {
    return nodes_[k] + static_cast<Node>(of(k).size() + i);
  }

  const Lists& lists_;
  std::vector<std::uint64_t> begins_;
  std::vector<Transaction> transactions_;
  std::vector<Node> nodes_;
  Node next_node_ = 0;
};

template <typename Visit>
void each_version_edge(const Lists& lists, const Appenders& appenders, Visit visit) {
  for (KeyIndex k = 0; k < lists.transactions().key_count(); ++k) {
    Transaction before = nobody;
    for (std::size_t i = 0; i < lists.order(k).size(); ++i) {
      const Transaction writer = lists.writer(k, i);
      if (before != nobody && writer != nobody && before != writer) visit(before, writer, Edge::ww);
      before = writer;
    }
    appenders.each_of(k, visit);
  }
}

template <typename Visit>
void each_read_edge(const Lists& lists, const Appenders& appenders, Visit visit) {
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
        appenders.each_from(t, k, visit);
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

template <typename Visit>
void each_process_edge(const Lists& lists, bool only_ok, Visit visit) {
  const auto processes = lists.transactions().history().process();
  boost::unordered_flat_map<std::uint32_t, Transaction> last;
  for (Transaction t = 0; t < processes.size(); ++t) {
    if (!lists.is_committed(t)) continue;
    if (only_ok && lists.transactions().fate(t) != Fate::ok) continue;
    const auto [at, fresh] = last.try_emplace(processes[t], t);
    if (fresh) continue;
    visit(at->second, t, Edge::process);
    at->second = t;
  }
}

}  // namespace

/// Counts, then fills: `each_edge(visit)` tells all edges, twice the same.
template <typename Each>
void Graph::build(std::size_t nodes, Each each_edge) {
  FAULTLINE_CHECK(nodes < nodes_max);
  begins_.assign(nodes + 2, 0);
  each_edge([&](Node from, Node, Edge) { ++begins_[from + 2]; });
  for (std::size_t v = 2; v < begins_.size(); ++v) begins_[v] += begins_[v - 1];
  arrows_.resize(begins_.back());
  each_edge([&](Node from, Node to, Edge edge) { arrows_[begins_[from + 1]++] = Arrow(to, edge); });
  begins_.pop_back();
}

Graph::Graph(const Lists& lists, Options options) : transactions_(lists.transactions().size()) {
  if (options.only_certain_writes) {
    build(transactions_, [&](auto visit) {
      each_certain_write(lists, visit);
      if (options.processes) each_process_edge(lists, true, visit);
    });
    return;
  }
  const Appenders appenders(lists);
  build(appenders.nodes(), [&](auto visit) {
    each_version_edge(lists, appenders, visit);
    each_read_edge(lists, appenders, visit);
    if (options.processes) each_process_edge(lists, false, visit);
  });
}

Graph Graph::reversed() const {
  Graph turned;
  turned.transactions_ = transactions_;
  turned.build(size(), [&](auto visit) {
    for (Node v = 0; v < size(); ++v)
      for (const Arrow arrow : from(v)) visit(arrow.to(), v, arrow.edge());
  });
  return turned;
}

}  // namespace faultline::transactional
