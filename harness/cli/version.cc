#include "harness/cli/version.h"

namespace faultline::build {

const std::string_view version = FAULTLINE_VERSION;
const std::string_view commit = FAULTLINE_COMMIT;
const char* const date = FAULTLINE_DATE;
const char* const program = "faultline " FAULTLINE_VERSION " (" FAULTLINE_COMMIT ")";

}  // namespace faultline::build
