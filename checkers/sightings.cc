#include "checkers/sightings.h"

#include <algorithm>

namespace faultline {

using transactional::Anomaly;
using transactional::MicroOperation;
using transactional::nobody;

Sightings::Sightings(const transactional::Transactions& all)
    : all_(all),
      history_(all.history()),
      writers_(all.key_count(), nobody),
      last_readers_(all.key_count(), nobody) {
  for (Transaction t = 0; t < all.size(); ++t)
    if (!take(t)) return;
}

bool Sightings::take(Transaction t) {
  const auto micro = all_.of(t);
  const auto refuse = [&](const std::string& why) {
    unsupported_ = "the operation with invoke index " +
                   std::to_string(history_.index_of(history_.begin()[t])) + " " + why +
                   "; expected transactions that read keys, and others that write one fresh key";
    return false;
  };
  const bool writes = std::ranges::any_of(micro, &MicroOperation::is_append);
  if (writes && micro.size() != 1) return refuse("writes a key and does something else");
  if (writes) {
    Transaction& writer = writers_[micro[0].key];
    if (writer != nobody) return refuse("writes key " + key(micro[0].key) + " a second time");
    writer = t;
    writes_ += history_.fate()[t] == Fate::ok;
    return true;
  }
  for (const MicroOperation& m : micro) {
    if (last_readers_[m.key] == t) return refuse("reads key " + key(m.key) + " a second time");
    last_readers_[m.key] = t;
  }
  if (history_.fate()[t] == Fate::ok && !micro.empty()) reads_.push_back(t);
  return true;
}

std::uint64_t Sightings::bytes() const {
  return (writers_.capacity() + last_readers_.capacity() + reads_.capacity()) * sizeof(Transaction);
}

void Sightings::note_unwritten(Tally& tally) const {
  for (const Transaction read : reads_)
    for (const MicroOperation& m : all_.of(read)) {
      if (m.value.is_nil()) continue;
      const Transaction writer = writers_[m.key];
      const auto sentence = [&] {
        return who(read) + " read " + history_.values().to_text(m.value) + " in key " + key(m.key);
      };
      if (writer == nobody || all_.of(writer)[0].value != m.value)
        tally.note("garbage-read", Anomaly::garbage_read,
                   [&] { return Tally::Case{sentence() + ", which nobody wrote", {read}}; });
      else if (history_.fate()[writer] == Fate::fail)
        tally.note("G1a", Anomaly::G1a, [&] {
          return Tally::Case{sentence() + ", whose write had failed",
                             {std::min(writer, read), std::max(writer, read)}};
        });
    }
}

std::string Sightings::who(Transaction t) const {
  const NodeId node = history_.node()[t];
  return (node != no_node ? history_.node_name(node)
                          : "process " + std::to_string(history_.process()[t])) +
         " (index " + std::to_string(history_.index_of(history_.begin()[t])) + ")";
}

}  // namespace faultline
