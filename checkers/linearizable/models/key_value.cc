#include "checkers/linearizable/models/register_like.h"

namespace faultline::linearizable {

ModelTraits key_value_traits() {
  ModelTraits traits;
  traits.functions = {Function::read, Function::write, Function::cas, Function::append,
                      Function::remove};
  traits.refusable = {Function::cas, Function::remove};
  traits.objection = register_like_objection;
  traits.make = [](const Operations& all, const Setup& setup) {
    return make_register_like(all, setup, true);
  };
  return traits;
}

}  // namespace faultline::linearizable
