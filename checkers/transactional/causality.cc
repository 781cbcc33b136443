#include "checkers/transactional/causality.h"

#include <algorithm>
#include <utility>

#include "checkers/transactional/cycles.h"

namespace faultline::transactional {
namespace {

BigVector<Transaction> before_in_process(const Registers& registers) {
  BigVector<Transaction> before(registers.transactions().size(), nobody);
  registers.each_process_edge(false,
                              [&](Transaction from, Transaction to, Edge) { before[to] = from; });
  return before;
}

void spend(Meter& meter, std::uint64_t steps) {
  if (!meter.spend(steps)) throw OutOfBudget();
}

}  // namespace

std::uint64_t Clocks::bytes(const Registers& registers) {
  const Transactions& all = registers.transactions();
  const BigVector<Transaction> before = before_in_process(registers);
  std::uint64_t sessions = 0;
  for (Transaction t = 0; t < all.size(); ++t)
    sessions += registers.is_committed(t) && before[t] == nobody;
  sessions = (sessions + lanes - 1) / lanes * lanes;
  return all.size() * (12 + 4 * sessions) + 8 * all.appends().size() + 4 * all.micro().size() +
         all.appends().size() * (sizeof(Writer) + sizeof(Group));
}

Clocks::Clocks(const Registers& registers, std::span<const Node> order, const WrittenKeys& written,
               Meter& meter)
    : registers_(registers), before_(before_in_process(registers)) {
  number_sessions();
  count(order, meter);
  group_writers(written);
}

void Clocks::number_sessions() {
  session_.assign(before_.size(), 0);
  index_.assign(before_.size(), 0);
  for (Transaction t = 0; t < before_.size(); ++t) {
    if (!registers_.is_committed(t)) continue;
    const Transaction before = before_[t];
    session_[t] = before == nobody ? sessions_++ : session_[before];
    index_[t] = before == nobody ? 0 : index_[before] + 1;
  }
}

void Clocks::count(std::span<const Node> order, Meter& meter) {
  stride_ = (sessions_ + lanes - 1) / lanes * lanes;
  past_.assign(std::uint64_t{before_.size()} * stride_, 0);
  for (const Transaction t : order) {
    if (!registers_.is_committed(t)) continue;
    std::uint64_t joined = 1;
    const auto learn = [&](Transaction from) {
      if (from == nobody || is_in(from, t)) return;
      std::uint32_t* const own = &past_[std::uint64_t{t} * stride_];
      join(own, row(from));
      own[session_[from]] = std::max(own[session_[from]], index_[from] + 1);
      ++joined;
    };
    learn(before_[t]);
    each_read_of_others(registers_, t, [&](KeyIndex, Transaction from) { learn(from); });
    spend(meter, joined * (1 + sessions_ / 8));
  }
}

void Clocks::join(std::uint32_t* own, const std::uint32_t* other) const {
  // Whole vectors at a time.
  for (std::uint32_t s = 0; s < stride_; s += lanes)
    for (std::uint32_t i = s; i < s + lanes; ++i) own[i] = std::max(own[i], other[i]);
}

void Clocks::group_writers(const WrittenKeys& written) {
  std::vector<std::uint64_t> next(registers_.transactions().key_count() + 1, 0);
  for (const KeyIndex key : written.all()) ++next[key + 1];
  for (std::size_t k = 1; k < next.size(); ++k) next[k] += next[k - 1];
  const std::vector<std::uint64_t> begins = next;
  writers_.resize(written.all().size());
  for (Transaction t = 0; t < before_.size(); ++t)
    for (const KeyIndex key : written.of(t)) writers_[next[key]++] = {session_[t], index_[t], t};
  group_begins_.reserve(begins.size());
  for (std::size_t k = 0; k + 1 < begins.size(); ++k) {
    group_begins_.push_back(groups_.size());
    const auto of_key = std::span(writers_).subspan(begins[k], begins[k + 1] - begins[k]);
    std::ranges::sort(of_key, {},
                      [](const Writer& w) { return std::uint64_t{w.session} << 32 | w.index; });
    for (std::size_t i = begins[k]; i < begins[k + 1]; ++i) {
      if (i == begins[k] || writers_[i].session != writers_[i - 1].session)
        groups_.push_back({writers_[i].session, static_cast<std::uint32_t>(i), 0});
      groups_.back().end = static_cast<std::uint32_t>(i + 1);
    }
  }
  group_begins_.push_back(groups_.size());
}

void Clocks::constrain(Meter& meter, Constraints& into) const {
  // Who read each version.
  const std::size_t writes = registers_.transactions().appends().size();
  BigVector<std::uint32_t> next(writes + 1, 0);
  const auto each_read = [&](auto visit) {
    std::uint64_t micro = 0;
    for (Transaction t = 0; t < before_.size(); ++t)
      for (std::size_t left = registers_.transactions().of(t).size(); left > 0; --left)
        if (const Version v = registers_.seen(micro++); v != no_version) visit(t, v);
  };
  each_read([&](Transaction t, Version v) {
    if (registers_.is_initial(v)) {
      spend(meter, 1 + groups(registers_.key_of(v)).size());
      constrain_nil(t, registers_.key_of(v), into);
    } else {
      ++next[v + 1];
    }
  });
  for (std::size_t v = 1; v < next.size(); ++v) next[v] += next[v - 1];
  BigVector<Transaction> readers(next.back());
  each_read([&](Transaction t, Version v) {
    if (!registers_.is_initial(v)) readers[next[v]++] = t;
  });
  std::vector<std::uint32_t> known(stride_);
  for (Version v = 0; v < writes; ++v) {
    const std::uint32_t begin = v == 0 ? 0 : next[v - 1];
    if (begin == next[v]) continue;
    constrain(v, std::span(readers).subspan(begin, next[v] - begin), known, into);
    spend(meter, next[v] - begin + groups(registers_.key_of(v)).size());
  }
}

void Clocks::constrain_nil(Transaction t, KeyIndex key, Constraints& into) const {
  for (const Group& group : groups(key)) {
    const Writer& first = writers_[group.begin];
    if (first.index < past(t, group.session)) into.add({first.transaction, nobody, t, key});
  }
}

/// What its readers know of together must come before it: of each session the last, and of those
/// only who comes before no other one.
void Clocks::constrain(Version v, std::span<const Transaction> readers,
                       std::vector<std::uint32_t>& known, Constraints& into) const {
  const Transaction from = registers_.writer(v);
  const KeyIndex key = registers_.key_of(v);
  std::ranges::fill(known, 0);
  for (const Transaction reader : readers) join(known.data(), row(reader));
  Transaction last[16];
  std::size_t count = 0;
  const auto add = [&] {
    for (std::size_t i = 0; i < count; ++i) {
      if (std::any_of(last, last + count,
                      [&](Transaction other) { return other != last[i] && is_in(last[i], other); }))
        continue;
      const auto reader = std::ranges::find_if(
          readers, [&](Transaction t) { return t != last[i] && is_in(last[i], t); });
      into.add({last[i], from, *reader, key});
    }
    count = 0;
  };
  for (const Group& group : groups(key)) {
    // What `from` depends on comes before it anyway.
    const std::uint32_t first =
        group.session == session_[from] ? index_[from] + 1 : past(from, group.session);
    const std::uint32_t end = known[group.session];
    if (first >= end) continue;
    const auto of_group = std::span(writers_).subspan(group.begin, group.end - group.begin);
    const auto behind = std::ranges::lower_bound(of_group, end, {}, &Writer::index);
    if (behind == of_group.begin() || std::prev(behind)->index < first) continue;
    last[count++] = std::prev(behind)->transaction;
    if (count == std::size(last)) add();
  }
  add();
}

template <typename Visit>
void Clocks::each_known_writer(Transaction t, KeyIndex key, Transaction but, Visit visit) const {
  for (const Group& group : groups(key)) {
    const auto of_group = std::span(writers_).subspan(group.begin, group.end - group.begin);
    auto at = std::ranges::lower_bound(of_group, past(t, group.session), {}, &Writer::index);
    if (at != of_group.begin() && std::prev(at)->transaction == but) --at;
    if (at != of_group.begin()) visit(std::prev(at)->transaction);
  }
}

/// What it read of A comes after another writer of the key that it knows of; if that one depends on
/// B, or is B, what it read of A comes after what it read of B. That must not be a circle.
bool Clocks::has_own_order(Transaction t, Meter& meter) {
  reads_.clear();
  known_.clear();
  each_read_of_others(registers_, t,
                      [&](KeyIndex key, Transaction from) { reads_.emplace_back(key, from); });
  std::ranges::sort(reads_);
  reads_.erase(std::ranges::unique(reads_).begin(), reads_.end());
  bool missed_first = false;
  for (std::uint32_t i = 0; i < reads_.size(); ++i)
    each_known_writer(t, reads_[i].first, reads_[i].second, [&](Transaction writer) {
      missed_first = missed_first || reads_[i].second == nobody;
      known_.emplace_back(i, writer);
    });
  spend(meter, 1 + reads_.size() + known_.size());
  if (missed_first) return false;
  // The later ones of a read are looked for again when it is done: there may be many.
  const auto each_later = [&](std::uint32_t read, auto visit) {
    spend(meter, 1 + known_.size());
    const Transaction from = reads_[read].second;
    if (from == nobody) return;
    for (const auto& [later, writer] : known_)
      if (is_in(from, writer)) visit(later);
  };
  std::vector<std::uint32_t> earlier(reads_.size(), 0), free;
  for (std::uint32_t i = 0; i < reads_.size(); ++i)
    each_later(i, [&](std::uint32_t later) { ++earlier[later]; });
  for (std::uint32_t i = 0; i < reads_.size(); ++i)
    if (earlier[i] == 0) free.push_back(i);
  std::size_t done = 0;
  for (; done < free.size(); ++done)
    each_later(free[done], [&](std::uint32_t later) {
      if (--earlier[later] == 0) free.push_back(later);
    });
  return done == reads_.size();
}

void Clocks::constrain_alone(Transaction t, Meter& meter, Constraints& into) const {
  std::uint64_t steps = 1;
  each_read_of_others(registers_, t, [&](KeyIndex key, Transaction from) {
    each_known_writer(t, key, from, [&](Transaction writer) {
      ++steps;
      into.add({writer, from, t, key});
    });
  });
  spend(meter, steps);
}

namespace {

class WalksBack {
 public:
  WalksBack(const Registers& registers, bool has_sessions, std::span<const Node> order,
            Meter& meter, Constraints& into)
      : registers_(registers), all_(registers.transactions()), meter_(meter), into_(into) {
    if (has_sessions) before_ = before_in_process(registers);
    place_.assign(all_.size(), 0);
    visited_.assign(all_.size(), 0);
    for (std::uint32_t i = 0; i < order.size(); ++i) place_[order[i]] = i;
    first_place_.assign(all_.key_count(), Intervals::open);
    for (AppendId a = 0; a < all_.appends().size(); ++a) {
      const Append& write = all_.appends()[a];
      if (!registers.is_committed(write.transaction)) continue;
      std::uint32_t& first = first_place_[write.key];
      first = std::min(first, place_[write.transaction]);
    }
  }

  void from(Transaction t) {
    each_read_of_others(registers_, t, [&](KeyIndex key, Transaction writer) {
      ++walk_;
      key_ = key;
      stack_.clear();
      go_back(t);
      while (!stack_.empty()) {
        const Transaction at = stack_.back();
        stack_.pop_back();
        if (const Transaction known = meets(at); known != nobody) {
          if (known != writer && known != t) into_.add({known, writer, t, key});
        } else {
          go_back(at);
        }
      }
      if (!meter_.spend(std::exchange(steps_, 1))) throw OutOfBudget();
    });
  }

 private:
  void enter(Transaction t) {
    // Nothing that it depends on wrote the key.
    if (t == nobody || place_[t] < first_place_[key_] || visited_[t] == walk_) return;
    visited_[t] = walk_;
    stack_.push_back(t);
  }

  void go_back(Transaction t) {
    if (!before_.empty()) enter(before_[t]);
    each_read_of_others(registers_, t, [&](KeyIndex, Transaction from) { enter(from); });
    steps_ += all_.of(t).size();
    if (!meter_.spend(std::exchange(steps_, 0))) throw OutOfBudget();
  }

  /// Who wrote the key last, as far as `t` tells: it, or whom it read it of. All others that it
  /// depends on come before that one, by what it depends on or by its own constraints.
  Transaction meets(Transaction t) const {
    Transaction read = nobody;
    std::uint64_t micro = registers_.first_micro(t);
    for (const MicroOperation& m : all_.of(t)) {
      const std::uint64_t self = micro++;
      if (m.key != key_) continue;
      if (m.is_append()) return t;
      const Version seen = registers_.seen(self);
      if (seen != no_version && !registers_.is_initial(seen)) read = registers_.writer(seen);
    }
    return read;
  }

  const Registers& registers_;
  const Transactions& all_;
  Meter& meter_;
  Constraints& into_;
  BigVector<Transaction> before_;  ///< In its process; empty if that does not count.
  std::vector<std::uint32_t> place_, first_place_;  ///< In the order; of the first writer of a key.
  std::vector<std::uint32_t> visited_;              ///< In which walk.
  std::vector<Transaction> stack_;
  std::uint32_t walk_ = 0;
  KeyIndex key_ = 0;
  std::uint64_t steps_ = 0;
};

}  // namespace

void constrain_by_walks(const Registers& registers, bool has_sessions, std::span<const Node> order,
                        Meter& meter, Constraints& into) {
  WalksBack walks(registers, has_sessions, order, meter, into);
  for (Transaction t = 0; t < registers.transactions().size(); ++t) walks.from(t);
}

}  // namespace faultline::transactional
