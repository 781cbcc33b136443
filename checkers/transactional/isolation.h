// The consistency models of transactions, which implies which, and which anomaly rules out which.
// Names and hierarchy are Elle's (elle.consistency-model, after Adya 1999, Bailis et al. 2013 and
// Cerone et al. 2015), where nothing is said.
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace faultline::transactional {

/// What can be wrong. Elle's names; a cycle is named by its edges, or, if it is only
/// known that there is one, by what it rules out. The last ones, from predicate-read-miss on, are
/// of histories whose transactions look for rows by predicates.
#define FAULTLINE_TRANSACTION_ANOMALIES(ANOMALY)                                                \
  ANOMALY(duplicate_elements, "duplicate-elements")                                             \
  ANOMALY(garbage_read, "garbage-read")                                                         \
  ANOMALY(incompatible_order, "incompatible-order")                                             \
  ANOMALY(cyclic_versions, "cyclic-versions")                                                   \
  ANOMALY(cyclic_versions_process, "cyclic-versions-process")                                   \
  ANOMALY(cyclic_versions_realtime, "cyclic-versions-realtime")                                 \
  ANOMALY(G1a, "G1a")                                                                           \
  ANOMALY(G1b, "G1b")                                                                           \
  ANOMALY(dirty_update, "dirty-update")                                                         \
  ANOMALY(internal, "internal")                                                                 \
  ANOMALY(future_read, "future-read")                                                           \
  ANOMALY(lost_update, "lost-update")                                                           \
  ANOMALY(G_cursor, "G-cursor")                                                                 \
  ANOMALY(OTV, "OTV")                                                                           \
  ANOMALY(fractured_read, "fractured-read")                                                     \
  ANOMALY(fractured_read_process, "fractured-read-process")                                     \
  ANOMALY(causality_violation, "causality-violation")                                           \
  ANOMALY(causality_violation_process, "causality-violation-process")                           \
  ANOMALY(WriteCORead, "WriteCORead")                                                           \
  ANOMALY(prefix_violation, "prefix-violation")                                                 \
  ANOMALY(G0, "G0")                                                                             \
  ANOMALY(G0_process, "G0-process")                                                             \
  ANOMALY(G0_realtime, "G0-realtime")                                                           \
  ANOMALY(G1c, "G1c")                                                                           \
  ANOMALY(G1c_process, "G1c-process")                                                           \
  ANOMALY(G1c_realtime, "G1c-realtime")                                                         \
  ANOMALY(G_single_item, "G-single-item")                                                       \
  ANOMALY(G_single_item_process, "G-single-item-process")                                       \
  ANOMALY(G_single_item_realtime, "G-single-item-realtime")                                     \
  ANOMALY(G_nonadjacent_item, "G-nonadjacent-item")                                             \
  ANOMALY(G_nonadjacent_item_process, "G-nonadjacent-item-process")                             \
  ANOMALY(G_nonadjacent_item_realtime, "G-nonadjacent-item-realtime")                           \
  ANOMALY(G2_item, "G2-item")                                                                   \
  ANOMALY(G2_item_process, "G2-item-process")                                                   \
  ANOMALY(G2_item_realtime, "G2-item-realtime")                                                 \
  ANOMALY(no_snapshot_order, "no-snapshot-order")                                               \
  ANOMALY(no_snapshot_order_process, "no-snapshot-order-process")                               \
  ANOMALY(no_snapshot_order_realtime, "no-snapshot-order-realtime")                             \
  ANOMALY(no_serial_order, "no-serial-order")                                                   \
  ANOMALY(no_serial_order_process, "no-serial-order-process")                                   \
  ANOMALY(no_serial_order_realtime, "no-serial-order-realtime")                                 \
  ANOMALY(PL_1_cycle_exists, "PL-1-cycle-exists")                                               \
  ANOMALY(PL_2_cycle_exists, "PL-2-cycle-exists")                                               \
  ANOMALY(PL_SI_cycle_exists, "PL-SI-cycle-exists")                                             \
  ANOMALY(PL_2_99_cycle_exists, "PL-2.99-cycle-exists")                                         \
  ANOMALY(PL_3_cycle_exists, "PL-3-cycle-exists")                                               \
  ANOMALY(strong_session_PL_1_cycle_exists, "strong-session-PL-1-cycle-exists")                 \
  ANOMALY(strong_session_PL_2_cycle_exists, "strong-session-PL-2-cycle-exists")                 \
  ANOMALY(strong_session_snapshot_isolation_cycle_exists,                                       \
          "strong-session-snapshot-isolation-cycle-exists")                                     \
  ANOMALY(strong_session_serializable_cycle_exists, "strong-session-serializable-cycle-exists") \
  ANOMALY(strong_PL_1_cycle_exists, "strong-PL-1-cycle-exists")                                 \
  ANOMALY(strong_PL_2_cycle_exists, "strong-PL-2-cycle-exists")                                 \
  ANOMALY(strong_snapshot_isolation_cycle_exists, "strong-snapshot-isolation-cycle-exists")     \
  ANOMALY(PL_SS_cycle_exists, "PL-SS-cycle-exists")                                             \
  ANOMALY(predicate_read_miss, "predicate-read-miss")                                           \
  ANOMALY(G_single, "G-single")                                                                 \
  ANOMALY(G_single_process, "G-single-process")                                                 \
  ANOMALY(G_single_realtime, "G-single-realtime")                                               \
  ANOMALY(G_nonadjacent, "G-nonadjacent")                                                       \
  ANOMALY(G_nonadjacent_process, "G-nonadjacent-process")                                       \
  ANOMALY(G_nonadjacent_realtime, "G-nonadjacent-realtime")                                     \
  ANOMALY(G2, "G2")                                                                             \
  ANOMALY(G2_process, "G2-process")                                                             \
  ANOMALY(G2_realtime, "G2-realtime")

enum class Anomaly : std::uint8_t {
#define FAULTLINE_ANOMALY(name, text) name,
  FAULTLINE_TRANSACTION_ANOMALIES(FAULTLINE_ANOMALY)
#undef FAULTLINE_ANOMALY
};
std::string_view name_of(Anomaly anomaly);
/// All of them, in the order of the enumeration.
std::span<const std::string_view> anomaly_names();

/// Index into models(). `ModelSet`: one bit for each.
using ModelId = std::size_t;
using ModelSet = std::bitset<64>;

struct Model {
  std::string_view name, doc;
  std::vector<ModelId> implies;  ///< Directly.
};
/// The weaker before the stronger.
std::span<const Model> models();
/// By name or alias (PL-2, strong-serializable …).
std::optional<ModelId> find_model(std::string_view name);
/// Names and aliases.
std::vector<std::string_view> model_words();
/// The same with what each is; of an alias, whose it is.
std::vector<std::pair<std::string_view, std::string_view>> models_and_aliases();

/// With everything that they imply, and with everything that implies one of them.
ModelSet with_weaker(ModelSet set);
ModelSet with_stronger(ModelSet set);
/// Those that imply no other of the set, and those that no other of the set implies.
std::vector<std::string> weakest_of(ModelSet set);
std::vector<std::string> strongest_of(ModelSet set);
std::vector<std::string> names_of(ModelSet set);

/// Those that are about the order in real time.
ModelSet real_time_models();

/// The models that an anomaly rules out, the stronger ones included.
ModelSet ruled_out_by(Anomaly anomaly);

}  // namespace faultline::transactional
