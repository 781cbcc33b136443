// Completions and manual pages as their readers take them: bash, zsh, fish, man and mandoc, each
// where it is installed; a loud skip where not.
#include <filesystem>
#include <fstream>
#include <sstream>

#include <doctest/doctest.h>

#include "harness/os/child.h"
#include "tests/system/fixture.h"

namespace faultline {
namespace {

namespace fs = std::filesystem;

const std::string program = FAULTLINE_BINARY_DIR "/faultline";

ChildResult run(const std::vector<std::string>& argv, const fs::path& errors = {}) {
  ChildOptions options;
  options.argv = argv;
  options.stderr_file = errors;
  auto result = run_child(options);
  REQUIRE_MESSAGE(result, (result ? "" : result.error().what));
  return *std::move(result);
}

/// Where `name` is installed; empty, and said so, if it is not.
std::string installed(const std::string& name) {
  for (const char* folder : {"/usr/bin/", "/bin/", "/usr/local/bin/"})
    if (fs::exists(folder + name)) return folder + name;
  MESSAGE("SKIPPED: ", name, " is not installed");
  return {};
}

struct CompletionScript {
  explicit CompletionScript(const std::string& shell) {
    std::ofstream(path()) << run({program, "completions", shell}).output;
  }
  fs::path path() const { return folder.path() / "script"; }
  system_test::Folder folder;
};

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

TEST_CASE("completions: bash, without the package bash-completion") {
  const std::string bash = installed("bash");
  if (bash.empty()) return;
  const CompletionScript script("bash");
  std::ofstream(script.folder.path() / "a test.yaml") << "";
  // What readline would hand to the function for these words, the last of them unfinished.
  const auto complete = [&](const std::string& words) {
    const std::string text = "source " + script.path().string() +
                             " || exit 9\n"
                             "[[ $(complete -p faultline) == *_faultline* ]] || exit 8\n"
                             "cd " +
                             script.folder.path().string() + "\nCOMP_WORDS=(faultline " + words +
                             ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_faultline\n"
                             "printf '%s\\n' \"${COMPREPLY[@]}\"";
    const ChildResult result =
        run({bash, "--norc", "--noprofile", "-c", text}, script.folder.path() / "stderr");
    CHECK(result.exit_code == 0);
    CHECK(system_test::read_file(script.folder.path() / "stderr").empty());
    return lines_of(result.output);
  };
  using Words = std::vector<std::string>;
  CHECK(complete("ru") == Words{"run"});
  CHECK(complete("run --se") == Words{"--seed", "--set"});
  CHECK(complete("--color never ru") == Words{"run"});
  CHECK(complete("run --color a") == Words{"auto", "always"});
  CHECK(complete("run --color = al") == Words{"always"});
  CHECK(complete("run --color =") == Words{"auto", "always", "never"});
  CHECK(complete("check --checks linearizable,li") ==
        Words{"linearizable,linearizable", "linearizable,list-append"});
  CHECK(complete("check --engine z") == Words{"zones"});
  CHECK(complete("explain stale") == Words{"stale-read"});
  CHECK(complete("list f") == Words{"faults", "formats"});
  CHECK(complete("completions ''") == Words{"bash", "zsh", "fish"});
  CHECK(complete("run a") == Words{"a test.yaml"});
  CHECK(complete("run --seed ''") == Words{""});
  CHECK(complete("doctor ''") == Words{""});
}

TEST_CASE("completions: zsh takes the script") {
  const std::string zsh = installed("zsh");
  if (zsh.empty()) return;
  const CompletionScript script("zsh");
  CHECK(run({zsh, "-f", "-n", script.path().string()}).exit_code == 0);
  const std::string load = "autoload -Uz compinit && compinit -u -D && source " +
                           script.path().string() + " && print ${_comps[faultline]}";
  CHECK(run({zsh, "-f", "-c", load}).output == "_faultline\n");
}

TEST_CASE("completions: fish completes by the script") {
  const std::string fish = installed("fish");
  if (fish.empty()) return;
  const CompletionScript script("fish");
  CHECK(run({fish, "--no-config", "-n", script.path().string()}).exit_code == 0);
  const auto complete = [&](const std::string& line) {
    const std::string text = "source " + script.path().string() + "; complete -C '" + line + "'";
    const ChildResult result = run({fish, "--no-config", "-c", text});
    CHECK(result.exit_code == 0);
    std::vector<std::string> words = lines_of(result.output);
    for (std::string& word : words) word = word.substr(0, word.find('\t'));
    return words;
  };
  using Words = std::vector<std::string>;
  CHECK(complete("faultline ru") == Words{"run"});
  CHECK(complete("faultline run --se") == Words{"--seed", "--set"});
  CHECK(complete("faultline run --color n") == Words{"never"});
  CHECK(complete("faultline explain stale") == Words{"stale-read"});
}

TEST_CASE("manual pages: groff and mandoc have nothing to say against them") {
  const std::string man = installed("man"), mandoc = installed("mandoc");
  system_test::Folder folder;
  REQUIRE(run({program, "man", "--dir", folder.path().string()}).exit_code == 0);
  std::size_t pages = 0;
  for (const auto& page : fs::directory_iterator(folder.path())) {
    CAPTURE(page.path());
    const fs::path errors = folder.path() / "errors";
    if (page.path() == errors) continue;
    ++pages;
    if (!man.empty()) {
      const ChildResult shown = run({man, "--warnings", "-E", "UTF-8", "-l", page.path()}, errors);
      CHECK(shown.exit_code == 0);
      CHECK(shown.output.find("SEE ALSO") != std::string::npos);
      CHECK(system_test::read_file(errors) == "");
    }
    if (!mandoc.empty()) {
      const ChildResult linted = run({mandoc, "-T", "lint", page.path()});
      CHECK_MESSAGE(linted.output == "", linted.output);
      CHECK(linted.exit_code == 0);
    }
  }
  CHECK(pages > 5);
}

}  // namespace
}  // namespace faultline
