// Any bytes, taken for a configuration of a run, and for one of a campaign. They make a plan or are
// refused with a place; and a plan written out with every default (a run's config.yaml) makes the
// same plan again. A campaign's tests can be passed, and its settings apply or are refused.
#include <cstdint>
#include <string>
#include <string_view>

#include "checkers/checkers.h"
#include "harness/campaign/campaign.h"
#include "harness/core/check.h"
#include "harness/run/plan.h"
#include "harness/run/yaml.h"
#include "nemesis/nemeses.h"
#include "targets/targets.h"
#include "workloads/workloads.h"

namespace faultline {
namespace {

/// A component may also lack something here, which is nowhere in the file.
void require_place(const Error& error) {
  FAULTLINE_CHECK(error.kind == ErrorKind::usage || error.kind == ErrorKind::capability);
  FAULTLINE_CHECK(error.kind == ErrorKind::capability || error.what.starts_with("fuzz.yaml:"));
}

void require_same_plan(const Plan& plan, const Plan& again) {
  FAULTLINE_CHECK(to_yaml(plan.resolved) == to_yaml(again.resolved));
  FAULTLINE_CHECK(plan.seed == again.seed && plan.name == again.name);
  FAULTLINE_CHECK(plan.faults.size() == again.faults.size());
  FAULTLINE_CHECK(plan.checks.size() == again.checks.size());
  FAULTLINE_CHECK(plan.thresholds.size() == again.thresholds.size());
}

void try_campaign(const ConfigNode& root) {
  // Where its tests' configurations are looked for: run.sh runs this from the root of the tree.
  const auto campaign = make_campaign(root, "configs", "fuzz");
  if (!campaign) return require_place(campaign.error());
  FAULTLINE_CHECK(!campaign->tests.empty());
  for (const CampaignTest& test : campaign->tests) {
    FAULTLINE_CHECK(test.matches_needed >= 1 && test.matches_needed <= test.seeds.size());
    for (const std::string& setting : test.settings) {
      ConfigNode changed = root;
      const Status set = set_config(changed, setting);
      FAULTLINE_CHECK(set || set.error().what.starts_with("--set "));
    }
  }
}

void try_run(const ConfigNode& root) {
  const Catalogues catalogues{checkers(), nemeses(), workloads(), targets()};
  const auto plan = make_plan(root, catalogues, {"fuzz", 1});
  if (!plan) return require_place(plan.error());

  const auto resolved = parse_config(to_yaml(plan->resolved), "config.yaml");
  FAULTLINE_CHECK(static_cast<bool>(resolved));
  const auto again = make_plan(*resolved, catalogues, {"another", 2});
  FAULTLINE_CHECK(static_cast<bool>(again));
  require_same_plan(*plan, *again);
}

void try_bytes(std::string_view text) {
  const auto root = parse_config(text, "fuzz.yaml");
  if (!root) return require_place(root.error());
  try_run(*root);
  try_campaign(*root);
}

}  // namespace
}  // namespace faultline

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  faultline::try_bytes({reinterpret_cast<const char*>(data), size});
  return 0;
}
