// The command line as a whole: wrong ones get one sentence and exit code 64; help, manual and
// completions know every option there is.
#include "harness/cli/command_line.h"

#include <algorithm>
#include <fstream>

#include <CLI/CLI.hpp>
#include <doctest/doctest.h>

#include "harness/cli/man_page.h"
#include "harness/cli/shell_scripts.h"
#include "harness/io/json.h"
#include "tests/cli/command.h"

namespace faultline {
namespace {

const Catalogues shipped = all_catalogues();

Manual manual() {
  Invocation invocation{shipped, {}, {}};
  return describe(*make_parser(invocation));
}

struct Wrong {
  std::string line, sentence;
};

TEST_CASE("command line: what is wrong is said in one sentence, with the nearest that is right") {
  const std::vector<Wrong> all = {
      {"", "a command is missing"},
      {"rnu", "unknown command \"rnu\", did you mean \"run\"?"},
      {"chekc x.jsonl --json", "unknown command \"chekc\", did you mean \"check\"?"},
      {"frobnicate", "unknown command \"frobnicate\"; there is run, "},
      {"--jsn list", "unknown option \"--jsn\" of faultline"},
      {"--colour never list",
       "unknown option \"--colour\" of faultline, did you mean \"--color\"?"},
      {"run", "CONFIG is missing, what to test, YAML; usage: faultline run [OPTIONS] CONFIG"},
      {"run --sede 5 a.yaml",
       "unknown option \"--sede\" of faultline run, did you mean \"--seed\"?"},
      {"run --sede", "unknown option \"--sede\" of faultline run, did you mean \"--seed\"?"},
      {"run -seed 5 a.yaml", "did you mean \"--seed\"?"},
      {"run a.yaml --sede=5", "unknown option \"--sede\" of faultline run"},
      {"run a.yaml --model register",
       "unknown option \"--model\" of faultline run; it is one of faultline check"},
      {"run a.yaml --frobnicate", "; faultline run --help lists what there is"},
      {"run a.yaml -x", "unknown option \"-x\" of faultline run"},
      {"run a.yaml --seed", "--seed: a value is missing: N, of everything that is drawn"},
      {"run a.yaml --seed abc",
       "--seed: expected a number from 0 to 9223372036854775807, found \"abc\""},
      {"run a.yaml --seed 1 --seed 2", "--seed: given more than once"},
      {"run a.yaml --seed -5", "--seed: expected a number from 0 to "},
      {"run a.yaml b.yaml", "unexpected argument \"b.yaml\"; usage: faultline run"},
      {"run /nowhere/a.yaml", "/nowhere/a.yaml: cannot be read"},
      {"run a.yaml --color purple",
       "--color: unknown value \"purple\"; there is auto, always, never"},
      {"run a.yaml --log-format jsno", "did you mean \"json\"?"},
      {"campaign", "CONFIG"},
      {"campaign /nowhere.yaml", "/nowhere.yaml: cannot be read"},
      {"check", "PATH is missing"},
      {"check --checks linearisable x.jsonl",
       "unknown checker \"linearisable\", did you mean \"linearizable\"?"},
      {"check --engine zone x.jsonl",
       "--engine: engine: unknown value \"zone\", did you mean \"zones\"?"},
      {"check --model cas x.jsonl", "--model"},
      {"check --budget 1parsec x.jsonl", "--budget: expected a time, a size or both"},
      {"check /nowhere.jsonl", "/nowhere.jsonl"},
      {"list falts", "unknown kind \"falts\", did you mean \"faults\"?"},
      {"list faults targets",
       "unexpected argument \"targets\"; usage: faultline list [OPTIONS] [KIND]"},
      {"explain", "THING is missing"},
      {"explain run", "unknown thing \"run\""},
      {"explain lost-wirte", "did you mean \"lost-write\"?"},
      {"completions", "bash|zsh|fish is missing"},
      {"completions fihs", "unknown shell \"fihs\", did you mean \"fish\"?"},
      {"man rum", "unknown command \"rum\", did you mean \"run\"?"},
      {"man run --dir /tmp", "exclude each other"},
      {"doctor please", "unexpected argument \"please\"; usage: faultline doctor [OPTIONS]"},
  };
  for (const auto& [line, sentence] : all) {
    CAPTURE(line);
    const Answered answered = faultline_command(words_of(line));
    CHECK(answered.code == 64);
    CHECK(answered.out.empty());
    CHECK(answered.err.starts_with("faultline: "));
    CHECK(std::ranges::count(answered.err, '\n') == 1);
    CHECK_MESSAGE(answered.err.find(sentence) != std::string::npos, answered.err);
  }
}

TEST_CASE("command line: keys of --set have their nearest too") {
  const TemporaryFolder folder;
  const std::string config = (folder / "a.yaml").string();
  std::ofstream(config) << "target: { name: refkv }\nworkload: { name: register }\n"
                           "faults: [{ fault: kill }]\n";
  const std::vector<Wrong> all = {
      {"target.nods=3", "did you mean \"nodes\"?"},
      {"tiem=5s", "did you mean \"time\"?"},
      {"target.mode=qurom", "did you mean \"quorum\"?"},
      {"faults.0.evry=5s", "did you mean \"every\"?"},
      {"faults.1.every=5s", "\"1\" is no item of a list of 1"},
      {"target.name=redis", "unknown target \"redis\""},
      {"workload.mix={cas: 1}",
       "asks for cas, which target refkv (mode: quorum, bug: none, ack: majority, "
       "isolation: serializable, reads: leader) does not understand; it understands: read, write"},
      {"workload.roles=[{mix: {cas: 1}}]", "asks for cas, which target refkv (mode: quorum"},
      {"target", "expected PATH=VALUE, as in target.nodes=3"},
  };
  for (const auto& [setting, sentence] : all) {
    const Answered answered = faultline_command({"run", config, "--set", setting});
    CAPTURE(setting);
    CHECK(answered.code == 64);
    CHECK_MESSAGE(answered.err.find(sentence) != std::string::npos, answered.err);
    CHECK_MESSAGE(answered.err.find("--set " + setting) != std::string::npos, answered.err);
    CHECK(std::ranges::count(answered.err, '\n') == 1);
  }
}

TEST_CASE("command line: help of the whole and of every command, and the version") {
  const Answered all = faultline_command({"--help"});
  CHECK(all.code == 0);
  CHECK(all.err.empty());
  for (const Command& command : commands()) {
    CHECK(all.out.find("\n  " + std::string(command.name) + " ") != std::string::npos);
    const Answered one = faultline_command({std::string(command.name), "-h"});
    CHECK(one.code == 0);
    CHECK(one.out.starts_with("Usage: faultline " + std::string(command.name) + " "));
    for (const char* option : {"--quiet", "--verbose", "--color auto|always|never", "--log-format"})
      CHECK_MESSAGE(one.out.find(option) != std::string::npos, command.name, " ", option);
  }
  CHECK(faultline_command({"--version"}).out.starts_with("faultline"));
}

TEST_CASE("command line: common options stand before or after the command") {
  CHECK(faultline_command({"--log-format", "json", "list", "falts"}).err.starts_with("{\"time\":"));
  const Answered answered = faultline_command({"list", "falts", "--log-format", "json"});
  const auto line = parse_json(answered.err);
  REQUIRE_MESSAGE(line, answered.err);
  std::vector<std::string> keys;
  for (const auto& [key, value] : *line->map()) keys.push_back(key);
  CHECK(keys == std::vector<std::string>{"time", "level", "event", "message", "fields"});
  CHECK(faultline_command({"run", "--log-format=json", "--sede"}).err.starts_with("{\"time\":"));
}

TEST_CASE("manual: every option says what its value is, so that it can be completed") {
  for (const CommandInfo& command : manual().commands)
    for (const auto* list : {&command.arguments, &command.options})
      for (const OptionInfo& option : *list) {
        CAPTURE(command.name);
        CAPTURE(names_of(option));
        CHECK_MESSAGE(
            is_known_metavar(option.metavar),
            "give it ->type_name(…): a word of harness/cli/manual.cc, or its values with | "
            "between them");
        CHECK_FALSE(option.doc.empty());
      }
}

TEST_CASE("manual: every example is a command line that fits") {
  std::size_t count = 0;
  std::vector<std::string> names = {""};
  for (const CommandInfo& command : manual().commands) names.push_back(command.name);
  for (const std::string& name : names)
    for (const Paragraph& example : example_paragraphs(name)) {
      const std::string line(example.term);
      CAPTURE(line);
      Invocation invocation{shipped, words_of(line.substr(0, line.find_first_of("|>"))), {}};
      const auto parser = make_parser(invocation);
      std::vector<const char*> argv;
      for (const std::string& word : invocation.argv) argv.push_back(word.c_str());
      CHECK_NOTHROW(parser->parse(static_cast<int>(argv.size()), argv.data()));
      CHECK((name.empty() || invocation.argv.at(1) == name));
      ++count;
    }
  console() = {};
  CHECK(count >= 12);
}

TEST_CASE("manual: docs/cli.md is the one that faultline man --markdown prints") {
  const std::string page =
      content_of(std::filesystem::path(FAULTLINE_SOURCE_DIR) / "docs" / "cli.md");
  CHECK_MESSAGE(page == faultline_command({"man", "--markdown"}).out,
                "write it anew: build/release/faultline man --markdown > docs/cli.md");
}

TEST_CASE("manual: a page for the program and for every command") {
  const TemporaryFolder folder;
  CHECK(faultline_command({"man", "--dir", (folder / "man1").string()}).code == 0);
  const Manual all = manual();
  for (const CommandInfo& command : all.commands) {
    const std::string page = content_of(folder / ("man1/" + man_page_name(command)));
    CAPTURE(command.name);
    CHECK(page == faultline_command({"man", command.name}).out);
    for (const char* section :
         {"NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "ENVIRONMENT", "SEE ALSO"})
      CHECK_MESSAGE(page.find(".SH " + std::string(section) + "\n") != std::string::npos, section);
    CHECK(std::ranges::all_of(page, [](char c) { return static_cast<unsigned char>(c) < 0x80; }));
  }
  CHECK(content_of(folder / "man1/faultline.1") == faultline_command({"man"}).out);
}

TEST_CASE("completions: every command and long option is in every script") {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const Answered script = faultline_command({"completions", shell});
    CHECK(script.code == 0);
    for (const CommandInfo& command : manual().commands) {
      CHECK(script.out.find(command.name) != std::string::npos);
      for (const OptionInfo& option : command.options) {
        const bool fish = std::string(shell) == "fish";
        const std::string written = fish ? " -l " + option.long_name.substr(std::min<std::size_t>(
                                                        2, option.long_name.size()))
                                         : option.long_name;
        CHECK_MESSAGE(script.out.find(written) != std::string::npos, shell, ": ", written);
      }
    }
    for (const char* word : {"linearizable", "stale-read", "refkv", "always"})
      CHECK_MESSAGE(script.out.find(word) != std::string::npos, shell, ": ", word);
  }
}

}  // namespace
}  // namespace faultline
