#include "checkers/transactional/registers_order.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "checkers/transactional/cycles.h"

namespace faultline::transactional {

struct Guess::Execution {
  enum class State : std::uint8_t { waiting, active, done };
  explicit Execution(const Registers& registers)
      : states(registers.transactions().size(), State::waiting),
        depths(registers.transactions().size(), 0),
        current(registers.transactions().key_count()) {
    for (KeyIndex k = 0; k < current.size(); ++k) current[k] = registers.initial(k);
  }

  std::vector<State> states;
  /// The active ones, how deep each is; and where one was only entered because of the order in
  /// which two versions were taken, these.
  std::vector<std::uint32_t> depths;
  struct Choice {
    std::uint32_t depth = 0;
    Version before = no_version, written = no_version;
  };
  std::vector<Choice> choices;
  std::uint32_t depth = 0;
  std::vector<Version> current;  ///< By key.
  std::uint32_t now = 0;
  std::uint64_t circles = 0;
  std::vector<Registers::Pair> certain, doubtful;  ///< What would have avoided the circles.

  /// Of the choices below that depth one should have been the other way round. If there is only
  /// one, it must.
  void note_circle(std::uint32_t from) {
    ++circles;
    if (choices.empty() || choices.back().depth <= from) return;
    const auto first =
        std::ranges::find_if(choices, [&](const Choice& choice) { return choice.depth > from; });
    // The outermost, which was taken when least was known.
    (first + 1 == choices.end() ? certain : doubtful)
        .push_back({first->written, first->before, false});
  }
};

Guess::Guess(const Registers& registers, Order order, Effort effort, Meter& meter)
    : registers_(registers),
      order_(order),
      meter_(meter),
      intervals_(registers.transactions()),
      certain_(registers.pairs(Order::none)) {
  collect_readers();
  if (order == Order::process) {
    process_before_.assign(registers.transactions().size(), nobody);
    registers.each_process_edge(
        false, [&](Transaction before, Transaction t, Edge) { process_before_[t] = before; });
  }
  // More often than this does not help any more, and each costs as much as the first.
  constexpr int rounds_max = 12;
  std::uint64_t before = UINT64_MAX;
  for (int round = 0; round < rounds_max; ++round) {
    collect_predecessors();
    const std::uint64_t circles = execute();
    if (circles == 0) return;
    // Where something is wrong, what is learnt of it makes more circles.
    gave_up_ = effort == Effort::while_it_helps && circles > before / 2;
    if (gave_up_) return;
    before = circles;
    bool narrowed = false;
    if (order == Order::realtime) {
      narrowed = narrow_ends();
      narrowed = narrow_begins() || narrowed;
    }
    if (!narrowed && !has_learnt_) return;
  }
}

void Guess::collect_predecessors() {
  const std::vector<Registers::Pair> more =
      order_ == Order::realtime  ? registers_.pairs_within(intervals_)
      : order_ == Order::process ? registers_.pairs(order_)
                                 : std::vector<Registers::Pair>();
  const auto each = [&](auto visit) {
    for (const auto& pairs :
         {std::cref(certain_), std::cref(more), std::cref(std::as_const(lessons_))})
      for (const Registers::Pair& pair : pairs.get())
        if (!registers_.is_initial(pair.before)) visit(pair);
  };
  predecessor_begins_.assign(registers_.version_count() + 2, 0);
  each([&](const Registers::Pair& pair) { ++predecessor_begins_[pair.after + 2]; });
  for (std::size_t v = 2; v < predecessor_begins_.size(); ++v)
    predecessor_begins_[v] += predecessor_begins_[v - 1];
  predecessors_.resize(predecessor_begins_.back());
  each([&](const Registers::Pair& pair) {
    predecessors_[predecessor_begins_[pair.after + 1]++] = pair.before;
  });
}

/// Who must come before another one must have happened when that one had ended: along the last
/// execution, backwards.
bool Guess::narrow_ends() {
  const Transactions& all = registers_.transactions();
  auto& ends = intervals_.ends;
  // By version: when the first that reads it, and the first that comes after it, have ended.
  BigVector<std::uint32_t> read(registers_.version_count(), Intervals::open), deadline = read;
  bool narrowed = false;
  for (std::size_t i = sequence_.size(); i-- > 0;) {
    const Transaction t = sequence_[i];
    std::uint32_t end = ends[t];
    std::uint64_t micro = registers_.first_micro(t);
    for (const MicroOperation& m : all.of(t)) {
      const Version seen = registers_.seen(micro++);
      if (m.is_append())
        end = std::min({end, read[m.append], deadline[m.append]});
      else if (seen != no_version)
        end = std::min(end, deadline[seen]);
    }
    narrowed = narrowed || end != ends[t];
    ends[t] = end;
    micro = registers_.first_micro(t);
    for (const MicroOperation& m : all.of(t)) {
      const Version seen = registers_.seen(micro++);
      if (!m.is_append() && seen != no_version) read[seen] = std::min(read[seen], end);
      if (is_last_write(m))
        for (const Version before : predecessors(m.append))
          deadline[before] = std::min(deadline[before], end);
    }
  }
  return narrowed;
}

/// Likewise, forwards.
bool Guess::narrow_begins() {
  const Transactions& all = registers_.transactions();
  auto& begins = intervals_.begins;
  BigVector<std::uint32_t> read(registers_.version_count(), 0);  // By version: the last reader.
  bool narrowed = false;
  for (const Transaction t : sequence_) {
    std::uint32_t begin = begins[t];
    std::uint64_t micro = registers_.first_micro(t);
    for (const MicroOperation& m : all.of(t)) {
      const Version seen = registers_.seen(micro++);
      if (!m.is_append() && seen != no_version && !registers_.is_initial(seen))
        begin = std::max(begin, begins[registers_.writer(seen)]);
      if (is_last_write(m))
        for (const Version before : predecessors(m.append))
          begin = std::max({begin, begins[registers_.writer(before)], read[before]});
    }
    narrowed = narrowed || begin != begins[t];
    begins[t] = begin;
    micro = registers_.first_micro(t);
    for (const MicroOperation& m : all.of(t)) {
      const Version seen = registers_.seen(micro++);
      if (!m.is_append() && seen != no_version) read[seen] = std::max(read[seen], begin);
    }
  }
  return narrowed;
}

void Guess::collect_readers() {
  const Transactions& all = registers_.transactions();
  const auto each = [&](auto visit) {
    std::uint64_t micro = 0;
    for (Transaction t = 0; t < all.size(); ++t)
      for (std::size_t left = all.of(t).size(); left > 0; --left, ++micro)
        if (const Version v = registers_.version(micro);
            !all.micro()[micro].is_append() && v != no_version)
          visit(t, v);
  };
  reader_begins_.assign(registers_.version_count() + 1, 0);
  each([&](Transaction, Version v) { ++reader_begins_[v + 1]; });
  for (std::size_t v = 1; v < reader_begins_.size(); ++v)
    reader_begins_[v] += reader_begins_[v - 1];
  readers_.resize(reader_begins_.back());
  std::vector<std::uint64_t> next(reader_begins_.begin(), reader_begins_.end() - 1);
  each([&](Transaction t, Version v) { readers_[next[v]++] = t; });
}

/// How many circles there were.
std::uint64_t Guess::execute() {
  Execution run(registers_);
  sequence_.clear();
  std::vector<Transaction> by_end;
  for (Transaction t = 0; t < run.states.size(); ++t)
    if (registers_.is_committed(t)) by_end.push_back(t);
  std::ranges::sort(by_end, [&](Transaction a, Transaction b) {
    return intervals_.ends[a] != intervals_.ends[b] ? intervals_.ends[a] < intervals_.ends[b]
                                                    : a < b;
  });
  for (const Transaction t : by_end) {
    run.now = intervals_.ends[t];
    execute(run, t);
    if (!meter_.spend(4)) throw OutOfBudget();
  }
  learn(run.certain, run.doubtful);
  return run.circles;
}

/// What is doubtful only if there is nothing else to learn; and one for each key, as one that is
/// wrong makes others look so.
void Guess::learn(std::span<const Registers::Pair> certain,
                  std::span<const Registers::Pair> doubtful) {
  has_learnt_ = false;
  for (const Registers::Pair& pair : certain) {
    if (registers_.is_initial(pair.after) || !learnt_.insert(packed(pair)).second) continue;
    lessons_.push_back(pair);
    has_learnt_ = true;
  }
  if (has_learnt_) return;
  std::unordered_set<KeyIndex> keys;
  for (const Registers::Pair& pair : doubtful)
    if (!registers_.is_initial(pair.after) && keys.insert(registers_.key_of(pair.after)).second &&
        learnt_.insert(packed(pair)).second) {
      lessons_.push_back(pair);
      has_learnt_ = true;
    }
}

std::uint64_t Guess::packed(const Registers::Pair& pair) {
  return std::uint64_t{pair.before} << 32 | pair.after;
}

void Guess::execute(Execution& run, Transaction t) {
  using State = Execution::State;
  constexpr unsigned depth_max = 2000;  // the stack has an end; a wrong guess is only one
  if (run.states[t] == State::active) return run.note_circle(run.depths[t]);
  if (run.states[t] == State::done || run.depth > depth_max) return;
  run.states[t] = State::active;
  run.depths[t] = ++run.depth;
  const Transactions& all = registers_.transactions();
  std::uint64_t micro = registers_.first_micro(t);
  if (!process_before_.empty() && process_before_[t] != nobody) execute(run, process_before_[t]);
  for (const MicroOperation& m : all.of(t)) {
    const Version seen = registers_.seen(micro++);
    if (!m.is_append() && seen != no_version && !registers_.is_initial(seen))
      execute(run, registers_.writer(seen));
    if (is_last_write(m))
      for (const Version before : predecessors(m.append)) execute(run, registers_.writer(before));
  }
  for (const MicroOperation& m : all.of(t))
    if (is_last_write(m)) overwrite(run, t, m.append);
  for (const MicroOperation& m : all.of(t))
    if (is_last_write(m)) run.current[m.key] = m.append;
  run.states[t] = State::done;
  --run.depth;
  sequence_.push_back(t);
}

/// First whoever still has to read what is there now.
void Guess::overwrite(Execution& run, Transaction t, Version written) {
  using State = Execution::State;
  const KeyIndex key = registers_.key_of(written);
  for (Version before = no_version; before != run.current[key];) {
    before = run.current[key];
    const bool is_known =
        registers_.is_initial(before) ||
        std::ranges::find(predecessors(written), before) != predecessors(written).end();
    for (std::uint64_t r = reader_begins_[before]; r < reader_begins_[before + 1]; ++r) {
      const Transaction reader = readers_[r];
      if (reader == t || run.states[reader] == State::done) continue;
      if (!is_known) run.choices.push_back({run.depth + 1, before, written});
      // One that is too late should have come before what is overwritten.
      if (order_ != Order::realtime || intervals_.begins[reader] < run.now)
        execute(run, reader);
      else
        run.note_circle(0);
      if (!is_known) run.choices.pop_back();
    }
  }
}

VersionOrder Guess::versions() const {
  VersionOrder next;
  next.assign(registers_.version_count(), no_version);
  const Transactions& all = registers_.transactions();
  std::vector<Version> last(all.key_count());
  for (KeyIndex k = 0; k < last.size(); ++k) last[k] = registers_.initial(k);
  for (const Transaction t : sequence_)
    for (const MicroOperation& m : all.of(t)) {
      if (!m.is_append() || !registers_.is_last(m.append)) continue;
      next[last[m.key]] = m.append;
      last[m.key] = m.append;
    }
  return next;
}

Graph OrderedRegisters::graph(const GraphOptions& options) const {
  const Transactions& all = transactions();
  const std::size_t count = all.size();
  return Graph::of(count, count, [&](auto visit) {
    const auto writes = static_cast<Version>(all.appends().size());
    if (options.only_certain_writes) return;
    for (Version v = 0; v < writes; ++v)
      if (next_[v] != no_version)
        visit(registers_.writer(v), registers_.writer(next_[v]), Edge::ww);
    std::uint64_t micro = 0;
    for (Transaction t = 0; t < count; ++t)
      for (std::size_t left = all.of(t).size(); left > 0; --left, ++micro) {
        if (all.micro()[micro].is_append()) continue;
        const Version v = registers_.seen(micro);
        if (v == no_version) continue;
        if (!registers_.is_initial(v)) visit(registers_.writer(v), t, Edge::wr);
        if (!registers_.is_last(v) || next_[v] == no_version) continue;
        if (const Transaction next = registers_.writer(next_[v]); next != t)
          visit(t, next, Edge::rw);
      }
    if (options.order == Order::process) each_process_edge(false, visit);
  });
}

}  // namespace faultline::transactional
