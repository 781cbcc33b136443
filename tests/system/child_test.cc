#include "harness/os/child.h"

#include <csignal>
#include <cstdlib>
#include <map>

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/fixture.h"

namespace faultline {
namespace {

ChildOptions shell(std::string script) {
  ChildOptions options;
  options.argv = {"/bin/sh", "-c", std::move(script)};
  return options;
}

/// Waits until it is killed, and lets traps run meanwhile: who waits for a child does.
const std::string idle = "tail -f /dev/null >/dev/null & while :; do wait; done";

/// Gone, or a zombie until somebody's init reaps it.
bool has_ended(pid_t process) {
  if (kill(process, 0) != 0) return true;
  const std::string stat = system_test::read_file("/proc/" + std::to_string(process) + "/stat");
  return stat.empty() || stat.find(") Z ") != std::string::npos;
}

ChildResult run(const ChildOptions& options, Signals* signals = nullptr) {
  auto result = run_child(options, signals);
  REQUIRE_MESSAGE(result, (result ? "" : result.error().what));
  return *std::move(result);
}

TEST_CASE("child: its exit code, its output, its standard error in a file") {
  const system_test::Folder folder;
  ChildOptions options = shell("echo out; echo first >&2; read line && echo input; exit 7");
  options.stderr_file = folder.path() / "log";
  const ChildResult result = run(options);
  CHECK(result.exit_code == 7);
  CHECK(result.signal == 0);
  CHECK(result.output == "out\n");  // And no input: read fails.
  run(options);
  CHECK(system_test::read_file(options.stderr_file) == "first\nfirst\n");
}

TEST_CASE("child: much output is read, too much is dropped, and neither blocks it") {
  ChildOptions options = shell("head -c 1000000 /dev/zero; exit 3");
  CHECK(run(options).output.size() == 1'000'000);
  options.output_bytes_max = 1000;
  const ChildResult result = run(options);
  CHECK(result.output.size() == 1000);
  CHECK(result.exit_code == 3);
}

TEST_CASE("child: a program that cannot be run is an error with the reason") {
  ChildOptions options;
  options.argv = {"/nonexistent/program"};
  const auto result = run_child(options);
  REQUIRE_FALSE(result);
  CHECK(result.error().what == "run /nonexistent/program: No such file or directory");
}

TEST_CASE("child: the deadline interrupts it, and after the grace kills it") {
  // A shell may not have set its trap yet when a short deadline is over, on a machine that is slow.
  const auto run_trapping = [](const std::string& trap, std::chrono::milliseconds grace) {
    ChildOptions options = shell("trap " + trap + " INT; echo ready; " + idle);
    options.grace = grace;
    for (options.deadline = std::chrono::milliseconds(100);; options.deadline *= 4) {
      ChildResult result = run(options);
      if (result.output.starts_with("ready\n") || options.deadline > std::chrono::minutes(1))
        return result;
    }
  };
  const ChildResult polite = run_trapping("'echo caught; exit 9'", std::chrono::seconds(30));
  CHECK(polite.timed_out);
  CHECK(polite.exit_code == 9);
  CHECK(polite.output == "ready\ncaught\n");

  const ChildResult stubborn = run_trapping("''", std::chrono::milliseconds(50));
  CHECK(stubborn.timed_out);
  CHECK(stubborn.signal == SIGKILL);
}

TEST_CASE("child: signals are passed on once each; the third kills") {
  Signals signals;
  // The child signals us when it is ready to be signalled.
  const ChildResult once =
      run(shell("trap 'echo int; exit 130' INT; kill -INT $PPID; " + idle), &signals);
  CHECK(once.signals_passed_on == 1);
  CHECK(once.exit_code == 130);
  CHECK(once.output == "int\n");

  const ChildResult thrice = run(
      shell("trap '' INT TERM HUP; kill -INT $PPID; kill -TERM $PPID; kill -HUP $PPID; " + idle),
      &signals);
  CHECK(thrice.signals_passed_on == 3);
  CHECK(thrice.signal == SIGKILL);
}

TEST_CASE("child: several run side by side, and each ends with what is its own") {
  Children children;
  // The first waits for what the second does, and the third outlives both.
  const system_test::Folder folder;
  const std::string flag = (folder.path() / "flag").string();
  REQUIRE(::mkfifo(flag.c_str(), 0600) == 0);
  REQUIRE(children.start(10, shell("read line <" + flag + "; echo one")));
  REQUIRE(children.start(20, shell("echo go >" + flag + "; echo two; exit 2")));
  ChildOptions slow = shell(idle);
  slow.deadline = std::chrono::milliseconds(300);
  REQUIRE(children.start(30, slow));
  ChildOptions absent;
  absent.argv = {"/nonexistent/program"};
  CHECK_FALSE(children.start(40, absent));
  CHECK(children.running() == 3);
  std::map<std::size_t, ChildResult> ended;
  while (children.running() > 0) ended.insert(children.wait());
  REQUIRE(ended.size() == 3);
  CHECK(ended[10].output == "one\n");
  CHECK(ended[10].exit_code == 0);
  CHECK(ended[20].output == "two\n");
  CHECK(ended[20].exit_code == 2);
  CHECK(ended[30].timed_out);
  CHECK_FALSE(ended[10].timed_out);
}

TEST_CASE("child: a signal reaches all that run, and waits if none does") {
  Signals signals;
  {
    Children children(&signals);
    REQUIRE(children.start(0, shell(idle)));
    REQUIRE(children.start(1, shell(idle)));
    REQUIRE(children.start(2, shell("kill -INT $PPID; exit 3")));
    std::map<std::size_t, ChildResult> ended;
    while (children.running() > 0) ended.insert(children.wait());
    CHECK(children.signals_taken() == 1);
    CHECK(ended[0].signals_passed_on == 1);
    CHECK(ended[1].signals_passed_on == 1);
    CHECK(ended[0].signal == SIGINT);
    CHECK(ended[1].signal == SIGINT);
  }
  kill(getpid(), SIGTERM);
  const ChildResult before = run(shell("exit 0"));
  CHECK(before.signals_passed_on == 0);
  CHECK(signals.take() == SIGTERM);
}

TEST_CASE("child: signals that came between two children wait to be taken") {
  Signals signals;
  CHECK(signals.take() == 0);
  kill(getpid(), SIGTERM);
  CHECK(signals.take() == SIGTERM);
  CHECK(signals.take() == 0);
}

TEST_CASE("child: nothing of its group outlives it") {
  const ChildResult result = run(shell("tail -f /dev/null >/dev/null & echo $!"));
  CHECK(result.exit_code == 0);
  const pid_t left = static_cast<pid_t>(std::stoi(result.output));
  CHECK(system_test::eventually([&] { return has_ended(left); }));
}

TEST_CASE("child: whatever kills the caller kills the child") {
  const system_test::Folder folder;
  const auto told = folder.path() / "pid";
  const pid_t caller = fork();
  REQUIRE(caller >= 0);
  if (caller == 0) {
    (void)run_child(shell("echo $$ > " + told.string() + "; exec tail -f /dev/null"));
    _exit(0);
  }
  std::string text;
  const bool has_told = system_test::eventually([&] {
    text = system_test::read_file(told);
    return text.ends_with('\n');
  });
  kill(caller, SIGKILL);
  waitpid(caller, nullptr, 0);
  REQUIRE(has_told);
  const pid_t child = static_cast<pid_t>(std::stoi(text));
  CHECK(system_test::eventually([&] { return has_ended(child); }));
}

}  // namespace
}  // namespace faultline
