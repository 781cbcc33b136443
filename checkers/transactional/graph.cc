#include "checkers/transactional/graph.h"

namespace faultline::transactional {

Graph Graph::reversed() const {
  return of(transactions_, size(), [&](auto visit) {
    for (Node v = 0; v < size(); ++v)
      for (const Arrow arrow : from(v)) visit(arrow.to(), v, arrow.edge());
  });
}

Graph Graph::between(const std::vector<bool>& nodes) const {
  return of(transactions_, size(), [&](auto visit) {
    for (Node v = 0; v < size(); ++v) {
      if (!nodes[v]) continue;
      for (const Arrow arrow : from(v))
        if (nodes[arrow.to()]) visit(v, arrow.to(), arrow.edge());
    }
  });
}

}  // namespace faultline::transactional
