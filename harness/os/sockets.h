// TCP connections that no process has any more. sock_diag(7). Private to harness/os.
#pragma once

#include "harness/core/result.h"

namespace faultline {

/// Destroys every TCP socket of the current network namespace but those that listen, and says how
/// many were there: 0 once none is left. A peer that can be reached is sent a reset. An error of
/// kind capability where the kernel cannot (CONFIG_INET_DIAG_DESTROY).
Result<std::size_t> destroy_tcp_connections();

/// Whether the kernel can, tried out on a connection of our own; in a network namespace that has no
/// other.
Status try_destroy_tcp_connections();

}  // namespace faultline
