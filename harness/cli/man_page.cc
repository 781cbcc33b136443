#include "harness/cli/man_page.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>

#include "harness/core/exit_code.h"

namespace faultline {
namespace {

constexpr std::size_t source_width = 79;

/// The code point at `at`, which moves behind it. `text` is our own, and UTF-8.
std::uint32_t next_code_point(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(at++);
  if (first < 0x80) return first;
  std::uint32_t point = first & (first >= 0xf0 ? 0x07 : first >= 0xe0 ? 0x0f : 0x1f);
  while (at < text.size() && (byte(at) & 0xc0) == 0x80) point = point << 6 | (byte(at++) & 0x3f);
  return point;
}

/// Text of a roff line. A dash stays the one that is typed.
std::string roff(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::uint32_t point = next_code_point(text, at);
    if (point == '\\') {
      out += "\\e";
    } else if (point == '-') {
      out += "\\-";
    } else if (point == '~') {
      out += "\\(ti";
    } else if (point == '^') {
      out += "\\(ha";
    } else if (point < 0x80) {
      out += static_cast<char>(point);
    } else {
      char escape[24];
      std::snprintf(escape, sizeof escape, "\\[u%04X]", point);
      out += escape;
    }
  }
  return out;
}

std::string bold(std::string_view text) { return "\\fB" + roff(text) + "\\fR"; }
std::string italic(std::string_view text) { return "\\fI" + roff(text) + "\\fR"; }

/// With a capital and a full stop; what begins with a file's name keeps its small letter.
std::string sentence(std::string text) {
  const std::size_t word = text.find_first_not_of("abcdefghijklmnopqrstuvwxyz");
  if (word != 0 && (word == std::string::npos ||
                    std::string_view(" ,:;").find(text[word]) != std::string_view::npos))
    text.front() = static_cast<char>(text.front() - 'a' + 'A');
  if (!text.empty() && text.back() != '.') text += '.';
  return text;
}

/// Filled text; an empty line becomes a paragraph.
std::string paragraphs(const std::string& text) {
  std::string out;
  const std::string lines = wrapped(roff(text), 0, source_width);
  for (std::size_t at = 0; at < lines.size();) {
    const std::size_t end = lines.find('\n', at);
    const std::string line = lines.substr(at, end - at);
    const bool looks_like_a_request = line.starts_with('.') || line.starts_with('\'');
    out += line.empty() ? ".PP\n" : (looks_like_a_request ? "\\&" : "") + line + "\n";
    at = end + 1;
  }
  return out;
}

std::string tagged(const std::string& tag, const std::string& text) {
  return ".TP\n" + tag + "\n" + paragraphs(text);
}

std::string option_tag(const OptionInfo& option) {
  std::string tag;
  for (const std::string& name : {option.short_name, option.long_name})
    if (!name.empty()) tag += (tag.empty() ? "" : ", ") + bold(name);
  if (!option.metavar.empty())
    tag +=
        (tag.empty() ? "" : " ") + italic(option.metavar) + (option.comma_separated ? ",..." : "");
  return tag;
}

std::string option_entries(const std::vector<OptionInfo>& options) {
  std::string out;
  for (const OptionInfo& option : options)
    out += tagged(option_tag(option), sentence(doc_of(option)));
  return out;
}

std::string synopsis(const CommandInfo& command) {
  const std::string usage = usage_of(command);
  const std::size_t words = ("faultline " + command.name).size() - (command.name.empty() ? 1 : 0);
  return bold(usage.substr(0, words)) + roff(usage.substr(words)) + "\n";
}

constexpr std::string_view own_exit_codes = "Exit codes: ";

std::string exit_status(const CommandInfo& command) {
  if (const std::size_t at = command.footer.find(own_exit_codes); at != std::string::npos)
    return paragraphs(command.footer.substr(at + own_exit_codes.size()));
  std::vector<ExitCodeEntry> codes(exit_codes().begin(), exit_codes().end());
  std::ranges::sort(codes, {}, &ExitCodeEntry::code);
  std::string out;
  for (const ExitCodeEntry& entry : codes)
    out += tagged(bold(std::to_string(static_cast<int>(entry.code))),
                  sentence(std::string(entry.doc)));
  std::string order;
  for (const ExitCodeEntry& entry : exit_codes())
    order += (order.empty() ? "" : ", ") + std::to_string(static_cast<int>(entry.code));
  return out + ".PP\nOf several, the first of these wins: " + order + ".\n";
}

std::string entries(const std::vector<Paragraph>& list) {
  std::string out;
  for (const Paragraph& each : list) out += tagged(bold(each.term), std::string(each.text));
  return out;
}

std::string examples(std::string_view command) {
  std::string out;
  for (const Paragraph& each : example_paragraphs(command))
    out += tagged(bold(each.term), std::string(each.text));
  return out;
}

std::string section(const std::string& title, const std::string& body) {
  return body.empty() ? body : ".SH " + title + "\n" + body;
}

std::string see_also(const Manual& manual, const CommandInfo& command) {
  std::vector<std::string> names;
  if (!command.name.empty()) names.emplace_back("faultline");
  for (const CommandInfo& other : manual.commands)
    if (other.name != command.name) names.push_back("faultline-" + other.name);
  std::string lines;
  for (const std::string& name : names)
    lines += ".BR " + roff(name) + " (1)" + (name == names.back() ? "" : ",") + "\n";
  return lines;
}

// --- Markdown
// --------------------------------------------------------------------------------------

/// In a table's cell.
std::string cell(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '|' ? std::string("\\|") : std::string(1, c);
  return out;
}

std::string option_table(const std::vector<OptionInfo>& options, bool common) {
  std::string rows;
  for (const OptionInfo& option : options)
    if (option.is_common == common)
      rows += "| `" + cell(names_of(option)) + "` | " + cell(doc_of(option)) + " |\n";
  return rows.empty() ? rows : "\n| option | |\n|---|---|\n" + rows;
}

std::string command_section(const CommandInfo& command) {
  std::string out = "\n## `" + usage_of(command) + "`\n\n" + wrapped(sentence(command.doc), 0, 100);
  std::vector<OptionInfo> all = command.arguments;
  for (const OptionInfo& option : command.options)
    if (!option.is_common) all.push_back(option);
  out += option_table(all, false);
  std::string lines;
  for (const Paragraph& example : example_paragraphs(command.name))
    lines += std::string(example.term) + "\n";
  if (!lines.empty()) out += "\n```\n" + lines + "```\n";
  if (!command.footer.empty()) out += "\n" + wrapped(command.footer, 0, 100);
  return out;
}

}  // namespace

std::string man_page_name(const CommandInfo& command) {
  return "faultline" + (command.name.empty() ? "" : "-" + command.name) + ".1";
}

std::string man_page(const Manual& manual, const CommandInfo& command, const std::string& date) {
  const bool is_program = command.name.empty();
  const std::string name = man_page_name(command).substr(0, man_page_name(command).size() - 2);
  std::string title = name;
  for (char& c : title)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  std::string page =
      ".TH " + title + " 1 " + date + " \"" + roff(manual.version) + "\" \"Faultline manual\"\n";
  // Not through paragraphs(): the dash between them is no dash of the text.
  const std::string what =
      is_program ? "break a distributed store, and prove what it did wrong" : command.doc;
  page += section("NAME", wrapped(roff(name) + " \\- " + roff(what), 0, source_width));
  page += section("SYNOPSIS", synopsis(command));
  std::string description = sentence(command.doc);
  const std::size_t codes = command.footer.find(own_exit_codes);
  if (const std::string more = command.footer.substr(0, codes); !more.empty())
    description += "\n\n" + more;
  page += section("DESCRIPTION", paragraphs(description));
  if (is_program) {
    std::string commands;
    for (const CommandInfo& each : manual.commands)
      commands += tagged(bold(each.name), sentence(each.doc));
    page += section("COMMANDS", commands);
  }
  page += section("OPTIONS", option_entries(command.arguments) + option_entries(command.options));
  page += section("EXIT STATUS", exit_status(command));
  page += section("ENVIRONMENT", entries(environment_paragraphs()));
  if (is_program || command.name == "run") page += section("FILES", entries(file_paragraphs()));
  page += section("EXAMPLES", examples(command.name));
  return page + section("SEE ALSO", see_also(manual, command));
}

std::string markdown_page(const Manual& manual) {
  std::string out =
      "# The command line\n\n"
      "Made by `faultline man --markdown`; a test compares. The same as manual pages: `faultline "
      "man "
      "--dir DIR`,\nand as completions: `faultline completions bash` (or zsh, fish).\n";
  out += "\n## `" + usage_of(manual.program) + "`\n\n" + wrapped(manual.program.doc, 0, 100);
  out += "\n| command | |\n|---|---|\n";
  for (const CommandInfo& command : manual.commands)
    out += "| `" + command.name + "` | " + cell(command.doc) + " |\n";
  out += "\nEvery command has:\n" + option_table(manual.program.options, true);
  out += "\n| exit code | |\n|---|---|\n";
  for (const ExitCodeEntry& entry : exit_codes())
    out += "| " + std::to_string(static_cast<int>(entry.code)) + " | " +
           cell(std::string(entry.doc)) + " |\n";
  out += "\nOf several the first in this table wins. `faultline explain exit-4` says more.\n";
  out += "\n| variable | |\n|---|---|\n";
  for (const Paragraph& each : environment_paragraphs())
    out += "| `" + std::string(each.term) + "` | " + cell(std::string(each.text)) + " |\n";
  for (const CommandInfo& command : manual.commands) out += command_section(command);
  return out;
}

}  // namespace faultline
