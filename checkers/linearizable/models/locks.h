// What the locks have in common: a holder, how often it holds, and perhaps a token.
#pragma once

#include "checkers/linearizable/model.h"

namespace faultline::linearizable {

struct LockKind {
  bool owned = true;       ///< Only the holder may release.
  bool reentrant = false;  ///< The holder may acquire again.
  bool fenced = false;     ///< Acquiring answers a token, larger than every one before.
};

std::unique_ptr<Model> make_lock(const Operations& all, LockKind kind);
/// Of acquire and release, for every lock.
ModelTraits lock_traits();

}  // namespace faultline::linearizable
