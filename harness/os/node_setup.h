// What makes a namespace a host of its own: mounts, name, addresses. Called by a node's init,
// inside its namespaces. Private to harness/os.
#pragma once

#include <vector>

#include "harness/core/result.h"
#include "harness/os/fd.h"
#include "harness/os/init.h"

namespace faultline {

using Fds = std::vector<Fd>;

/// Private mounts, a fresh /proc, own /dev/shm, own /etc/{hosts,hostname,resolv.conf}, hostname.
Status set_up_host(const NodeSetup& setup);

/// Bounds the processes and threads of this PID namespace together, so that a store that forks
/// without end harms nobody else: the namespace's own pid_max where the kernel has one
/// (Linux 6.14), else a limit on what a user's processes may fork, which binds an ordinary user's
/// world only. A machine that allows neither is none that cannot run tests. To be called after
/// set_up_host(), by the init; what it starts inherits it.
void limit_processes(const NodeSetup& setup);
/// Whether a PID namespace has a pid_max of its own. Never found out by trial: before 6.14 the file
/// is the machine's.
bool pid_max_is_own();
/// How many, on a machine that has numbers for `pid_max`.
long processes_max(long pid_max, std::size_t nodes);

/// Brings up lo and eth0 with the node's addresses. Returns one UDP socket per address, bound to
/// probe_port; they belong to this network namespace wherever they are used.
Result<Fds> set_up_network(const NodeSetup& setup);

}  // namespace faultline
