// The list-append checker against brute force, at the levels between read committed and snapshot
// isolation: random histories, and all of the smallest.
#include "tests/oracle/list_judge.h"
#include "tests/oracle/list_levels_oracle.h"

namespace faultline::oracle::txn {
namespace {

using LevelJudge = ListJudge<CommitLevelName, LevelsOracle, commit_levels>;

TEST_CASE(
    "oracle: levels of list-append on random histories of up to six transactions, every level") {
  compare_random_lists<LevelJudge>(3001, 10'000);
}

TEST_CASE(
    "oracle: levels of list-append on all small histories of three transactions, every level") {
  compare_all_small_lists<LevelJudge>();
}

}  // namespace
}  // namespace faultline::oracle::txn
