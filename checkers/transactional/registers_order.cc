#include "checkers/transactional/registers_order.h"

#include <algorithm>

#include "checkers/transactional/cycles.h"

namespace faultline::transactional {

struct Guess::Execution {
  enum class State : std::uint8_t { waiting, active, done };
  explicit Execution(const Registers& registers)
      : states(registers.transactions().size(), State::waiting),
        current(registers.transactions().key_count()) {
    for (KeyIndex k = 0; k < current.size(); ++k) current[k] = registers.initial(k);
  }

  std::vector<State> states;
  std::vector<Version> current;  ///< By key.
  Position now = 0;
  bool has_circle = false;
};

Guess::Guess(const Registers& registers, Order order, Meter& meter)
    : registers_(registers), order_(order), meter_(meter) {
  const Transactions& all = registers.transactions();
  const auto ends = all.history().end();
  for (Transaction t = 0; t < all.size(); ++t)
    if (registers.is_committed(t)) by_end_.push_back(t);
  std::ranges::stable_sort(by_end_, {}, [&](Transaction t) { return ends[t]; });
  collect_readers();
  collect_needs(order);
  // More often than this does not help any more, and each costs as much as the first.
  constexpr int rounds_max = 16;
  for (int round = 0; round < rounds_max; ++round) {
    const std::size_t learnt = lessons_.size();
    if (execute() || lessons_.size() == learnt) return;
    collect_needs(order);
  }
}

void Guess::collect_needs(Order order) {
  std::vector<Need> needs = lessons_;
  const auto add = [&](Order of) {
    for (const Registers::Pair& pair : registers_.pairs(of))
      if (!registers_.is_initial(pair.before))
        needs.push_back({registers_.writer(pair.after), registers_.writer(pair.before)});
  };
  add(Order::none);
  if (order != Order::none) add(order);
  if (order == Order::process)
    registers_.each_process_edge(
        false, [&](Transaction before, Transaction t, Edge) { needs.push_back({t, before}); });
  need_begins_.assign(registers_.transactions().size() + 1, 0);
  for (const Need& need : needs) ++need_begins_[need.transaction + 1];
  for (std::size_t t = 1; t < need_begins_.size(); ++t) need_begins_[t] += need_begins_[t - 1];
  needed_.resize(needs.size());
  std::vector<std::uint64_t> next(need_begins_.begin(), need_begins_.end() - 1);
  for (const Need& need : needs) needed_[next[need.transaction]++] = need.before;
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

/// True if there was no circle.
bool Guess::execute() {
  Execution run(registers_);
  sequence_.clear();
  const auto ends = registers_.transactions().history().end();
  for (const Transaction t : by_end_) {
    run.now = ends[t];
    execute(run, t, 0);
    if (!meter_.spend(4)) throw OutOfBudget();
  }
  return !run.has_circle;
}

void Guess::execute(Execution& run, Transaction t, unsigned depth) {
  using State = Execution::State;
  constexpr unsigned depth_max = 2000;  // the stack has an end; a wrong guess is only one
  if (run.states[t] != State::waiting || depth > depth_max) return;
  run.states[t] = State::active;
  const Transactions& all = registers_.transactions();
  const std::uint64_t first = registers_.first_micro(t);
  const std::size_t count = all.of(t).size();
  for (std::size_t i = 0; i < count; ++i) {
    const Version v = registers_.seen(first + i);
    if (v != no_version && !registers_.is_initial(v)) execute(run, registers_.writer(v), depth + 1);
  }
  for (std::uint64_t n = need_begins_[t]; n < need_begins_[t + 1]; ++n)
    execute(run, needed_[n], depth + 1);
  const auto last_write = [&](const MicroOperation& m) {
    return m.is_append() && registers_.is_last(m.append);
  };
  for (const MicroOperation& m : all.of(t))
    if (last_write(m)) overwrite(run, t, m.append, depth);
  for (const MicroOperation& m : all.of(t))
    if (last_write(m)) run.current[m.key] = m.append;
  run.states[t] = State::done;
  sequence_.push_back(t);
}

/// First whoever still has to read what is there now.
void Guess::overwrite(Execution& run, Transaction t, Version written, unsigned depth) {
  using State = Execution::State;
  const auto begins = registers_.transactions().history().begin();
  const KeyIndex key = registers_.key_of(written);
  for (Version before = no_version; before != run.current[key];) {
    before = run.current[key];
    for (std::uint64_t r = reader_begins_[before]; r < reader_begins_[before + 1]; ++r) {
      const Transaction reader = readers_[r];
      if (reader == t || run.states[reader] == State::done) continue;
      const bool can_begin = order_ != Order::realtime || begins[reader] < run.now;
      if (can_begin) execute(run, reader, depth + 1);
      if (run.states[reader] == State::done) continue;
      // It needs what is being written, or is too late: then this should have been before.
      run.has_circle = true;
      if (!registers_.is_initial(before) && registers_.writer(before) != t &&
          lessons_.size() < by_end_.size())
        lessons_.push_back({registers_.writer(before), t});
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

std::uint64_t Guess::bytes() const {
  return (by_end_.capacity() + needed_.capacity() + readers_.capacity() + sequence_.capacity()) *
             sizeof(Transaction) +
         (need_begins_.capacity() + reader_begins_.capacity()) * sizeof(std::uint64_t);
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
