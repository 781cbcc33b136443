#include "checkers/transactional/online_rw_register.h"

#include "checkers/transactional/online_isolation.h"
#include "checkers/transactional/online_registers.h"

namespace faultline::transactional {
namespace {

class OnlineRwRegister final : public OnlineIsolation {
 public:
  OnlineRwRegister(ModelSet asked, const Budget& budget, std::optional<std::int64_t> initial)
      : OnlineIsolation(asked, budget, Objects::registers, registers_), registers_(initial) {}

  bool finds_all() const override { return false; }

 private:
  Counts search_component(Node any) override {
    return search([&](Meter& meter, CycleFindings& found) {
      // Cycles of versions are cycles of those who wrote them, too.
      registers_.versions().count_cycles(registers_.facts().members(any), found.counts, meter);
      find_inferred_cycles(registers_.facts().component(any), meter, found);
    });
  }

  OnlineRegisters registers_;
};

}  // namespace

std::unique_ptr<OnlineChecker> online_rw_register(ModelSet asked, const Budget& budget,
                                                  std::optional<std::int64_t> initial) {
  return std::make_unique<OnlineRwRegister>(asked, budget, initial);
}

}  // namespace faultline::transactional
