#include "checkers/transactional/polygraph.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <boost/unordered/unordered_flat_map.hpp>

#include "checkers/transactional/acyclic_choice.h"
#include "checkers/transactional/cycles.h"
#include "checkers/transactional/saturation.h"
#include "harness/core/check.h"

namespace faultline::transactional {
namespace {

using Literal = AcyclicChoice::Literal;

class Polygraph {
 public:
  Polygraph(const Registers& registers, std::span<const Transaction> members, Claim claim,
            Order order, Meter& meter)
      : registers_(registers),
        all_(registers.transactions()),
        members_(members),
        claim_(claim),
        order_(order),
        meter_(meter),
        choice_(meter),
        node_of_(registers.version_count(), no_vertex),
        previous_(registers.version_count(), no_version),
        committed_at_(registers.version_count(), 0) {
    place_.assign(all_.size(), nobody);
    for (std::uint32_t i = 0; i < members_.size(); ++i) place_[members_[i]] = i;
    for (std::size_t i = 0; i < members_.size() * width(); ++i) choice_.add_node();
    if (claim_ == Claim::snapshots)
      for (std::uint32_t i = 0; i < members_.size(); ++i)
        link(begin(i), commit(i), Meaning(Edge::free), 0, 0);
    add_reads();
    if (order_ == Order::process) add_processes();
    add_realtime();
  }

  Decision decide(std::span<const Transaction> sequence, std::uint64_t bytes_used) {
    using enum Decision::Answer;
    constexpr std::size_t pairs_max = 1'000'000;
    rank(sequence);
    Decision decision;
    for (;;) {
      if (bytes_used + bytes() > meter_.bytes_max()) throw OutOfBytes();
      const bool possible = choice_.solve();
      decision.pairs = pairs_.size();
      if (!possible) {
        decision.answer = refuted;
        decision.refutation = refutation();
        return decision;
      }
      const std::size_t known = pairs_.size();
      execute(choice_.sorted(ranks_));
      if (pairs_.size() == known) break;
      if (pairs_.size() > pairs_max) return decision;
    }
    decision.answer = holds;
    decision.versions = versions();
    return decision;
  }

 private:
  /// What an edge of the graph stands for. rw with no pair: from a reader to the node between.
  class Meaning {
   public:
    static constexpr std::uint32_t no_pair = 0x0fffffffu;
    explicit Meaning(Edge edge, std::uint32_t pair = no_pair)
        : bits_(pair << 4 | static_cast<std::uint32_t>(edge)) {}
    Edge edge() const { return static_cast<Edge>(bits_ & 15); }
    /// Of ww and rw; its order is the edge's condition.
    std::uint32_t pair() const { return bits_ >> 4; }

   private:
    std::uint32_t bits_;
  };
  static constexpr Node no_vertex = 0xffffffffu;

  std::size_t width() const { return claim_ == Claim::serial ? 1 : 2; }
  Node begin(std::uint32_t place) const { return static_cast<Node>(place * width()); }
  Node commit(std::uint32_t place) const {
    return static_cast<Node>(place * width() + width() - 1);
  }
  /// Of a node that is one's begin or commit; nobody.
  std::uint32_t place_at(Node node) const {
    return node < members_.size() * width() ? static_cast<std::uint32_t>(node / width()) : nobody;
  }
  bool has(Transaction t) const { return place_[t] != nobody; }
  std::uint32_t writer(Version v) const { return place_[registers_.writer(v)]; }

  void link(Node from, Node to, Meaning meaning, Literal condition, std::uint32_t length) {
    choice_.add_link({from, to, condition, length});
    meanings_.push_back(meaning);
  }
  void link_certain(Node from, Node to, Edge edge) { link(from, to, Meaning(edge), 0, 1); }

  std::uint64_t bytes() const {
    return choice_.bytes() + meanings_.capacity() * sizeof(Meaning) +
           pairs_.capacity() * 3 * sizeof(Precedence) + registers_.version_count() * 12 +
           all_.size() * 16;
  }

  // --- What is certain --------------------------------------------------------------------------

  /// Calls visit(version) for what the member read, of nil or of members.
  template <typename Visit>
  void each_read(Transaction t, Visit visit) const {
    std::uint64_t micro = registers_.first_micro(t);
    for (const MicroOperation& m : all_.of(t)) {
      const std::uint64_t self = micro++;
      if (m.is_append()) continue;
      const Version v = registers_.version(self);
      if (v != no_version && (registers_.is_initial(v) || has(registers_.writer(v)))) visit(v);
    }
  }
  template <typename Visit>
  void each_write(Transaction t, Visit visit) const {
    for (const MicroOperation& m : all_.of(t))
      if (m.is_append() && registers_.is_last(m.append)) visit(m.append);
  }

  /// Who read a version is before a node that stands for all of its readers. One that wrote the
  /// key as well is not before its own write, and so stands for itself.
  void add_reads() {
    std::vector<Transaction> wrote(all_.key_count(), nobody);
    for (std::uint32_t i = 0; i < members_.size(); ++i) {
      const Transaction t = members_[i];
      each_write(t, [&](Version own) { wrote[registers_.key_of(own)] = t; });
      each_read(t, [&](Version v) {
        if (!registers_.is_initial(v)) link_certain(commit(writer(v)), begin(i), Edge::wr);
        if (wrote[registers_.key_of(v)] == t) {
          updaters_.emplace_back(v, i);
        } else {
          if (node_of_[v] == no_vertex) node_of_[v] = choice_.add_node();
          link_certain(begin(i), node_of_[v], Edge::rw);
        }
      });
    }
    std::ranges::sort(updaters_);
    const auto rest = std::ranges::unique(updaters_);
    updaters_.erase(rest.begin(), rest.end());
  }

  void add_processes() {
    LastOfProcess last;
    for (std::uint32_t i = 0; i < members_.size(); ++i) {
      const Transaction before = last.exchange(all_.history().process()[members_[i]], members_[i]);
      if (before != nobody) link_certain(commit(place_[before]), begin(i), Edge::process);
    }
  }

  /// A chain of moments: those that ended before it lead there, and from there to what began
  /// after it. A moment is a begin; those between which nothing ended need only one.
  ///
  /// Where the order need not keep real time it is still likely to: then it is a choice for each
  /// transaction, so that only those leave it that must, and what happens at different times
  /// need not be compared.
  void add_realtime() {
    const auto condition = [&](std::uint32_t place) {
      return order_ == Order::realtime ? 0 : static_cast<Literal>(place) + 1;
    };
    if (order_ != Order::realtime)
      for (std::size_t i = 0; i < members_.size(); ++i) choice_.add_firm_choice();
    pair_of_choice_.resize(choice_.choices(), Meaning::no_pair);
    const auto begins = all_.history().begin(), ends = all_.history().end();
    std::vector<Node> moments(members_.size() + 1, no_vertex);  // By rank of the begin.
    const auto begins_later = [&](Position end) {
      return static_cast<std::size_t>(
          std::ranges::lower_bound(members_, end, {}, [&](Transaction t) { return begins[t]; }) -
          members_.begin());
    };
    for (std::uint32_t i = 0; i < members_.size(); ++i) {
      const Position end = ends[members_[i]];
      if (end == never) continue;
      Node& moment = moments[begins_later(end)];
      if (moment == no_vertex) moment = choice_.add_node();
      link(commit(i), moment, Meaning(Edge::realtime), condition(i), 1);
    }
    Node before = no_vertex;
    for (std::uint32_t i = 0; i < members_.size(); ++i) {
      if (moments[i] != no_vertex) {
        if (before != no_vertex) link(before, moments[i], Meaning(Edge::free), 0, 1);
        before = moments[i];
      }
      if (before != no_vertex) link(before, begin(i), Meaning(Edge::free), condition(i), 0);
    }
  }

  // --- What is chosen ---------------------------------------------------------------------------

  /// One of two versions was before the other: nil, or else likely the first.
  void add_pair(Version before, Version after) {
    const std::uint64_t packed =
        std::uint64_t{std::min(before, after)} << 32 | std::max(before, after);
    const auto number = static_cast<std::uint32_t>(pairs_.size());
    if (!pair_numbers_.try_emplace(packed, number).second) return;
    FAULTLINE_CHECK(number < Meaning::no_pair);
    pairs_.push_back({before, after});
    if (registers_.is_initial(before)) return add_side({before, after}, number, 0);
    const Literal literal = choice_.add_choice();
    pair_of_choice_.push_back(number);
    add_side({before, after}, number, literal);
    add_side({after, before}, number, -literal);
  }

  void add_side(const Precedence& side, std::uint32_t pair, Literal condition) {
    const std::uint32_t after = writer(side.after);
    if (!registers_.is_initial(side.before))
      link(commit(writer(side.before)), begin(after), Meaning(Edge::ww, pair), condition, 1);
    if (node_of_[side.before] != no_vertex)
      link(node_of_[side.before], commit(after), Meaning(Edge::rw, pair), condition, 0);
    for (auto at = std::ranges::lower_bound(updaters_, std::pair(side.before, std::uint32_t{0}));
         at != updaters_.end() && at->first == side.before; ++at)
      if (at->second != after)
        link(begin(at->second), commit(after), Meaning(Edge::rw, pair), condition, 1);
  }

  // --- Execution --------------------------------------------------------------------------------

  void rank(std::span<const Transaction> sequence) {
    ranks_.assign(choice_.nodes(), AcyclicChoice::no_rank);
    std::uint32_t rank = 0;
    for (const Transaction t : sequence) {
      ranks_[begin(place_[t])] = rank++;
      ranks_[commit(place_[t])] = rank++;
    }
  }

  /// One event after the other. Adds the pairs of versions that are in the way.
  void execute(const std::vector<Node>& events) {
    current_.resize(all_.key_count());
    for (KeyIndex k = 0; k < current_.size(); ++k) current_[k] = registers_.initial(k);
    std::vector<std::uint32_t> begun_at(members_.size(), 0);
    std::uint32_t now = 0;
    for (const Node event : events) {
      const std::uint32_t place = place_at(event);
      const Transaction t = members_[place];
      ++now;
      if (event == begin(place)) {
        begun_at[place] = now;
        each_read(t, [&](Version v) { see(v); });
      }
      if (event == commit(place))
        each_write(t, [&](Version own) { overwrite(own, begun_at[place], now); });
    }
    if (!meter_.spend(4 * events.size() + 1)) throw OutOfBudget();
  }

  /// However many came between, the last ones say what to do.
  static constexpr int between_max = 16;

  void see(Version v) {
    Version here = current_[registers_.key_of(v)];
    for (int i = 0; i < between_max && here != v; ++i, here = previous_[here]) add_pair(v, here);
  }

  void overwrite(Version own, std::uint32_t begun_at, std::uint32_t now) {
    Version& current = current_[registers_.key_of(own)];
    Version here = current;
    for (int i = 0;
         i < between_max && !registers_.is_initial(here) && committed_at_[here] > begun_at;
         ++i, here = previous_[here])
      add_pair(here, own);
    previous_[own] = std::exchange(current, own);
    committed_at_[own] = now;
  }

  /// Of the last execution.
  VersionOrder versions() const {
    VersionOrder next;
    next.assign(registers_.version_count(), no_version);
    for (KeyIndex k = 0; k < current_.size(); ++k)
      for (Version v = current_[k]; !registers_.is_initial(v); v = previous_[v])
        next[previous_[v]] = v;
    return next;
  }

  // --- Refutation -------------------------------------------------------------------------------

  Precedence side_of(std::uint32_t pair, Literal condition) const {
    const Precedence& p = pairs_[pair];
    return condition < 0 ? Precedence{p.after, p.before} : p;
  }

  Refutation refutation() {
    Refutation all{claim_, order_, {}};
    for (const AcyclicChoice::Lemma& lemma : choice_.core()) {
      ForcedCycle cycle;
      for (const Literal literal : lemma.choices) {
        const std::uint32_t pair = pair_of_choice_[static_cast<std::size_t>(std::abs(literal)) - 1];
        // To leave real time harms nothing, so that no cycle with it is needed.
        FAULTLINE_CHECK(pair != Meaning::no_pair);
        cycle.given.push_back(side_of(pair, literal));
      }
      cycle.steps = steps(lemma.links);
      all.cycles.push_back(std::move(cycle));
    }
    return all;
  }

  /// From transaction to transaction: what lies between them tells what the step is.
  std::vector<ForcedStep> steps(std::vector<std::uint32_t> links) const {
    const auto from = [&](std::uint32_t number) { return place_at(choice_.link(number).from); };
    std::ranges::rotate(links, std::ranges::find_if(links, [&](std::uint32_t number) {
                          return from(number) != nobody;
                        }));
    std::vector<ForcedStep> steps;
    for (const std::uint32_t number : links) {
      const AcyclicChoice::Link& link = choice_.link(number);
      const Meaning meaning = meanings_[number];
      if (meaning.edge() == Edge::free) continue;
      const bool goes_on = from(number) == nobody;
      if (!goes_on) steps.push_back({members_[from(number)], meaning.edge(), {}});
      if (meaning.edge() == Edge::ww ||
          (meaning.edge() == Edge::rw && meaning.pair() != Meaning::no_pair))
        steps.back().why = side_of(meaning.pair(), link.condition);
    }
    return steps;
  }

  const Registers& registers_;
  const Transactions& all_;
  const std::span<const Transaction> members_;
  const Claim claim_;
  const Order order_;
  Meter& meter_;
  AcyclicChoice choice_;
  std::vector<Meaning> meanings_;     ///< By edge.
  std::vector<std::uint32_t> place_;  ///< By transaction: its number among the members; nobody.
  BigVector<Node> node_of_;           ///< By version: what stands for its readers.
  std::vector<std::pair<Version, std::uint32_t>> updaters_;  ///< Who read it and wrote the key.
  std::vector<Precedence> pairs_;
  std::vector<std::uint32_t> pair_of_choice_;
  boost::unordered_flat_map<std::uint64_t, std::uint32_t> pair_numbers_;
  std::vector<std::uint32_t> ranks_;
  /// Of an execution: by key, and by version which one was there before, and since when it is.
  std::vector<Version> current_;
  BigVector<Version> previous_;
  BigVector<std::uint32_t> committed_at_;
};

}  // namespace

Decision decide(const Registers& registers, std::span<const Transaction> members,
                std::span<const Transaction> sequence, Claim claim, Order order,
                std::uint64_t bytes_used, Meter& meter) {
  return Polygraph(registers, members, claim, order, meter).decide(sequence, bytes_used);
}

}  // namespace faultline::transactional
