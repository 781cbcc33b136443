// etcd 3.4 and later through its v3 JSON gateway (POST, keys and values in base64, 64-bit integers
// as texts, members with a zero value left out).
//
// What an exchange means. A write is a put or a transaction; only what is listed as fail is one.
//   | connection could not be made                         | fail: it never left                |
//   | timeout, reset, no whole reply                       | info (a read: fail)                |
//   | 200 put, with a header                               | ok                                 |
//   | 200 range, "kvs" absent or empty                     | ok: nil                            |
//   | 200 range, one of "kvs", under the key that was asked | ok: its value                      |
//   | 200 txn, "succeeded":true                            | ok                                 |
//   | 200 txn, "succeeded" absent or false                 | mismatch: the comparison was wrong |
//   | 400 code 3 "… key is not provided", "too large", …   | fail: rejected before the proposal |
//   | 4xx, 503 code 8 "… too many requests"                | fail: refused before the proposal  |
//   | 4xx, 503 code 8 "… database space exceeded"          | fail: refused before the proposal  |
//   |                                                      |   or by the state machine          |
//   | 503 code 14 "… request timed out …"                  | info: proposed; may still commit   |
//   | 503 code 14 "… no leader"                            | info: mostly refused early, but it |
//   |                                                      |   is also what waiting can end in  |
//   | 503 code 14 "… leader changed", "… server stopped"   | info: may have been proposed       |
//   | any other status, code or text; garbage              | info (a read: fail)                |
// Sources: api/v3rpc/rpctypes/error.go, v3_server.go (processInternalRaftRequestOnce), quota.go and
// apply.go of etcd 3.4; statuses as grpc-gateway translates codes.
#include "targets/etcd.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

#include <nlohmann/json.hpp>

#include "targets/json_value.h"
#include "targets/targets.h"

namespace faultline {
namespace {

using Json = nlohmann::json;
using std::chrono::milliseconds;

constexpr int client_port = 2379;
constexpr int peer_port = 2380;

bool anybodys_to_run(const std::filesystem::path& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  return !error && std::filesystem::is_regular_file(status) &&
         (status.permissions() & std::filesystem::perms::others_exec) !=
             std::filesystem::perms::none;
}

std::filesystem::path etcd_program() {
  const char* path = std::getenv("PATH");
  std::string folders = std::string(path ? path : "") + ":/usr/bin";
  for (std::size_t begin = 0; begin < folders.size();) {
    const std::size_t end = std::min(folders.find(':', begin), folders.size());
    const std::filesystem::path candidate =
        std::filesystem::path(folders.substr(begin, end - begin)) / "etcd";
    if (candidate.is_absolute() && anybodys_to_run(candidate)) return candidate;
    begin = end + 1;
  }
  return {};
}

/// The member, if it is a text.
const std::string* text_member(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found == json.end() ? nullptr : found->get_ptr<const std::string*>();
}

std::string peer_url(const Node& node) { return http_origin(node.address, peer_port); }

struct Settings {
  bool serializable_reads = false;
  milliseconds heartbeat{100};
  milliseconds election_timeout{1000};
  std::int64_t snapshot_count = 1000;
};

class EtcdClient final : public Client {
 public:
  EtcdClient(const Node& node, bool serializable_reads)
      : http_(http_origin(node.address, client_port)), serializable_reads_(serializable_reads) {}

  Outcome invoke(const Request& request, Deadline deadline) override {
    const auto call = etcd_call(request, serializable_reads_);
    if (!call) return Outcome::fail(call.error().what);
    return etcd_outcome(request, http_.post(call->path, call->body, deadline));
  }

 private:
  Http http_;
  const bool serializable_reads_;
};

class Etcd final : public Target {
 public:
  explicit Etcd(const Settings& settings) : program_(etcd_program()), settings_(settings) {}

  std::string_view name() const override { return "etcd"; }
  std::vector<Function> functions() const override {
    return {Function::read, Function::write, Function::cas};
  }

  Status available() const override {
    if (!program_.empty()) return Ok{};
    return Error{"etcd is not installed: ./dev stores etcd", ErrorKind::capability};
  }
  std::filesystem::path program() const override { return program_; }

  /// "etcd Version: 3.4.23" is its first line.
  std::string version() const override {
    if (program_.empty()) return "unknown";
    std::FILE* out = ::popen(("'" + program_.string() + "' --version").c_str(), "re");
    if (!out) return "unknown";
    std::array<char, 128> line{};
    const bool got = std::fgets(line.data(), line.size(), out) != nullptr;
    ::pclose(out);
    const std::string text = got ? line.data() : "";
    const std::size_t colon = text.rfind(": ");
    if (colon == std::string::npos) return "unknown";
    return text.substr(colon + 2, text.find('\n') - colon - 2);
  }

  Result<Launch> launch(const Node& node, std::span<const Node> all) const override {
    if (const auto here = available(); !here) return here.error();
    std::string cluster;
    for (const Node& each : all) {
      cluster += (cluster.empty() ? "" : ",") + each.name + "=" + peer_url(each);
    }
    const std::string client_url = http_origin(node.address, client_port);
    // "new" is right for a restart too: the state counts only where there are no data yet.
    return Launch{.argv = {program_.string(),
                           "--name",
                           node.name,
                           "--data-dir",
                           (node.data_dir / "etcd").string(),
                           "--listen-client-urls",
                           client_url,
                           "--advertise-client-urls",
                           client_url,
                           "--listen-peer-urls",
                           peer_url(node),
                           "--initial-advertise-peer-urls",
                           peer_url(node),
                           "--initial-cluster",
                           cluster,
                           "--initial-cluster-state",
                           "new",
                           "--initial-cluster-token",
                           "faultline",
                           "--heartbeat-interval",
                           std::to_string(settings_.heartbeat.count()),
                           "--election-timeout",
                           std::to_string(settings_.election_timeout.count()),
                           "--snapshot-count",
                           std::to_string(settings_.snapshot_count),
                           "--logger",
                           "zap",
                           "--log-outputs",
                           "stderr"},
                  .environment = {}};
  }

  /// Not by /health: that is a round through the consensus too, but it gives up after 1 s, whatever
  /// the timeouts are, and a follower half a second from its leader never makes it.
  Status ready(const Node& node, Deadline deadline) const override {
    const Outcome answer = EtcdClient(node, false).invoke(etcd_question(), deadline);
    if (answer.fate() == Fate::mismatch) return Ok{};
    return Error{node.name + ": " + answer.why(), ErrorKind::target};
  }

  Result<std::unique_ptr<Client>> connect(const Node& node) const override {
    return std::unique_ptr<Client>(
        std::make_unique<EtcdClient>(node, settings_.serializable_reads));
  }

  /// One after another; a node that does not answer costs its share of the time only.
  std::vector<std::size_t> leaders(std::span<const Node> nodes, Deadline deadline) const override {
    std::vector<std::size_t> leaders;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      const auto now = std::chrono::steady_clock::now();
      const auto share = (deadline - now) / static_cast<std::int64_t>(nodes.size() - i);
      if (believes_to_lead(nodes[i], now + share)) leaders.push_back(nodes[i].index);
    }
    return leaders;
  }

 private:
  static bool believes_to_lead(const Node& node, Deadline deadline) {
    Http http(http_origin(node.address, client_port));
    const HttpReply reply = http.post("/v3/maintenance/status", "{}", deadline);
    const Json status = Json::parse(reply.body, nullptr, false);
    if (reply.status != 200 || !status.is_object()) return false;
    const std::string* leader = text_member(status, "leader");
    const auto header = status.find("header");
    if (!leader || header == status.end() || !header->is_object()) return false;
    const std::string* member = text_member(*header, "member_id");
    return member && *member == *leader;
  }

  std::filesystem::path program_;
  Settings settings_;
};

Outcome range_outcome(const Request& request, const Json& json) {
  const auto kvs = json.find("kvs");
  if (kvs == json.end()) return Outcome::ok({});
  const auto garbage = [&](const std::string& why) { return Outcome::lost(request, why); };
  if (!kvs->is_array()) return garbage("\"kvs\" is no list");
  if (kvs->empty()) return Outcome::ok({});
  const Json& kv = kvs->front();
  const std::string* key = kv.is_object() ? text_member(kv, "key") : nullptr;
  if (kvs->size() != 1 || !key || *key != base64_encode(request.key)) {
    return garbage("a reply about another key");
  }
  const std::string* encoded = text_member(kv, "value");
  if (!encoded) return garbage("a key without a value");
  const auto text = base64_decode(*encoded);
  if (!text) return garbage(text.error().what);
  auto value = value_of_json(*text);
  return value ? Outcome::ok(*std::move(value)) : garbage(value.error().what);
}

Outcome success_outcome(const Request& request, const Json& json) {
  const auto header = json.find("header");
  if (header == json.end() || !header->is_object()) {
    return Outcome::lost(request, "status 200: not a reply of etcd");
  }
  if (request.function == Function::read) return range_outcome(request, json);
  if (request.function == Function::write) return Outcome::ok(request.value);
  const auto succeeded = json.find("succeeded");
  if (succeeded == json.end()) return Outcome::mismatch();
  if (!succeeded->is_boolean()) return Outcome::lost(request, "\"succeeded\" is no boolean");
  return succeeded->get<bool>() ? Outcome::ok(request.value) : Outcome::mismatch();
}

/// Whether the error says that the request certainly had no effect.
bool definite(int status, int code, const std::string& text) {
  constexpr int invalid_argument = 3, resource_exhausted = 8;
  if (code == invalid_argument) return status == 400 && text.starts_with("etcdserver: ");
  if (code != resource_exhausted || status < 400) return false;
  return text == "etcdserver: too many requests" ||
         text == "etcdserver: mvcc: database space exceeded";
}

Outcome error_outcome(const Request& request, int status, const Json& json) {
  const std::string* text = text_member(json, "error");
  if (!text) text = text_member(json, "message");
  const auto code = json.find("code");
  const bool has_code = code != json.end() && code->is_number_integer();
  if (!text || !has_code) {
    return Outcome::lost(request, "status " + std::to_string(status) + ": not a reply of etcd");
  }
  if (definite(status, code->get<int>(), *text)) return Outcome::fail(*text);
  return Outcome::lost(request, *text);
}

Result<std::string> encoded_value(const Value& value) {
  if (value.is_nil()) return Error{"etcd cannot store nil"};
  auto text = json_text(value);
  if (!text) return text;
  return base64_encode(*text);
}

/// Success writes `fresh`; failure changes nothing.
Result<Json> transaction(const std::string& key, const Value& expected, const std::string& fresh) {
  Json compare{{"key", key}, {"result", "EQUAL"}};
  if (expected.is_nil()) {
    compare["target"] = "CREATE";
    compare["create_revision"] = "0";
  } else {
    const auto old = encoded_value(expected);
    if (!old) return old.error();
    compare["target"] = "VALUE";
    compare["value"] = *old;
  }
  return Json{{"compare", Json::array({compare})},
              {"success", Json::array({{{"requestPut", {{"key", key}, {"value", fresh}}}}})}};
}

}  // namespace

Result<EtcdCall> etcd_call(const Request& request, bool serializable_reads) {
  if (request.key.empty()) return Error{"etcd wants a key"};
  const std::string key = base64_encode(request.key);
  switch (request.function) {
    case Function::read: {
      Json body{{"key", key}};
      if (serializable_reads) body["serializable"] = true;
      return EtcdCall{"/v3/kv/range", body.dump()};
    }
    case Function::write: {
      const auto value = encoded_value(request.value);
      if (!value) return value.error();
      return EtcdCall{"/v3/kv/put", Json{{"key", key}, {"value", *value}}.dump()};
    }
    case Function::cas: {
      const List* pair = request.value.list();
      if (!pair || pair->size() != 2) return Error{"a compare-and-set wants [old, new]"};
      const auto fresh = encoded_value(pair->at(1));
      if (!fresh) return fresh.error();
      const auto body = transaction(key, pair->at(0), *fresh);
      if (!body) return body.error();
      return EtcdCall{"/v3/kv/txn", body->dump()};
    }
    default:
      return Error{"etcd's client knows read, write and cas"};
  }
}

Request etcd_question() {
  return {.function = Function::cas, .key = "faultline: nobody writes it", .value = List{1, 2}};
}

Outcome etcd_outcome(const Request& request, const HttpReply& reply) {
  if (reply.never_sent) return Outcome::fail(reply.error);
  if (!reply.error.empty()) return Outcome::lost(request, reply.error);
  const Json json = Json::parse(reply.body, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) {
    return Outcome::lost(request,
                         "status " + std::to_string(reply.status) + ": not a reply of etcd");
  }
  if (reply.status == 200) return success_outcome(request, json);
  return error_outcome(request, reply.status, json);
}

namespace {
constexpr std::string_view base64_digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
}  // namespace

std::string base64_encode(std::string_view bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t n = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8 | (j < n ? static_cast<unsigned char>(bytes[i + j]) : 0u);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      text += j <= n ? base64_digits[group >> (18 - 6 * j) & 63] : '=';
    }
  }
  return text;
}

Result<std::string> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0) return Error{"not base64"};
  std::size_t padding = 0;
  while (padding < 2 && text.ends_with('=')) {
    text.remove_suffix(1);
    ++padding;
  }
  std::string bytes;
  std::uint32_t group = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::size_t digit = base64_digits.find(text[i]);
    if (digit == std::string_view::npos) return Error{"not base64"};
    group = group << 6 | static_cast<std::uint32_t>(digit);
    if (i % 4 != 0) bytes += static_cast<char>(group >> (6 - 2 * (i % 4)) & 255);
  }
  return bytes;
}

Result<std::unique_ptr<Target>> make_etcd(Params& params) {
  constexpr std::array<std::string_view, 2> reads{"linearizable", "serializable"};
  const auto whole_milliseconds = [&](std::string_view key, milliseconds otherwise) {
    const auto value = std::chrono::duration_cast<milliseconds>(params.duration(key, otherwise));
    if (value < milliseconds(1) || value > milliseconds(50'000)) {
      params.fail(key, "expected a duration from 1ms to 50s");
    }
    return value;
  };
  Settings settings;
  settings.serializable_reads = params.choice("reads", "linearizable", reads) == "serializable";
  settings.heartbeat = whole_milliseconds("heartbeat", settings.heartbeat);
  settings.election_timeout = whole_milliseconds("election_timeout", settings.election_timeout);
  settings.snapshot_count =
      params.integer("snapshot_count", settings.snapshot_count, 1, 10'000'000);
  if (settings.election_timeout < 5 * settings.heartbeat) {
    params.fail("election_timeout", "etcd wants at least five times the heartbeat");
  }
  if (const auto status = params.finish(); !status) return status.error();
  return std::unique_ptr<Target>(std::make_unique<Etcd>(settings));
}

}  // namespace faultline
