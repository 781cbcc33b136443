#include "harness/run/log_check.h"

#include <algorithm>
#include <fstream>
#include <memory>
#include <string_view>
#include <utility>

#include <re2/re2.h>

#include "harness/core/check.h"
#include "harness/core/text.h"
#include "harness/os/log_drain.h"

namespace faultline {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t quoted_bytes_max = 300;
constexpr std::size_t chunk_bytes = 1 << 20;

/// Bytes, not UTF-8: a log may hold anything, and "." must not stop at a broken character.
RE2::Options options() {
  RE2::Options result;
  result.set_encoding(RE2::Options::EncodingLatin1);
  result.set_log_errors(false);
  return result;
}

/// What a line may do to a terminal is not the evidence.
std::string quotable(std::string_view line) {
  std::string text(line.substr(0, quoted_bytes_max));
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = c == '\t' ? ' ' : '?';
  return line.size() > quoted_bytes_max ? text + " …" : text;
}

/// The lines of a file, those longer than the limit in overlapping pieces.
class Lines {
 public:
  Lines(const fs::path& path, const LogLimits& limits)
      : in_(path, std::ios::binary), limits_(limits) {}

  bool readable() const { return in_.is_open() && !in_.bad(); }
  std::uint64_t number() const { return number_; }  ///< Of the line last handed out, from 1.

  /// `line` stays valid until the next call.
  bool next(std::string_view& line) {
    for (;;) {
      const std::string_view rest = std::string_view(buffer_).substr(at_);
      const std::size_t newline = rest.substr(0, limits_.line_bytes).find('\n');
      if (newline != rest.npos) return hand_out(line, rest.substr(0, newline), newline + 1, true);
      if (rest.size() >= limits_.line_bytes)
        return hand_out(line, rest.substr(0, limits_.line_bytes),
                        limits_.line_bytes - limits_.overlap_bytes, false);
      if (!fill()) {
        if (rest.empty()) return false;
        return hand_out(line, std::string_view(buffer_).substr(at_), rest.size(), true);
      }
    }
  }

 private:
  bool hand_out(std::string_view& line, std::string_view piece, std::size_t used, bool ends) {
    if (begins_) ++number_;
    begins_ = ends;
    at_ += used;
    line = piece.ends_with('\r') ? piece.substr(0, piece.size() - 1) : piece;
    return true;
  }
  bool fill() {
    if (!in_.is_open() || !in_) return false;
    buffer_.erase(0, at_);
    at_ = 0;
    const std::size_t before = buffer_.size();
    buffer_.resize(before + chunk_bytes);
    in_.read(buffer_.data() + before, static_cast<std::streamsize>(chunk_bytes));
    buffer_.resize(before + static_cast<std::size_t>(in_.gcount()));
    return buffer_.size() > before;
  }

  std::ifstream in_;
  const LogLimits& limits_;
  std::string buffer_;
  std::size_t at_ = 0;
  std::uint64_t number_ = 0;
  bool begins_ = true;
};

struct Pattern {
  explicit Pattern(const std::string& text) : expression(text, options()) {
    FAULTLINE_CHECK(expression.ok());
  }
  RE2 expression;
  std::uint64_t lines = 0;  ///< That match.
};

/// Regular files below a node's log folder, by name; a link may lead anywhere and is left out.
std::vector<fs::path> files_below(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code failed;
  for (fs::recursive_directory_iterator at(folder, failed), end; !failed && at != end;
       at.increment(failed)) {
    std::error_code ignored;
    if (fs::is_regular_file(at->symlink_status(ignored))) found.push_back(at->path());
  }
  std::ranges::sort(found);
  return found;
}

class Search {
 public:
  Search(const LogRules& rules, const LogLimits& limits) : limits_(limits) {
    for (const std::string& text : rules.forbid) forbid_.push_back(std::make_unique<Pattern>(text));
    for (const std::string& text : rules.require)
      require_.push_back(std::make_unique<Pattern>(text));
  }

  void file(const std::string& node, const fs::path& path, const std::string& name) {
    Lines lines(path, limits_);
    ++files_;
    std::uint64_t counted = 0;  // the line last found guilty: pieces of it overlap
    for (std::string_view line; lines.next(line);) {
      cut_ = cut_ || line == log_full_line;
      for (const auto& pattern : require_)
        if (pattern->lines == 0 && RE2::PartialMatch(line, pattern->expression)) ++pattern->lines;
      if (lines.number() == counted) continue;
      for (const auto& pattern : forbid_) {
        if (!RE2::PartialMatch(line, pattern->expression)) continue;
        ++pattern->lines;
        ++hits_;
        counted = lines.number();
        add_row(node + " " + name + ":" + std::to_string(counted) + ": " + quotable(line));
        break;
      }
    }
    lines_ += lines.number();
    if (!lines.readable()) unreadable_ = path.string();
  }

  Verdict verdict() && {
    Verdict verdict;
    verdict.name = "logs";
    verdict.engine = "re2";
    verdict.counted = {{"files", files_}, {"lines", lines_}, {"hits", hits_}};
    std::uint64_t missing = 0;
    for (const auto& pattern : require_) {
      if (pattern->lines > 0) continue;
      ++missing;
      add_row("no line of any node matches \"" + pattern->expression.pattern() + "\"");
    }
    const bool whole = !cut_ && unreadable_.empty() && lines_ > 0;
    if (hits_ > 0 || (missing > 0 && whole)) {
      verdict.validity = Validity::invalid;
      if (hits_ > 0) verdict.anomalies.emplace_back("forbidden-line", hits_);
      if (missing > 0 && whole) verdict.anomalies.emplace_back("missing-line", missing);
      say_rows(verdict);
    } else if (whole) {
      verdict.validity = Validity::valid;
      verdict.summary = "nothing forbidden" +
                        std::string(require_.empty() ? "" : " and everything required") + " in " +
                        with_thousands(lines_) + " log lines";
    } else {
      say_unknown(verdict);
    }
    return verdict;
  }

 private:
  void add_row(std::string row) {
    if (rows_.size() < limits_.rows) rows_.push_back(std::move(row));
    ++findings_;
  }
  void say_rows(Verdict& verdict) const {
    verdict.summary = rows_.front();
    if (findings_ > 1) verdict.summary += ", and " + with_thousands(findings_ - 1) + " more";
    for (const std::string& row : rows_) verdict.explanation += row + "\n";
    if (findings_ > rows_.size())
      verdict.explanation += "and " + with_thousands(findings_ - rows_.size()) + " more\n";
  }
  void say_unknown(Verdict& verdict) const {
    if (!unreadable_.empty()) {
      verdict.reason = "unreadable";
      verdict.summary = "cannot read " + unreadable_;
    } else if (cut_) {
      verdict.reason = "truncated";
      verdict.summary = "a log was cut off at its size limit: what followed is not known";
    } else {
      verdict.reason = "vacuous";
      verdict.summary = "no node logged a line";
    }
  }

  const LogLimits& limits_;
  std::vector<std::unique_ptr<Pattern>> forbid_, require_;
  std::vector<std::string> rows_;
  std::uint64_t findings_ = 0, files_ = 0, lines_ = 0, hits_ = 0;
  bool cut_ = false;
  std::string unreadable_;
};

}  // namespace

Result<LogRules> read_log_rules(Params& params) {
  LogRules rules;
  for (const auto& [key, patterns] :
       {std::pair("forbid", &rules.forbid), std::pair("require", &rules.require)}) {
    if (!params.has(key)) continue;
    *patterns = params.texts(key, {});
    for (const std::string& pattern : *patterns) {
      const RE2 expression(pattern, options());
      if (pattern.empty() || !expression.ok())
        params.fail(key, "expected a regular expression (RE2), found \"" + pattern + "\"" +
                             (pattern.empty() ? "" : ": " + expression.error()));
    }
  }
  if (const Status status = params.finish(); !status) return status.error();
  if (rules.empty())
    return error_at(params.where(),
                    "logs: expected \"forbid\" or \"require\", as in "
                    "logs: { forbid: \"panic|data corruption\" }");
  return rules;
}

Verdict check_logs(const fs::path& run, const LogRules& rules, LogLimits limits) {
  FAULTLINE_CHECK(limits.overlap_bytes < limits.line_bytes);
  Search search(rules, limits);
  std::vector<fs::path> nodes;
  std::error_code failed;
  for (fs::directory_iterator at(run / "nodes", failed), end; !failed && at != end;
       at.increment(failed))
    nodes.push_back(at->path());
  std::ranges::sort(nodes);
  for (const fs::path& node : nodes)
    for (const fs::path& file : files_below(node / "log"))
      search.file(node.filename().string(), file, file.lexically_relative(node / "log").string());
  return std::move(search).verdict();
}

}  // namespace faultline
