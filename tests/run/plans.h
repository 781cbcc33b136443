// Plans of the fakes, made from the text of a configuration.
#pragma once

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "harness/run/plan.h"
#include "harness/run/yaml.h"
#include "tests/run/components.h"

namespace faultline::run_fakes {

inline Result<Plan> plan_of(const std::string& text, const std::vector<std::string>& overrides = {},
                            const Catalogues& catalogues = Components::catalogues()) {
  Result<ConfigNode> root = parse_config(text, "a.yaml");
  REQUIRE_MESSAGE(root, root.error().what);
  for (const std::string& assignment : overrides) REQUIRE(set_config(*root, assignment));
  return make_plan(*root, catalogues, {"a", 42});
}

}  // namespace faultline::run_fakes
