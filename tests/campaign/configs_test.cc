// Every configuration that we ship says what it asks, can be planned, and is run by somebody.
#include <algorithm>
#include <fstream>
#include <set>

#include <doctest/doctest.h>

#include "checkers/checkers.h"
#include "harness/campaign/campaign.h"
#include "harness/run/plan.h"
#include "harness/run/yaml.h"
#include "nemesis/nemeses.h"
#include "targets/targets.h"
#include "workloads/workloads.h"

namespace faultline {
namespace {

const std::filesystem::path source = FAULTLINE_SOURCE_DIR;

std::vector<std::filesystem::path> configs() {
  std::vector<std::filesystem::path> found;
  for (const auto& folder : {source / "configs", source / "tests" / "e2e"})
    for (const auto& entry : std::filesystem::directory_iterator(folder))
      if (entry.path().extension() == ".yaml") found.push_back(entry.path());
  return found;
}

/// The comment at the top, as one line.
std::string question(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string text, line;
  while (std::getline(file, line) && line.starts_with("# ")) text += line.substr(1);
  return text;
}

TEST_CASE("configs: a fault on packets has the switch, unless the configuration says otherwise") {
  const Catalogues catalogues{checkers(), nemeses(), workloads(), targets()};
  const auto links_of = [&](const std::string& more) {
    const auto root =
        parse_config("target: { name: refkv }\nworkload: { name: register }\n" + more, "a.yaml");
    REQUIRE(root);
    const auto plan = make_plan(*root, catalogues, {"name", 1});
    REQUIRE_MESSAGE(plan, (plan ? "" : plan.error().what));
    const auto told = std::ranges::find(plan->resolved, "links", &Map::value_type::first);
    REQUIRE(told != plan->resolved.end());
    CHECK(*told->second.text() ==
          links_lever_names()[static_cast<std::size_t>(plan->network.links)]);
    return *told->second.text();
  };
  CHECK(links_of("") == "bridge");
  CHECK(links_of("faults: [{ fault: kill }]\n") == "bridge");
  CHECK(links_of("faults: [{ fault: kill }, { fault: packets }]\n") == "switch");
  CHECK(links_of("links: bridge\nfaults: [{ fault: packets }]\n") == "bridge");
  CHECK(links_of("links: switch\n") == "switch");
}

TEST_CASE("configs: clients' clocks cannot be skewed, and who asks for it is told") {
  const Catalogues catalogues{checkers(), nemeses(), workloads(), targets()};
  const auto refused = [&](const std::string& fault, const std::string& victims) {
    const auto root = parse_config(
        "target: { name: refkv }\nworkload: { name: register }\nclients: separate\n"
        "faults: [{ fault: " +
            fault + ", victims: " + victims + " }]\n",
        "a.yaml");
    REQUIRE(root);
    const auto plan = make_plan(*root, catalogues, {"name", 1});
    REQUIRE_FALSE(plan);
    CHECK(plan.error().kind == ErrorKind::usage);
    return plan.error().what;
  };
  for (const std::string victims : {"c1", "clients", "[n1, c2]"}) {
    CAPTURE(victims);
    CHECK(refused("clock", victims).find("clients' clocks cannot be skewed") != std::string::npos);
    CHECK(refused("kill", victims).find("this fault strikes nodes") != std::string::npos);
  }
  CHECK(refused("clock", "c1").starts_with("a.yaml:4:35: victims: unknown victim \"c1\": "));
  CHECK(refused("client-stall", "n1").find("c1") != std::string::npos);
}

TEST_CASE("configs: every one asks a question, and makes a plan or a campaign") {
  const Catalogues catalogues{checkers(), nemeses(), workloads(), targets()};
  const auto found = configs();
  CHECK(found.size() > 10);
  std::set<std::string> used, tests;
  for (const auto& path : found) {
    CAPTURE(path.string());
    CHECK(question(path).find('?') != std::string::npos);
    const auto root = load_config(path);
    REQUIRE_MESSAGE(root, (root ? "" : root.error().what));
    if (root->find("tests") != nullptr) {
      const auto campaign = make_campaign(*root, path.parent_path(), "stem");
      REQUIRE_MESSAGE(campaign, (campaign ? "" : campaign.error().what));
      CHECK(campaign->name == path.stem().string());
      for (const CampaignTest& test : campaign->tests) {
        used.insert(std::filesystem::weakly_canonical(test.config).string());
        auto config = load_config(test.config);
        REQUIRE(config);
        for (const std::string& setting : test.settings) REQUIRE(set_config(*config, setting));
        const auto plan = make_plan(*config, catalogues, {"name", 1});
        REQUIRE_MESSAGE(plan, (plan ? "" : plan.error().what));
      }
    } else {
      tests.insert(std::filesystem::weakly_canonical(path).string());
      const auto plan = make_plan(*root, catalogues, {"name", 1});
      REQUIRE_MESSAGE(plan, (plan ? "" : plan.error().what));
      CHECK(plan->name == path.stem().string());
      CHECK(plan->expect.has_value());
    }
  }
  // What no campaign runs would rot; the real stores are run by name.
  for (const std::string& test : tests) {
    CAPTURE(test);
    CHECK((used.contains(test) || test.find("/refkv") == std::string::npos));
  }
}

TEST_CASE(
    "configs: a workload's checks are asked for its model, unless the configuration says more") {
  const Catalogues catalogues{checkers(), nemeses(), workloads(), targets()};
  const auto checks_of = [&](const char* workload, const char* checks) {
    const std::string text =
        "name: t\ntarget: { name: refkv, mode: transactions }\ntime: 1s\nworkload: { name: " +
        std::string(workload) + " }\n" + checks;
    const auto config = parse_config(text, "t.yaml");
    REQUIRE(config);
    const auto plan = make_plan(*config, catalogues, {"t", 1});
    REQUIRE_MESSAGE(plan, (plan ? "" : plan.error().what));
    for (const auto& [key, value] : plan->resolved)
      if (key == "checks") return to_text(value);
    return std::string();
  };
  const auto has = [](const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
  };
  CHECK(has(checks_of("write-skew", ""), "rw-register"));
  CHECK(has(checks_of("write-skew", ""), "\"serializable\""));
  CHECK(has(checks_of("sequential", ""), "\"strong-session-serializable\""));
  CHECK(has(checks_of("write-skew", "checks: [rw-register]"), "\"strict-serializable\""));
  CHECK(has(checks_of("rw-register", ""), "\"strict-serializable\""));
}

}  // namespace
}  // namespace faultline
