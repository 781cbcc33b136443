#include "harness/io/load_parse.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <string_view>

// No conversion of a result that throws may slip in: every error must be looked at.
#define SIMDJSON_EXCEPTIONS 0
#include <simdjson.h>

#include "harness/io/diagnosis.h"
#include "harness/io/event_words.h"
#include "harness/io/forms.h"
#include "harness/io/plain_line.h"

namespace faultline {
namespace {

namespace ondemand = simdjson::ondemand;

constexpr int depth_max = 200;

struct Failure {
  const char* at;  ///< In the line, or nullptr: find out.
  std::string expected;
};
using Stop = std::optional<Failure>;

/// The line is no JSON, or JSON that the parser cannot take; where and why is found out later.
Failure bad_json() { return {nullptr, {}}; }

constexpr auto field_names = std::to_array<std::string_view>(
    {"index\"", "type\"", "process\"", "f\"", "key\"", "value\"", "time\"", "node\"", "error\""});

/// The field whose name begins at `raw` (a name spelled with escapes is none of ours).
EventField field_of(const char* raw) {
  for (unsigned i = 0; i < field_names.size(); ++i)
    if (std::memcmp(raw, field_names[i].data(), field_names[i].size()) == 0)
      return static_cast<EventField>(i);
  return EventField::other;
}

/// Up to the closing quote; escapes stay as they are.
std::string_view raw_text(ondemand::raw_json_string raw) {
  const char* end = raw.raw();
  while (*end != '"') end += *end == '\\' ? 2 : 1;
  return {raw.raw(), static_cast<std::size_t>(end - raw.raw())};
}

bool is_null(ondemand::value json) {
  bool answer = false;
  return !json.is_null().get(answer) && answer;
}

std::string_view trimmed(std::string_view token) {
  while (!token.empty() && (token.back() == ' ' || token.back() == '\t' || token.back() == '\r' ||
                            token.back() == '\n'))
    token.remove_suffix(1);
  return token;
}

class LineParser {
 public:
  LineParser(ondemand::parser& parser, Block& block, Names& nodes, Names& errors)
      : parser_(parser), block_(block), nodes_(nodes), errors_(errors) {}

  /// `line` has at least SIMDJSON_PADDING readable bytes behind it.
  Stop parse(std::string_view line, ParsedEvent& event) {
    ondemand::document document;
    ondemand::object object;
    if (parser_.iterate(line.data(), line.size(), line.size() + simdjson::SIMDJSON_PADDING)
            .get(document))
      return bad_json();
    if (const auto failed = document.get_object().get(object)) {
      if (failed != simdjson::INCORRECT_TYPE) return bad_json();
      return Failure{line.data(), "expected a JSON object"};
    }
    Raw raw;
    unsigned seen = 0;
    for (simdjson::simdjson_result<ondemand::field> item : object) {
      ondemand::field field;
      if (std::move(item).get(field)) return bad_json();
      const char* name = field.key().raw();
      const EventField which = field_of(name);
      if (which == EventField::other) continue;
      if ((seen & bit_of(which)) != 0) {
        const std::string_view spelled = field_names[static_cast<unsigned>(which)];
        return Failure{name, "expected every field once, found a second " +
                                 in_quotes(spelled.substr(0, spelled.size() - 1))};
      }
      seen |= bit_of(which);
      if (Stop failure = take(which, field.value(), event, raw)) return failure;
    }
    const char* rest = nullptr;
    if (!document.current_location().get(rest)) return bad_json();  // something follows the object
    return complete(line, seen, raw, event);
  }

 private:
  /// Fields that mean something only once the whole line is known.
  struct Raw {
    std::string_view type, f;
    const char* process_at = nullptr;
    std::string_view process_text;
    bool is_client = false;
  };

  Stop take(EventField which, ondemand::value json, ParsedEvent& event, Raw& raw) {
    using enum EventField;
    switch (which) {
      case index:
        return integer(json, event.index, "index", std::numeric_limits<std::int64_t>::max());
      case type:
        return text(json, raw.type, "type");
      case process:
        return take_process(json, event, raw);
      case f:
        return text_or_null(json, raw.f, "f");
      case key:
        event.has_key = true;
        return take_key(json, event.key);
      case value:
        return take_value(json, event.value, 0);
      case time:
        return take_time(json, event.time);
      case node:
        return take_node(json, event.node);
      case error:
        return take_error(json, event.error);
      case other:
        break;
    }
    return {};
  }

  static Failure mismatch(ondemand::value json, std::string expected) {
    const std::string_view token = json.raw_json_token();
    return {token.data(),
            std::move(expected) + ", found " + std::string(trimmed(token).substr(0, 60))};
  }

  template <typename Integer>
  Stop integer(ondemand::value json, Integer& into, std::string_view name, std::uint64_t max) {
    std::uint64_t v = 0;
    if (json.get_uint64().get(v) || v > max)
      return mismatch(json, "expected \"" + std::string(name) + "\" as an integer from 0");
    into = static_cast<Integer>(v);
    return {};
  }

  static Stop text(ondemand::value json, std::string_view& into, std::string_view name) {
    ondemand::raw_json_string raw;
    if (json.get_raw_json_string().get(raw))
      return mismatch(json, "expected \"" + std::string(name) + "\" as a text");
    into = raw_text(raw);
    return {};
  }
  static Stop text_or_null(ondemand::value json, std::string_view& into, std::string_view name) {
    return is_null(json) ? Stop() : text(json, into, name);
  }

  Stop take_process(ondemand::value json, ParsedEvent& event, Raw& raw) {
    ondemand::json_type kind{};
    if (json.type().get(kind)) return bad_json();
    if (kind == ondemand::json_type::string) {
      ondemand::raw_json_string name;
      if (json.get_raw_json_string().get(name)) return bad_json();
      raw.process_text = raw_text(name);
      // Taken for a nemesis, every client of such a file would be left out without a word.
      if (!is_integer_text(raw.process_text)) return {};
      return Failure{name.raw() - 1,
                     "expected \"process\" as a number, or a name such as \"nemesis\", found " +
                         in_quotes(raw.process_text)};
    }
    raw.is_client = true;
    return integer(json, event.process, "process", 0xffffffffu);
  }

  Stop take_key(ondemand::value json, ValueHandle& into) {
    ondemand::json_type kind{};
    if (json.type().get(kind)) return bad_json();
    if (kind == ondemand::json_type::array || kind == ondemand::json_type::object)
      return mismatch(json, "expected \"key\" as a text or a number");
    return take_value(json, into, 0);
  }

  Stop take_time(ondemand::value json, std::int64_t& into) {
    if (is_null(json)) return {};
    std::int64_t v = 0;
    double real = 0;
    if (json.get_int64().get(v)) {
      if (json.get_double().get(real)) return mismatch(json, "expected \"time\" as nanoseconds");
      v = real > 0 && real < 9e18 ? static_cast<std::int64_t>(real) : no_time;
    }
    into = v < 0 ? no_time : v;  // it orders nothing; a negative one is as good as none
    return {};
  }

  Stop take_node(ondemand::value json, NodeId& into) {
    if (is_null(json)) return {};
    std::string_view name;
    if (json.get_string().get(name)) return mismatch(json, "expected \"node\" as a text");
    const std::size_t id = nodes_.id(name);
    if (id >= no_node) return mismatch(json, "expected fewer than 65,535 nodes");
    into = static_cast<NodeId>(id);
    return {};
  }

  Stop take_error(ondemand::value json, ErrorId& into) {
    ondemand::json_type kind{};
    if (json.type().get(kind)) return bad_json();
    std::string_view what;
    if (kind == ondemand::json_type::null) return {};
    if (kind == ondemand::json_type::string) {
      if (json.get_string().get(what)) return bad_json();
    } else if (kind == ondemand::json_type::array) {
      ondemand::array array;
      if (json.get_array().get(array) || array.raw_json().get(what)) return bad_json();
    } else if (kind == ondemand::json_type::object) {
      ondemand::object object;
      if (json.get_object().get(object) || object.raw_json().get(what)) return bad_json();
    } else {
      what = trimmed(json.raw_json_token());
    }
    into = static_cast<ErrorId>(errors_.id(what));
    return {};
  }

  Stop take_value(ondemand::value json, ValueHandle& into, int depth) {
    ondemand::json_type kind{};
    if (json.type().get(kind)) return bad_json();
    switch (kind) {
      case ondemand::json_type::null:
        if (!is_null(json)) return bad_json();
        into = {};
        return {};
      case ondemand::json_type::boolean: {
        bool v = false;
        if (json.get_bool().get(v)) return bad_json();
        into = block_.pool.boolean(v);
        return {};
      }
      case ondemand::json_type::number:
        return take_number(json, into);
      case ondemand::json_type::string: {
        std::string_view v;
        if (json.get_string().get(v)) return bad_json();
        into = block_.pool.text(v);
        return {};
      }
      case ondemand::json_type::array:
      case ondemand::json_type::object:
        break;
    }
    if (depth == depth_max)
      return mismatch(json,
                      "expected a value nested at most " + std::to_string(depth_max) + " deep");
    return kind == ondemand::json_type::array ? take_list(json, into, depth)
                                              : take_map(json, into, depth);
  }

  Stop take_number(ondemand::value json, ValueHandle& into) {
    std::int64_t v = 0;
    if (!json.get_int64().get(v)) {
      into = block_.pool.integer(v);
      return {};
    }
    const std::string_view token = json.raw_json_token();
    double real = 0;
    if (json.get_double().get(real)) return bad_json();
    into = block_.pool.real(canonical_real(trimmed(token), real));
    return {};
  }

  /// `items_` serves as a stack: nested lists append behind the items of the outer one.
  Stop take_list(ondemand::value json, ValueHandle& into, int depth) {
    const std::size_t first = items_.size();
    ondemand::array array;
    if (json.get_array().get(array)) return bad_json();
    for (simdjson::simdjson_result<ondemand::value> item : array) {
      ondemand::value element;
      ValueHandle handle;
      if (std::move(item).get(element)) return bad_json();
      if (Stop failure = take_value(element, handle, depth + 1)) return failure;
      items_.push_back(handle);
    }
    into = block_.pool.list(std::span(items_).subspan(first));
    items_.resize(first);
    return {};
  }

  Stop take_map(ondemand::value json, ValueHandle& into, int depth) {
    const std::size_t first = items_.size();
    ondemand::object object;
    if (json.get_object().get(object)) return bad_json();
    for (simdjson::simdjson_result<ondemand::field> item : object) {
      ondemand::field field;
      std::string_view name;
      ValueHandle handle;
      if (std::move(item).get(field) || field.unescaped_key().get(name)) return bad_json();
      const ValueHandle name_handle = block_.pool.text(name);
      if (Stop failure = take_value(field.value(), handle, depth + 1)) return failure;
      items_.push_back(name_handle);
      items_.push_back(handle);
    }
    into = block_.pool.map(std::span(items_).subspan(first));
    items_.resize(first);
    return {};
  }

  static Stop missing(std::string_view line, std::string_view name) {
    return Failure{line.data(), "expected the field " + in_quotes(name)};
  }

  static Stop complete(std::string_view line, unsigned seen, const Raw& raw, ParsedEvent& event) {
    if ((seen & bit_of(EventField::process)) == 0) return missing(line, "process");
    if (!raw.is_client) return {};  // the event of a nemesis; its type and f are its own affair
    if ((seen & bit_of(EventField::type)) == 0) return missing(line, "type");
    const auto named = parse_event_type(raw.type);
    if (!named) return Failure{raw.type.data(), named.error().what};
    event.type = *named;
    if (raw.f.data() == nullptr)
      return event.type == ParsedEvent::Type::invoke ? missing(line, "f") : Stop();
    const auto function = parse_function(raw.f);
    if (!function) return Failure{raw.f.data(), function.error().what};
    event.function = static_cast<std::uint8_t>(*function);
    return {};
  }

  ondemand::parser& parser_;
  Block& block_;
  Names &nodes_, &errors_;
  std::vector<ValueHandle> items_;
};

/// False: nothing behind the line counts, since it is wrong or torn.
bool parse_line(LineParser& parser, std::string_view line, bool is_terminated, Block& block) {
  ParsedEvent event;
  event.line = block.lines;
  const auto failure = parser.parse(line, event);
  if (!failure) {
    block.events.push_back(event);
    return true;
  }
  Problem problem{block.lines, 1, failure->expected};
  if (failure->at != nullptr) {
    problem.column = static_cast<std::uint32_t>(failure->at - line.data()) + 1;
  } else {
    Diagnosis diagnosis = diagnose(line);
    if (!is_terminated && !diagnosis.is_json) {
      block.torn_bytes = line.size();
      ++block.lines;
      return false;
    }
    problem.column = static_cast<std::uint32_t>(diagnosis.column);
    problem.expected = std::move(diagnosis.expected);
  }
  block.problem = std::move(problem);
  return false;
}

}  // namespace

struct BlockParser::Impl {
  const Source& source;
  const std::uint64_t block_bytes;
  ondemand::parser parser;
  std::vector<char> buffer;
  std::size_t events_expected = 0;

  Impl(const Source& from, std::uint64_t bytes) : source(from), block_bytes(bytes) {}

  /// The lines of block n, as a piece of `buffer`; the last has its newline if the file has it.
  Result<std::string_view> read_lines(std::uint64_t n) {
    const std::uint64_t begin = n * block_bytes, end = std::min(begin + block_bytes, source.size());
    // One byte early: a line begins at `begin` only if a newline stands before it.
    std::uint64_t offset = begin == 0 ? 0 : begin - 1;
    std::uint64_t loaded = end - offset;
    if (Status done = fetch(offset, 0, loaded); !done) return done.error();
    std::uint64_t first = 0;
    if (begin > 0) {
      const auto newline =
          std::find(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(loaded), '\n');
      first = static_cast<std::uint64_t>(newline - buffer.begin()) + 1;
      if (first >= loaded) return std::string_view();  // no line begins here
    }
    // The last line that begins here may end far behind.
    std::uint64_t step = 4096;
    for (bool ended = buffer[loaded - 1] == '\n'; !ended && offset + loaded < source.size();
         step *= 2) {
      const std::uint64_t more = std::min(step, source.size() - offset - loaded);
      if (loaded + more > block_bytes + line_bytes_max)
        return Error{"expected lines of at most 256 MiB", ErrorKind::usage};
      if (Status done = fetch(offset + loaded, loaded, more); !done) return done.error();
      const char* from = buffer.data() + loaded;
      const char* newline = std::find(from, from + more, '\n');
      ended = newline != from + more;
      loaded += ended ? static_cast<std::uint64_t>(newline - from) + 1 : more;
    }
    std::memset(buffer.data() + loaded, 0, simdjson::SIMDJSON_PADDING);
    return std::string_view(buffer.data() + first, loaded - first);
  }

  Status fetch(std::uint64_t offset, std::uint64_t at, std::uint64_t size) {
    const std::size_t needed = at + size + simdjson::SIMDJSON_PADDING;
    if (buffer.size() < needed)
      buffer.resize(std::max<std::size_t>(needed, buffer.size() + buffer.size() / 2));
    return source.read(offset, buffer.data() + at, size);
  }
};

BlockParser::BlockParser(const Source& source, std::uint64_t block_bytes)
    : impl_(std::make_unique<Impl>(source, block_bytes)) {}
BlockParser::~BlockParser() = default;

void Block::clear() {
  begin = 0;
  events.clear();
  pool.clear();
  nodes.clear();
  errors.clear();
  lines = 0;
  problem.reset();
  failure.reset();
  torn_bytes = 0;
}

void BlockParser::parse(std::uint64_t n, Block& block) {
  block.clear();
  const auto lines = impl_->read_lines(n);
  if (!lines) {
    if (lines.error().kind == ErrorKind::usage)
      block.problem = Problem{0, 1, lines.error().what};
    else
      block.failure = lines.error();
    return;
  }
  block.events.reserve(impl_->events_expected);
  Names nodes(block.nodes), errors(block.errors);
  LineParser parser(impl_->parser, block, nodes, errors);
  PlainLine plain(block, nodes, errors);
  for (std::string_view rest = *lines; !rest.empty(); ++block.lines) {
    ParsedEvent event;
    event.line = block.lines;
    if (const char* const end = plain.parse(rest, event)) {
      block.events.push_back(event);
      const auto size = static_cast<std::size_t>(end - rest.data());
      rest.remove_prefix(std::min(size + 1, rest.size()));
      continue;
    }
    const std::size_t newline = rest.find('\n');
    const std::string_view line = rest.substr(0, newline);
    const bool is_terminated = newline != std::string_view::npos;
    rest = is_terminated ? rest.substr(newline + 1) : std::string_view();
    if (line.find_first_not_of(" \t\r") != std::string_view::npos &&
        !parse_line(parser, line, is_terminated, block))
      break;
  }
  impl_->events_expected = std::max(impl_->events_expected, block.events.size() + 64);
}

}  // namespace faultline
