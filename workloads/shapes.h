// Transactions of one shape, which shows one anomaly if the store allows it: a question that
// rw-register's checker answers, sharper than transactions drawn at random. What is written is
// unique, and mostly read before in the same transaction, so that the order of versions is known.
//
// Each transaction is about one place: a few keys of its own. Places are used by all workers, and
// replaced after about `transactions_per_place` transactions: each by itself, by the count that a
// worker has of its own. What a worker asks is a function of its seed.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "harness/core/catalogue.h"
#include "harness/core/params.h"

namespace faultline {

namespace shaped_workloads {

/// The next transaction of a worker, as its shape makes it.
struct Turn {
  Rng& rng;
  std::string place;        ///< Where; of the shapes that choose no place themselves.
  std::uint64_t asked = 0;  ///< Transactions of this worker before this one.
  std::uint64_t worker = 0, workers = 1;
  std::uint64_t width = 2;  ///< Keys of a place.
  std::uint64_t& written;   ///< By this worker.
  List accesses{};

  std::string key(std::uint64_t i) const { return place + "-" + std::to_string(i); }
  bool chance(std::uint64_t percent) { return rng.below(100) < percent; }
  void read(const std::string& key) { accesses.emplace_back(List{"r", key, Value()}); }
  /// A value that nobody else writes.
  void write(const std::string& key) {
    accesses.emplace_back(List{"w", key, written++ * workers + worker + 1});
  }
};

/// Texts are literals.
struct Shape {
  const char* name;    ///< Of the workload.
  const char* model;   ///< That it is asked for, unless the configuration says otherwise.
  std::int64_t width;  ///< Keys of a place: the default.
  std::int64_t width_min, width_max;
  bool has_places;  ///< Else it names the place of each turn itself.
  void (*make)(Turn&);
};

}  // namespace shaped_workloads

/// Parameters: places and transactions_per_place, if it has places, and width, if it varies.
Result<std::unique_ptr<Workload>> shaped_workload(const shaped_workloads::Shape& shape,
                                                  Params& params,
                                                  std::span<const Function> available);

}  // namespace faultline
