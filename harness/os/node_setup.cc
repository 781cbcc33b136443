#include "harness/os/node_setup.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/utsname.h>

#include "harness/os/addresses.h"
#include "harness/os/netlink.h"

namespace faultline {
namespace {

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

Status mount_empty(const std::string& path) {
  if (::mount("tmpfs", path.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777") != 0)
    return os_error("mount an empty " + path);
  return Ok{};
}

Status write_file(const std::string& path, std::string_view text) {
  const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  if (!file || ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return os_error("write " + path);
  return Ok{};
}

/// The node's own files over those of /etc that exist. Their contents live in a file system in
/// memory that is mounted on /proc for a moment, where it hides nothing that we need, and is
/// detached: the mounts keep it.
Status mount_etc(const NodeSetup& setup) {
  if (const Status mounted = mount_empty("/proc"); !mounted) return mounted;
  const std::pair<std::string, std::string> files[] = {
      {"hosts", setup.hosts},
      {"hostname", setup.name + "\n"},
      {"resolv.conf", "# Names come from /etc/hosts; there is nobody else to ask.\n"}};
  for (const auto& [name, text] : files) {
    const std::string source = "/proc/" + name, target = "/etc/" + name;
    if (!exists(target)) continue;
    if (const Status written = write_file(source, text); !written) return written;
    if (::mount(source.c_str(), target.c_str(), nullptr, MS_BIND, nullptr) != 0)
      return os_error("mount the node's " + target);
  }
  if (::umount2("/proc", MNT_DETACH) != 0) return os_error("unmount the node's files");
  return Ok{};
}

Result<Fd> probe_socket(int family, const sockaddr* address, socklen_t size) {
  Fd socket(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return os_error("open a probe socket");
  if (::bind(socket.get(), address, size) != 0) return os_error("bind a probe socket");
  return socket;
}

/// All others, for good. Asked for by ARP they would be entries of a table that the whole machine
/// shares, namespaces or not, and whose default size (net.ipv4.neigh.default.gc_thresh3 = 1024)
/// thirty-three nodes that all speak to each other overflow; permanent ones are not counted.
Status add_neighbours(Netlink& netlink, int device, const NodeSetup& setup) {
  constexpr std::size_t batch = 64;  // Its acknowledgements fit any socket's buffer.
  std::size_t queued = 0;
  for (std::size_t i = 0; i < setup.machines; ++i) {
    for (const std::string& address : {node_address(i), node_address6(i)}) {
      if (address == setup.address || address == setup.address6) continue;
      const auto bytes = address_bytes(address);
      if (bytes.size() == 16 && setup.address6.empty()) continue;
      netlink.add_neighbour(device, bytes, node_mac(i), "add the neighbour " + address);
      if (++queued % batch != 0) continue;
      if (const Status done = netlink.flush(); !done) return done;
    }
  }
  return netlink.flush();
}

}  // namespace

Status set_up_host(const NodeSetup& setup) {
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return os_error("make the node's mounts private");
  if (const Status done = mount_etc(setup); !done) return done;
  if (::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0)
    return os_error("mount /proc");
  // POSIX shared memory is a file system, not part of the IPC namespace; and name services of the
  // host would answer with the host's names.
  for (const char* directory : {"/dev/shm", "/run/nscd", "/run/systemd/resolve"}) {
    if (!exists(directory) || setup.keep.starts_with(std::string(directory) + "/")) continue;
    if (const Status mounted = mount_empty(directory); !mounted) return mounted;
  }
  if (::sethostname(setup.name.data(), setup.name.size()) != 0) return os_error("set the hostname");
  return Ok{};
}

long processes_max(long pid_max, std::size_t nodes) {
  constexpr long least = 512, most = 2048;
  // All nodes together leave three quarters of the machine's numbers to the others.
  return std::clamp(pid_max / 4 / static_cast<long>(std::max<std::size_t>(nodes, 1)), least, most);
}

bool pid_max_is_own() {
  utsname system{};
  int major = 0, minor = 0;
  return ::uname(&system) == 0 && std::sscanf(system.release, "%d.%d", &major, &minor) == 2 &&
         (major > 6 || (major == 6 && minor >= 14));
}

void limit_processes(const NodeSetup& setup) {
  const std::string path = "/proc/sys/kernel/pid_max";
  long machine = 0;
  std::ifstream(path) >> machine;
  const long limit = processes_max(machine, setup.machines);
  // The kernel wants eight numbers for every processor.
  const long least = 8 * ::sysconf(_SC_NPROCESSORS_CONF) + 1;
  if (pid_max_is_own() && write_file(path, std::to_string(std::max(limit, least)))) return;
  rlimit bounds{};
  if (::getrlimit(RLIMIT_NPROC, &bounds) != 0) return;
  const auto all = static_cast<rlim_t>(limit) * std::max<std::size_t>(setup.machines, 1);
  bounds.rlim_cur = bounds.rlim_max = std::min(bounds.rlim_max, all);
  ::setrlimit(RLIMIT_NPROC, &bounds);
}

Result<Fds> set_up_network(const NodeSetup& setup) {
  auto netlink = Netlink::open();
  if (!netlink) return netlink.error();
  const int eth0 = static_cast<int>(::if_nametoindex("eth0"));
  if (eth0 == 0) return os_error("find eth0");
  netlink->set_up(1, "bring lo up");  // lo is always the first device.
  netlink->set_up(eth0, "bring eth0 up");
  netlink->add_address(eth0, address_bytes(setup.address), prefix_bits, "add " + setup.address);
  if (!setup.address6.empty())
    netlink->add_address(eth0, address_bytes(setup.address6), prefix_bits6,
                         "add " + setup.address6);
  if (const Status done = netlink->flush(); !done) return done.error();
  if (const Status known = add_neighbours(*netlink, eth0, setup); !known) return known.error();

  Fds sockets;
  for (const std::string& address : {setup.address, setup.address6}) {
    if (address.empty()) continue;
    const SocketAddress at(address, probe_port);
    auto socket = probe_socket(at.family(), at.get(), at.size());
    if (!socket) return socket.error();
    sockets.push_back(std::move(*socket));
  }
  return sockets;
}

}  // namespace faultline
