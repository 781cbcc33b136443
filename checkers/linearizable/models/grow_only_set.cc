#include "checkers/linearizable/models/set_like.h"

namespace faultline::linearizable {

ModelTraits grow_only_set_traits() {
  ModelTraits traits;
  traits.functions = {Function::add, Function::read};
  traits.objection = set_objection;
  traits.make = [](const Operations& all, const Setup&) { return make_set(all); };
  return traits;
}

}  // namespace faultline::linearizable
