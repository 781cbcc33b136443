// The checker `hermitage`: which anomalies the scripts of the workload of that name met, one line
// of Hermitage's table for each, and whether the promised model allows them.
//
// It proves that an anomaly happened. That one did not happen in its script is no proof that it
// never does: `valid` says that these interleavings were played to their end and gave nothing that
// the model forbids. Of serializability every answer of every script is judged, by all orders; of
// weaker models only what the rules know, and what they cannot explain is `unknown`.
#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "checkers/checkers.h"
#include "checkers/guarded.h"
#include "checkers/hermitage/anomalies.h"

namespace faultline {
namespace hermitage {
namespace {

using transactional::ModelSet;

struct Promise {
  ModelSet models;
  std::string model;
  /// The scripts whose anomaly is documented to happen; of the others it is not.
  std::optional<std::set<std::string>> documented;
};

/// What came of one script.
struct ScriptFindings {
  const Play* play = nullptr;
  std::vector<Found> found;

  const Found* own() const {
    const auto at = std::ranges::find(found, play->line->anomaly, &Found::anomaly);
    return at == found.end() ? nullptr : &*at;
  }
  bool happened() const { return own() != nullptr; }
  /// Something else that happened.
  const Found* other() const { return happened() || found.empty() ? nullptr : &found.front(); }
  /// Nobody knows whether it was prevented.
  bool unclear() const {
    return !happened() &&
           (!play->trouble.empty() || (other() != nullptr && other()->anomaly == "unexplained"));
  }
};

std::string refused_text(const Play& play) {
  for (std::size_t i = 0; i < play.actors.size(); ++i)
    if (play.actors[i].refused()) return ": T" + std::to_string(i) + " was " + play.actors[i].error;
  return "";
}

std::string status_text(const ScriptFindings& script) {
  if (script.happened()) return "happened: " + script.own()->sentence;
  if (!script.play->trouble.empty()) return "unknown: " + script.play->trouble;
  if (script.unclear()) return "unknown: " + script.other()->sentence;
  if (const Found* other = script.other())
    return "prevented, but " + std::string(other->anomaly) + ": " + other->sentence;
  return "prevented" + refused_text(*script.play);
}

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

class HermitageRun {
 public:
  HermitageRun(const History& history, const Promise& promise, Verdict& verdict)
      : history_(history), promise_(promise), verdict_(verdict) {}

  void check() {
    verdict_.engine = "scripts";
    const Plays plays = plays_of(history_);
    if (!plays.unsupported.empty()) return give_up("unsupported", plays.unsupported);
    if (plays.plays.empty()) return give_up("vacuous", "no script was played");
    for (const Play& play : plays.plays) scripts_.push_back({&play, anomalies_of(play)});
    count();
    refute();
    judge();
  }

 private:
  void give_up(const std::string& reason, const std::string& summary) {
    verdict_.reason = reason;
    verdict_.summary = summary;
  }

  void count() {
    std::uint64_t happened = 0, prevented = 0, unclear = 0;
    for (const std::string_view anomaly : all_anomalies()) {
      const auto n = static_cast<std::uint64_t>(
          std::ranges::count_if(scripts_, [&](const ScriptFindings& script) {
            return std::ranges::find(script.found, anomaly, &Found::anomaly) != script.found.end();
          }));
      if (n > 0) verdict_.anomalies.emplace_back(anomaly, n);
    }
    for (const ScriptFindings& script : scripts_) {
      verdict_.table.emplace_back(script.play->line->name, status_text(script));
      ++(script.happened() ? happened : script.unclear() ? unclear : prevented);
    }
    verdict_.counted = {{"transactions", history_.size()},
                        {"scripts", scripts_.size()},
                        {"happened", happened},
                        {"prevented", prevented},
                        {"unknown", unclear}};
  }

  void refute() {
    ModelSet refuted, all;
    for (const auto& [name, n] : verdict_.anomalies) refuted |= ruled_out_by(name);
    for (std::size_t m = 0; m < transactional::models().size(); ++m) all.set(m);
    verdict_.refuted = transactional::weakest_of(refuted);
    ModelSet also = refuted;
    for (const std::string& name : verdict_.refuted)
      also.reset(transactional::find_model(name).value());
    verdict_.also_refuted = transactional::names_of(also);
    verdict_.not_refuted = transactional::strongest_of(all & ~refuted);
  }

  bool is_forbidden(const Found& found) const {
    return (ruled_out_by(found.anomaly) & promise_.models).any();
  }
  bool is_documented(const ScriptFindings& script) const {
    return promise_.documented->contains(std::string(script.play->line->name));
  }

  /// One violation; `why` ends its sentence.
  void accuse(const ScriptFindings& script, const Found& found, const std::string& why) {
    const Play& play = *script.play;
    ++accused_;
    if (accused_ == 1)
      verdict_.summary = std::string(play.line->name) + ": " + found.sentence + why;
    verdict_.keys_invalid.emplace_back(play.line->name);
    std::string& text = verdict_.explanation;
    if (!text.empty()) text += "\n";
    text += "script " + std::string(play.line->name) + ": " + std::string(found.anomaly) + ": " +
            found.sentence + "\n";
    for (std::size_t i = 0; i < play.actors.size(); ++i) {
      const Actor& actor = play.actors[i];
      text += "  T" + std::to_string(i) + "  " + std::string(name_of(actor.fate)) + "  index " +
              std::to_string(history_.index_of(history_.begin()[actor.row])) + "  " +
              text_of(play, i) + (actor.error.empty() ? "" : " (" + actor.error + ")") + "\n";
      const bool took_part =
          found.actors.empty() || std::ranges::find(found.actors, i) != found.actors.end();
      if (took_part && accused_ == 1) verdict_.witness.push_back(actor.row);
    }
  }

  void accuse_all() {
    for (const ScriptFindings& script : scripts_) {
      const auto forbidden = std::ranges::find_if(
          script.found, [&](const Found& found) { return is_forbidden(found); });
      if (forbidden != script.found.end())
        accuse(script, *forbidden, ", which " + promise_.model + " forbids");
      else if (promise_.documented && script.happened() && !is_documented(script))
        accuse(script, *script.own(), ", which is not documented to happen");
    }
    if (accused_ > 1) verdict_.summary += " (and " + std::to_string(accused_ - 1) + " more)";
  }

  void judge() {
    accuse_all();
    if (accused_ > 0) {
      verdict_.validity = Validity::invalid;
      return;
    }
    for (const ScriptFindings& script : scripts_) {
      if (!script.unclear()) continue;
      return give_up("incomplete", "script " + std::string(script.play->line->name) + " is " +
                                       status_text(script));
    }
    if (promise_.documented) {
      const std::string unseen = unseen_text();
      if (!unseen.empty()) return give_up("unseen", unseen);
    }
    verdict_.validity = Validity::valid;
    verdict_.summary = table_text();
  }

  /// Which documented anomalies there were not.
  std::string unseen_text() const {
    std::vector<std::string> unplayed, prevented;
    for (const std::string& name : *promise_.documented) {
      const auto at = std::ranges::find_if(
          scripts_, [&](const ScriptFindings& script) { return script.play->line->name == name; });
      if (at == scripts_.end()) unplayed.push_back(name);
      if (at != scripts_.end() && !at->happened()) prevented.push_back(name);
    }
    if (!prevented.empty()) return "documented to happen, but prevented here: " + listed(prevented);
    return unplayed.empty() ? "" : "documented to happen, but not played: " + listed(unplayed);
  }

  std::string table_text() const {
    std::vector<std::string> happened, prevented;
    for (const ScriptFindings& script : scripts_)
      (script.happened() ? happened : prevented).emplace_back(script.play->line->name);
    std::string text = "prevented: " + (prevented.empty() ? "nothing" : listed(prevented));
    if (!happened.empty()) text += "; happened: " + listed(happened);
    return text + (promise_.documented ? ", as documented" : "");
  }

  const History& history_;
  const Promise& promise_;
  Verdict& verdict_;
  std::vector<ScriptFindings> scripts_;
  std::size_t accused_ = 0;
};

/// The models in which neither sessions nor real time count: the scripts ask nothing of these.
std::vector<std::string_view> promisable_models() {
  std::vector<std::string_view> names;
  for (const transactional::Model& model : transactional::models())
    if (!model.name.starts_with("str")) names.push_back(model.name);
  return names;
}

class Hermitage final : public Checker {
 public:
  explicit Hermitage(Promise promise) : promise_(std::move(promise)) {}
  std::string_view name() const override { return "hermitage"; }
  std::vector<std::string_view> anomalies() const override { return all_anomalies(); }
  std::vector<std::pair<std::string_view, std::string_view>> models() const override {
    std::vector<std::pair<std::string_view, std::string_view>> lines;
    const auto names = promisable_models();
    for (const transactional::Model& model : transactional::models())
      if (std::ranges::find(names, model.name) != names.end())
        lines.emplace_back(model.name, model.doc);
    return lines;
  }

  bool suits(const History& history) const override {
    return history.size() > 0 && script_at(history, 0) != nullptr &&
           plays_of(history).unsupported.empty();
  }

  Verdict check(const History& history, const Budget&) const override {
    Verdict verdict;
    verdict.name = name();
    verdict.model = promise_.model;
    guarded(verdict, [&] { HermitageRun(history, promise_, verdict).check(); });
    return verdict;
  }

 private:
  const Promise promise_;
};

}  // namespace
}  // namespace hermitage

Result<std::unique_ptr<Checker>> make_hermitage(Params& params) {
  const auto models = hermitage::promisable_models();
  hermitage::Promise promise;
  promise.model = params.choice("model", "serializable", models);
  if (const auto model = transactional::find_model(promise.model)) promise.models.set(*model);
  if (params.has("documented")) {
    promise.documented.emplace();
    const auto names = hermitage::script_names();
    for (const std::string& script : params.texts("documented", {})) {
      if (hermitage::find_script(script) == nullptr)
        params.fail("documented", unknown_component("script", script, names).what);
      promise.documented->insert(script);
    }
  }
  if (Status status = params.finish(); !status) return status.error();
  return std::unique_ptr<Checker>(std::make_unique<hermitage::Hermitage>(std::move(promise)));
}

}  // namespace faultline
