// What is known of the order of the versions of a key.
#include <algorithm>
#include <unordered_map>

#include <boost/unordered/unordered_flat_map.hpp>

#include "checkers/transactional/registers.h"

namespace faultline::transactional {
namespace {

/// By key, of one transaction at a time.
class Marks {
 public:
  explicit Marks(std::size_t keys) : marks_(keys) {}
  void set(Transaction t, KeyIndex key, Version version) { marks_[key] = {t, version}; }
  Version get(Transaction t, KeyIndex key) const {
    return marks_[key].transaction == t ? marks_[key].version : no_version;
  }

 private:
  struct Mark {
    Transaction transaction = nobody;
    Version version = no_version;
  };
  std::vector<Mark> marks_;
};

}  // namespace

std::vector<Registers::Pair> Registers::pairs(Order order) const {
  if (order == Order::process) return pairs_by_process();
  return order == Order::realtime ? pairs_within(Intervals(transactions_)) : pairs_by_reads();
}

/// Who read of W, and wrote a key that W wrote, did so after W. Whoever read a version of a key
/// that W wrote, and also of W, tells that the version is after W's, as nothing of W was missed.
std::vector<Registers::Pair> Registers::pairs_by_reads() const {
  std::vector<Pair> pairs;
  Marks written(transactions_.key_count()), read(transactions_.key_count());
  std::vector<Transaction> looked_at(transactions_.size(), nobody);
  std::vector<bool> has_before(transactions_.appends().size(), false);
  std::vector<bool> nil_read(transactions_.key_count(), false);
  std::uint64_t first = 0;
  for (Transaction t = 0; t < transactions_.size(); ++t) {
    const auto all = transactions_.of(t);
    const std::uint64_t begin = std::exchange(first, first + all.size());
    if (transactions_.fate(t) != Fate::ok) continue;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (all[i].is_append()) {
        written.set(t, all[i].key, all[i].append);  // the last one stays
        continue;
      }
      const Version v = version(begin + i);
      if (v == no_version) continue;
      if (is_initial(v))
        nil_read[all[i].key] = true;
      else if (read.get(t, all[i].key) == no_version)
        read.set(t, all[i].key, v);
    }
    for (std::size_t i = 0; i < all.size(); ++i) {
      const Version from = seen_[begin + i];
      if (all[i].is_append() || from == no_version || is_initial(from)) continue;
      const Transaction w = writer(from);
      if (std::exchange(looked_at[w], t) == t) continue;
      for (const MicroOperation& m : transactions_.of(w)) {
        if (!m.is_append() || is_last_[m.append] == 0) continue;
        const Version own = written.get(t, m.key), other = read.get(t, m.key);
        if (own != no_version) {
          pairs.push_back({m.append, own, true});
          has_before[own] = true;
        }
        if (other != no_version && other != m.append) pairs.push_back({m.append, other, false});
      }
    }
  }
  // Those that are behind others are behind nil through them.
  for (Version v = 0; v < has_before.size(); ++v)
    if (is_last_[v] != 0 && !has_before[v] && is_committed(writer(v)) && nil_read[key_of(v)])
      pairs.push_back({initial(key_of(v)), v, true});
  return pairs;
}

std::vector<Registers::Pair> Registers::pairs_by_process() const {
  std::vector<Pair> pairs;
  boost::unordered_flat_map<std::uint64_t, Version> last;  // By process and key.
  const auto processes = transactions_.history().process();
  Marks entry(transactions_.key_count()), exit(transactions_.key_count());
  std::uint64_t micro = 0;
  for (Transaction t = 0; t < transactions_.size(); ++t) {
    const auto all = transactions_.of(t);
    const std::uint64_t first = std::exchange(micro, micro + all.size());
    if (!is_committed(t)) continue;
    for (std::size_t i = 0; i < all.size(); ++i) {
      const KeyIndex k = all[i].key;
      const Version met = all[i].is_append() ? written(t, k) : version(first + i);
      if (met == no_version || is_initial(met)) continue;
      if (entry.get(t, k) == no_version) entry.set(t, k, met);
      const Version before = exit.get(t, k);
      // After a write of its own nothing else is the last that it met.
      if (before == no_version || writer(before) != t) exit.set(t, k, met);
    }
    for (const MicroOperation& m : all) {
      const Version in = entry.get(t, m.key);
      if (in == no_version) continue;
      const auto [at, fresh] = last.try_emplace(std::uint64_t{processes[t]} << 32 | m.key, in);
      if (!fresh && at->second != in && at->second != exit.get(t, m.key))
        pairs.push_back({at->second, in, writer(in) == t});
      at->second = exit.get(t, m.key);
    }
  }
  return pairs;
}

Intervals::Intervals(const Transactions& transactions) {
  const auto history_begins = transactions.history().begin();
  const auto history_ends = transactions.history().end();
  begins.resize(transactions.size());
  ends.resize(transactions.size());
  for (Transaction t = 0; t < transactions.size(); ++t) {
    begins[t] = history_begins[t] + 1;
    ends[t] = history_ends[t] == never ? open : history_ends[t] + 1;
  }
}

namespace {

/// When the first that met a version ended, and when the last that did began.
struct Zone {
  std::uint32_t first_end = Intervals::open, last_begin = 0;
};

BigVector<Zone> zones_of(const Registers& registers, const Intervals& intervals) {
  const Transactions& all = registers.transactions();
  BigVector<Zone> zones;
  zones.resize(registers.version_count());
  std::uint64_t micro = 0;
  for (Transaction t = 0; t < all.size(); ++t)
    for (const MicroOperation& m : all.of(t)) {
      const std::uint64_t self = micro++;
      if (!registers.is_committed(t)) continue;
      Version met = registers.version(self);
      if (m.is_append()) met = registers.is_last(m.append) ? m.append : no_version;
      if (met == no_version) continue;
      Zone& zone = zones[met];
      zone.first_end = std::min(zone.first_end, intervals.ends[t]);
      zone.last_begin = std::max(zone.last_begin, intervals.begins[t]);
    }
  return zones;
}

}  // namespace

/// A version that was met when all who met the other one had not begun is before it. Of those
/// before it only the ones that are before no other of them are told: as many as are concurrent.
std::vector<Registers::Pair> Registers::pairs_within(const Intervals& intervals) const {
  std::vector<Pair> pairs;
  const BigVector<Zone> zones = zones_of(*this, intervals);
  std::vector<std::uint64_t> starts(transactions_.key_count() + 1, 0);
  const auto counts = [&](Version v) { return is_last_[v] != 0 && is_committed(writer(v)); };
  for (Version v = 0; v < is_last_.size(); ++v)
    if (counts(v)) ++starts[key_of(v) + 1];
  for (std::size_t k = 1; k < starts.size(); ++k) starts[k] += starts[k - 1];
  std::vector<Version> sorted(starts.back());
  std::vector<std::uint64_t> next(starts.begin(), starts.end() - 1);
  for (Version v = 0; v < is_last_.size(); ++v)
    if (counts(v)) sorted[next[key_of(v)]++] = v;
  for (KeyIndex k = 0; k + 1 < starts.size(); ++k) {
    const auto of_key = std::span(sorted).subspan(starts[k], starts[k + 1] - starts[k]);
    const auto end_of = [&](Version v) { return zones[v].first_end; };
    std::ranges::sort(of_key, {}, end_of);
    for (const Version v : of_key) {
      std::uint32_t latest = 0;
      for (auto at = std::ranges::lower_bound(of_key, zones[v].last_begin, {}, end_of);
           at != of_key.begin();) {
        --at;
        if (end_of(*at) < latest) break;
        if (*at == v) continue;
        pairs.push_back({*at, v, end_of(*at) < intervals.begins[writer(v)]});
        latest = std::max(latest, zones[*at].last_begin);
      }
    }
  }
  return pairs;
}

}  // namespace faultline::transactional
