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

TEST_CASE("record: what speaks against taking a violation for the store's own doing") {
  Record record;
  record.write("meta.json", "{}");
  const auto lines = [&] { return reservations_of(record.run->path()); };
  CHECK(lines().empty());
  record.write("results.json", R"({"verdict":"invalid","faults":{"kill":{"injected":2}},
      "links":{"packets":9,"own_drops":0,"degraded":false}})");
  CHECK(lines().empty());
  record.write("results.json", R"({"verdict":"invalid","faults":{
      "kill":{"injected":2,"heals_failed":0},
      "partition":{"injected":3,"heals_failed":1},
      "clock":{"injected":1,"doubts":["n1 waits until a time of day","n2 as well"]}},
      "links":{"packets":9,"own_drops":3,"degraded":true}})");
  CHECK(lines() ==
        std::vector<std::string>{
            "heals failed: partition 1 of 3: what came after may have been broken still",
            "doubt: clock: n1 waits until a time of day", "doubt: clock: n2 as well",
            "degraded: the switch lost 3 packets by itself: latencies and outages may be "
            "its doing"});
  record.write("results.json", R"({"links":{"own_drops":0,"host_drops":5,"degraded":true}})");
  CHECK(lines() == std::vector<std::string>{
                       "degraded: the machine dropped 5 packets, perhaps other programs', "
                       "before they reached their links: latencies and outages may be its "
                       "doing"});
  record.write("results.json",
               R"({"faults":{"kill":{"doubts":7},"clock":5},"links":{"degraded":7}})");
  CHECK(lines().empty());
  record.write("results.json", R"({"faults":[1],"links":7})");
  CHECK(lines().empty());
  record.write("results.json", "{");
  CHECK(lines().empty());
  CHECK(reservations_of(record.folder / "nothing").empty());
  // Another program's results are its own.
  auto other = RunDir::create(record.folder / "others", "a", 1);
  REQUIRE(other);
  REQUIRE(other->write("results.json", R"({"faults":{"kill":{"injected":1,"heals_failed":1}}})"));
  CHECK(reservations_of(other->path()).empty());
  REQUIRE(other->write("meta.json", "{}"));
  CHECK(reservations_of(other->path()).size() == 1);
}

}  // namespace
}  // namespace faultline
