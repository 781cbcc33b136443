#include "checkers/transactional/online_list_append.h"

#include "checkers/transactional/lists_weak.h"
#include "checkers/transactional/online_isolation.h"
#include "checkers/transactional/online_lists.h"

namespace faultline::transactional {
namespace {

class OnlineListAppend final : public OnlineIsolation {
 public:
  OnlineListAppend(ModelSet asked, const Budget& budget)
      : OnlineIsolation(asked, budget, Objects::lists, lists_), finds_all_(finds_all_of(asked)) {}

  bool finds_all() const override { return finds_all_; }

 private:
  /// Of a whole history alone are decided: what is between read committed and snapshot isolation,
  /// and what only a G-cursor rules out.
  static bool finds_all_of(ModelSet asked) {
    ModelSet of_whole = list_levels();
    for (const char* name : {"cursor-stability", "update-atomic"})
      of_whole.set(find_model(name).value());
    return (asked & of_whole).none();
  }

  Counts search_component(Node any) override {
    return search([&](Meter& meter, CycleFindings& found) {
      find_cycles(lists_.facts().component(any), meter, found);
    });
  }

  void search_in_the_end() override {
    cycles_ = search(
        [&](Meter& meter, CycleFindings& found) { find_cycles(lists_.whole(), meter, found); });
    if (lists_.is_contradicted()) keep_certain();
  }

  void look_at_components() override {
    lists_.is_contradicted() ? keep_certain() : OnlineIsolation::look_at_components();
  }

  /// Where lists contradict each other, cycles of certain writes alone can rule out what those
  /// lists do not; they are looked for in the end.
  void keep_certain() {
    using enum Anomaly;
    for (std::size_t a = 0; a < cycles_.size(); ++a) {
      const auto anomaly = static_cast<Anomaly>(a);
      const bool is_certain = anomaly == G0 || anomaly == G0_process || anomaly == G0_realtime;
      if (!is_certain || !is_finished_) cycles_[a] = 0;
    }
    refuted_.reset();
  }

  const bool finds_all_;
  OnlineLists lists_;
};

}  // namespace

std::unique_ptr<OnlineChecker> online_list_append(ModelSet asked, const Budget& budget) {
  return std::make_unique<OnlineListAppend>(asked, budget);
}

}  // namespace faultline::transactional
