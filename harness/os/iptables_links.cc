// The iptables lever: in every node's own network namespace a chain that drops what comes from the
// nodes it is cut from, by their addresses. iptables(8), iptables-restore(8).
#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <thread>

#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>

#include "harness/core/check.h"
#include "harness/os/addresses.h"
#include "harness/os/fd.h"
#include "harness/os/iptables_rules.h"
#include "harness/os/links.h"
#include "harness/os/program.h"

namespace faultline {
namespace {

constexpr std::chrono::seconds program_limit{10};
constexpr const char* remedy = "apt-get install iptables";
/// Each waits for a program most of its time.
constexpr std::size_t threads_max = 8;

using Sources = std::set<std::string>;
enum class Family : std::uint8_t { v4, v6 };
constexpr std::array families = {Family::v4, Family::v6};

struct Programs {
  std::string restore, save;
};

/// The nftables variants first: the legacy ones of all namespaces wait for one lock of the host's.
Programs find_programs(Family family) {
  const std::string prefix = family == Family::v6 ? "ip6tables" : "iptables";
  for (const char* variant : {"-nft", ""}) {
    Programs programs{find_program(prefix + variant + "-restore"),
                      find_program(prefix + variant + "-save")};
    if (!programs.restore.empty() && !programs.save.empty()) return programs;
  }
  return {};
}

/// What the program printed. An error of kind capability if it refused, of another if it did not
/// get that far.
Result<std::string> run_tool(const std::vector<std::string>& argv, const std::string& input) {
  auto result = run_program(argv, input, program_limit);
  if (!result) return result.error();
  if (result->status == 0) return std::move(result->output);
  const std::string said = result->output.substr(0, result->output.find('\n'));
  return Error{said.empty() ? argv[0] + ": exit status " + std::to_string(result->status) : said,
               ErrorKind::capability};
}

/// Rules of one family in the network namespace of the calling thread.
class Table {
 public:
  explicit Table(Family family) : family_(family), programs_(find_programs(family)) {}

  Family family() const { return family_; }
  bool found() const { return !programs_.restore.empty(); }

  Result<IptablesChain> read() const {
    const auto text = run_tool({programs_.save, "-c", "-t", "filter"}, {});
    if (!text) return text.error();
    return parse_iptables_save(*text);
  }
  Status rebuild(const Sources& sources) const {
    const auto now = read();
    if (!now) return now.error();
    return apply(rebuild_batch(*now, sources, family_ == Family::v6));
  }
  Status change(const Sources& before, const Sources& after) const {
    return apply(change_batch(before, after));
  }

 private:
  Status apply(const std::string& batch) const {
    if (batch.empty()) return Ok{};
    const auto done = run_tool({programs_.restore, "--noflush"}, batch);
    return done ? Status(Ok{}) : Status(done.error());
  }

  Family family_;
  Programs programs_;
};

bool is_v6(const std::string& address) { return address.find(':') != std::string::npos; }

/// The address as the tools print it.
std::string canonical(const std::string& address) {
  const auto bytes = address_bytes(address);
  std::array<char, INET6_ADDRSTRLEN> text{};
  return ::inet_ntop(bytes.size() == 4 ? AF_INET : AF_INET6, bytes.data(), text.data(),
                     text.size());
}

class IptablesLinks final : public Links {
 public:
  explicit IptablesLinks(std::vector<LinkEnd> ends)
      : ends_(std::move(ends)), states_(ends_.size()) {
    bool ipv6 = false;
    for (LinkEnd& end : ends_)
      for (std::string& address : end.addresses) {
        address = canonical(address);
        ipv6 = ipv6 || is_v6(address);
      }
    tables_.emplace_back(Family::v4);
    if (ipv6) tables_.emplace_back(Family::v6);
    home_ = Fd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    usable_ = home_ ? try_iptables_links(ipv6) : Status(os_error("open the switch namespace"));
  }

  /// The nodes' rules go with the nodes, but the switch namespace may outlive the cluster.
  ~IptablesLinks() override {
    if (states_.back().cut_from.empty() && !states_.back().uncertain) return;
    (void)for_each_end({ends_.size() - 1}, [this](std::size_t) -> Status {
      for (const Table& table : tables_)
        if (const Status gone = table.rebuild({}); !gone) return gone;
      return Ok{};
    });
  }
  IptablesLinks(const IptablesLinks&) = delete;
  IptablesLinks& operator=(const IptablesLinks&) = delete;

  std::string rung() const override { return usable_ ? "iptables" : "no iptables"; }
  const Status& usable() const override { return usable_; }

  Status cut(std::span<const Edge> edges) override {
    if (!usable_) return usable_;
    std::vector<std::set<std::size_t>> wanted(ends_.size());
    for (const Edge& edge : edges) wanted[index_of(edge.to)].insert(index_of(edge.from));
    std::vector<std::size_t> changed;
    for (std::size_t end = 0; end < ends_.size(); ++end)
      if (states_[end].uncertain || states_[end].cut_from != wanted[end]) changed.push_back(end);
    for (const std::size_t end : changed) {
      states_[end].before =
          states_[end].uncertain ? std::nullopt : std::optional(states_[end].cut_from);
      states_[end].cut_from = wanted[end];
      states_[end].uncertain = true;
    }
    return for_each_end(changed, [this](std::size_t end) {
      const Status done = bring(end);
      states_[end].uncertain = !done;
      return done;
    });
  }

  Result<std::vector<std::uint64_t>> drops(std::span<const Edge> edges) const override {
    if (!usable_) return usable_.error();
    std::set<std::size_t> receivers;
    for (const Edge& edge : edges) receivers.insert(index_of(edge.to));
    std::vector<std::map<std::string, std::uint64_t>> counted(ends_.size());
    const std::vector<std::size_t> asked(receivers.begin(), receivers.end());
    const Status read = for_each_end(asked, [&](std::size_t end) -> Status {
      for (const Table& table : tables_) {
        const auto chain = table.read();
        if (!chain) return chain.error();
        counted[end].insert(chain->drops.begin(), chain->drops.end());
      }
      return Ok{};
    });
    if (!read) return read.error();
    std::vector<std::uint64_t> drops;
    for (const Edge& edge : edges) {
      std::uint64_t& total = drops.emplace_back(0);
      for (const std::string& address : ends_[index_of(edge.from)].addresses)
        if (const auto found = counted[index_of(edge.to)].find(address);
            found != counted[index_of(edge.to)].end())
          total += found->second;
    }
    return drops;
  }

  Status before_start(std::size_t node) override {
    if (!usable_ || (states_.at(node).cut_from.empty() && !states_[node].uncertain)) return Ok{};
    return for_each_end({node}, [this](std::size_t end) -> Status {
      for (const Table& table : tables_) {
        const Sources sources = sources_of(states_[end].cut_from, table.family());
        const auto now = table.read();
        if (now && now->holds(sources)) continue;
        if (const Status done = table.rebuild(sources); !done) return done;
      }
      return Ok{};
    });
  }

 private:
  struct State {
    std::set<std::size_t> cut_from;  ///< As wanted; so it is unless `uncertain`.
    std::optional<std::set<std::size_t>> before;
    bool uncertain = false;
  };

  std::size_t index_of(std::size_t end) const {
    const std::size_t index = end == clients_end ? ends_.size() - 1 : end;
    FAULTLINE_CHECK(index < ends_.size());
    return index;
  }

  Sources sources_of(const std::set<std::size_t>& ends, Family family) const {
    Sources sources;
    for (const std::size_t end : ends)
      for (const std::string& address : ends_[end].addresses)
        if (is_v6(address) == (family == Family::v6)) sources.insert(address);
    return sources;
  }

  /// In the end's namespace: from `before` to `cut_from`. By the difference where the chain is what
  /// we left, else anew.
  Status bring(std::size_t end) const {
    const State& state = states_[end];
    for (const Table& table : tables_) {
      const Sources after = sources_of(state.cut_from, table.family());
      if (state.before && !state.before->empty() && !after.empty() &&
          table.change(sources_of(*state.before, table.family()), after))
        continue;
      if (const Status done = table.rebuild(after); !done) return done;
    }
    return Ok{};
  }

  /// `work` for each of `ends`, in its network namespace, which only threads of our own enter;
  /// several at once. The first error, after all have been tried.
  Status for_each_end(const std::vector<std::size_t>& ends,
                      const std::function<Status(std::size_t)>& work) const {
    std::vector<Status> results(ends.size(), Ok{});
    std::atomic<std::size_t> next{0};
    const auto serve = [&] {
      for (std::size_t i = next++; i < ends.size(); i = next++) {
        const int process = ends_[ends[i]].process;
        results[i] = ::setns(process >= 0 ? process : home_.get(), CLONE_NEWNET) != 0
                         ? Status(os_error("enter its network namespace"))
                         : work(ends[i]);
      }
    };
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < std::min(ends.size(), threads_max); ++i)
      threads.emplace_back(serve);
    for (std::thread& thread : threads) thread.join();
    for (std::size_t i = 0; i < ends.size(); ++i)
      if (!results[i])
        // It could at the start: no lack of this machine.
        return Error{"rules of " + ends_[ends[i]].name + ": " + results[i].error().what};
    return Ok{};
  }

  std::vector<LinkEnd> ends_;
  std::vector<State> states_;
  std::vector<Table> tables_;
  Fd home_;  ///< The switch's network namespace.
  Status usable_ = Ok{};
};

}  // namespace

std::unique_ptr<Links> make_iptables_links(std::vector<LinkEnd> ends) {
  return std::make_unique<IptablesLinks>(std::move(ends));
}

Status try_iptables_links(bool ipv6) {
  for (const Family family : families) {
    if (family == Family::v6 && !ipv6) continue;
    const Table table(family);
    const std::string name = family == Family::v6 ? "ip6tables" : "iptables";
    if (!table.found())
      return Error{"links cannot be cut in nodes: there is no program " + name + "; " + remedy,
                   ErrorKind::capability};
    // An address of documentation: nobody has it.
    Status done = table.rebuild({family == Family::v6 ? "2001:db8::1" : "192.0.2.1"});
    if (done) done = table.rebuild({});
    if (!done)
      return Error{"links cannot be cut in nodes: " + name + ": " + done.error().what +
                       "; needs iptables >= 1.8 (" + remedy +
                       ") and a kernel with nf_tables and nft_compat",
                   ErrorKind::capability};
  }
  return Ok{};
}

}  // namespace faultline
