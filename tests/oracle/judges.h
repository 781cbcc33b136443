// The engines and the oracle side by side, keeping their memory from one history to the next.
#pragma once

#include <cstdlib>
#include <string>
#include <vector>

#include "checkers/linearizable/search.h"
#include "checkers/linearizable/zones.h"
#include "tests/oracle/oracle.h"

namespace faultline::oracle {

template <typename Rules = linearizable::SearchRules>
class SearchJudge {
 public:
  Validity judge(const linearizable::Object& object,
                 const linearizable::SearchOptions& options = {}) {
    linearizable::Meter meter(std::uint64_t{1} << 40, std::uint64_t{1} << 30, nullptr);
    const linearizable::Plan<Rules> plan(object);
    return search_.run(plan, meter, options).validity;
  }

 private:
  linearizable::Search<Rules, 1> search_;
};

template <typename Rules = linearizable::ZoneRules>
class ZoneJudge {
 public:
  /// `unknown`: not for zones.
  Validity judge(const linearizable::Object& object) {
    linearizable::Meter meter(std::uint64_t{1} << 40, std::uint64_t{1} << 30, nullptr);
    switch (zones_.check(object, meter).answer) {
      case linearizable::ZoneResult::Answer::valid:
        return Validity::valid;
      case linearizable::ZoneResult::Answer::invalid:
        return Validity::invalid;
      default:
        return Validity::unknown;
    }
  }

 private:
  linearizable::Zones<Rules> zones_;
};

inline Validity validity(bool linearizable) {
  return linearizable ? Validity::valid : Validity::invalid;
}

/// FAULTLINE_ORACLE_ITERATIONS, if it is more than `otherwise`.
inline long iterations(long otherwise) {
  const char* text = std::getenv("FAULTLINE_ORACLE_ITERATIONS");
  return text == nullptr ? otherwise : std::max(otherwise, std::atol(text));
}

}  // namespace faultline::oracle
