// `faultline check` as its users see it: what is on stdout, and the exit code.
#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "harness/io/json.h"
#include "tests/cli/command.h"

namespace faultline {
namespace {

namespace fs = std::filesystem;

std::string golden(const std::string& name) {
  return (fs::path(FAULTLINE_SOURCE_DIR) / "tests" / "histories" / (name + ".jsonl")).string();
}

using Run = Answered;

Run check(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "check");
  return faultline_command(arguments);
}

std::vector<Value> documents(const std::string& out) {
  std::vector<Value> all;
  std::istringstream lines(out);
  for (std::string line; std::getline(lines, line);) {
    const auto value = parse_json(line);
    REQUIRE_MESSAGE(value, line);
    all.push_back(*value);
  }
  return all;
}

TEST_CASE("check: exit codes, and the worst of several") {
  CHECK(check({golden("key-field.valid")}).code == 0);
  CHECK(check({golden("stale-read.invalid")}).code == 1);
  CHECK(check({golden("nothing-read.unknown")}).code == 3);
  CHECK(check({golden("key-field.valid"), golden("nothing-read.unknown")}).code == 3);
  CHECK(check({golden("stale-read.invalid"), "/nowhere", golden("key-field.valid")}).code == 1);
  CHECK(check({"/nowhere", golden("nothing-read.unknown")}).code == 64);
}

TEST_CASE("check: what people read") {
  const Run valid = check({golden("key-field.valid")});
  CHECK(valid.out.starts_with("VALID " + golden("key-field.valid") +
                              ": 4 operations, linearizable (zones) in 0."));
  CHECK(valid.out.find("reads 2, writes 2") != std::string::npos);
  CHECK(valid.err.empty());

  const Run invalid = check({golden("stale-read.invalid")});
  CHECK(invalid.out.starts_with("INVALID "));
  CHECK(invalid.out.find("3 operations, not linearizable (zones) in ") != std::string::npos);
  CHECK(invalid.out.find("witness: the operations invoked at index ") != std::string::npos);
  CHECK(invalid.out.find('\033') == std::string::npos);

  const Run vacuous = check({golden("nothing-read.unknown")});
  CHECK(vacuous.out.find("UNKNOWN ") == 0);
  CHECK(vacuous.out.find("1 operation, linearizable undecided") != std::string::npos);
  CHECK(vacuous.out.find("vacuous: ") != std::string::npos);

  const Run torn = check({golden("torn-line.valid")});
  CHECK(torn.out.starts_with("VALID "));
  CHECK(torn.err.find("dropped a torn last line") != std::string::npos);
}

TEST_CASE("check --json: one document a line, in the order given, errors among them") {
  const TemporaryFolder folder;
  const std::string broken = (folder / "broken.jsonl").string();
  std::ofstream(broken) << "{\"type\":\"invoke\",\"process\":0,\"f\":\"raed\"}\n";
  const Run run = check({"--json", golden("stale-read.invalid"), broken,
                         golden("nemesis-sparse.valid"), golden("nothing-read.unknown")});
  CHECK(run.code == 1);
  const auto all = documents(run.out);
  REQUIRE(all.size() == 4);
  for (const Value& document : all) CHECK(at(document, "schema") == "faultline.check/1");

  CHECK(at(all[0], "input") == golden("stale-read.invalid"));
  CHECK(at(all[0], "operations") == 3);
  CHECK(at(all[0], "verdict") == "invalid");
  REQUIRE(at(all[0], "checks").list()->size() == 1);
  const Value one = at(all[0], "checks").list()->front();
  CHECK(at(one, "name") == "linearizable");
  CHECK(at(one, "model") == "register");
  CHECK(at(one, "verdict") == "invalid");
  CHECK(at(one, "not") == List{"linearizable"});
  CHECK(at(one, "keys_invalid") == List{"k1"});
  CHECK_FALSE(at(one, "witness").list()->empty());
  CHECK(at(at(one, "counted"), "reads") == 1);
  (void)at(at(all[0], "seconds"), "load");
  (void)at(at(all[0], "seconds"), "check");

  CHECK(at(all[1], "verdict") == "error");
  CHECK(at(at(all[1], "error"), "file") == broken);
  CHECK(at(at(all[1], "error"), "line") == 1);
  CHECK(at(at(all[1], "error"), "column") == 35);
  CHECK(at(at(all[1], "error"), "expected") == "unknown f \"raed\", did you mean \"read\"?");
  CHECK(run.err.find(broken + ":1:35: unknown f") != std::string::npos);

  CHECK(at(all[2], "verdict") == "valid");
  CHECK(at(all[3], "verdict") == "unknown");
  CHECK(at(all[3], "reason") == "vacuous");
}

TEST_CASE("check: a run directory is checked as it was configured, unless told otherwise") {
  const TemporaryFolder folder;
  fs::create_directory(folder / "run");
  std::ofstream(folder / "run" / "history.jsonl")
      << R"({"index":0,"type":"invoke","process":0,"node":"n1","f":"read","key":"k","value":null,"time":1})"
         "\n"
      << R"({"index":1,"type":"ok","process":0,"node":"n1","f":"read","key":"k","value":0,"time":2})"
         "\n";
  const std::string run = (folder / "run").string();
  CHECK(check({run}).code == 1);  // nobody wrote 0
  std::ofstream(folder / "run" / "config.yaml")
      << "checks:\n  - check: linearizable\n    initial: 0\n";
  CHECK(check({run}).code == 0);
  CHECK(check({run, "--initial", "5"}).code == 1);
  CHECK(check({run, "--checks", "linearizable"}).code == 1);
  std::ofstream(folder / "run" / "config.yaml") << "checks: [linearisable]\n";
  const Run unknown = check({run, "--json"});
  CHECK(unknown.code == 64);
  CHECK(at(at(documents(unknown.out).at(0), "error"), "expected")
            .text()
            ->find("did you mean \"linearizable\"") != std::string::npos);
}

TEST_CASE("check: registers of a multi-register begin each with a value of its own") {
  const TemporaryFolder folder;
  const std::string history = (folder / "h.jsonl").string();
  std::ofstream(history)
      << R"({"type":"invoke","process":0,"f":"txn","value":[["r","x",null],["r",7,null],["r","z",null]]})"
         "\n"
      << R"({"type":"ok","process":0,"f":"txn","value":[["r","x",1],["r",7,2],["r","z",null]]})"
         "\n";
  CHECK(check({history, "--initial", "{x: 1, 7: 2}"}).code == 0);
  CHECK(check({history, "--initial", R"({"x": 1, "7": 2})"}).code == 0);
  CHECK(check({history, "--initial", "{x: 1, 7: 3}"}).code == 1);
  CHECK(check({history, "--initial", "{x: 1}"}).code == 1);
  CHECK(check({history, "--initial", "1"}).code == 1);
  CHECK(check({history}).code == 1);
  const Run nested = check({history, "--initial", "{x: [1]}"});
  CHECK(nested.code == 64);
  CHECK(nested.err.find("--initial:1:5: initial: expected one value for x") != std::string::npos);
  CHECK(check({history, "--initial", "{x: 1"}).code == 64);
  std::ofstream(folder / "history.jsonl") << std::ifstream(history).rdbuf();
  std::ofstream(folder / "config.yaml")
      << "checks:\n  - check: linearizable\n    initial: {x: 1, 7: 2}\n";
  CHECK(check({folder.path().string()}).code == 0);
}

TEST_CASE("check: a run in which a store died by itself is not valid, whatever its clients saw") {
  const TemporaryFolder folder;
  fs::copy_file(golden("key-field.valid"), folder / "history.jsonl");
  const std::string run = folder.path().string();
  const std::string started = R"({"node":"n1","event":"started","time":-1.5})";
  std::ofstream(folder / "nodes.jsonl") << started << "\n";
  CHECK(check({run}).code == 0);
  std::ofstream(folder / "nodes.jsonl")
      << started << "\n"
      << R"x({"node":"n1","event":"died","time":3.25,"how":"signal 11 (Segmentation fault)"})x"
      << "\n";
  const Run died = check({run, "--json"});
  CHECK(died.code == 1);
  const Value document = documents(died.out).at(0);
  CHECK(at(document, "verdict") == "invalid");
  REQUIRE(at(document, "checks").list()->size() == 2);
  CHECK(at(at(document, "checks").list()->at(0), "verdict") == "valid");
  CHECK(at(at(document, "checks").list()->at(1), "name") == "crash-free");
  CHECK(check({run, "--checks", "linearizable"}).code == 0);
  std::ofstream(folder / "nodes.jsonl") << "garbage\n";
  CHECK(check({run}).code == 64);
}

TEST_CASE("check: what its run says against a violation is told with it") {
  const TemporaryFolder folder;
  fs::copy_file(golden("stale-read.invalid"), folder / "history.jsonl");
  std::ofstream(folder / "meta.json") << "{}";
  std::ofstream(folder / "results.json")
      << R"({"verdict":"invalid","faults":{"clock":{"doubts":["n1 waits until noon"]}}})";
  const Run run = check({folder.path().string(), "--json"});
  CHECK(run.code == 1);
  const Value document = documents(run.out).at(0);
  const Value* warnings = member_of(document, "warnings");
  REQUIRE(warnings);
  CHECK(*warnings == Value(List{Value("doubt: clock: n1 waits until noon")}));
  CHECK(check({folder.path().string()}).err.find("doubt: clock: n1 waits") != std::string::npos);
}

TEST_CASE("check: a run that did not come to its end is not valid, and may have no event yet") {
  const TemporaryFolder folder;
  const std::string run = folder.path().string();
  std::ofstream(folder / "history.jsonl") << "";
  CHECK(check({run}).code == 64);  // Nobody's: most likely a mistake.
  std::ofstream(folder / "meta.json") << "{}";
  for (const char* events : {"", R"({"index":0,"type":"inv)"}) {
    std::ofstream(folder / "history.jsonl") << events;
    const Run nothing = check({run, "--json"});
    CHECK(nothing.code == 2);
    CHECK(at(documents(nothing.out).at(0), "operations") == Value(0));
    CHECK(at(documents(nothing.out).at(0), "reason") == "incomplete");
  }
  fs::copy_file(golden("key-field.valid"), folder / "history.jsonl",
                fs::copy_options::overwrite_existing);
  const Run prefix = check({run, "--json"});
  CHECK(prefix.code == 2);
  CHECK(at(documents(prefix.out).at(0), "verdict") == "unknown");
  CHECK(check({golden("key-field.valid")}).code == 0);
  std::ofstream(folder / "results.json") << R"({"verdict":"valid","interrupted":false})";
  CHECK(check({run}).code == 0);
  fs::copy_file(golden("stale-read.invalid"), folder / "history.jsonl",
                fs::copy_options::overwrite_existing);
  fs::remove(folder / "results.json");
  CHECK(check({run}).code == 1);  // A proof, however short.
}

TEST_CASE("check: a directory of runs is every run in it, in order, links not followed") {
  const TemporaryFolder folder;
  const std::string campaign = (folder / "campaign").string();
  CHECK(check({folder.path().string()}).code == 64);
  for (const auto& [run, history] :
       {std::pair("b/2", "stale-read.invalid"), std::pair("a/1", "key-field.valid"),
        std::pair("b/1", "nothing-read.unknown")}) {
    fs::create_directories(fs::path(campaign) / run);
    fs::copy_file(golden(history), fs::path(campaign) / run / "history.jsonl");
  }
  fs::create_directory_symlink("2", fs::path(campaign) / "b" / "latest");
  const Run all = check({campaign, "--json", golden("key-field.valid")});
  CHECK(all.code == 1);
  std::vector<std::string> inputs;
  for (const Value& document : documents(all.out)) inputs.push_back(*at(document, "input").text());
  CHECK(inputs == std::vector<std::string>{campaign + "/a/1", campaign + "/b/1", campaign + "/b/2",
                                           golden("key-field.valid")});
  CHECK(documents(check({campaign + "/b/latest", "--json"}).out).size() == 1);

  const Run none = check({campaign + "/a/..", (folder / "nothing").string()});
  CHECK(none.code == 1);
  CHECK(none.err.find("nothing") != std::string::npos);
  fs::create_directory(folder / "empty");
  const Run empty = check({(folder / "empty").string()});
  CHECK(empty.code == 64);
  CHECK(empty.err.find("there is no history.jsonl in it or below it") != std::string::npos);
}

TEST_CASE("check: --quiet leaves the verdict, --verbose adds what was read") {
  const Run quiet = check({"-q", golden("stale-read.invalid")});
  CHECK(std::ranges::count(quiet.out, '\n') == 1);
  CHECK(quiet.out.starts_with("INVALID "));
  const Run torn = check({"--quiet", golden("torn-line.valid")});
  CHECK(torn.err.empty());
  const Run verbose = check({"-v", golden("key-field.valid")});
  CHECK(verbose.err.find("4 operations read in ") != std::string::npos);
  CHECK(check({golden("key-field.valid"), "--color", "always"}).out.starts_with("\033[1;32mVALID"));
}

TEST_CASE("check: a mistake on the command line ends it before any input") {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"--budget", "1x"},
                                                    {"--budget", "0s"},
                                                    {"--budget", ""},
                                                    {"--checks", "linear"},
                                                    {"--engine", "zone"},
                                                    {"--model", "regster"}}) {
    std::vector<std::string> all = arguments;
    all.push_back(golden("key-field.valid"));
    const Run run = check(all);
    CHECK_MESSAGE(run.code == 64, arguments[1]);
    CHECK(run.out.empty());
    CHECK_FALSE(run.err.empty());
  }
  CHECK(check({"--budget", "5s", golden("key-field.valid")}).code == 0);
  CHECK(check({"--budget", "1GiB,5s", golden("key-field.valid")}).code == 0);
}

}  // namespace
}  // namespace faultline
