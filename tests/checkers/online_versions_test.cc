// The order of versions in real time, told late and in any order, against its plain definition.
#include "checkers/transactional/online_versions.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "harness/core/rng.h"

namespace faultline::transactional {
namespace {

using Matrix = std::vector<std::vector<bool>>;

Matrix closed(Matrix before) {
  for (std::size_t via = 0; via < before.size(); ++via)
    for (std::size_t a = 0; a < before.size(); ++a)
      for (std::size_t b = 0; b < before.size(); ++b)
        if (before[a][via] && before[via][b]) before[a][b] = true;
  return before;
}

/// Clients that write one key, and meet what others wrote. Of each version somebody reads who meets
/// nothing, so that all that comes after it can be seen.
class Clients {
 public:
  explicit Clients(Rng rng) : rng_(rng), count_(2 + rng_.below(7)) {
    for (std::size_t v = 0; v < count_; ++v) static_cast<void>(facts_.begin(witness_of(v), 0));
    ask(2 + rng_.below(4));
  }

  /// Tells of one more that met a version. False: there is none left.
  bool tell() {
    if (to_tell_.empty()) return false;
    const std::size_t at = rng_.below(std::min<std::size_t>(to_tell_.size(), 5));
    const auto [v, by] = to_tell_[at];
    to_tell_.erase(to_tell_.begin() + static_cast<std::ptrdiff_t>(at));
    told_.emplace_back(v, by);
    versions_.meet(v, by);
    return true;
  }

  Matrix known() {
    Matrix before(count_, std::vector<bool>(count_));
    facts_.order().each_edge([&](Node from, Node to, Bond why) {
      if (why != Bond::rw_realtime) return;
      before[facts_.order().owner(from)][facts_.order().owner(to) - count_] = true;
    });
    return closed(std::move(before));
  }

  /// Somebody met the one and ended before somebody met the other and began.
  Matrix expected() const {
    Matrix before(count_, std::vector<bool>(count_));
    for (const auto& [v, by] : told_)
      for (const auto& [other, later] : told_)
        if (v != other && facts_[by].end < facts_[later].begin) before[v][other] = true;
    return closed(std::move(before));
  }

 private:
  static std::uint32_t witness_of(std::size_t v) { return static_cast<std::uint32_t>(100 + v); }

  void ask(std::uint64_t clients) {
    std::vector<Transaction> open(clients, nobody);
    for (std::size_t ended = 0; ended < count_;) {
      const auto client = static_cast<std::uint32_t>(rng_.below(clients));
      if (open[client] == nobody) {
        if (versions_.size() == count_) {
          if (std::ranges::all_of(open, [](Transaction t) { return t == nobody; })) return;
          continue;
        }
        open[client] = facts_.begin(client, static_cast<AppendId>(versions_.size()));
        const auto v = static_cast<OnlineVersion>(versions_.size());
        versions_.add(open[client], 0);
        versions_.note_reader(v, static_cast<Transaction>(v));
        continue;
      }
      const Transaction t = std::exchange(open[client], nobody);
      static_cast<void>(facts_.end(client, OnlineFacts::State::ok));
      ++ended;
      to_tell_.emplace_back(static_cast<OnlineVersion>(t - count_), t);
      for (auto reads = rng_.below(4); reads > 0; --reads)
        to_tell_.emplace_back(static_cast<OnlineVersion>(rng_.below(versions_.size())), t);
    }
  }

  Rng rng_;
  const std::size_t count_;
  OnlineFacts facts_;
  OnlineVersions versions_{facts_};
  std::vector<std::pair<OnlineVersion, Transaction>> to_tell_, told_;
};

TEST_CASE("online versions: whoever is told of late, the order in real time is what it must be") {
  Rng rng = Rng(7).fork("versions");
  std::size_t related = 0;
  for (int round = 0; round < 3'000; ++round) {
    CAPTURE(round);
    Clients clients(rng.fork(std::to_string(round)));
    while (clients.tell()) REQUIRE(clients.known() == clients.expected());
    for (const auto& row : clients.expected()) related += std::ranges::count(row, true);
  }
  CHECK(related > 3'000);
}

}  // namespace
}  // namespace faultline::transactional
