// Open transactions of the embedded store: what waits for whom, what is refused, by isolation; and
// with the store's client, what Hermitage's scripts find.
#include "targets/refkv/open_transactions.h"

#include <array>

#include <doctest/doctest.h>

#include "checkers/checkers.h"
#include "checkers/hermitage/scripts.h"
#include "harness/run/script_player.h"
#include "tests/io/temporary_folder.h"
#include "tests/targets/refkv/one_node.h"

namespace faultline::refkv_open_transactions {
namespace {

using refkv::Bug;
using refkv::Isolation;
using Kind = StepReport::Kind;

Value get(const char* key) { return List{"r", key, Value()}; }
Value put(const char* key, int value) { return List{"w", key, value}; }
Value rows(const char* verb, const char* kind, Value number) {
  return List{verb, List{"t/", kind, std::move(number)}, Value()};
}
Value find_20() { return rows("r-where", "equal", 20); }
Value delete_20() { return rows("delete-where", "equal", 20); }

/// One open transaction, begun.
class Actor {
 public:
  explicit Actor(OneRefkv& store) : open_(store.open()) {
    CHECK(play({Step::Kind::begin, {}}).kind == Kind::done);
  }
  StepReport look() { return open_->look({}); }
  StepReport play(const Step& step) {
    open_->send(step, {});
    return look();
  }
  StepReport access(const Value& value) { return play({Step::Kind::access, value}); }
  Kind commit() { return play({Step::Kind::commit, {}}).kind; }
  Kind abort() { return play({Step::Kind::abort, {}}).kind; }
  Value found(const Value& value) {
    const StepReport report = access(value);
    REQUIRE_MESSAGE(report.kind == Kind::done, report.why);
    return report.access.list()->at(2);
  }

 private:
  std::unique_ptr<OpenTransaction> open_;
};

/// x = 10, y = 20, and a row of another prefix.
void fill(OneRefkv& store) {
  Actor actor(store);
  for (const Value& write : {put("t/x", 10), put("t/y", 20), put("u/y", 20)})
    CHECK(actor.access(write).kind == Kind::done);
  CHECK(actor.commit() == Kind::done);
}

constexpr std::array levels{Isolation::read_committed, Isolation::snapshot,
                            Isolation::serializable};

TEST_CASE("refkv open transactions: alone, it sees what is there and its own changes") {
  for (const Isolation level : levels) {
    OneRefkv store(level);
    fill(store);
    Actor actor(store), other(store);
    CHECK(actor.found(get("t/x")) == Value(10));
    CHECK(actor.found(get("t/none")) == Value());
    CHECK(actor.found(find_20()) == Value(List{Value(List{"t/y", 20})}));
    CHECK(actor.access(put("t/x", 20)).kind == Kind::done);
    CHECK(actor.found(get("t/x")) == Value(20));
    CHECK(other.found(get("t/x")) == Value(10));
    CHECK(actor.found(find_20()) == Value(List{List{"t/x", 20}, List{"t/y", 20}}));
    CHECK(actor.found(delete_20()) == Value(List{List{"t/x", 20}, List{"t/y", 20}}));
    CHECK(actor.found(find_20()) == Value(List{}));
    CHECK(actor.found(get("t/y")) == Value());
    CHECK(actor.access(put("t/z", -21)).kind == Kind::done);
    CHECK(actor.access(put("s/z", 3)).kind == Kind::done);
    CHECK(actor.access(put("u/z", 3)).kind == Kind::done);
    CHECK(actor.found(rows("r-where", "multiple-of", 3)) == Value(List{Value(List{"t/z", -21})}));
    CHECK(actor.commit() == Kind::done);
    Actor after(store);
    CHECK(after.found(rows("r-where", "any", {})) == Value(List{Value(List{"t/z", -21})}));
    CHECK(after.found(get("u/y")) == Value(20));
  }
}

TEST_CASE("refkv open transactions: who changes a changed row waits, and who came first goes on") {
  for (const bool commits : {false, true})
    for (const Isolation level : levels) {
      OneRefkv store(level);
      fill(store);
      Actor first(store), second(store), third(store);
      CHECK(first.access(put("t/x", 1)).kind == Kind::done);
      CHECK(second.access(put("t/x", 2)).kind == Kind::waiting);
      CHECK(third.access(put("t/x", 3)).kind == Kind::waiting);
      CHECK(third.look().kind == Kind::waiting);
      CHECK(second.look().kind == Kind::waiting);
      CHECK((commits ? first.commit() : first.abort()) == Kind::done);
      // The first to change a row wins, but at read committed.
      const bool loses = commits && level != Isolation::read_committed;
      const StepReport report = second.look();
      CHECK(report.kind == (loses ? Kind::refused : Kind::done));
      if (loses) {
        CHECK(report.why == "conflict");
        CHECK(third.look().kind == Kind::refused);
        continue;
      }
      CHECK(second.found(get("t/x")) == Value(2));
      CHECK(third.look().kind == Kind::waiting);
      CHECK(second.abort() == Kind::done);
      CHECK(third.look().kind == Kind::done);
      CHECK(third.commit() == Kind::done);
      CHECK(Actor(store).found(get("t/x")) == Value(3));
    }
}

TEST_CASE("refkv open transactions: nobody waits for what is not changed, nor by reading") {
  for (const Isolation level : levels) {
    OneRefkv store(level);
    fill(store);
    Actor first(store), second(store);
    CHECK(first.found(get("t/x")) == Value(10));
    CHECK(first.access(put("t/y", 5)).kind == Kind::done);
    CHECK(second.access(put("t/x", 2)).kind == Kind::done);
    CHECK(second.found(get("t/y")) == Value(20));
    CHECK(second.found(find_20()) == Value(List{Value(List{"t/y", 20})}));
    CHECK(first.found(get("t/x")) == Value(10));
  }
}

TEST_CASE("refkv open transactions: what would wait in a circle is refused") {
  for (const Isolation level : levels) {
    OneRefkv store(level);
    Actor first(store), second(store), third(store);
    CHECK(first.access(put("t/x", 1)).kind == Kind::done);
    CHECK(second.access(put("t/y", 2)).kind == Kind::done);
    CHECK(third.access(put("t/z", 3)).kind == Kind::done);
    CHECK(first.access(put("t/y", 1)).kind == Kind::waiting);
    CHECK(second.access(put("t/z", 2)).kind == Kind::waiting);
    const StepReport report = third.access(put("t/x", 3));
    CHECK(report.kind == Kind::refused);
    CHECK(report.why == "deadlock");
    CHECK(second.look().kind == Kind::done);
    CHECK(second.commit() == Kind::done);
    CHECK(first.look().kind == (level == Isolation::read_committed ? Kind::done : Kind::refused));
  }
}

TEST_CASE("refkv open transactions: a deletion that waited looks again, or is refused") {
  for (const Isolation level : levels) {
    OneRefkv store(level);
    fill(store);
    Actor first(store), second(store);
    CHECK(first.access(put("t/x", 20)).kind == Kind::done);
    CHECK(first.access(put("t/y", 30)).kind == Kind::done);
    CHECK(second.access(delete_20()).kind == Kind::waiting);
    CHECK(first.commit() == Kind::done);
    const StepReport report = second.look();
    if (level != Isolation::read_committed) {
      CHECK(report.kind == Kind::refused);
      continue;
    }
    // y matches no more, and x was not looked for.
    REQUIRE(report.kind == Kind::done);
    CHECK(report.access.list()->at(2) == Value(List{}));
    CHECK(second.commit() == Kind::done);
    CHECK(Actor(store).found(get("t/x")) == Value(20));
    CHECK(Actor(store).found(get("t/y")) == Value(30));
  }
}

TEST_CASE("refkv open transactions: reads are of the moment of open, read committed's of now") {
  for (const Isolation level : levels) {
    OneRefkv store(level);
    fill(store);
    Actor reader(store), writer(store);
    CHECK(writer.access(put("t/x", 20)).kind == Kind::done);
    CHECK(writer.commit() == Kind::done);
    const bool now = level == Isolation::read_committed;
    CHECK(reader.found(get("t/x")) == Value(now ? 20 : 10));
    CHECK(reader.found(find_20()).list()->size() == (now ? 2 : 1));
    CHECK(reader.commit() == Kind::done);
  }
}

TEST_CASE("refkv open transactions: serializable is what was read or searched for, and is still") {
  struct Row {
    Value read, change;
    bool conflicts;
  };
  const std::vector<Row> table{{get("t/x"), put("t/x", 11), true},
                               {get("t/x"), put("t/y", 11), false},
                               {get("t/none"), put("t/none", 1), true},
                               {find_20(), put("t/z", 20), true},
                               {find_20(), put("t/y", 21), true},
                               {find_20(), put("t/z", 21), false},
                               {find_20(), put("u/z", 20), false},
                               {find_20(), delete_20(), true},
                               {find_20(), put("t/x", 20), true},
                               {delete_20(), put("t/z", 20), true},
                               {rows("r-where", "any", {}), put("t/z", 7), true}};
  for (const Row& row : table)
    for (const auto& [level, bug] :
         {std::pair(Isolation::read_committed, Bug::none),
          std::pair(Isolation::snapshot, Bug::none), std::pair(Isolation::serializable, Bug::none),
          std::pair(Isolation::serializable, Bug::write_skew)}) {
      CAPTURE(to_text(row.read));
      CAPTURE(to_text(row.change));
      OneRefkv store(level, bug);
      fill(store);
      Actor first(store), second(store);
      CHECK(first.access(row.read).kind == Kind::done);
      CHECK(first.access(put("w", 1)).kind == Kind::done);
      CHECK(second.access(row.change).kind == Kind::done);
      CHECK(second.commit() == Kind::done);
      const bool refused = row.conflicts && level == Isolation::serializable && bug == Bug::none;
      CHECK(first.commit() == (refused ? Kind::refused : Kind::done));
      CHECK(Actor(store).found(get("w")) == (refused ? Value() : Value(1)));
    }
}

TEST_CASE("refkv open transactions: a row is held until the commit is applied") {
  OneRefkv store(Isolation::read_committed);
  Actor first(store), second(store);
  CHECK(first.access(put("t/x", 1)).kind == Kind::done);
  CHECK(second.access(put("t/x", 2)).kind == Kind::waiting);
  store.disk_is_slow = true;
  CHECK(first.commit() == Kind::lost);
  CHECK(second.look().kind == Kind::waiting);
  CHECK(Actor(store).found(get("t/x")) == Value());
  // It is too late to undo it, and nobody is to believe that it was.
  const std::string number = std::to_string((std::uint64_t{1} << 40) + 1);
  CHECK(store.post(R"({"op":"abort","transaction":)" + number + "}").status == 503);
  CHECK(second.look().kind == Kind::waiting);
  store.let_disk();
  CHECK(second.look().kind == Kind::done);
  CHECK(Actor(store).found(get("t/x")) == Value(1));
}

TEST_CASE("refkv open transactions: what a refused or undone one held goes to who waits for it") {
  OneRefkv store(Isolation::snapshot);
  Actor first(store), second(store), third(store), fourth(store);
  CHECK(first.access(put("t/x", 1)).kind == Kind::done);
  CHECK(second.access(put("t/y", 2)).kind == Kind::done);
  CHECK(third.access(put("t/y", 3)).kind == Kind::waiting);
  CHECK(second.access(put("t/x", 2)).kind == Kind::waiting);
  CHECK(fourth.access(put("t/y", 4)).kind == Kind::waiting);
  // The second one is refused for x, so that y is the third one's, which came before it.
  CHECK(first.commit() == Kind::done);
  CHECK(third.look().kind == Kind::done);
  CHECK(second.look().kind == Kind::refused);
  // Undone while it waits: nobody gets the row in its name.
  const std::string number = std::to_string((std::uint64_t{1} << 40) + 4);
  CHECK(store.post(R"({"op":"abort","transaction":)" + number + "}").status == 200);
  CHECK(third.abort() == Kind::done);
  Actor fifth(store);
  CHECK(fifth.access(put("t/y", 5)).kind == Kind::done);
  CHECK(fifth.commit() == Kind::done);
}

TEST_CASE("refkv open transactions: and those at once, each sees the other's commits") {
  for (const Isolation level : levels) {
    OneRefkv store(level);
    Actor actor(store);
    CHECK(actor.access(put("t/x", 1)).kind == Kind::done);
    const HttpReply begun = store.post(R"({"op":"begin"})");
    CHECK(begun.body == R"({"ok":true,"value":0})");
    CHECK(store.post(R"({"op":"commit","at":0,"accesses":[["w","t/x",5]]})").body ==
          R"({"ok":true,"value":null})");
    CHECK(actor.commit() == (level == Isolation::read_committed ? Kind::done : Kind::refused));
  }
}

TEST_CASE("refkv open transactions: they are few, and nobody waits for ever for an idle one") {
  OneRefkv store(Isolation::snapshot);
  Actor idle(store), waiter(store);
  CHECK(idle.access(put("t/x", 1)).kind == Kind::done);
  CHECK(waiter.access(put("t/x", 2)).kind == Kind::waiting);
  store.clock += refkv::OpenTransactions::idle_max;
  CHECK(waiter.look().kind == Kind::waiting);
  store.clock += std::chrono::seconds(1);
  store.tick();
  CHECK(waiter.look().kind == Kind::done);
  CHECK(idle.commit() == Kind::failed);
  for (std::size_t open = 1; open < refkv::OpenTransactions::open_max; ++open)
    CHECK(store.post(R"({"op":"open"})").status == 200);
  CHECK(store.post(R"({"op":"open"})").status == 503);
  store.clock += 2 * refkv::OpenTransactions::idle_max;
  store.tick();
  CHECK(store.post(R"({"op":"open"})").status == 200);
}

TEST_CASE("refkv open transactions: what cannot be asked is refused, and changes nothing") {
  OneRefkv store(Isolation::serializable);
  Actor first(store), second(store);
  CHECK(first.access(put("t/x", 1)).kind == Kind::done);
  CHECK(second.access(put("t/x", 2)).kind == Kind::waiting);
  // The number of the second one; nobody but its client has any business with it.
  const std::string number = std::to_string((std::uint64_t{1} << 40) + 2);
  for (const char* call :
       {R"("access","access":["r","k"])", R"("finish")", R"("access","access":["append","k",1])"})
    CHECK(store.post("{\"op\":" + std::string(call) + ",\"transaction\":" + number + "}").status ==
          503);
  for (const char* body :
       {R"({"op":"look","transaction":7})", R"({"op":"abort","transaction":7})",
        R"({"op":"finish","transaction":7})", R"({"op":"access","transaction":7})",
        R"({"op":"commit","at":0,"accesses":[["delete-where",["p","any",null]]]})",
        R"({"op":"access","transaction":7,"access":["r-where",["","any",null]]})",
        R"({"op":"access","transaction":7,"access":["r-where",["p","multiple-of",0]]})",
        R"({"op":"access","transaction":7,"access":["r-where",["p","equal",1.5]]})",
        R"({"op":"access","transaction":7,"access":["r-where",["p","less",1]]})"})
    CHECK(store.post(body).status >= 400);
  CHECK(second.look().kind == Kind::waiting);
  CHECK(first.access(List{"append", "t/l", 1}).kind == Kind::failed);
  CHECK(first.commit() == Kind::done);
}

TEST_CASE("refkv open transactions: calls survive the way between nodes") {
  for (
      const char* body :
      {R"({"op":"open"})", R"({"access":["r","k"],"op":"access","transaction":7})",
       R"({"access":["w","k",8],"op":"access","transaction":7})",
       R"({"access":["r-where",["p/","any",null]],"op":"access","transaction":7})",
       R"({"access":["delete-where",["p/","equal",-3]],"op":"access","transaction":7})",
       R"({"op":"look","transaction":7})", R"({"op":"finish","transaction":7})",
       R"({"op":"abort","transaction":7})",
       R"({"accesses":[["r-where",["p/","multiple-of",3]],["w","k",null]],"at":4,"op":"commit"})"}) {
    const refkv::Call call = refkv::parse_call(body);
    CHECK(refkv::encode_call(call) == body);
    refkv::Message message{.kind = refkv::Message::Kind::forward, .request = 1, .call = call};
    const refkv::Batch batch =
        refkv::parse_batch(refkv::encode_batch({0, {std::move(message)}}), 1);
    CHECK(refkv::encode_call(batch.messages.at(0).call) == body);
  }
}

// What the scripts find.

/// What happened, in the order of the scripts, and what nobody knows.
std::string table_of(Isolation isolation, Bug bug = Bug::none) {
  OneRefkv store(isolation, bug);
  const OneRefkvTarget target(store);
  TemporaryFolder folder;
  Node node;
  node.name = "n1";
  auto recorder =
      *Recorder::create(folder.path() / "h.jsonl", 1, {"n1"}, std::chrono::steady_clock::now());
  ScriptPlayer player({*recorder, target, node, std::chrono::hours(1)});
  for (const auto& line : hermitage::script_lines()) player.play(hermitage::script_of(line));
  const ConfigNode config;
  Params params(config, "check");
  const Verdict verdict = (*make_hermitage(params))->check(recorder->finish(), {});
  CHECK(verdict.table.size() == hermitage::script_lines().size());
  std::string table;
  for (const auto& [script, status] : verdict.table) {
    if (status.starts_with("happened"))
      table += " " + script;
    else if (!status.starts_with("prevented"))
      table += " " + script + "?";
  }
  return table;
}

TEST_CASE("refkv hermitage: each isolation has its table, and each bug leaves its mark") {
  CHECK(table_of(Isolation::read_committed) ==
        " PMP PMP-write P4 G-single G-single-predicate G-single-write G2-item G2 G2-reader");
  CHECK(table_of(Isolation::snapshot) == " G2-item G2 G2-reader");
  CHECK(table_of(Isolation::serializable).empty());
  CHECK(table_of(Isolation::serializable, Bug::write_skew) == " G2-item G2 G2-reader");
  CHECK(table_of(Isolation::serializable, Bug::lost_updates) == " P4");
  // PMP-write: no order explains it, and no rule has a name for it.
  CHECK(table_of(Isolation::snapshot, Bug::lost_updates) == " PMP-write? P4 G2-item G2 G2-reader");
  CHECK(table_of(Isolation::read_committed, Bug::dirty_reads) ==
        " G1a G1b G1c OTV PMP P4 G-single G-single-predicate G-single-write G2-item G2 G2-reader");
}

}  // namespace
}  // namespace faultline::refkv_open_transactions
