// Any bytes, taken for EDN or JSON. They load as a well-formed history or are refused with a place;
// and what loads comes back the same from both syntaxes that are exported.
#include "tests/fuzz/fuzz_load.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  faultline::load_any({reinterpret_cast<const char*>(data), size});
  return 0;
}
