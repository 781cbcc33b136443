#include "harness/cli/glossary.h"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>

#include "harness/core/exit_code.h"
#include "harness/core/history.h"
#include "harness/core/value.h"
#include "harness/io/formats.h"

namespace faultline {
namespace {

struct Gloss {
  std::string_view kind, name, doc, text;
};

constexpr auto glosses = std::to_array<Gloss>({
#define GLOSS(kind, name, doc, text) {kind, name, doc, text},
#include "harness/cli/glossary.def"
#undef GLOSS
});

/// In the order of `faultline list`.
constexpr auto kinds_in_order =
    std::to_array<std::string_view>({"target", "workload", "fault", "checker", "model", "anomaly",
                                     "verdict", "reason", "check", "exit-code", "format"});

std::string_view gloss_text(std::string_view kind, std::string_view name) {
  for (const Gloss& gloss : glosses)
    if (gloss.kind == kind && gloss.name == name) return gloss.text;
  return {};
}

/// "Parameters, with their defaults: mode: quorum (of quorum, leader, multi); bug: none (of …);
/// without one: total, documented."
std::string parameters_text(const Params& params) {
  std::string text;
  for (const auto& [key, value] : params.resolved()) {
    text += (text.empty() ? "Parameters, with their defaults: " : "; ") + key + ": " +
            (value.text() != nullptr ? *value.text() : to_text(value));
    for (const auto& [choice, words] : params.choices()) {
      if (choice != key || words.size() < 2) continue;
      std::string all;
      for (const std::string& word : words) all += (all.empty() ? "" : ", ") + word;
      text += " (of " + all + ")";
    }
  }
  std::string others;
  for (const std::string& key : params.known())
    if (std::ranges::none_of(params.resolved(),
                             [&](const auto& said) { return said.first == key; }))
      others += (others.empty() ? "" : ", ") + key;
  if (!others.empty())
    text += (text.empty() ? "Parameters without a default: " : "; without one: ") + others;
  return text.empty() ? text : text + ".";
}

template <typename Word>
std::string words_of(const std::vector<Word>& words) {
  std::string text;
  for (const Word& word : words) text += (text.empty() ? "" : ", ") + std::string(word);
  return text;
}
std::string words_of(const std::vector<Function>& functions) {
  std::vector<std::string_view> names;
  for (const Function function : functions) names.push_back(name_of(function));
  return words_of(names);
}

std::string paragraphs_of(const std::vector<std::string>& paragraphs) {
  std::string text;
  for (const std::string& paragraph : paragraphs)
    if (!paragraph.empty()) text += (text.empty() ? "" : "\n") + paragraph;
  return text;
}

/// One for each entry; `more` says what a component made with its defaults says of itself.
template <typename Entry, typename Make, typename More>
void add_entries(std::vector<Thing>& all, std::string_view kind, std::span<const Entry> entries,
                 Make make, More more) {
  for (const Entry& entry : entries) {
    const ConfigNode nothing;
    Params defaults(nothing, std::string(kind));
    const auto made = make(entry, defaults);
    all.push_back({std::string(kind), std::string(entry.name), std::string(entry.doc),
                   paragraphs_of({std::string(gloss_text(kind, entry.name)),
                                  made ? more(**made) : "", parameters_text(defaults)})});
  }
}

/// Every request there is: a workload made with them shows all that it can ask.
std::vector<Function> every_function() {
  std::vector<Function> all;
  for (std::size_t i = 0; i < function_names().size(); ++i) all.push_back(static_cast<Function>(i));
  return all;
}

/// "G0 (-process, -realtime), internal": names, those that add an order to another's behind it.
std::string families_of(const std::vector<std::string_view>& names) {
  constexpr std::array<std::string_view, 2> orders = {"-process", "-realtime"};
  const auto has = [&](const std::string& name) {
    return std::ranges::find(names, name) != names.end();
  };
  std::string text;
  for (const std::string_view name : names) {
    const auto added = std::ranges::find_if(orders, [&](auto o) { return name.ends_with(o); });
    if (added != orders.end() && has(std::string(name.substr(0, name.size() - added->size()))))
      continue;
    std::string behind;
    for (const std::string_view order : orders)
      if (has(std::string(name) + std::string(order)))
        behind += (behind.empty() ? "" : ", ") + std::string(order);
    text += (text.empty() ? "" : ", ") + std::string(name);
    if (!behind.empty()) text += " (" + behind + ")";
  }
  return text;
}

void add_catalogues(std::vector<Thing>& all, const Catalogues& catalogues) {
  const auto plain = [](const auto& entry, Params& params) { return entry.make(params); };
  add_entries(all, "target", catalogues.targets, plain, [](const Target& target) {
    return "Understands, if not configured otherwise: " + words_of(target.functions()) + ".";
  });
  add_entries(
      all, "workload", catalogues.workloads,
      [](const WorkloadEntry& entry, Params& params) {
        return entry.make(params, every_function());
      },
      [](const Workload& workload) {
        return "Asks for " + words_of(workload.functions()) +
               ", as far as the target understands it. Judged by " + words_of(workload.checks()) +
               ".";
      });
  add_entries(all, "fault", catalogues.nemeses, plain, [](const Nemesis& nemesis) {
    return "Victims, if not configured: " + std::string(nemesis.default_victims()) + ".";
  });
  add_entries(all, "checker", catalogues.checkers, plain, [](const Checker& checker) {
    auto anomalies = checker.anomalies();
    // A family of names.
    const auto is_unnamed = [](std::string_view name) { return name.ends_with("-cycle-exists"); };
    if (std::erase_if(anomalies, is_unnamed) > 0) anomalies.emplace_back("PL-x-cycle-exists");
    return anomalies.empty() ? std::string()
                             : "Names the anomalies " + families_of(anomalies) + ".";
  });
}

/// The models that the checkers know; several may judge by the same one.
void add_models(std::vector<Thing>& all, std::span<const CheckerEntry> checkers) {
  for (const CheckerEntry& entry : checkers) {
    const ConfigNode nothing;
    Params defaults(nothing, "checker");
    const auto made = entry.make(defaults);
    if (!made) continue;
    for (const auto& [name, doc] : (*made)->models())
      if (std::ranges::none_of(
              all, [&](const Thing& thing) { return thing.kind == "model" && thing.name == name; }))
        all.push_back(
            {"model", std::string(name), std::string(doc), std::string(gloss_text("model", name))});
  }
}

void add_exit_codes(std::vector<Thing>& all) {
  std::vector<ExitCodeEntry> codes(exit_codes().begin(), exit_codes().end());
  std::ranges::sort(codes, {}, &ExitCodeEntry::code);
  for (const ExitCodeEntry& entry : codes) {
    const std::string name = "exit-" + std::to_string(static_cast<int>(entry.code));
    all.push_back(
        {"exit-code", name, std::string(entry.doc), std::string(gloss_text("exit-code", name))});
  }
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

std::vector<Thing> things(const Catalogues& catalogues) {
  std::vector<Thing> all;
  add_catalogues(all, catalogues);
  add_models(all, catalogues.checkers);
  add_exit_codes(all);
  for (const FormatEntry& entry : formats())
    all.push_back({"format", std::string(entry.name), std::string(entry.doc),
                   std::string(gloss_text("format", entry.name))});
  // What is in a catalogue, and the exit codes, are there already: their gloss only adds to them.
  for (const Gloss& gloss : glosses)
    if (!gloss.doc.empty())
      all.push_back({std::string(gloss.kind), std::string(gloss.name), std::string(gloss.doc),
                     std::string(gloss.text)});
  std::ranges::stable_sort(all, {}, [](const Thing& thing) {
    return std::ranges::find(kinds_in_order, thing.kind) - kinds_in_order.begin();
  });
  return all;
}

std::string plural_of(std::string_view kind) {
  if (kind == "anomaly") return "anomalies";
  return std::string(kind) + "s";
}

std::vector<std::string> thing_kinds() {
  std::vector<std::string> all;
  for (const std::string_view kind : kinds_in_order) all.push_back(plural_of(kind));
  return all;
}

std::vector<Thing> find_things(const Catalogues& catalogues, std::string_view name) {
  const std::string wanted = is_number(name) ? "exit-" + std::string(name) : std::string(name);
  const std::vector<Thing> all = things(catalogues);
  std::vector<Thing> found;
  const auto keep = [&](auto matches) {
    if (found.empty()) std::ranges::copy_if(all, std::back_inserter(found), matches);
  };
  keep([&](const Thing& thing) { return thing.name == wanted; });
  keep([&](const Thing& thing) { return lower(thing.name) == lower(wanted); });
  return found;
}

std::vector<std::string> thing_names(const Catalogues& catalogues) {
  std::vector<std::string> names;
  for (const Thing& thing : things(catalogues))
    if (std::ranges::find(names, thing.name) == names.end()) names.push_back(thing.name);
  return names;
}

std::vector<std::string> checker_choices(const Catalogues& catalogues, std::string_view key) {
  std::vector<std::string> all;
  for (const CheckerEntry& entry : catalogues.checkers) {
    const ConfigNode nothing;
    Params defaults(nothing, "checker");
    static_cast<void>(entry.make(defaults));
    for (const auto& [name, words] : defaults.choices())
      for (const std::string& word : words)
        if (name == key && std::ranges::find(all, word) == all.end()) all.push_back(word);
  }
  return all;
}

}  // namespace faultline
