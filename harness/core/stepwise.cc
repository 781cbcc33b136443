#include "harness/core/stepwise.h"

namespace faultline {

std::vector<List> transactions_of(const Script& script) {
  std::vector<List> transactions;
  for (const Script::Part& part : script.parts) {
    if (part.transaction >= transactions.size()) transactions.resize(part.transaction + 1);
    if (part.step.kind == Step::Kind::access)
      transactions[part.transaction].push_back(part.step.access);
  }
  return transactions;
}

}  // namespace faultline
