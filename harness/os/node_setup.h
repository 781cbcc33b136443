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

/// Brings up lo and eth0 with the node's addresses. Returns one UDP socket per address, bound to
/// probe_port; they belong to this network namespace wherever they are used.
Result<Fds> set_up_network(const NodeSetup& setup);

}  // namespace faultline
