// register: reads, writes and compare-and-sets over many keys, each key one register.
//
// A key is retired after about `ops_per_key` operations and its slot goes on under a new name, so
// that histories per key stay short. Rotation follows each worker's own count of requests, never a
// shared one: what a worker asks is a function of its seed, its number and how many there are.
#include <algorithm>
#include <array>

#include "harness/core/check.h"
#include "workloads/mix.h"
#include "workloads/workloads.h"

namespace faultline {
namespace {

constexpr std::array verbs = {Function::read, Function::write, Function::cas};

struct Settings {
  std::uint64_t keys = 0;
  std::uint64_t ops_per_key = 0;
  std::uint64_t small_values = 0;                     ///< 0: every value is unique.
  std::array<std::uint64_t, verbs.size()> weights{};  ///< By verb.

  std::uint64_t total_weight() const { return weights[0] + weights[1] + weights[2]; }
};

class Requests : public Generator {
 public:
  Requests(const Settings& settings, Rng rng, std::size_t worker, std::size_t workers)
      : settings_(settings), rng_(rng), worker_(worker), workers_(workers) {}

  Request next() override {
    Request request;
    const std::uint64_t slot = rng_.below(settings_.keys);
    request.key = key_of(slot);
    request.function = verb_of(rng_.below(settings_.total_weight()));
    ++asked_;
    if (request.function == Function::write) request.value = new_value();
    if (request.function == Function::cas) {
      request.value = List{Value(), new_value()};
      request.expects_last_seen = true;
    }
    return request;
  }

 private:
  /// Slots are spread over the life of a generation, so that keys are not all replaced at once.
  std::string key_of(std::uint64_t slot) const {
    const std::uint64_t operations = asked_ * workers_ + slot * settings_.ops_per_key;
    const std::uint64_t generation = operations / (settings_.keys * settings_.ops_per_key);
    return "k" + std::to_string(slot + generation * settings_.keys);
  }
  Function verb_of(std::uint64_t ticket) const {
    std::size_t verb = 0;
    while (ticket >= settings_.weights[verb]) ticket -= settings_.weights[verb++];
    return verbs[verb];
  }
  /// Unique over all workers and keys, or one of a few.
  Value new_value() {
    if (settings_.small_values > 0) return Value(rng_.below(settings_.small_values));
    return Value(written_++ * workers_ + worker_ + 1);
  }

  const Settings settings_;
  Rng rng_;
  std::uint64_t worker_, workers_;
  std::uint64_t asked_ = 0, written_ = 0;
};

class Register : public Workload {
 public:
  explicit Register(Settings settings) : settings_(settings) {}

  std::string_view name() const override { return "register"; }
  std::vector<Function> functions() const override {
    std::vector<Function> asked;
    for (std::size_t i = 0; i < verbs.size(); ++i)
      if (settings_.weights[i] > 0) asked.push_back(verbs[i]);
    return asked;
  }
  std::vector<std::string> checks() const override { return {"linearizable"}; }
  std::unique_ptr<Generator> generator(Rng rng, std::size_t worker,
                                       std::size_t workers) const override {
    FAULTLINE_CHECK(worker < workers);
    return std::make_unique<Requests>(settings_, rng, worker, workers);
  }
  std::vector<Request> final_requests(const std::vector<std::string>& keys) const override {
    std::vector<Request> reads;
    for (const std::string& key : keys) reads.push_back({Function::read, key, {}, false});
    return reads;
  }

 private:
  Settings settings_;
};

bool contains(std::span<const Function> functions, Function function) {
  return std::ranges::find(functions, function) != functions.end();
}

/// `values: unique`, or the number of different ones.
std::uint64_t read_values(Params& params) {
  const ConfigNode* node = params.node("values");
  if (node == nullptr || (node->kind == ConfigNode::Kind::scalar && node->scalar == "unique")) {
    params.set_resolved("values", "unique");
    return 0;
  }
  return static_cast<std::uint64_t>(params.integer("values", 5, 1, 1'000'000));
}

/// Where `mix:` is absent, Jepsen's proportions with what the target offers.
Status read_weights(Params& params, std::span<const Function> available, Settings& settings) {
  auto& [reads, writes, cases] = settings.weights;
  if (params.node("mix") == nullptr) {
    const bool cas = contains(available, Function::cas);
    const bool write = contains(available, Function::write);
    settings.weights = {cas ? 50u : 60u, write ? (cas ? 30u : 40u) : 0u, cas ? 20u : 0u};
    if (!write || !contains(available, Function::read))
      params.fail("mix", "the target has no registers: it does not understand read and write");
  }
  return read_mix(
      params,
      {{name_of(verbs[0]), reads}, {name_of(verbs[1]), writes}, {name_of(verbs[2]), cases}});
}

}  // namespace

Result<std::unique_ptr<Workload>> make_register(Params& params,
                                                std::span<const Function> available) {
  constexpr std::array<std::string_view, 1> distributions = {"uniform"};
  Settings settings;
  settings.keys = static_cast<std::uint64_t>(params.integer("keys", 20, 1, 1'000'000));
  settings.ops_per_key =
      static_cast<std::uint64_t>(params.integer("ops_per_key", 2000, 1, 1'000'000'000));
  params.choice("distribution", distributions[0], distributions);
  settings.small_values = read_values(params);
  if (const Status read = read_weights(params, available, settings); !read) return read.error();
  return std::unique_ptr<Workload>(std::make_unique<Register>(settings));
}

}  // namespace faultline
