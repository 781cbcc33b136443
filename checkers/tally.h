// What a check that looks at one operation after the other has found: the first few cases of each
// anomaly, how many there are, and which isolation models they rule out. No thread-safety.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "checkers/transactional/isolation.h"
#include "harness/core/checker.h"

namespace faultline {

class Tally {
 public:
  /// One thing that cannot be.
  struct Case {
    std::string sentence;
    std::vector<OperationId> witness;  ///< In time order.
  };

  /// `ruled_out` by a single case of it. `make()` gives the Case, and is called for the first few.
  template <typename Make>
  void note(std::string_view anomaly, transactional::Anomaly ruled_out, Make make) {
    Kind& kind = kinds_[anomaly];
    if (kind.count++ == 0) refuted_ |= transactional::ruled_out_by(ruled_out);
    ++total_;
    if (kind.kept.size() < kept_max) kind.kept.push_back(make());
    if (first_.empty()) first_ = anomaly;
  }

  bool empty() const { return total_ == 0; }
  /// Makes the verdict invalid, and tells what was noted first, then the others. Requires !empty().
  void conclude(const History& history, Verdict& verdict) const;

 private:
  static constexpr std::size_t kept_max = 2;
  struct Kind {
    std::uint64_t count = 0;
    std::vector<Case> kept{};
  };
  std::map<std::string_view, Kind> kinds_;
  std::string_view first_;
  std::uint64_t total_ = 0;
  transactional::ModelSet refuted_;
};

}  // namespace faultline
