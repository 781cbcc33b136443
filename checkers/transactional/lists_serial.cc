// Who comes after whom, seen from the lists themselves: where nothing is wrong, no graph is needed.
#include <memory>
#include <utility>

#include "checkers/transactional/excerpt.h"
#include "checkers/transactional/lists.h"
#include "checkers/transactional/serial.h"

namespace faultline::transactional {
namespace {

/// The edges of Lists::graph({}), found each time anew: what follows from an append or a read is
/// found where it stands. From an append they go on over gaps, which are what a failed transaction
/// or nobody appended, or what stands there twice: so does the graph of certain writes, of which
/// every edge is a way here.
class ListTies {
 public:
  explicit ListTies(const Lists& lists) : lists_(lists), all_(lists.transactions()) {}

  /// So many read all that there is of a key, and so many append what nobody reads, that to look at
  /// each pair of them takes longer than all the rest: the graph has nodes between them.
  bool has_crowd() const {
    std::uint64_t pairs = 0;
    for (KeyIndex k = 0; k < all_.key_count(); ++k) {
      const std::uint64_t size = lists_.unobserved(k).size();
      if (size > 1)
        lists_.each_reader(k, static_cast<std::uint32_t>(lists_.order(k).size()),
                           [&](Transaction) { pairs += size; });
    }
    return pairs > 2 * all_.micro().size();
  }

  std::size_t nodes() const { return all_.size(); }
  static bool is_transaction(Node) { return true; }

  template <typename Visit>
  void each_from(Transaction t, Visit visit) const {
    std::uint64_t micro = all_.first_micro(t);
    for (const MicroOperation& operation : all_.of(t)) {
      const std::uint32_t version = lists_.version(micro++);
      if (operation.is_append())
        each_after(t, operation, visit);
      else if (version != Lists::not_there)
        each_next(t, operation.key, version, visit);
    }
  }

 private:
  /// Who read its version, and who made the next one.
  template <typename Visit>
  void each_after(Transaction t, const MicroOperation& append, Visit visit) const {
    const std::uint32_t position = lists_.position(append.append);
    if (position == Lists::not_there || lists_.writer(append.key, position) != t) return;
    lists_.each_reader(append.key, position + 1, [&](Transaction reader) {
      if (reader != t) visit(reader);
    });
    const std::size_t size = lists_.order(append.key).size();
    std::uint32_t version = position + 1;
    while (version < size && lists_.writer(append.key, version) == nobody) ++version;
    each_next(t, append.key, version, visit);
  }

  /// Who made what comes after a version.
  template <typename Visit>
  void each_next(Transaction t, KeyIndex key, std::uint32_t version, Visit visit) const {
    if (version < lists_.order(key).size()) {
      const Transaction next = lists_.writer(key, version);
      if (next != nobody && next != t) visit(next);
      return;
    }
    for (const AppendId append : lists_.unobserved(key))
      if (const Transaction next = all_.appends()[append].transaction; next != t) visit(next);
  }

  const Lists& lists_;
  const Transactions& all_;
};

/// Those that were open in one of the windows.
template <typename Windows>
std::vector<Transaction> open_in(const Windows& windows, const Lists& lists,
                                 std::span<const Position> ends) {
  const Transactions& all = lists.transactions();
  const auto begins = all.history().begin();
  std::vector<Transaction> open;
  auto window = windows.begin();
  // They are in the order of their begins.
  for (Transaction t = 0; t < all.size(); ++t) {
    while (window != windows.end() && window->last < begins[t]) ++window;
    if (window == windows.end()) break;
    if (ends[t] >= window->first && lists.is_committed(t)) open.push_back(t);
  }
  return open;
}

/// What some transactions are to each other.
class ListExcerpt {
 public:
  ListExcerpt(const Lists& lists, std::span<const Transaction> some)
      : lists_(lists), all_(lists.transactions()), some_(some) {
    const History& history = all_.history();
    places_.assign(all_.size(), nobody);
    for (const Transaction t : some) {
      places_[t] = static_cast<Node>(spans_.size());
      spans_.push_back({history.begin()[t], history.end()[t], history.process()[t], all_.fate(t)});
    }
  }

  std::unique_ptr<Excerpt> make() {
    for (const Transaction t : some_) {
      std::uint64_t micro = all_.first_micro(t);
      for (const MicroOperation& operation : all_.of(t)) {
        const std::uint32_t version = lists_.version(micro++);
        if (operation.is_append())
          tie_append(t, operation);
        else if (version != Lists::not_there)
          tie_read(t, operation.key, version);
      }
    }
    return std::make_unique<Excerpt>(spans_, spans_.size(), std::move(edges_));
  }

 private:
  void tie(Transaction from, Transaction to, Bond why) {
    if (from == nobody || to == nobody || from == to || places_[to] == nobody ||
        places_[from] == nobody)
      return;
    edges_.push_back({places_[from], places_[to], why});
  }
  bool is_ok(Transaction t) const { return all_.fate(t) == Fate::ok; }

  void tie_append(Transaction t, const MicroOperation& append) {
    const std::uint32_t position = lists_.position(append.append);
    const std::size_t size = lists_.order(append.key).size();
    if (position == Lists::not_there || lists_.writer(append.key, position) != t) return;
    const auto tie_version = [&](Transaction next) {
      if (next != nobody) tie(t, next, is_ok(t) && is_ok(next) ? Bond::certain_ww : Bond::ww);
    };
    if (position + 1 < size)
      tie_version(lists_.writer(append.key, position + 1));
    else
      for (const AppendId last : lists_.unobserved(append.key))
        tie_version(all_.appends()[last].transaction);
    if (is_ok(t)) skip(t, append.key, position + 1);
  }

  /// To the next that is certain, if it is not the next one anyway.
  void skip(Transaction t, KeyIndex key, std::size_t position) {
    const std::size_t size = lists_.order(key).size();
    std::size_t at = position;
    const auto is_certain = [&](std::size_t place) {
      const Transaction next = lists_.writer(key, place);
      return next != nobody && is_ok(next);
    };
    while (at < size && !is_certain(at)) ++at;
    if (at == position) return;
    if (at < size) return tie(t, lists_.writer(key, at), Bond::skipping);
    for (const AppendId last : lists_.unobserved(key))
      if (const Transaction next = all_.appends()[last].transaction; is_ok(next))
        tie(t, next, Bond::skipping);
  }

  void tie_read(Transaction t, KeyIndex key, std::uint32_t version) {
    if (version > 0) tie(lists_.writer(key, version - 1), t, Bond::wr);
    if (version < lists_.order(key).size()) return tie(t, lists_.writer(key, version), Bond::rw);
    for (const AppendId last : lists_.unobserved(key))
      tie(t, all_.appends()[last].transaction, Bond::rw);
  }

  const Lists& lists_;
  const Transactions& all_;
  const std::span<const Transaction> some_;
  BigVector<Node> places_;
  std::vector<Span> spans_;
  std::vector<Excerpt::Edge> edges_;
};

}  // namespace

std::optional<std::vector<Transaction>> Lists::suspects(Meter& meter, std::uint64_t& edges) const {
  const ListTies ties(*this);
  if (ties.has_crowd()) return std::nullopt;
  const std::span<const Position> begins = transactions_.history().begin();
  std::span<const Position> ends = transactions_.history().end();
  SerialSearch search(ties, begins, ends, meter);
  auto windows = search.find_windows();
  edges = search.edges();
  BigVector<Position> soon;
  if (!windows.empty() && windows.back().last == never) {
    soon.assign(ends.size(), never);
    for (Transaction t = 0; t < soon.size(); ++t) soon[t] = ends[t] == never ? begins[t] : ends[t];
    ends = {soon.data(), soon.size()};
    windows = SerialSearch(ties, begins, ends, meter).find_windows();
  }
  std::vector<Transaction> suspects = open_in(windows, *this, ends);
  // The graph of all is smaller than that of most with their ties.
  constexpr std::size_t few = 1000;
  if (suspects.size() > few + transactions_.size() / 4) return std::nullopt;
  return suspects;
}

std::unique_ptr<Dependencies> Lists::among(std::span<const Transaction> some) const {
  return ListExcerpt(*this, some).make();
}

}  // namespace faultline::transactional
