#include "tests/workloads/workload_maker.h"

namespace faultline {
namespace mav_workload_test {
namespace {

TEST_CASE("mav: all keys of a place are written, or read in the opposite order") {
  check_is_function_of_seed("mav");
  const auto workload = workload_of("mav", {});
  REQUIRE(workload);
  CHECK((*workload)->checks() == std::vector<std::string>{"rw-register"});
  CHECK((*workload)->model() == "monotonic-atomic-view");
  CHECK(refusal_of("mav", {{"width", "1"}}).find("width") != std::string::npos);
  const auto wide = workload_of("mav", {{"width", "4"}});
  REQUIRE(wide);
  int writes = 0;
  for (const auto& worker : asked_of(**wide, 3, 500))
    for (const AskedTransaction& transaction : worker) {
      const bool writer = transaction.size() == 8;
      CHECK((writer || transaction.size() == 4));
      writes += writer;
      for (std::size_t i = 0; i < transaction.size(); ++i) {
        const std::size_t key = writer ? i / 2 : 3 - i;
        CHECK(transaction[i].key.ends_with("-" + std::to_string(key)));
        const bool is_write = transaction[i].kind == Access::Kind::write;
        CHECK(is_write == (writer && i % 2 == 1));
      }
    }
  CHECK(writes > 500);
  CHECK(writes < 700);
}

}  // namespace
}  // namespace mav_workload_test
}  // namespace faultline
