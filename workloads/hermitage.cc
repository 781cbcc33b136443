// hermitage: fixed interleavings of a few open transactions instead of many random ones. Each
// script is made so that one anomaly of isolation happens where nothing prevents it, so that a
// second is enough to learn what a store's level of isolation is.
#include <algorithm>
#include <utility>

#include "checkers/hermitage/scripts.h"
#include "harness/core/check.h"
#include "workloads/workloads.h"

namespace faultline {
namespace {

class HermitageWorkload final : public Workload {
 public:
  explicit HermitageWorkload(std::vector<Script> scripts) : scripts_(std::move(scripts)) {}
  std::string_view name() const override { return "hermitage"; }
  std::vector<Function> functions() const override { return {Function::txn}; }
  std::vector<std::string> checks() const override { return {"hermitage"}; }
  std::unique_ptr<Generator> generator(Rng, std::size_t, std::size_t) const override {
    FAULTLINE_CHECK(false && "it has scripts");
    return nullptr;
  }
  /// Every script ends with the reads of what it left.
  std::vector<Request> final_requests(const std::vector<std::string>&) const override { return {}; }
  std::vector<Script> scripts() const override { return scripts_; }

 private:
  const std::vector<Script> scripts_;
};

}  // namespace

Result<std::unique_ptr<Workload>> make_hermitage(Params& params, std::span<const Function>) {
  const auto names = hermitage::script_names();
  const std::vector<std::string> chosen =
      params.texts("scripts", std::vector<std::string>(names.begin(), names.end()));
  std::vector<Script> scripts;
  for (const std::string& name : chosen) {
    const hermitage::ScriptLine* line = hermitage::find_script(name);
    const bool again = std::ranges::find(scripts, name, &Script::name) != scripts.end();
    if (line == nullptr)
      params.fail("scripts", unknown_component("script", name, names).what);
    else if (again)
      params.fail("scripts", "script " + name + " is there twice; its keys are its own once");
    else
      scripts.push_back(hermitage::script_of(*line));
  }
  if (chosen.empty()) params.fail("scripts", "expected some scripts, or none of this key for all");
  if (const Status status = params.finish(); !status) return status.error();
  return std::unique_ptr<Workload>(std::make_unique<HermitageWorkload>(std::move(scripts)));
}

}  // namespace faultline
