#include "checkers/linearizable/models/register_like.h"

#include <string>
#include <unordered_map>

#include "checkers/linearizable/elements.h"
#include "checkers/linearizable/models/rising_number.h"

namespace faultline::linearizable {
namespace {

/// The value's field of that name in a map.
std::optional<ValueHandle> field(ValueHandle map, std::string_view name, const ValuePool& pool) {
  if (map.kind() != ValueHandle::Kind::map) return std::nullopt;
  const auto items = pool.items(map);
  for (std::size_t i = 0; i + 1 < items.size(); i += 2)
    if (items[i].kind() == ValueHandle::Kind::text && pool.as_text(items[i]) == name)
      return items[i + 1];
  return std::nullopt;
}

bool is_text(ValueHandle h) { return h.kind() == ValueHandle::Kind::text; }

class RegisterLike final : public Model {
 public:
  RegisterLike(const Operations& all, const Setup& setup, bool with_revisions)
      : all_(all), elements_(all) {
    for (const Operation& o : all.list) {
      if (o.is_info() || o.refused || o.output == no_value || !with_revisions) continue;
      has_revisions_ |= revision_of(all.values[o.output], *all.pool).has_value();
      // Its value was inside a map.
      elements_.of(value_of(all.values[o.output], *all.pool));
    }
    initial_ = elements_.of(setup.initial);
    if (const std::string* text = setup.initial.text()) texts_[initial_] = *text;
    for (const ValueHandle value : all.values) see_text(value);
    for (const Operation& o : all.list)
      if (has_revisions_ && !o.is_info() && o.output != no_value)
        see_text(value_of(all.values[o.output], *all.pool));
    if (const std::string* text = setup.initial.text()) numbers_.try_emplace(*text, initial_);
    next_text_ = static_cast<std::uint32_t>(elements_.size());
  }

  void begin(State& state) override {
    state.push_back(initial_);
    if (has_revisions_) RisingNumber{}.append_to(state);
  }

  bool step(StateView state, const Operation& o, State& next) override {
    const std::uint32_t value = state[0];
    if (o.refused) return refusal_fits(value, o) && (next.assign(state.begin(), state.end()), true);
    if (o.function == Function::read) {
      const ValueHandle answer = output_of(o, all_);
      if (elements_.of(has_revisions_ ? value_of(answer, *all_.pool) : answer) != value)
        return false;
      return finish(state, value, o, false, next);
    }
    std::uint32_t changed = value;
    switch (o.function) {
      case Function::write:
        changed = elements_.of(argument_of(o, all_));
        break;
      case Function::cas: {
        const auto pair = all_.pool->items(all_.values[o.argument]);
        if (elements_.of(pair[0]) != value) return false;
        changed = elements_.of(pair[1]);
        break;
      }
      case Function::append:
        if (!appended(value, argument_of(o, all_), changed)) return false;
        break;
      default:
        if (const auto was_there = truth_of(o, all_); was_there && *was_there != (value != nil()))
          return false;
        changed = nil();
        // What is not there is not removed again.
        if (value == nil()) return finish(state, value, o, false, next);
        break;
    }
    return finish(state, changed, o, true, next);
  }

  bool observes(const Operation& o) const override {
    if (o.refused) return true;
    return o.function == Function::read && !has_revisions_;
  }

 private:
  std::uint32_t nil() { return elements_.of(ValueHandle::nil()); }

  bool refusal_fits(std::uint32_t value, const Operation& o) {
    if (o.function == Function::cas)
      return elements_.of(all_.pool->items(all_.values[o.argument])[0]) != value;
    return value == nil();  // there was nothing to remove
  }

  bool finish(StateView state, std::uint32_t value, const Operation& o, bool changes, State& next) {
    next.push_back(value);
    if (!has_revisions_) return true;
    RisingNumber revision = RisingNumber::from(state.subspan(1));
    const auto told = o.is_info() ? std::nullopt : revision_of(output_of(o, all_), *all_.pool);
    if (changes ? !revision.raise(told) : !revision.tell(told)) return false;
    revision.append_to(next);
    return true;
  }

  /// Appending begins a text where there was nothing.
  bool appended(std::uint32_t value, ValueHandle tail, std::uint32_t& result) {
    std::string text;
    if (value != nil()) {
      const auto known = texts_.find(value);
      if (known == texts_.end()) return false;
      text = known->second;
    }
    text += all_.pool->as_text(tail);
    const auto [at, fresh] = numbers_.try_emplace(text, next_text_);
    if (fresh) texts_[next_text_++] = text;
    result = at->second;
    return true;
  }
  void see_text(ValueHandle h) {
    if (!is_text(h)) return;
    texts_[elements_.of(h)] = std::string(all_.pool->as_text(h));
    numbers_[std::string(all_.pool->as_text(h))] = elements_.of(h);
  }

  const Operations all_;
  Elements elements_;
  std::uint32_t initial_ = 0;
  bool has_revisions_ = false;
  std::unordered_map<std::uint32_t, std::string> texts_;    ///< By element.
  std::unordered_map<std::string, std::uint32_t> numbers_;  ///< Of texts.
  std::uint32_t next_text_ = 0;
};

}  // namespace

std::optional<std::int64_t> revision_of(ValueHandle answer, const ValuePool& pool) {
  const auto revision = field(answer, "revision", pool);
  if (!revision || !is_integer(*revision) || !field(answer, "value", pool)) return std::nullopt;
  return pool.as_integer(*revision);
}

ValueHandle value_of(ValueHandle answer, const ValuePool& pool) {
  return revision_of(answer, pool) ? *field(answer, "value", pool) : answer;
}

std::unique_ptr<Model> make_register_like(const Operations& all, const Setup& setup,
                                          bool with_revisions) {
  return std::make_unique<RegisterLike>(all, setup, with_revisions);
}

std::string register_like_objection(const Operation& o, const Operations& all) {
  const ValueHandle argument = argument_of(o, all);
  if (o.function == Function::cas && (!is_list(argument) || all.pool->items(argument).size() != 2))
    return "expected [old, new]";
  if (o.function == Function::append && !is_text(argument)) return "expected a text to append";
  return {};
}

}  // namespace faultline::linearizable
