// `faultline heal` beside a run that lives: what was artificially left goes, the run and all that
// is not ours beyond doubt stay.
#include <csignal>

#include <sys/mount.h>

#include "harness/os/leftovers.h"
#include "tests/system/stage.h"

namespace faultline::system_test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

const std::string live_config =
    "name: live\n"
    "target: { name: refkv, nodes: 3, mode: quorum }\n"
    "workload: { name: register, keys: 3, concurrency: 3, rate: 200/s }\n"
    "time: 100s\n";

/// A sleeping process with this variable in its environment.
int sleeper(const std::string& variable) {
  const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  const auto pid =
      spawn_program({"/bin/sleep", "1000"}, null.get(), null.get(), null.get(), variable);
  REQUIRE(pid);
  return *pid;
}

/// A zombie counts as gone: its parent, this test, has not reaped it yet.
bool sleeps(int pid) {
  const std::string stat = read_file("/proc/" + std::to_string(pid) + "/stat");
  return !stat.empty() && stat.find(") Z ") == std::string::npos;
}

/// The mark of a controller that has ended, and one of this process, which lives.
std::string mark_of(const fs::path& run, bool dead) {
  const std::string mark = run_mark(run);
  if (!dead) return mark;
  const std::size_t at = mark.find(std::to_string(::getpid()) + ":");
  REQUIRE(at != std::string::npos);
  // Our own number, but of a process that began at another time.
  const std::size_t start = mark.find(':', at) + 1;
  return mark.substr(0, start) + "1" + mark.substr(mark.find(':', start));
}

bool names(const Value& list, const std::string& name) {
  for (const Value& item : *list.list())
    if (text_in(item, "name").find(name) != std::string::npos ||
        (item.text() != nullptr && item.text()->find(name) != std::string::npos))
      return true;
  return false;
}

TEST_CASE("child: leftovers beside a live run" * doctest::skip()) {
  enter_user_and_mount_namespaces();
  const Adopter adopter;
  const Stage stage;

  const int live = stage.start(stage.command(live_config));
  const fs::path link = stage.runs / "live/latest";
  REQUIRE(eventually(
      [&] {
        return fs::exists(link / "history.jsonl") && fs::file_size(link / "history.jsonl") > 0;
      },
      60s));
  const fs::path running = stage.latest("live");
  std::ofstream(running / ".meta.json.tmp-1-0") << "{";  // As it may have, for a moment.

  const fs::path dead = fs::canonical(stage.runs) / "old/2026-01-01T00-00-00Z-s1";
  fs::create_directories(dead / "nodes/n1/data");
  std::ofstream(dead / "history.jsonl") << "";
  std::ofstream(dead / ".results.json.tmp-4711-3") << "{\"verd";
  fs::create_symlink("somewhere", dead / ".latest.tmp-4711-0");
  std::ofstream(dead / ".notes.tmp") << "not ours";
  REQUIRE(::mount("tmpfs", (dead / "nodes/n1/data").c_str(), "tmpfs", 0, "size=1m") == 0);
  const int orphan = sleeper(mark_of(dead, true));
  const int of_a_live_controller = sleeper(mark_of(dead, false));
  const int nobodys = sleeper("FAULTLINE_RUN=notes about my run");
  REQUIRE(eventually([&] { return sleeps(orphan) && sleeps(nobodys); }));

  const auto heal = [&](const std::vector<std::string>& more) {
    std::vector<std::string> argv = {stage.program.string(), "heal"};
    argv.insert(argv.end(), more.begin(), more.end());
    return stage.call(argv);
  };
  const std::string runs = stage.runs.string();
  const ChildResult looked = heal({"--dry-run", "--json", "--runs-dir", runs});
  INFO(looked.output);
  CHECK(looked.exit_code == 1);
  CHECK(member_of(parsed(looked.output), "found")->list()->size() == 4);
  CHECK(sleeps(orphan));
  CHECK(fs::exists(dead / ".results.json.tmp-4711-3"));

  const ChildResult refused = heal({running.string()});
  CHECK(refused.exit_code == 64);
  CHECK(stage.errors().find("the run is not over; stop it first, nothing was touched") !=
        std::string::npos);

  const ChildResult healed = heal({"--json", "--runs-dir", runs});
  INFO(healed.output);
  CHECK(healed.exit_code == 0);
  const Value report = parsed(healed.output);
  const Value& found = *member_of(report, "found");
  CHECK(found.list()->size() == 4);
  for (const Value& each : *found.list()) CHECK(*member_of(each, "removed") == Value(true));
  CHECK(names(found, std::to_string(orphan) + " (sleep)"));
  CHECK(names(found, "nodes/n1/data"));
  CHECK(names(found, ".results.json.tmp-4711-3"));
  CHECK(names(found, ".latest.tmp-4711-0"));
  CHECK(names(*member_of(report, "running"), running.string()));

  CHECK_FALSE(sleeps(orphan));
  CHECK(sleeps(of_a_live_controller));
  CHECK(sleeps(nobodys));
  CHECK(mounts_below(dead).empty());
  CHECK_FALSE(fs::exists(fs::symlink_status(dead / ".latest.tmp-4711-0")));
  CHECK(fs::exists(dead / ".notes.tmp"));
  CHECK(fs::exists(dead / "history.jsonl"));
  CHECK(fs::exists(running / ".meta.json.tmp-1-0"));
  const ChildResult again = heal({"--runs-dir", runs});
  CHECK(again.exit_code == 0);
  CHECK(again.output.find("No dead run left anything.\n") != std::string::npos);

  // The live run never noticed: it goes on, and ends as it is asked to.
  const auto size = fs::file_size(running / "history.jsonl");
  CHECK(eventually([&] { return fs::file_size(running / "history.jsonl") > size; }));
  REQUIRE(::kill(live, SIGINT) == 0);
  const auto code = wait_program(live, 2min);
  REQUIRE(code);
  CHECK(*code == 130);
  CHECK(heal({running.string()}).exit_code == 0);
  CHECK_FALSE(fs::exists(running / ".meta.json.tmp-1-0"));
  for (const int pid : {of_a_live_controller, nobodys}) ::kill(pid, SIGKILL);
  CHECK(eventually(Adopter::alone, 60s));
}

TEST_CASE("heal removes what dead runs left, and nothing else") {
  run_case_in_child("child: leftovers beside a live run", 5min);
}

TEST_CASE("every process of a world carries the mark of its controller") {
  Shells shells(1, "(setsid sleep 1000 &)\nexec sleep 1000");
  require_ok(shells.cluster->start(0));
  std::size_t marked = 0;
  const std::string mark = run_mark(shells.folder.path());
  CHECK(eventually([&] {
    marked = 0;
    for (const auto& entry : fs::directory_iterator("/proc"))
      if (read_file(entry.path() / "environ").find(mark) != std::string::npos) ++marked;
    return marked >= 4;  // The nursery, the init, the store and its child.
  }));
  // This process lives, so they are nobody's orphans.
  for (const Orphan& orphan : find_orphans()) CHECK(orphan.directory != shells.folder.path());
}

}  // namespace
}  // namespace faultline::system_test
