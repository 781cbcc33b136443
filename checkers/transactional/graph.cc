#include "checkers/transactional/graph.h"

namespace faultline::transactional {

Graph Graph::reversed() const {
  return of(transactions_, size(), [&](auto visit) {
    for (Node v = 0; v < size(); ++v)
      for (const Arrow arrow : from(v)) visit(arrow.to(), v, arrow.edge());
  });
}

}  // namespace faultline::transactional
