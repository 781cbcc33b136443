#include "checkers/linearizable/model.h"

#include <algorithm>
#include <array>

namespace faultline::linearizable {

namespace {

constexpr auto known_models = std::to_array<ModelEntry>({
#define MODEL(file, name, doc) {name, doc, &file##_traits},
#include "checkers/linearizable/models/list.def"
#undef MODEL
});

}  // namespace

std::span<const ModelEntry> model_entries() { return known_models; }

const ModelEntry* find_model(std::string_view name) {
  const auto found = std::ranges::find(known_models, name, &ModelEntry::name);
  return found == known_models.end() ? nullptr : &*found;
}

std::optional<bool> truth_of(const Operation& o, const Operations& all) {
  // An echo of the argument says nothing, be the argument a boolean itself.
  if (o.is_info() || o.refused || o.output == o.argument) return std::nullopt;
  const ValueHandle answer = output_of(o, all);
  if (answer.kind() != ValueHandle::Kind::boolean) return std::nullopt;
  return all.pool->value(answer) == Value(true);
}

}  // namespace faultline::linearizable
