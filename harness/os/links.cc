#include "harness/os/links.h"

#include <cstring>
#include <map>
#include <optional>

#include <endian.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <net/if.h>

#include "harness/os/netlink.h"
#include "harness/os/program.h"

namespace faultline {
namespace {

constexpr std::chrono::seconds nft_limit{10};
constexpr const char* set_of_cuts = "bridge faultline cut";

constexpr const char* table_rules = R"(add table bridge faultline
delete table bridge faultline
table bridge faultline {
  set cut {
    type ifname . ifname
    counter
  }
  chain links {
    type filter hook forward priority 0; policy accept;
    ether type arp accept
    icmpv6 type { nd-router-solicit, nd-router-advert,
                  nd-neighbor-solicit, nd-neighbor-advert } accept
    iifname . oifname @cut drop
  }
}
)";

using Ports = std::pair<std::string, std::string>;

/// A port name in a set's key: IFNAMSIZ bytes, padded with zeros.
std::string port_name(const char* key) { return {key, ::strnlen(key, IFNAMSIZ)}; }

/// Calls `each` with every attribute of the `bytes` bytes from `first` on. (libmnl's own loops are
/// macros that are no C++.)
template <typename Each>
void for_each_attribute(const void* first, std::size_t bytes, Each each) {
  const auto* item = static_cast<const nlattr*>(first);
  const char* end = static_cast<const char*>(first) + bytes;
  while (mnl_attr_ok(item, static_cast<int>(end - reinterpret_cast<const char*>(item)))) {
    each(item);
    item = mnl_attr_next(item);
  }
}

template <typename Each>
void for_each_nested(const nlattr* parent, Each each) {
  for_each_attribute(mnl_attr_get_payload(parent), mnl_attr_get_payload_len(parent), each);
}

const nlattr* child(const nlattr* parent, int type) {
  const nlattr* found = nullptr;
  for_each_nested(parent, [&](const nlattr* item) {
    if (mnl_attr_get_type(item) == type) found = item;
  });
  return found;
}

/// The attribute at the end of a path of nested ones, or nullptr.
const nlattr* descend(const nlattr* from, std::initializer_list<int> path) {
  for (const int type : path)
    if (from) from = child(from, type);
  return from;
}

/// One element of the set: its two ports and its packet counter. Where a set has a single
/// expression the kernel sends it as EXPR, else as a list EXPRESSIONS.
std::optional<std::pair<Ports, std::uint64_t>> parse_element(const nlattr* element) {
  const nlattr* key = descend(element, {NFTA_SET_ELEM_KEY, NFTA_DATA_VALUE});
  if (!key || mnl_attr_get_payload_len(key) != 2 * IFNAMSIZ) return std::nullopt;
  const nlattr* expression = child(element, NFTA_SET_ELEM_EXPR);
  if (!expression) expression = descend(element, {NFTA_SET_ELEM_EXPRESSIONS, NFTA_LIST_ELEM});
  const nlattr* packets = descend(expression, {NFTA_EXPR_DATA, NFTA_COUNTER_PACKETS});
  if (!packets || mnl_attr_get_payload_len(packets) != sizeof(std::uint64_t)) return std::nullopt;
  std::uint64_t count = 0;
  std::memcpy(&count, mnl_attr_get_payload(packets), sizeof count);
  const char* names = static_cast<const char*>(mnl_attr_get_payload(key));
  return std::pair{Ports{port_name(names), port_name(names + IFNAMSIZ)}, be64toh(count)};
}

Result<std::map<Ports, std::uint64_t>> read_counters() {
  auto netlink = Netlink::open(NETLINK_NETFILTER);
  if (!netlink) return netlink.error();
  nfgenmsg family{};
  family.nfgen_family = NFPROTO_BRIDGE;
  family.version = NFNETLINK_V0;
  netlink->begin((NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETSETELEM, NLM_F_DUMP, &family,
                 sizeof family, "read the counters of cut links");
  netlink->attribute(NFTA_SET_ELEM_LIST_TABLE, std::string("faultline"));
  netlink->attribute(NFTA_SET_ELEM_LIST_SET, std::string("cut"));
  std::map<Ports, std::uint64_t> counters;
  bool understood = true;
  const Status done = netlink->ask([&](const nlmsghdr& message) {
    const char* attributes =
        static_cast<const char*>(mnl_nlmsg_get_payload(&message)) + MNL_ALIGN(sizeof(nfgenmsg));
    const std::size_t bytes = mnl_nlmsg_get_payload_len(&message) - MNL_ALIGN(sizeof(nfgenmsg));
    for_each_attribute(attributes, bytes, [&](const nlattr* list) {
      if (mnl_attr_get_type(list) != NFTA_SET_ELEM_LIST_ELEMENTS) return;
      for_each_nested(list, [&](const nlattr* element) {
        if (auto parsed = parse_element(element))
          counters.insert(std::move(*parsed));
        else
          understood = false;
      });
    });
  });
  if (!done) return done.error();
  if (!understood) return Error{"read the counters of cut links: an element without a counter"};
  return counters;
}

/// An error of kind capability if nft refused the rules, of another if nft did not get that far.
Status run_nft(const std::string& nft, const std::string& rules) {
  const auto result = run_program({nft, "-f", "-"}, rules, nft_limit);
  if (!result) return result.error();
  if (result->status == 0) return Ok{};
  const std::string said = result->output.substr(0, result->output.find('\n'));
  return Error{"nft: " + (said.empty() ? "exit status " + std::to_string(result->status) : said),
               ErrorKind::capability};
}

Status make_table(const std::string& nft) {
  if (nft.empty())
    return Error{"links cannot be cut: there is no program nft; apt-get install nftables",
                 ErrorKind::capability};
  const Status made = run_nft(nft, table_rules);
  if (made) return Ok{};
  // Cut short by a machine that is too busy, nft says nothing about the kernel.
  const char* remedy = made.error().kind == ErrorKind::capability
                           ? "; needs nftables >= 1.0 and a kernel with nf_tables and "
                             "nft_meta_bridge"
                           : "; try again when the machine is less busy";
  return Error{"links cannot be cut: " + made.error().what + remedy, ErrorKind::capability};
}

}  // namespace

Links::Links(std::vector<std::string> ports)
    : ports_(std::move(ports)), nft_(find_program("nft")), usable_(make_table(nft_)) {}

std::string Links::element(const Edge& edge) const {
  return "\"" + ports_.at(edge.from) + "\" . \"" + ports_.at(edge.to) + "\"";
}

Status Links::cut(std::span<const Edge> edges) {
  if (!usable_) return usable_;
  const std::set<Edge> wanted(edges.begin(), edges.end());
  const std::set<Edge> before = uncertain_ ? std::set<Edge>{} : cut_;
  std::string removed, added;
  for (const Edge& edge : before)
    if (!wanted.contains(edge)) removed += (removed.empty() ? "" : ", ") + element(edge);
  for (const Edge& edge : wanted)
    if (!before.contains(edge)) added += (added.empty() ? "" : ", ") + element(edge);
  const std::string set = set_of_cuts;
  std::string rules;
  if (uncertain_) rules += "flush set " + set + "\n";
  if (!removed.empty()) rules += "delete element " + set + " { " + removed + " }\n";
  if (!added.empty()) rules += "add element " + set + " { " + added + " }\n";
  if (rules.empty()) return Ok{};
  uncertain_ = true;
  if (const Status done = run_nft(nft_, rules); !done)
    return Error{done.error().what};  // It could at the start: no lack of this machine.
  uncertain_ = false;
  cut_ = wanted;
  return Ok{};
}

Result<std::vector<std::uint64_t>> Links::drops(std::span<const Edge> edges) const {
  if (!usable_) return usable_.error();
  const auto counters = read_counters();
  if (!counters) return counters.error();
  std::vector<std::uint64_t> drops;
  for (const Edge& edge : edges) {
    const auto found = counters->find({ports_.at(edge.from), ports_.at(edge.to)});
    drops.push_back(found == counters->end() ? 0 : found->second);
  }
  return drops;
}

Status try_links() {
  const std::string nft = find_program("nft");
  if (const Status made = make_table(nft); !made) return made;
  return run_nft(nft, "delete table bridge faultline\n");
}

}  // namespace faultline
