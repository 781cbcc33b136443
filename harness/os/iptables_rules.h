// The text that iptables-restore reads and iptables-save prints, of a chain of our own in the table
// `filter`: pure functions. Private to harness/os.
//
//   *filter
//   :faultline - [0:0]
//   -I INPUT 1 -j faultline
//   -A faultline -s 10.88.0.2/32 -j DROP
//   COMMIT
//
// INPUT of the receiver, not OUTPUT of the sender: there a UDP sendto() fails with EPERM, which no
// network does. With --noflush every line is about our chain or the jump to it; whatever else the
// table has stays as it is. A batch is one transaction.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

namespace faultline {

/// What a table has of ours.
struct IptablesChain {
  bool exists = false;
  std::size_t jumps = 0;                       ///< Rules of INPUT that lead to it.
  bool first = false;                          ///< INPUT begins with one.
  bool strange = false;                        ///< Somebody else put a rule into the chain.
  std::map<std::string, std::uint64_t> drops;  ///< Packets by source address.

  /// Drops what comes from these addresses, and nothing else.
  bool holds(const std::set<std::string>& sources) const;
};

/// The output of `iptables-save -c -t filter`, or ip6tables-save's.
IptablesChain parse_iptables_save(std::string_view text);

/// A batch after which the chain drops exactly what comes from `sources`, first of all rules, with
/// counters that begin at zero; with no sources neither the chain nor a jump to it is left. Empty
/// if there is nothing to do. `v6` lets neighbour discovery pass.
std::string rebuild_batch(const IptablesChain& now, const std::set<std::string>& sources, bool v6);

/// A batch for a chain that holds `before`; counters of what stays go on. Fails as a whole where
/// the chain is not what we left.
std::string change_batch(const std::set<std::string>& before, const std::set<std::string>& after);

}  // namespace faultline
