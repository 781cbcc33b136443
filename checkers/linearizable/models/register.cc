#include "checkers/linearizable/models/register_like.h"

namespace faultline::linearizable {

ModelTraits register_traits() {
  ModelTraits traits;
  traits.functions = {Function::read, Function::write};
  traits.objection = register_like_objection;
  traits.make = [](const Operations& all, const Setup& setup) {
    return make_register_like(all, setup, false);
  };
  return traits;
}

}  // namespace faultline::linearizable
