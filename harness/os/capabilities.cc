#include "harness/os/capabilities.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <optional>
#include <sstream>

#include <fcntl.h>
#include <linux/sched.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "harness/os/addresses.h"
#include "harness/os/fd.h"
#include "harness/os/links.h"
#include "harness/os/netlink.h"
#include "harness/os/node_clocks.h"
#include "harness/os/node_setup.h"
#include "harness/os/program.h"
#include "harness/os/switch.h"
#include "harness/os/time_namespace.h"
#include "harness/os/world.h"

namespace faultline {
namespace {

constexpr std::chrono::seconds probe_limit{20};
/// Below this fifty connections to each of fifty nodes do not fit.
constexpr rlim_t open_files_needed = 4096;

std::optional<long> read_number(const char* path) {
  std::ifstream file(path);
  long value = 0;
  if (file >> value) return value;
  return std::nullopt;
}

// What the child tries out, by name; the order of the report.
constexpr const char* user_namespaces = "user namespaces";
constexpr const char* network_namespaces = "network namespaces";
constexpr const char* bridge = "bridge";
constexpr const char* pid_namespaces = "PID and mount namespaces";
constexpr const char* proc_mount = "a /proc of its own";
constexpr const char* veth = "veth";
constexpr const char* nftables = "nftables";
constexpr const char* iptables = "iptables";
constexpr const char* packet_switch = "packet switch";
constexpr const char* ipv6 = "IPv6";
constexpr const char* clocks = "clocks of processes";
constexpr const char* time_namespaces = "time namespaces";
constexpr std::array tried = {
    user_namespaces, network_namespaces, bridge, pid_namespaces, proc_mount,     veth, nftables,
    iptables,        packet_switch,      ipv6,   clocks,         time_namespaces};

/// One line per step: NAME, "yes" or "no", and details that are separated by tabs.
void report(const char* name, bool present, const std::string& detail,
            const std::string& remedy = {}) {
  std::printf("%s\t%s\t%s\t%s\n", name, present ? "yes" : "no", detail.c_str(), remedy.c_str());
  std::fflush(stdout);
}

/// An error's text is "WHAT; REMEDY".
void report(const char* name, const Error& error) {
  const std::size_t end = error.what.find("; ");
  report(name, false, error.what.substr(0, end),
         end == std::string::npos ? "" : error.what.substr(end + 2));
}

/// A child that is killed with this process, in new PID, mount and UTS namespaces of its own; it
/// tries to mount /proc there, says how that went (0 or errno), and waits to be killed.
struct Inmate {
  int pid = -1;
  int mount_error = 0;
};

Inmate make_inmate() {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return {-errno, 0};
  const Fd read_end(pipe[0]);
  Fd write_end(pipe[1]);
  clone_args arguments{};
  arguments.flags = CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC;
  arguments.exit_signal = SIGCHLD;
  const long pid = ::syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid < 0) return {-errno, 0};
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    int number = 0;
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0)
      number = errno;
    [[maybe_unused]] const auto written = ::write(write_end.get(), &number, sizeof number);
    pollfd forever{-1, 0, 0};
    ::poll(&forever, 1, static_cast<int>(probe_limit.count()) * 1000);
    ::_exit(0);
  }
  write_end.reset();
  Inmate inmate{static_cast<int>(pid), EIO};
  [[maybe_unused]] const auto got =
      ::read(read_end.get(), &inmate.mount_error, sizeof inmate.mount_error);
  return inmate;
}

void try_user_namespace() {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(::unshare(CLONE_NEWUSER) == 0 ? 0 : errno);
  int status = 0;
  ::waitpid(pid, &status, 0);
  const int number = WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
  report(user_namespaces, number == 0, number == 0 ? "" : error_text(number),
         number == 0 ? "" : user_namespace_remedy());
}

void try_nodes() {
  const Inmate inmate = make_inmate();
  if (inmate.pid < 0) {
    report(pid_namespaces, false, "clone3: " + error_text(-inmate.pid),
           -inmate.pid == ENOSYS ? "a seccomp profile hides clone3: run the container with "
                                   "--security-opt seccomp=unconfined"
                                 : "sysctl user.max_pid_namespaces=10000 "
                                   "user.max_mnt_namespaces=10000");
    return;
  }
  report(pid_namespaces, true, "clone3");
  report(proc_mount, inmate.mount_error == 0,
         inmate.mount_error == 0 ? "" : error_text(inmate.mount_error),
         inmate.mount_error == 0 ? ""
                                 : "in a container parts of /proc are masked: run it with "
                                   "--privileged or --security-opt systempaths=unconfined");
  auto netlink = Netlink::open();
  Status made = netlink ? Status(Ok{}) : Status(netlink.error());
  if (netlink) {
    netlink->add_veth("n1", the_switch().bridge, 1, inmate.pid, node_mac(0));
    made = netlink->flush();
  }
  report(veth, static_cast<bool>(made), made ? "" : made.error().what,
         made ? "" : "load the kernel module: modprobe veth");
  ::kill(inmate.pid, SIGKILL);
  ::waitpid(inmate.pid, nullptr, 0);
}

Capability processor() {
#if defined(__x86_64__)
  const bool present = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") &&
                       __builtin_cpu_supports("fma") && __builtin_cpu_supports("pclmul");
  return {"processor", present, true, "x86-64-v3 with PCLMUL",
          present ? "" : "a processor with AVX2, BMI2 and PCLMUL (2013 or later)"};
#else
  return {"processor", true, true, "not x86-64", ""};
#endif
}

Capability open_files() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const bool present = limit.rlim_max >= open_files_needed;
  return {"open files", present, false, "at most " + std::to_string(limit.rlim_max),
          present ? "" : "raise the hard limit: ulimit -Hn " + std::to_string(open_files_needed)};
}

/// Of a store that forks without end.
Capability fork_bound(bool as_root) {
  if (pid_max_is_own()) return {"fork bound", true, false, "pid_max of each node's namespace", ""};
  if (!as_root) return {"fork bound", true, false, "RLIMIT_NPROC of all nodes together", ""};
  return {"fork bound", false, false, "a store that forks without end is not held back",
          "Linux 6.14 or later, or run as an ordinary user"};
}

/// "NAME\tyes\tDETAIL\tREMEDY" lines by name.
std::vector<Capability> parse_report(const std::string& text) {
  std::vector<Capability> capabilities;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    Capability capability;
    std::string present;
    std::getline(fields, capability.name, '\t');
    std::getline(fields, present, '\t');
    std::getline(fields, capability.detail, '\t');
    std::getline(fields, capability.remedy, '\t');
    capability.present = present == "yes";
    capabilities.push_back(std::move(capability));
  }
  return capabilities;
}

}  // namespace

std::string user_namespace_remedy() {
  if (read_number("/proc/sys/user/max_user_namespaces") == 0)
    return "user.max_user_namespaces is 0: sysctl user.max_user_namespaces=10000";
  if (read_number("/proc/sys/kernel/unprivileged_userns_clone") == 0)
    return "sysctl kernel.unprivileged_userns_clone=1";
  if (read_number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == 1)
    return "AppArmor restricts user namespaces: sysctl "
           "kernel.apparmor_restrict_unprivileged_userns=0";
  return "run as root; in a container run it with --privileged (its seccomp profile forbids "
         "namespaces)";
}

std::string network_namespace_remedy(int number) {
  if (number == ENOSPC) return "sysctl user.max_net_namespaces=10000";
  if (number == EINVAL) return "the kernel lacks CONFIG_NET_NS";
  return "in a container run it with --privileged";
}

int run_capability_probe() {
  try_user_namespace();
  const Status entered = enter_world();
  const bool isolated = the_switch().isolated;
  if (!isolated) return report(network_namespaces, entered.error()), 0;
  report(network_namespaces, true, the_switch().user_namespace ? "in a user namespace" : "as root");
  if (!entered) return report(bridge, entered.error()), 0;
  report(bridge, true, "");
  report(ipv6, the_switch().ipv6, the_switch().ipv6 ? "" : "nodes have IPv4 addresses only",
         the_switch().ipv6 ? "" : "sysctl net.ipv6.conf.default.disable_ipv6=0, if it is wanted");
  try_nodes();
  if (const Status cut = try_bridge_links(); !cut)
    report(nftables, cut.error());
  else
    report(nftables, true, "links can be cut");
  if (const Status cut = try_iptables_links(the_switch().ipv6); !cut)
    report(iptables, cut.error());
  else
    report(iptables, true, "links can be cut in nodes (links: iptables)");
  if (const Status shifted = try_clock_shift(); !shifted)
    report(clocks, shifted.error());
  else
    report(clocks, true, "can be shifted");
  if (const Status ahead = try_monotonic_offset(); !ahead)
    report(time_namespaces, ahead.error());
  else
    report(time_namespaces, true, "monotonic clocks can be ahead from the start (clocks:)");
  if (const Status can = try_packet_switch(); !can)
    report(packet_switch, can.error());
  else
    report(packet_switch, true, "packets can be delayed, lost and changed (links: switch)");
  return 0;
}

std::vector<Capability> probe_capabilities() {
  std::vector<Capability> capabilities = {processor()};
  const Status alone = refuse_to_nest();
  const auto result = alone ? run_program({"/proc/self/exe", probe_argument}, "", probe_limit)
                            : Result<ProgramResult>(alone.error());
  const std::vector<Capability> found =
      result ? parse_report(result->output) : std::vector<Capability>{};
  const std::string silence = !result ? result.error().what
                              : result->status != 0
                                  ? "the probe ended with status " + std::to_string(result->status)
                                  : "not tried, as one above it is missing";
  bool as_root = false;
  for (const char* name : tried) {
    Capability capability{name, false, true, silence, {}};
    for (const Capability& each : found)
      if (each.name == name) capability = each;
    if (capability.name == network_namespaces) as_root = capability.detail == "as root";
    capability.required = name != nftables && name != iptables && name != packet_switch &&
                          name != ipv6 && name != clocks && name != time_namespaces;
    capabilities.push_back(std::move(capability));
  }
  capabilities[1].required = !as_root;
  capabilities.push_back(open_files());
  capabilities.push_back(fork_bound(as_root));
  return capabilities;
}

std::string rung_of(std::span<const Capability> capabilities) {
  std::string rung = "bridge, ", where = "root", tail;
  for (const Capability& capability : capabilities) {
    if (capability.required && !capability.present) return {};
    if (capability.name == nftables) rung += capability.present ? "nftables, " : "no nftables, ";
    if (capability.name == user_namespaces && capability.required) where = "user namespace";
    if (capability.name == ipv6 && !capability.present) tail = ", no IPv6";
  }
  return rung + where + tail;
}

}  // namespace faultline
