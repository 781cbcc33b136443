#include "checkers/linearizable/models/locks.h"

#include "checkers/linearizable/models/rising_number.h"

namespace faultline::linearizable {
namespace {

class Lock final : public Model {
 public:
  Lock(const Operations& all, LockKind kind) : all_(all), kind_(kind) {}

  void begin(State& state) override {
    state = {nobody, 0};
    if (kind_.fenced) RisingNumber{}.append_to(state);
  }

  bool step(StateView state, const Operation& o, State& next) override {
    const std::uint32_t holder = state[0], depth = state[1];
    const std::uint32_t who = kind_.owned ? o.process : anybody;
    const bool acquires = o.function == Function::acquire;
    const bool allowed = acquires ? holder == nobody || (kind_.reentrant && holder == who)
                                  : holder != nobody && holder == who;
    next.assign(state.begin(), state.end());
    if (o.refused) return !allowed;
    if (!allowed) return false;
    next[1] = acquires ? depth + 1 : depth - 1;
    next[0] = next[1] == 0 ? nobody : who;
    if (!kind_.fenced) return true;
    RisingNumber token = RisingNumber::from(state.subspan(2));
    if (!(acquires ? token.raise(told(o)) : token.tell(shown(o)))) return false;
    next.resize(2);
    token.append_to(next);
    return true;
  }

  bool observes(const Operation& o) const override { return o.refused; }

 private:
  static constexpr std::uint32_t nobody = 0xffffffffu;
  static constexpr std::uint32_t anybody = 0;

  std::optional<std::int64_t> integer(ValueHandle h) const {
    return is_integer(h) ? std::optional(all_.pool->as_integer(h)) : std::nullopt;
  }
  /// The token that an acquire answered, and the one that a release showed.
  std::optional<std::int64_t> told(const Operation& o) const {
    return o.is_info() ? std::nullopt : integer(output_of(o, all_));
  }
  std::optional<std::int64_t> shown(const Operation& o) const {
    return integer(argument_of(o, all_));
  }

  const Operations all_;
  const LockKind kind_;
};

}  // namespace

std::unique_ptr<Model> make_lock(const Operations& all, LockKind kind) {
  return std::make_unique<Lock>(all, kind);
}

ModelTraits lock_traits() {
  ModelTraits traits;
  traits.functions = {Function::acquire, Function::release};
  traits.refusable = traits.functions;
  traits.by_process = true;
  return traits;
}

}  // namespace faultline::linearizable
