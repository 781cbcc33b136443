// The program of a client machine: a hidden subcommand of this binary that runs the target's real
// clients, for workers in the controller that stamp, record and wait (client_machines.h).
#pragma once

#include <span>

#include "harness/core/catalogue.h"

namespace faultline {

/// argv[1] of the program.
inline constexpr const char* client_argument = "__client";

/// True if argv asks for it; then main() returns what run_client_program() returns. To be asked
/// first of all.
bool is_client_program(int argc, char** argv);
/// Serves on stdin, until that is closed. `targets` is the catalogue from which the controller's
/// target was made: the same one is made here, from the same parameters.
int run_client_program(std::span<const TargetEntry> targets);

/// What it does, over any channel (os/wire.h): makes the target, answers questions whether it is
/// there, and serves every connection with a thread of its own. Returns when the channel and all
/// connections are closed.
int serve_clients(int channel, std::span<const TargetEntry> targets);

}  // namespace faultline
