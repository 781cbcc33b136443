#include "harness/os/iptables_rules.h"

#include <charconv>
#include <sstream>

namespace faultline {
namespace {

/// Router and neighbour solicitation and advertisement.
constexpr int discovery_first = 133, discovery_last = 136;

std::string drop_rule(const std::string& source) {
  return " faultline -s " + source + " -j DROP\n";
}

/// "[12:3400] -A CHAIN REST": the packets, the chain, and the rest.
struct Rule {
  std::uint64_t packets = 0;
  std::string chain, rest;
};
bool parse_rule(const std::string& line, Rule& rule) {
  if (!line.starts_with('[')) return false;
  const char* end = line.data() + line.size();
  const auto number = std::from_chars(line.data() + 1, end, rule.packets);
  if (number.ec != std::errc() || number.ptr == end || *number.ptr != ':') return false;
  const std::size_t add = line.find("] -A ");
  if (add == std::string::npos) return false;
  const std::size_t name = add + 5, space = std::min(line.find(' ', name), line.size());
  rule.chain = line.substr(name, space - name);
  rule.rest = space < line.size() ? line.substr(space + 1) : "";
  return true;
}

}  // namespace

bool IptablesChain::holds(const std::set<std::string>& sources) const {
  if (sources.empty()) return !exists && jumps == 0;
  if (!exists || !first || strange || drops.size() != sources.size()) return false;
  for (const auto& [source, packets] : drops)
    if (!sources.contains(source)) return false;
  return true;
}

IptablesChain parse_iptables_save(std::string_view text) {
  IptablesChain chain;
  bool input_began = false;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(":faultline ")) chain.exists = true;
    Rule rule;
    if (!parse_rule(line, rule)) continue;
    if (rule.chain == "INPUT") {
      const bool ours = rule.rest == "-j faultline";
      if (ours) ++chain.jumps;
      if (ours && !input_began) chain.first = true;
      input_began = true;
    }
    if (rule.chain != "faultline" || rule.rest.ends_with("-j RETURN")) continue;
    const std::size_t slash = rule.rest.find('/');
    if (rule.rest.starts_with("-s ") && slash != std::string::npos &&
        rule.rest.ends_with(" -j DROP"))
      chain.drops[rule.rest.substr(3, slash - 3)] += rule.packets;
    else
      chain.strange = true;
  }
  return chain;
}

std::string rebuild_batch(const IptablesChain& now, const std::set<std::string>& sources, bool v6) {
  if (sources.empty() && now.holds(sources)) return {};
  std::string batch = "*filter\n";
  for (std::size_t i = 0; i < now.jumps; ++i) batch += "-D INPUT -j faultline\n";
  if (sources.empty()) {
    if (now.exists) batch += "-F faultline\n-X faultline\n";
    return batch + "COMMIT\n";
  }
  batch += ":faultline - [0:0]\n";  // Makes it, or empties it.
  batch += "-I INPUT 1 -j faultline\n";
  if (v6)
    for (int type = discovery_first; type <= discovery_last; ++type)
      batch += "-A faultline -p ipv6-icmp -m icmp6 --icmpv6-type " + std::to_string(type) +
               " -j RETURN\n";
  for (const std::string& source : sources) batch += "-A" + drop_rule(source);
  return batch + "COMMIT\n";
}

std::string change_batch(const std::set<std::string>& before, const std::set<std::string>& after) {
  std::string batch = "*filter\n";
  for (const std::string& source : before)
    if (!after.contains(source)) batch += "-D" + drop_rule(source);
  for (const std::string& source : after)
    if (!before.contains(source)) batch += "-A" + drop_rule(source);
  return batch + "COMMIT\n";
}

}  // namespace faultline
