// What refkv says on the wire and on disk, as JSON texts. Parsers throw std::runtime_error on
// anything that they would not have written themselves.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "targets/refkv/types.h"

namespace refkv {

// POST /op, from a client: {"op":"read","key":"k"}, {"op":"write","key":"k","value":7},
// {"op":"cas","key":"k","expected":7,"value":8}. Values are JSON scalars. In mode transactions
// {"op":"begin"}, {"op":"read","key":"k","at":12} and {"op":"commit","at":12,"accesses":
// [["r","k"],["append","k",7],["w","j",8]]}. Open transactions: open_transactions.h.
Call parse_call(std::string_view body);
std::string encode_call(const Call& call);

/// {"ok":true,"value":7} | {"ok":false,"mismatch":true} (and "error", of an open transaction) |
/// {"ok":false,"definite":true,"error":"…"}: certainly without effect, ever |
/// {"ok":false,"definite":false,"error":"…"}: it may have had an effect, or may still.
std::string encode_answer(const Answer& answer);

// POST /peer, and its reply: {"from":1,"messages":[…]}
struct Batch {
  std::size_t from = 0;
  std::vector<Message> messages;
};
std::string encode_batch(const Batch& batch);
Batch parse_batch(std::string_view body, std::size_t nodes);

/// A record of the journal.
struct Record {
  std::optional<std::uint64_t> epoch{};  ///< A start of the node: nothing else is in the record.
  Tag tag{};                             ///< Modes quorum and multi.
  Call call{};                           ///< Mode leader: the command; else key and value.
};
std::string encode_record(const Record& record);
Record parse_record(std::string_view text);

}  // namespace refkv
