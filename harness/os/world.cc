#include "harness/os/world.h"

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/syscall.h>

#include "harness/os/addresses.h"
#include "harness/os/capabilities.h"
#include "harness/os/init.h"
#include "harness/os/switch.h"

namespace faultline {
namespace {

Switch state;

Error cannot(std::string what) { return {std::move(what), ErrorKind::capability}; }

int thread_count() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (word == "Threads:") {
      int count = 0;
      status >> count;
      return count;
    }
  return 0;
}

/// Namespaces belong to threads: a second one would stay outside without a word.
Status check_single_thread() {
#if defined(__SANITIZE_THREAD__)
  constexpr int own_threads = 2;  // ThreadSanitizer has one of its own, which touches no network.
#else
  constexpr int own_threads = 1;
#endif
  if (const int threads = thread_count(); threads > own_threads)
    return Error{"enter the world: the process has " + std::to_string(threads) +
                 " threads already; it must be done before the second"};
  if (::syscall(SYS_gettid) != ::getpid())
    return Error{"enter the world: must be done by the main thread"};
  return Ok{};
}

Status write_file(const char* path, const std::string& text) {
  const Fd file(::open(path, O_WRONLY | O_CLOEXEC));
  if (!file) return os_error(std::string("open ") + path);
  if (::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return os_error(std::string("write ") + path);
  return Ok{};
}

/// The caller becomes root of a user namespace in which nobody else exists.
Status enter_user_namespace() {
  const uid_t user = ::geteuid();
  const gid_t group = ::getegid();
  if (::unshare(CLONE_NEWUSER) != 0)
    return cannot("make a user namespace: " + error_text(errno) + "; " + user_namespace_remedy());
  const std::pair<const char*, std::string> maps[] = {
      {"/proc/self/setgroups", "deny"},  // Required before an ordinary user may map a group.
      {"/proc/self/uid_map", "0 " + std::to_string(user) + " 1"},
      {"/proc/self/gid_map", "0 " + std::to_string(group) + " 1"}};
  for (const auto& [path, text] : maps)
    if (const Status written = write_file(path, text); !written)
      return cannot(written.error().what + "; " + user_namespace_remedy());
  return Ok{};
}

Status enter_network_namespace() {
  if (::unshare(CLONE_NEWNET) == 0) return Ok{};
  const int number = errno;
  if (number != EPERM)
    return cannot("make a network namespace: " + error_text(number) + "; " +
                  network_namespace_remedy(number));
  // An ordinary user, or a container's root without CAP_SYS_ADMIN.
  if (const Status entered = enter_user_namespace(); !entered) return entered;
  state.user_namespace = true;
  if (::unshare(CLONE_NEWNET) != 0)
    return cannot("make a network namespace in the user namespace: " + error_text(errno) + "; " +
                  user_namespace_remedy());
  return Ok{};
}

Status make_bridge() {
  auto netlink = Netlink::open();
  if (!netlink) return netlink.error();
  netlink->set_up(1, "bring lo up");
  netlink->add_bridge("br0", switch_mac);
  if (const Status made = netlink->flush(); !made)
    return cannot(made.error().what + "; load the kernel module: modprobe bridge");
  state.bridge = static_cast<int>(::if_nametoindex("br0"));
  netlink->add_address(state.bridge, address_bytes(controller_address), prefix_bits,
                       "give br0 its address");
  if (const Status added = netlink->flush(); !added) return added;
  netlink->add_address(state.bridge, address_bytes(controller_address6), prefix_bits6,
                       "give br0 its IPv6 address");
  state.ipv6 = static_cast<bool>(netlink->flush());  // Without IPv6 there is still IPv4.
  return Ok{};
}

}  // namespace

const Switch& the_switch() { return state; }

Status enter_world() {
  if (state.entered) return Error{"enter the world: it was entered already"};
  if (const Status single = check_single_thread(); !single) return single;
  if (const Status entered = enter_network_namespace(); !entered) return entered;
  state.isolated = true;
  if (const Status made = make_bridge(); !made) return made;
  state.entered = true;
  return Ok{};
}

Launch this_program(const std::string& argument) {
  Launch launch{{"/proc/self/exe", argument}, {}};
  for (char** variable = ::environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    if (const std::size_t end = text.find('='); end != text.npos)
      launch.environment.emplace_back(text.substr(0, end), text.substr(end + 1));
  }
  return launch;
}

bool is_hidden_subcommand(int argc, char** argv) {
  return argc >= 2 &&
         (std::strcmp(argv[1], nursery_argument) == 0 || std::strcmp(argv[1], probe_argument) == 0);
}

std::string_view hidden_argument_of(std::string_view command_line) {
  const std::size_t end = command_line.find('\0');
  if (end == command_line.npos) return {};
  std::string_view first = command_line.substr(end + 1);
  first = first.substr(0, first.find('\0'));
  return first == nursery_argument || first == probe_argument ? first : std::string_view();
}

Status refuse_to_nest() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  const std::string line{std::istreambuf_iterator<char>(file), {}};
  const std::string_view hidden = hidden_argument_of(line);
  if (hidden.empty()) return Ok{};
  return Error{"this process was started as \"" + std::string(hidden) +
               "\", but its main() does not call run_hidden_subcommand() first of all"};
}

int run_hidden_subcommand(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], nursery_argument) == 0)
    return run_nursery(std::atoi(argv[2]));
  return run_capability_probe();
}

}  // namespace faultline
