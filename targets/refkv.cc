// The embedded reference store as a target: how to start targets/refkv's nodes and talk to them.
//
// What an exchange means:
//   | the connection could not be made                      | fail: it never left |
//   | timeout, reset, no whole reply                        | info (a read: fail) |
//   | 200 {"ok":true,"value":V}                             | ok                  |
//   | 200 {"ok":false,"mismatch":true}, compare-and-set     | mismatch            |
//   | 400, 503 {"ok":false,"definite":true,"error":"…"}     | fail                |
//   | 503 {"ok":false,"definite":false,"error":"…"}         | info (a read: fail) |
//   | anything else: other statuses, other members, no JSON | info (a read: fail) |
#include "targets/refkv.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include <nlohmann/json.hpp>

#include "harness/core/predicate.h"
#include "targets/json_value.h"
#include "targets/refkv_stepwise.h"
#include "targets/targets.h"

namespace faultline {
namespace {

using Json = nlohmann::json;

constexpr int port = 7000;
constexpr std::array<std::string_view, 4> modes{"quorum", "leader", "multi", "transactions"};
constexpr std::array<std::string_view, 3> isolations{"read-committed", "snapshot", "serializable"};
constexpr std::array<std::string_view, 2> acks{"majority", "all"};
constexpr std::array<std::string_view, 3> readers{"leader", "followers", "lease"};

/// The bugs and the modes in which they make a difference; what they do: refkv --help.
struct BugModes {
  std::string_view bug, modes;
};
constexpr auto bug_modes = std::to_array<BugModes>({
    {"ack-before-write", "quorum leader transactions"},
    {"dirty-reads", "transactions"},
    {"follower-reads", "leader transactions"},
    {"forgets-on-restart", "quorum leader transactions"},
    {"leader-lease-by-clock", "leader"},
    {"local-reads", "quorum"},
    {"lost-updates", "transactions"},
    {"no-write-back", "quorum"},
    {"none", "quorum leader multi transactions"},
    {"reordered-apply", "transactions"},
    {"retry-not-idempotent", "leader"},
    {"sloppy-quorum", "quorum"},
    {"trusts-order", "leader"},
    {"wall-clock-timestamps", "quorum"},
    {"write-skew", "transactions"},
});

bool ours_to_run(const std::filesystem::path& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  return !error && std::filesystem::is_regular_file(status) &&
         (status.permissions() & std::filesystem::perms::owner_exec) !=
             std::filesystem::perms::none;
}

/// Beside the running binary, or where an installation has it, or where the environment says.
std::filesystem::path refkv_program() {
  std::error_code error;
  const auto here = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  const char* named = std::getenv("FAULTLINE_REFKV");
  const std::array candidates{here / "refkv", here.parent_path() / "libexec/faultline/refkv",
                              std::filesystem::path(named ? named : "")};
  const auto found = std::ranges::find_if(candidates, ours_to_run);
  return found == candidates.end() ? std::filesystem::path{} : std::filesystem::absolute(*found);
}

class RefkvClient final : public Client {
 public:
  RefkvClient(const Node& node, bool has_transactions)
      : origin_(http_origin(node.address, port)),
        http_(origin_),
        has_transactions_(has_transactions) {}

  Outcome invoke(const Request& request, Deadline deadline) override {
    const RefkvExchange exchange = [&](const std::string& body) {
      return http_.post("/op", body, deadline);
    };
    if (request.function == Function::txn && asks_by_predicate(request.value)) {
      // The store ends what is open with its connection, so it has one of its own.
      Http own(origin_);
      RefkvOpenTransaction transaction(
          [&](const std::string& body, Deadline by) { return own.post("/op", body, by); });
      return invoke_by_steps(transaction, request, deadline);
    }
    if (request.function == Function::txn) return refkv_transaction(request, exchange);
    if (request.function == Function::transfer) return refkv_transfer(request, exchange);
    if (has_transactions_) return refkv_balances(request, exchange);
    const auto body = refkv_body(request);
    if (!body) return Outcome::fail(body.error().what);
    return refkv_outcome(request, http_.post("/op", *body, deadline));
  }

 private:
  const std::string origin_;
  Http http_;
  const bool has_transactions_;
};

class Refkv final : public Target {
 public:
  Refkv(std::string mode, std::string isolation, std::string bug, std::string ack,
        std::string reads)
      : program_(refkv_program()),
        mode_(std::move(mode)),
        isolation_(std::move(isolation)),
        bug_(std::move(bug)),
        ack_(std::move(ack)),
        reads_(std::move(reads)) {}

  std::string_view name() const override { return "refkv"; }

  std::vector<Function> functions() const override {
    if (mode_ == "transactions") return {Function::read, Function::txn, Function::transfer};
    if (mode_ == "leader") return {Function::read, Function::write, Function::cas};
    return {Function::read, Function::write};
  }

  Status available() const override {
    if (!program_.empty()) return Ok{};
    return Error{
        "refkv: not beside this program, nor in ../libexec/faultline; build it, or name it "
        "in the environment variable FAULTLINE_REFKV",
        ErrorKind::capability};
  }

  std::filesystem::path program() const override { return program_; }
  std::string version() const override { return "1"; }

  Result<Launch> launch(const Node& node, std::span<const Node> all) const override {
    if (const auto here = available(); !here) return here.error();
    std::string peers;
    for (const Node& each : all) {
      if (!peers.empty()) peers += ',';
      peers += each.name + '=' + each.address + ':' + std::to_string(port);
    }
    return Launch{.argv = {program_.string(), "--node", node.name, "--listen",
                           node.address + ':' + std::to_string(port), "--peers", peers, "--data",
                           node.data_dir.string(), "--mode", mode_, "--isolation", isolation_,
                           "--ack", ack_, "--reads", reads_, "--bug", bug_},
                  .environment = {}};
  }

  Status ready(const Node& node, Deadline deadline) const override {
    Http http(http_origin(node.address, port));
    const HttpReply reply = http.get("/status", deadline);
    if (!reply.error.empty()) return Error{node.name + ": " + reply.error, ErrorKind::target};
    const Json status = Json::parse(reply.body, nullptr, false);
    if (reply.status != 200 || !status.is_object() || !status.contains("ready")) {
      return Error{node.name + ": not refkv's status", ErrorKind::target};
    }
    if (status["ready"] != true) return Error{node.name + ": not ready", ErrorKind::target};
    return Ok{};
  }

  Result<std::unique_ptr<Client>> connect(const Node& node) const override {
    return std::unique_ptr<Client>(std::make_unique<RefkvClient>(node, mode_ == "transactions"));
  }

  bool has_steps() const override { return mode_ == "transactions"; }
  Result<std::unique_ptr<OpenTransaction>> open_transaction(const Node& node) const override {
    if (!has_steps()) return Target::open_transaction(node);
    auto http = std::make_shared<Http>(http_origin(node.address, port));
    return std::unique_ptr<OpenTransaction>(std::make_unique<RefkvOpenTransaction>(
        [http = std::move(http)](const std::string& body, Deadline deadline) {
          return http->post("/op", body, deadline);
        }));
  }

  /// Fixed by configuration: the first node, whatever its state.
  std::vector<std::size_t> leaders(std::span<const Node> nodes, Deadline) const override {
    if ((mode_ != "leader" && mode_ != "transactions") || nodes.empty()) return {};
    return {0};
  }

 private:
  std::filesystem::path program_;
  std::string mode_, isolation_, bug_, ack_, reads_;
};

/// A member of `json` that is a boolean with this value.
bool is(const Json& json, const char* member, bool value) {
  const auto found = json.find(member);
  return found != json.end() && found->is_boolean() && found->get<bool>() == value;
}

std::string error_text(const Json& json) {
  const auto found = json.find("error");
  return found != json.end() && found->is_string() ? found->get<std::string>() : "no reason given";
}

}  // namespace

Result<std::string> refkv_body(const Request& request) {
  Map body{{"op", std::string(name_of(request.function))}, {"key", request.key}};
  if (request.function == Function::write) body.emplace_back("value", request.value);
  if (request.function == Function::cas) {
    const List* pair = request.value.list();
    if (!pair || pair->size() != 2) return Error{"a compare-and-set wants [old, new]"};
    body.emplace_back("expected", pair->at(0));
    body.emplace_back("value", pair->at(1));
  }
  return json_text(body);
}

Result<Value> refkv_answer(const HttpReply& reply) {
  if (!reply.error.empty()) return Error{reply.error};
  const Json json = Json::parse(reply.body, nullptr, /*allow_exceptions=*/false);
  const auto is_scalar = [](const Json& value) { return !value.is_structured(); };
  if (json.is_object() && reply.status == 200 && is(json, "ok", true) && json.contains("value")) {
    const Json& value = json["value"];
    if (is_scalar(value) || (value.is_array() && std::ranges::all_of(value, is_scalar)))
      return value_of_json(value.dump());
  }
  if (json.is_object() && is(json, "ok", false)) return Error{error_text(json)};
  return Error{"status " + std::to_string(reply.status) + ": not a reply of refkv"};
}

Outcome refkv_outcome(const Request& request, const HttpReply& reply) {
  if (reply.never_sent) return Outcome::fail(reply.error);
  if (!reply.error.empty()) return Outcome::lost(request, reply.error);
  const Json json = Json::parse(reply.body, nullptr, /*allow_exceptions=*/false);
  const std::string strange = "status " + std::to_string(reply.status) + ": not a reply of refkv";
  if (!json.is_object()) return Outcome::lost(request, strange);

  if (reply.status == 200 && is(json, "ok", true)) {
    if (request.function != Function::read) return Outcome::ok(request.value);
    auto value = refkv_answer(reply);
    if (value && value->list() == nullptr) return Outcome::ok(*std::move(value));
    return Outcome::lost(request, value ? strange : value.error().what);
  }
  if (!is(json, "ok", false)) return Outcome::lost(request, strange);
  if (reply.status == 200 && is(json, "mismatch", true) && request.function == Function::cas) {
    return Outcome::mismatch();
  }
  if (reply.status == 200 && is(json, "mismatch", true) && request.function == Function::txn) {
    return Outcome::fail("conflict");
  }
  const bool known_status = reply.status == 400 || reply.status == 503;
  if (known_status && is(json, "definite", true)) return Outcome::fail(error_text(json));
  return Outcome::lost(request, error_text(json));
}

Result<std::unique_ptr<Target>> make_refkv(Params& params) {
  std::string mode = params.choice("mode", "quorum", modes);
  std::vector<std::string_view> bugs;
  bugs.reserve(bug_modes.size());
  for (const BugModes& each : bug_modes) bugs.push_back(each.bug);
  std::string bug = params.choice("bug", "none", bugs);
  std::string ack = params.choice("ack", "majority", acks);
  std::string isolation = params.choice("isolation", "serializable", isolations);
  if (isolation != "serializable" && mode != "transactions")
    params.fail("isolation", "only mode transactions has transactions to isolate");
  std::string reads = params.choice("reads", "leader", readers);
  if (reads != "leader" && mode != "leader")
    params.fail("reads", "only in mode leader do others read than the leader");
  for (const auto& [needs, of] :
       {std::pair("leader-lease-by-clock", "lease"), std::pair("trusts-order", "followers")})
    if (bug == needs && reads != of)
      params.fail("bug", "bug " + bug + " makes no difference without reads: " + of);
  if (const auto known = std::ranges::find(bug_modes, bug, &BugModes::bug);
      known != bug_modes.end() && known->modes.find(mode) == std::string_view::npos) {
    params.fail("bug", "bug " + bug + " makes no difference in mode " + mode +
                           "; it does in: " + std::string(known->modes));
  }
  if (const auto status = params.finish(); !status) return status.error();
  return std::unique_ptr<Target>(std::make_unique<Refkv>(
      std::move(mode), std::move(isolation), std::move(bug), std::move(ack), std::move(reads)));
}

}  // namespace faultline
