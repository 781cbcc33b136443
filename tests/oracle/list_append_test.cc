// The list-append checker against brute force: random histories, and all of the smallest.
#include "tests/oracle/list_judge.h"
#include "tests/oracle/txn_oracle.h"

namespace faultline::oracle::txn {
namespace {

struct ModelOracle {
  TxnOracle oracle;
  bool allows(const Transactions& history, const ModelName& name) {
    return oracle.allows(history, name.model);
  }
};
using ModelJudge = ListJudge<ModelName, ModelOracle, all_models>;

TEST_CASE("oracle: list-append on random histories of up to six transactions, every model") {
  compare_random_lists<ModelJudge>(2029, 20'000);
}

TEST_CASE("oracle: list-append on all small histories of three transactions, every model") {
  compare_all_small_lists<ModelJudge>();
}

}  // namespace
}  // namespace faultline::oracle::txn
