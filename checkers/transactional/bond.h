// How transactions are tied before it is known what of it a search for cycles may use.
#pragma once

#include <cstdint>

namespace faultline::transactional {

/// Why one comes before another.
enum class Bond : std::uint8_t {
  certain_ww,  ///< Of neighbours in a list, both ok.
  ww,          ///< Of neighbours, one of them info.
  skipping,    ///< Both ok; between them is only what may not have happened.
  wr,
  rw,
  realtime,
  // Of versions whose order is inferred (registers.h), as Edge has them.
  inferred,
  inferred_process,
  inferred_realtime,
  rw_process,
  rw_realtime,
};

}  // namespace faultline::transactional
