// Moments of a sweep to which it can go back. A narrow beam that dies has gone wrong a little
// earlier: going back some way with a wider one costs far less than all over again.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace faultline::linearizable {

/// Of a budget of memory: a moment with many configurations is dear to keep, and a beam that wide
/// has no use for one. Of all of them together no more than a sixteenth is kept.
inline bool worth_keeping(std::uint64_t bytes, std::uint64_t bytes_max) {
  return bytes <= bytes_max / 64;
}

/// Keeps the latest moments densely and older ones ever more thinly: of n some 2 log n, and for
/// every distance one that is at most about twice as far back.
template <typename Moment>
class Checkpoints {
 public:
  explicit Checkpoints(std::size_t every) : every_(every) {}

  void clear() {
    kept_.clear();
    bytes_ = 0;
  }
  bool empty() const { return kept_.empty(); }
  bool is_due(std::size_t at) const {
    return at % every_ == 0 && (kept_.empty() || kept_.back().at < at);
  }
  std::uint64_t bytes() const { return bytes_; }
  /// One that is worth keeping. The oldest go when all together take too many of `bytes_max`.
  void keep(std::size_t at, Moment moment, std::uint64_t bytes, std::uint64_t bytes_max) {
    kept_.push_back({at, bytes, std::move(moment)});
    bytes_ += bytes;
    // One between two goes when the older of them is not even twice as far back as the newer.
    for (std::size_t i = kept_.size() - 1; i-- > 1;)
      if (at - kept_[i - 1].at < 2 * (at - kept_[i + 1].at)) forget(i);
    while (bytes_ > bytes_max / 16) forget(0);
  }

  /// The latest moment at or before `at`, or else the first one; those after it are forgotten.
  /// There must be one.
  const Moment& back_to(std::size_t at) {
    while (kept_.size() > 1 && kept_.back().at > at) forget(kept_.size() - 1);
    return kept_.back().moment;
  }

  template <typename Visit>
  void each(Visit visit) {
    for (Kept& one : kept_) visit(one.moment);
  }

 private:
  struct Kept {
    std::size_t at;
    std::uint64_t bytes;
    Moment moment;
  };
  void forget(std::size_t i) {
    bytes_ -= kept_[i].bytes;
    kept_.erase(kept_.begin() + static_cast<std::ptrdiff_t>(i));
  }

  std::size_t every_;
  std::vector<Kept> kept_;
  std::uint64_t bytes_ = 0;
};

/// How far to go back and how much wider the beam becomes, each time the set dies: farther and
/// wider the more often it does so in one place.
class Repairs {
 public:
  explicit Repairs(std::size_t first_distance) : first_distance_(first_distance) {}

  /// False if it was tried often enough.
  bool died(std::size_t at) {
    attempt_ = at > died_at_ ? 1 : attempt_ + 1;
    died_at_ = std::max(died_at_, at);
    from_ = at - std::min(at, distance());
    return attempt_ <= attempts_max;
  }
  std::size_t from() const { return from_; }
  std::size_t widening() const { return std::size_t{1} << (4 * attempt_); }
  /// The place from which the beam is narrow again.
  std::size_t until() const { return died_at_ + distance(); }

 private:
  static constexpr std::size_t attempts_max = 2;
  std::size_t distance() const { return first_distance_ << (2 * (attempt_ - 1)); }

  std::size_t first_distance_;
  std::size_t attempt_ = 0, died_at_ = 0, from_ = 0;
};

}  // namespace faultline::linearizable
