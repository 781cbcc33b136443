#include "checkers/linearizable/models/container_model.h"

namespace faultline::linearizable {

std::unique_ptr<Model> make_container(const Operations& all, Discipline discipline) {
  return std::make_unique<Container<>>(all, discipline);
}

std::string container_objection(const Operation& o, const Operations& all) {
  if (container_puts(o) && argument_of(o, all).is_nil()) return "expected an element, not null";
  return {};
}

std::string number_container_objection(const Operation& o, const Operations& all) {
  if (container_puts(o) && !is_integer(argument_of(o, all))) return "expected an integer";
  if (!container_puts(o) && o.output != no_value && !is_integer(output_of(o, all)))
    return "expected an integer, or null";
  return {};
}

}  // namespace faultline::linearizable
