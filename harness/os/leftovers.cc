#include "harness/os/leftovers.h"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <fstream>
#include <iterator>
#include <sstream>

#include <poll.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "harness/os/fd.h"
#include "harness/os/proc_list.h"

namespace faultline {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view variable = "FAULTLINE_RUN=";
constexpr std::string_view format = "1:";
/// The kernel's own limit for arguments and environment together is 6 MiB.
constexpr std::size_t environment_bytes_max = 6 << 20;

std::uint64_t own_pid_namespace() {
  struct stat status{};
  return ::stat("/proc/self/ns/pid", &status) == 0 ? status.st_ino : 0;
}

std::string environment_of(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/environ", std::ios::binary);
  std::string text;
  std::vector<char> part(64 * 1024);
  while (text.size() < environment_bytes_max &&
         (file.read(part.data(), static_cast<std::streamsize>(part.size())), file.gcount() > 0))
    text.append(part.data(), static_cast<std::size_t>(file.gcount()));
  return text;
}

bool is_dead(const std::optional<ProcStat>& process) {
  if (!process) return true;
  const char state = process->process.state;
  return (state == 'Z' || state == 'X') && process->threads <= 1;
}

bool controller_lives(const RunMark& mark) {
  const auto process = proc_stat(mark.pid);
  return !is_dead(process) && process->start == mark.start;
}

/// Takes "NUMBER:" from the front.
template <typename Number>
bool take_number(std::string_view& text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end == text.data() + text.size() || *end != ':') return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()) + 1);
  return true;
}

std::optional<Orphan> orphan_of(int pid, std::uint64_t own_namespace) {
  const auto process = proc_stat(pid);
  if (is_dead(process)) return std::nullopt;
  auto mark = parse_run_mark(environment_of(pid));
  if (!mark || mark->pid_namespace != own_namespace || controller_lives(*mark)) return std::nullopt;
  return Orphan{pid, process->start, process->process.command, std::move(mark->directory)};
}

/// mountinfo writes blanks, tabs, newlines and backslashes as \ooo.
std::string unescaped(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    int code = 0;
    if (text[i] == '\\' && i + 3 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 4, code, 8).ec == std::errc()) {
      plain += static_cast<char>(code);
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

}  // namespace

std::string run_mark(const std::filesystem::path& directory) {
  const auto self = proc_stat(::getpid());
  std::error_code failed;
  const auto whole = std::filesystem::weakly_canonical(directory, failed);
  return std::string(variable) + std::string(format) + std::to_string(::getpid()) + ":" +
         std::to_string(self ? self->start : 0) + ":" + std::to_string(own_pid_namespace()) + ":" +
         (failed ? directory : whole).string();
}

std::optional<RunMark> parse_run_mark(std::string_view environment) {
  while (!environment.empty()) {
    const std::size_t end = std::min(environment.find('\0'), environment.size());
    std::string_view text = environment.substr(0, end);
    environment.remove_prefix(std::min(end + 1, environment.size()));
    if (!text.starts_with(variable)) continue;
    text.remove_prefix(variable.size());
    if (!text.starts_with(format)) return std::nullopt;
    text.remove_prefix(format.size());
    RunMark mark;
    if (!take_number(text, mark.pid) || !take_number(text, mark.start) ||
        !take_number(text, mark.pid_namespace) || mark.pid <= 0 || !text.starts_with('/'))
      return std::nullopt;
    mark.directory = text;
    return mark;
  }
  return std::nullopt;
}

std::vector<Orphan> find_orphans() {
  std::vector<Orphan> orphans;
  const std::uint64_t own_namespace = own_pid_namespace();
  for (const int pid : numbers_in("/proc"))
    if (pid != ::getpid())
      if (auto orphan = orphan_of(pid, own_namespace)) orphans.push_back(std::move(*orphan));
  return orphans;
}

std::vector<Orphan> end_orphans(const std::vector<Orphan>& orphans,
                                std::chrono::milliseconds limit) {
  const auto deadline = Clock::now() + limit;
  std::vector<Orphan> left;
  std::vector<Fd> processes;
  for (const Orphan& orphan : orphans) {
    Fd process(static_cast<int>(::syscall(SYS_pidfd_open, orphan.pid, 0)));
    // Opened first and looked at then: from here on the descriptor means this very process.
    const auto now = proc_stat(orphan.pid);
    if (process && now && now->start == orphan.start)
      ::syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0);
    processes.push_back(std::move(process));
  }
  for (std::size_t i = 0; i < orphans.size(); ++i) {
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    pollfd ended{processes[i].get(), POLLIN, 0};
    if (processes[i]) ::poll(&ended, 1, static_cast<int>(std::max<std::int64_t>(wait.count(), 0)));
    const auto now = proc_stat(orphans[i].pid);
    if (!is_dead(now) && now->start == orphans[i].start) left.push_back(orphans[i]);
  }
  return left;
}

std::vector<std::filesystem::path> mounts_below(const std::filesystem::path& directory) {
  std::vector<std::filesystem::path> found;
  const std::string prefix = directory.string() + "/";
  std::ifstream file("/proc/self/mountinfo");
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);  // 36 35 98:0 /root /mount/point options …
    std::string word;
    for (int field = 1; field <= 5; ++field) fields >> word;
    std::string point = unescaped(word);
    if (point.starts_with(prefix)) found.emplace_back(std::move(point));
  }
  std::reverse(found.begin(), found.end());  // The file is in the order of mounting.
  return found;
}

Status remove_mount(const std::filesystem::path& path) {
  if (::umount2(path.c_str(), UMOUNT_NOFOLLOW) != 0) return os_error("unmount " + path.string());
  return Ok{};
}

}  // namespace faultline
