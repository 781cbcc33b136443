// Any bytes, taken for a history. They load as a well-formed one or are refused with a place; and
// what loads, every checker judges within its budget: without falling over, with a witness that is
// in the history, and the same by each engine; by the model that it seems to be of and by another.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "checkers/checkers.h"
#include "harness/core/check.h"
#include "harness/io/load.h"
#include "tests/fuzz/fuzz_load.h"
#include "tests/io/well_formed.h"

namespace faultline {
namespace {

/// Small: a history that needs more is nothing that a fuzzer should wait for.
constexpr Budget budget{.steps_max = 20'000, .bytes_max = std::uint64_t{64} << 20, .stop = nullptr};

void require_sound(const Verdict& verdict, const History& history) {
  if (verdict.validity == Validity::valid) {
    FAULTLINE_CHECK(verdict.reason.empty() && verdict.witness.empty());
    return;
  }
  FAULTLINE_CHECK(!verdict.summary.empty());
  if (verdict.validity == Validity::unknown) {
    FAULTLINE_CHECK(!verdict.reason.empty() && verdict.reason != "exception");
    return;
  }
  FAULTLINE_CHECK(!verdict.witness.empty() && !verdict.refuted.empty());
  FAULTLINE_CHECK(std::is_sorted(verdict.witness.begin(), verdict.witness.end()));
  FAULTLINE_CHECK(verdict.witness.back() < history.size());
}

using Settings = std::vector<std::pair<std::string, std::string>>;

Verdict judged(const CheckerEntry& entry, const History& history, const Settings& settings) {
  ConfigNode config;
  for (const auto& [key, value] : settings)
    config.members.push_back({key, {}, ConfigNode::of(value)});
  Params params(config, "check");
  const auto checker = entry.make(params);
  FAULTLINE_CHECK(static_cast<bool>(checker));
  Verdict verdict = (*checker)->check(history, budget);
  FAULTLINE_CHECK(verdict.name == entry.name);
  require_sound(verdict, history);
  return verdict;
}

/// One of the check's models: which one, the text says in a way that any change of it changes.
std::string model_by(std::string_view text, const CheckerEntry& entry) {
  ConfigNode config;
  Params params(config, "check");
  const auto models = (*entry.make(params))->models();
  std::uint64_t hash = 0xcbf29ce484222325ull;  // FNV-1a
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  return std::string(models[(hash >> 32) % models.size()].first);
}

void require_agreement(const Verdict& one, const Verdict& other) {
  FAULTLINE_CHECK(one.validity == Validity::unknown || other.validity == Validity::unknown ||
                  one.validity == other.validity);
}

/// Every line of the same with a field that keeps it from the parser of common lines: it must mean
/// the same to the general one.
void require_no_short_cut(std::string_view text, const Loaded& loaded) {
  std::string general;
  for (std::size_t i = 0; i < text.size(); ++i) {
    general += text[i];
    if (text[i] == '{' && (i == 0 || text[i - 1] == '\n')) general += "\"~\":0,";
  }
  const auto again = load_history_text(general, "general");
  FAULTLINE_CHECK(static_cast<bool>(again));
  FAULTLINE_CHECK(difference_of(loaded.history, again->history).empty());
}

void try_bytes(std::string_view text) {
  LoadError error;
  require_independence(text);
  const auto loaded = load_history_text(text, "fuzz", {}, &error);
  if (!loaded) return require_place(error, text);
  if (loaded->format == "jsonl") require_no_short_cut(text, *loaded);
  const std::string defect = defect_of(loaded->history);
  FAULTLINE_CHECK(defect.empty());
  for (const CheckerEntry& entry : checkers()) {
    const Verdict verdict = judged(entry, loaded->history, {});
    if (entry.name != "linearizable") continue;
    require_agreement(verdict, judged(entry, loaded->history, {{"engine", "search"}}));
    const std::string model = model_by(text, entry);
    require_agreement(judged(entry, loaded->history, {{"model", model}}),
                      judged(entry, loaded->history, {{"model", model}, {"engine", "general"}}));
  }
}

}  // namespace
}  // namespace faultline

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  faultline::try_bytes({reinterpret_cast<const char*>(data), size});
  return 0;
}
