#include "targets/refkv_stepwise.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "harness/core/predicate.h"
#include "targets/json_value.h"
#include "targets/refkv.h"

namespace faultline {
namespace {

using StepJson = nlohmann::json;
using StepKind = StepReport::Kind;

/// ["r", key], ["w", key, value], ["r-where", P], ["delete-where", P], as the store has them.
Result<Value> access_words(const Value& access) {
  if (predicate_access_of(access)) {
    const List& parts = *access.list();
    return Value(List{parts[0], parts[1]});
  }
  const auto item = access_of(access);
  if (!item || item->kind == Access::Kind::append)
    return Error{"an open transaction of refkv reads and writes, by key or predicate"};
  if (item->kind == Access::Kind::read) return Value(List{"r", key_name(*item->key)});
  return Value(List{"w", key_name(*item->key), *item->value});
}

/// The rows [[key, value], …], by key.
bool are_rows(const Value& answer) {
  if (answer.list() == nullptr) return false;
  for (const Value& row : *answer.list()) {
    const List* pair = row.list();
    if (pair == nullptr || pair->size() != 2) return false;
    if (pair->at(0).text() == nullptr || pair->at(1).integer() == nullptr) return false;
  }
  return true;
}

/// `value` is what the store said to an access: {"answer":V} or {"waits_for":[5]}.
StepReport access_report(const Value& access, const StepJson& value) {
  StepReport strange{StepKind::failed, {}, "not an answer to this access"};
  if (!value.is_object()) return strange;
  const auto waits = value.find("waits_for");
  if (waits != value.end() && waits->is_array() && !waits->empty())
    return {StepKind::waiting, {}, {}};
  const auto said = value.find("answer");
  if (said == value.end()) return strange;
  auto answer = value_of_json(said->dump());
  if (!answer) return {StepKind::failed, {}, answer.error().what};
  const bool by_predicate = predicate_access_of(access).has_value();
  if (by_predicate && !are_rows(*answer)) return strange;
  StepReport report{StepKind::done, access, {}};
  Value& place = std::get<List>(report.access.content)[2];
  const bool is_write = *access.list()->at(0).text() == "w";
  if (is_write && *answer != place) return strange;
  place = *std::move(answer);
  return report;
}

bool is_true(const StepJson& json, const char* member) {
  const auto found = json.find(member);
  return found != json.end() && *found == true;
}

std::string why_not(const StepJson& json) {
  const auto found = json.find("error");
  return found != json.end() && found->is_string() ? found->get<std::string>() : "conflict";
}

}  // namespace

Result<std::string> refkv_step_body(const Step& step, std::int64_t transaction) {
  switch (step.kind) {
    case Step::Kind::begin:
      return json_text(Map{{"op", "open"}});
    case Step::Kind::commit:
      return json_text(Map{{"op", "finish"}, {"transaction", transaction}});
    case Step::Kind::abort:
      return json_text(Map{{"op", "abort"}, {"transaction", transaction}});
    case Step::Kind::access:
      break;
  }
  auto words = access_words(step.access);
  if (!words) return words.error();
  return json_text(
      Map{{"op", "access"}, {"transaction", transaction}, {"access", *std::move(words)}});
}

StepReport refkv_step_report(const Step& step, const HttpReply& reply) {
  const bool commits = step.kind == Step::Kind::commit;
  const StepKind otherwise = commits ? StepKind::lost : StepKind::failed;
  if (reply.never_sent) return {StepKind::failed, {}, reply.error};
  if (!reply.error.empty()) return {otherwise, {}, reply.error};
  const StepJson json = StepJson::parse(reply.body, nullptr, /*allow_exceptions=*/false);
  const std::string strange = "status " + std::to_string(reply.status) + ": not a reply of refkv";
  if (!json.is_object()) return {otherwise, {}, strange};
  if (reply.status == 200 && is_true(json, "ok")) {
    const auto value = json.find("value");
    if (value == json.end()) return {otherwise, {}, strange};
    if (step.kind == Step::Kind::access) return access_report(step.access, *value);
    if (step.kind == Step::Kind::begin && !value->is_number_integer())
      return {StepKind::failed, {}, "open: no number"};
    return {StepKind::done, {}, {}};
  }
  const auto ok = json.find("ok");
  if (ok == json.end() || *ok != false) return {otherwise, {}, strange};
  if (reply.status == 200 && is_true(json, "mismatch"))
    return {StepKind::refused, {}, why_not(json)};
  const bool known_status = reply.status == 400 || reply.status == 503;
  if (known_status && is_true(json, "definite")) return {StepKind::failed, {}, why_not(json)};
  return {otherwise, {}, why_not(json)};
}

void RefkvOpenTransaction::send(const Step& step, Deadline) {
  step_ = step;
  early_.reset();
  auto body = refkv_step_body(step, transaction_);
  if (!body)
    early_ = StepReport{StepKind::failed, {}, body.error().what};
  else
    body_ = *std::move(body);
}

StepReport RefkvOpenTransaction::look(Deadline deadline) {
  if (early_) return *early_;
  const HttpReply reply = exchange_(body_, deadline);
  StepReport report = refkv_step_report(step_, reply);
  if (step_.kind == Step::Kind::begin && report.kind == StepKind::done)
    transaction_ = *refkv_answer(reply)->integer();
  // It is asked once only; from now on, what became of it.
  if (report.kind == StepKind::waiting)
    body_ = *json_text(Map{{"op", "look"}, {"transaction", transaction_}});
  else
    early_ = report;
  return report;
}

}  // namespace faultline
