#include "checkers/linearizable/models/set_like.h"

namespace faultline::linearizable {

ModelTraits set_traits() {
  ModelTraits traits;
  traits.parts = Parts::by_value;
  traits.functions = {Function::add, Function::remove, Function::contains, Function::read};
  traits.refusable = {Function::add, Function::remove};
  traits.objection = set_objection;
  traits.make = [](const Operations& all, const Setup&) { return make_set(all); };
  return traits;
}

}  // namespace faultline::linearizable
