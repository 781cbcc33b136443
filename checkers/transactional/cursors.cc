#include "checkers/transactional/cursors.h"

#include <algorithm>
#include <vector>

#include "checkers/transactional/lists.h"
#include "checkers/transactional/registers.h"

namespace faultline::transactional {
namespace {

/// What an open transaction has done to a key.
struct Cursor {
  Transaction transaction = nobody;
  std::uint64_t read = 0;     ///< The micro-operation,
  std::uint32_t version = 0;  ///< and the version that it read before it changed it.
  bool has_changed = false, is_noted = false;
  std::uint32_t greatest_own = 0;  ///< Of a list: the place of its last append.
};

/// Of lists; made once and thrown away.
class ListCursors {
 public:
  ListCursors(const Lists& lists, Offences& offences)
      : lists_(lists),
        all_(lists.transactions()),
        offences_(offences),
        cursors_(all_.key_count()) {}

  void note() {
    offences_.cursors_known = true;
    std::uint64_t micro = 0;
    for (Transaction t = 0; t < all_.size(); ++t)
      for (const MicroOperation& m : all_.of(t)) {
        const std::uint64_t self = micro++;
        if (all_.fate(t) != Fate::ok) continue;
        Cursor& here = cursors_[m.key];
        if (here.transaction != t) here = {.transaction = t, .version = Lists::not_there};
        if (m.is_append())
          change(here, m);
        else
          read(here, m.key, self);
      }
  }

 private:
  void change(Cursor& here, const MicroOperation& m) {
    // What nobody read comes after all that somebody did: not_there is the greatest.
    const std::uint32_t position = lists_.position(m.append);
    here.greatest_own = here.has_changed ? std::max(here.greatest_own, position) : position;
    here.has_changed = true;
    if (here.version == Lists::not_there || here.is_noted || position < here.version) return;
    if (here.version >= lists_.order(m.key).size()) return doubt(here.transaction, m.key);
    const Transaction next = lists_.writer(m.key, here.version);
    if (next == nobody || next == here.transaction) return;
    here.is_noted = true;
    offences_.note({Anomaly::G_cursor, here.transaction, next, here.read, 0, m.key, m.value, {}});
  }

  void read(Cursor& here, KeyIndex key, std::uint64_t self) {
    const std::uint32_t version = lists_.version(self);
    if (version == Lists::not_there) return;
    if (!here.has_changed) {
      // Of several reads the oldest version is what most comes after.
      if (version < here.version) here.version = version, here.read = self;
      return;
    }
    // What it appends later comes behind others' (G0) if what it has appended does not.
    if (here.greatest_own < version) return;
    if (version >= lists_.order(key).size()) return doubt(here.transaction, key);
    const Transaction next = lists_.writer(key, version);
    if (next != nobody && next != here.transaction) offences_.cursors_known = false;
  }

  /// It has read all that anybody did, and appended what nobody read: if others did that too, it is
  /// open whether its own came first.
  void doubt(Transaction t, KeyIndex key) {
    const auto open = lists_.unobserved(key);
    const auto is_others = [&](AppendId a) { return all_.appends()[a].transaction != t; };
    // They are in the order of transactions.
    if (is_others(open.front()) || is_others(open.back())) offences_.cursors_known = false;
  }

  const Lists& lists_;
  const Transactions& all_;
  Offences& offences_;
  std::vector<Cursor> cursors_;
};

}  // namespace

void note_cursors(const Lists& lists, Offences& offences) { ListCursors(lists, offences).note(); }

namespace {

/// Of registers; made once and thrown away.
class RegisterCursors {
 public:
  RegisterCursors(const Registers& registers, Offences& offences)
      : registers_(registers),
        all_(registers.transactions()),
        offences_(offences),
        cursors_(all_.key_count()),
        looked_at_(all_.size(), nobody) {}

  void note() {
    for (Transaction t = 0; t < all_.size(); ++t)
      if (all_.fate(t) == Fate::ok && collect(t)) look_around(t);
  }

 private:
  /// What it read of each key before it wrote to it. False if it wrote to none of these.
  bool collect(Transaction t) {
    bool any = false;
    std::uint64_t self = registers_.first_micro(t);
    for (const MicroOperation& m : all_.of(t)) {
      const Version v = registers_.version(self++);
      Cursor& here = cursors_[m.key];
      if (here.transaction != t) here = {.transaction = t, .version = no_version};
      if (m.is_append()) {
        any = any || here.version != no_version;
        here.has_changed = true;
      } else if (!here.has_changed && here.version == no_version && v != no_version) {
        here.version = v;
        here.read = self - 1;
      }
    }
    return any;
  }

  /// Those that it read of, and what they wrote.
  void look_around(Transaction t) {
    std::uint64_t self = registers_.first_micro(t);
    for (const MicroOperation& m : all_.of(t)) {
      const Version from = registers_.seen(self++);
      if (m.is_append() || from == no_version || registers_.is_initial(from)) continue;
      const Transaction other = registers_.writer(from);
      if (other == t || std::exchange(looked_at_[other], t) == t) continue;
      for (const MicroOperation& written : all_.of(other))
        if (written.is_append() && registers_.is_last(written.append))
          look_at(t, other, written.key, written.append);
    }
  }

  void look_at(Transaction t, Transaction other, KeyIndex key, Version between) {
    Cursor& here = cursors_[key];
    if (here.transaction != t || !here.has_changed || here.is_noted) return;
    if (here.version == no_version || here.version == between) return;
    if (!registers_.is_initial(here.version) && !has_read_of(other, here.version)) return;
    here.is_noted = true;
    const Version own = registers_.written(t, key);
    offences_.note({Anomaly::G_cursor, t, other, here.read, 0, key, registers_.value_of(own), {}});
  }

  /// Then its own version of the key is after that one.
  bool has_read_of(Transaction t, Version version) const {
    if (all_.fate(t) != Fate::ok) return false;
    std::uint64_t self = registers_.first_micro(t);
    for (const MicroOperation& m : all_.of(t)) {
      const Version seen = registers_.seen(self++);
      if (m.is_append() || seen == no_version || registers_.is_initial(seen)) continue;
      if (registers_.writer(seen) == registers_.writer(version)) return true;
    }
    return false;
  }

  const Registers& registers_;
  const Transactions& all_;
  Offences& offences_;
  std::vector<Cursor> cursors_;
  std::vector<Transaction> looked_at_;
};

}  // namespace

void note_cursors(const Registers& registers, Offences& offences) {
  RegisterCursors(registers, offences).note();
}

}  // namespace faultline::transactional
