#include "targets/refkv/state.h"

#include <string>
#include <unordered_map>

namespace refkv {
namespace {

class RegistersState final : public State {
 public:
  Answer apply(const Call& call, std::uint64_t) override {
    if (call.op == Op::cas && value_of(call.key) != call.expected) return Answer::mismatch();
    values_[call.key] = call.value;
    return Answer::ok();
  }
  Answer observe(const Call& call, std::uint64_t, std::span<const Call>) const override {
    return Answer::ok(value_of(call.key));
  }

 private:
  const std::string& value_of(const std::string& key) const {
    static const std::string nil = "null";
    const auto found = values_.find(key);
    return found == values_.end() ? nil : found->second;
  }

  std::unordered_map<std::string, std::string> values_;
};

}  // namespace

std::unique_ptr<State> make_registers_state() { return std::make_unique<RegistersState>(); }

std::unique_ptr<State> make_state(const Options& options) {
  if (options.mode == Mode::transactions)
    return make_versions_state(options.isolation, options.bug);
  return make_registers_state();
}

}  // namespace refkv
