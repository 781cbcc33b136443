#include "checkers/linearizable/models/register_like.h"

namespace faultline::linearizable {

ModelTraits cas_register_traits() {
  ModelTraits traits;
  traits.functions = {Function::read, Function::write, Function::cas};
  traits.refusable = {Function::cas};
  traits.objection = register_like_objection;
  traits.make = [](const Operations& all, const Setup& setup) {
    return make_register_like(all, setup, false);
  };
  return traits;
}

}  // namespace faultline::linearizable
