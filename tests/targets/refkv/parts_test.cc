// The parts of refkv that are pure: tags, journal, messages, options.
#include <stdexcept>

#include <doctest/doctest.h>

#include "targets/refkv/codec.h"
#include "targets/refkv/journal.h"
#include "targets/refkv/options.h"

namespace {

using namespace refkv;

std::vector<std::string> replayed(std::string_view content, std::uint64_t& good) {
  std::vector<std::string> records;
  good = replay_records(content, [&](std::string_view text) { records.emplace_back(text); });
  return records;
}

}  // namespace

TEST_CASE("refkv tags are ordered by counter, then node, then request") {
  CHECK(Tag{1, 9, 9} < Tag{2, 0, 0});
  CHECK(Tag{2, 0, 9} < Tag{2, 1, 0});
  CHECK(Tag{2, 1, 0} < Tag{2, 1, 1});
  CHECK(Tag{} < Tag{1, 0, 0});
}

TEST_CASE("refkv journal: what was framed is replayed") {
  const std::string content = frame_record("{\"a\":1}") + frame_record("b") + frame_record("");
  std::uint64_t good = 0;
  CHECK(replayed(content, good) == std::vector<std::string>{"{\"a\":1}", "b", ""});
  CHECK(good == content.size());
}

TEST_CASE("refkv journal: a tail torn at any byte is cut off") {
  const std::string whole = frame_record("first") + frame_record("second");
  const std::size_t first = frame_record("first").size();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    std::uint64_t good = 0;
    const auto records = replayed(whole.substr(0, size), good);
    CHECK(records.size() == (size < first ? 0 : 1));
    CHECK(good == (size < first ? 0 : first));
  }
}

TEST_CASE("refkv journal: a damaged last line is torn, a damaged earlier one is an error") {
  std::string content = frame_record("first") + frame_record("second");
  std::uint64_t good = 0;
  content[content.size() - 2] ^= 1;
  CHECK(replayed(content, good).size() == 1);
  content[10] ^= 1;
  CHECK_THROWS_AS(replayed(content, good), std::runtime_error);
}

TEST_CASE("refkv messages survive the wire") {
  Message append{.kind = Message::Kind::append, .index = 7, .commit = 6};
  append.entries = {{.op = Op::cas, .key = "k\"\n", .value = "\"\\u00e9\"", .expected = "1"},
                    {.op = Op::write, .key = "", .value = "2.5"}};
  const Message store{.kind = Message::Kind::store,
                      .request = ~0ull,
                      .tag = {~0ull, 3, ~0ull >> 1},
                      .call = {.key = "x", .value = "\"1\""}};
  const Message answer{
      .kind = Message::Kind::forward_reply, .request = 5, .answer = Answer::refused("busy")};
  const Batch batch = parse_batch(encode_batch({2, {append, store, answer}}), 3);
  CHECK(batch.from == 2);
  REQUIRE(batch.messages.size() == 3);
  CHECK(batch.messages[0].index == 7);
  CHECK(batch.messages[0].commit == 6);
  REQUIRE(batch.messages[0].entries.size() == 2);
  CHECK(batch.messages[0].entries[0].key == "k\"\n");
  CHECK(batch.messages[0].entries[0].expected == "1");
  CHECK(batch.messages[1].tag == store.tag);
  CHECK(batch.messages[1].request == ~0ull);
  CHECK(batch.messages[1].call.value == "\"1\"");
  CHECK(batch.messages[2].answer.kind == Answer::Kind::refused);
  CHECK(batch.messages[2].answer.error == "busy");
}

TEST_CASE("refkv refuses what is no message or call") {
  for (const char* text : {"", "{", "[]", "null", "{\"from\":3,\"messages\":[]}", "{\"from\":0}",
                           "{\"from\":0,\"messages\":[{\"t\":99}]}",
                           "{\"from\":0,\"messages\":[{\"t\":2,\"r\":1,\"k\":\"k\",\"g\":[1]}]}",
                           "{\"from\":\"n1\",\"messages\":[]}"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(parse_batch(text, 3), std::runtime_error);
  }
  for (const char* text :
       {"{\"op\":\"read\"}", "{\"op\":\"reed\",\"key\":\"k\"}", "7",
        "{\"op\":\"write\",\"key\":\"k\"}", "{\"op\":\"write\",\"key\":\"k\",\"value\":[1]}",
        "{\"op\":\"cas\",\"key\":\"k\",\"value\":1}"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(parse_call(text), std::runtime_error);
  }
  const std::string long_key(key_bytes_max + 1, 'k');
  CHECK_THROWS_AS(parse_call("{\"op\":\"read\",\"key\":\"" + long_key + "\"}"), std::runtime_error);
}

TEST_CASE("refkv options") {
  const auto parse = [](std::vector<std::string> more) {
    std::vector<std::string> all{"--peers", "n1=10.0.0.1:7000,n2=10.0.0.2:7001", "--data", "/d"};
    all.insert(all.end(), more.begin(), more.end());
    return parse_options(all);
  };
  const Options options =
      parse({"--node", "n2", "--mode", "leader", "--ack", "all", "--bug", "follower-reads"});
  CHECK(options.self == 1);
  CHECK(options.listen.host == "10.0.0.2");
  CHECK(options.listen.port == 7001);
  CHECK(options.ack_all);
  CHECK(options.bug == Bug::follower_reads);
  CHECK(options.majority() == 2);
  const Options transactions =
      parse({"--node", "n1", "--mode", "transactions", "--isolation", "snapshot"});
  CHECK(transactions.mode == Mode::transactions);
  CHECK(transactions.isolation == Isolation::snapshot);
  CHECK_THROWS_WITH(parse({"--node", "n1", "--isolation", "snap"}),
                    "--isolation: read-committed, snapshot or serializable, not \"snap\"");
  CHECK_THROWS_WITH(parse({"--node", "n3"}), "--node \"n3\" is not among --peers");
  CHECK_THROWS_WITH(parse({"--node", "n1", "--bug", "follower-reads"}),
                    "--bug follower-reads makes no difference in mode quorum");
  const std::vector<std::string> trusting{"--node", "n1",    "--mode",
                                          "leader", "--bug", "trusts-order"};
  CHECK_THROWS_WITH(parse(trusting),
                    "--bug trusts-order makes no difference without --reads followers");
  std::vector<std::string> reading = trusting;
  reading.insert(reading.end(), {"--reads", "followers"});
  CHECK(parse(reading).followers_read);
  CHECK_THROWS_WITH(parse({"--node", "n1", "--reads", "all"}),
                    "--reads: leader, followers or lease, not \"all\"");
  CHECK_THROWS_WITH(parse({"--node", "n1", "--reads", "followers"}),
                    "--reads followers makes no difference in mode quorum");
  CHECK_THROWS_WITH(parse({"--node", "n1", "--bug", "x"}), "--bug: there is no \"x\"");
  CHECK_THROWS_WITH(parse({"--node"}), "--node wants a value");
  CHECK_THROWS_WITH(parse_options(std::vector<std::string>{"--peers", "n1=10.0.0.1:70000"}),
                    "no port number in \"10.0.0.1:70000\"");
}
