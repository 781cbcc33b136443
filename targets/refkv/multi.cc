// Mode multi: every node accepts writes, answers from its own copy, and tells the others later. Of
// two versions of a key the one with the later wall clock wins, which loses the other one although
// it was acknowledged. Not linearizable, by design: it converges, and that is all. Every node
// offers its whole copy to the others, a page at a time, so that they agree soon after a partition
// heals.
#include <algorithm>
#include <utility>

#include "targets/refkv/registers.h"

namespace refkv {
namespace {

class MultiEngine final : public Engine {
 public:
  MultiEngine(const Options& options, Runtime& runtime)
      : Engine(options, runtime), registers_(runtime) {}

  void on_call(const Call& call, Done done) override {
    if (call.op == Op::read) return done(Answer::ok(registers_.get(call.key).value));
    if (runtime_.disk_full()) return done(Answer::refused("disk full"));
    // A node whose clock is behind must still be able to overwrite what it has seen.
    const std::uint64_t seen = registers_.get(call.key).tag.counter;
    const Tag tag{std::max(runtime_.wall_clock_ns(), seen + 1), static_cast<std::uint32_t>(self()),
                  next_request()};
    registers_.store(call.key, {tag, call.value}, [this, call, tag, then = std::move(done)] {
      send_to_others(store_of(call.key, {tag, call.value}), runtime_.now() + call_timeout());
      then(Answer::ok());
    });
  }

 private:
  static constexpr std::chrono::milliseconds page_interval{100};
  static constexpr std::size_t page_keys = 256;

  static Message store_of(const std::string& key, const Registers::Version& version) {
    return {.kind = Message::Kind::store,
            .tag = version.tag,
            .call = {.key = key, .value = version.value}};
  }

  void on_replay(const Record& record) override {
    registers_.keep(record.call.key, {record.tag, record.call.value});
  }

  void on_message(std::size_t, const Message& m) override {
    if (m.kind == Message::Kind::store) {
      registers_.store(m.call.key, {m.tag, m.call.value}, [] {});
    }
  }

  void on_tick() override {
    const auto now = runtime_.now();
    if (now < next_page_) return;
    next_page_ = now + page_interval;
    auto key = registers_.all().lower_bound(page_begin_);
    for (std::size_t n = 0; n < page_keys && key != registers_.all().end(); ++n, ++key) {
      send_to_others(store_of(key->first, key->second), now + page_interval);
    }
    page_begin_ = key == registers_.all().end() ? std::string{} : key->first;
  }

  bool is_ready(std::size_t, bool) const override { return true; }

  Registers registers_;
  std::string page_begin_;
  Clock::time_point next_page_{};
};

}  // namespace

std::unique_ptr<Engine> make_multi_engine(const Options& options, Runtime& runtime) {
  return std::make_unique<MultiEngine>(options, runtime);
}

}  // namespace refkv
