#include "harness/io/run_dir.h"

#include <algorithm>
#include <fstream>
#include <optional>
#include <regex>

#include <doctest/doctest.h>

#include "harness/io/json.h"
#include "tests/io/temporary_folder.h"

namespace faultline {
namespace {

namespace fs = std::filesystem;

TEST_CASE("run_dir: runs of one second get names of their own, and latest is the newest") {
  const TemporaryFolder folder;
  fs::path last;
  std::vector<fs::path> all;
  for (int i = 0; i < 12; ++i) {
    const auto run = RunDir::create(folder / "runs", "etcd-register", 42);
    REQUIRE(run);
    CHECK(std::regex_match(run->path().filename().string(),
                           std::regex(R"(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ-s42(-\d+)?)")));
    CHECK(std::ranges::find(all, run->path()) == all.end());
    all.push_back(run->path());
    last = run->path();
  }
  const fs::path latest = folder / "runs" / "etcd-register" / "latest";
  CHECK(fs::read_symlink(latest) == last.filename());
  // Nothing temporary is left behind.
  CHECK(std::distance(fs::directory_iterator(latest.parent_path()), {}) == 13);
}

TEST_CASE("run_dir: a name that leaves the folder, or is none, is refused") {
  const TemporaryFolder folder;
  for (const char* name : {"", "..", "../x", "/etc", "a/../../b", "a/"}) {
    const auto run = RunDir::create(folder / "runs", name, 1);
    REQUIRE_FALSE(run);
    CHECK(run.error().kind == ErrorKind::usage);
  }
  CHECK_FALSE(fs::exists(folder / "runs"));
}

TEST_CASE("run_dir: errors say what and where") {
  const TemporaryFolder folder;
  std::ofstream(folder / "file") << "x";
  const auto below_a_file = RunDir::create(folder / "file", "a", 1);
  REQUIRE_FALSE(below_a_file);
  CHECK(below_a_file.error().what.find((folder / "file").string()) != std::string::npos);

  const auto missing = RunDir::open(folder / "nothing");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().what.find("nothing: No such file or directory") != std::string::npos);
  CHECK_FALSE(RunDir::open(folder / "file"));

  fs::create_directories(folder / "runs" / "x" / "latest" / "occupied");
  const auto no_link = RunDir::create(folder / "runs", "x", 1);
  REQUIRE_FALSE(no_link);
  CHECK(no_link.error().what.find("replace the link") != std::string::npos);
}

TEST_CASE("run_dir: a run is locked as long as its controller holds it") {
  const TemporaryFolder folder;
  std::optional<RunDir> controller;
  fs::path path;
  {
    auto made = RunDir::create(folder / "runs", "a", 1);
    REQUIRE(made);
    path = made->path();
    controller.emplace(*made);  // A copy holds it as well.
  }
  auto other = RunDir::open(path);
  REQUIRE(other);
  CHECK(other->lock() == RunDir::Lock::running);
  controller.reset();
  CHECK(other->lock() == RunDir::Lock::taken);
  CHECK(other->lock() == RunDir::Lock::taken);
  CHECK(RunDir::open(path)->lock() == RunDir::Lock::running);
}

TEST_CASE("run_dir: names of runs, and of what is half-written") {
  for (const char* name : {"2026-11-21T10-15-00Z-s42", "2026-11-21T10-15-00Z-s0-2"})
    CHECK_MESSAGE(is_run_name(name), name);
  for (const char* name :
       {"", "latest", "2026-11-21T10-15-00Z", "2026-11-21T10-15-00Z-s", "2026-11-21T10-15-00Z-sx",
        "2026-11-21T10-15-00Z-s1-", "2026-11-21T10-15-00Z-s1x", "26-11-21T10-15-00Z-s1",
        "x2026-11-21T10-15-00Z-s1"})
    CHECK_FALSE_MESSAGE(is_run_name(name), name);
  for (const char* name : {".meta.json.tmp-123-0", ".latest.tmp-1-17"})
    CHECK_MESSAGE(is_half_written(name), name);
  for (const char* name : {"", "meta.json", "meta.json.tmp-1-1", ".tmp-1-1", ".meta.json.tmp-1",
                           ".meta.json.tmp-1-", ".meta.json.tmp--1", ".meta.json.tmp-1-1x"})
    CHECK_FALSE_MESSAGE(is_half_written(name), name);
}

TEST_CASE(
    "run_dir: runs are found below a folder, a campaign's too, and not among a store's data") {
  const TemporaryFolder folder;
  const fs::path runs = fs::canonical(folder.path()) / "runs";
  const std::string name = "2026-11-21T10-15-00Z-s1";
  const fs::path campaign = runs / "quick" / name, inner = campaign / "a" / name;
  fs::create_directories(inner / "nodes" / "n1" / "data" / name);
  fs::create_directories(runs / "b" / (name + "-2"));
  fs::create_directories(runs / "c" / "other");
  fs::create_directory_symlink(name, runs / "quick" / "latest");
  CHECK(find_runs(runs) == std::vector<fs::path>{runs / "b" / (name + "-2"), campaign, inner});
  CHECK(find_runs(runs / "quick" / "latest") == std::vector<fs::path>{campaign, inner});
  CHECK(find_runs(inner) == std::vector<fs::path>{inner});
  CHECK(find_runs(runs / "nowhere").empty());
}

TEST_CASE("run_dir: a file is written whole or not at all") {
  const TemporaryFolder folder;
  const auto run = RunDir::open(folder.path());
  REQUIRE(run);
  REQUIRE(run->write("results.json", "first"));
  REQUIRE(run->write("results.json", std::string("se\0cond", 7)));
  CHECK(content_of(folder / "results.json") == std::string("se\0cond", 7));
  CHECK(std::distance(fs::directory_iterator(folder.path()), {}) == 1);

  const Status failed = run->write("no/such/folder.json", "x");
  REQUIRE_FALSE(failed);
  CHECK(failed.error().what.find("No such file or directory") != std::string::npos);
  fs::create_directories(folder / "taken" / "x");
  CHECK_FALSE(run->write("taken", "x"));
  CHECK(std::distance(fs::directory_iterator(folder.path()), {}) == 2);
}

TEST_CASE("json lines: a torn last line is left out, a broken one in the middle is an error") {
  const TemporaryFolder folder;
  const fs::path path = folder / "faults.jsonl";
  {
    auto lines = JsonLines::create(path);
    REQUIRE(lines);
    REQUIRE(lines->append(Map{{"id", 1}, {"text", "a\nb"}}));
    JsonLines moved = std::move(*lines);
    REQUIRE(moved.append(Map{{"id", 2}}));
  }
  CHECK_FALSE(JsonLines::create(path));  // it belongs to another run
  std::ofstream(path, std::ios::app) << "{\"id\":3,\"te";
  const auto lines = read_json_lines(path);
  REQUIRE(lines);
  CHECK(to_json(List(lines->begin(), lines->end())) == R"([{"id":1,"text":"a\nb"},{"id":2}])");

  std::ofstream(path, std::ios::app) << "\n{}\n";
  const auto broken = read_json_lines(path);
  REQUIRE_FALSE(broken);
  CHECK(broken.error().what.find("faults.jsonl:3: ") != std::string::npos);
  CHECK_FALSE(read_json_lines(folder / "nothing"));
  CHECK_FALSE(read_json_lines(folder.path()));
}

TEST_CASE("json lines: a line is on disk when append returns") {
  const TemporaryFolder folder;
  auto lines = JsonLines::create(folder / "x");
  REQUIRE(lines);
  REQUIRE(lines->append(1));
  CHECK(content_of(folder / "x") == "1\n");
}

TEST_CASE("run_dir: lines are gone on with where a killed writer left them") {
  const TemporaryFolder folder;
  const fs::path path = folder / "runs.jsonl";
  std::ofstream(path) << "{\"a\":1}\n{\"a\":";
  {
    auto lines = JsonLines::reopen(path);
    REQUIRE(lines);
    CHECK(content_of(path) == "{\"a\":1}\n");
    REQUIRE(lines->append(Map{{"a", 2}}));
    REQUIRE(lines->sync());
    const auto second = JsonLines::reopen(path);
    REQUIRE_FALSE(second);
    CHECK(second.error().kind == ErrorKind::usage);
    CHECK(second.error().what == path.string() + ": another process is writing it");
  }
  auto again = JsonLines::reopen(path);
  REQUIRE(again);
  CHECK(content_of(path) == "{\"a\":1}\n{\"a\":2}\n");
  CHECK(JsonLines::reopen(folder / "new.jsonl"));
  CHECK_FALSE(JsonLines::reopen(folder / "none/new.jsonl"));
}

}  // namespace
}  // namespace faultline
