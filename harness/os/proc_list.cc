#include "harness/os/proc_list.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <string>

#include <dirent.h>
#include <fcntl.h>

#include "harness/os/fd.h"

namespace faultline {
namespace {

std::optional<ProcStat> read_stat(const std::string& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 1024> text;
  const ssize_t got = file ? ::read(file.get(), text.data(), text.size()) : -1;
  if (got <= 0) return std::nullopt;  // It ended between the listing and now.
  return parse_proc_stat(std::string_view(text.data(), static_cast<std::size_t>(got)));
}

bool ended(const ProcessInfo& process) { return process.state == 'Z' || process.state == 'X'; }

}  // namespace

std::vector<int> numbers_in(const std::string& directory) {
  std::vector<int> numbers;
  const std::unique_ptr<DIR, int (*)(DIR*)> opened(::opendir(directory.c_str()), &::closedir);
  if (!opened) return numbers;
  while (const dirent* entry = ::readdir(opened.get())) {
    const std::string_view name = entry->d_name;
    int number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error == std::errc() && end == name.data() + name.size()) numbers.push_back(number);
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

std::optional<ProcStat> proc_stat(int pid) {
  return read_stat("/proc/" + std::to_string(pid) + "/stat");
}

std::optional<ProcStat> parse_proc_stat(std::string_view line) {
  // "123 (a) b) S 1 …": the name may hold anything, so it ends at the last parenthesis.
  const std::size_t open = line.find('('), close = line.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open)
    return std::nullopt;
  ProcStat stat;
  if (std::from_chars(line.data(), line.data() + open, stat.process.pid).ec != std::errc())
    return std::nullopt;
  stat.process.command = line.substr(open + 1, close - open - 1);
  std::string_view rest = line.substr(close + 1);
  for (int field = 3; field <= 22; ++field) {
    if (rest.size() < 2 || rest[0] != ' ') return std::nullopt;
    rest.remove_prefix(1);
    const std::size_t end = std::min(rest.find_first_of(" \n"), rest.size());
    const std::string_view word = rest.substr(0, end);
    if (field == 3 && word.size() == 1) stat.process.state = word[0];
    if (field == 20) std::from_chars(word.data(), word.data() + word.size(), stat.threads);
    if (field == 22) std::from_chars(word.data(), word.data() + word.size(), stat.start);
    rest.remove_prefix(end);
  }
  return stat;
}

Result<std::vector<ProcessInfo>> list_processes() {
  std::vector<ProcessInfo> processes;
  const std::vector<int> pids = numbers_in("/proc");
  if (pids.empty()) return Error{"/proc lists no process"};
  for (const int pid : pids) {
    if (pid == ::getpid()) continue;
    const std::string directory = "/proc/" + std::to_string(pid);
    auto stat = read_stat(directory + "/stat");
    if (!stat) continue;
    if (ended(stat->process) && stat->threads > 1) {
      for (const int thread : numbers_in(directory + "/task")) {
        const auto other = read_stat(directory + "/task/" + std::to_string(thread) + "/stat");
        if (!other || ended(other->process)) continue;
        stat->process.state = other->process.state;
        break;
      }
    }
    if (!ended(stat->process)) processes.push_back(std::move(stat->process));
  }
  return processes;
}

}  // namespace faultline
