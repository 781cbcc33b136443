// The cluster in namespaces: what world.h promises, from nodes, links and probes.
#include <algorithm>
#include <array>
#include <csignal>
#include <thread>

#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/wait.h>

#include "harness/os/addresses.h"
#include "harness/os/init.h"
#include "harness/os/leftovers.h"
#include "harness/os/links.h"
#include "harness/os/node.h"
#include "harness/os/node_clocks.h"
#include "harness/os/probes.h"
#include "harness/os/program.h"
#include "harness/os/sockets.h"
#include "harness/os/switch.h"
#include "harness/os/world.h"

namespace faultline {
namespace {

/// A process in state D may keep a node from ending; then its error says so rather than hang.
constexpr std::chrono::seconds end_limit{10};
/// Device group of the ports, by which one request deletes them all.
constexpr std::uint32_t port_group = 88;
/// Where the controller is linked to the switch in user space: a pair of devices, one a port of
/// that, the other one of the bridge that has the controller's addresses. No machine's name.
constexpr const char* uplink_port = "uplink";
constexpr const char* uplink_bridge = "uplink-br";

class NamespaceClocks final : public Clocks {
 public:
  explicit NamespaceClocks(std::vector<NodeHandle>& handles) : handles_(handles) {}
  Status usable() override {
    if (usable_) return *usable_;
    usable_ = handles_.at(0).try_clock_shift();
    for (NodeHandle& handle : handles_)
      if (*usable_) usable_ = handle.arm_clocks();
    return *usable_;
  }
  std::int64_t now_ns() const override { return wall_ns(); }
  Status set(std::size_t node, std::span<const Skew> skews) override {
    return handles_.at(node).set_skews(skews);
  }
  Result<ClockReading> read(std::size_t node) override { return handles_.at(node).read_clocks(); }

 private:
  std::vector<NodeHandle>& handles_;
  std::optional<Status> usable_;
};

class NamespaceCluster final : public Cluster {
 public:
  explicit NamespaceCluster(const ClusterOptions& options) : options_(options) {}
  ~NamespaceCluster() override { tear_down(); }

  Status build() {
    if (const Status made = make_directories(); !made) return made;
    if (const Status made = start_nursery(); !made) return made;
    if (options_.links == LinksLever::bridge) make_links();  // While the nursery loads.
    if (const Status made = receive_inits(); !made) return made;
    if (const Status made = connect_machines(); !made) return made;
    for (NodeHandle& handle : handles_)
      if (const Status done = handle.finish_setup(); !done) return done;
    if (options_.links != LinksLever::bridge) make_links();
    if (const Status forwarding = await_ports(); !forwarding) return forwarding;
    std::vector<ProbeSockets> sockets;
    for (std::size_t i = 0; i < machines_.size(); ++i)
      sockets.push_back({machines_[i].address, machines_[i].address6, handles_[i].socket(),
                         handles_[i].socket6()});
    ProbeSockets clients{controller_address, controller_address6, -1, -1};
    for (const std::string& address : {clients.address, clients.address6}) {
      if (!clients_sockets_.empty() && !the_switch().ipv6) break;
      auto socket = clients_socket(address);
      if (!socket) return socket.error();
      (clients_sockets_.empty() ? clients.socket : clients.socket6) = socket->get();
      clients_sockets_.push_back(std::move(*socket));
    }
    sockets.push_back(std::move(clients));
    probes_ = std::make_unique<Probes>(std::move(sockets));
    return await_switch();
  }

  std::span<const Node> nodes() const override {
    return std::span(machines_).first(options_.nodes);
  }
  std::span<const Node> clients() const override {
    return std::span(machines_).subspan(options_.nodes);
  }

  std::string rung() const override {
    std::string text = (has_switch() ? "switch, " : "bridge, ") + links_->rung() + ", ";
    text += the_switch().user_namespace ? "user namespace" : "root";
    return the_switch().ipv6 ? text : text + ", no IPv6";
  }

  Status start(std::size_t machine) override {
    const Node& node = machines_.at(machine);
    const ClientProgram* program =
        machine < options_.nodes ? nullptr : &options_.clients[machine - options_.nodes];
    const auto launch = program ? Result<Launch>(program->launch) : options_.launch(node, nodes());
    if (!launch) return launch.error();
    if (launch->argv.empty() || !launch->argv[0].starts_with('/'))
      return Error{"start " + node.name + ": the program's path is not absolute"};
    if (links_->usable())
      if (const Status cut = links_->before_start(machine); !cut) return cut;
    return handles_[machine].start(*launch, node, run_mark(options_.directory),
                                   program ? program->channel : -1);
  }
  Status signal(std::size_t machine, int number) override {
    return handles_.at(machine).signal(number);
  }
  Result<std::vector<ProcessInfo>> processes(std::size_t machine) override {
    return handles_.at(machine).processes();
  }
  Result<bool> answers(std::size_t client, std::chrono::milliseconds timeout) override {
    FAULTLINE_CHECK(client >= options_.nodes && client < machines_.size());
    return options_.clients[client - options_.nodes].answers(timeout);
  }

  Status cut(std::span<const Edge> edges) override { return links_->cut(edges); }
  Status can_cut() const override { return links_->usable(); }
  Result<std::vector<std::uint64_t>> drops(std::span<const Edge> edges) override {
    return links_->drops(edges);
  }
  Status send_probe(const Edge& edge) override { return probes_->send(edge); }
  Result<bool> probe(const Edge& edge, std::chrono::milliseconds timeout) override {
    return probes_->arrives(edge, timeout);
  }
  Result<std::uint64_t> launch_probe(const Edge& edge) override { return probes_->launch(edge); }
  std::optional<std::chrono::nanoseconds> landed(std::uint64_t probe) override {
    return probes_->landed(probe);
  }

  PacketPlane* packets() override { return links_->packets(); }
  Status can_shape() const override {
    return has_switch() ? links_->usable() : Cluster::can_shape();
  }

  Result<std::size_t> destroy_connections(std::size_t node) override {
    Result<std::size_t> count = std::size_t{0};
    // Only a thread of our own may enter the node's network: this one belongs in the switch.
    std::thread([&] {
      if (::setns(handles_.at(node).process(), CLONE_NEWNET) == 0)
        count = destroy_tcp_connections();
      else
        count = os_error("enter the network of " + machines_[node].name);
    }).join();
    return count;
  }
  Status can_destroy_connections() const override {
    Status can = Ok{};
    // In a network without anybody else's connections.
    std::thread([&] {
      can = ::unshare(CLONE_NEWNET) == 0 ? try_destroy_tcp_connections()
                                         : Status(os_error("make a network to try in"));
    }).join();
    return can;
  }

  Clocks& clocks() const override { return clocks_; }

  std::vector<Death> take_deaths() override {
    std::vector<Death> deaths;
    for (NodeHandle& handle : handles_)
      for (Death& death : handle.take_deaths()) deaths.push_back(std::move(death));
    std::stable_sort(deaths.begin(), deaths.end(),
                     [](const Death& a, const Death& b) { return a.steady_ns < b.steady_ns; });
    return deaths;
  }

 private:
  Status make_directories() {
    hosts_ = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n";
    for (std::size_t i = 0; i < options_.nodes + options_.clients.size(); ++i) {
      const bool is_node = i < options_.nodes;
      Node node;
      node.index = i;
      node.name =
          is_node ? "n" + std::to_string(i + 1) : "c" + std::to_string(i - options_.nodes + 1);
      node.address = node_address(i);
      if (the_switch().ipv6) node.address6 = node_address6(i);
      const auto directory = options_.directory / (is_node ? "nodes" : "clients") / node.name;
      node.data_dir = directory / "data";
      node.log_dir = directory / "log";
      hosts_ += node.address + " " + node.name + "\n";
      if (!node.address6.empty()) hosts_ += node.address6 + " " + node.name + "\n";
      machines_.push_back(std::move(node));
    }
    for (const Node& node : machines_) {
      for (const auto& directory : {node.data_dir, node.log_dir}) {
        std::error_code failure;
        std::filesystem::create_directories(directory, failure);
        if (failure) return Error{"make " + directory.string() + ": " + failure.message()};
      }
    }
    return Ok{};
  }

  Status start_nursery() {
    if (const Status alone = refuse_to_nest(); !alone) return alone;
    auto channel = wire::make_channel();
    if (!channel) return channel.error();
    const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    // stdin of the nursery is its channel.
    const auto pid = spawn_program({"/proc/self/exe", nursery_argument, "0"}, channel->second.get(),
                                   null.get(), null.get(), run_mark(options_.directory));
    if (!pid) return Error{"start the nursery: " + pid.error().what};
    nursery_pid_ = *pid;
    nursery_ = std::move(channel->first);
    const auto count = static_cast<std::int64_t>(machines_.size());
    return wire::send(nursery_.get(), wire::Writer(wire::Kind::spawn).number(count));
  }

  Status receive_inits() {
    for (const Node& node : machines_) {
      auto answer = wire::receive(nursery_.get());
      if (!answer) return answer.error();
      if (!*answer) return Error{"the nursery ended: main() does not run hidden subcommands"};
      wire::Message& message = **answer;
      const auto pid = static_cast<int>(message.number());
      if (pid < 0)
        return Error{"make " + node.name + ": " + message.text() +
                         "; a container may forbid it: see faultline doctor",
                     ErrorKind::capability};
      FAULTLINE_CHECK(message.fds.size() == 2);
      handles_.emplace_back(node, pid, std::move(message.fds[0]), std::move(message.fds[1]));
    }
    return Ok{};
  }

  Status connect_machines() {
    auto netlink = Netlink::open();
    if (!netlink) return netlink.error();
    for (std::size_t i = 0; i < machines_.size(); ++i) {
      const int pid = handles_[i].pid();
      if (has_switch())
        netlink->add_switch_port(machines_[i].name, port_group, pid, node_mac(i),
                                 the_switch().ipv6);
      else
        netlink->add_veth(machines_[i].name, the_switch().bridge, port_group, pid, node_mac(i));
    }
    if (has_switch())
      netlink->add_uplink(uplink_port, uplink_bridge, the_switch().bridge, port_group,
                          the_switch().ipv6);
    if (const Status made = netlink->flush(); !made) return made;
    const std::string keep = options_.directory.string();
    for (std::size_t i = 0; i < machines_.size(); ++i)
      if (const Status sent = handles_[i].begin_setup(machines_[i], hosts_, keep, machines_.size(),
                                                      monotonic_ns(i));
          !sent)
        return sent;
    return Ok{};
  }

  std::int64_t monotonic_ns(std::size_t machine) const {
    const auto& offsets = options_.monotonic_offsets;
    return machine < offsets.size() ? offsets[machine] : 0;
  }

  /// A port forwards some time after its far end came up (the kernel's link watch is asynchronous),
  /// and what is sent before is lost: a connection would begin with a second's wait for ARP.
  Status await_ports() const {
    auto netlink = Netlink::open();
    if (!netlink) return netlink.error();
    const std::size_t expected = has_switch() ? 1 : machines_.size();
    const auto deadline = std::chrono::steady_clock::now() + end_limit;
    for (;;) {
      const auto forwarding = netlink->forwarding_ports(the_switch().bridge);
      if (forwarding && *forwarding == expected) return Ok{};
      if (std::chrono::steady_clock::now() > deadline)
        return Error{"connect the nodes: " +
                     (forwarding ? "ports do not forward" : forwarding.error().what)};
      std::this_thread::sleep_for(std::chrono::microseconds(500));
    }
  }

  bool has_switch() const { return options_.links == LinksLever::packet_switch; }

  /// The same of the switch in user space, whose ports tell nobody: until a packet goes through.
  Status await_switch() {
    if (!has_switch()) return Ok{};
    // Unlike the other levers it is not beside the way of packets, but the way.
    if (!links_->usable()) return links_->usable();
    constexpr std::chrono::milliseconds patience_max{100};
    const auto deadline = std::chrono::steady_clock::now() + end_limit;
    // Before links are slow.
    for (std::size_t i = 0; i < machines_.size(); ++i)
      for (const Edge edge : {Edge{clients_end, i}, Edge{i, clients_end}}) {
        // While nobody has answered for its address, which takes a second if the first question was
        // lost, every probe stays in the sender's buffer; and that holds 256.
        for (std::chrono::milliseconds patience{1};;
             patience = std::min(patience * 2, patience_max)) {
          const auto arrived = probes_->arrives(edge, patience);
          if (!arrived) return arrived.error();
          if (*arrived) break;
          if (std::chrono::steady_clock::now() > deadline)
            return Error{"connect the nodes: the switch does not reach " + machines_[i].name};
        }
      }
    return options_.nature.empty() ? Status(Ok{}) : links_->packets()->set_nature(options_.nature);
  }

  void make_switch() {
    std::vector<SwitchPort> ports;
    for (const Node& node : machines_)
      ports.push_back({node.name, "eth0", handles_[node.index].socket(),
                       options_.pcap ? node.data_dir.parent_path() / "packets.pcap" : ""});
    uplink_socket_ = Fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ports.push_back({uplink_port, uplink_bridge, uplink_socket_.get(), {}});
    links_ = make_switch_links(std::move(ports), options_.seed);
  }

  void make_links() {
    if (has_switch()) return make_switch();
    if (options_.links == LinksLever::bridge) {
      std::vector<std::string> ports;
      for (const Node& node : machines_) ports.push_back(node.name);
      links_ = make_bridge_links(std::move(ports));
      return;
    }
    std::vector<LinkEnd> ends;
    for (const Node& node : machines_)
      ends.push_back({node.name, handles_[node.index].process(), {node.address, node.address6}});
    ends.push_back({"the controller", -1, {controller_address, controller_address6}});
    for (std::size_t i = 0; i < ends.size(); ++i) {
      if (the_switch().ipv6)
        ends[i].addresses.push_back(
            link_local_address6(i < machines_.size() ? node_mac(i) : switch_mac));
      else
        ends[i].addresses.resize(1);
    }
    links_ = make_iptables_links(std::move(ends));
  }

  static Result<Fd> clients_socket(const std::string& address) {
    const SocketAddress at(address, probe_port);
    Fd socket(::socket(at.family(), SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) return os_error("open the clients' probe socket");
    if (::bind(socket.get(), at.get(), at.size()) != 0)
      return os_error("bind the clients' probe socket");
    return socket;
  }

  /// Kills every process and waits until all are gone: the end of an init is reported only after
  /// the last process of its namespace.
  void tear_down() {
    if (has_switch()) links_.reset();  // Before its ports go.
    for (NodeHandle& handle : handles_) handle.kill_init();
    const auto deadline = std::chrono::steady_clock::now() + end_limit;
    for (NodeHandle& handle : handles_) {
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
      pollfd ended{handle.process(), POLLIN, 0};
      ::poll(&ended, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
      handle.close();
    }
    nursery_.reset();
    if (nursery_pid_ > 0 && !wait_program(nursery_pid_, end_limit)) {
      ::kill(nursery_pid_, SIGKILL);
      ::waitpid(nursery_pid_, nullptr, 0);
    }
    // The kernel deletes dead namespaces' devices in its own time; the next cluster has the same
    // names.
    if (auto netlink = Netlink::open()) {
      netlink->delete_group(port_group);
      (void)netlink->flush();
    }
  }

  const ClusterOptions options_;
  std::vector<Node> machines_;  ///< The nodes, then those of clients.
  std::string hosts_;           ///< Of every node's /etc/hosts.
  std::vector<NodeHandle> handles_;
  mutable NamespaceClocks clocks_{handles_};
  int nursery_pid_ = 0;
  Fd nursery_;
  std::unique_ptr<Links> links_;
  Fd uplink_socket_;
  std::vector<Fd> clients_sockets_;  ///< UDP, in the switch namespace: the clients' end of probes.
  std::unique_ptr<Probes> probes_;
};

}  // namespace

std::span<const std::string_view> links_lever_names() {
  static constexpr std::array<std::string_view, 3> names = {"bridge", "iptables", "switch"};
  return names;
}

Result<std::unique_ptr<Cluster>> make_cluster(const ClusterOptions& options) {
  if (!the_switch().entered) return Error{"make a cluster: enter_world() was not called"};
  const std::size_t machines = options.nodes + options.clients.size();
  if (options.nodes == 0 || machines > machines_max)
    return Error{"a cluster has 1 to " + std::to_string(machines_max) +
                     " machines, of them at least one node, not " + std::to_string(machines),
                 ErrorKind::usage};
  if (!options.nature.empty() && options.links != LinksLever::packet_switch)
    return Error{"only the switch makes links slow by themselves; say links: switch",
                 ErrorKind::usage};
  if (!options.directory.is_absolute())
    return Error{"make a cluster: the directory is not absolute: " + options.directory.string()};
  auto cluster = std::make_unique<NamespaceCluster>(options);
  if (Status built = cluster->build(); !built) return built.error();
  return std::unique_ptr<Cluster>(std::move(cluster));
}

}  // namespace faultline
