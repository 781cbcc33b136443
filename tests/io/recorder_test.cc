#include "harness/io/recorder.h"

#include <algorithm>
#include <atomic>
#include <fstream>
#include <sstream>
#include <thread>

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/resource.h>

#include "harness/io/json.h"
#include "harness/io/run_dir.h"
#include "tests/io/temporary_folder.h"

namespace faultline {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

std::unique_ptr<Recorder> create(const fs::path& path, std::size_t lanes,
                                 Clock::time_point origin = Clock::now()) {
  auto recorder = Recorder::create(path, lanes, {"n1", "n2", "n3"}, origin);
  REQUIRE(recorder);
  return std::move(*recorder);
}

Value field(const Value& line, std::string_view name) {
  for (const auto& [key, value] : *line.map())
    if (key == name) return value;
  return {};
}

/// The lines of a history with every time set to 0, since those differ from run to run.
std::string without_times(const fs::path& path) {
  std::string out;
  std::istringstream lines(content_of(path));
  for (std::string line; std::getline(lines, line); out += line + "\n") {
    const std::size_t at = line.find(",\"time\":");
    REQUIRE(at != std::string::npos);
    line = line.substr(0, at) + ",\"time\":0}";
  }
  return out;
}

TEST_CASE("recorder: the lines on disk, and the same history in memory") {
  const TemporaryFolder folder;
  const fs::path path = folder / "history.jsonl";
  const auto recorder = create(path, 2);
  const Request write{Function::write, "k7", 12};
  const Request read{Function::read, "k7", {}};
  const Request cas{Function::cas, "k\"8", List{1, 2}};
  const Request txn{Function::txn, "", List{Value(List{"r", 1, {}})}};
  recorder->invoke(0, 3, 1, write);
  recorder->complete(0, 3, 1, write, Outcome::ok(12));
  recorder->invoke(1, 4, 2, read);
  recorder->complete(1, 4, 2, read, Outcome::fail("timeout"));
  recorder->invoke(1, 4, 2, cas);
  recorder->complete(1, 4, 2, cas, Outcome::mismatch());
  recorder->invoke(1, 4, 2, cas);
  recorder->complete(1, 4, 2, cas, Outcome::info("reset\n\xFF"));
  recorder->invoke(0, 3, 0, txn);
  recorder->complete(0, 3, 0, txn, Outcome::ok(List{Value(List{"r", 1, List{"x", 1.0}})}));
  recorder->invoke(0, 3, 0, write);
  const History history = recorder->finish();
  CHECK(recorder->status());
  CHECK(recorder->events() == 11);

  CHECK(
      without_times(path) ==
      R"({"index":0,"type":"invoke","process":3,"node":"n2","f":"write","key":"k7","value":12,"time":0}
{"index":1,"type":"ok","process":3,"node":"n2","f":"write","key":"k7","value":12,"time":0}
{"index":2,"type":"invoke","process":4,"node":"n3","f":"read","key":"k7","value":null,"time":0}
{"index":3,"type":"fail","process":4,"node":"n3","f":"read","key":"k7","value":null,"error":"timeout","time":0}
{"index":4,"type":"invoke","process":4,"node":"n3","f":"cas","key":"k\"8","value":[1,2],"time":0}
{"index":5,"type":"fail","process":4,"node":"n3","f":"cas","key":"k\"8","value":[1,2],"error":"mismatch","time":0}
{"index":6,"type":"invoke","process":4,"node":"n3","f":"cas","key":"k\"8","value":[1,2],"time":0}
{"index":7,"type":"info","process":4,"node":"n3","f":"cas","key":"k\"8","value":[1,2],"error":"reset\n)"
      "\xEF\xBF\xBD"
      R"(ff","time":0}
{"index":8,"type":"invoke","process":3,"node":"n1","f":"txn","value":[["r",1,null]],"time":0}
{"index":9,"type":"ok","process":3,"node":"n1","f":"txn","value":[["r",1,["x",1.0]]],"time":0}
{"index":10,"type":"invoke","process":3,"node":"n1","f":"write","key":"k7","value":12,"time":0}
)");

  REQUIRE(history.size() == 6);
  CHECK(history.events() == 11);
  const std::vector<Fate> fates(history.fate().begin(), history.fate().end());
  CHECK(fates ==
        std::vector{Fate::ok, Fate::fail, Fate::mismatch, Fate::info, Fate::ok, Fate::info});
  CHECK(history.key_text(history.key()[2]) == "k\"8");
  CHECK(history.key()[4] == no_key);
  CHECK(history.node_name(history.node()[1]) == "n3");
  CHECK(history.error_text(history.error()[1]) == "timeout");
  CHECK(history.output()[1].is_nil());
  CHECK(history.values().to_text(history.argument()[2]) == "[1, 2]");
  CHECK(history.end()[3] == never);
  CHECK(history.end_time()[3] != no_time);
  CHECK(history.end_time()[5] == no_time);
}

TEST_CASE("recorder: only a compare-and-set can mismatch, on disk as in memory") {
  const TemporaryFolder folder;
  const auto recorder = create(folder / "h", 1);
  const Request write{Function::write, "k", 1};
  const Request cas{Function::cas, "k", List{1, 2}};
  recorder->invoke(0, 0, 0, write);
  recorder->complete(0, 0, 0, write, Outcome::mismatch());
  recorder->invoke(0, 0, 0, cas);
  recorder->complete(0, 0, 0, cas, Outcome::fail("mismatch"));
  const History history = recorder->finish();
  CHECK(history.fate()[0] == Fate::fail);
  CHECK(history.fate()[1] == Fate::fail);
  CHECK(content_of(folder / "h").find("\"error\":\"mismatch\"") == std::string::npos);
}

TEST_CASE("recorder: what returned before another began has the smaller index, across lanes") {
  constexpr std::size_t lanes = 8, operations = 1500;
  const TemporaryFolder folder;
  const auto recorder = create(folder / "h", lanes);
  std::atomic<std::int64_t> tickets{0};
  // Per lane: the ticket drawn before invoke() was called, and the one after complete() returned.
  std::vector<std::vector<std::pair<std::int64_t, std::int64_t>>> drawn(lanes);
  std::vector<std::thread> threads;
  for (std::size_t lane = 0; lane < lanes; ++lane)
    threads.emplace_back([&, lane] {
      for (std::size_t i = 0; i < operations; ++i) {
        const std::int64_t before = tickets++;
        const Request request{Function::write, "k", before};
        recorder->invoke(lane, static_cast<std::uint32_t>(lane), lane % 3, request);
        recorder->complete(lane, static_cast<std::uint32_t>(lane), lane % 3, request,
                           Outcome::ok(before));
        drawn[lane].emplace_back(before, tickets++);
      }
    });
  for (std::thread& thread : threads) thread.join();
  const History history = recorder->finish();
  REQUIRE(history.size() == lanes * operations);

  struct Mark {
    std::int64_t ticket;
    bool is_end;
    Position position;
  };
  std::vector<Mark> marks;
  std::vector<std::size_t> seen(lanes);
  for (std::size_t row = 0; row < history.size(); ++row) {
    const std::uint32_t lane = history.process()[row];
    const auto [before, after] = drawn[lane][seen[lane]++];
    REQUIRE(history.argument()[row].small_integer() == before);
    marks.push_back({before, false, history.begin()[row]});
    marks.push_back({after, true, history.end()[row]});
  }
  std::ranges::sort(marks, {}, &Mark::ticket);
  Position last_end = 0;
  for (const Mark& mark : marks) {
    if (mark.is_end)
      last_end = std::max(last_end, mark.position);
    else if (last_end > 0)
      REQUIRE(mark.position > last_end);
  }

  const auto lines = read_json_lines(folder / "h");
  REQUIRE(lines);
  REQUIRE(lines->size() == 2 * history.size());
  for (std::size_t i = 0; i < lines->size(); ++i)
    REQUIRE(*field((*lines)[i], "index").integer() == static_cast<std::int64_t>(i));
}

TEST_CASE("recorder: lines reach the disk while every lane idles") {
  const TemporaryFolder folder;
  const auto recorder = create(folder / "h", 3);
  const Request read{Function::read, "k", {}};
  recorder->invoke(1, 0, 0, read);
  const auto deadline = Clock::now() + 10s;
  while (content_of(folder / "h").empty() && Clock::now() < deadline) std::this_thread::yield();
  CHECK(content_of(folder / "h").ends_with("}\n"));
}

TEST_CASE("recorder: a full disk leaves a true prefix and a whole history in memory") {
  const TemporaryFolder folder;
  const auto recorder = create(folder / "h", 1);
  rlimit old{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &old) == 0);
  const auto old_action = ::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{10'000, old.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  const Request write{Function::write, "k", 1};
  for (int i = 0; i < 1000; ++i) {
    recorder->invoke(0, 0, 0, write);
    recorder->complete(0, 0, 0, write, Outcome::ok(1));
  }
  const History history = recorder->finish();
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &old) == 0);
  ::signal(SIGXFSZ, old_action);

  CHECK(history.size() == 1000);
  const Status status = recorder->status();
  REQUIRE_FALSE(status);
  CHECK(status.error().what.find("write " + (folder / "h").string()) == 0);
  CHECK(fs::file_size(folder / "h") == 10'000);
  const auto lines = read_json_lines(folder / "h");
  REQUIRE(lines);
  CHECK(lines->size() > 50);
}

TEST_CASE("recorder: a history that vanished is noticed") {
  const TemporaryFolder folder;
  const auto recorder = create(folder / "h", 1);
  const Request read{Function::read, "k", {}};
  recorder->invoke(0, 0, 0, read);
  fs::remove(folder / "h");
  SUBCASE("gone") {}
  SUBCASE("replaced") { std::ofstream(folder / "h") << "another's"; }
  const History history = recorder->finish();
  CHECK(history.size() == 1);
  REQUIRE_FALSE(recorder->status());
  CHECK(recorder->status().error().what.find((folder / "h").string()) != std::string::npos);
}

TEST_CASE("recorder: an existing history is never overwritten") {
  const TemporaryFolder folder;
  std::ofstream(folder / "h") << "evidence";
  CHECK_FALSE(Recorder::create(folder / "h", 1, {"n1"}, Clock::now()));
  CHECK(content_of(folder / "h") == "evidence");
}

TEST_CASE("recorder: more events than its queue holds, and large values, only slow it down") {
  const TemporaryFolder folder;
  const auto recorder = create(folder / "h", 1);
  const Request read{Function::read, "k", {}};
  const std::string large(100'000, 'x');
  for (int i = 0; i < 40'000; ++i) {
    recorder->invoke(0, 0, 0, read);
    recorder->complete(0, 0, 0, read, Outcome::ok(i % 1000 == 0 ? Value(large) : Value(i)));
  }
  const History history = recorder->finish();
  CHECK(history.size() == 40'000);
  CHECK(history.values().as_text(history.output()[39'000]).size() == large.size());
  CHECK(history.output()[39'999].small_integer() == 39'999);
}

}  // namespace
}  // namespace faultline
