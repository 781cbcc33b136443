#include "harness/cli/check_choice.h"

#include <algorithm>
#include <utility>

#include "harness/core/text.h"
#include "harness/run/judge.h"
#include "harness/run/yaml.h"

namespace faultline {
namespace {

namespace fs = std::filesystem;

/// A check to make: its name and its parameters.
struct Check {
  std::string name;
  ConfigNode params;
};

/// What `choice` says replaces what the check's parameters said.
Status override_params(const CheckChoice& choice, ConfigNode& params) {
  const auto given = [](const std::string& word) {
    return word.empty() ? std::nullopt : std::optional(word);
  };
  for (const auto& [key, text] :
       {std::pair("model", given(choice.model)), std::pair("initial", choice.initial),
        std::pair("engine", given(choice.engine))}) {
    if (!text) continue;
    ConfigNode value = ConfigNode::of(*text);
    value.where.file = std::string("--") + key;
    if (std::string_view(key) == "initial" && text->starts_with('{')) {
      auto mapping = parse_config(*text, value.where.file);
      if (!mapping) return mapping.error();
      value = std::move(*mapping);
    }
    if (ConfigNode* old = params.find(key))
      *old = std::move(value);
    else
      params.members.push_back({key, value.where, std::move(value)});
  }
  return Ok{};
}

/// The checks that a run's config.yaml has, in its words; none if `path` is no run directory.
Result<std::vector<Check>> configured_checks(const fs::path& path) {
  std::vector<Check> checks;
  std::error_code ignored;
  if (!fs::is_directory(path, ignored) || !fs::exists(path / "config.yaml", ignored)) return checks;
  const auto config = load_config(path / "config.yaml");
  if (!config) return config.error();
  const ConfigNode* list = config->find("checks");
  if (list == nullptr) return checks;
  for (const ConfigNode& item : list->items) {
    Check check{item.scalar, {}};
    check.params.where = item.where;
    for (const ConfigNode::Member& member : item.members)
      if (member.key == "check")
        check.name = member.value.scalar;
      else
        check.params.members.push_back(member);
    checks.push_back(std::move(check));
  }
  return checks;
}

/// In place of a check that needs an order in real time, of a history that has none.
class Timeless final : public Checker {
 public:
  explicit Timeless(std::string name) : name_(std::move(name)) {}
  std::string_view name() const override { return name_; }
  Verdict check(const History&, const Budget&) const override {
    Verdict verdict;
    verdict.name = name_;
    verdict.validity = Validity::unknown;
    verdict.reason = "unsupported";
    verdict.summary =
        "the format has no order between sessions, and this check is about the order in real time";
    return verdict;
  }

 private:
  const std::string name_;
};

/// The checker that does without real time, if it can; else nullptr.
std::unique_ptr<Checker> timeless(std::span<const CheckerEntry> catalogue, std::string_view name,
                                  ConfigNode params) {
  const ConfigNode no = ConfigNode::of("false");
  params.members.push_back({"real_time", no.where, no});
  auto checker = make_checker(catalogue, name, params);
  return checker ? std::move(*checker) : nullptr;
}

/// Why no checker there is knows the model, if that is so; with the nearest name of any of them.
std::optional<Error> unknown_model(const CheckChoice& choice,
                                   std::span<const CheckerEntry> catalogue) {
  std::vector<std::string> words = {"auto"};
  for (const CheckerEntry& entry : catalogue) {
    const ConfigNode nothing;
    Params defaults(nothing, "checker");
    const auto made = entry.make(defaults);
    if (!made) continue;
    for (const auto& [name, doc] : (*made)->models()) words.emplace_back(name);
  }
  const std::vector<std::string_view> views(words.begin(), words.end());
  for (std::string_view rest = choice.model; !rest.empty();) {
    std::string_view word = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), word.size() + 1));
    while (word.starts_with(' ')) word.remove_prefix(1);
    while (word.ends_with(' ')) word.remove_suffix(1);
    if (std::ranges::find(views, word) != views.end()) continue;
    const auto nearest = nearest_word(word, views);
    return Error{"--model: unknown model \"" + std::string(word) + "\"" +
                     (nearest ? ", did you mean \"" + std::string(*nearest) + "\"?"
                              : "; faultline list models says which there are"),
                 ErrorKind::usage};
  }
  return std::nullopt;
}

/// Of transactions that are not well enough to say so themselves: on lists, on rows that are looked
/// for, or on registers. Nothing: there is none.
std::optional<std::string> transactional_check(const History& history) {
  const ValuePool& pool = history.values();
  const auto items_of = [&](ValueHandle value) {
    return value.kind() == ValueHandle::Kind::list ? pool.items(value)
                                                   : std::span<const ValueHandle>();
  };
  bool is_any = false;
  for (std::size_t row = 0; row < history.size(); ++row) {
    if (history.function()[row] != Function::txn) continue;
    is_any = true;
    for (const ValueHandle asked : items_of(history.argument()[row])) {
      const auto parts = items_of(asked);
      if (parts.empty() || parts[0].kind() != ValueHandle::Kind::text) continue;
      const std::string_view name = pool.as_text(parts[0]);
      if (name == "append") return "list-append";
      if (name != "r" && name != "w") return "closed-predicate";
    }
    for (const ValueHandle answered : items_of(history.output()[row]))
      if (const auto parts = items_of(answered);
          parts.size() == 3 && parts[2].kind() == ValueHandle::Kind::list)
        return "list-append";
  }
  return is_any ? std::optional<std::string>("rw-register") : std::nullopt;
}

/// For a history of which nothing is said: the check that it is plainly for, if `choice` fits it.
std::string default_check(const CheckChoice& choice, const History& history,
                          std::span<const CheckerEntry> catalogue) {
  for (const CheckerEntry& entry : catalogue) {
    ConfigNode node;
    if (!override_params(choice, node)) continue;
    Params params(node, "check");
    const auto checker = entry.make(params);
    if (checker && (*checker)->suits(history)) return std::string(entry.name);
  }
  // A model of isolation is not one of an object, whatever the history is like.
  ConfigNode node;
  if (!choice.model.empty() && override_params(choice, node) &&
      !make_checker(catalogue, "linearizable", node))
    if (const auto check = transactional_check(history)) return *check;
  // The formats that know no real time have transactions on registers, be they well or not.
  return choice.has_real_time ? "linearizable" : "rw-register";
}

}  // namespace

Result<std::vector<std::unique_ptr<Checker>>> make_checkers(
    const CheckChoice& choice, const fs::path& path, const History& history,
    std::span<const CheckerEntry> catalogue) {
  std::vector<Check> checks;
  for (const std::string& name : choice.checks) checks.push_back({name, {}});
  if (checks.empty()) {
    auto configured = configured_checks(path);
    if (!configured) return configured.error();
    checks = std::move(*configured);
  }
  if (checks.empty()) {
    if (auto unknown = unknown_model(choice, catalogue)) return *std::move(unknown);
    checks.push_back({default_check(choice, history, catalogue), {}});
  }
  std::vector<std::unique_ptr<Checker>> checkers;
  for (Check& check : checks) {
    if (const Status overridden = override_params(choice, check.params); !overridden)
      return overridden.error();
    auto checker = make_checker(catalogue, check.name, check.params);
    if (!checker) return checker.error();
    if (!choice.has_real_time) {
      *checker = timeless(catalogue, check.name, check.params);
      if (*checker == nullptr) *checker = std::make_unique<Timeless>(check.name);
    }
    checkers.push_back(std::move(*checker));
  }
  return checkers;
}

CheckChoice hinted(const CheckChoice& choice, const Loaded& loaded,
                   std::span<const CheckerEntry> catalogue) {
  CheckChoice own = choice;
  own.has_real_time = loaded.has_real_time;
  CheckChoice all = own;
  if (all.model.empty()) all.model = loaded.model_hint;
  if (!all.initial) all.initial = loaded.initial_hint;
  const bool is_known = static_cast<bool>(make_checkers(all, {}, loaded.history, catalogue));
  return is_known ? all : own;
}

Status refuse_misfits(const CheckChoice& choice, std::span<const std::string> paths,
                      std::span<const CheckerEntry> catalogue) {
  const bool knows_checks =
      !choice.checks.empty() || std::ranges::none_of(paths, [](const std::string& path) {
        std::error_code ignored;
        return fs::is_directory(path, ignored);
      });
  if (!knows_checks) return Ok{};
  const auto checkers = make_checkers(choice, {}, {}, catalogue);
  if (checkers) return Ok{};
  // Which check it will be is for the history to say.
  if (choice.checks.empty())
    for (const CheckerEntry& entry : catalogue) {
      CheckChoice named = choice;
      named.checks = {std::string(entry.name)};
      if (make_checkers(named, {}, {}, catalogue)) return Ok{};
    }
  return checkers.error();
}

}  // namespace faultline
