#include "harness/run/yaml.h"

#include <doctest/doctest.h>

#include "tests/usage_error.h"

using namespace faultline;

namespace {

std::string yaml_error(std::string_view text) { return usage_error(parse_config(text, "a.yaml")); }

bool begins(const std::string& text, std::string_view front) {
  INFO(text);
  return text.substr(0, front.size()) == front;
}

Value value_of(const ConfigNode& node) {
  if (node.kind == ConfigNode::Kind::scalar) return node.scalar;
  if (node.kind == ConfigNode::Kind::sequence) {
    List list;
    for (const ConfigNode& item : node.items) list.push_back(value_of(item));
    return list;
  }
  Map map;
  for (const ConfigNode::Member& member : node.members)
    map.emplace_back(member.key, value_of(member.value));
  return map;
}

}  // namespace

TEST_CASE("yaml: a tree with the place of every key and value") {
  const Result<ConfigNode> root = parse_config(
      "# comment\n"
      "name: etcd\n"
      "target: { name: etcd, nodes: 5 }\n"
      "faults:\n"
      "  - fault: kill\n"
      "    every: 8s\n",
      "a.yaml");
  REQUIRE(root);
  CHECK(root->find("name")->scalar == "etcd");
  CHECK(root->find("name")->where.line == 2);
  CHECK(root->find("name")->where.column == 7);
  const ConfigNode* target = root->find("target");
  REQUIRE(target != nullptr);
  CHECK(target->find("nodes")->scalar == "5");
  CHECK(target->members[1].where.column == 23);
  const ConfigNode& fault = root->find("faults")->items.at(0);
  CHECK(fault.find("every")->scalar == "8s");
  CHECK(fault.members[1].where.line == 6);
  CHECK(fault.members[1].where.column == 5);
  CHECK(root->find("absent") == nullptr);
}

TEST_CASE("yaml: what a reader could misunderstand is refused with its place") {
  CHECK(yaml_error("a: 1\nb: 2\na: 3\n") == "a.yaml:3:1: duplicate key \"a\", first on line 1");
  CHECK(begins(yaml_error("a: &x 1\nb: *x\n"), "a.yaml:1:"));
  CHECK(begins(yaml_error("a: 1\nb: *x\n"), "a.yaml:2:"));
  CHECK(yaml_error("a:\n\tb: 1\n") == "a.yaml:2:1: a tab in the indentation; use spaces");
  CHECK(begins(yaml_error("[a, b]: 1\n"), "a.yaml:1:1: a key must be a word, found a list"));
  CHECK(begins(yaml_error("{a: 1}: 1\n"), "a.yaml:1:1: a key must be a word, found a mapping"));
  CHECK(begins(yaml_error("a: !!int 3\n"), "a.yaml:1:4: tags"));
  CHECK(begins(yaml_error("time:\nseed: 3\n"), "a.yaml:"));
  CHECK(yaml_error("time:\nseed: 3\n").find("expected a value after \"time:\"") !=
        std::string::npos);
  CHECK(begins(yaml_error("a: [1, 2\nb: 3\n"), "a.yaml:"));
  CHECK(yaml_error("b: 1\na: 'open\n") == "a.yaml:2:4: the quote ' is never closed");
  CHECK(yaml_error("a: \"o\\\"pen\n") == "a.yaml:1:4: the quote \" is never closed");
  CHECK(begins(yaml_error(""), "a.yaml:1:1: the configuration is empty"));
  CHECK(begins(yaml_error("# nothing\n"), "a.yaml:1:1: the configuration is empty"));
  CHECK(begins(yaml_error("a: 1\n---\nb: 2\n"), "a.yaml: more than one YAML document"));
  CHECK(begins(yaml_error("- a\n- b\n"), "a.yaml:1:1: expected a mapping"));
  CHECK(begins(yaml_error("just text\n"), "a.yaml:1:1: expected a mapping"));
}

TEST_CASE("yaml: limits") {
  CHECK(begins(yaml_error(std::string(config_bytes_max + 1, 'a')), "a.yaml: larger than"));
  std::string deep = "a: ";
  for (std::size_t i = 0; i < config_depth_max + 1; ++i) deep += '[';
  deep += std::string(config_depth_max + 1, ']');
  CHECK(yaml_error(deep + "\n").find("nested deeper") != std::string::npos);
  std::string very_deep = "a: " + std::string(200'000, '[') + std::string(200'000, ']');
  CHECK(yaml_error(very_deep).find("nested deeper") != std::string::npos);
  std::string many = "a: [";
  for (std::size_t i = 0; i <= config_nodes_max; ++i) many += "1,";
  CHECK(yaml_error(many + "]").find("more than 100000 values") != std::string::npos);
}

TEST_CASE("yaml: --set replaces, adds and points at items of lists") {
  Result<ConfigNode> root = parse_config("target: { nodes: 5 }\nfaults: [{every: 8s}]\n", "a.yaml");
  REQUIRE(root);
  CHECK(set_config(*root, "target.nodes=3"));
  CHECK(root->find("target")->find("nodes")->scalar == "3");
  CHECK(root->find("target")->find("nodes")->where.line == 0);
  CHECK(root->find("target")->find("nodes")->where.file == "--set target.nodes=3");
  CHECK(set_config(*root, "faults.0.every=2s"));
  CHECK(root->find("faults")->items[0].find("every")->scalar == "2s");
  CHECK(set_config(*root, "workload.mix={read: 1, write: 2}"));
  CHECK(root->find("workload")->find("mix")->find("write")->scalar == "2");
  CHECK(set_config(*root, "note=a=b"));
  CHECK(root->find("note")->scalar == "a=b");

  for (const char* bad : {"target.nodes", "=3", "a..b=3", ".a=3", "a.=3", "faults.1.every=2s",
                          "faults.x=1", "note.deeper=1", "a=", "a=[1"}) {
    ConfigNode copy = *root;
    const Status status = set_config(copy, bad);
    INFO(bad);
    REQUIRE_FALSE(status);
    CHECK(begins(status.error().what, std::string("--set ") + bad));
  }
}

TEST_CASE("yaml: what is written is read back") {
  const Map map = {
      {"name", "etcd-register"},
      {"seed", 42},
      {"ratio", 0.1},
      {"keep", true},
      {"nothing", List{}},
      {"none", Map{}},
      {"texts",
       List{"a b", "", "~", "null", "- x", "a: b", "#c", "tab\there", "q\"\\", "é", "<= 10"}},
      {"faults",
       List{Map{{"fault", "kill"}, {"victims", List{"n1", "n2"}}}, Map{{"x", Map{{"y", 1}}}}}},
      {"nested", List{List{1, 2}, List{}, 3}},
  };
  const std::string text = to_yaml(map);
  INFO(text);
  const Result<ConfigNode> root = parse_config(text, "b.yaml");
  REQUIRE_MESSAGE(root, root.error().what);
  const Value back = value_of(*root);
  CHECK(to_yaml(back) == to_yaml(Map{{"name", "etcd-register"},
                                     {"seed", "42"},
                                     {"ratio", "0.1"},
                                     {"keep", "true"},
                                     {"nothing", List{}},
                                     {"none", Map{}},
                                     {"texts", *map[6].second.list()},
                                     {"faults", *map[7].second.list()},
                                     {"nested", List{List{"1", "2"}, List{}, "3"}}}));
  CHECK(root->find("texts")->items[3].scalar == "null");
  CHECK(root->find("texts")->items[7].scalar == "tab\there");
}

TEST_CASE("yaml: keys are looked up, not searched for: this took 18 s") {
  std::string text;
  for (int i = 0; i < 80'000; ++i) text += "key" + std::to_string(i) + ": 1\n";
  const Result<ConfigNode> root = parse_config(text, "a.yaml");
  REQUIRE(root);
  CHECK(root->members.size() == 80'000);
  CHECK(yaml_error(text + "key41: 2\n") ==
        "a.yaml:80001:1: duplicate key \"key41\", first on line 42");
}
