// The checker `linearizable`: which model the history is judged by, and the engines that may.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <memory>
#include <utility>

#include "checkers/checkers.h"
#include "checkers/guarded.h"
#include "checkers/linearizable/checks.h"
#include "checkers/linearizable/story.h"
#include "checkers/linearizable/tale.h"

namespace faultline {
namespace {

using namespace linearizable;

/// Has engines of its own.
bool is_register(std::string_view model) { return model == "register" || model == "cas-register"; }

void check_by_model(const History& history, const Budget& budget, const Options& options,
                    Verdict& verdict) {
  const ModelEntry* model = find_model(options.model);
  if (options.model == "auto") {
    const Inference inference = infer_model(history);
    if (inference.model == nullptr) {
      verdict.validity = Validity::unknown;
      verdict.reason = "unsupported";
      verdict.summary = inference.why_not;
      return;
    }
    model = inference.model;
  }
  if (is_register(model->name) && options.engine != Engine::general)
    return check_registers(history, budget, options, verdict);
  check_objects(history, budget, options, *model, verdict);
}

class Linearizable final : public Checker {
 public:
  explicit Linearizable(Options options) : options_(std::move(options)) {}
  std::string_view name() const override { return "linearizable"; }
  std::vector<std::string_view> anomalies() const override {
    std::vector<std::string_view> names = anomaly_names();
    for (const std::string_view name : object_anomaly_names())
      if (std::ranges::find(names, name) == names.end()) names.push_back(name);
    std::ranges::sort(names);
    return names;
  }

  std::vector<std::pair<std::string_view, std::string_view>> models() const override {
    std::vector<std::pair<std::string_view, std::string_view>> all;
    for (const ModelEntry& entry : model_entries()) all.emplace_back(entry.name, entry.doc);
    return all;
  }

  Verdict check(const History& history, const Budget& budget) const override {
    Verdict verdict;
    verdict.name = name();
    guarded(verdict, [&] { check_by_model(history, budget, options_, verdict); });
    return verdict;
  }

 private:
  Options options_;
};

Value parse_value(const std::string& text) {
  if (text == "nil" || text == "null") return {};
  if (text == "true" || text == "false") return text == "true";
  const char* last = text.data() + text.size();
  std::int64_t integer = 0;
  if (const auto [end, error] = std::from_chars(text.data(), last, integer);
      error == std::errc() && end == last)
    return integer;
  double real = 0;
  if (const auto [end, error] = std::from_chars(text.data(), last, real);
      error == std::errc() && end == last && std::isfinite(real))
    return real;
  return text;
}

/// A scalar, or a mapping of such by name.
Value initial_value_of(Params& params) {
  const ConfigNode* node = params.node("initial");
  if (node == nullptr || node->kind == ConfigNode::Kind::scalar)
    return parse_value(params.text("initial", "nil"));
  Map map;
  for (const ConfigNode::Member& member : node->members) {
    if (member.value.kind != ConfigNode::Kind::scalar)
      params.fail(member.value.where, "initial: expected one value for " + member.key);
    map.emplace_back(member.key, parse_value(member.value.scalar));
  }
  if (node->kind != ConfigNode::Kind::mapping)
    params.fail("initial", "expected a value, or a mapping from names to values");
  params.set_resolved("initial", map);
  return map;
}

std::vector<std::string_view> model_names() {
  std::vector<std::string_view> names{"auto"};
  for (const ModelEntry& entry : model_entries()) names.push_back(entry.name);
  return names;
}

}  // namespace

Result<std::unique_ptr<Checker>> make_linearizable(Params& params) {
  constexpr auto engines = std::to_array<std::string_view>({"auto", "zones", "search", "general"});
  Options options;
  const std::string engine = params.choice("engine", "auto", engines);
  options.engine = engine == "zones"     ? Engine::zones
                   : engine == "search"  ? Engine::search
                   : engine == "general" ? Engine::general
                                         : Engine::automatic;
  options.model = params.choice("model", "auto", model_names());
  options.setup.initial = initial_value_of(params);
  if (const ModelEntry* model = find_model(options.model); model != nullptr) {
    const ModelTraits traits = model->traits();
    if (traits.initial_objection != nullptr)
      if (const auto wrong = traits.initial_objection(options.setup.initial))
        params.fail("initial", *wrong);
  }
  if (Status status = params.finish(); !status) return status.error();
  return std::unique_ptr<Checker>(std::make_unique<Linearizable>(std::move(options)));
}

}  // namespace faultline
