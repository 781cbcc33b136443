#include "checkers/transactional/online_isolation.h"

#include <algorithm>
#include <utility>

namespace faultline::transactional {
namespace {

constexpr std::uint64_t looked_at_every = 4096;

}  // namespace

void OnlineIsolation::feed(const ValuePool& pool, const OnlineEvent& event) {
  if (!ended_.empty()) return;
  const bool is_ok = !event.is_invoke && event.fate == Fate::ok;
  if (event.is_invoke || is_ok) {
    if (event.function != Function::txn || !reader_.read(pool, event.value, is_ok))
      return give_up("unsupported");
    if (is_ok)
      objects_.ok(event.process, reader_.micros());
    else
      objects_.invoke(event.process, reader_.micros());
  } else {
    objects_.fail_or_info(event.process, event.fate);
  }
  if (!objects_.ended().empty()) return give_up(objects_.ended());
  if (++fed_ % looked_at_every == 0 && is_full()) give_up("memory");
}

OnlineFindings OnlineIsolation::findings() {
  if (ended_.empty() && !is_finished_) look_at_components();
  OnlineFindings findings;
  findings.ended = ended_;
  Counts counts = cycles_;
  for (std::size_t a = 0; a < counts.size(); ++a) {
    counts[a] += objects_.offences().counts[a];
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

void OnlineIsolation::finish() {
  if (!ended_.empty() || is_finished_) return;
  is_finished_ = true;
  objects_.finish();
  search_in_the_end();
}

std::uint64_t OnlineIsolation::bytes() const { return objects_.bytes() + reader_.bytes(); }

bool OnlineIsolation::is_full() const {
  return bytes() > budget_.bytes_max ||
         2 * (objects_.facts().size() + looked_at_every) > Graph::nodes_max;
}

void OnlineIsolation::give_up(std::string why) {
  look_at_components();
  ended_ = std::move(why);
}

/// Whoever asks to append it later, did so after it was read.
void OnlineIsolation::add_unborn(OnlineFindings& findings) {
  if (objects_.unborn() == 0 || is_finished_) return;
  const ModelSet ruled_out = ruled_out_by(Anomaly::G1c_realtime);
  refuted_ |= ruled_out;
  if ((ruled_out & asked_).none()) return;
  const std::string_view name = name_of(Anomaly::garbage_read);
  const auto at = std::ranges::find(findings.anomalies, name,
                                    [](const auto& one) { return std::string_view(one.first); });
  if (at != findings.anomalies.end())
    at->second += objects_.unborn();
  else
    findings.anomalies.emplace_back(name, objects_.unborn());
}

void OnlineIsolation::look_at_components() {
  OnlineOrder& order = objects_.facts().order();
  for (const Node node : order.take_changed()) {
    OnlineOrder::Cyclic& component = order.cyclic(node);
    for (const auto& [anomaly, count] : component.found)
      cycles_[static_cast<std::size_t>(anomaly)] -= count;
    component.found.clear();
    const Counts found = search_component(node);
    for (std::size_t a = 0; a < found.size(); ++a) {
      if (found[a] == 0) continue;
      component.found.emplace_back(static_cast<Anomaly>(a), found[a]);
      cycles_[a] += found[a];
    }
  }
}

}  // namespace faultline::transactional
