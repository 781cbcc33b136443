// Transactions that append to lists: what is found in small histories, how it is told, and what of
// it holds of which model. The engine against brute force: tests/oracle/list_append_test.cc.
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "checkers/transactional/isolation.h"
#include "harness/io/json.h"
#include "tests/checkers/list_micro.h"

namespace faultline::list_append {
namespace {

using Anomalies = std::vector<std::pair<std::string, std::uint64_t>>;

using list_scripts::append;
using list_scripts::read;
using list_scripts::Script;

bool contains_in(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("list-append: what is as it must be") {
  const Verdict v = Script()
                        .both(0, {append(1, 1)})
                        .both(1, {read(1, {1}), append(1, 2), read(1, {1, 2})})
                        .both(0, {append(1, 3)}, Fate::fail)
                        .both(2, {read(1, {1, 2}), read(2, {})})
                        .check();
  CHECK(v.validity == Validity::valid);
  CHECK(v.refuted.empty());
  CHECK(v.not_refuted == std::vector<std::string>{"strict-serializable"});
  CHECK(v.counted ==
        Anomalies{{"transactions", 4}, {"appends", 3}, {"reads", 4}, {"keys", 2}, {"edges", 3}});
}

TEST_CASE("list-append: write skew is told, and what it rules out") {
  Script script;
  script.together({read(1, {}), append(2, 1)}, {read(2, {}), append(1, 1)});
  script.both(0, {read(1, {1}), read(2, {1})});
  const Verdict v = script.check();
  CHECK(v.validity == Validity::invalid);
  CHECK(v.anomalies == Anomalies{{"G2-item", 1}});
  CHECK(v.refuted == std::vector<std::string>{"repeatable-read"});
  CHECK(v.also_refuted == std::vector<std::string>{"serializable", "strong-session-serializable",
                                                   "strict-serializable"});
  CHECK(v.not_refuted ==
        std::vector<std::string>{"update-serializable", "strong-snapshot-isolation"});
  CHECK(
      v.summary ==
      "G2-item: T1 read key 1 as [], without T2's 1, although T2 read key 2 as [], without T1's 1");
  CHECK(v.explanation ==
        "G2-item: let\n"
        "  T1  process 91  0.000 s to 0.020 s  ok  read 1: [], append 1 to 2\n"
        "  T2  process 92  0.010 s to 0.030 s  ok  read 2: [], append 1 to 1\n"
        "  then\n"
        "      T1 < T2, because T1 read key 1 as [], without T2's 1\n"
        "  but T2 < T1, because T2 read key 2 as [], without T1's 1: a contradiction\n");
  CHECK(v.witness == std::vector<OperationId>{0, 1});
}

TEST_CASE("list-append: each anomaly by its name") {
  struct Case {
    const char* name;
    Script script;
    Anomalies anomalies;
  };
  Case cases[] = {
      {"stale read",
       Script().both(0, {append(1, 1)}).both(1, {read(1, {})}).both(2, {read(1, {1})}),
       {{"G-single-item-realtime", 1}}},
      {"a process does not see its own",
       Script().both(0, {append(1, 1)}).both(0, {read(1, {})}).both(2, {read(1, {1})}),
       {{"G-single-item-process", 1}, {"G-single-item-realtime", 1}}},
      {"aborted read",
       Script().both(0, {append(1, 1)}, Fate::fail).both(1, {read(1, {1})}),
       {{"G1a", 1}}},
      {"intermediate read",
       Script()
           .both(0, {append(1, 1), append(1, 2)})
           .both(1, {read(1, {1})})
           .both(1, {read(1, {1, 2})}),
       {{"G-single-item", 1}, {"G-single-item-realtime", 1}, {"G1b", 1}}},
      {"a read that is not repeated",
       Script()
           .begin(0, {read(1, {}), read(1, {1})})
           .both(1, {append(1, 1)})
           .end(0, {read(1, {}), read(1, {1})}),
       {{"G-single-item", 1}, {"internal", 1}}},
      {"an order that does not fit, and nobody's element in it",
       Script()
           .both(0, {append(1, 1), append(1, 2)})
           .both(1, {read(1, {1, 2})})
           .both(2, {read(1, {9})}),
       {{"garbage-read", 1}, {"incompatible-order", 1}}},
      {"an order that does not fit, and a failed one's element in it",
       Script()
           .both(0, {append(1, 1), append(1, 2)})
           .both(3, {append(1, 3)}, Fate::fail)
           .both(1, {read(1, {1, 2})})
           .both(2, {read(1, {3})}),
       {{"G1a", 1}, {"incompatible-order", 1}}},
      {"an order that does not fit, and an element twice in it",
       Script()
           .both(0, {append(1, 1), append(1, 2), append(1, 3)})
           .both(1, {read(1, {1, 2, 3})})
           .both(2, {read(1, {2, 2})}),
       {{"duplicate-elements", 1}, {"incompatible-order", 1}}},
      {"element twice",
       Script().both(0, {append(1, 1)}).both(1, {read(1, {1, 1})}),
       {{"duplicate-elements", 1}}},
      {"nobody's", Script().both(1, {read(1, {7})}), {{"garbage-read", 1}}},
      {"own append missed",
       Script().both(0, {append(1, 1), read(1, {})}).both(1, {read(1, {1})}),
       {{"internal", 1}}},
      {"own append seen too early",
       Script().both(0, {read(1, {1}), append(1, 1)}),
       {{"future-read", 1}}},
      {"dirty write",
       Script()
           .together({append(1, 1), append(2, 2)}, {append(1, 2), append(2, 1)})
           .both(0, {read(1, {1, 2})})
           .both(0, {read(2, {1, 2})}),
       {{"G0", 1}}},
      {"dirty write between two of a process",
       Script()
           .begin(0, {append(1, 1), append(2, 2)})
           .both(1, {append(1, 2)})
           .both(1, {append(2, 1)})
           .end(0, {append(1, 1), append(2, 2)})
           .both(2, {read(1, {1, 2}), read(2, {1, 2})}),
       {{"G0-process", 1}, {"G0-realtime", 1}}},
      {"dirty write between two of different processes",
       Script()
           .begin(0, {append(1, 1), append(2, 2)})
           .both(1, {append(1, 2)})
           .both(3, {append(2, 1)})
           .end(0, {append(1, 1), append(2, 2)})
           .both(2, {read(1, {1, 2}), read(2, {1, 2})}),
       {{"G0-realtime", 1}}},
      {"circular flow",
       Script().together({append(1, 1), read(2, {1})}, {append(2, 1), read(1, {1})}),
       {{"G1c", 1}}},
      {"long fork",
       Script()
           .begin(1, {append(1, 1)})
           .begin(2, {append(2, 1)})
           .begin(3, {read(1, {}), read(2, {})})
           .begin(4, {read(1, {}), read(2, {})})
           .end(1, {append(1, 1)})
           .end(2, {append(2, 1)})
           .end(3, {read(1, {1}), read(2, {})})
           .end(4, {read(1, {}), read(2, {1})}),
       {{"G-nonadjacent-item", 1}}},
  };
  for (Case& c : cases) {
    const Verdict v = c.script.check();
    CAPTURE(c.name);
    CAPTURE(v.explanation);
    CHECK(v.validity == Validity::invalid);
    CHECK(v.anomalies == c.anomalies);
    CHECK(!v.summary.empty());
    CHECK(!v.witness.empty());
  }
}

TEST_CASE("list-append: an info that nobody saw is nothing, and one that somebody did is all") {
  CHECK(Script().both(0, {append(1, 1)}, Fate::info).both(1, {read(1, {})}).check().validity ==
        Validity::valid);
  const Verdict v = Script()
                        .both(0, {append(1, 1), append(2, 1)}, Fate::info)
                        .both(1, {read(1, {1}), read(2, {})})
                        .check();
  CHECK(v.anomalies == Anomalies{{"G-single-item", 1}});
}

TEST_CASE("list-append: lost update") {
  Script script;
  script.both(0, {append(1, 1)});
  script.together({read(1, {1}), append(1, 2)}, {read(1, {1}), append(1, 3)});
  script.both(0, {read(1, {1, 2, 3})});
  const Verdict v = script.check("update-atomic, PL-2");
  CHECK(v.model == "read-committed,update-atomic");
  CHECK(v.anomalies == Anomalies{{"G-cursor", 1}, {"lost-update", 1}});
  CHECK(contains_in(v.summary, "both read key 1 as [1] and appended to it"));
}

TEST_CASE("list-append: a weaker model holds where a stronger one does not") {
  for (const auto& [model, validity] : {std::pair("serializable", Validity::valid),
                                        std::pair("strict-serializable", Validity::invalid),
                                        std::pair("strong-session-serializable", Validity::valid),
                                        std::pair("strong-read-committed", Validity::valid)}) {
    CAPTURE(model);
    CHECK(Script()
              .both(0, {append(1, 1)})
              .both(1, {read(1, {})})
              .both(2, {read(1, {1})})
              .check(model)
              .validity == validity);
  }
}

TEST_CASE("list-append: what cannot be decided says why") {
  CHECK(Script().both(0, {append(1, 1)}).check().reason == "vacuous");
  CHECK(Script().both(0, {append(1, 1)}).both(0, {append(1, 1), read(1, {1})}).check().reason ==
        "unsupported");
  Budget little;
  little.bytes_max = 100;
  CHECK(Script().both(0, {append(1, 1), read(1, {1})}).check("PL-3", little).reason == "memory");
  little = {};
  little.steps_max = 1000;
  Script long_one;
  for (int i = 0; i < 5000; ++i) long_one.both(0, {append(1, i), read(2, {})});
  CHECK(long_one.check("PL-3", little).reason == "steps");
  // Write skew, and two appends to a key that nobody read: which came first, snapshot isolation
  // would have to know.
  Script script;
  script.together({read(1, {}), append(2, 1), append(3, 1)},
                  {read(2, {}), append(1, 1), append(3, 2)});
  const Verdict v = script.check("snapshot-isolation");
  CHECK(v.validity == Validity::unknown);
  CHECK(v.reason == "incomplete");
}

TEST_CASE("list-append: a budget that ends between a cycle and its name says that there is one") {
  bool is_unnamed = false, is_named = false;
  for (Budget budget{.steps_max = 1}; budget.steps_max < 200; ++budget.steps_max) {
    Script skew;
    skew.together({read(1, {}), append(2, 1)}, {read(2, {}), append(1, 1)});
    skew.both(2, {read(1, {1}), read(2, {1})});
    const Verdict v = skew.check("strict-serializable", budget);
    CAPTURE(budget.steps_max);
    CHECK(v.validity != Validity::valid);
    const bool is_cut = !v.incomplete.empty();
    if (v.validity != Validity::invalid) {
      CHECK(is_cut);
      CHECK(v.reason == "steps");
      continue;
    }
    CHECK(contains_in(v.explanation, "not finished: the budget ended (steps)") == is_cut);
    Verdict without_rows = v;
    without_rows.witness.clear();
    const std::string json = to_json(verdict_value(without_rows, HistoryBuilder().finish(), 0));
    CHECK(contains_in(json, "\"incomplete\":\"the budget ended (steps)") == is_cut);
    CHECK(v.refuted == std::vector<std::string>{"repeatable-read"});
    REQUIRE(v.anomalies.size() == 1);
    is_named = is_named || v.anomalies[0].first == "G2-item";
    if (v.anomalies[0].first == "G2-item") continue;
    is_unnamed = true;
    CHECK(v.anomalies[0].first == "PL-2.99-cycle-exists");
    CHECK(is_cut);
    CHECK(v.witness == std::vector<OperationId>{0, 1});
    CHECK(v.summary ==
          "PL-2.99-cycle-exists: 2 transactions depend on each other in a circle; the budget ended "
          "before a cycle was made out");
  }
  CHECK(is_unnamed);
  CHECK(is_named);
}

TEST_CASE(
    "list-append: of a long circle that was not made out eight are told, and the others counted") {
  constexpr int members = 12;
  bool is_unnamed = false;
  for (Budget budget{.steps_max = 1}; budget.steps_max < 600; ++budget.steps_max) {
    Script ring;
    std::vector<list_scripts::Micro> all;
    for (int i = 0; i < members; ++i)
      ring.begin(static_cast<std::uint32_t>(i), {read((i + 1) % members, {}), append(i, 1)});
    for (int i = 0; i < members; ++i) {
      ring.end(static_cast<std::uint32_t>(i), {read((i + 1) % members, {}), append(i, 1)});
      all.push_back(read(i, {1}));
    }
    ring.both(members, all);
    const Verdict v = ring.check("serializable", budget);
    if (v.validity != Validity::invalid || v.anomalies[0].first == "G2-item") continue;
    CAPTURE(v.explanation);
    is_unnamed = true;
    CHECK(contains_in(v.explanation, "  and 4 more of them\n"));
    REQUIRE(v.cases.size() == 1);
    CHECK(told_cases::at(v.cases[0], "transactions_left_out") == Value(4));
    CHECK(told_cases::list_at(v.cases[0], "transactions").size() == 8);
  }
  CHECK(is_unnamed);
}

TEST_CASE("list-append: unknown models are errors with the nearest name") {
  ConfigNode mapping;
  mapping.members.push_back({"model", {}, ConfigNode::of("snapshot-isolation,serialisable")});
  Params params(mapping, "check list-append");
  const auto made = make_list_append(params);
  REQUIRE(!made);
  CHECK(contains_in(made.error().what, "did you mean \"serializable\"?"));
}

TEST_CASE("isolation: the lattice") {
  using namespace transactional;
  const auto implied = [](const char* strong, const char* weak) {
    return with_weaker(ModelSet().set(find_model(strong).value())).test(find_model(weak).value());
  };
  CHECK(implied("strict-serializable", "read-uncommitted"));
  CHECK(implied("serializable", "snapshot-isolation"));
  CHECK(implied("snapshot-isolation", "causal-cerone"));
  CHECK(implied("strong-session-causal", "strong-session-read-atomic"));
  CHECK(implied("strong-session-read-atomic", "read-atomic"));
  CHECK(implied("strong-session-read-atomic", "strong-session-read-committed"));
  CHECK_FALSE(implied("causal", "strong-session-read-atomic"));
  CHECK_FALSE(implied("causal-cerone", "strong-session-read-atomic"));
  CHECK(implied("strong-session-snapshot-isolation", "snapshot-isolation"));
  CHECK_FALSE(implied("snapshot-isolation", "repeatable-read"));
  CHECK_FALSE(implied("repeatable-read", "snapshot-isolation"));
  CHECK_FALSE(implied("serializable", "strong-session-snapshot-isolation"));
  for (ModelId m = 0; m < models().size(); ++m) {
    // Both ways round it is the same relation.
    for (ModelId n = 0; n < models().size(); ++n)
      CHECK(with_weaker(ModelSet().set(m)).test(n) == with_stronger(ModelSet().set(n)).test(m));
    CHECK(with_weaker(ModelSet().set(m)).test(find_model("PL-1").value()));
  }
  // Every anomaly rules out the strongest.
  for (std::size_t a = 0; a < anomaly_names().size(); ++a)
    CHECK(ruled_out_by(static_cast<Anomaly>(a)).test(find_model("PL-SS").value()));
}

}  // namespace
}  // namespace faultline::list_append
