// What the checkers of isolation have in common that are fed while the history grows: a cycle is
// noticed when its last edge is known (online_order.h), and then classified by the search that the
// checker of whole histories makes (cycles.h), among the transactions that are on a cycle with it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "checkers/transactional/cycles.h"
#include "checkers/transactional/isolation.h"
#include "checkers/transactional/online_facts.h"
#include "checkers/transactional/online_reader.h"
#include "harness/core/checker.h"

namespace faultline::transactional {

/// An element of a list, or a value of a register.
struct ElementOfKey {
  std::uint64_t bits = 0;
  KeyIndex key = 0;
  friend bool operator==(const ElementOfKey&, const ElementOfKey&) = default;
  struct Hash {
    using is_avalanching = void;
    std::size_t operator()(const ElementOfKey& of) const {
      std::uint64_t bits = (of.bits ^ std::uint64_t{of.key} << 40) * 0x9e3779b97f4a7c15ull;
      bits ^= bits >> 32;
      return bits * 0xd6e8feb86659fd93ull;
    }
  };
};
template <typename Value>
using MapByElement = boost::unordered_flat_map<ElementOfKey, Value, ElementOfKey::Hash>;

/// What single reads and writes prove, and how transactions are tied, of a history that grows.
class OnlineObjects {
 public:
  virtual ~OnlineObjects() = default;
  /// The next event. `answered`: of an ok, what it asked for with what it read.
  virtual void invoke(std::uint32_t process, std::span<const OnlineMicro> asked) = 0;
  virtual void ok(std::uint32_t process, std::span<const OnlineMicro> answered) = 0;
  virtual void fail_or_info(std::uint32_t process, Fate fate) = 0;
  virtual void finish() = 0;

  virtual OnlineFacts& facts() = 0;
  virtual const OnlineFacts& facts() const = 0;
  virtual const Offences& offences() const = 0;
  /// What was read, but nobody asked to append or to write so far.
  virtual std::size_t unborn() const = 0;
  /// Why nothing can be said of such a history: "unsupported"; empty: it can.
  virtual const std::string& ended() const = 0;
  virtual std::uint64_t bytes() const = 0;
};

/// Of the budget the memory counts, and the flag, which must outlive it.
class OnlineIsolation : public OnlineChecker {
 public:
  void feed(const ValuePool& pool, const OnlineEvent& event) final;
  OnlineFindings findings() final;
  void finish() final;
  std::uint64_t bytes() const final;

 protected:
  using Counts = std::vector<std::uint64_t>;

  /// `asked`: what is violated. `at` must outlive it, but is not looked at before it is fed.
  OnlineIsolation(ModelSet asked, const Budget& budget, Objects objects, OnlineObjects& at)
      : asked_(asked), budget_(budget), reader_(objects), objects_(at) {}

  /// What there is in a component.
  virtual Counts search_component(Node any) = 0;
  /// Brings cycles_ up to date with the components that changed.
  virtual void look_at_components();
  /// The same when nothing comes any more.
  virtual void search_in_the_end() { look_at_components(); }

  /// As far as the budget goes.
  template <typename Search>
  Counts search(Search search) const {
    Meter meter(budget_);
    CycleFindings found;
    try {
      search(meter, found);
    } catch (const OutOfBudget&) {
      return found.counts;  // what was found stays
    }
    return found.counts;
  }

  Counts cycles_ = Counts(anomaly_names().size(), 0);
  ModelSet refuted_;
  bool is_finished_ = false;

 private:
  bool is_full() const;
  void give_up(std::string why);
  void add_unborn(OnlineFindings& findings);

  const ModelSet asked_;
  const Budget budget_;
  OnlineReader reader_;
  OnlineObjects& objects_;
  std::uint64_t fed_ = 0;
  std::string ended_;
};

}  // namespace faultline::transactional
