// Histories in EDN as Jepsen, Knossos, Elle and their users write them, and in JSON as elle-cli
// takes them: the formats `edn` and `json`. An event is a map; a small vector [PROCESS :TYPE :F
// VALUE]; or a row of these four on a line, with an error behind them. Events come one after the
// other, or in one vector or list. Fields mean what load.h says; and besides:
//
// - Missing fields. Without `process`, a completion belongs to the open invocation of its f (and,
//   if there are several, of its value); without `f`, a value that is a list of micro-operations
//   makes a transaction.
// - Transactions by other names: an f of read or write whose value is a list of micro-operations
//   that begin with keywords, [[:r 1 nil]], is a txn. Micro-operations :read and :write are r and
//   w.
// - `get` and `put` are read and write.
// - The log of Jepsen's etcd test (Porcupine's etcd_*.log) is rows behind "INFO  jepsen.util - ". A
//   compare-and-set that fails without an error there is a known mismatch.
// - A row of info or fail whose value is a keyword has no value: it is the error.
#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "harness/io/edn_events.h"
#include "harness/io/format.h"
#include "harness/io/load_ahead.h"
#include "harness/io/load_merge.h"

namespace faultline {
namespace {

/// A part of a file in memory, with what readers want to find behind it.
class Window {
 public:
  explicit Window(const Source& source) : source_(source) {}

  /// Bytes [begin, end) of the file, which replace those before.
  Status load(std::uint64_t begin, std::uint64_t end) {
    begin_ = end_ = begin;
    return extend(end);
  }
  Status extend(std::uint64_t end) {
    const std::size_t had = end_ - begin_, size = end - begin_;
    if (buffer_.size() < size + padding) buffer_.resize(size + std::max(size / 8, padding));
    if (Status done = source_.read(end_, buffer_.data() + had, size - had); !done) return done;
    end_ = end;
    return Ok{};
  }

  /// Bytes [begin, end) of the file, which are here; what follows them is lost.
  std::string_view text(std::uint64_t begin, std::uint64_t end) {
    std::memset(buffer_.data() + (end - begin_), 0, padding);
    return {buffer_.data() + (begin - begin_), end - begin};
  }

  /// Where the first line begins an event, probably, of those behind newlines in [from, to): it
  /// begins with `mark`, or with anything if that is '\0'. `to` may not be beyond what is here.
  std::optional<std::uint64_t> find_line(std::uint64_t from, std::uint64_t to, char mark) const {
    const char* at = buffer_.data() + (from - begin_);
    const char* const stop = buffer_.data() + (to - begin_);
    while (at < stop) {
      const void* newline = std::memchr(at, '\n', static_cast<std::size_t>(stop - at));
      if (newline == nullptr) break;
      at = static_cast<const char*>(newline) + 1;
      const char* first = at;
      const char* const limit = std::min(at + margin, buffer_.data() + (end_ - begin_));
      while (first < limit && *first != '\n' && Forms::is_space(*first)) ++first;
      if (first == limit || *first == '\n') continue;
      if (mark == '\0' || *first == mark)
        return begin_ + static_cast<std::uint64_t>(first - buffer_.data());
    }
    return std::nullopt;
  }

  /// How far a line's first character may be behind its newline.
  static constexpr std::uint64_t margin = 64;

 private:
  static constexpr std::size_t padding = 16;

  const Source& source_;
  std::uint64_t begin_ = 0, end_ = 0;
  std::vector<char> buffer_;
};

/// What EventReaders have to know of the file.
struct FormsFile {
  const Source& source;
  Forms::Dialect dialect;
  bool is_log;
  std::uint64_t block_bytes;
};

/// A piece that was read ahead, on the guess that it begins between two events, and in which state.
struct GuessedPiece {
  EventsPiece events;
  bool is_there = false;         ///< False: no event seems to begin here.
  std::uint64_t end = 0;         ///< In the file.
  bool is_at_border = true;      ///< The next piece begins there, or nothing; else it is any place.
  std::optional<Error> failure;  ///< The file could not be read.
};

/// Reads pieces ahead. Piece n goes from the first line behind a newline in block n that looks like
/// the beginning of an event up to that of block n + 1.
class PieceReader {
 public:
  PieceReader(const FormsFile& file, EventsState state, char mark)
      : file_(file),
        state_(state),
        mark_(mark),
        window_(file.source),
        reader_(file.dialect, file.is_log) {}

  void read(std::uint64_t n, GuessedPiece& piece) {
    piece.is_there = false;
    piece.is_at_border = true;
    if (Status done = find(n, piece); !done) {
      piece.failure = done.error();
      return;
    }
    if (!piece.is_there) return;
    piece.events.before = state_;
    reader_.read(window_.text(piece.events.begin, piece.end), piece.end == file_.source.size(),
                 piece.events);
  }

 private:
  /// The newlines of block n are in [n * block_bytes - 1, (n + 1) * block_bytes - 1).
  Status find(std::uint64_t n, GuessedPiece& piece) {
    const std::uint64_t size = file_.source.size(), from = n * file_.block_bytes - 1;
    const std::uint64_t to = std::min(from + file_.block_bytes, size);
    std::uint64_t loaded = std::min(to + 4096, size);
    if (Status done = window_.load(from, loaded); !done) return done;
    const auto begin = window_.find_line(from, std::min(to, loaded), mark_);
    if (!begin) return Ok{};
    piece.is_there = true;
    piece.events.begin = *begin;
    const std::uint64_t last = std::min(to + file_.block_bytes, size);
    const std::uint64_t enough = std::min(last + Window::margin, size);
    for (std::uint64_t step = 4096, looked = to;; step *= 2) {
      const std::uint64_t look = loaded == size ? last : std::min(last, loaded - Window::margin);
      if (const auto end = window_.find_line(looked, look, mark_)) {
        piece.end = *end;
        return Ok{};
      }
      looked = look;
      if (look == last) break;
      loaded = std::min(loaded + step, enough);
      if (Status done = window_.extend(loaded); !done) return done;
    }
    piece.end = loaded;
    piece.is_at_border = loaded == size;
    return Ok{};
  }

  const FormsFile file_;
  const EventsState state_;
  const char mark_;
  Window window_;
  EventReader reader_;
};

/// Reads a file in pieces, of which only one at a time is in memory for each thread. Threads guess
/// where pieces begin; a guess holds if what was read before it ended there, between two events and
/// in the state that was guessed. If not, the piece is read anew from where the one before ended:
/// what comes out is what one thread reads from beginning to end.
class FormsLoader {
 public:
  FormsLoader(const Input& input, const FormsFile& file, Tuples tuples)
      : input_(input),
        file_(file),
        window_(file.source),
        reader_(file.dialect, file.is_log),
        merger_(input.name, file.source.size(), input.options, tuples, &file.source),
        step_(file.block_bytes) {}

  std::optional<LoadError> load(Loaded& into) {
    if (auto failed = read_file()) return failed;
    if (auto failed = merger_.finish()) return failed;
    into.history = merger_.history();
    into.warnings = merger_.take_warnings();
    if (has_get_ && has_append_) {  // texts that grow, as in Porcupine's key-value histories
      into.model_hint = "key-value";
      into.initial_hint = "";
    }
    return {};
  }

  bool has_guessed_tuples() const { return merger_.has_guessed_tuples(); }

 private:
  std::uint64_t size() const { return file_.source.size(); }

  std::optional<LoadError> read_file() {
    // What the first events look like says what threads may guess.
    if (auto failed = read_up_to(std::min(file_.block_bytes, size()), false)) return failed;
    const unsigned threads = std::min(input_.options.threads, 64u);
    for (int guesses = 0; threads > 1 && guesses < 8 && at_ < size(); ++guesses)
      if (auto failed = read_ahead(threads)) return failed;
    return read_up_to(size(), true);
  }

  /// Until all is read, or guessing turned out badly.
  std::optional<LoadError> read_ahead(unsigned threads) {
    const std::uint64_t blocks = (size() + file_.block_bytes - 1) / file_.block_bytes;
    const std::uint64_t first = at_ / file_.block_bytes + 1;
    if (first + 1 >= blocks) return {};
    Ahead<GuessedPiece> ahead(first, blocks, threads, [file = file_, state = state_, mark = mark_] {
      auto reader = std::make_shared<PieceReader>(file, state, mark);
      return [reader](std::uint64_t n, GuessedPiece& piece) { reader->read(n, piece); };
    });
    const EventsState guessed = state_;
    std::uint64_t good = 0, bad = 0;
    for (std::uint64_t n = first; n < blocks && state_ == guessed; ++n) {
      GuessedPiece piece = ahead.next();
      if (piece.failure) return load_error(input_.name, 0, 0, piece.failure->what);
      if (piece.is_there && piece.events.begin > at_)
        if (auto failed = read_up_to(piece.events.begin, true)) return failed;
      if (!piece.is_there || piece.events.begin != at_ || state_ != guessed) {
        if (++bad > 16 + good) return read_up_to(size(), true);  // one line, or no events, for one
        continue;
      }
      ++good;
      if (auto failed = take(piece.events)) return failed;
      at_ = piece.is_at_border && piece.events.is_whole ? piece.end : at_ + piece.events.certain;
      ahead.give_back(std::move(piece));
    }
    return {};
  }

  /// Reads on until `limit`, or behind it if an event stands there. Unless it is a border, where no
  /// token can stand, a limit may also be missed by a little.
  std::optional<LoadError> read_up_to(std::uint64_t limit, bool is_border) {
    bool is_limited = true;
    while (at_ < limit) {
      const std::uint64_t most = is_limited ? limit : size();
      const std::uint64_t end = most - at_ > step_ ? at_ + step_ : most;
      if (Status done = window_.load(at_, end); !done)
        return load_error(input_.name, 0, 0, done.error().what);
      piece_.begin = at_;
      piece_.before = state_;
      reader_.read(window_.text(at_, end), end == size(), piece_);
      if (auto failed = take(piece_)) return failed;
      if (piece_.is_whole && (end == size() || (end == limit && is_border))) {
        at_ = end;
      } else if (piece_.certain > 0) {
        at_ += piece_.certain;
        step_ = file_.block_bytes;
        is_limited = true;
        if (end == limit && !is_border) break;
      } else if (end == limit && is_limited) {
        is_limited = false;
      } else {
        step_ *= 2;  // an event, or white space, that is larger
      }
    }
    return {};
  }

  std::optional<LoadError> take(EventsPiece& piece) {
    if (mark_ == '\0' && piece.first != '\0')
      mark_ = piece.first == '{' || piece.first == '[' || piece.first == '(' ? piece.first : '\0';
    state_ = piece.after;
    has_get_ |= piece.has_get;
    has_append_ |= piece.has_append;
    return merger_.add(piece.block);
  }

  const Input& input_;
  const FormsFile file_;
  Window window_;
  EventReader reader_;
  EventsPiece piece_;
  Merger merger_;
  std::uint64_t at_ = 0;  ///< Everything before it is merged.
  EventsState state_;     ///< There.
  std::uint64_t step_;
  char mark_ = '\0';  ///< What an event begins with: a bracket, or '\0' for anything.
  bool has_get_ = false, has_append_ = false;
};

std::optional<LoadError> load_forms(const Input& input, Forms::Dialect dialect, Loaded& into) {
  std::string head(std::min<std::uint64_t>(input.source.size(), log_prefix.size()), '\0');
  if (Status done = input.source.read(0, head.data(), head.size()); !done)
    return load_error(input.name, 0, 0, done.error().what);
  const FormsFile file{input.source, dialect, head == log_prefix,
                       std::max<std::uint64_t>(input.options.block_bytes, 1)};
  FormsLoader loader(input, file, Tuples::guess);
  auto failed = loader.load(into);
  if (failed && loader.has_guessed_tuples())
    failed = FormsLoader(input, file, Tuples::wait).load(into);
  if (failed) return failed;
  if (into.history.events() == 0)
    return load_error(input.name, 1, 1, "expected a history, found no event");
  return {};
}

/// The first character that is no white space behind the first `from` bytes, or '\0'.
char next_in(std::string_view text, std::size_t from) {
  while (from < text.size() && Forms::is_space(text[from])) ++from;
  return from < text.size() ? text[from] : '\0';
}

}  // namespace

bool sniff_edn(const Head& head) {
  const std::string_view text = head.text;
  if (text.empty()) return false;
  const char first = text[0], next = next_in(text, 1);
  if (first == ';' || first == '(') return true;
  if (first == '#') return text.size() > 1 && Forms::is_token(text[1]) && text[1] != '!';
  if (first == '{') return next == ':';
  const auto begins_row = [&](std::size_t from) {
    while (from < text.size() && Forms::is_space(text[from])) ++from;
    if (from < text.size() && text[from] == ':') return true;
    const std::size_t behind = text.find_first_not_of("0123456789", from);
    return behind != text.npos && behind > from && next_in(text, behind) == ':';
  };
  if (text.starts_with(log_prefix)) return true;
  if (first != '[') return begins_row(0);
  const std::size_t second = text.find(next, 1);
  if (next == '{') return next_in(text, second + 1) == ':';
  if (next == '[') return begins_row(second + 1);
  return next == ';' || next == '#' || begins_row(1);
}

std::optional<LoadError> load_edn(const Input& input, Loaded& into) {
  return load_forms(input, Forms::Dialect::edn, into);
}

bool sniff_json(const Head& head) {
  if (head.text.starts_with('[')) return true;
  const std::string_view line = head.first_line();
  return line.size() < head.text.size() && line.starts_with('{') &&
         line.find_first_not_of(" \t\r", 1) == line.npos;
}

std::optional<LoadError> load_json(const Input& input, Loaded& into) {
  return load_forms(input, Forms::Dialect::json, into);
}

}  // namespace faultline
