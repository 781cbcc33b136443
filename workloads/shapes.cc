#include "workloads/shapes.h"

#include <algorithm>

#include "harness/core/check.h"

namespace faultline {
namespace shaped_workloads {
namespace {

constexpr std::size_t final_reads_max = 8;  ///< Of one transaction.

struct ShapeSettings {
  std::uint64_t places = 4;
  std::uint64_t transactions_per_place = 100;
  std::uint64_t width = 2;
};

class ShapedRequests : public Generator {
 public:
  ShapedRequests(const Shape& shape, const ShapeSettings& settings, Rng rng, std::size_t worker,
                 std::size_t workers)
      : shape_(shape), settings_(settings), rng_(rng), worker_(worker), workers_(workers) {}

  Request next() override {
    Turn turn{
        rng_,    place(rng_.below(settings_.places)), asked_, worker_, workers_, settings_.width,
        written_};
    ++asked_;
    shape_.make(turn);
    return {Function::txn, {}, std::move(turn.accesses), false};
  }

 private:
  /// Slots are spread over the life of a generation, so that places are not all replaced at once.
  std::string place(std::uint64_t slot) const {
    const std::uint64_t life = settings_.transactions_per_place;
    const std::uint64_t generation = (asked_ * workers_ + slot * life) / (settings_.places * life);
    return "p" + std::to_string(slot + generation * settings_.places);
  }

  const Shape shape_;
  const ShapeSettings settings_;
  Rng rng_;
  std::uint64_t worker_, workers_;
  std::uint64_t asked_ = 0, written_ = 0;
};

class ShapedWorkload : public Workload {
 public:
  ShapedWorkload(const Shape& shape, const ShapeSettings& settings)
      : shape_(shape), settings_(settings) {}

  std::string_view name() const override { return shape_.name; }
  std::vector<Function> functions() const override { return {Function::txn}; }
  std::vector<std::string> checks() const override { return {"rw-register"}; }
  std::string model() const override { return shape_.model; }
  std::unique_ptr<Generator> generator(Rng rng, std::size_t worker,
                                       std::size_t workers) const override {
    FAULTLINE_CHECK(worker < workers);
    return std::make_unique<ShapedRequests>(shape_, settings_, rng, worker, workers);
  }
  std::vector<Request> final_requests(const std::vector<std::string>& keys) const override {
    std::vector<Request> requests;
    for (std::size_t i = 0; i < keys.size(); i += final_reads_max) {
      List accesses;
      for (std::size_t j = i; j < std::min(keys.size(), i + final_reads_max); ++j)
        accesses.emplace_back(List{"r", keys[j], Value()});
      requests.push_back({Function::txn, {}, std::move(accesses), false});
    }
    return requests;
  }

 private:
  const Shape shape_;
  const ShapeSettings settings_;
};

}  // namespace
}  // namespace shaped_workloads

Result<std::unique_ptr<Workload>> shaped_workload(const shaped_workloads::Shape& shape,
                                                  Params& params,
                                                  std::span<const Function> available) {
  if (std::ranges::find(available, Function::txn) == available.end())
    params.fail(params.where(), "the target has no transactions: it does not understand txn");
  shaped_workloads::ShapeSettings settings;
  if (shape.has_places) {
    settings.places = static_cast<std::uint64_t>(params.integer("places", 4, 1, 10'000));
    settings.transactions_per_place =
        static_cast<std::uint64_t>(params.integer("transactions_per_place", 100, 1, 1'000'000));
  }
  settings.width = static_cast<std::uint64_t>(shape.width);
  if (shape.width_min < shape.width_max)
    settings.width = static_cast<std::uint64_t>(
        params.integer("width", shape.width, shape.width_min, shape.width_max));
  return std::unique_ptr<Workload>(
      std::make_unique<shaped_workloads::ShapedWorkload>(shape, settings));
}

}  // namespace faultline
