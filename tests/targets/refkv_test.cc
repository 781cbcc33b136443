#include "targets/refkv.h"

#include <algorithm>

#include <doctest/doctest.h>

#include "targets/json_value.h"
#include "targets/targets.h"
#include "tests/targets/exchange.h"

namespace {

using namespace faultline;

HttpReply broken(std::string error, bool never_sent = false) {
  return {.status = 0, .body = {}, .error = std::move(error), .never_sent = never_sent};
}

Fate refkv_fate(const Request& request, const HttpReply& reply) {
  return refkv_outcome(request, reply).fate();
}

}  // namespace

TEST_CASE("refkv requests") {
  CHECK(*refkv_body(read_k) == R"({"op":"read","key":"k"})");
  CHECK(*refkv_body(write_k) == R"({"op":"write","key":"k","value":7})");
  CHECK(*refkv_body(cas_k) == R"({"op":"cas","key":"k","expected":7,"value":8})");
  CHECK_FALSE(refkv_body({.function = Function::cas, .key = "k", .value = 7}));
  CHECK_FALSE(refkv_body({.function = Function::write, .key = "k", .value = "\xff"}));
}

TEST_CASE("refkv replies that are definite") {
  const Outcome read = refkv_outcome(read_k, replied(200, R"({"ok":true,"value":"a\u00e9"})"));
  CHECK(read.fate() == Fate::ok);
  CHECK(read.output() == Value("a\xc3\xa9"));
  CHECK(refkv_outcome(read_k, replied(200, R"({"ok":true,"value":null})")).output().is_nil());
  CHECK(refkv_outcome(write_k, replied(200, R"({"ok":true,"value":null})")).output() == Value(7));
  CHECK(refkv_outcome(cas_k, replied(200, R"({"ok":true})")).output() == Value(List{7, 8}));
  CHECK(refkv_fate(cas_k, replied(200, R"({"ok":false,"mismatch":true})")) == Fate::mismatch);
  for (const Request& request : {read_k, write_k, cas_k}) {
    CHECK(refkv_fate(request, broken("connection refused", true)) == Fate::fail);
    const HttpReply refused = replied(503, R"({"ok":false,"definite":true,"error":"no quorum"})");
    CHECK(refkv_fate(request, refused) == Fate::fail);
    CHECK(refkv_outcome(request, refused).why() == "no quorum");
    CHECK(refkv_fate(request, replied(400, R"({"ok":false,"definite":true,"error":"x"})")) ==
          Fate::fail);
  }
}

TEST_CASE("refkv replies that say nothing: info, and for a read fail") {
  const std::vector<HttpReply> replies{
      broken("timeout"),
      broken("connection lost"),
      replied(503, R"({"ok":false,"definite":false,"error":"not committed in time"})"),
      replied(503, R"({"ok":false})"),
      replied(503, R"({"ok":false,"definite":"true"})"),
      replied(500, R"({"ok":false,"definite":true})"),
      replied(200, R"({"ok":false,"error":"x"})"),
      replied(200, R"({"ok":fal)"),
      replied(200, R"({"ok":1,"value":1})"),
      replied(201, R"({"ok":true,"value":1})"),
      replied(200, "true"),
      replied(200, "[]"),
      replied(200, ""),
      replied(200, "\xff\xfe"),
      replied(0, ""),
      replied(200, std::string(100'000, '[')),
  };
  for (const HttpReply& reply : replies) {
    CAPTURE(reply.status);
    CAPTURE(reply.body.substr(0, 80));
    CHECK(refkv_fate(write_k, reply) == Fate::info);
    CHECK(refkv_fate(cas_k, reply) == Fate::info);
    CHECK(refkv_fate(read_k, reply) == Fate::fail);
  }
  // Only a compare-and-set can mismatch, and only a scalar can have been read.
  CHECK(refkv_fate(write_k, replied(200, R"({"ok":false,"mismatch":true})")) == Fate::info);
  CHECK(refkv_fate(read_k, replied(200, R"({"ok":true})")) == Fate::fail);
  CHECK(refkv_fate(read_k, replied(200, R"({"ok":true,"value":[1]})")) == Fate::fail);
  CHECK(refkv_fate(read_k, replied(200, R"({"ok":true,"value":99999999999999999999})")) ==
        Fate::ok);
  CHECK(refkv_fate(read_k, replied(200, R"({"ok":true,"value":18446744073709551615})")) ==
        Fate::fail);
}

TEST_CASE("refkv parameters") {
  const auto make = [](std::vector<std::pair<std::string, std::string>> members) {
    ConfigNode mapping;
    for (auto& [key, value] : members) {
      mapping.members.push_back({key, {}, ConfigNode::of(value)});
    }
    Params params(mapping, "target refkv");
    auto target = make_refkv(params);
    return target ? std::string("ok") : target.error().what;
  };
  CHECK(make({}) == "ok");
  CHECK(make({{"mode", "leader"}, {"bug", "follower-reads"}, {"ack", "all"}}) == "ok");
  CHECK(make({{"mode", "leader"}, {"reads", "lease"}, {"bug", "leader-lease-by-clock"}}) == "ok");
  CHECK(make({{"mode", "leader"}, {"bug", "leader-lease-by-clock"}}).find("reads: lease") !=
        std::string::npos);
  CHECK(make({{"reads", "lease"}}).find("only in mode leader") != std::string::npos);
  CHECK(
      make({{"mode", "multi"}, {"bug", "local-reads"}}).find("makes no difference in mode multi") !=
      std::string::npos);
  CHECK(make({{"mode", "transactions"}, {"isolation", "snapshot"}, {"bug", "dirty-reads"}}) ==
        "ok");
  CHECK(make({{"isolation", "snapshot"}}).find("only mode transactions") != std::string::npos);
  CHECK(make({{"mode", "transactions"}, {"isolation", "snapshots"}}).find("snapshot") !=
        std::string::npos);
  CHECK(make({{"mode", "leader"}, {"reads", "followers"}, {"bug", "trusts-order"}}) == "ok");
  CHECK(make({{"mode", "leader"}, {"bug", "trusts-order"}}).find("without reads: followers") !=
        std::string::npos);
  CHECK(make({{"reads", "followers"}}).find("only in mode leader") != std::string::npos);
  CHECK(make({{"bug", "lokal-reads"}}).find("local-reads") != std::string::npos);
  CHECK(make({{"mod", "leader"}}).find("mode") != std::string::npos);
}

TEST_CASE("refkv launch: the command line names every node") {
  ConfigNode mapping;
  Params params(mapping, "target refkv");
  const auto target = make_refkv(params);
  REQUIRE(target);
  if (!(*target)->available()) return;  // the command line starts with the program
  Node n1, n2;
  n1.name = "n1", n1.address = "10.0.0.1";
  n2.index = 1, n2.name = "n2", n2.address = "10.0.0.2";
  const auto launch = (*target)->launch(n2, std::vector{n1, n2});
  REQUIRE(launch);
  CHECK(std::ranges::find(launch->argv, "n1=10.0.0.1:7000,n2=10.0.0.2:7000") != launch->argv.end());
}

TEST_CASE("values as JSON: what is written is read back equal") {
  for (const Value& value :
       {Value{}, Value(true), Value(-5), Value(INT64_MAX), Value(0.5), Value("é\n\""),
        Value(List{1, List{}, "x"}), Value(Map{{"b", 1}, {"a", 2}})}) {
    const auto text = json_text(value);
    REQUIRE(text);
    CAPTURE(*text);
    const auto back = value_of_json(*text);
    REQUIRE(back);
    CHECK(*back == value);
  }
  CHECK_FALSE(json_text(Value("\xff")));
  CHECK_FALSE(value_of_json("18446744073709551615"));
  CHECK_FALSE(value_of_json("{"));
  CHECK_FALSE(value_of_json(std::string(200, '[') + std::string(200, ']')));
  CHECK(http_origin("10.0.0.1", 80) == "http://10.0.0.1:80");
  CHECK(http_origin("fd00::1", 80) == "http://[fd00::1]:80");
}
