// A store that answers at once, so that what is measured is ours alone.
#pragma once

#include <memory>

#include "harness/core/catalogue.h"

namespace faultline {

class NullClient : public Client {
 public:
  Outcome invoke(const Request& request, Deadline) override { return Outcome::ok(request.value); }
};

class NullTarget : public Target {
 public:
  std::string_view name() const override { return "null"; }
  std::vector<Function> functions() const override { return {Function::read, Function::write}; }
  Status available() const override { return Ok{}; }
  std::filesystem::path program() const override { return {}; }
  std::string version() const override { return {}; }
  Result<Launch> launch(const Node&, std::span<const Node>) const override { return Launch{}; }
  Status ready(const Node&, Deadline) const override { return Ok{}; }
  Result<std::unique_ptr<Client>> connect(const Node&) const override {
    return std::unique_ptr<Client>(std::make_unique<NullClient>());
  }
};

/// What the process of a client machine chooses from when it is this program.
inline std::span<const TargetEntry> bench_targets() {
  static constexpr TargetEntry null = {
      "null", "answers at once", [](Params&) -> Result<std::unique_ptr<Target>> {
        return std::unique_ptr<Target>(std::make_unique<NullTarget>());
      }};
  return {&null, 1};
}

}  // namespace faultline
