#include "harness/core/params.h"

#include <algorithm>
#include <array>

#include <doctest/doctest.h>

#include "harness/core/catalogue.h"
#include "harness/core/exit_code.h"

namespace faultline {
namespace {

using namespace std::chrono_literals;

ConfigNode mapping(std::initializer_list<std::pair<std::string, std::string>> members) {
  ConfigNode node;
  node.where = {"c.yaml", 1, 1};
  std::uint32_t line = 2;
  for (const auto& [key, value] : members) {
    ConfigNode scalar = ConfigNode::of(value);
    scalar.where = {"c.yaml", line, 20};
    node.members.push_back({key, {"c.yaml", line++, 3}, scalar});
  }
  return node;
}

TEST_CASE("params: values, defaults, and what was resolved") {
  const ConfigNode node = mapping({{"keys", "20"},
                                   {"every", "8s"},
                                   {"rate", "2000/s"},
                                   {"keep", "true"},
                                   {"share", "0.5"},
                                   {"kind", "ring"},
                                   {"victims", "n1"}});
  Params params(node, "thing");
  CHECK(params.integer("keys", 1, 1, 100) == 20);
  CHECK(params.integer("other", 7, 1, 100) == 7);
  CHECK(params.duration("every", 1s) == 8s);
  CHECK(params.duration("for", 1500ms) == 1500ms);
  CHECK(params.rate("rate", 0) == 2000);
  CHECK(params.boolean("keep", false));
  CHECK(params.real("share", 0, 0, 1) == 0.5);
  constexpr auto kinds = std::to_array<std::string_view>({"ring", "halves"});
  CHECK(params.choice("kind", "halves", kinds) == "ring");
  CHECK(params.texts("victims", {}) == std::vector<std::string>{"n1"});
  CHECK(params.text("name", "x") == "x");
  CHECK(params.finish());
  CHECK(
      to_text(Value(params.resolved())) ==
      R"({"keys": 20, "other": 7, "every": "8s", "for": "1500ms", "rate": "2000/s", "keep": true, )"
      R"("share": 0.5, "kind": "ring", "victims": ["n1"], "name": "x"})");
}

TEST_CASE("params: the first mistake is reported, with its place") {
  const auto mistake = [](const ConfigNode& node, auto read) {
    Params params(node, "thing");
    read(params);
    const Status status = params.finish();
    REQUIRE_FALSE(status);
    CHECK(status.error().kind == ErrorKind::usage);
    return status.error().what;
  };
  constexpr auto kinds = std::to_array<std::string_view>({"ring", "halves"});
  CHECK(mistake(mapping({{"keys", "0"}}), [](Params& p) { p.integer("keys", 1, 1, 9); }) ==
        "c.yaml:2:20: keys: expected an integer from 1 to 9, found \"0\"");
  CHECK(mistake(mapping({{"keys", "1x"}}), [](Params& p) {
          p.integer("keys", 1, 1, 9);
        }).find("1x") != std::string::npos);
  CHECK(mistake(mapping({{"d", "8"}}), [](Params& p) {
          p.duration("d", 1s);
        }).starts_with("c.yaml:2:20: d: expected a duration"));
  CHECK(mistake(mapping({{"r", "fast"}}), [](Params& p) {
          p.rate("r", 1);
        }).find("expected a rate") != std::string::npos);
  CHECK(mistake(mapping({{"b", "yes"}}), [](Params& p) {
          p.boolean("b", true);
        }).find("true or false") != std::string::npos);
  CHECK(mistake(mapping({{"x", "nan"}}), [](Params& p) {
          p.real("x", 1, 0, 2);
        }).find("expected a number") != std::string::npos);
  CHECK(mistake(mapping({{"k", "rnig"}}), [&](Params& p) {
          p.choice("k", "ring", kinds);
        }).find("did you mean \"ring\"?") != std::string::npos);
  CHECK(mistake(mapping({}), [](Params& p) { p.required_text("name"); }) ==
        "c.yaml:1:1: thing: \"name\" is missing");
  CHECK(mistake(mapping({{"kesy", "1"}}), [](Params& p) { p.integer("keys", 1, 1, 9); }) ==
        "c.yaml:2:3: thing: unknown key \"kesy\", did you mean \"keys\"?");
  // The first in the order of reading, not of the file.
  CHECK(mistake(mapping({{"a", "x"}, {"b", "x"}}), [](Params& p) {
          p.integer("b", 1, 1, 9);
          p.integer("a", 1, 1, 9);
        }).starts_with("c.yaml:3:20: b: "));
  ConfigNode list;
  list.kind = ConfigNode::Kind::sequence;
  list.where = {"c.yaml", 4, 5};
  CHECK(mistake(list, [](Params&) {}) ==
        "c.yaml:4:5: thing: expected a mapping like { key: value }");
}

TEST_CASE("params: a place on the command line has no line") {
  CHECK(error_at({"--seed", 0, 0}, "bad").what == "--seed: bad");
  CHECK(error_at({}, "bad").what == "bad");
  CHECK(error_at({"f", 3, 4}, "bad").what == "f:3:4: bad");
}

TEST_CASE("exit codes: the most severe of several wins") {
  // From the gravest to none, as the architecture has it.
  constexpr std::array order = {1, 70, 64, 69, 5, 4, 130, 2, 3, 0};
  for (std::size_t i = 0; i < order.size(); ++i)
    for (std::size_t j = 0; j < order.size(); ++j) {
      const ExitCode worst =
          worse(static_cast<ExitCode>(order[i]), static_cast<ExitCode>(order[j]));
      CHECK(static_cast<int>(worst) == order[std::min(i, j)]);
    }
  CHECK(exit_code_of(Error{"", ErrorKind::other}) == ExitCode::internal);
  CHECK(exit_code_of(Error{"", ErrorKind::usage}) == ExitCode::usage);
  CHECK(exit_code_of(Error{"", ErrorKind::capability}) == ExitCode::capability);
  CHECK(exit_code_of(Error{"", ErrorKind::target}) == ExitCode::target_down);
}

TEST_CASE("catalogue: entries by name, else the nearest or all there are") {
  static constexpr std::array entries = {CheckerEntry{"linearizable", "", nullptr},
                                         CheckerEntry{"queue", "", nullptr}};
  const std::span<const CheckerEntry> all = entries;
  const auto found = find_entry(all, "checker", "queue");
  REQUIRE(found);
  CHECK(*found == &entries[1]);
  const auto near = find_entry(all, "checker", "linearisable");
  REQUIRE_FALSE(near);
  CHECK(near.error().what == "unknown checker \"linearisable\", did you mean \"linearizable\"?");
  const auto far = find_entry(all, "checker", "x");
  REQUIRE_FALSE(far);
  CHECK(far.error().what == "unknown checker \"x\"; there is linearizable, queue");
  CHECK(far.error().kind == ErrorKind::usage);
}

}  // namespace
}  // namespace faultline
