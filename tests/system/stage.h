// `faultline` as its users call it: the real binary as a child process, in a folder of the test's
// own, and the proof that nothing of it is left.
#pragma once

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/io/document.h"
#include "harness/io/json.h"
#include "harness/io/run_dir.h"
#include "harness/os/child.h"
#include "harness/os/fd.h"
#include "harness/os/program.h"
#include "tests/system/fixture.h"

namespace faultline::system_test {

inline const std::filesystem::path built = FAULTLINE_BINARY_DIR;

inline Value parsed(const std::string& json) {
  auto value = parse_json(json);
  REQUIRE_MESSAGE(value, json);
  return *std::move(value);
}

/// While it lives, what loses its parent becomes a child of this process: so that "no child is
/// left" means that no process is left at all, in whatever namespace, session or disguise.
class Adopter {
 public:
  Adopter() { REQUIRE(::prctl(PR_SET_CHILD_SUBREAPER, 1) == 0); }
  ~Adopter() { ::prctl(PR_SET_CHILD_SUBREAPER, 0); }
  Adopter(const Adopter&) = delete;
  Adopter& operator=(const Adopter&) = delete;

  /// Reaps what has ended; true if nothing is left.
  static bool alone() {
    for (;;) {
      const pid_t pid = ::waitpid(-1, nullptr, WNOHANG | __WALL);
      if (pid < 0 && errno == ECHILD) return true;
      if (pid == 0) return false;
    }
  }
};

/// How long what a run started may take to be gone after it.
inline constexpr std::chrono::seconds vanish_limit{60};

/// Runs a skipped case of this program in a process of its own; fails with its output if it fails,
/// or did not run.
inline void run_case_in_child(const std::string& name,
                              std::chrono::milliseconds limit = std::chrono::seconds(20)) {
  const auto result =
      run_program({"/proc/self/exe", "--no-skip", "--test-case=" + name}, "", limit);
  REQUIRE_MESSAGE(result, (result ? "" : result.error().what));
  CHECK_MESSAGE(result->status == 0, result->output);
  CHECK_MESSAGE(result->output.find("1 passed | 0 failed") != std::string::npos, result->output);
}

/// A number from the environment: how much of a test to do.
inline int amount(const char* variable, int usual) {
  const char* asked = std::getenv(variable);
  return asked != nullptr ? std::atoi(asked) : usual;
}

inline void write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  file.close();
  REQUIRE_MESSAGE(file, path);
}

/// This process goes into namespaces of its own, as root there, so that what it mounts goes with
/// it.
inline void enter_user_and_mount_namespaces() {
  const std::string user = std::to_string(::geteuid()), group = std::to_string(::getegid());
  REQUIRE(::unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0);
  write_file("/proc/self/setgroups", "deny");
  write_file("/proc/self/uid_map", "0 " + user + " 1");
  write_file("/proc/self/gid_map", "0 " + group + " 1");
  REQUIRE(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0);
}

struct Stage {
  Folder folder;
  std::filesystem::path program = built / "faultline";
  std::filesystem::path runs = folder.path() / "runs";
  std::vector<std::string> output = {"--json", "--quiet"};  ///< Options of every run.

  /// A store of our making: the program `refkv` is this script; the real one is $REFKV, $2 is the
  /// node's name.
  void replace_store(const std::string& script) {
    const auto bin = folder.path() / "bin";
    std::filesystem::create_directories(bin);
    if (program.parent_path() != bin) std::filesystem::copy_file(program, bin / "faultline");
    program = bin / "faultline";
    std::ofstream(bin / "refkv") << "#!/bin/sh\nREFKV=" << (built / "refkv").string() << "\n"
                                 << script << "\n";
    REQUIRE(::chmod((bin / "refkv").c_str(), 0755) == 0);
  }

  std::vector<std::string> command(const std::string& config,
                                   const std::vector<std::string>& more = {}) const {
    const auto file = folder.path() / "test.yaml";
    std::ofstream(file) << config;
    std::vector<std::string> argv = {program.string(), "run", file.string(), "--runs-dir",
                                     runs.string()};
    argv.insert(argv.end(), output.begin(), output.end());
    argv.insert(argv.end(), more.begin(), more.end());
    return argv;
  }
  /// Runs CONFIG with --json; `deadline` is when it gets a SIGINT.
  ChildResult run(const std::string& config, const std::vector<std::string>& more = {},
                  std::chrono::nanoseconds deadline = std::chrono::minutes(5)) const {
    return call(command(config, more), deadline);
  }
  ChildResult call(std::vector<std::string> argv,
                   std::chrono::nanoseconds deadline = std::chrono::minutes(5)) const {
    ChildOptions options;
    options.argv = std::move(argv);
    options.stderr_file = folder.path() / "stderr";
    options.deadline = deadline;
    auto result = run_child(options);
    REQUIRE_MESSAGE(result, (result ? "" : result.error().what));
    return *std::move(result);
  }
  ChildResult faultline(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), program.string());
    return call(std::move(arguments));
  }
  /// Starts it and returns at once.
  int start(const std::vector<std::string>& argv) const {
    const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    const Fd out(
        ::open((folder.path() / "stdout").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    const Fd err(::open((folder.path() / "stderr").c_str(),
                        O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
    const auto pid = spawn_program(argv, null.get(), out.get(), err.get());
    REQUIRE_MESSAGE(pid, (pid ? "" : pid.error().what));
    return *pid;
  }
  std::string errors() const { return read_file(folder.path() / "stderr"); }
  std::filesystem::path latest(const std::string& name) const {
    return std::filesystem::canonical(runs / name / "latest");
  }
};

}  // namespace faultline::system_test
