#include "harness/campaign/record.h"

#include <fstream>

#include <doctest/doctest.h>

#include "harness/run/yaml.h"
#include "tests/io/temporary_folder.h"
#include "tests/usage_error.h"

namespace faultline {
namespace {

namespace fs = std::filesystem;

void write(const fs::path& path, const std::string& text) { std::ofstream(path) << text; }

/// A campaign of two tests, its files, and its directory.
struct RecordedCampaign {
  RecordedCampaign() {
    write(folder / "a.yaml", "target: { name: a }\n");
    write(folder / "b.yaml", "target: { name: b }\n");
    write(folder / "c.yaml",
          "tests:\n  - { config: a.yaml, seeds: [1, 2] }\n  - { config: b.yaml, seeds: [7] }\n");
    fs::create_directory(folder / "run");
    origin.config = folder / "c.yaml";
    origin.program = "faultline 1 (a)";
  }
  Campaign campaign() const {
    const auto root = load_config(origin.config);
    REQUIRE(root);
    auto made = make_campaign(*root, folder.path(), "c", origin.seed);
    REQUIRE(made);
    return *std::move(made);
  }
  RunDir directory() const {
    auto opened = RunDir::open(folder / "run");
    REQUIRE(opened);
    return *std::move(opened);
  }
  Result<CampaignRecord> create() {
    return CampaignRecord::create(directory(), campaign(), origin);
  }
  std::string refusal() const {
    CampaignQueue queue(campaign());
    return usage_error(CampaignRecord::reopen(directory(), origin, queue));
  }

  TemporaryFolder folder;
  CampaignOrigin origin;
};

CampaignRun run_of(std::uint64_t seed, ExitCode code) {
  CampaignRun run;
  run.seed = seed;
  run.exit_code = code;
  run.verdict = "valid";
  run.findings = {"one", "two"};
  run.seconds = 1.5;
  return run;
}

TEST_CASE("record: finished runs are found again, interrupted and torn ones are not") {
  RecordedCampaign stage;
  stage.origin.seed = 9;
  const CampaignRun first = run_of(1, ExitCode::valid), other = run_of(7, ExitCode::violation);
  {
    auto record = stage.create();
    REQUIRE(record);
    const CampaignQueue queue(stage.campaign());
    REQUIRE(record->append({0, 0}, queue.test({0, 0}), first));
    REQUIRE(record->append({0, 1}, queue.test({0, 1}), run_of(2, ExitCode::interrupted)));
    REQUIRE(record->append({1, 0}, queue.test({1, 0}), other));
  }
  // Killed in the middle of a line.
  std::ofstream(stage.folder / "run/runs.jsonl", std::ios::app) << "{\"test\":\"a\",\"ind";

  const auto origin = read_origin(stage.folder / "run");
  REQUIRE(origin);
  CHECK(origin->config == stage.origin.config);
  CHECK(origin->seed == stage.origin.seed);
  CHECK(origin->shard.empty());
  CampaignQueue queue(stage.campaign());
  {
    auto record = CampaignRecord::reopen(stage.directory(), *origin, queue);
    REQUIRE_MESSAGE(record, (record ? "" : record.error().what));
    CHECK(record->kept() == 2);
    CHECK(queue.result_of(0).runs == std::vector<CampaignRun>{first});
    CHECK(queue.result_of(1).runs == std::vector<CampaignRun>{other});
    const auto next = queue.next();
    REQUIRE(next);
    CHECK(*next == CampaignTask{0, 1});
    REQUIRE(record->append(*next, queue.test(*next), run_of(2, ExitCode::valid)));
  }
  // The torn line is gone, and the new one whole.
  CampaignQueue last(stage.campaign());
  const auto record = CampaignRecord::reopen(stage.directory(), *origin, last);
  REQUIRE(record);
  CHECK(record->kept() == 3);
  CHECK_FALSE(last.next());
  CHECK(content_of(stage.folder / "run/runs.jsonl").ends_with("}\n"));
}

TEST_CASE("record: a killed campaign that never came to its first line is resumed from nothing") {
  RecordedCampaign stage;
  REQUIRE(stage.create());
  fs::remove(stage.folder / "run/runs.jsonl");
  CampaignQueue queue(stage.campaign());
  const auto record = CampaignRecord::reopen(stage.directory(), stage.origin, queue);
  REQUIRE(record);
  CHECK(record->kept() == 0);
}

TEST_CASE("record: what has changed since is named, and nothing is mixed") {
  RecordedCampaign stage;
  REQUIRE(stage.create());
  const std::string where = "cannot resume " + (stage.folder / "run").string() + ": ";
  write(stage.folder / "b.yaml", "target: { name: b, nodes: 3 }\n");
  CHECK(stage.refusal() == where + (stage.folder / "b.yaml").string() +
                               " has changed since it was begun; put it back, or begin a new "
                               "campaign");
  write(stage.folder / "b.yaml", "target: { name: b }\n");
  CampaignQueue queue(stage.campaign());
  CHECK(CampaignRecord::reopen(stage.directory(), stage.origin, queue));

  write(stage.folder / "c.yaml", "tests: [{ config: a.yaml, seeds: [1, 3] }]\n");
  CHECK(stage.refusal().find("c.yaml has changed") != std::string::npos);
  write(stage.folder / "c.yaml",
        "tests:\n  - { config: a.yaml, seeds: [1, 2] }\n  - { config: b.yaml, seeds: [7] }\n");
  stage.origin.program = "faultline 2 (b)";
  CHECK(stage.refusal().find("it was begun by faultline 1 (a), and this is faultline 2 (b)") !=
        std::string::npos);
}

TEST_CASE("record: a directory that is no campaign's, or somebody else's now, is refused") {
  RecordedCampaign stage;
  const auto none = read_origin(stage.folder / "run");
  REQUIRE_FALSE(none);
  CHECK(none.error().kind == ErrorKind::usage);
  CHECK(none.error().what.find("has no plan.json") != std::string::npos);
  write(stage.folder / "run/plan.json", "{\"schema\":\"faultline.plan/9\"}");
  CHECK(read_origin(stage.folder / "run").error().what.find("expected \"faultline.plan/1\"") !=
        std::string::npos);
  write(stage.folder / "run/plan.json", "{");
  CHECK_FALSE(read_origin(stage.folder / "run"));

  const auto writing = stage.create();
  REQUIRE(writing);
  CHECK(stage.refusal().find("another process is writing it") != std::string::npos);
}

TEST_CASE("record: lines of another campaign are refused with their place") {
  RecordedCampaign stage;
  REQUIRE(stage.create());
  for (const char* line : {R"({"test":"z","index":0,"seed":1,"exit_code":0})",
                           R"({"test":"a","index":2,"seed":1,"exit_code":0})",
                           R"({"test":"a","index":0,"seed":5,"exit_code":0})",
                           R"({"test":"a","index":0,"seed":1,"exit_code":17})", R"([])"}) {
    write(stage.folder / "run/runs.jsonl", std::string(line) + "\n");
    CHECK(stage.refusal().find("runs.jsonl:1: expected a run of this campaign") !=
          std::string::npos);
  }
}

}  // namespace
}  // namespace faultline
