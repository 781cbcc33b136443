// Why this machine cannot do a thing, and how to mend it. Private to harness/os.
#pragma once

#include <string>

namespace faultline {

/// What to do where user namespaces are refused, from what the machine's settings say.
std::string user_namespace_remedy();
/// The same for a network namespace that root cannot make; `number` is the errno.
std::string network_namespace_remedy(int number);

/// argv[1] of the child in which probe_capabilities() tries things out.
inline constexpr const char* probe_argument = "__probe";
/// That child: prints one line per step to stdout. Returns the exit status.
int run_capability_probe();

}  // namespace faultline
