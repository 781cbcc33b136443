// The whole controller killed with SIGKILL at random moments of a run's life, from before its world
// exists to after its results: nothing is left behind, what was recorded can be judged, and the
// next run does not notice. FAULTLINE_KILLS sets how often (200).
#include <map>
#include <random>
#include <set>

#include "harness/io/load.h"
#include "harness/os/leftovers.h"
#include "harness/os/world.h"
#include "tests/system/stage.h"

namespace faultline::system_test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr int slots = 4;  ///< Controllers at a time; they wait more than they work.

const std::string killed_config =
    "name: killed\n"
    "target: { name: refkv, nodes: 3, mode: quorum }\n"
    "workload: { name: register, keys: 4, concurrency: 5, rate: 400/s }\n"
    "faults:\n"
    "  - { fault: partition, kind: isolate-one, at: 50ms, for: 300ms }\n"
    "  - { fault: kill, victims: one, at: 150ms, for: 200ms }\n"
    "  - { fault: pause, victims: one, at: 400ms, for: 200ms }\n"
    "  - { fault: client-stall, victims: one, at: 250ms, for: 200ms }\n"
    "clients: { separate: 2 }\n"
    "time: 800ms\n";

/// What of the host no run may change. (Of its mounts others may: ours would be named.)
Map host_state(const HostFingerprint& host, const fs::path& folder) {
  Map state;
  for (auto& [name, value] : host.take())
    if (name != "mounts") state.emplace_back(name, value);
  state.emplace_back("mounts", List());
  std::ifstream mounts("/proc/self/mountinfo");
  List ours;
  for (std::string line; std::getline(mounts, line);)
    if (line.find(folder.string()) != std::string::npos || line.find(" nsfs ") != std::string::npos)
      ours.emplace_back(line);
  state.emplace_back("our mounts", std::move(ours));
  return state;
}

std::size_t control_groups_of_ours() {
  std::size_t count = 0;
  std::error_code failed;
  for (fs::recursive_directory_iterator at("/sys/fs/cgroup", failed), end; at != end && !failed;
       at.increment(failed))
    if (at->path().filename().string().find("faultline") != std::string::npos) ++count;
  return count;
}

/// Where in its life a run was when it was killed, by what it had written.
std::string phase_of(const std::vector<fs::path>& runs, bool ended) {
  if (ended) return "ended";
  if (runs.empty()) return "before its directory";
  const fs::path& run = runs.back();
  if (fs::exists(run / "results.json")) return "after its results";
  if (!fs::exists(run / "history.jsonl")) return "starting";
  return "under way";
}

/// A run directory as a killed controller may leave it: nothing half-written under its own name,
/// everything readable, the history a prefix that can be judged, and of a right store never found
/// wrong.
void require_sound(const Stage& stage, const fs::path& run) {
  static const std::set<std::string> known = {
      "config.yaml", "meta.json",  "schedule.json", "history.jsonl", "faults.jsonl",
      "nodes.jsonl", "links.json", "results.json",  "nodes",         "clients"};
  for (const auto& entry : fs::directory_iterator(run))
    CHECK_MESSAGE((known.contains(entry.path().filename()) ||
                   is_half_written(entry.path().filename().string())),
                  entry.path());
  for (const char* name : {"meta.json", "schedule.json", "links.json", "results.json"})
    if (fs::exists(run / name)) CHECK_MESSAGE(parse_json(read_file(run / name)), name);
  for (const char* name : {"faults.jsonl", "nodes.jsonl"})
    if (fs::exists(run / name)) CHECK_MESSAGE(read_json_lines(run / name), name);

  const ChildResult checked = stage.call({stage.program.string(), "check", "--json", run.string()});
  INFO(checked.output);
  if (!fs::exists(run / "history.jsonl")) {
    CHECK(checked.exit_code == 64);
    return;
  }
  const auto loaded = load_history(run);  // An error if an index is missing.
  REQUIRE_MESSAGE(loaded, loaded.error().what);
  CHECK(loaded->warnings.size() <= 1);  // A torn last line.
  const std::string verdict = text_in(parsed(checked.output), "verdict");
  if (fs::exists(run / "results.json")) {
    CHECK((checked.exit_code == 0 || checked.exit_code == 3));
  } else {
    CHECK(checked.exit_code == 2);
    CHECK(verdict == "unknown");
    CHECK(checked.output.find("\"incomplete\"") != std::string::npos);
  }
}

class Killer {
 public:
  explicit Killer(unsigned slot) : random_(2026 + slot) {
    fs::create_directory(stage_.folder.path() / "tmp");
    ::setenv("TMPDIR", (stage_.folder.path() / "tmp").c_str(), 1);
    before_ = host_state(host_, stage_.folder.path());
  }

  /// A run that is left in peace: valid, and it says how long a life is.
  void require_whole_run() {
    const auto begin = Clock::now();
    const ChildResult result = stage_.run(killed_config);
    life_ = Clock::now() - begin;
    INFO(stage_.errors());
    INFO(result.output);
    // A pause may find its victim killed by then, on a machine that is slow: vacuous.
    CHECK((result.exit_code == 0 || result.exit_code == 3));
    const Value meta = parsed(read_file(stage_.latest("killed") / "meta.json"));
    CHECK(member_of(meta, "host_changed")->list()->empty());
    CHECK(eventually(Adopter::alone, vanish_limit));
    fs::remove_all(stage_.runs);
  }

  void kill_once(int round) {
    std::vector<std::string> argv = stage_.command(killed_config);
    if (round % 10 == 9) {  // Nor may a campaign that is killed leave its runs behind.
      std::ofstream(stage_.folder.path() / "campaign.yaml")
          << "# Is nothing left?\nname: killed\ntests: [{ config: test.yaml, seeds: [1, 2] }]\n";
      argv = {stage_.program.string(), "campaign",
              (stage_.folder.path() / "campaign.yaml").string(), "--runs-dir",
              stage_.runs.string()};
    }
    const auto moment = std::chrono::duration_cast<std::chrono::nanoseconds>(life_ * fraction());
    const int pid = stage_.start(argv);
    std::this_thread::sleep_for(moment);
    const bool ended = ::waitpid(pid, nullptr, WNOHANG) == pid;
    if (!ended) {
      REQUIRE(::kill(pid, SIGKILL) == 0);
      REQUIRE(::waitpid(pid, nullptr, 0) == pid);
    }
    CHECK_MESSAGE(eventually(Adopter::alone, vanish_limit), "a process outlived its controller");
    for (const Orphan& orphan : find_orphans())
      CHECK_FALSE(orphan.directory.string().starts_with(stage_.runs.string()));
    CHECK(Value(host_state(host_, stage_.folder.path())) == Value(before_));
    CHECK(fs::is_empty(stage_.folder.path() / "tmp"));
    const std::vector<fs::path> runs = find_runs(stage_.runs);
    ++phases_[phase_of(runs, ended)];
    for (const fs::path& run : runs) {
      CAPTURE(run);
      if (!fs::exists(run / "nodes") && !fs::exists(run / "meta.json") && round % 10 == 9) continue;
      require_sound(stage_, run);
    }
    if (!half_written().empty()) {
      // The kill came between the two system calls that put a new meta.json in the old one's place.
      ++phases_["half-written, healed"];
      const ChildResult healed =
          stage_.call({stage_.program.string(), "heal", "--runs-dir", stage_.runs.string()});
      CHECK_MESSAGE(healed.exit_code == 0, healed.output);
      CHECK(half_written().empty());
    }
    fs::remove_all(stage_.runs);
  }

  std::vector<fs::path> half_written() const {
    std::vector<fs::path> found;
    if (!fs::exists(stage_.runs)) return found;
    for (const auto& entry : fs::recursive_directory_iterator(stage_.runs))
      if (is_half_written(entry.path().filename().string())) found.push_back(entry.path());
    return found;
  }

  void require_nothing_to_heal() {
    const ChildResult healed = stage_.call({stage_.program.string(), "heal", "--json", "--dry-run",
                                            "--runs-dir", stage_.runs.string()});
    CHECK(healed.output.find(stage_.folder.path().string() + "/runs") == std::string::npos);
    CHECK(control_groups_of_ours() == 0);
  }

  std::string phases() const {
    std::string lines;
    for (const auto& [phase, count] : phases_)
      lines += "phase " + std::to_string(count) + " " + phase + "\n";
    return lines;
  }

 private:
  /// Of a life. The begin and the end are short, and the most happens there.
  double fraction() {
    const double uniform = std::uniform_real_distribution<>(0, 1)(random_);
    switch (random_() % 5) {
      case 0:
        return uniform * 0.15;
      case 1:
        return 0.75 + uniform * 0.35;
      default:
        return uniform;
    }
  }

  Adopter adopter_;
  Stage stage_;
  HostFingerprint host_;
  Map before_;
  std::mt19937 random_;
  Clock::duration life_{};
  std::map<std::string, int> phases_;
};

TEST_CASE("child: controllers killed at random moments" * doctest::skip()) {
  Killer killer(static_cast<unsigned>(amount("KILL_SLOT", 0)));
  const int kills = amount("KILL_ROUNDS", 5);
  for (int round = 0; round < kills; ++round) {
    CAPTURE(round);
    if (round % 25 == 0) killer.require_whole_run();
    killer.kill_once(round);
  }
  killer.require_whole_run();
  killer.require_nothing_to_heal();
  std::printf("%s", killer.phases().c_str());
}

TEST_CASE("a run killed at any moment leaves nothing but a record that can be judged") {
  const int kills = amount("FAULTLINE_KILLS", 200);
  const Folder folder;
  const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  std::vector<std::pair<int, fs::path>> children;
  for (int slot = 0; slot < slots; ++slot) {
    const fs::path path = folder.path() / std::to_string(slot);
    const Fd out(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    ::setenv("KILL_SLOT", std::to_string(slot).c_str(), 1);
    ::setenv("KILL_ROUNDS", std::to_string((kills + slots - 1) / slots).c_str(), 1);
    const auto pid = spawn_program(
        {"/proc/self/exe", "--no-skip", "--test-case=child: controllers killed at random moments"},
        null.get(), out.get(), out.get());
    REQUIRE(pid);
    children.emplace_back(*pid, path);
  }
  ::unsetenv("KILL_SLOT");
  ::unsetenv("KILL_ROUNDS");
  std::map<std::string, int> phases;
  for (const auto& [pid, path] : children) {
    const auto status = wait_program(pid, 60min);
    const std::string output = read_file(path);
    REQUIRE_MESSAGE(status, output);
    CHECK_MESSAGE(*status == 0, output);
    CHECK_MESSAGE(output.find("1 passed | 0 failed") != std::string::npos, output);
    std::istringstream lines(output);
    for (std::string line; std::getline(lines, line);)
      if (int count = 0, at = 0; std::sscanf(line.c_str(), "phase %d %n", &count, &at) == 1)
        phases[line.substr(static_cast<std::size_t>(at))] += count;
  }
  std::string told;
  for (const auto& [phase, count] : phases) told += phase + " " + std::to_string(count) + ", ";
  MESSAGE("killed: " << told);
  if (kills < 100) return;
  // Else the moments were not what they were meant to be.
  CHECK(phases["starting"] + phases["before its directory"] > 0);
  CHECK(phases["under way"] > kills / 10);
  CHECK(phases["ended"] + phases["after its results"] > 0);
  CHECK(phases["half-written, healed"] <= kills / 20);
}

}  // namespace
}  // namespace faultline::system_test
