#include "harness/core/checker.h"

namespace faultline {

std::string_view name_of(Validity validity) {
  switch (validity) {
    case Validity::valid:
      return "valid";
    case Validity::unknown:
      return "unknown";
    case Validity::invalid:
      return "invalid";
  }
  return "unknown";
}

}  // namespace faultline
