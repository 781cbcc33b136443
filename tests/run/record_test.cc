#include "harness/run/record.h"

#include <fstream>

#include <doctest/doctest.h>

#include "harness/io/run_dir.h"
#include "tests/io/temporary_folder.h"

namespace faultline {
namespace {

struct Record {
  TemporaryFolder folder;
  std::optional<RunDir> run;

  Record() {
    auto made = RunDir::create(folder / "runs", "a", 1);
    REQUIRE(made);
    run.emplace(*std::move(made));
  }
  void write(const char* name, const std::string& text) { REQUIRE(run->write(name, text)); }
  std::optional<Verdict> doubt() const { return doubt_record(run->path()); }
};

TEST_CASE("record: what no run of ours wrote is not objected to") {
  const Record record;
  CHECK_FALSE(record.doubt());
  CHECK_FALSE(doubt_record(record.folder / "nothing"));
}

TEST_CASE("record: a run without results is incomplete, under way or dead") {
  Record record;
  record.write("meta.json", "{}");
  const auto running = record.doubt();
  REQUIRE(running);
  CHECK(running->validity == Validity::unknown);
  CHECK(running->reason == "incomplete");
  CHECK(running->summary.find("not over yet") != std::string::npos);

  const auto path = record.run->path();
  record.run.reset();  // Its lock goes with it.
  const auto dead = doubt_record(path);
  REQUIRE(dead);
  CHECK(dead->summary.find("did not come to its end") != std::string::npos);
}

TEST_CASE("record: what the results say of the run") {
  Record record;
  record.write("meta.json", "{}");
  record.write("results.json", R"({"verdict":"valid","interrupted":false})");
  CHECK_FALSE(record.doubt());
  record.write("results.json", R"({"verdict":"invalid","interrupted":true})");
  CHECK(record.doubt()->reason == "incomplete");
  record.write("results.json", R"({"verdict":"unknown","error":"the disk is full\nmore"})");
  CHECK(record.doubt()->summary == "the run broke off: the disk is full");
  record.write("results.json", R"({"verdict":"unknown","reason":"vacuous","summary":"no fault"})");
  CHECK(record.doubt()->reason == "vacuous");
  CHECK(record.doubt()->summary == "the run says: no fault");
  record.write("results.json", "{");
  CHECK(record.doubt()->reason == "incomplete");
}

}  // namespace
}  // namespace faultline
