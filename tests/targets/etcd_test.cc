#include "targets/etcd.h"

#include <doctest/doctest.h>

#include "targets/targets.h"
#include "tests/targets/exchange.h"

namespace {

using namespace faultline;

constexpr auto header = R"("header":{"cluster_id":"1","member_id":"2","revision":"3"})";

HttpReply success(const std::string& rest) {
  return replied(200, "{" + std::string(header) + rest + "}");
}
HttpReply refused(int status, int code, const std::string& text) {
  return replied(status, R"({"error":")" + text + R"(","message":")" + text + R"(","code":)" +
                             std::to_string(code) + "}");
}
HttpReply holding(std::string_view json) {
  return success(
      R"(,"kvs":[{"key":"aw==","create_revision":"2","mod_revision":"2","version":"1","value":")" +
      base64_encode(json) + R"("}],"count":"1")");
}
Fate etcd_fate(const Request& request, const HttpReply& reply) {
  return etcd_outcome(request, reply).fate();
}

}  // namespace

TEST_CASE("base64: RFC 4648's vectors, and garbage") {
  const std::vector<std::pair<std::string, std::string>> vectors{{"", ""},
                                                                 {"f", "Zg=="},
                                                                 {"fo", "Zm8="},
                                                                 {"foo", "Zm9v"},
                                                                 {"foob", "Zm9vYg=="},
                                                                 {"fooba", "Zm9vYmE="},
                                                                 {"foobar", "Zm9vYmFy"},
                                                                 {"\xff\xfe", "//4="}};
  for (const auto& [bytes, text] : vectors) {
    CHECK(base64_encode(bytes) == text);
    CHECK(*base64_decode(text) == bytes);
  }
  for (const char* text : {"Zg=", "Zg", "Z===", "Zm9v=", "Z g=", "Zg==Zg==", "\xff\xff\xff\xff"}) {
    CAPTURE(text);
    CHECK_FALSE(base64_decode(text));
  }
}

TEST_CASE("etcd: whether a node serves is asked like a write, and changes nothing") {
  const Request question = etcd_question();
  const auto call = etcd_call(question, true);
  CHECK(call->path == "/v3/kv/txn");
  CHECK(call->body.find(R"("target":"VALUE")") != std::string::npos);  // A key without one differs.
  CHECK(call->body.find("failure") == std::string::npos);
  CHECK(etcd_fate(question, success("")) == Fate::mismatch);
  CHECK(etcd_fate(question, refused(503, 14, "etcdserver: request timed out")) == Fate::info);
  CHECK(etcd_fate(question, refused(503, 14, "etcdserver: no leader")) == Fate::info);
}

TEST_CASE("etcd requests") {
  const auto read = etcd_call(read_k, false);
  CHECK(read->path == "/v3/kv/range");
  CHECK(read->body == R"({"key":"aw=="})");
  CHECK(etcd_call(read_k, true)->body == R"({"key":"aw==","serializable":true})");
  const auto write = etcd_call(write_k, false);
  CHECK(write->path == "/v3/kv/put");
  CHECK(write->body == R"({"key":"aw==","value":"Nw=="})");
  const auto cas = etcd_call(cas_k, true);
  CHECK(cas->path == "/v3/kv/txn");
  CHECK(cas->body ==
        R"({"compare":[{"key":"aw==","result":"EQUAL","target":"VALUE","value":"Nw=="}],)"
        R"("success":[{"requestPut":{"key":"aw==","value":"OA=="}}]})");
  const Request create{.function = Function::cas, .key = "k", .value = List{{}, 8}};
  CHECK(etcd_call(create, false)->body ==
        R"({"compare":[{"create_revision":"0","key":"aw==","result":"EQUAL","target":"CREATE"}],)"
        R"("success":[{"requestPut":{"key":"aw==","value":"OA=="}}]})");
}

TEST_CASE("etcd requests that cannot be said") {
  CHECK_FALSE(etcd_call({.function = Function::read, .key = "", .value = {}}, false));
  CHECK_FALSE(etcd_call({.function = Function::write, .key = "k", .value = {}}, false));
  CHECK_FALSE(etcd_call({.function = Function::cas, .key = "k", .value = 7}, false));
  CHECK_FALSE(etcd_call({.function = Function::cas, .key = "k", .value = List{7, {}}}, false));
  CHECK_FALSE(etcd_call({.function = Function::enqueue, .key = "k", .value = 7}, false));
}

TEST_CASE("etcd replies: success") {
  CHECK(etcd_outcome(read_k, success("")).fate() == Fate::ok);
  CHECK(etcd_outcome(read_k, success("")).output().is_nil());
  CHECK(etcd_outcome(read_k, success(R"(,"kvs":[])")).output().is_nil());
  CHECK(etcd_outcome(read_k, holding("7")).output() == Value(7));
  CHECK(etcd_outcome(read_k, holding("\"a\"")).output() == Value("a"));
  CHECK(etcd_outcome(write_k, success("")).output() == Value(7));
  CHECK(etcd_outcome(cas_k, success(R"(,"succeeded":true)")).output() == Value(List{7, 8}));
  CHECK(etcd_fate(cas_k, success("")) == Fate::mismatch);
  CHECK(etcd_fate(cas_k, success(R"(,"succeeded":false)")) == Fate::mismatch);
}

TEST_CASE("etcd replies: certainly without effect") {
  const std::vector<HttpReply> replies{
      {.status = 0, .body = {}, .error = "connection refused", .never_sent = true},
      refused(400, 3, "etcdserver: key is not provided"),
      refused(400, 3, "etcdserver: request is too large"),
      refused(429, 8, "etcdserver: too many requests"),
      refused(503, 8, "etcdserver: too many requests"),
      refused(429, 8, "etcdserver: mvcc: database space exceeded"),
  };
  for (const HttpReply& reply : replies) {
    CAPTURE(reply.body);
    for (const Request& request : {read_k, write_k, cas_k})
      CHECK(etcd_fate(request, reply) == Fate::fail);
  }
}

TEST_CASE("etcd replies that say nothing: info, and for a read fail") {
  const std::vector<HttpReply> replies{
      {.status = 0, .body = {}, .error = "timeout"},
      {.status = 0, .body = {}, .error = "connection lost"},
      refused(503, 14, "etcdserver: request timed out"),
      refused(503, 14, "etcdserver: request timed out, possibly due to previous leader failure"),
      refused(503, 14, "etcdserver: request timed out, possibly due to connection lost"),
      refused(503, 14, "etcdserver: no leader"),
      refused(503, 14, "etcdserver: leader changed"),
      refused(503, 14, "etcdserver: server stopped"),
      refused(504, 4, "context deadline exceeded"),
      refused(408, 1, "context canceled"),
      refused(500, 2, "raft proposal dropped"),
      refused(429, 8, "grpc: received message larger than max"),
      refused(400, 3, "something else"),
      refused(500, 15, "etcdserver: corrupt cluster"),
      replied(503, R"({"error":"etcdserver: too many requests"})"),
      replied(503, R"({"error":7,"code":8})"),
      replied(503, R"({"error":"etcdserver: too many requests","code":"8"})"),
      replied(404, "Not Found"),
      replied(502, "<html>"),
      replied(200, ""),
      replied(200, "{}"),
      replied(200, "null"),
      replied(200, "[]"),
      replied(200, R"({"header":)"),
      replied(200, R"({"header":7})"),
      replied(200, "\xff\xff"),
      replied(200, std::string(100'000, '[')),
      replied(302, "{" + std::string(header) + "}"),
  };
  for (const HttpReply& reply : replies) {
    CAPTURE(reply.status);
    CAPTURE(reply.body.substr(0, 80));
    CHECK(etcd_fate(write_k, reply) == Fate::info);
    CHECK(etcd_fate(cas_k, reply) == Fate::info);
    CHECK(etcd_fate(read_k, reply) == Fate::fail);
  }
}

TEST_CASE("etcd replies of the wrong shape are no answers") {
  for (const char* rest :
       {R"(,"kvs":7)", R"(,"kvs":[7])", R"(,"kvs":[{"value":"Nw=="}])",
        R"(,"kvs":[{"key":"aw=="}])", R"(,"kvs":[{"key":"aw==","value":7}])",
        R"(,"kvs":[{"key":"aw==","value":"N"}])", R"(,"kvs":[{"key":"bA==","value":"Nw=="}])",
        R"(,"kvs":[{"key":"aw==","value":"ew=="}])",
        R"(,"kvs":[{"key":"aw==","value":"Nw=="},{"key":"aw==","value":"Nw=="}])"}) {
    CAPTURE(rest);
    CHECK(etcd_fate(read_k, success(rest)) == Fate::fail);
  }
  CHECK(etcd_fate(cas_k, success(R"(,"succeeded":"true")")) == Fate::info);
  CHECK(etcd_fate(cas_k, success(R"(,"succeeded":1)")) == Fate::info);
}

TEST_CASE("etcd parameters and command line") {
  const auto make = [](std::vector<std::pair<std::string, std::string>> members) {
    ConfigNode mapping;
    for (auto& [key, value] : members) mapping.members.push_back({key, {}, ConfigNode::of(value)});
    Params params(mapping, "target etcd");
    return make_etcd(params);
  };
  CHECK_FALSE(make({{"reads", "dirty"}}));
  CHECK_FALSE(make({{"heartbeat", "300ms"}}));
  CHECK_FALSE(make({{"heartbeat", "100us"}}));
  CHECK_FALSE(make({{"election_timeout", "2m"}}));
  CHECK_FALSE(make({{"snapshot_count", "0"}}));
  const auto target = make({{"heartbeat", "20ms"}, {"election_timeout", "200ms"}});
  REQUIRE(target);
  if (!(*target)->available()) {
    CHECK((*target)->available().error().kind == ErrorKind::capability);
    return;
  }
  Node n1, n2;
  n1.name = "n1", n1.address = "10.0.0.1", n1.data_dir = "/d/1";
  n2.index = 1, n2.name = "n2", n2.address = "10.0.0.2", n2.data_dir = "/d/2";
  const auto launch = (*target)->launch(n2, std::vector{n1, n2});
  REQUIRE(launch);
  std::string line;
  for (const std::string& word : launch->argv) line += word + " ";
  CHECK(line.find("--name n2 --data-dir /d/2/etcd") != std::string::npos);
  CHECK(line.find("--initial-cluster n1=http://10.0.0.1:2380,n2=http://10.0.0.2:2380 ") !=
        std::string::npos);
  CHECK(line.find("--heartbeat-interval 20 --election-timeout 200 ") != std::string::npos);
}
