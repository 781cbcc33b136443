#include "checkers/transactional/isolation.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <utility>

#include "harness/core/check.h"

namespace faultline::transactional {
namespace {

constexpr auto names = std::to_array<std::string_view>({
#define FAULTLINE_ANOMALY(name, text) text,
    FAULTLINE_TRANSACTION_ANOMALIES(FAULTLINE_ANOMALY)
#undef FAULTLINE_ANOMALY
});

/// A model, what it promises, and what it directly implies, all of which stand above it.
struct Line {
  std::string_view name, doc;
  std::array<std::string_view, 5> implies{};
};

constexpr Line lines[] = {
    {"read-uncommitted", "writes of transactions are not interleaved (Adya's PL-1)", {}},
    {"read-committed",
     "nothing is read of aborted transactions, nothing unfinished, and no information flows in "
     "a circle (PL-2)",
     {"read-uncommitted"}},
    {"monotonic-atomic-view",
     "once a transaction saw something of another one, later reads miss nothing of it, in one "
     "order of all transactions (Bailis et al. 2013)",
     {"read-committed"}},
    {"read-atomic",
     "of every transaction all or nothing is seen, in one order of all transactions, and one's "
     "own writes are (Cerone et al. 2015)",
     {"monotonic-atomic-view"}},
    {"cursor-stability", "read committed, and no update is lost (PL-CS)", {"read-committed"}},
    {"monotonic-view", "reads never go back behind what was seen (PL-2L)", {"read-committed"}},
    {"monotonic-snapshot-read",
     "every read is of a snapshot, later reads of later ones (PL-MSR)",
     {"read-committed"}},
    {"consistent-view",
     "reads fit the state that some order of the updates gives (PL-2+)",
     {"cursor-stability", "monotonic-view"}},
    {"forward-consistent-view",
     "reads fit one state, which may be later than the transaction's begin (PL-FCV)",
     {"consistent-view"}},
    {"repeatable-read",
     "serializable, but for what depends on predicates (PL-2.99)",
     {"cursor-stability", "monotonic-atomic-view"}},
    {"update-atomic", "read atomic, and no update is lost", {"read-atomic"}},
    {"causal-cerone",
     "what is seen includes all that it depends on, in one order of all transactions (Cerone et "
     "al. 2015); sessions do not count",
     {"read-atomic"}},
    {"prefix", "everybody sees a prefix of one order of all transactions", {"causal-cerone"}},
    {"parallel-snapshot-isolation",
     "snapshots that several sites may see grow in different orders, and no update is lost",
     {"causal-cerone", "update-atomic"}},
    {"snapshot-isolation",
     "reads from one snapshot, and of two that write the same only one commits (PL-SI)",
     {"forward-consistent-view", "monotonic-atomic-view", "monotonic-snapshot-read",
      "parallel-snapshot-isolation", "prefix"}},
    {"update-serializable",
     "transactions that write are serializable, and each reader fits their order (PL-3U)",
     {"forward-consistent-view"}},
    {"serializable",
     "as if the transactions had been executed one after the other (PL-3)",
     {"repeatable-read", "snapshot-isolation", "update-serializable"}},
    {"strong-session-read-uncommitted",
     "read uncommitted in an order that keeps each process's",
     {"read-uncommitted"}},
    {"strong-session-read-committed",
     "read committed in an order that keeps each process's",
     {"read-committed", "strong-session-read-uncommitted"}},
    {"causal",
     "what each transaction reads fits some order of all that it depends on, its process's earlier "
     "transactions included; others may have another order (CC: Bouajjani et al. 2017)",
     {"strong-session-read-committed"}},
    {"strong-session-read-atomic",
     "read atomic in an order that keeps each process's, of whose earlier transactions nothing is "
     "missed either (Biswas & Enea 2019)",
     {"read-atomic", "strong-session-read-committed"}},
    {"strong-session-causal",
     "causal-cerone, where what is seen includes what the process did before: causal convergence "
     "(CCv), transactional causal consistency",
     {"causal-cerone", "causal", "strong-session-read-atomic"}},
    {"strong-session-consistent-view",
     "consistent view in an order that keeps each process's",
     {"consistent-view", "strong-session-read-committed"}},
    {"strong-session-snapshot-isolation",
     "snapshot isolation, where each process's snapshots include what it did",
     {"snapshot-isolation", "strong-session-consistent-view", "strong-session-causal"}},
    {"strong-session-serializable",
     "serializable in an order that keeps each process's",
     {"serializable", "strong-session-snapshot-isolation"}},
    {"strong-read-uncommitted",
     "read uncommitted in an order that keeps real time",
     {"strong-session-read-uncommitted"}},
    {"strong-read-committed",
     "read committed in an order that keeps real time",
     {"strong-session-read-committed", "strong-read-uncommitted"}},
    {"strong-consistent-view",
     "consistent view in an order that keeps real time",
     {"strong-session-consistent-view", "strong-read-committed"}},
    {"strong-snapshot-isolation",
     "snapshot isolation, where snapshots include all that was acknowledged before",
     {"strong-session-snapshot-isolation", "strong-consistent-view"}},
    {"strict-serializable",
     "as if executed one after the other, each between its call and its return (PL-SS)",
     {"strong-session-serializable", "strong-snapshot-isolation"}},
};

const std::vector<Model>& table() {
  static const std::vector<Model> all = [] {
    std::vector<Model> made;
    for (const Line& line : lines) {
      Model model{line.name, line.doc, {}};
      for (const std::string_view weaker : line.implies) {
        if (weaker.empty()) continue;
        const auto at = std::ranges::find(made, weaker, &Model::name);
        FAULTLINE_CHECK(at != made.end());
        model.implies.push_back(static_cast<ModelId>(at - made.begin()));
      }
      made.push_back(std::move(model));
    }
    FAULTLINE_CHECK(made.size() <= ModelSet().size());
    return made;
  }();
  return all;
}

constexpr auto aliases = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"PL-1", "read-uncommitted"},
    {"PL-2", "read-committed"},
    {"PL-CS", "cursor-stability"},
    {"PL-2L", "monotonic-view"},
    {"PL-MSR", "monotonic-snapshot-read"},
    {"PL-2+", "consistent-view"},
    {"PL-FCV", "forward-consistent-view"},
    {"PL-2.99", "repeatable-read"},
    {"PL-SI", "snapshot-isolation"},
    {"PL-3U", "update-serializable"},
    {"PL-3", "serializable"},
    {"PL-SS", "strict-serializable"},
    {"strong-serializable", "strict-serializable"},
    {"PL-strong-SI", "strong-snapshot-isolation"},
    {"strong-session-PL-1", "strong-session-read-uncommitted"},
    {"strong-session-PL-2", "strong-session-read-committed"},
    {"strong-PL-1", "strong-read-uncommitted"},
    {"strong-PL-2", "strong-read-committed"},
    {"RU", "read-uncommitted"},
    {"RC", "read-committed"},
    {"MAV", "monotonic-atomic-view"},
    {"RA", "read-atomic"},
    {"RR", "repeatable-read"},
    {"CC", "causal"},
    {"CCv", "strong-session-causal"},
    {"TCC", "strong-session-causal"},
    {"consistent-prefix", "prefix"},
    {"PSI", "parallel-snapshot-isolation"},
    {"SI", "snapshot-isolation"},
    {"strong-session-SI", "strong-session-snapshot-isolation"},
    {"strong-SI", "strong-snapshot-isolation"},
    {"SER", "serializable"},
    {"conflict-serializable", "serializable"},
    {"SSER", "strict-serializable"},
});

/// It is known that there is a cycle which the model forbids, and not which.
std::vector<std::string_view> ruled_out_by_unnamed(Anomaly anomaly) {
  using enum Anomaly;
  switch (anomaly) {
    case PL_1_cycle_exists:
      return {"read-uncommitted"};
    case PL_2_cycle_exists:
      return {"read-committed"};
    case PL_SI_cycle_exists:
      return {"snapshot-isolation"};
    case PL_2_99_cycle_exists:
      return {"repeatable-read"};
    case PL_3_cycle_exists:
      return {"serializable"};
    case strong_session_PL_1_cycle_exists:
      return {"strong-session-read-uncommitted"};
    case strong_session_PL_2_cycle_exists:
      return {"strong-session-read-committed"};
    case strong_session_snapshot_isolation_cycle_exists:
      return {"strong-session-snapshot-isolation"};
    case strong_session_serializable_cycle_exists:
      return {"strong-session-serializable"};
    case strong_PL_1_cycle_exists:
      return {"strong-read-uncommitted"};
    case strong_PL_2_cycle_exists:
      return {"strong-read-committed"};
    case strong_snapshot_isolation_cycle_exists:
      return {"strong-snapshot-isolation"};
    case PL_SS_cycle_exists:
      return {"strict-serializable"};
    default:
      return {};
  }
}

/// Repeatable read (PL-2.99) promises nothing of predicates.
std::vector<std::string_view> ruled_out_by_predicates(Anomaly anomaly) {
  using enum Anomaly;
  switch (anomaly) {
    case G_single:
      return {"consistent-view", "parallel-snapshot-isolation"};
    case G_single_process:
      return {"strong-session-consistent-view"};
    case G_single_realtime:
      return {"strong-consistent-view"};
    case G_nonadjacent:
      return {"snapshot-isolation"};
    case G_nonadjacent_process:
      return {"strong-session-snapshot-isolation"};
    case G_nonadjacent_realtime:
      return {"strong-snapshot-isolation"};
    case predicate_read_miss:
    case G2:
      return {"serializable"};
    case G2_process:
      return {"strong-session-serializable"};
    case G2_realtime:
      return {"strict-serializable"};
    default:
      return ruled_out_by_unnamed(anomaly);
  }
}

/// Of who read without what it must have known.
std::vector<std::string_view> ruled_out_by_what_was_missed(Anomaly anomaly) {
  using enum Anomaly;
  switch (anomaly) {
    case OTV:
      return {"monotonic-atomic-view", "monotonic-view"};
    case fractured_read:
      return {"read-atomic"};
    case fractured_read_process:
      return {"strong-session-read-atomic"};
    case causality_violation:
      return {"causal-cerone"};
    case causality_violation_process:
      return {"strong-session-causal"};
    case WriteCORead:
      return {"causal"};
    case prefix_violation:
      return {"prefix"};
    default:
      return ruled_out_by_predicates(anomaly);
  }
}

/// What an anomaly rules out, but for what is stronger.
std::vector<std::string_view> directly_ruled_out_by(Anomaly anomaly) {
  using enum Anomaly;
  switch (anomaly) {
    case duplicate_elements:
    case garbage_read:
    case G0:
      return {"read-uncommitted"};
    case incompatible_order:
    case cyclic_versions:
    case G1a:
    case G1b:
    case dirty_update:
    case G1c:
    case future_read:  // Elle takes it for a G1c.
      return {"read-committed"};
    case internal:
      return {"read-atomic", "causal"};
    case lost_update:
    case G_cursor:
      return {"cursor-stability", "update-atomic"};
    case G_single_item:
      return {"consistent-view", "parallel-snapshot-isolation", "repeatable-read"};
    case G_nonadjacent_item:
    case no_snapshot_order:
      return {"snapshot-isolation", "repeatable-read"};
    case G2_item:
    case no_serial_order:
      return {"repeatable-read"};
    case G0_process:
      return {"strong-session-read-uncommitted"};
    case G1c_process:
      return {"strong-session-read-committed"};
    case cyclic_versions_process:
    case G_single_item_process:
      return {"strong-session-consistent-view"};
    case G_nonadjacent_item_process:
    case no_snapshot_order_process:
      return {"strong-session-snapshot-isolation"};
    case G2_item_process:
    case no_serial_order_process:
      return {"strong-session-serializable"};
    case G0_realtime:
      return {"strong-read-uncommitted"};
    case G1c_realtime:
      return {"strong-read-committed"};
    case cyclic_versions_realtime:
    case G_single_item_realtime:
      return {"strong-consistent-view"};
    case G_nonadjacent_item_realtime:
    case no_snapshot_order_realtime:
      return {"strong-snapshot-isolation"};
    case G2_item_realtime:
    case no_serial_order_realtime:
      return {"strict-serializable"};
    default:
      return ruled_out_by_what_was_missed(anomaly);
  }
}

std::vector<std::string> chosen(ModelSet set, auto is_left_out) {
  std::vector<std::string> texts;
  for (ModelId m = 0; m < table().size(); ++m)
    if (set.test(m) && !is_left_out(m)) texts.emplace_back(table()[m].name);
  return texts;
}

}  // namespace

std::string_view name_of(Anomaly anomaly) { return names[static_cast<std::size_t>(anomaly)]; }
std::span<const std::string_view> anomaly_names() { return names; }

std::span<const Model> models() { return table(); }

std::optional<ModelId> find_model(std::string_view name) {
  for (const auto& [alias, meant] : aliases)
    if (alias == name) name = meant;
  const auto at = std::ranges::find(table(), name, &Model::name);
  if (at == table().end()) return std::nullopt;
  return static_cast<ModelId>(at - table().begin());
}

std::vector<std::string_view> model_words() {
  std::vector<std::string_view> words;
  for (const Model& model : table()) words.push_back(model.name);
  for (const auto& [alias, meant] : aliases) words.push_back(alias);
  return words;
}

std::vector<std::pair<std::string_view, std::string_view>> models_and_aliases() {
  static const std::vector<std::string> of_aliases = [] {
    std::vector<std::string> docs;
    for (const auto& [alias, meant] : aliases) {
      const Model& model = table()[find_model(meant).value()];
      docs.push_back("is " + std::string(meant) + ": " + std::string(model.doc));
    }
    return docs;
  }();
  std::vector<std::pair<std::string_view, std::string_view>> all;
  for (const Model& model : table()) all.emplace_back(model.name, model.doc);
  for (std::size_t i = 0; i < aliases.size(); ++i)
    all.emplace_back(aliases[i].first, of_aliases[i]);
  return all;
}

ModelSet with_weaker(ModelSet set) {
  for (ModelId m = table().size(); m-- > 0;)
    if (set.test(m))
      for (const ModelId weaker : table()[m].implies) set.set(weaker);
  return set;
}

ModelSet with_stronger(ModelSet set) {
  for (ModelId m = 0; m < table().size(); ++m)
    if (std::ranges::any_of(table()[m].implies, [&](ModelId weaker) { return set.test(weaker); }))
      set.set(m);
  return set;
}

std::vector<std::string> weakest_of(ModelSet set) {
  return chosen(set, [&](ModelId m) {
    ModelSet weaker = with_weaker(ModelSet().set(m));
    return (weaker.reset(m) & set).any();
  });
}

std::vector<std::string> strongest_of(ModelSet set) {
  return chosen(set, [&](ModelId m) {
    ModelSet stronger = with_stronger(ModelSet().set(m));
    return (stronger.reset(m) & set).any();
  });
}

std::vector<std::string> names_of(ModelSet set) {
  return chosen(set, [](ModelId) { return false; });
}

ModelSet real_time_models() {
  return with_stronger(ModelSet().set(find_model("strong-read-uncommitted").value()));
}

ModelSet ruled_out_by(Anomaly anomaly) {
  static const std::vector<ModelSet> by_anomaly = [] {
    std::vector<ModelSet> sets;
    for (std::size_t a = 0; a < names.size(); ++a) {
      ModelSet set;
      for (const std::string_view name : directly_ruled_out_by(static_cast<Anomaly>(a)))
        set.set(find_model(name).value());
      sets.push_back(with_stronger(set));
    }
    return sets;
  }();
  return by_anomaly[static_cast<std::size_t>(anomaly)];
}

}  // namespace faultline::transactional
