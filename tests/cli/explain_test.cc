// What `list` and `explain` must know: whoever adds an anomaly, an exit code, a reason or a
// component without saying what it is fails here.
#include <algorithm>
#include <array>
#include <regex>
#include <set>

#include <doctest/doctest.h>

#include "harness/cli/glossary.h"
#include "harness/cli/manual.h"
#include "harness/core/exit_code.h"
#include "harness/io/json.h"
#include "harness/run/node_journal.h"
#include "tests/cli/command.h"

namespace faultline {
namespace {

namespace fs = std::filesystem;

bool is_explained(std::string_view kind, std::string_view name) {
  for (const Thing& thing : find_things(all_catalogues(), name))
    if (thing.kind == kind && !thing.doc.empty() && !thing.text.empty()) return true;
  return false;
}

/// Every first group of `pattern` in the sources below `folder`.
std::set<std::string> found_in_sources(const fs::path& folder, const std::regex& pattern) {
  std::set<std::string> found;
  for (const auto& file :
       fs::recursive_directory_iterator(fs::path(FAULTLINE_SOURCE_DIR) / folder)) {
    const std::string extension = file.path().extension();
    if (extension != ".cc" && extension != ".h") continue;
    const std::string text = content_of(file.path());
    for (std::sregex_iterator at(text.begin(), text.end(), pattern), end; at != end; ++at)
      found.insert((*at)[1]);
  }
  return found;
}

TEST_CASE("explain: every anomaly that a check can name") {
  std::size_t count = 0;
  for (const CheckerEntry& entry : checkers()) {
    const ConfigNode nothing;
    Params params(nothing, "checker");
    const auto checker = entry.make(params);
    REQUIRE(checker);
    for (const std::string_view anomaly : (*checker)->anomalies()) {
      CHECK_MESSAGE(is_explained("anomaly", anomaly), anomaly);
      ++count;
    }
  }
  CHECK(count >= 6);
  const List died = {Map{{"node", "n1"}, {"event", "died"}, {"time", 1}, {"how", "signal 11"}}};
  for (const auto& [anomaly, n] : check_crash_free(died).anomalies)
    CHECK_MESSAGE(is_explained("anomaly", anomaly), anomaly);
}

TEST_CASE("explain: every exit code in the enumeration") {
  std::set<int> listed;
  for (const ExitCodeEntry& entry : exit_codes()) listed.insert(static_cast<int>(entry.code));
  const std::string header =
      content_of(fs::path(FAULTLINE_SOURCE_DIR) / "harness" / "core" / "exit_code.h");
  const std::string body = header.substr(header.find("enum class ExitCode"));
  const std::regex enumerator("\\w+ = (\\d+),");
  std::set<int> enumerated;
  const std::string list = body.substr(0, body.find("};"));
  for (std::sregex_iterator each(list.begin(), list.end(), enumerator), end; each != end; ++each)
    enumerated.insert(std::stoi((*each)[1]));
  CHECK(enumerated.size() >= 10);
  CHECK(enumerated == listed);
  for (const int code : enumerated) {
    CHECK_MESSAGE(is_explained("exit-code", std::to_string(code)), code);
    CHECK_MESSAGE(is_explained("exit-code", "exit-" + std::to_string(code)), code);
  }
}

TEST_CASE("explain: every verdict and every reason") {
  for (const Validity validity : {Validity::valid, Validity::unknown, Validity::invalid})
    CHECK(is_explained("verdict", name_of(validity)));
  const std::regex reason(
      "(?:reason = |reason\\(\\) const \\{ return stopped_ \\? |give_up\\(|note_unknown\\([^\"]*|"
      "broken_off\\(|doubt\\()\"([a-z-]+)\"");
  std::set<std::string> reasons = found_in_sources("harness", reason);
  reasons.merge(found_in_sources("checkers", reason));
  CHECK(reasons.size() >= 7);
  for (const std::string& each : reasons) CHECK_MESSAGE(is_explained("reason", each), each);
  CHECK(is_explained("reason", "steps"));
}

TEST_CASE("explain: every entry of every catalogue, with its parameters") {
  const Catalogues catalogues = all_catalogues();
  for (const auto& entry : catalogues.targets) CHECK(is_explained("target", entry.name));
  for (const auto& entry : catalogues.workloads) CHECK(is_explained("workload", entry.name));
  for (const auto& entry : catalogues.nemeses) CHECK(is_explained("fault", entry.name));
  for (const auto& entry : catalogues.checkers) CHECK(is_explained("checker", entry.name));
  const Thing refkv = find_things(catalogues, "refkv").at(0);
  CHECK(refkv.text.find("mode: quorum (of quorum, leader, multi, transactions)") !=
        std::string::npos);
  CHECK(find_things(catalogues, "linearizable").size() == 2);
}

TEST_CASE(
    "explain: a parameter without a default is told all the same, and none of packets lacks") {
  const std::string docs = content_of(fs::path(FAULTLINE_SOURCE_DIR) / "docs" / "packets.md");
  // The first table: "| `loss`, `duplicate` | …".
  const std::size_t begin = docs.find("| parameter |");
  const std::string table = docs.substr(begin, docs.find("\n\n", begin) - begin);
  std::set<std::string> documented;
  const std::regex first_column("\n\\| ([^|]*) \\|"), quoted("`([a-z-]+)`");
  for (std::sregex_iterator row(table.begin(), table.end(), first_column), end; row != end; ++row) {
    const std::string names = (*row)[1];
    for (std::sregex_iterator at(names.begin(), names.end(), quoted); at != end; ++at)
      documented.insert((*at)[1]);
  }
  CHECK(documented.size() >= 20);
  // What is read is what is explained: both come from the code.
  const ConfigNode nothing;
  Params params(nothing, "fault");
  REQUIRE((*find_entry(nemeses(), "fault", "packets"))->make(params));
  std::set<std::string> read(params.known().begin(), params.known().end());
  CHECK(read.erase("attest_within") == 1);
  CHECK(read == documented);
  const std::string text = find_things(all_catalogues(), "packets").at(0).text;
  for (const std::string& name : read)
    CHECK_MESSAGE(std::regex_search(text, std::regex("[ ]" + name + "[:,.]")), name);
}

TEST_CASE("explain: short texts of known kinds, each once") {
  const std::vector<std::string> kinds = thing_kinds();
  std::set<std::pair<std::string, std::string>> seen;
  for (const Thing& thing : things(all_catalogues())) {
    CAPTURE(thing.name);
    CHECK(std::ranges::find(kinds, plural_of(thing.kind)) != kinds.end());
    CHECK(seen.emplace(thing.kind, thing.name).second);
    CHECK_FALSE(thing.doc.empty());
    CHECK(thing.doc.back() != '.');
    const std::string text = wrapped(thing.doc, 2, 78) + wrapped(thing.text, 2, 78);
    CHECK(std::ranges::count(text, '\n') <= 15);
  }
  CHECK(seen.size() > 30);
}

TEST_CASE("explain and list: what people and programs read") {
  const Answered stale = faultline_command({"explain", "Stale-Read"});
  CHECK(stale.code == 0);
  CHECK(stale.out.starts_with("stale-read (anomaly)\n  an older value was read"));
  CHECK(faultline_command({"explain", "exit-4"}).out == faultline_command({"explain", "4"}).out);

  const auto document = parse_json(faultline_command({"explain", "kill", "--json"}).out);
  REQUIRE(document);
  CHECK(at(*document, "schema") == "faultline.explain/1");
  CHECK(at(at(*document, "explanations").list()->at(0), "kind") == "fault");

  const Answered wrong = faultline_command({"explain", "stale-raed"});
  CHECK(wrong.code == 64);
  CHECK(wrong.err == "faultline: unknown thing \"stale-raed\", did you mean \"stale-read\"?\n");

  const auto list = parse_json(faultline_command({"list", "--json"}).out);
  REQUIRE(list);
  for (const std::string& kind : thing_kinds()) {
    CHECK_FALSE(at(*list, kind).list()->empty());
    const auto one = parse_json(faultline_command({"list", kind, "--json"}).out);
    REQUIRE(one);
    CHECK(at(*one, kind) == at(*list, kind));
    CHECK(one->map()->size() == 2);
  }
  CHECK(faultline_command({"list", "faults"}).out.find("SIGKILL to every") != std::string::npos);
}

}  // namespace
}  // namespace faultline
