// The bridge lever. A cut is an element of a set, and elements count: a pair (port in, port out)
// for frames that the bridge forwards, a port for those from a node to the clients and back, whose
// own end is the bridge device itself. Changed by one transaction. nft(8).
#include <array>
#include <cstring>
#include <map>
#include <optional>
#include <set>

#include <endian.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <net/if.h>

#include "harness/os/links.h"
#include "harness/os/netlink.h"
#include "harness/os/program.h"

namespace faultline {
namespace {

constexpr std::chrono::seconds nft_limit{10};
// Between nodes, from nodes to clients, from clients to nodes.
constexpr const char* between = "cut";
constexpr const char* to_clients = "cut_to_clients";
constexpr const char* from_clients = "cut_from_clients";
constexpr std::array all_sets = {between, to_clients, from_clients};

constexpr const char* table_rules = R"(add table bridge faultline
delete table bridge faultline
table bridge faultline {
  set cut {
    type ifname . ifname
    counter
  }
  set cut_to_clients {
    type ifname
    counter
  }
  set cut_from_clients {
    type ifname
    counter
  }
  chain links {
    type filter hook forward priority 0; policy accept;
    ether type arp accept
    icmpv6 type { nd-router-solicit, nd-router-advert,
                  nd-neighbor-solicit, nd-neighbor-advert } accept
    iifname . oifname @cut drop
  }
  chain to_clients {
    type filter hook input priority 0; policy accept;
    ether type arp accept
    icmpv6 type { nd-router-solicit, nd-router-advert,
                  nd-neighbor-solicit, nd-neighbor-advert } accept
    iifname @cut_to_clients drop
  }
  chain from_clients {
    type filter hook output priority 0; policy accept;
    ether type arp accept
    icmpv6 type { nd-router-solicit, nd-router-advert,
                  nd-neighbor-solicit, nd-neighbor-advert } accept
    oifname @cut_from_clients drop
  }
}
)";

/// What is cut, as nft writes it: the name of the set, and its element.
struct Cut {
  std::string set, element;
  friend auto operator<=>(const Cut&, const Cut&) = default;
};

std::string port_text(std::string_view port) { return "\"" + std::string(port) + "\""; }

/// A set's key, IFNAMSIZ bytes a port padded with zeros, as nft writes it.
std::string key_text(const char* key, std::size_t bytes) {
  std::string text;
  for (std::size_t at = 0; at < bytes; at += IFNAMSIZ)
    text += (at == 0 ? "" : " . ") + port_text({key + at, ::strnlen(key + at, IFNAMSIZ)});
  return text;
}

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

/// One element of a set: its key as nft writes it, and its packet counter. Where a set has a single
/// expression the kernel sends it as EXPR, else as a list EXPRESSIONS.
std::optional<std::pair<std::string, std::uint64_t>> parse_element(const nlattr* element) {
  const nlattr* key = descend(element, {NFTA_SET_ELEM_KEY, NFTA_DATA_VALUE});
  if (!key || mnl_attr_get_payload_len(key) % IFNAMSIZ != 0) return std::nullopt;
  const nlattr* expression = child(element, NFTA_SET_ELEM_EXPR);
  if (!expression) expression = descend(element, {NFTA_SET_ELEM_EXPRESSIONS, NFTA_LIST_ELEM});
  const nlattr* packets = descend(expression, {NFTA_EXPR_DATA, NFTA_COUNTER_PACKETS});
  if (!packets || mnl_attr_get_payload_len(packets) != sizeof(std::uint64_t)) return std::nullopt;
  std::uint64_t count = 0;
  std::memcpy(&count, mnl_attr_get_payload(packets), sizeof count);
  return std::pair{
      key_text(static_cast<const char*>(mnl_attr_get_payload(key)), mnl_attr_get_payload_len(key)),
      be64toh(count)};
}

/// Adds the counters of one set.
Status read_counters(const std::string& set, std::map<Cut, std::uint64_t>& counters) {
  auto netlink = Netlink::open(NETLINK_NETFILTER);
  if (!netlink) return netlink.error();
  nfgenmsg family{};
  family.nfgen_family = NFPROTO_BRIDGE;
  family.version = NFNETLINK_V0;
  netlink->begin((NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETSETELEM, NLM_F_DUMP, &family,
                 sizeof family, "read the counters of cut links");
  netlink->attribute(NFTA_SET_ELEM_LIST_TABLE, std::string("faultline"));
  netlink->attribute(NFTA_SET_ELEM_LIST_SET, set);
  bool understood = true;
  const Status done = netlink->ask([&](const nlmsghdr& message) {
    const char* attributes =
        static_cast<const char*>(mnl_nlmsg_get_payload(&message)) + MNL_ALIGN(sizeof(nfgenmsg));
    const std::size_t bytes = mnl_nlmsg_get_payload_len(&message) - MNL_ALIGN(sizeof(nfgenmsg));
    for_each_attribute(attributes, bytes, [&](const nlattr* list) {
      if (mnl_attr_get_type(list) != NFTA_SET_ELEM_LIST_ELEMENTS) return;
      for_each_nested(list, [&](const nlattr* element) {
        if (auto parsed = parse_element(element))
          counters[{set, parsed->first}] = parsed->second;
        else
          understood = false;
      });
    });
  });
  if (!done) return done.error();
  if (!understood) return Error{"read the counters of cut links: an element without a counter"};
  return Ok{};
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
                             "its bridge family"
                           : "; try again when the machine is less busy";
  return Error{"links cannot be cut: " + made.error().what + remedy, ErrorKind::capability};
}

class BridgeLinks final : public Links {
 public:
  explicit BridgeLinks(std::vector<std::string> ports)
      : ports_(std::move(ports)), nft_(find_program("nft")), usable_(make_table(nft_)) {}

  /// The switch namespace may outlive the cluster, and another one have ports of the same names.
  ~BridgeLinks() override {
    if (!cut_.empty() || uncertain_) (void)run_nft(nft_, "delete table bridge faultline\n");
  }
  BridgeLinks(const BridgeLinks&) = delete;
  BridgeLinks& operator=(const BridgeLinks&) = delete;

  std::string rung() const override { return usable_ ? "nftables" : "no nftables"; }
  const Status& usable() const override { return usable_; }

  Status cut(std::span<const Edge> edges) override {
    if (!usable_) return usable_;
    std::set<Cut> wanted;
    for (const Edge& edge : edges) wanted.insert(cut_of(edge));
    const std::set<Cut> before = uncertain_ ? std::set<Cut>{} : cut_;
    std::string rules;
    for (const std::string set : all_sets) {
      const auto list = [&set](const std::set<Cut>& all, const std::set<Cut>& but) {
        std::string text;
        for (const Cut& one : all)
          if (one.set == set && !but.contains(one))
            text += (text.empty() ? "" : ", ") + one.element;
        return text;
      };
      const std::string removed = list(before, wanted), added = list(wanted, before);
      const std::string name = "bridge faultline " + set;
      if (uncertain_) rules += "flush set " + name + "\n";
      if (!removed.empty()) rules += "delete element " + name + " { " + removed + " }\n";
      if (!added.empty()) rules += "add element " + name + " { " + added + " }\n";
    }
    if (rules.empty()) return Ok{};
    uncertain_ = true;
    if (const Status done = run_nft(nft_, rules); !done)
      return Error{done.error().what};  // It could at the start: no lack of this machine.
    uncertain_ = false;
    cut_ = wanted;
    return Ok{};
  }

  Result<std::vector<std::uint64_t>> drops(std::span<const Edge> edges) const override {
    if (!usable_) return usable_.error();
    std::set<std::string> sets;
    for (const Edge& edge : edges) sets.insert(cut_of(edge).set);
    std::map<Cut, std::uint64_t> counters;
    for (const std::string& set : sets)
      if (const Status read = read_counters(set, counters); !read) return read.error();
    std::vector<std::uint64_t> drops;
    for (const Edge& edge : edges) {
      const auto found = counters.find(cut_of(edge));
      drops.push_back(found == counters.end() ? 0 : found->second);
    }
    return drops;
  }

  Status before_start(std::size_t) override { return Ok{}; }  // No node can touch the bridge.

 private:
  Cut cut_of(const Edge& edge) const {
    if (edge.from == clients_end) return {from_clients, port_text(ports_.at(edge.to))};
    if (edge.to == clients_end) return {to_clients, port_text(ports_.at(edge.from))};
    return {between, port_text(ports_.at(edge.from)) + " . " + port_text(ports_.at(edge.to))};
  }

  std::vector<std::string> ports_;
  std::string nft_;
  Status usable_ = Ok{};
  std::set<Cut> cut_;
  bool uncertain_ = false;  ///< A transaction failed: the next one starts from empty sets.
};

}  // namespace

std::unique_ptr<Links> make_bridge_links(std::vector<std::string> ports) {
  return std::make_unique<BridgeLinks>(std::move(ports));
}

Status try_bridge_links() {
  const std::string nft = find_program("nft");
  if (const Status made = make_table(nft); !made) return made;
  return run_nft(nft, "delete table bridge faultline\n");
}

}  // namespace faultline
