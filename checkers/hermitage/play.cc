#include "checkers/hermitage/play.h"

#include <algorithm>
#include <set>

#include "harness/core/check.h"
#include "harness/core/transaction.h"

namespace faultline::hermitage {
namespace {

/// A deed as it was asked for; nothing if it is none of ours.
std::optional<Deed> deed_of(const Value& access) {
  Deed deed;
  if (const auto item = access_of(access)) {
    if (item->key->text() == nullptr || item->kind == Access::Kind::append) return std::nullopt;
    deed.kind = item->kind == Access::Kind::read ? Deed::Kind::read : Deed::Kind::write;
    deed.key = *item->key->text();
    if (const std::int64_t* number = item->value->integer())
      deed.cell = *number;
    else if (!item->value->is_nil())
      return std::nullopt;
    return deed;
  }
  auto asked = predicate_access_of(access);
  if (!asked) return std::nullopt;
  deed.kind = asked->deletes ? Deed::Kind::erase : Deed::Kind::find;
  deed.predicate = std::move(asked->predicate);
  const Value& answer = access.list()->at(2);
  if (answer.is_nil()) return deed;
  if (answer.list() == nullptr) return std::nullopt;
  for (const Value& row : *answer.list()) {
    const List* pair = row.list();
    if (pair == nullptr || pair->size() != 2) return std::nullopt;
    const std::string* key = pair->at(0).text();
    const std::int64_t* value = pair->at(1).integer();
    if (key == nullptr || value == nullptr || !deed.rows.emplace(*key, *value).second)
      return std::nullopt;
  }
  return deed;
}

std::vector<Deed> deeds_of(const List& accesses) {
  std::vector<Deed> deeds;
  for (const Value& access : accesses) {
    auto deed = deed_of(access);
    if (!deed) return {};
    deeds.push_back(*std::move(deed));
  }
  return deeds;
}

/// Whether `answers` answer `asked`: the same deeds, with what was seen. A row that does not match
/// is not refused here: it is a thing to be found.
bool answers(const std::vector<Deed>& asked, const std::vector<Deed>& answered,
             const List& raw_answers) {
  if (asked.size() != answered.size()) return false;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    const Deed &a = asked[i], &b = answered[i];
    if (a.kind != b.kind || a.key != b.key || a.predicate != b.predicate) return false;
    if (a.kind == Deed::Kind::write && a.cell != b.cell) return false;
    const bool by_predicate = a.kind == Deed::Kind::find || a.kind == Deed::Kind::erase;
    if (by_predicate && raw_answers[i].list()->at(2).is_nil()) return false;
  }
  return true;
}

class PlayReader {
 public:
  explicit PlayReader(const History& history) : history_(history) {}

  Plays read() {
    for (OperationId row = 0; row < history_.size(); ++row) {
      const ScriptLine* line = script_at(history_, row);
      if (line == nullptr) return refuse(row, "is of no script");
      const auto at = std::ranges::find(plays_.plays, line, &Play::line);
      Play& play = at != plays_.plays.end() ? *at : plays_.plays.emplace_back(Play{line, {}, {}});
      if (!take(row, play)) return refuse(row, "is not what the script says");
    }
    for (Play& play : plays_.plays) play.trouble = trouble_of(play);
    return std::move(plays_);
  }

 private:
  Plays refuse(OperationId row, const std::string& why) const {
    return {{},
            "the operation invoked at index " +
                std::to_string(history_.index_of(history_.begin()[row])) + " " + why};
  }

  bool take(OperationId row, Play& play) {
    const std::vector<List> script = transactions_of(script_of(*play.line));
    const Value asked = history_.values().value(history_.argument()[row]);
    const std::size_t number = play.actors.size();
    if (number >= script.size() || !(asked == Value(script[number]))) return false;
    Actor actor{row, history_.fate()[row], {}, deeds_of(*asked.list())};
    if (const ErrorId error = history_.error()[row]; error != no_error)
      actor.error = history_.error_text(error);
    if (actor.committed()) {
      const Value output = history_.values().value(history_.output()[row]);
      if (output.list() == nullptr) return false;
      std::vector<Deed> answered = deeds_of(*output.list());
      if (!answers(actor.deeds, answered, *output.list())) return false;
      actor.deeds = std::move(answered);
    }
    play.actors.push_back(std::move(actor));
    return true;
  }

  /// Whether somebody read nothing where a value had been set up, which nobody deletes: reads that
  /// stale meet no anomaly, and say nothing of it.
  static bool misses_setup(const Play& play) {
    std::set<std::string> lasting;
    for (const Deed& deed : play.actors.front().deeds) lasting.insert(deed.key);
    bool misses = false;
    for (const Actor& actor : play.actors)
      for (const Deed& deed : actor.deeds) {
        if (deed.kind == Deed::Kind::erase) return false;
        misses = misses || (actor.committed() && deed.kind == Deed::Kind::read && !deed.cell &&
                            lasting.contains(deed.key));
      }
    return misses;
  }

  static std::string trouble_of(const Play& play) {
    const std::size_t count = transactions_of(script_of(*play.line)).size();
    bool any = false;
    for (std::size_t i = 0; i < play.actors.size(); ++i) {
      const Actor& actor = play.actors[i];
      const bool inner = i > 0 && i + 1 < count;
      any = any || (inner && actor.committed());
      if (actor.committed() || (inner && (actor.refused() || actor.aborted()))) continue;
      return "T" + std::to_string(i) + (actor.fate == Fate::fail ? " failed" : " got no answer") +
             (actor.error.empty() ? "" : ": " + actor.error);
    }
    if (play.actors.size() < count) return "it was not played to its end";
    if (!any) return "none of its transactions was let through";
    return misses_setup(play) ? "what was set up was not seen" : "";
  }

  const History& history_;
  Plays plays_;
};

}  // namespace

std::optional<Cell> Actor::read(std::string_view key) const {
  for (const Deed& deed : deeds)
    if (deed.kind == Deed::Kind::read && deed.key == key) return deed.cell;
  return std::nullopt;
}

Cell Actor::last_write(std::string_view key) const {
  Cell last;
  for (const Deed& deed : deeds)
    if (deed.kind == Deed::Kind::write && deed.key == key) last = deed.cell;
  return last;
}

std::optional<std::size_t> Play::writer(std::string_view key, std::int64_t value) const {
  for (std::size_t i = 0; i < actors.size(); ++i)
    for (const Deed& deed : actors[i].deeds)
      if (deed.kind == Deed::Kind::write && deed.key == key && deed.cell == value) return i;
  return std::nullopt;
}

const ScriptLine* script_at(const History& history, OperationId row) {
  const ValuePool& pool = history.values();
  const ValueHandle asked = history.argument()[row];
  const auto is_list = [](ValueHandle v) { return v.kind() == ValueHandle::Kind::list; };
  if (history.function()[row] != Function::txn || !is_list(asked) || pool.items(asked).empty())
    return nullptr;
  const ValueHandle first = pool.items(asked)[0];
  if (!is_list(first) || pool.items(first).size() != 3) return nullptr;
  ValueHandle key = pool.items(first)[1];
  if (is_list(key) && !pool.items(key).empty()) key = pool.items(key)[0];
  if (key.kind() != ValueHandle::Kind::text) return nullptr;
  const std::string_view text = pool.as_text(key);
  const std::size_t slash = text.find('/');
  return slash == text.npos ? nullptr : find_script(text.substr(0, slash));
}

Plays plays_of(const History& history) { return PlayReader(history).read(); }

std::string text_of(const Play& play, std::size_t actor) {
  const auto name = [&](const std::string& key) {
    return key.starts_with(play.key("")) ? key.substr(play.line->name.size() + 1) : key;
  };
  const auto cell = [](const Cell& c) { return c ? std::to_string(*c) : std::string("nothing"); };
  const bool known = play.actors[actor].committed();
  std::string text;
  for (const Deed& deed : play.actors[actor].deeds) {
    if (!text.empty()) text += ", ";
    if (deed.kind == Deed::Kind::write) text += "wrote " + name(deed.key) + " " + cell(deed.cell);
    if (deed.kind == Deed::Kind::read)
      text += "read " + name(deed.key) + (known ? " = " + cell(deed.cell) : "");
    if (deed.kind != Deed::Kind::find && deed.kind != Deed::Kind::erase) continue;
    text += deed.kind == Deed::Kind::find ? "looked for " : "deleted ";
    text += deed.predicate.kind == Predicate::Kind::equal ? "all that is " : "multiples of ";
    text += std::to_string(deed.predicate.number);
    if (!known) continue;
    std::string rows;
    for (const auto& [key, value] : deed.rows)
      rows += (rows.empty() ? "" : " and ") + name(key) + " = " + std::to_string(value);
    text += ": " + (rows.empty() ? "nothing" : rows);
  }
  return text;
}

}  // namespace faultline::hermitage
