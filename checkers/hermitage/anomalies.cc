#include "checkers/hermitage/anomalies.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

namespace faultline::hermitage {
namespace {

using transactional::ModelSet;

/// What Elle has no name for, and what it rules out, but for what is stronger. PMP and G-single are
/// circles with one read that missed a write, by predicates, which repeatable read (PL-2.99) allows
/// and a snapshot does not. `unexplained` is what no serial order explains nor any rule here.
struct OwnAnomaly {
  std::string_view name;
  std::array<std::string_view, 2> rules_out;
};
constexpr auto own_anomalies = std::to_array<OwnAnomaly>({
    {"OTV", {"monotonic-atomic-view", ""}},
    {"PMP", {"consistent-view", "parallel-snapshot-isolation"}},
    {"G-single", {"consistent-view", "parallel-snapshot-isolation"}},
    {"G2", {"serializable", ""}},
    {"unexplained", {"serializable", ""}},
});
constexpr auto shared_anomalies = std::to_array<std::string_view>(
    {"garbage-read", "G0", "G1a", "G1b", "G1c", "lost-update", "G-single-item", "G2-item"});

std::string actor_name(std::size_t actor) { return "T" + std::to_string(actor); }

/// What one play shows; made for it and thrown away.
class Finder {
 public:
  explicit Finder(const Play& play) : play_(play) {}

  std::vector<Found> find() {
    find_dirty_reads();
    find_unrepeated_reads();
    struct Rule {
      std::string_view script;
      void (Finder::*look)();
    };
    constexpr auto rules = std::to_array<Rule>({
        {"G0", &Finder::look_for_write_cycle},
        {"G1c", &Finder::look_for_circular_reads},
        {"OTV", &Finder::look_for_vanished},
        {"PMP", &Finder::look_for_row_between},
        {"PMP-write", &Finder::look_for_undeleted},
        {"P4", &Finder::look_for_lost_update},
        {"G-single", &Finder::look_for_read_skew},
        {"G-single-predicate", &Finder::look_for_predicate_skew},
        {"G-single-write", &Finder::look_for_deletion_skew},
        {"G2-item", &Finder::look_for_write_skew},
        {"G2", &Finder::look_for_phantoms},
        {"G2-reader", &Finder::look_for_reader_cycle},
    });
    for (const Rule& rule : rules)
      if (rule.script == play_.line->name) (this->*rule.look)();
    return std::move(found_);
  }

 private:
  const Actor* actor(std::size_t i) const {
    return i < play_.actors.size() ? &play_.actors[i] : nullptr;
  }
  bool committed(std::size_t i) const { return actor(i) != nullptr && actor(i)->committed(); }
  bool left_is_known() const {
    return play_.actors.size() > 2 && play_.last().committed() &&
           play_.actors.size() == transactions_of(script_of(*play_.line)).size();
  }
  std::optional<Cell> read(std::size_t i, std::string_view name) const {
    return committed(i) ? actor(i)->read(play_.key(name)) : std::nullopt;
  }
  bool has_read(std::size_t i, std::string_view name, std::int64_t value) const {
    return read(i, name) == std::optional<Cell>(value);
  }
  /// The rows of the i-th access by predicate.
  const Rows& rows(std::size_t who, std::size_t i) const {
    for (const Deed& deed : actor(who)->deeds)
      if ((deed.kind == Deed::Kind::find || deed.kind == Deed::Kind::erase) && i-- == 0)
        return deed.rows;
    static const Rows none;
    return none;
  }
  bool has_row(std::size_t who, std::size_t i, std::string_view name, std::int64_t value) const {
    const auto at = rows(who, i).find(play_.key(name));
    return at != rows(who, i).end() && at->second == value;
  }

  void note(std::string_view anomaly, std::string sentence, std::vector<std::size_t> actors) {
    if (std::ranges::find(found_, anomaly, &Found::anomaly) != found_.end()) return;
    std::ranges::sort(actors);
    found_.push_back({anomaly, std::move(sentence), std::move(actors)});
  }

  void look_at_value(std::size_t reader, const std::string& key, std::int64_t value) {
    const auto writer = play_.writer(key, value);
    const std::string name = key.substr(std::min(key.size(), play_.line->name.size() + 1));
    const std::string what = actor_name(reader) + " saw " + name + " = " + std::to_string(value);
    if (!writer) return note("garbage-read", what + ", which nobody wrote", {reader});
    if (*writer == reader) return;
    const Actor& by = play_.actors[*writer];
    if (by.fate == Fate::fail)
      note("G1a", what + " of " + actor_name(*writer) + ", which was undone", {reader, *writer});
    else if (by.last_write(key) != value)
      note("G1b", what + ", which " + actor_name(*writer) + " wrote over afterwards",
           {reader, *writer});
  }

  void find_dirty_reads() {
    for (std::size_t i = 0; i < play_.actors.size(); ++i) {
      if (!committed(i)) continue;
      for (const Deed& deed : play_.actors[i].deeds) {
        if (deed.kind == Deed::Kind::read && deed.cell) look_at_value(i, deed.key, *deed.cell);
        for (const auto& [key, value] : deed.rows) look_at_value(i, key, value);
      }
    }
  }

  /// Reads of one key that saw two transactions: the one missed what the other one saw.
  void find_unrepeated_reads() {
    for (std::size_t i = 0; i < play_.actors.size(); ++i) {
      if (!committed(i)) continue;
      std::map<std::string, std::pair<std::size_t, std::int64_t>> seen;
      for (const Deed& deed : play_.actors[i].deeds) {
        if (deed.kind != Deed::Kind::read || !deed.cell) continue;
        const auto writer = play_.writer(deed.key, *deed.cell);
        if (!writer || *writer == i || play_.actors[*writer].fate == Fate::fail) continue;
        const auto [at, is_first] = seen.try_emplace(deed.key, *writer, *deed.cell);
        if (is_first || at->second.first == *writer) continue;
        const std::string name = deed.key.substr(play_.line->name.size() + 1);
        note("G-single-item",
             actor_name(i) + " read " + name + " = " + std::to_string(at->second.second) + " of " +
                 actor_name(at->second.first) + ", and then " + name + " = " +
                 std::to_string(*deed.cell) + " of " + actor_name(*writer),
             {i, at->second.first, *writer});
      }
    }
  }

  void look_for_write_cycle() {
    if (!left_is_known() || !committed(1) || !committed(2)) return;
    const std::size_t last = play_.actors.size() - 1;
    for (const auto& [x, y] : {std::pair(11, 22), std::pair(12, 21)})
      if (has_read(last, "x", x) && has_read(last, "y", y))
        note("G0",
             "T1 and T2 both wrote x and y, and left x = " + std::to_string(x) + " of " +
                 actor_name(x == 11 ? 1 : 2) + " with y = " + std::to_string(y) + " of " +
                 actor_name(y == 21 ? 1 : 2),
             {1, 2, last});
  }

  void look_for_circular_reads() {
    if (has_read(1, "y", 22) && has_read(2, "x", 11))
      note("G1c", "T1 read y = 22 of T2, and T2 read x = 11 of T1", {1, 2});
    if (has_read(1, "y", 20) && has_read(2, "x", 10))
      note("G2-item", "T1 read y before T2 wrote it, and T2 read x before T1 wrote that", {1, 2});
  }

  /// Which of the states T0, T1, T2 left a value is of, in the order in which they came.
  std::optional<int> rank(const Deed& deed, bool first_won) const {
    const auto writer = deed.cell ? play_.writer(deed.key, *deed.cell) : std::nullopt;
    if (!writer || *writer > 2) return std::nullopt;
    if (*writer == 0) return 0;
    return (*writer == 2) != first_won ? 2 : 1;
  }

  void look_for_vanished() {
    if (!committed(3) || !left_is_known()) return;
    // In which order T1 and T2 came is known if both of them have one winner.
    const std::size_t last = play_.actors.size() - 1;
    const bool first_won = has_read(last, "x", 11) && has_read(last, "y", 19);
    const bool second_won = has_read(last, "x", 12) && has_read(last, "y", 18);
    if (first_won == second_won) return;
    int seen = 0;
    std::string what;
    for (const Deed& deed : actor(3)->deeds) {
      const auto now = rank(deed, first_won);
      if (!now) continue;
      const std::string here =
          deed.key.substr(play_.line->name.size() + 1) + " = " + std::to_string(*deed.cell);
      if (*now < seen)
        note("OTV", "T3 read " + what + ", and after that " + here + ", which was older",
             {1, 2, 3, last});
      if (*now > seen) what = here;
      seen = std::max(seen, *now);
    }
  }

  void look_for_row_between() {
    if (committed(1) && rows(1, 0).empty() && has_row(1, 1, "z", 30))
      note("PMP", "T1 found nothing that is 30, and then the z = 30 that T2 put", {1, 2});
  }

  void look_for_undeleted() {
    if (!committed(2) || rows(2, 1).empty()) return;
    const auto& [key, value] = *rows(2, 1).begin();
    note("PMP",
         "T2 deleted all that is 20, and then found " +
             key.substr(std::min(key.size(), play_.line->name.size() + 1)) + " = " +
             std::to_string(value),
         {1, 2});
  }

  void look_for_lost_update() {
    const auto first = read(1, "x"), second = read(2, "x");
    if (first && second && *first && *first == *second)
      note("lost-update",
           "T1 and T2 both read x = " + std::to_string(**first) + ", and each wrote over it",
           {1, 2});
  }

  void look_for_read_skew() {
    for (const auto& [x, y] : {std::pair(10, 18), std::pair(12, 20)})
      if (has_read(1, "x", x) && has_read(1, "y", y))
        note("G-single-item",
             "T1 read x = " + std::to_string(x) + " and y = " + std::to_string(y) +
                 ", but T2 wrote both at once",
             {1, 2});
  }

  void look_for_predicate_skew() {
    if (!committed(1)) return;
    if (has_row(1, 0, "x", 10) && has_row(1, 1, "x", 12))
      note("G-single", "T1 found x = 10 first, and then the x = 12 that T2 made of it", {1, 2});
  }

  void look_for_deletion_skew() {
    if (!committed(1) || !committed(2)) return;
    if (has_read(1, "x", 10) && rows(1, 0).empty())
      note("G-single", "T1 read x = 10 from before T2, and deleted nothing, for T2 had made y 18",
           {1, 2});
    if (has_row(1, 0, "y", 20) && has_read(2, "y", 20))
      note("lost-update", "T1 deleted the y = 20 that T2 had read and wrote over", {1, 2});
  }

  void look_for_write_skew() {
    for (const std::size_t i : {1, 2})
      if (!has_read(i, "x", 10) || !has_read(i, "y", 20)) return;
    note("G2-item", "T1 and T2 both read x = 10 and y = 20; T1 wrote the one and T2 the other",
         {1, 2});
  }

  void look_for_phantoms() {
    if (committed(1) && committed(2) && rows(1, 0).empty() && rows(2, 0).empty())
      note("G2", "T1 and T2 both found no multiple of 3, and each put one", {1, 2});
  }

  void look_for_reader_cycle() {
    if (has_read(1, "y", 20) && committed(2) && has_read(3, "y", 25) && has_read(3, "x", 10))
      note("G2-item",
           "T1 read y before T2 wrote it, T3 saw that and not what T1 wrote to x: T1 before T2 "
           "before T3 before T1",
           {1, 2, 3});
  }

  const Play& play_;
  std::vector<Found> found_;
};

}  // namespace

std::vector<std::string_view> all_anomalies() {
  std::vector<std::string_view> names(shared_anomalies.begin(), shared_anomalies.end());
  for (const OwnAnomaly& own : own_anomalies) names.push_back(own.name);
  std::ranges::sort(names);
  return names;
}

ModelSet ruled_out_by(std::string_view anomaly) {
  for (const OwnAnomaly& own : own_anomalies) {
    if (own.name != anomaly) continue;
    ModelSet models;
    for (const std::string_view name : own.rules_out)
      if (!name.empty()) models.set(transactional::find_model(name).value());
    return transactional::with_stronger(models);
  }
  const auto names = transactional::anomaly_names();
  const auto at = std::ranges::find(names, anomaly);
  return at == names.end()
             ? ModelSet()
             : transactional::ruled_out_by(static_cast<transactional::Anomaly>(at - names.begin()));
}

std::vector<Found> anomalies_of(const Play& play) {
  std::vector<Found> found = Finder(play).find();
  if (found.empty() && !has_serial_order(play))
    found.push_back({"unexplained",
                     "no order of these transactions one after the other gives these answers",
                     {}});
  return found;
}

}  // namespace faultline::hermitage
