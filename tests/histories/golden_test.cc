// Every NAME.VERDICT.EXTENSION in this folder, from its bytes to its verdict.
#include <algorithm>
#include <array>
#include <filesystem>
#include <string>

#include <doctest/doctest.h>

#include "checkers/checkers.h"
#include "harness/cli/glossary.h"
#include "harness/io/load.h"
#include "harness/run/judge.h"

namespace faultline {
namespace {

namespace fs = std::filesystem;

TEST_CASE("golden histories: each gets the verdict in its name, from every engine that decides") {
  std::array<int, 3> seen{};
  for (const auto& entry :
       fs::directory_iterator(fs::path(FAULTLINE_SOURCE_DIR) / "tests" / "histories")) {
    if (entry.path().extension() == ".cc" || entry.is_directory()) continue;
    const std::string name = entry.path().filename().string();
    const std::string wanted = entry.path().stem().extension().string().substr(1);
    const auto loaded = load_history(entry.path());
    REQUIRE_MESSAGE(loaded, name);
    // The first part of a name is the format, but of JSON lines.
    if (entry.path().extension() != ".jsonl")
      CHECK_MESSAGE(name.starts_with(loaded->format + "-"), name, " is ", loaded->format);
    CHECK_MESSAGE(loaded->warnings.size() == (name.starts_with("torn") ? 1 : 0), name);
    bool is_register = true;
    for (const char* engine : {"auto", "general", "search"}) {
      if (std::string_view(engine) == "search" && !is_register) continue;
      ConfigNode params;
      params.members.push_back({"engine", {}, ConfigNode::of(engine)});
      // No history says by itself that it is a lease's.
      if (name.starts_with("lease-"))
        params.members.push_back({"model", {}, ConfigNode::of("lease")});
      const auto checker = make_checker(checkers(), "linearizable", params);
      REQUIRE(checker);
      const Verdict verdict = judge(**checker, loaded->history, {}).verdict;
      is_register = verdict.model == "register" || verdict.model == "cas-register";
      CHECK_MESSAGE(name_of(verdict.validity) == wanted, name, " by ", engine, ": ",
                    verdict.summary);
      CHECK_MESSAGE(verdict.witness.empty() == (wanted != "invalid"), name);
      // What is found has a name that the checker says it may give, and so the glossary explains
      // it.
      const auto declared = (*checker)->anomalies();
      for (const auto& [anomaly, count] : verdict.anomalies)
        CHECK_MESSAGE(std::ranges::find(declared, anomaly) != declared.end(), name, ": ", anomaly);
      CHECK_MESSAGE(verdict.anomalies.empty() == (wanted != "invalid"), name);
      for (const auto* models : {&verdict.refuted, &verdict.not_refuted})
        for (const std::string& model : *models)
          CHECK_MESSAGE(!find_things({}, model).empty(), name, ": ", model);
      ++seen[static_cast<std::size_t>(verdict.validity)];
    }
  }
  CHECK(seen[static_cast<std::size_t>(Validity::valid)] >= 50);
  CHECK(seen[static_cast<std::size_t>(Validity::invalid)] >= 50);
  CHECK(seen[static_cast<std::size_t>(Validity::unknown)] >= 8);
}

}  // namespace
}  // namespace faultline
