#include "targets/refkv/codec.h"

#include <array>
#include <stdexcept>

#include <nlohmann/json.hpp>

namespace refkv {
namespace {

using Json = nlohmann::json;

constexpr std::array op_names{"read", "write",  "cas",  "begin",  "commit",
                              "open", "access", "look", "finish", "abort"};
constexpr std::array access_names{"r", "w", "append", "r-where", "delete-where"};
constexpr std::array match_names{"any", "equal", "multiple-of"};
constexpr std::array answer_names{"ok", "mismatch", "refused", "unknown"};

template <typename Enum, std::size_t n>
Enum parse_enum(const std::array<const char*, n>& names, const std::string& name) {
  for (std::size_t i = 0; i < n; ++i) {
    if (name == names[i]) return static_cast<Enum>(i);
  }
  throw std::runtime_error("unknown word \"" + name + "\"");
}

/// Scalars only: an equal scalar has an equal spelling, so that texts can be compared.
std::string scalar_text(const Json& value) {
  if (value.is_structured()) throw std::runtime_error("a value must be a scalar");
  std::string text = value.dump();
  if (text.size() > value_bytes_max) throw std::runtime_error("value too long");
  return text;
}

Json to_json(const Tag& tag) { return Json::array({tag.counter, tag.node, tag.request}); }

Tag parse_tag(const Json& json) {
  return {json.at(0).get<std::uint64_t>(), json.at(1).get<std::uint32_t>(),
          json.at(2).get<std::uint64_t>()};
}

bool is_of_open(Op op) { return op >= Op::access; }
bool has_key(Op op) { return op == Op::read || op == Op::write || op == Op::cas; }

/// ["p/","equal",7]: keys that begin with p/, with a 7.
Json match_to_json(const Access& access) {
  const Match& match = access.match;
  Json json{access.key, match_names.at(static_cast<std::size_t>(match.kind)), nullptr};
  if (match.kind != Match::Kind::any) json[2] = match.number;
  return json;
}

void parse_match(const Json& json, Access& access) {
  Match& match = access.match;
  access.key = json.at(0).get<std::string>();
  if (access.key.empty()) throw std::runtime_error("a prefix of nothing");
  match.kind = parse_enum<Match::Kind>(match_names, json.at(1).get<std::string>());
  if (match.kind == Match::Kind::any) return;
  if (!json.at(2).is_number_integer()) throw std::runtime_error("an integer is to be matched");
  match.number = json.at(2).get<std::int64_t>();
  if (match.kind == Match::Kind::multiple_of && match.number < 1)
    throw std::runtime_error("multiples of less than 1");
}

/// [["r","k"],["append","k",7],["w","j",8],["r-where",["p/","any",null]]]; clients say values
/// outright, and nodes to each other as texts.
template <typename OfText>
Json accesses_to_json(const std::vector<Access>& accesses, OfText&& of_text) {
  Json json = Json::array();
  for (const Access& access : accesses) {
    json.push_back({access_names.at(static_cast<std::size_t>(access.kind))});
    if (access.kind >= Access::Kind::find) {
      json.back().push_back(match_to_json(access));
      continue;
    }
    json.back().push_back(access.key);
    if (access.kind != Access::Kind::read) json.back().push_back(of_text(access.value));
  }
  return json;
}

template <typename ToText>
std::vector<Access> parse_accesses(const Json& json, ToText&& to_text) {
  std::vector<Access> accesses;
  for (const Json& item : json) {
    Access access;
    access.kind = parse_enum<Access::Kind>(access_names, item.at(0).get<std::string>());
    if (access.kind >= Access::Kind::find)
      parse_match(item.at(1), access);
    else
      access.key = item.at(1).get<std::string>();
    if (access.key.size() > key_bytes_max) throw std::runtime_error("key too long");
    if (access.kind == Access::Kind::write || access.kind == Access::Kind::append)
      access.value = to_text(item.at(2));
    accesses.push_back(std::move(access));
    if (accesses.size() > accesses_max) throw std::runtime_error("too many accesses");
  }
  return accesses;
}

// Between nodes and on disk, values travel as texts: they need not be parsed again.
Json to_json(const Call& call) {
  Json json{{"op", op_names.at(static_cast<std::size_t>(call.op))}};
  if (call.at != 0) json["at"] = call.at;
  if (call.op == Op::commit || call.op == Op::access)
    json["a"] = accesses_to_json(call.accesses, [](const std::string& text) { return text; });
  if (is_of_open(call.op)) json["t"] = call.transaction;
  if (has_key(call.op)) json["k"] = call.key;
  if (call.op == Op::write || call.op == Op::cas) json["v"] = call.value;
  if (call.op == Op::cas) json["e"] = call.expected;
  return json;
}

Call parse_inner_call(const Json& json) {
  Call call;
  call.op = parse_enum<Op>(op_names, json.at("op").get<std::string>());
  call.at = json.value("at", std::uint64_t{0});
  if (call.op == Op::commit || call.op == Op::access)
    call.accesses =
        parse_accesses(json.at("a"), [](const Json& text) { return text.get<std::string>(); });
  if (is_of_open(call.op)) call.transaction = json.at("t").get<std::uint64_t>();
  if (has_key(call.op)) call.key = json.at("k").get<std::string>();
  if (call.op == Op::write || call.op == Op::cas) call.value = json.at("v").get<std::string>();
  if (call.op == Op::cas) call.expected = json.at("e").get<std::string>();
  return call;
}

Json to_json(const Message& m) {
  using Kind = Message::Kind;
  Json json{{"t", static_cast<int>(m.kind)}};
  if (m.kind != Kind::append_reply) json["r"] = m.request;
  if (m.lease != 0) json["l"] = m.lease;
  switch (m.kind) {
    case Kind::query:
      json["k"] = m.call.key;
      break;
    case Kind::query_reply:
      json["g"] = to_json(m.tag);
      json["v"] = m.call.value;
      break;
    case Kind::store:
      json["k"] = m.call.key;
      json["g"] = to_json(m.tag);
      json["v"] = m.call.value;
      break;
    case Kind::store_reply:
    case Kind::ping:
    case Kind::position:
      break;
    case Kind::ping_reply:
      json["f"] = m.flag;
      break;
    case Kind::position_reply:
      json["c"] = m.commit;
      json["f"] = m.flag;
      break;
    case Kind::append: {
      json["i"] = m.index;
      json["c"] = m.commit;
      Json& entries = json["e"] = Json::array();
      for (const Call& entry : m.entries) entries.push_back(to_json(entry));
      break;
    }
    case Kind::append_reply:
      json["i"] = m.index;
      json["f"] = m.flag;
      break;
    case Kind::forward:
      json["call"] = to_json(m.call);
      break;
    case Kind::forward_reply:
      json["a"] = answer_names.at(static_cast<std::size_t>(m.answer.kind));
      json["v"] = m.answer.value;
      json["error"] = m.answer.error;
      break;
  }
  return json;
}

Message parse_message(const Json& json) {
  using Kind = Message::Kind;
  Message m;
  const int kind = json.at("t").get<int>();
  if (kind < 0 || kind > static_cast<int>(Kind::position_reply)) {
    throw std::runtime_error("unknown kind of message");
  }
  m.kind = static_cast<Kind>(kind);
  if (m.kind != Kind::append_reply) m.request = json.at("r").get<std::uint64_t>();
  m.lease = json.value("l", std::uint64_t{0});
  switch (m.kind) {
    case Kind::query:
      m.call.key = json.at("k").get<std::string>();
      break;
    case Kind::query_reply:
      m.tag = parse_tag(json.at("g"));
      m.call.value = json.at("v").get<std::string>();
      break;
    case Kind::store:
      m.call.key = json.at("k").get<std::string>();
      m.tag = parse_tag(json.at("g"));
      m.call.value = json.at("v").get<std::string>();
      break;
    case Kind::store_reply:
    case Kind::ping:
    case Kind::position:
      break;
    case Kind::ping_reply:
      m.flag = json.at("f").get<bool>();
      break;
    case Kind::position_reply:
      m.commit = json.at("c").get<std::uint64_t>();
      m.flag = json.at("f").get<bool>();
      break;
    case Kind::append:
      m.index = json.at("i").get<std::uint64_t>();
      m.commit = json.at("c").get<std::uint64_t>();
      for (const Json& entry : json.at("e")) m.entries.push_back(parse_inner_call(entry));
      break;
    case Kind::append_reply:
      m.index = json.at("i").get<std::uint64_t>();
      m.flag = json.at("f").get<bool>();
      break;
    case Kind::forward:
      m.call = parse_inner_call(json.at("call"));
      break;
    case Kind::forward_reply:
      m.answer.kind = parse_enum<Answer::Kind>(answer_names, json.at("a").get<std::string>());
      m.answer.value = json.at("v").get<std::string>();
      m.answer.error = json.at("error").get<std::string>();
      break;
  }
  return m;
}

/// nlohmann's exceptions carry numbers and offsets; here one kind of exception is enough.
template <typename Parse>
auto parse(std::string_view text, Parse&& convert) {
  try {
    return convert(Json::parse(text));
  } catch (const Json::exception& error) {
    throw std::runtime_error(error.what());
  }
}

}  // namespace

Call parse_call(std::string_view body) {
  return parse(body, [](const Json& json) {
    Call call;
    call.op = parse_enum<Op>(op_names, json.at("op").get<std::string>());
    call.at = json.value("at", std::uint64_t{0});
    if (call.op == Op::commit) {
      call.accesses = parse_accesses(json.at("accesses"), scalar_text);
      // Of what it deletes a commit says the keys.
      for (const Access& access : call.accesses)
        if (access.kind == Access::Kind::erase)
          throw std::runtime_error("only open transactions delete by predicate");
    }
    if (call.op == Op::access)
      call.accesses = parse_accesses(Json::array({json.at("access")}), scalar_text);
    if (is_of_open(call.op)) call.transaction = json.at("transaction").get<std::uint64_t>();
    if (has_key(call.op)) call.key = json.at("key").get<std::string>();
    if (call.key.size() > key_bytes_max) throw std::runtime_error("key too long");
    if (call.op == Op::write || call.op == Op::cas) call.value = scalar_text(json.at("value"));
    if (call.op == Op::cas) call.expected = scalar_text(json.at("expected"));
    return call;
  });
}

std::string encode_call(const Call& call) {
  Json json{{"op", op_names.at(static_cast<std::size_t>(call.op))}};
  if (call.at != 0) json["at"] = call.at;
  const auto outright = [](const std::string& text) { return Json::parse(text); };
  if (call.op == Op::commit) json["accesses"] = accesses_to_json(call.accesses, outright);
  if (call.op == Op::access) json["access"] = accesses_to_json(call.accesses, outright).at(0);
  if (is_of_open(call.op)) json["transaction"] = call.transaction;
  if (has_key(call.op)) json["key"] = call.key;
  if (call.op == Op::write || call.op == Op::cas) json["value"] = Json::parse(call.value);
  if (call.op == Op::cas) json["expected"] = Json::parse(call.expected);
  return json.dump();
}

std::string encode_answer(const Answer& answer) {
  switch (answer.kind) {
    case Answer::Kind::ok:
      return R"({"ok":true,"value":)" + answer.value + "}";
    case Answer::Kind::mismatch: {
      Json json{{"ok", false}, {"mismatch", true}};
      if (!answer.error.empty()) json["error"] = answer.error;
      return json.dump();
    }
    case Answer::Kind::refused:
    case Answer::Kind::unknown:
      break;
  }
  return Json{
      {"ok", false}, {"definite", answer.kind == Answer::Kind::refused}, {"error", answer.error}}
      .dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string encode_batch(const Batch& batch) {
  Json messages = Json::array();
  for (const Message& message : batch.messages) messages.push_back(to_json(message));
  return Json{{"from", batch.from}, {"messages", std::move(messages)}}.dump();
}

Batch parse_batch(std::string_view body, std::size_t nodes) {
  return parse(body, [&](const Json& json) {
    Batch batch;
    batch.from = json.at("from").get<std::size_t>();
    if (batch.from >= nodes) throw std::runtime_error("unknown node");
    for (const Json& message : json.at("messages")) {
      batch.messages.push_back(parse_message(message));
    }
    return batch;
  });
}

std::string encode_record(const Record& record) {
  if (record.epoch) return Json{{"epoch", *record.epoch}}.dump();
  Json json = to_json(record.call);
  if (record.tag.counter != 0) json["g"] = to_json(record.tag);
  return json.dump();
}

Record parse_record(std::string_view text) {
  return parse(text, [](const Json& json) {
    Record record;
    if (json.contains("epoch")) {
      record.epoch = json.at("epoch").get<std::uint64_t>();
      return record;
    }
    record.call = parse_inner_call(json);
    if (json.contains("g")) record.tag = parse_tag(json.at("g"));
    return record;
  });
}

}  // namespace refkv
