// Public histories with known verdicts, read where they are: FAULTLINE_CORPORA names the folder, by
// default ../shared/corpora beside the checkout. Its README.md says where each comes from, and what
// the verdicts are. Without the folder there is nothing to test, and that is said.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "checkers/checkers.h"
#include "harness/io/export.h"
#include "harness/io/load.h"
#include "harness/run/judge.h"
#include "tests/io/well_formed.h"

namespace faultline {
namespace {

namespace fs = std::filesystem;

fs::path corpora() {
  const char* const said = std::getenv("FAULTLINE_CORPORA");
  return said != nullptr && *said != '\0' ? fs::path(said)
                                          : fs::path(FAULTLINE_SOURCE_DIR) / "../shared/corpora";
}

bool is_absent(const fs::path& folder) {
  std::error_code ignored;
  if (fs::exists(folder / "README.md", ignored)) return false;
  MESSAGE("SKIPPED: no public histories at " << folder.string()
                                             << "; FAULTLINE_CORPORA says where they are");
  return true;
}

/// Every file below `path`, or the file itself, whose name begins so.
std::vector<fs::path> files_of(const fs::path& path, const std::string& begin = "") {
  std::vector<fs::path> files;
  if (fs::is_regular_file(path)) return {path};
  for (const auto& entry : fs::recursive_directory_iterator(path))
    if (entry.is_regular_file() && entry.path().filename().string().starts_with(begin))
      files.push_back(entry.path());
  std::ranges::sort(files);
  return files;
}

/// TeX; completions of nothing; an empty file; a thread that calls while its last call is open.
bool is_no_history(const fs::path& file) {
  constexpr auto names = std::to_array<std::string_view>(
      {"txfuzzer-chaos.edn", "etcd_095.log", "bidirectional-trap.hist"});
  return file.extension() == ".tex" ||
         std::ranges::find(names, file.filename().string()) != names.end();
}
bool is_about_them(const fs::path& file) {
  return file.filename() == "README.md" || file.filename() == "expected.tsv";
}

TEST_CASE("corpora: every file loads whole, or is refused with a clear sentence") {
  const fs::path root = corpora();
  if (is_absent(root)) return;
  int loaded_count = 0, refused_count = 0;
  std::map<std::string, int> formats;
  for (const fs::path& file : files_of(root)) {
    if (is_about_them(file)) continue;
    CAPTURE(file.string());
    LoadError error;
    const auto loaded = load_history(file, {1}, &error);
    CHECK_MESSAGE(static_cast<bool>(loaded) != is_no_history(file),
                  (loaded ? "loaded" : loaded.error().what));
    if (!loaded) {
      ++refused_count;
      CHECK(error.where.line > 0);
      CHECK(!error.expected.empty());
      continue;
    }
    ++loaded_count;
    ++formats[loaded->format];
    CHECK(defect_of(loaded->history) == "");
    CHECK(loaded->warnings.empty());
  }
  CHECK(loaded_count > 360);
  CHECK(refused_count > 20);
  for (const char* format : {"edn", "json", "limo", "fptlin", "awdit", "plume", "dbcop"})
    CHECK_MESSAGE(formats[format] > 0, format);
}

TEST_CASE("corpora: what is exported is loaded as the same history") {
  const fs::path root = corpora();
  if (is_absent(root)) return;
  for (const char* part : {"elle", "elle-cli", "found", "fptlin", "porcupine/kv"})
    for (const fs::path& file : files_of(root / part)) {
      const auto loaded = load_history(file, {1});
      if (!loaded || !loaded->has_real_time) continue;
      CAPTURE(file.string());
      std::string once, twice;
      REQUIRE(export_history(loaded->history, "edn", [&](auto piece) { once += piece; }));
      const auto back = load_history_text(once, "exported");
      REQUIRE(back);
      CHECK(back->history.size() == loaded->history.size());
      CHECK(std::ranges::equal(back->history.end(), loaded->history.end()));
      CHECK(std::ranges::equal(back->history.fate(), loaded->history.fate()));
      REQUIRE(export_history(back->history, "edn", [&](auto piece) { twice += piece; }));
      CHECK(once == twice);
    }
}

/// Histories of one model and one verdict.
struct Known {
  std::string path, begin;               ///< A file or a folder, and how the files' names begin.
  std::string verdict;                   ///< Empty: porcupine/expected.tsv says it.
  std::string model;                     ///< Empty: what the format says.
  std::optional<std::string> initial{};  ///< Else what the format says.
  /// Knossos' registers allow a read of nil in every state.
  bool nil_reads_unknown = false;
};

const std::vector<Known> all_known = {
    {"porcupine/jepsen", "etcd_", "", "cas-register"},
    {"porcupine/kv", "", "", ""},
    {"knossos/cas-register/good", "", "valid", "cas-register", "0", true},
    {"knossos/cas-register/bad", "", "invalid", "cas-register", "0", true},
    {"knossos/cas-register/bad", "rethink-fail", "invalid", "cas-register", "nil", true},
    {"knossos/multi-register/good", "", "valid", "multi-register", "0"},
    {"knossos/mutex/bad", "", "invalid", "mutex"},
    {"elle-cli/knossos/cas-register/good", "", "valid", "cas-register", "0", true},
    {"elle-cli/knossos/cas-register/bad", "", "invalid", "cas-register", "0", true},
    {"elle-cli/knossos/mutex/bad", "", "invalid", "mutex"},
    {"elle-cli/jepsen", "counter", "valid", "counter"},
    {"elle-cli/jepsen/set.edn", "", "valid", "grow-only-set"},
    {"limo/simple/queue/safe", "", "valid", ""},
    {"limo/simple/queue/violation", "", "invalid", ""},
    {"limo/simple/stack/safe", "", "valid", ""},
    {"limo/simple/stack/violation", "", "invalid", ""},
    {"limo/generated", "my-sync-stack", "valid", ""},
    {"fptlin", "lin_", "valid", ""},
    {"fptlin", "nonlin_", "invalid", ""},
};

std::map<std::string, std::string> porcupine_verdicts(const fs::path& root) {
  std::map<std::string, std::string> verdicts;
  std::ifstream in(root / "porcupine/expected.tsv");
  for (std::string file, verdict; in >> file >> verdict;)
    verdicts["porcupine/" + file] = verdict == "true" ? "valid" : "invalid";
  return verdicts;
}

std::string verdict_of(const fs::path& file, const Known& known) {
  const auto loaded = load_history(file, {1, known.nil_reads_unknown});
  if (!loaded) return loaded.error().what;
  ConfigNode params;
  const std::string model = known.model.empty() ? loaded->model_hint : known.model;
  const auto initial = known.initial ? known.initial : loaded->initial_hint;
  if (!model.empty()) params.members.push_back({"model", {}, ConfigNode::of(model)});
  if (initial) params.members.push_back({"initial", {}, ConfigNode::of(*initial)});
  const auto checker = make_checker(checkers(), "linearizable", params);
  if (!checker) return checker.error().what;
  const Verdict verdict = judge(**checker, loaded->history, {}).verdict;
  return std::string(name_of(verdict.validity)) +
         (verdict.validity == Validity::unknown ? ": " + verdict.reason + ", " + verdict.summary
                                                : "");
}

TEST_CASE("corpora: every known verdict is ours as well") {
  const fs::path root = corpora();
  if (is_absent(root)) return;
  const auto of_porcupine = porcupine_verdicts(root);
  int count = 0, vacuous = 0;
  for (const Known& known : all_known) {
    const auto files = files_of(root / known.path, known.begin);
    CHECK_MESSAGE(!files.empty(), known.path);
    for (const fs::path& file : files) {
      if (is_no_history(file)) continue;
      const std::string name = fs::relative(file, root).string();
      const std::string wanted = known.verdict.empty() ? of_porcupine.at(name) : known.verdict;
      const std::string verdict = verdict_of(file, known);
      // Of a few nothing was observed, and then we do not call them valid.
      const bool is_vacuous = wanted == "valid" && verdict.starts_with("unknown: vacuous");
      CHECK_MESSAGE((verdict == wanted || is_vacuous), name, ": ", verdict);
      vacuous += is_vacuous;
      ++count;
    }
  }
  CHECK(count > 300);
  CHECK(vacuous < 10);
}

/// What Elle says of them, by the models that its tests ask for; where we say more, why.
TEST_CASE("corpora: isolation, as Elle sees it") {
  const fs::path root = corpora();
  if (is_absent(root)) return;
  struct Case {
    std::string file, models;
    Validity validity;
    std::vector<std::string> anomalies;
  };
  const Case cases[] = {
      {"elle/paper-example.edn", "snapshot-isolation", Validity::invalid, {"G-single-item"}},
      {"elle-cli/elle/paper-example.edn",
       "snapshot-isolation",
       Validity::invalid,
       {"G-single-item"}},
      {"elle-cli/elle/paper-example.json",
       "snapshot-isolation",
       Validity::invalid,
       {"G-single-item"}},
      {"elle/si-without-g-single.edn",
       "snapshot-isolation,repeatable-read",
       Validity::invalid,
       {"G2-item"}},
      {"elle/si-without-g-single.edn", "snapshot-isolation", Validity::valid, {}},
      {"elle-cli/elle/list-append-gh-30.edn", "serializable", Validity::invalid, {"G2-item"}},
      // Elle gives up its search within a second, and says that some cycle exists.
      {"elle/huge-scc.edn",
       "strict-serializable",
       Validity::invalid,
       {"G-nonadjacent-item-realtime", "G-single-item-realtime", "G2-item-realtime"}},
      {"elle/huge-scc.edn", "strong-session-serializable", Validity::valid, {}},
  };
  for (const Case& c : cases) {
    CAPTURE(c.file);
    const auto loaded = load_history(root / c.file);
    REQUIRE(loaded);
    ConfigNode params;
    params.members.push_back({"model", {}, ConfigNode::of(c.models)});
    const auto checker = make_checker(checkers(), "list-append", params);
    REQUIRE(checker);
    CHECK((*checker)->suits(loaded->history));
    const Verdict verdict = judge(**checker, loaded->history, {}).verdict;
    CHECK(verdict.validity == c.validity);
    std::vector<std::string> found;
    for (const auto& [name, count] : verdict.anomalies) found.push_back(name);
    CHECK(found == c.anomalies);
  }
}

TEST_CASE("corpora: isolation of registers") {
  const fs::path root = corpora();
  if (is_absent(root)) return;
  struct Case {
    const char *file, *models;
    Validity validity;
    const char* what;  ///< Every anomaly, or the reason.
  };
  const Case cases[] = {
      // Elle calls it valid.
      {"elle-cli/elle/rw-register.edn", "strict-serializable", Validity::invalid, "garbage-read"},
      {"found/braft-history.edn", "strict-serializable", Validity::unknown, "vacuous"},
      // Elle finds a lost update; but values were written twice, so that it may be none.
      {"found/txfuzzer-ws-4.edn", "strict-serializable", Validity::unknown, "unsupported"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.file);
    const auto loaded = load_history(root / c.file);
    REQUIRE(loaded);
    ConfigNode params;
    params.members.push_back({"model", {}, ConfigNode::of(c.models)});
    const auto checker = make_checker(checkers(), "rw-register", params);
    REQUIRE(checker);
    const Verdict verdict = judge(**checker, loaded->history, {}).verdict;
    CHECK(verdict.validity == c.validity);
    std::string what = verdict.reason;
    for (const auto& [name, count] : verdict.anomalies) what += (what.empty() ? "" : " ") + name;
    CHECK(what == c.what);
  }
}

/// The histories of transactions whose formats know no real time, as the README there says.
Verdict without_real_time(const fs::path& file, const char* model) {
  const auto loaded = load_history(file);
  REQUIRE(loaded);
  CHECK_FALSE(loaded->has_real_time);
  ConfigNode params;
  params.members.push_back({"model", {}, ConfigNode::of(model)});
  params.members.push_back({"real_time", {}, ConfigNode::of("false")});
  if (loaded->initial_hint)
    params.members.push_back({"initial", {}, ConfigNode::of(*loaded->initial_hint)});
  const auto checker = make_checker(checkers(), "rw-register", params);
  REQUIRE(checker);
  return judge(**checker, loaded->history, {}).verdict;
}

TEST_CASE("corpora: transactions of AWDIT, PolySI and IsoVista") {
  const fs::path root = corpora();
  if (is_absent(root)) return;
  struct Case {
    const char *path, *holds, *violated;
  };
  // The levels of AWDIT know sessions.
  const Case cases[] = {
      {"awdit/tests/causal", "strong-session-causal", nullptr},
      {"awdit/tests/read-atomic", "strong-session-read-atomic", "strong-session-causal"},
      {"awdit/tests/read-committed", "strong-session-read-committed", "strong-session-read-atomic"},
      {"awdit/tests/none", "read-committed", "strong-session-read-committed"},
      {"polysi/violations", nullptr, "snapshot-isolation"},
      {"isovista/bugs/dgraph_si.txt", nullptr, "snapshot-isolation"},
      {"isovista/bugs/pg_ser_bug.txt", "strong-session-snapshot-isolation", "serializable"},
      {"isovista/bugs/yugabyte_tcc.txt", nullptr, "strong-session-causal"},
      {"isovista/sample_history.txt", "strong-session-serializable", nullptr},
  };
  int count = 0;
  for (const Case& c : cases)
    for (const fs::path& file : files_of(root / c.path)) {
      if (is_about_them(file)) continue;
      CAPTURE(file.string());
      ++count;
      for (const char* model : {c.holds, c.violated}) {
        if (model == nullptr) continue;
        const Verdict verdict = without_real_time(file, model);
        CAPTURE(model);
        CAPTURE(verdict.summary);
        CHECK(verdict.validity == (model == c.holds ? Validity::valid : Validity::invalid));
        for (const auto& [name, times] : verdict.anomalies)
          CHECK_MESSAGE(!name.ends_with("-realtime"), name);
      }
    }
  CHECK(count == 29);
}

TEST_CASE("corpora: read atomic without sessions, where AWDIT's tests tell its from theirs") {
  const fs::path root = corpora();
  if (is_absent(root)) return;
  for (const fs::path& file : files_of(root / "awdit/tests/read-committed")) {
    CAPTURE(file.string());
    // AWDIT's knows sessions, and above all of these violate that; of this one nothing else does.
    const bool is_by_session = file.filename() == "l4e10sqrt.txt";
    const Validity wanted = is_by_session ? Validity::valid : Validity::invalid;
    CHECK(without_real_time(file, "read-atomic").validity == wanted);
  }
}

TEST_CASE("corpora: banks and long forks") {
  const fs::path root = corpora();
  if (is_absent(root)) return;
  struct Case {
    const char *file, *check;
    Validity validity;
    const char* what;  ///< Every anomaly, or the reason.
    const char* negative_balances = nullptr;
  };
  const Case cases[] = {
      {"bank.edn", "bank", Validity::valid, ""},
      {"bank.json", "bank", Validity::valid, ""},
      {"bank-tidb.edn", "bank", Validity::invalid, "wrong-total"},
      {"bank-negative-balances.json", "bank", Validity::invalid, "negative-balance"},
      // Nothing was ever moved in these two, which Jepsen does not mind.
      {"bank-negative-balances.json", "bank", Validity::unknown, "vacuous", "true"},
      {"bank-neg.edn", "bank", Validity::unknown, "vacuous"},
      // Its writes are not there: that what is read was never written is ours to say.
      {"long-fork.edn", "long-fork", Validity::invalid, "garbage-read long-fork"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.file);
    const auto loaded = load_history(root / "elle-cli/jepsen" / c.file);
    REQUIRE(loaded);
    ConfigNode params;
    if (c.negative_balances != nullptr)
      params.members.push_back({"negative_balances", {}, ConfigNode::of(c.negative_balances)});
    const auto checker = make_checker(checkers(), c.check, params);
    REQUIRE(checker);
    const Verdict verdict = judge(**checker, loaded->history, {}).verdict;
    CAPTURE(verdict.summary);
    CHECK(verdict.validity == c.validity);
    std::string what = verdict.reason;
    for (const auto& [name, count] : verdict.anomalies) what += (what.empty() ? "" : " ") + name;
    CHECK(what == c.what);
  }
}

}  // namespace
}  // namespace faultline
