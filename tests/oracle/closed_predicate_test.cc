// The closed-predicate checker against brute force.
#include <map>
#include <memory>
#include <string>

#include <doctest/doctest.h>

#include "checkers/checkers.h"
#include "tests/oracle/judges.h"
#include "tests/oracle/predicates_oracle.h"

namespace faultline::oracle::predicates {
namespace {

std::unique_ptr<Checker> predicate_checker(const char* model) {
  ConfigNode mapping;
  mapping.members.push_back({"model", {}, ConfigNode::of(std::string(model))});
  Params params(mapping, "check");
  return std::move(*make_closed_predicate(params));
}

/// What came of many histories, of one model.
struct Tally {
  long allowed = 0, forbidden = 0, wrong = 0, unproven = 0, undetected = 0;
};

std::string told(const History& history, const Verdict& verdict) {
  std::string text = verdict.summary + "\n" + verdict.explanation + "\n";
  for (OperationId row = 0; row < history.size(); ++row)
    text += "  p" + std::to_string(history.process()[row]) + " " +
            std::to_string(history.begin()[row]) + ".." + std::to_string(history.end()[row]) + " " +
            std::string(name_of(history.fate()[row])) + " " +
            history.values().to_text(history.fate()[row] == Fate::ok ? history.output()[row]
                                                                     : history.argument()[row]) +
            "\n";
  return text;
}

void compare(const SmallHistory& small, const Model& model, bool in_elles_words, Tally& tally) {
  const History history = spelled(small, in_elles_words);
  const Verdict verdict = predicate_checker(model.name)->check(history, Budget());
  if (verdict.reason == "vacuous") return;
  const bool is_allowed = allows(small, model);
  ++(is_allowed ? tally.allowed : tally.forbidden);
  const bool is_unknown = verdict.validity == Validity::unknown;
  const bool is_valid = verdict.validity == Validity::valid;
  const bool is_right = is_unknown || is_valid == is_allowed;
  CAPTURE(told(history, verdict));
  CHECK(is_right);
  CHECK((!is_unknown || verdict.reason == "incomplete"));
  tally.wrong += !is_right;
  if (is_unknown) ++(is_allowed ? tally.unproven : tally.undetected);
}

void compare_many(const Shape& shape, long rounds, std::uint64_t seed,
                  std::map<std::string, Tally>& all) {
  Generator generator{Rng(seed)};
  Rng words(seed + 1);
  for (long i = 0; i < rounds; ++i) {
    const bool is_small = i % 2 == 0;
    const SmallHistory small = generator.next(shape, is_small ? 4 : 5);
    const bool in_elles_words = words.below(2) == 0;
    for (const Model& model : models)
      if (is_small || model.kind != Kind::snapshot)
        compare(small, model, in_elles_words, all[model.name]);
  }
}

std::string summary(const std::map<std::string, Tally>& all) {
  std::string text;
  for (const auto& [name, tally] : all)
    text += name + ": " + std::to_string(tally.allowed) + " allowed (" +
            std::to_string(tally.unproven) + " not proven), " + std::to_string(tally.forbidden) +
            " forbidden (" + std::to_string(tally.undetected) + " not refuted)\n";
  return text;
}

/// Nothing ever proves repeatable read alone.
bool is_proven(const std::string& model) { return model != "repeatable-read"; }

TEST_CASE("oracle: closed-predicate where every key has two versions at most") {
  std::map<std::string, Tally> all;
  compare_many({false, true}, iterations(6'000), 71, all);
  compare_many({true, true}, iterations(6'000), 72, all);
  MESSAGE(summary(all));
  for (const auto& [name, tally] : all) {
    CAPTURE(name);
    CHECK(tally.wrong == 0);
    // Nothing is open. But who saw what was there before an initial map is not explained.
    if (is_proven(name)) CHECK(tally.unproven == 0);
    if (name.ends_with("serializable")) CHECK(tally.undetected == 0);
    CHECK(tally.allowed > 500);
    CHECK(tally.forbidden > 50);
  }
}

TEST_CASE("oracle: closed-predicate where keys have more versions") {
  std::map<std::string, Tally> all;
  compare_many({false, false}, iterations(6'000), 73, all);
  compare_many({true, false}, iterations(3'000), 74, all);
  MESSAGE(summary(all));
  for (const auto& [name, tally] : all) {
    CAPTURE(name);
    CHECK(tally.wrong == 0);
    if (is_proven(name)) CHECK(tally.unproven <= tally.allowed / 40);
    if (name == "strict-serializable") CHECK(tally.unproven <= tally.allowed / 150);
    CHECK(tally.undetected <= tally.forbidden / 2);
    CHECK(tally.allowed > 500);
    CHECK(tally.forbidden > 50);
  }
}

}  // namespace
}  // namespace faultline::oracle::predicates
