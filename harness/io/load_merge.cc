#include "harness/io/load_merge.h"

#include <algorithm>
#include <array>
#include <utility>

namespace faultline {
namespace {

using Type = ParsedEvent::Type;

bool is_pair(const ValuePool& pool, ValueHandle h) {
  return h.kind() == ValueHandle::Kind::list && pool.items(h).size() == 2;
}

/// [k v], with a key that is a scalar.
bool is_tuple(const ValuePool& pool, ValueHandle h) {
  if (!is_pair(pool, h)) return false;
  const ValueHandle key = pool.items(h)[0];
  return !key.is_nil() && !key.is_compound();
}

/// Whether `value` is `argument` with what was nil filled in.
bool fits(const ValuePool& pool, ValueHandle argument, ValueHandle value) {
  if (argument.is_nil() || pool.equal(argument, value)) return true;
  constexpr auto list = ValueHandle::Kind::list;
  if (argument.kind() != list || value.kind() != list) return false;
  return std::ranges::equal(pool.items(argument), pool.items(value),
                            [&](ValueHandle a, ValueHandle v) { return fits(pool, a, v); });
}

}  // namespace

/// A block's handles and ids in terms of the history's.
struct Merger::Translation {
  Translation(const Block& from, HistoryBuilder& to) : block(from), builder(to) {}

  ValueHandle value(ValueHandle h) {
    switch (h.kind()) {
      case ValueHandle::Kind::nil:
      case ValueHandle::Kind::boolean:
      case ValueHandle::Kind::integer:
        return h;
      case ValueHandle::Kind::text:
      case ValueHandle::Kind::real: {
        // Interned in the block: each is looked up once.
        const std::size_t id = h.bits() >> 3;
        if (id >= texts.size()) texts.resize(std::max<std::size_t>(id + 1, 2 * texts.size()));
        if (texts[id].is_nil()) texts[id] = builder.values().import(block.pool, h);
        return texts[id];
      }
      case ValueHandle::Kind::list:
      case ValueHandle::Kind::map: {
        // Not ValuePool::import, which looks up every text of a transaction anew.
        const std::size_t first = items.size();
        for (const ValueHandle item : block.pool.items(h)) {
          const ValueHandle copy = value(item);
          items.push_back(copy);
        }
        const auto copies = std::span(items).subspan(first);
        const ValueHandle copy = h.kind() == ValueHandle::Kind::list ? builder.values().list(copies)
                                                                     : builder.values().map(copies);
        items.resize(first);
        return copy;
      }
      case ValueHandle::Kind::big_integer:
        break;
    }
    return builder.values().import(block.pool, h);
  }

  /// The value of an event, or what a tuple holds as the value.
  ValueHandle value_of(const ParsedEvent& event, ValueHandle h) {
    if (h.kind() == ValueHandle::Kind::list && event.lists_from != ParsedEvent::lists_anywhere) {
      // A text that is new here is left to value(), so that texts come in the order of the file.
      const auto known = [this](ValueHandle& leaf) {
        const std::size_t id = leaf.bits() >> 3;
        const bool is_text = leaf.kind() == ValueHandle::Kind::text;
        if (!is_text || id >= texts.size() || texts[id].is_nil()) return false;
        leaf = texts[id];
        return true;
      };
      const ValueHandle copy =
          builder.values().import_lists(block.pool, event.lists_from, h, known);
      if (!copy.is_nil()) return copy;
    }
    return value(h);
  }

  KeyId key(ValueHandle h) {
    if (h.is_nil()) return no_key;
    auto& [bits, id] = keys[(h.bits() ^ h.bits() >> 3) % keys.size()];
    if (bits != h.bits()) {
      bits = h.bits();
      id = builder.key(value(h));
    }
    return id;
  }

  NodeId node(NodeId id) {
    if (id == no_node) return no_node;
    nodes.resize(block.nodes.size(), no_node);
    // In the order in which they are used, whatever else the block names.
    if (nodes[id] == no_node) nodes[id] = builder.node(block.nodes[id]);
    return nodes[id];
  }

  ErrorId error(ErrorId id) {
    if (id == no_error) return no_error;
    errors.resize(block.errors.size(), no_error);
    if (errors[id] == no_error) errors[id] = builder.error(block.errors[id]);
    return errors[id];
  }

  const Block& block;
  HistoryBuilder& builder;
  std::vector<ValueHandle> texts;
  std::vector<ValueHandle> items;  ///< A stack: nested lists append behind the outer one's items.
  std::array<std::pair<std::uint64_t, KeyId>, 256>
      keys{};  ///< A cache; bits 0 (nil) is never asked for.
  std::vector<NodeId> nodes;
  std::vector<ErrorId> errors;
};

/// Key and value of an event, wherever the file has the key.
struct Merger::Split {
  ValueHandle key{}, value{};
};

LoadError load_error_at(std::string file, std::string_view text, std::uint64_t byte,
                        std::string expected) {
  return load_error_at(std::move(file), Source::of(text), byte, std::move(expected));
}

LoadError load_error_at(std::string file, const Source& source, std::uint64_t byte,
                        std::string expected) {
  std::vector<char> piece(1 << 16);
  std::uint64_t line = 1, line_begin = 0;
  for (std::uint64_t at = 0; at < byte; at += piece.size()) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), byte - at));
    if (Status done = source.read(at, piece.data(), size); !done)
      return load_error(std::move(file), 0, 0, done.error().what);
    for (std::size_t i = 0; i < size; ++i) {
      if (piece[i] != '\n') continue;
      ++line;
      line_begin = at + i + 1;
    }
  }
  return load_error(std::move(file), line, static_cast<std::uint32_t>(byte - line_begin + 1),
                    std::move(expected));
}

Result<std::uint32_t> Anonymous::invoke(std::uint8_t function, ValueHandle argument) {
  if (open_.size() == open_max)
    return Error{"expected the field process, or fewer than 10,000 operations open at once",
                 ErrorKind::usage};
  open_.push_back({next_, function, argument});
  return next_++;
}

Result<std::uint32_t> Anonymous::complete(const ParsedEvent& event, ValueHandle value,
                                          const ValuePool& pool) {
  std::vector<std::size_t> candidates;
  for (std::size_t i = 0; i < open_.size(); ++i)
    if (event.function == ParsedEvent::no_function || event.function == open_[i].function)
      candidates.push_back(i);
  if (candidates.size() > 1)
    std::erase_if(candidates, [&](std::size_t i) { return !fits(pool, open_[i].argument, value); });
  if (candidates.size() != 1)
    return Error{(candidates.empty() ? "completes an operation that nobody invoked"
                                     : "completes one of several open operations, it is unclear "
                                       "which") +
                     std::string("; expected the field process"),
                 ErrorKind::usage};
  const std::uint32_t process = open_[candidates[0]].process;
  open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(candidates[0]));
  return process;
}

LoadError Merger::error(std::uint32_t line, std::uint32_t column, std::string expected) const {
  if (source_ != nullptr)
    return load_error_at(name_, *source_, block_begin_ + line, std::move(expected));
  return load_error(name_, lines_ + line + 1, column, std::move(expected));
}

std::optional<LoadError> Merger::add(Block& block) {
  if (block.failure) return load_error(name_, 0, 0, block.failure->what);
  if (keys_ == Keys::undecided || has_guessed_tuples_) {
    if (inspect(block)) {
      if (has_guessed_tuples_) return error(0, 1, "expected tuples");  // nobody sees it
      keys_ = Keys::in_field;
    }
    if (keys_ == Keys::undecided && tuples_ == Tuples::guess && has_tuple_evidence_) {
      has_guessed_tuples_ = true;
      keys_ = Keys::in_tuple;
    }
    if (keys_ == Keys::undecided) {
      const bool is_last = block.problem.has_value();
      held_.push_back(std::move(block));
      return is_last ? finish() : std::nullopt;
    }
    if (auto failed = merge_held()) return failed;
  }
  return merge(block);
}

std::optional<LoadError> Merger::finish() {
  if (keys_ == Keys::undecided) keys_ = has_tuple_evidence_ ? Keys::in_tuple : Keys::in_field;
  return merge_held();
}

std::optional<LoadError> Merger::merge_held() {
  for (Block& block : std::exchange(held_, {})) {
    if (auto failed = merge(block)) return failed;
    block = Block();  // not needed any more, and the history grows
  }
  return {};
}

/// Whether there is anything that a history of tuples cannot have.
bool Merger::inspect(const Block& block) {
  const ValuePool& pool = block.pool;
  for (const ParsedEvent& event : block.events) {
    if (event.type == Type::skipped) continue;
    const bool may_be_nil = event.type == Type::fail || event.type == Type::info;
    const bool fits = is_tuple(pool, event.value) || (may_be_nil && event.value.is_nil());
    if (event.has_key || !fits) return true;
    if (event.type != Type::invoke) continue;
    const ValueHandle inner = pool.items(event.value)[1];
    const bool is_cas = event.function == static_cast<std::uint8_t>(Function::cas);
    if (is_cas && !is_pair(pool, inner)) return true;  // a plain [old new]
    if (is_cas || inner.is_nil()) has_tuple_evidence_ = true;
  }
  return false;
}

std::optional<LoadError> Merger::merge(const Block& block) {
  const bool is_first = builder_.events() == 0 && !block.events.empty();
  // The blocks to come will be like this one; a tenth more spares the last doubling. A block is
  // larger than asked for where events are.
  const std::uint64_t behind = source_ != nullptr && is_first ? block.events.back().line : 0;
  const double share =
      static_cast<double>(file_bytes_) / static_cast<double>(std::max(block_bytes_, behind));
  const double growth = share > 1 ? share * 1.1 : 1;
  if (is_first) {
    const ParsedEvent& first = block.events.front();
    has_indexes_ = first.index != ParsedEvent::no_index;
    is_ours_ = has_indexes_ && first.node != no_node && first.time != no_time;
    const double events = static_cast<double>(block.events.size()) * growth;
    builder_.reserve(static_cast<std::size_t>(events / 2) + 1);
  }
  block_begin_ = block.begin;
  Translation translation(block, builder_);
  for (const ParsedEvent& event : block.events)
    if (auto failed = merge_event(event, translation)) return failed;
  if (is_first && block.events.size() > 1) {
    // No more than a word for each byte: "[]" is two.
    const auto words = static_cast<double>(builder_.values().compound_words());
    const auto most = static_cast<double>(file_bytes_);
    builder_.values().reserve_compound_words(
        static_cast<std::size_t>(std::min(words * growth, most)));
  }
  if (block.problem)
    return error(block.problem->line, block.problem->column, block.problem->expected);
  lines_ += block.lines;
  if (block.torn_bytes > 0)
    warnings_.push_back(name_ + ": dropped a torn last line (" + std::to_string(block.torn_bytes) +
                        " bytes)");
  return {};
}

std::optional<LoadError> Merger::merge_index(const ParsedEvent& event) {
  const std::uint64_t position = builder_.events();
  if (!has_indexes_) return {};
  if (event.index == ParsedEvent::no_index)
    return error(event.line, 1, "expected the field \"index\", as the events before have it");
  if (is_ours_ && event.index != position)
    return error(event.line, 1,
                 "expected index " + std::to_string(position) + ", found " +
                     std::to_string(event.index) +
                     ": a history of ours has neither gaps nor repeats");
  if (position > 0 && event.index <= last_index_)
    return error(event.line, 1,
                 "expected an index above " + std::to_string(last_index_) + ", found " +
                     std::to_string(event.index));
  last_index_ = event.index;
  if (!keeps_indexes_ && event.index != position) {
    keeps_indexes_ = true;
    for (std::uint64_t dense = 0; dense < position; ++dense) builder_.set_index(dense);
  }
  if (keeps_indexes_) builder_.set_index(event.index);
  return {};
}

std::optional<LoadError> Merger::merge_event(const ParsedEvent& event, Translation& translation) {
  if (builder_.events() >= never - 1)
    return error(event.line, 1, "expected at most 4,294,967,294 events");
  if (auto failed = merge_index(event)) return failed;
  if (event.type == Type::skipped) {
    builder_.skip_event();
    return {};
  }
  Split split{event.key, event.value};
  if (keys_ == Keys::in_tuple && !event.value.is_nil()) {
    const auto items = translation.block.pool.items(event.value);
    split = {items[0], items[1]};
  }
  ParsedEvent named = event;
  if (auto failed = name_process(named, split, translation)) return failed;
  const Status done = event.type == Type::invoke ? append_invoke(named, split, translation)
                                                 : append_complete(named, split, translation);
  if (!done) return error(event.line, 1, done.error().what);
  return {};
}

std::optional<LoadError> Merger::name_process(ParsedEvent& event, const Split& split,
                                              Translation& translation) {
  const Processes here = event.has_process ? Processes::named : Processes::anonymous;
  if (processes_ == Processes::unknown) processes_ = here;
  if (here != processes_)
    return error(event.line, 1,
                 here == Processes::named
                     ? "expected no field process, as the events before have none"
                     : "expected the field process, as the events before have it");
  if (event.has_process) return {};
  const ValueHandle value = translation.value(split.value);
  const auto process = event.type == Type::invoke
                           ? anonymous_.invoke(event.function, value)
                           : anonymous_.complete(event, value, builder_.so_far().values());
  if (!process) return error(event.line, 1, process.error().what);
  event.process = *process;
  return {};
}

Status Merger::append_invoke(const ParsedEvent& event, const Split& split,
                             Translation& translation) {
  return builder_.invoke({.process = event.process,
                          .function = static_cast<Function>(event.function),
                          .key = translation.key(split.key),
                          .argument = translation.value_of(event, split.value),
                          .node = translation.node(event.node),
                          .time = event.time});
}

Status Merger::append_complete(const ParsedEvent& event, const Split& split,
                               Translation& translation) {
  HistoryBuilder::Complete done{.process = event.process, .time = event.time};
  if (const OperationId* row = builder_.open_operation(event.process)) {
    const Function function = builder_.so_far().function()[*row];
    const auto who = [&] { return "process " + std::to_string(event.process); };
    if (event.function != ParsedEvent::no_function &&
        event.function != static_cast<std::uint8_t>(function))
      return Error{who() + " completes " +
                       std::string(name_of(static_cast<Function>(event.function))) +
                       ", but invoked " + std::string(name_of(function)),
                   ErrorKind::usage};
    if (!split.key.is_nil() && translation.key(split.key) != builder_.so_far().key()[*row])
      return Error{who() + " completes an operation on another key than it invoked",
                   ErrorKind::usage};
    const bool is_mismatch = may_mismatch(function) && event.type == Type::fail &&
                             event.error != no_error &&
                             translation.block.errors[event.error] == "mismatch";
    done.fate = event.type == Type::ok     ? Fate::ok
                : event.type == Type::info ? Fate::info
                                           : Fate::fail;
    if (is_mismatch) done.fate = Fate::mismatch;
    // No info: that would end the process.
    if (nil_reads_unknown_ && function == Function::read && split.value.is_nil())
      done.fate = Fate::fail;
  }
  if (event.type == Type::ok) done.output = translation.value_of(event, split.value);
  done.error = translation.error(event.error);
  return builder_.complete(done);
}

}  // namespace faultline
