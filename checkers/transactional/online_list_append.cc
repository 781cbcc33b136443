#include "checkers/transactional/online_list_append.h"

#include <algorithm>
#include <deque>
#include <utility>

#include <boost/unordered/unordered_flat_map.hpp>

#include "checkers/meter.h"
#include "checkers/transactional/cycles.h"
#include "checkers/transactional/online_lists.h"

namespace faultline::transactional {
namespace {

/// Takes events apart; their values become those of one pool, which has texts, but no lists.
class OnlineReader {
 public:
  /// False: it is no transaction of appends and reads. `has_answers`: reads have their lists.
  bool read(const ValuePool& pool, ValueHandle value, bool has_answers) {
    micros_.clear();
    copies_used_ = 0;
    if (value.kind() != ValueHandle::Kind::list) return false;
    for (const ValueHandle item : pool.items(value))
      if (!read_micro(pool, item, has_answers)) return false;
    return true;
  }
  std::span<const OnlineMicro> micros() const { return micros_; }
  std::uint64_t bytes() const { return own_.bytes() + keys_.bucket_count() * 16; }

 private:
  bool read_micro(const ValuePool& pool, ValueHandle item, bool has_answers) {
    if (item.kind() != ValueHandle::Kind::list) return false;
    const auto parts = pool.items(item);
    if (parts.size() < 2 || parts.size() > 3 || parts[1].is_compound() ||
        parts[0].kind() != ValueHandle::Kind::text)
      return false;
    const std::string_view name = pool.as_text(parts[0]);
    const ValueHandle last = parts.size() == 3 ? parts[2] : ValueHandle();
    OnlineMicro& micro = micros_.emplace_back();
    micro.key = key_of(own(pool, parts[1]));
    if (name == "append") {
      if (last.is_nil() || last.is_compound()) return false;
      micro.is_append = true;
      micro.element = own(pool, last);
      return true;
    }
    if (name != "r") return false;
    if (!has_answers || last.is_nil()) return true;
    if (last.kind() != ValueHandle::Kind::list) return false;
    micro.items = pool.items(last);
    return std::ranges::all_of(micro.items, is_plain) || copy(pool, micro);
  }

  /// Its handle says everything.
  static bool is_plain(ValueHandle h) {
    return h.is_small_integer() || h.is_nil() || h.kind() == ValueHandle::Kind::boolean;
  }
  ValueHandle own(const ValuePool& pool, ValueHandle h) {
    return is_plain(h) ? h : own_.import(pool, h);
  }
  bool copy(const ValuePool& pool, OnlineMicro& micro) {
    if (copies_used_ == copies_.size()) copies_.emplace_back();
    std::vector<ValueHandle>& items = copies_[copies_used_++];
    items.clear();
    for (const ValueHandle item : micro.items) {
      if (item.is_compound()) return false;
      items.push_back(own(pool, item));
    }
    micro.items = items;
    return true;
  }
  KeyIndex key_of(ValueHandle key) {
    return keys_.try_emplace(key.bits(), static_cast<KeyIndex>(keys_.size())).first->second;
  }

  ValuePool own_;
  boost::unordered_flat_map<std::uint64_t, KeyIndex> keys_;
  std::vector<OnlineMicro> micros_;
  std::deque<std::vector<ValueHandle>> copies_;  ///< Of lists with texts; kept for their memory.
  std::size_t copies_used_ = 0;
};

class OnlineListAppend final : public OnlineChecker {
 public:
  OnlineListAppend(ModelSet asked, const Budget& budget) : asked_(asked), budget_(budget) {}

  void feed(const ValuePool& pool, const OnlineEvent& event) override {
    if (!ended_.empty()) return;
    const bool is_ok = !event.is_invoke && event.fate == Fate::ok;
    if (event.is_invoke || is_ok) {
      if (event.function != Function::txn || !reader_.read(pool, event.value, is_ok))
        return give_up("unsupported");
      if (is_ok)
        lists_.ok(event.process, reader_.micros());
      else
        lists_.invoke(event.process, reader_.micros());
    } else {
      lists_.fail_or_info(event.process, event.fate);
    }
    if (!lists_.ended().empty()) return give_up(lists_.ended());
    if (++fed_ % looked_at_every == 0 && is_full()) give_up("memory");
  }

  OnlineFindings findings() override {
    if (ended_.empty() && !is_finished_) look_at_components();
    OnlineFindings findings;
    findings.ended = ended_;
    std::vector<std::uint64_t> counts = cycles_;
    for (std::size_t a = 0; a < counts.size(); ++a) {
      counts[a] += lists_.offences().counts[a];
      const ModelSet ruled_out = ruled_out_by(static_cast<Anomaly>(a));
      if (counts[a] == 0) continue;
      refuted_ |= ruled_out;
      if ((ruled_out & asked_).any())
        findings.anomalies.emplace_back(name_of(static_cast<Anomaly>(a)), counts[a]);
    }
    add_unborn(findings);
    if (ended_ == "unsupported") {
      // The whole history will not be judged, either.
      findings.anomalies.clear();
      refuted_.reset();
    }
    std::ranges::sort(findings.anomalies);
    findings.refuted = names_of(refuted_);
    return findings;
  }

  void finish() override {
    if (!ended_.empty() || std::exchange(is_finished_, true)) return;
    lists_.finish();
    std::ranges::fill(cycles_, 0);
    CycleFindings found;
    search(lists_.whole(), found);
    cycles_ = found.counts;
    if (lists_.is_contradicted()) keep_certain();
  }

  std::uint64_t bytes() const override { return lists_.bytes() + reader_.bytes(); }

 private:
  static constexpr std::uint64_t looked_at_every = 4096;

  bool is_full() {
    return bytes() > budget_.bytes_max ||
           2 * (lists_.transactions() + looked_at_every) > Graph::nodes_max;
  }
  void give_up(std::string why) {
    look_at_components();
    ended_ = std::move(why);
  }

  /// Whoever asks to append it later, did so after it was read.
  void add_unborn(OnlineFindings& findings) {
    if (lists_.unborn() == 0 || is_finished_) return;
    const ModelSet ruled_out = ruled_out_by(Anomaly::G1c_realtime);
    refuted_ |= ruled_out;
    if ((ruled_out & asked_).none()) return;
    const std::string_view name = name_of(Anomaly::garbage_read);
    const auto at = std::ranges::find(findings.anomalies, name,
                                      [](const auto& one) { return std::string_view(one.first); });
    if (at != findings.anomalies.end())
      at->second += lists_.unborn();
    else
      findings.anomalies.emplace_back(name, lists_.unborn());
  }

  /// False: the budget ended.
  bool search(const Excerpt& excerpt, CycleFindings& found) {
    Meter meter(budget_);
    try {
      find_cycles(excerpt, meter, found);
    } catch (const OutOfBudget&) {
      return false;
    }
    return true;
  }

  void look_at_components() {
    if (lists_.is_contradicted()) return keep_certain();
    OnlineOrder& order = lists_.order();
    for (const Node node : order.take_changed()) {
      OnlineOrder::Cyclic& component = order.cyclic(node);
      for (const auto& [anomaly, count] : component.found)
        cycles_[static_cast<std::size_t>(anomaly)] -= count;
      component.found.clear();
      CycleFindings found;
      search(lists_.component(node), found);
      for (std::size_t a = 0; a < found.counts.size(); ++a) {
        if (found.counts[a] == 0) continue;
        component.found.emplace_back(static_cast<Anomaly>(a), found.counts[a]);
        cycles_[a] += found.counts[a];
      }
    }
  }

  /// Where lists contradict each other, cycles of certain writes alone can rule out what those
  /// lists do not; they are looked for in the end.
  void keep_certain() {
    using enum Anomaly;
    for (std::size_t a = 0; a < cycles_.size(); ++a) {
      const auto anomaly = static_cast<Anomaly>(a);
      const bool is_certain = anomaly == G0 || anomaly == G0_process || anomaly == G0_realtime;
      if (!is_certain || !is_finished_) cycles_[a] = 0;
    }
    refuted_.reset();
  }

  const ModelSet asked_;
  const Budget budget_;
  OnlineReader reader_;
  OnlineLists lists_;
  std::vector<std::uint64_t> cycles_ = std::vector<std::uint64_t>(anomaly_names().size(), 0);
  ModelSet refuted_;
  std::uint64_t fed_ = 0;
  bool is_finished_ = false;
  std::string ended_;
};

}  // namespace

std::unique_ptr<OnlineChecker> online_list_append(ModelSet asked, const Budget& budget) {
  return std::make_unique<OnlineListAppend>(asked, budget);
}

}  // namespace faultline::transactional
