// A moment of the register's search: what is pending, and what the register can be.
#pragma once

#include <cstdint>
#include <vector>

#include "checkers/linearizable/antichain.h"
#include "checkers/linearizable/call.h"
#include "checkers/linearizable/mask.h"

namespace faultline::linearizable {

/// A pending call.
struct SearchSlot {
  Kind kind = Kind::read;
  ValueId expected = no_value;
  ValueId value = no_value;
  Position end = never;
};

/// The sweep before the end of call by_end()[ended].
template <int W>
struct SearchMoment {
  using Config = Configuration<W>;

  std::size_t ended = 0;
  std::size_t begun = 0;        ///< Calls that began.
  std::vector<Config> current;  ///< What their infos used is counted elsewhere.
  std::vector<SearchSlot> slots;
  Mask<W> occupied;
  SlotKinds<W> kinds;
  std::vector<std::uint32_t> begun_of_class;  ///< By class of infos.
  std::vector<std::uint32_t> live;            ///< Classes that began and can still be observed.
  Position next_death = never;
  bool unmerged = false;   ///< Configurations may have become comparable since the last merge.
  bool truncated = false;  ///< Configurations were given up on the way here.

  /// Of a copy.
  std::uint64_t bytes_copied() const { return bytes_with(current.size()); }
  std::uint64_t bytes() const { return bytes_with(current.capacity()); }

 private:
  std::uint64_t bytes_with(std::size_t configurations) const {
    return sizeof(*this) + configurations * sizeof(Config) + slots.size() * sizeof(SearchSlot) +
           (begun_of_class.size() + live.size()) * sizeof(std::uint32_t);
  }
};

}  // namespace faultline::linearizable
