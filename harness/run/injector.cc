#include "harness/run/injector.h"

#include <algorithm>
#include <cmath>
#include <thread>
#include <utility>

namespace faultline {
namespace {

/// Between two looks for what may come at any time.
constexpr Nanoseconds look_pause = std::chrono::milliseconds(2);
/// How long the answer may take who leads, if it is asked when the fault should have healed.
constexpr Nanoseconds late_question = std::chrono::seconds(1);

double seconds(Nanoseconds time) {
  return std::round(static_cast<double>(time.count()) / 1e3) / 1e6;
}

void note_doubts(FaultTally& tally, const Map& evidence) {
  for (const auto& [key, value] : evidence) {
    if (key != "doubts" || value.list() == nullptr) continue;
    for (const Value& doubt : *value.list())
      if (doubt.text() != nullptr && tally.doubts.size() < FaultTally::doubts_max)
        tally.doubts.insert(*doubt.text());
  }
}

}  // namespace

Result<std::vector<std::size_t>> victims_of(const FaultPlan& fault, const Cluster& cluster,
                                            std::span<const std::size_t> leaders, Rng rng) {
  const bool of_clients = fault.nemesis->strikes_clients();
  auto victims = resolve_victims(
      fault.victims, of_clients ? cluster.clients().size() : cluster.nodes().size(), leaders, rng);
  if (victims && of_clients)
    for (std::size_t& victim : *victims) victim += cluster.nodes().size();
  return victims;
}

std::string strike_text(const FaultPlan& fault, const Cluster& cluster,
                        std::span<const std::size_t> victims) {
  std::string text = fault.fault;
  for (const auto& [key, value] : fault.nemesis->parameters())
    if (key == "kind" && value.text() != nullptr) text += " " + *value.text();
  const std::size_t all =
      fault.nemesis->strikes_clients() ? cluster.clients().size() : cluster.nodes().size();
  if (victims.size() < all)
    for (const std::size_t victim : victims) text += " " + machine_of(cluster, victim).name;
  return text;
}

Value schedule_value(std::span<const FaultPlan> faults, std::span<const PlannedFault> schedule) {
  List lines;
  for (const PlannedFault& planned : schedule) {
    const FaultPlan& fault = faults[planned.entry];
    Map line = {{"fault", fault.fault}};
    for (const auto& parameter : fault.nemesis->parameters()) line.push_back(parameter);
    line.emplace_back("id", std::int64_t{planned.id});
    line.emplace_back("entry", planned.entry);
    line.emplace_back("victims", fault.victims_text);
    line.emplace_back("planned", seconds(planned.start));
    line.emplace_back("until", seconds(planned.end));
    lines.emplace_back(std::move(line));
  }
  return Map{{"schema", "faultline.schedule/1"}, {"faults", std::move(lines)}};
}

Injector::Injector(Setup setup) : setup_(std::move(setup)) {
  for (const FaultPlan& fault : setup_.faults) tallies_.push_back({fault.fault, 0, 0, 0});
  for (const PlannedFault& planned : setup_.schedule) ++tallies_[planned.entry].planned;
}

const FaultPlan& Injector::plan_of(const PlannedFault& planned) const {
  return setup_.faults[planned.entry];
}

std::optional<Nanoseconds> Injector::step() {
  for (std::size_t i = 0; i < active_.size();) {
    if (active_[i].planned.end > setup_.now()) {
      ++i;
      continue;
    }
    Active over = std::move(active_[i]);
    active_.erase(active_.begin() + static_cast<std::ptrdiff_t>(i));
    heal(std::move(over));
  }
  while (next_ < setup_.schedule.size() && setup_.schedule[next_].start <= setup_.now()) {
    const PlannedFault& planned = setup_.schedule[next_++];
    const RecordedStrike* strike_then = recorded(planned);
    if (strike_then != nullptr && !strike_then->struck)
      give_up(planned, "given up, as in the run that is replayed");
    else if (plan_of(planned).needs_leader())
      waiting_.push_back({planned, 0, strike_then ? strike_then->applied : planned.start, {}});
    else
      strike(planned, {});
  }
  std::erase_if(waiting_, [this](Waiting& waiting) { return try_waiting(waiting); });
  bool all_attested = true;
  for (Active& active : active_) all_attested = is_attested(active) && all_attested;
  std::erase_if(healed_, [this](Healed& healed) { return try_telling(healed); });

  std::optional<Nanoseconds> due;
  const auto consider = [&](Nanoseconds time) { due = due ? std::min(*due, time) : time; };
  if (next_ < setup_.schedule.size()) consider(setup_.schedule[next_].start);
  for (const Active& active : active_) consider(active.planned.end);
  for (const Waiting& waiting : waiting_)
    consider(waiting.answer ? setup_.now() + look_pause : waiting.next_try);
  if (!all_attested || !healed_.empty()) consider(setup_.now() + look_pause);
  return due;
}

/// True if `waiting` waits no more: it struck, or was given up.
bool Injector::try_waiting(Waiting& waiting) {
  const Nanoseconds now = setup_.now();
  if (const RecordedStrike* strike_then = recorded(waiting.planned)) {
    if (now < waiting.next_try) return false;
    strike(waiting.planned, strike_then->leaders);
    return true;
  }
  const bool late = now >= waiting.planned.end;
  // Once in any case: like every other, it strikes however late the round comes.
  if (!waiting.answer && (!late || waiting.tries == 0) && now >= waiting.next_try) {
    waiting.answer =
        setup_.ask_leaders(waiting.tries, late ? late_question : waiting.planned.end - now);
    ++waiting.tries;
  }
  if (waiting.answer && waiting.answer->wait_for(Nanoseconds(0)) == std::future_status::ready) {
    const std::vector<std::size_t> leaders = waiting.answer->get();
    waiting.answer.reset();
    waiting.next_try = now + leader_pause;
    if (!leaders.empty()) {
      strike(waiting.planned, leaders);
      return true;
    }
    if (waiting.tries >= leader_tries) {
      give_up(waiting.planned, "no leader known");
      return true;
    }
  }
  if (!late || waiting.answer) return false;
  give_up(waiting.planned, "no leader known");
  return true;
}

void Injector::strike(const PlannedFault& planned, std::span<const std::size_t> leaders) {
  const FaultPlan& fault = plan_of(planned);
  const StrikeRng rng(setup_.rng, planned.id);
  const RecordedStrike* strike_then = recorded(planned);
  auto victims = strike_then != nullptr
                     ? Result<std::vector<std::size_t>>(strike_then->victims)
                     : victims_of(fault, setup_.levers.cluster(), leaders, rng.victims);
  if (!victims) return give_up(planned, victims.error().what);
  Active active{planned, std::move(*victims), {leaders.begin(), leaders.end()}, setup_.now(), {},
                {}};
  auto attested =
      fault.nemesis->inject(setup_.levers, planned.id, active.victims, leaders, rng.nemesis);
  if (!attested) {
    active.reason = attested.error().what;
    heal(std::move(active));
    return;
  }
  ++tallies_[planned.entry].injected;
  active.attestation = std::move(*attested);
  is_attested(active);
  active_.push_back(std::move(active));
}

bool Injector::is_attested(Active& active) {
  if (active.attested || !is_complete(active.attestation)) return active.attested;
  active.attested = true;
  if (active.attestation.effective) ++tallies_[active.planned.entry].effective;
  return true;
}

void Injector::heal(Active active) {
  auto healing = plan_of(active.planned).nemesis->heal(setup_.levers, active.planned.id);
  if (!healing) {
    heal_error_ = healing.error();
    // The nemesis may have failed before it let go; the levers know what it holds.
    if (const Status released = setup_.levers.release(active.planned.id); !released)
      heal_error_ = released.error();
  }
  Healed healed{std::move(active), std::move(healing), setup_.now()};
  if (!try_telling(healed)) healed_.push_back(std::move(healed));
}

bool Injector::try_telling(Healed& healed) {
  const bool struck = is_attested(healed.over);
  if ((healed.healing && !is_complete(*healed.healing)) || !struck) return false;
  tell(healed);
  return true;
}

void Injector::tell(Healed& healed) {
  Active& active = healed.over;
  auto& healing = healed.healing;
  FaultTally& tally = tallies_[active.planned.entry];
  Map line = line_of(active.planned);
  line.emplace_back("victims", names(active.victims));
  if (plan_of(active.planned).needs_leader()) line.emplace_back("leaders", names(active.leaders));
  line.emplace_back("planned", seconds(active.planned.start));
  line.emplace_back("applied", seconds(active.applied));
  if (healing && healing->bore_out && active.reason.empty() && !active.attestation.effective) {
    active.attestation.effective = true;
    ++tally.effective;
  }
  if (!healing || !healing->effective) ++tally.heals_failed;
  line.emplace_back("healed", seconds(healed.at));
  line.emplace_back("evidence", std::move(active.attestation.evidence));
  if (healing) note_doubts(tally, healing->evidence);
  Map told = {{"effective", healing && healing->effective}};
  if (healing)
    for (auto& item : healing->evidence) told.push_back(std::move(item));
  else
    told.emplace_back("reason", healing.error().what);
  line.emplace_back("healing", std::move(told));
  line.emplace_back("effective", active.attestation.effective);
  if (!active.reason.empty()) line.emplace_back("reason", active.reason);
  write(std::move(line));
}

void Injector::give_up(const PlannedFault& planned, const std::string& reason, bool reached) {
  Map line = line_of(planned);
  line.emplace_back("victims", List{});
  line.emplace_back("planned", seconds(planned.start));
  line.emplace_back("applied", Value());
  line.emplace_back("healed", Value());
  line.emplace_back("effective", false);
  line.emplace_back("reason", reason);
  if (!reached) line.emplace_back("reached", false);  // it says nothing about the store
  write(std::move(line));
}

const RecordedStrike* Injector::recorded(const PlannedFault& planned) const {
  const auto at = setup_.recorded.find(planned.id);
  return at != setup_.recorded.end() ? &at->second : nullptr;
}

List Injector::names(std::span<const std::size_t> machines) const {
  List names;
  for (const std::size_t machine : machines)
    names.emplace_back(machine_of(setup_.levers.cluster(), machine).name);
  return names;
}

Map Injector::line_of(const PlannedFault& planned) const {
  const FaultPlan& fault = plan_of(planned);
  Map line = {{"fault", fault.fault}};
  for (const auto& parameter : fault.nemesis->parameters()) line.push_back(parameter);
  line.emplace_back("id", std::int64_t{planned.id});
  line.emplace_back("entry", planned.entry);
  return line;
}

void Injector::write(Map line) {
  lines_.emplace_back(std::move(line));
  setup_.write(lines_.back());
}

Status Injector::heal_all() {
  heal_error_.reset();  // what failed before may be put right now
  for (Active& active : std::exchange(active_, {})) heal(std::move(active));
  for (const Waiting& waiting : std::exchange(waiting_, {}))
    give_up(waiting.planned, "the load ended before a leader was known", false);
  for (; next_ < setup_.schedule.size(); ++next_)
    give_up(setup_.schedule[next_], "the load ended before", false);
  Status released = setup_.levers.release_all();
  for (;;) {
    std::erase_if(healed_, [this](Healed& healed) { return try_telling(healed); });
    if (healed_.empty()) break;
    std::this_thread::sleep_for(look_pause);
  }
  if (!released) return released;
  heal_error_.reset();
  return Ok{};
}

std::vector<std::string> Injector::active() const {
  std::vector<std::string> texts;
  for (const Active& active : active_)
    texts.push_back(strike_text(plan_of(active.planned), setup_.levers.cluster(), active.victims));
  return texts;
}

}  // namespace faultline
