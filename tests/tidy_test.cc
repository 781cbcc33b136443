// Rules that a machine can check are a test: which room may include which, where third-party
// headers may appear, that every component has its line and its test, and the lengths that keep
// rooms small.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace {

namespace fs = std::filesystem;
using Strings = std::vector<std::string>;

const fs::path root = FAULTLINE_SOURCE_DIR;

Strings lines_of(const fs::path& path) {
  std::ifstream in(path);
  Strings lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// Every C++ source below the folders of the project, relative to the root.
Strings sources() {
  Strings found;
  for (const char* folder :
       {"harness", "checkers", "nemesis", "workloads", "targets", "tests", "bench"}) {
    if (!fs::exists(root / folder)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      const std::string extension = entry.path().extension();
      if (extension == ".cc" || extension == ".h" || extension == ".def")
        found.push_back(fs::relative(entry.path(), root));
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

/// "harness/io/load.cc" → "io"; "checkers/x/y.h" → "checkers"; "harness/main.cc" → "main".
std::string room_of(const std::string& path) {
  if (path.rfind("targets/refkv/", 0) == 0) return "refkv";
  if (path.rfind("harness/", 0) != 0) return path.substr(0, path.find('/'));
  const std::string rest = path.substr(8);
  return rest == "main.cc" ? "main" : rest.substr(0, rest.find('/'));
}

const std::map<std::string, std::set<std::string>> arrows = {
    {"core", {}},
    {"io", {"core"}},
    {"checkers", {"core"}},
    {"workloads", {"checkers", "core"}},
    {"os", {"core"}},
    {"targets", {"os", "core"}},
    {"refkv", {}},  // the store under test shares no code with what judges it
    {"nemesis", {"os", "core"}},
    {"run", {"os", "io", "core"}},
    {"campaign", {"run", "os", "io", "core"}},
    {"cli", {"campaign", "run", "os", "io", "core"}},
};

/// Third-party headers by prefix, and the rooms where they may appear (in .cc files only).
const std::map<std::string, std::set<std::string>> third_party = {
    {"boost/unordered", {"checkers", "io"}},
    {"cadical", {"checkers"}},
    {"boost/process", {"os"}},
    {"boost/asio", {"refkv", "os"}},
    {"boost/beast", {"refkv"}},
    {"httplib", {"refkv"}},
    {"curl/", {"os"}},
    {"libmnl", {"os"}},
    {"libpq", {"targets"}},
    {"simdjson", {"io"}},
    {"zlib", {"io"}},
    {"zstd", {"io"}},
    {"re2/", {"run"}},
    {"nlohmann", {"io", "cli", "targets", "refkv"}},
    {"yaml-cpp", {"run"}},
    {"pugixml", {"campaign"}},
    {"spdlog", {"run"}},
    {"CLI/", {"cli", "main"}},
};

const std::regex own_include("^#include \"([^\"]+)\"");
const std::regex system_include("^#include <([^>]+)>");

}  // namespace

TEST_CASE("tidy: a room includes only what an arrow allows") {
  for (const std::string& path : sources()) {
    const std::string room = room_of(path);
    const auto allowed = arrows.find(room);
    if (allowed == arrows.end()) continue;  // main, tests and bench may include everything
    for (const std::string& line : lines_of(root / path)) {
      std::smatch match;
      if (!std::regex_search(line, match, own_include)) continue;
      const std::string other = room_of(match[1]);
      CAPTURE(path);
      CAPTURE(line);
      CHECK_MESSAGE((other == room || allowed->second.contains(other)), room, " may not include ",
                    other);
      CHECK_MESSAGE(fs::exists(root / match[1].str()), "includes are written from the root");
    }
  }
}

TEST_CASE("tidy: third-party headers stay in their room, and out of our headers") {
  for (const std::string& path : sources()) {
    const std::string room = room_of(path);
    if (room == "tests" || room == "bench") continue;
    for (const std::string& line : lines_of(root / path)) {
      std::smatch match;
      if (!std::regex_search(line, match, system_include)) continue;
      for (const auto& [prefix, rooms] : third_party) {
        if (match[1].str().rfind(prefix, 0) != 0) continue;
        CAPTURE(path);
        CAPTURE(line);
        CHECK(rooms.contains(room));
        // The flat hash map is light enough for an engine's inner header.
        if (prefix != "boost/unordered" && room != "refkv") CHECK(path.ends_with(".cc"));
      }
    }
  }
}

TEST_CASE("tidy: every component has one line, one file and one test") {
  const std::regex entry("^[A-Z]+\\((\\w+), \"(.+)\"\\)$");
  for (const std::string folder : {"checkers", "nemesis", "workloads", "targets"}) {
    std::set<std::string> names;
    for (const std::string& line : lines_of(root / folder / "list.def")) {
      std::smatch match;
      if (line.empty() || line.rfind("//", 0) == 0) continue;
      CAPTURE(folder);
      CAPTURE(line);
      REQUIRE(std::regex_match(line, match, entry));
      const std::string name = match[1];
      names.insert(name);
      CHECK(fs::exists(root / folder / (name + ".cc")));
      CHECK(fs::exists(root / "tests" / folder / (name + "_test.cc")));
    }
    CHECK_FALSE(names.empty());
    for (const auto& file : fs::directory_iterator(root / folder)) {
      const std::string stem = file.path().stem();
      if (file.path().extension() != ".cc") continue;
      bool makes = false;
      for (const std::string& line : lines_of(file.path()))
        makes = makes || line.find(" make_" + stem + "(") != std::string::npos;
      CAPTURE(file.path());
      if (makes) CHECK(names.contains(stem));
    }
  }
}

TEST_CASE("tidy: lines fit in 100 columns, functions in 70 lines") {
  for (const std::string& path : sources()) {
    const Strings lines = lines_of(root / path);
    std::size_t opened = 0;
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const std::string& line = lines[i];
      CAPTURE(path);
      CAPTURE(i + 1);
      // A catalogue's line holds one sentence, and a test's may hold a line of a history or of a
      // reply, however long; bytes of UTF-8 are not columns.
      const auto columns = std::count_if(line.begin(), line.end(),
                                         [](unsigned char c) { return (c & 0xc0) != 0x80; });
      if (!path.ends_with(".def") && room_of(path) != "tests") CHECK(columns <= 100);
      const bool starts_at_margin = !line.empty() && line[0] != ' ' && line[0] != '}';
      const bool opens = starts_at_margin && line.ends_with("{") && line.find('(') != line.npos;
      if (opens && line.find("TEST_CASE") == line.npos) opened = i + 1;
      if (line == "}" && opened != 0) {
        CHECK_MESSAGE(i + 1 - opened <= 70, "a function of ", i + 1 - opened, " lines");
        opened = 0;
      }
    }
  }
}

TEST_CASE("tidy: a configuration begins with the question it asks") {
  for (const char* folder : {"configs", "tests/e2e"}) {
    REQUIRE(fs::exists(root / folder));
    std::size_t count = 0;
    for (const auto& file : fs::directory_iterator(root / folder)) {
      if (file.path().extension() != ".yaml") continue;
      ++count;
      const Strings lines = lines_of(file.path());
      CAPTURE(file.path());
      REQUIRE_FALSE(lines.empty());
      CHECK(lines[0].rfind("# ", 0) == 0);
      CHECK(lines[0].size() > 12);
    }
    CHECK(count > 0);
  }
}

TEST_CASE("tidy: the program in docs/library.md is the one that is built") {
  const Strings page = lines_of(root / "docs/library.md");
  for (const char* file : {"CMakeLists.txt", "main.cc"}) {
    const std::string name = std::string("examples/check_history/") + file;
    CAPTURE(name);
    const auto named = std::find(page.begin(), page.end(), "`" + name + "`:");
    const auto opened = std::find_if(
        named, page.end(), [](const std::string& line) { return line.starts_with("```"); });
    REQUIRE(opened != page.end());
    const auto closed = std::find(opened + 1, page.end(), "```");
    REQUIRE(closed != page.end());
    CHECK(Strings(opened + 1, closed) == lines_of(root / name));
  }
}
