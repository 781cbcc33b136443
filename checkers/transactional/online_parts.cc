// In the end: all that is known of a growing history of lists.
#include <algorithm>
#include <utility>

#include "checkers/transactional/online_lists.h"

namespace faultline::transactional {

Excerpt OnlineLists::whole() {
  std::vector<Node> place(facts_.size(), none);
  std::vector<Span> spans;
  for (Transaction t = 0; t < facts_.size(); ++t) {
    const bool is_in =
        is_contradicted_ ? facts_[t].state == State::ok : facts_[t].node != OnlineFacts::none;
    if (!is_in) continue;
    place[t] = static_cast<Node>(spans.size());
    spans.push_back(facts_.span_of(t));
  }
  std::vector<Excerpt::Edge> edges;
  std::size_t nodes = spans.size();
  if (is_contradicted_) {
    place_again(edges, place);
  } else {
    const OnlineOrder& order = facts_.order();
    order.each_edge([&](Node from, Node to, Bond why) {
      if (why != Bond::realtime)
        edges.push_back({place[order.owner(from)], place[order.owner(to)], why});
    });
  }
  add_unread(edges, place, nodes);
  return {spans, nodes, std::move(edges)};
}

/// What was read of each key in the end, where only certain writes count.
void OnlineLists::place_again(std::vector<Excerpt::Edge>& edges, const std::vector<Node>& place) {
  for (Added& added : added_) added.place = none;
  for (KeyIndex k = 0; k < keys_.size(); ++k) {
    Key& key = keys_[k];
    key.last_certain = nobody;
    for (std::uint32_t at = 0; at < key.longest.size(); ++at) {
      const AppendId append = find(k, key.longest[at]);
      if (append == no_append || added_[append].place != none) continue;
      added_[append].place = at;
      const Transaction t = added_[append].by;
      if (facts_[t].state != State::ok) continue;
      const Transaction before = std::exchange(key.last_certain, t);
      if (before != nobody && before != t)
        edges.push_back({place[before], place[t], Bond::certain_ww});
    }
  }
}

/// From what stands last in its list to an append that nobody read.
void OnlineLists::add_last_writes(std::vector<Excerpt::Edge>& edges, const std::vector<Node>& place,
                                  const Added& added) const {
  const Key& key = keys_[added.key];
  const Transaction t = added.by;
  const bool is_ok = facts_[t].state == State::ok;
  const std::size_t size = key.longest.size();
  const Transaction last = is_contradicted_ || size == 0 ? nobody : happened(key.places[size - 1]);
  if (last != nobody && last != t) edges.push_back({place[last], place[t], Bond::ww});
  if (is_ok && key.last_certain != nobody && key.last_certain != t)
    edges.push_back({place[key.last_certain], place[t], Bond::skipping});
}

/// In the end: appends of which nobody read anything come after all others.
void OnlineLists::add_unread(std::vector<Excerpt::Edge>& edges, const std::vector<Node>& place,
                             std::size_t& nodes) {
  std::vector<std::pair<KeyIndex, AppendId>> unread;
  for (AppendId a = 0; a < added_.size(); ++a)
    if (added_[a].place == none && place[added_[a].by] != none)
      unread.emplace_back(added_[a].key, a);
  std::ranges::sort(unread);
  Groups groups(static_cast<Node>(nodes));
  for (std::size_t i = 0; i < unread.size(); ++i) {
    groups.add(place[added_[unread[i].second].by]);
    if (i + 1 == unread.size() || unread[i + 1].first != unread[i].first) groups.finish_group();
  }
  nodes = groups.nodes();
  const auto visit = [&](Node from, Node to, Edge kind) {
    edges.push_back({from, to, Bond::rw, kind == Edge::free});
  };
  std::size_t group = 0;
  for (std::size_t i = 0; i < unread.size(); ++i) {
    const KeyIndex k = unread[i].first;
    add_last_writes(edges, place, added_[unread[i].second]);
    if (i + 1 < unread.size() && unread[i + 1].first == k) continue;
    groups.each_of(group, visit);
    for (std::uint32_t cell = is_contradicted_ ? none : keys_[k].places.back().readers_before;
         cell != none; cell = waiting_[cell].next)
      groups.each_from(place[waiting_[cell].reader], group, Edge::rw, visit);
    ++group;
  }
}

}  // namespace faultline::transactional
