#include "checkers/linearizable/tale.h"

#include <algorithm>
#include <array>

#include "checkers/linearizable/models/lease.h"
#include "checkers/linearizable/words.h"

namespace faultline::linearizable {
namespace {

constexpr auto names = std::to_array<std::string_view>(
    {"double-read", "duplicate", "lost-element", "non-monotonic-read", "not-linearizable",
     "phantom-read", "reordered", "split-brain", "stale-read"});

struct Tale {
  std::string_view anomaly;
  std::string sentence;
  const Operation* evidence = nullptr;  ///< Belongs into the witness.
};

bool adds(const Operation& o) {
  return o.function == Function::enqueue || o.function == Function::push ||
         o.function == Function::add || o.function == Function::append;
}
bool takes(const Operation& o) {
  return o.function == Function::dequeue || o.function == Function::pop ||
         o.function == Function::remove;
}

class Teller {
 public:
  Teller(const History& history, const Operations& all, std::string_view model,
         const std::vector<std::size_t>& proof, const Operation& bad)
      : words_(history), all_(all), model_(model), proof_(proof), bad_(bad) {}

  Tale tell() const {
    Tale tale;
    if (bad_.refused) return tale;
    if (model_ == "fifo-queue" || model_ == "stack" || model_ == "priority-queue" ||
        model_ == "max-priority-queue")
      tale = about_container();
    else if (model_ == "id-generator" || (model_ == "fetch-and-add" && bad_.output != no_value))
      tale = about_twins();
    else if (model_ == "lease")
      tale = about_lease();
    else if (bad_.function == Function::acquire && model_ != "semaphore")
      tale = about_lock();
    else if (model_ == "set" || model_ == "grow-only-set" || model_ == "append-list")
      tale = about_elements();
    return tale;
  }

 private:
  ValueHandle argument(const Operation& o) const { return argument_of(o, all_); }
  ValueHandle output(const Operation& o) const { return output_of(o, all_); }
  bool same(ValueHandle a, ValueHandle b) const { return all_.pool->equal(a, b); }

  std::string text(ValueHandle h) const { return words_.text(h); }
  std::string deed(const Operation& o, bool perfect, int decimals = 2) const {
    return words_.deed(o.id, perfect, decimals);
  }
  Tale against(std::string_view anomaly, const Operation& evidence, const std::string& why) const {
    return {anomaly, deed(bad_, false, decimals(evidence)) + " although " + why, &evidence};
  }
  int decimals(const Operation& evidence) const {
    return words_.decimals(bad_.id, false, evidence.id, evidence.is_info());
  }

  /// Nobody put the value in, or nobody yet.
  bool phantom(ValueHandle value, const char* put, Tale& tale) const {
    const Operation* first = nullptr;
    for (const Operation& o : all_.list)
      if (adds(o) && !o.refused && same(argument(o), value) && first == nullptr) first = &o;
    if (first == nullptr) {
      tale = {"phantom-read",
              deed(bad_, false) + " although nobody ever " + put + " " + text(value)};
      return true;
    }
    if (!precedes(bad_, *first)) return false;
    const int d = words_.decimals(bad_.id, false, first->id, true);
    tale = {"phantom-read",
            deed(bad_, false, d) + " although " + text(value) + " was only asked to be " + put +
                " " + words_.when(first->id, true, d),
            first};
    return true;
  }

  Tale about_container() const {
    Tale tale;
    if (adds(bad_)) return tale;
    const bool stack = model_ == "stack";
    const char* put = stack ? "pushed" : "enqueued";
    const char* taken = stack ? "popped" : "dequeued";
    if (bad_.output == no_value) {
      const Operation* left = nullptr;
      for (const std::size_t i : proof_) {
        const Operation& o = all_.list[i];
        if (adds(o) && precedes(o, bad_) && !taken_before(argument(o), bad_)) left = &o;
      }
      if (left == nullptr) return tale;
      return against("lost-element", *left, who_put(*left, put, taken));
    }
    const ValueHandle value = output(bad_);
    if (phantom(value, put, tale)) return tale;
    std::size_t in = 0, out = 0;
    const Operation* other = nullptr;
    for (const Operation& o : all_.list) {
      in += adds(o) && same(argument(o), value);
      if (!takes(o) || o.output == no_value || o.is_info() || !same(output(o), value)) continue;
      ++out;
      if (o.id != bad_.id && precedes(o, bad_)) other = &o;
    }
    if (other != nullptr && out > in)
      return against("double-read", *other, deed(*other, true, decimals(*other)) + " already");
    return about_order(value, put, taken);
  }

  /// "5, enqueued before it, was never dequeued"
  std::string who_put(const Operation& o, const char* put, const char* taken) const {
    return text(argument(o)) + ", which " + words_.who(o.id) + " had " + put + " " +
           words_.when(o.id, false, decimals(o)) + ", was " +
           (ever_taken(argument(o)) ? "only " : "never ") + taken +
           (ever_taken(argument(o)) ? " later" : "");
  }

  Tale about_order(ValueHandle value, const char* put, const char* taken) const {
    const Operation* own = nullptr;
    for (const std::size_t i : proof_)
      if (adds(all_.list[i]) && same(argument(all_.list[i]), value)) own = &all_.list[i];
    if (own == nullptr) return {};
    for (const std::size_t i : proof_) {
      const Operation& o = all_.list[i];
      if (!adds(o) || o.is_info() || same(argument(o), value) || !precedes(o, bad_) ||
          taken_before(argument(o), bad_))
        continue;
      const bool first = model_ == "fifo-queue" ? precedes(o, *own)
                         : model_ == "stack"    ? precedes(*own, o)
                                                : better(argument(o), value);
      if (!first) continue;
      const bool lost = !ever_taken(argument(o)) && model_ == "fifo-queue";
      if (model_ == "fifo-queue")
        return against(
            lost ? "lost-element" : "reordered", o,
            text(argument(o)) + ", " + put + " before it, was " +
                (lost ? "never " + std::string(taken) : "only " + std::string(taken) + " later"));
      return against("reordered", o,
                     text(argument(o)) + ", " + put + " " + words_.when(o.id, false, decimals(o)) +
                         ", was to come out before it");
    }
    return {};
  }
  bool better(ValueHandle a, ValueHandle b) const {
    const std::int64_t x = all_.pool->as_integer(a), y = all_.pool->as_integer(b);
    return model_ == "priority-queue" ? x < y : x > y;
  }
  /// May somebody have taken the value before `until` was over?
  bool taken_before(ValueHandle value, const Operation& until) const {
    return std::ranges::any_of(all_.list, [&](const Operation& o) {
      return takes(o) && o.id != until.id && !precedes(until, o) &&
             (o.is_info() || (o.output != no_value && same(output(o), value)));
    });
  }
  bool ever_taken(ValueHandle value) const {
    return std::ranges::any_of(all_.list, [&](const Operation& o) {
      return takes(o) && !o.is_info() && o.output != no_value && same(output(o), value);
    });
  }

  /// Two answers that only one operation can have given.
  Tale about_twins() const {
    for (const std::size_t i : proof_) {
      const Operation& o = all_.list[i];
      if (o.id == bad_.id || o.is_info() || o.function != bad_.function || o.output != bad_.output)
        continue;
      return against("duplicate", o, deed(o, true, decimals(o)));
    }
    return {};
  }

  Tale about_lock() const {
    for (std::size_t k = proof_.size(); k-- > 0;) {
      const Operation& o = all_.list[proof_[k]];
      if (o.function != Function::acquire || o.refused || o.is_info() || !precedes(o, bad_))
        continue;
      const bool mine = o.process == bad_.process && model_ != "mutex";
      const bool freed = std::ranges::any_of(all_.list, [&](const Operation& r) {
        return r.function == Function::release && !r.refused && !precedes(r, o) &&
               !precedes(bad_, r) && (model_ == "ownerless-mutex" || r.process == o.process);
      });
      if (freed || mine) continue;
      return against("split-brain", o,
                     deed(o, true, decimals(o)) + ", and nobody had released it by then");
    }
    if (bad_.output == no_value || !is_integer(output(bad_))) return {};
    for (const std::size_t i : proof_) {
      const Operation& o = all_.list[i];
      if (o.function != Function::acquire || o.is_info() || o.refused || o.output == no_value ||
          !precedes(o, bad_) || !is_integer(output(o)) ||
          all_.pool->as_integer(output(o)) < all_.pool->as_integer(output(bad_)))
        continue;
      return against("non-monotonic-read", o,
                     deed(o, true, decimals(o)) + ", which is not smaller");
    }
    return {};
  }

  bool grants(const Operation& o) const {
    return o.function == Function::acquire && !o.refused && !o.is_info();
  }
  std::int64_t held_until(const Operation& acquire) const {
    return later_by(asked_at(acquire, all_), time_to_live(acquire, all_));
  }
  /// Even granted as early as can be, was `a` held when `b` was answered?
  bool outlasts(const Operation& a, const Operation& b) const {
    if (held_until(a) <= answered_at(b, all_)) return false;
    return std::ranges::none_of(all_.list, [&](const Operation& o) {
      return o.process == a.process && o.id != a.id && !o.refused && !precedes(o, a) &&
             !precedes(b, o) && ends_early(o, a);
    });
  }
  /// A release, or a renewal for a shorter time.
  bool ends_early(const Operation& o, const Operation& a) const {
    return o.function == Function::release || time_to_live(o, all_) < time_to_live(a, all_);
  }

  Tale about_lease() const {
    const std::string granted = words_.who(bad_.id) + " was granted the lease ";
    for (const std::size_t i : proof_) {
      const Operation& o = all_.list[i];
      if (!grants(o) || o.process == bad_.process || !outlasts(o, bad_) ||
          !(precedes(o, bad_) || outlasts(bad_, o)))
        continue;
      std::int64_t until = held_until(o);
      for (const Operation& later : all_.list)
        if (later.process == o.process && !later.refused && precedes(bad_, later) &&
            ends_early(later, o))
          until = std::min(until, asked_at(later, all_));
      int d = 2;
      while (d < 9 && Words::seconds(until, d) == Words::seconds(answered_at(bad_, all_), d)) ++d;
      return {"split-brain",
              granted + words_.when(bad_.id, false, d) + " although " + words_.who(o.id) +
                  " held it until " + Words::seconds(until, d) + " at least",
              &o};
    }
    if (!grants(bad_)) return {};
    return {"not-linearizable",
            granted + words_.when(bad_.id, false, 2) +
                ", for which no order and no instants of these operations leave room"};
  }

  bool lists(const Operation& o, ValueHandle value) const {
    if (o.output == no_value) return false;
    return std::ranges::any_of(all_.pool->items(all_.values[o.output]),
                               [&](ValueHandle item) { return same(item, value); });
  }

  Tale about_elements() const {
    Tale tale;
    const char* put = model_ == "append-list" ? "appended" : "added";
    if (bad_.function != Function::read) return tale;
    if (bad_.output != no_value)
      for (const ValueHandle item : all_.pool->items(all_.values[bad_.output]))
        if (phantom(item, put, tale)) return tale;
    for (const std::size_t i : proof_) {
      const Operation& o = all_.list[i];
      if (!adds(o) || o.is_info() || o.refused || !precedes(o, bad_) || lists(bad_, argument(o)))
        continue;
      const bool removed = std::ranges::any_of(all_.list, [&](const Operation& r) {
        return r.function == Function::remove && same(argument(r), argument(o)) &&
               !precedes(bad_, r);
      });
      if (removed) continue;
      const bool seen = std::ranges::any_of(all_.list, [&](const Operation& r) {
        return r.function == Function::read && !r.is_info() && lists(r, argument(o)) &&
               precedes(bad_, r);
      });
      return against(seen ? "stale-read" : "lost-element", o,
                     deed(o, true, decimals(o)) + (seen ? "" : ", and nobody saw that again"));
    }
    for (const std::size_t i : proof_) {
      const Operation& o = all_.list[i];
      if (o.function != Function::read || o.is_info() || !precedes(o, bad_)) continue;
      const std::size_t before = o.output == no_value ? 0 : all_.pool->items(output(o)).size();
      const std::size_t now = bad_.output == no_value ? 0 : all_.pool->items(output(bad_)).size();
      if (model_ != "set" && now < before)
        return against("non-monotonic-read", o, deed(o, true, decimals(o)));
    }
    return tale;
  }

  const Words words_;
  const Operations& all_;
  const std::string_view model_;
  const std::vector<std::size_t>& proof_;
  const Operation& bad_;
};

}  // namespace

Finding tell(const History& history, const Operations& all, std::string_view model,
             const std::vector<std::size_t>& proof, std::size_t bad, std::string_view anomaly,
             bool minimal) {
  // An append fails only because of the longest list that was read.
  if (model == "append-list" && all.list[bad].function == Function::append)
    for (const std::size_t i : proof)
      if (all.list[i].function == Function::read && all.list[i].output != no_value &&
          (all.list[bad].function == Function::append ||
           all.pool->items(all.values[all.list[i].output]).size() >
               all.pool->items(all.values[all.list[bad].output]).size()))
        bad = i;
  // Likewise an enqueue only because of who dequeued it.
  if (model == "fifo-queue" && all.list[bad].function == Function::enqueue) {
    const ValueId element = all.list[bad].argument;
    for (const std::size_t i : proof)
      if (takes(all.list[i]) && !all.list[i].is_info() && all.list[i].output == element) bad = i;
  }
  const Operation& culprit = all.list[bad];
  Tale tale = Teller(history, all, model, proof, culprit).tell();
  Finding finding;
  finding.minimal = minimal;
  if (!tale.sentence.empty()) {
    finding.anomaly = tale.anomaly;
    finding.sentence = std::move(tale.sentence);
  } else {
    const Words words(history);
    finding.anomaly = anomaly.empty() ? "not-linearizable" : anomaly;
    finding.sentence =
        words.deed(culprit.id, false, 2) + ", which no order of these operations explains";
    tale.evidence = nullptr;
  }
  std::vector<const Operation*> rows;
  for (const std::size_t i : proof) rows.push_back(&all.list[i]);
  if (tale.evidence != nullptr && std::ranges::find(rows, tale.evidence) == rows.end())
    rows.push_back(tale.evidence);
  std::ranges::sort(rows, {}, [](const Operation* o) { return o->begin; });
  for (const Operation* o : rows) finding.witness.push_back(o->id);
  finding.rules_out_sequential = finding.anomaly == "phantom-read" && tale.evidence == nullptr;
  return finding;
}

std::vector<std::string_view> object_anomaly_names() { return {names.begin(), names.end()}; }

}  // namespace faultline::linearizable
