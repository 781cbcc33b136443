// Hermitage's scripts on a real PostgreSQL: the table of each level of isolation is the documented
// one, what waits says so, and a server that dies leaves no doubt but about a commit.
#include <memory>

#include "harness/core/stepwise.h"
#include "tests/system/postgresql_server.h"
#include "tests/system/stage.h"

namespace faultline::system_test::postgresql {
namespace {

using Kind = StepReport::Kind;

/// One open transaction, which begins at once.
class Actor {
 public:
  explicit Actor(const Node& node, const std::string& isolation = "read-committed") {
    auto opened = with_isolation(isolation)->open_transaction(node);
    REQUIRE(opened);
    open_ = std::move(*opened);
    CHECK(play({Step::Kind::begin, {}}).kind == Kind::done);
  }
  void send(const Step& step) { open_->send(step, in(5s)); }
  /// Until it is over, or waits.
  StepReport look() {
    StepReport report;
    REQUIRE(eventually([&] {
      report = open_->look(in(5s));
      return report.kind != Kind::running;
    }));
    return report;
  }
  StepReport play(const Step& step) {
    send(step);
    return look();
  }
  StepReport access(const Value& value) { return play({Step::Kind::access, value}); }
  StepReport commit() { return play({Step::Kind::commit, {}}); }

 private:
  std::unique_ptr<OpenTransaction> open_;
};

Value found(const StepReport& report) {
  REQUIRE_MESSAGE(report.kind == Kind::done, report.why);
  return report.access.list()->at(2);
}
Value rows(const char* verb, const char* kind, Value number) {
  return List{verb, List{"t/", kind, std::move(number)}, {}};
}

}  // namespace

TEST_CASE("postgresql: steps wait and say so, refuse and say so; predicates find what they say") {
  if (!installed()) return;
  Server server;
  server.start();
  server.await_ready();
  {
    Actor other(server.node());
    for (const auto& [key, value] :
         {std::pair("t/x", 10), std::pair("t/y", -21), std::pair("u/z", 30), std::pair("s/z", 30)})
      CHECK(other.access(put(key, value)).kind == Kind::done);
    CHECK(other.access(put("t/text", "30")).kind == Kind::done);
    CHECK(other.access(append("t/list", 30)).kind == Kind::done);
    CHECK(other.commit().kind == Kind::done);
  }
  Actor first(server.node()), second(server.node()), third(server.node(), "repeatable-read");
  CHECK(found(first.access(rows("r-where", "multiple-of", 3))) ==
        Value(List{Value(List{"t/y", -21})}));
  CHECK(found(first.access(rows("r-where", "equal", 10))) == Value(List{Value(List{"t/x", 10})}));
  CHECK(found(first.access(rows("r-where", "any", {}))) ==
        Value(List{List{"t/x", 10}, List{"t/y", -21}}));
  CHECK(third.access(get("t/x")).kind == Kind::done);

  CHECK(found(first.access(rows("delete-where", "equal", 10))) ==
        Value(List{Value(List{"t/x", 10})}));
  CHECK(first.access(put("t/y", 9)).kind == Kind::done);
  second.send({Step::Kind::access, put("t/y", 11)});
  for (int i = 0; i < 3; ++i) CHECK(second.look().kind == Kind::waiting);
  third.send({Step::Kind::access, put("t/y", 12)});
  CHECK(third.look().kind == Kind::waiting);
  CHECK(first.commit().kind == Kind::done);
  CHECK(eventually([&] { return second.look().kind == Kind::done; }));
  CHECK(found(second.access(get("t/y"))) == Value(11));

  // Given up while somebody waits for it: it is undone, and that one goes on.
  auto holder = std::make_unique<Actor>(server.node());
  Actor waiter(server.node());
  CHECK(holder->access(put("t/h", 1)).kind == Kind::done);
  waiter.send({Step::Kind::access, put("t/h", 2)});
  CHECK(waiter.look().kind == Kind::waiting);
  holder.reset();
  CHECK(eventually([&] { return waiter.look().kind == Kind::done; }));

  CHECK(second.play({Step::Kind::abort, {}}).kind == Kind::done);
  // It was refused when the first one ended, unless it was slow to see that: then it waited for the
  // second one's version of the row.
  CHECK(eventually([&] { return third.look().kind == Kind::refused; }));
  Actor last(server.node()), unlucky(server.node());
  CHECK(found(last.access(get("t/x"))) == Value());
  CHECK(unlucky.access(put("u/u", 1)).kind == Kind::done);
  server.signal(SIGKILL);
  CHECK(last.access(get("t/x")).kind == Kind::failed);
  CHECK(unlucky.commit().kind == Kind::lost);
}

namespace {

struct Level {
  std::string isolation, model, documented;
  std::size_t happened;
};

std::size_t count_of(const Value& table, std::string_view beginning) {
  std::size_t count = 0;
  for (const auto& [script, status] : *table.map())
    if (status.text()->starts_with(beginning)) ++count;
  return count;
}

}  // namespace

TEST_CASE("postgresql: Hermitage's table is the documented one, at every level") {
  if (!installed()) return;
  for (const auto& [isolation, model, documented, happened] :
       {Level{"serializable", "serializable", "", 0},
        Level{"repeatable-read", "snapshot-isolation", "G2-item, G2, G2-reader", 3},
        Level{"read-committed", "monotonic-atomic-view",
              "PMP, PMP-write, P4, G-single, G-single-predicate, G-single-write, G2-item, G2, "
              "G2-reader",
              9}}) {
    CAPTURE(isolation);
    Stage stage;
    stage.output = {"--json"};
    const std::string config =
        "name: system\ntarget: { name: postgresql, nodes: 1, isolation: " + isolation +
        " }\nworkload: { name: hermitage, timeout: 20s }\nseed: 5\ntime: 60s\n"
        "startup: { within: 60s }\nexpect: valid\nchecks:\n"
        "  - { check: hermitage, model: " +
        model + ", documented: [";
    const ChildResult result = stage.run(config + documented + "] }\n");
    INFO(stage.errors());
    CHECK(result.exit_code == 0);
    const Value results = parsed(result.output);
    const Value* checks = member_of(results, "checks");
    REQUIRE((checks != nullptr && checks->list() != nullptr));
    const Value* table = member_of(checks->list()->front(), "table");
    REQUIRE((table != nullptr && table->map() != nullptr));
    CHECK(table->map()->size() == 14);
    CHECK(count_of(*table, "happened: ") == happened);
    CHECK(count_of(*table, "prevented") == 14 - happened);
  }
}

}  // namespace faultline::system_test::postgresql
