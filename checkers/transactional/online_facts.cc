#include "checkers/transactional/online_facts.h"

namespace faultline::transactional {

Transaction OnlineFacts::begin(std::uint32_t process, AppendId first) {
  if (!ended_nodes_.empty()) {
    const Node link = order_.add(none);
    if (chain_ != none) order_.tie(chain_, link, Bond::realtime);
    for (const Node node : ended_nodes_) order_.tie(node, link, Bond::realtime);
    ended_nodes_.clear();
    chain_ = link;
  }
  const auto t = static_cast<Transaction>(facts_.size());
  facts_.push_back({.begin = position_++, .process = process, .chain = chain_, .first = first});
  open_[process] = t;
  return t;
}

Transaction OnlineFacts::end(std::uint32_t process, State state) {
  const auto at = open_.find(process);
  if (at == open_.end()) return nobody;
  const Transaction t = at->second;
  open_.erase(at);
  facts_[t].end = position_++;
  facts_[t].state = state;
  return t;
}

Node OnlineFacts::node_of(Transaction t) {
  Fact& fact = facts_[t];
  if (fact.node == none) {
    fact.node = order_.add(t);
    if (fact.chain != none) order_.tie(fact.chain, fact.node, Bond::realtime);
  }
  return fact.node;
}

void OnlineFacts::tie(Transaction from, Transaction to, Bond why) {
  if (from == nobody || to == nobody || from == to) return;
  const Node a = node_of(from);
  order_.tie(a, node_of(to), why);
}

void OnlineFacts::forget_order() {
  order_ = OnlineOrder();
  ended_nodes_ = {};
  chain_ = none;
}

std::vector<Transaction> OnlineFacts::members(Node any) const {
  std::vector<Transaction> members;
  order_.each_member(any, [&](Node node) {
    if (is_transaction(node)) members.push_back(order_.owner(node));
  });
  std::ranges::sort(members);
  return members;
}

Excerpt OnlineFacts::component(Node any) {
  boost::unordered_flat_map<Node, Node> place;
  std::vector<Span> spans;
  for (const Transaction t : members(any)) {
    place.emplace(facts_[t].node, static_cast<Node>(spans.size()));
    spans.push_back(span_of(t));
  }
  std::vector<Excerpt::Edge> edges;
  order_.each_edge_inside(any, [&](Node from, Node to, Bond why) {
    if (why == Bond::realtime) return;
    const auto of = [&](Node node) {
      return place.try_emplace(node, static_cast<Node>(place.size())).first->second;
    };
    const Node first = of(from);
    edges.push_back({first, of(to), why, !is_transaction(from)});
  });
  return {spans, place.size(), std::move(edges)};
}

Span OnlineFacts::span_of(Transaction t) const {
  const Fact& fact = facts_[t];
  const bool is_ok = fact.state == State::ok;
  return {fact.begin, is_ok ? fact.end : never, fact.process, is_ok ? Fate::ok : Fate::info};
}

std::uint64_t OnlineFacts::bytes() const {
  return order_.bytes() + facts_.capacity() * sizeof(Fact);
}

}  // namespace faultline::transactional
