#include <algorithm>

#include "checkers/linearizable/elements.h"
#include "checkers/linearizable/models/transactions.h"

namespace faultline::linearizable {
namespace {

/// The state is the value of each register.
class MultiRegister final : public Model {
 public:
  MultiRegister(const Operations& all, const Setup& setup)
      : all_(all), elements_(all), names_(all) {
    for (const Operation& o : all.list)
      for (const ValueHandle access : accesses_of(o, all)) {
        const ValueHandle name = all.pool->items(access)[1];
        if (index_of(name) == initial_.size()) initial_.push_back(initial_of(name, setup.initial));
      }
  }

  void begin(State& state) override { state.assign(initial_.begin(), initial_.end()); }

  bool step(StateView state, const Operation& o, State& next) override {
    next.assign(state.begin(), state.end());
    for (const ValueHandle access : accesses_of(o, all_)) {
      const auto parts = all_.pool->items(access);
      std::uint32_t& value = next[index_of(parts[1])];
      if (writes(access, *all_.pool))
        value = elements_.of(parts[2]);
      else if (!o.is_info() && value != elements_.of(parts[2]))
        return false;
    }
    return true;
  }

  bool observes(const Operation& o) const override {
    return std::ranges::none_of(accesses_of(o, all_),
                                [this](ValueHandle access) { return writes(access, *all_.pool); });
  }
  Position useful_until(const Operation& o) const override { return observes(o) ? 0 : never; }

 private:
  std::uint32_t index_of(ValueHandle name) {
    const std::uint32_t element = names_.of(name);
    if (element >= index_.size()) index_.resize(element + 1, unseen);
    if (index_[element] == unseen) index_[element] = registers_++;
    return index_[element];
  }

  /// A mapping tells it by the register's name, everything else holds for all of them.
  std::uint32_t initial_of(ValueHandle name, const Value& initial) const {
    const Map* by_name = initial.map();
    if (by_name == nullptr) return elements_.of(initial);
    const ValuePool& pool = *all_.pool;
    const std::string wanted = name.kind() == ValueHandle::Kind::text
                                   ? std::string(pool.as_text(name))
                                   : pool.to_text(name);
    const auto at = std::ranges::find(*by_name, wanted, &Map::value_type::first);
    return elements_.of(at == by_name->end() ? Value() : at->second);
  }

  static constexpr std::uint32_t unseen = 0xffffffffu;
  const Operations all_;
  Elements elements_, names_;
  std::vector<std::uint32_t> index_;  ///< By element of its name, the register's place.
  std::uint32_t registers_ = 0;
  std::vector<std::uint32_t> initial_;  ///< By the register's place.
};

}  // namespace

std::span<const ValueHandle> accesses_of(const Operation& o, const Operations& all) {
  // An ok answer repeats the request, with what was read filled in.
  const ValueId list = o.is_info() ? o.argument : o.output;
  if (list == no_value) return {};
  return all.pool->items(all.values[list]);
}

bool writes(ValueHandle access, const ValuePool& pool) {
  const std::string_view name = pool.as_text(pool.items(access)[0]);
  return name == "w" || name == "write";
}

std::string access_objection(ValueHandle access, const ValuePool& pool) {
  if (is_list(access)) {
    const auto parts = pool.items(access);
    if (parts.size() == 3 && parts[0].kind() == ValueHandle::Kind::text) {
      const std::string_view name = pool.as_text(parts[0]);
      if (name == "w" || name == "write" || name == "r" || name == "read") return {};
    }
  }
  return "expected a list of [\"r\", register, value] and [\"w\", register, value]";
}

ModelTraits multi_register_traits() {
  ModelTraits traits;
  traits.functions = {Function::txn};
  traits.objection = [](const Operation& o, const Operations& all) -> std::string {
    const ValueId list = o.is_info() ? o.argument : o.output;
    if (list == no_value || !is_list(all.values[list]))
      return access_objection(ValueHandle::nil(), *all.pool);
    for (const ValueHandle access : all.pool->items(all.values[list]))
      if (std::string objection = access_objection(access, *all.pool); !objection.empty())
        return objection;
    return {};
  };
  traits.make = [](const Operations& all, const Setup& setup) -> std::unique_ptr<Model> {
    return std::make_unique<MultiRegister>(all, setup);
  };
  return traits;
}

}  // namespace faultline::linearizable
