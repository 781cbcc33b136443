// Histories of transactions whose format knows sessions, but no real time:
// tests/histories/sessions.
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/cli/command.h"

namespace faultline {
namespace {

std::string session_history(const std::string& name) {
  return (std::filesystem::path(FAULTLINE_SOURCE_DIR) / "tests/histories/sessions" / name).string();
}

struct Case {
  const char *file, *model;
  int code;  ///< 0: valid, 1: a violation, 2: unknown.
  const char* says = "";
};

TEST_CASE("check: formats without real time, by the models that do not need it") {
  const Case cases[] = {
      {"awdit-stale.txt", "strong-session-serializable", 0},
      {"awdit-stale.txt", "", 0, "rw-register"},
      {"awdit-back.txt", "serializable", 0},
      {"awdit-back.txt", "strong-session-read-committed", 0},
      {"awdit-back.txt", "causal-cerone", 0},
      {"awdit-back.txt", "strong-session-causal", 1, "WriteCORead"},
      {"awdit-back.txt", "", 1, "-process"},
      {"awdit-skew.txt", "snapshot-isolation", 0},
      {"awdit-skew.txt", "serializable", 1, "G2-item"},
      {"awdit-zero.txt", "read-committed", 1, "garbage-read"},
      {"plume-nil.txt", "", 0},
      {"plume-zero.txt", "", 0},
      {"plume-forgets.txt", "serializable", 0},
      {"plume-forgets.txt", "strong-session-serializable", 1,
       "nil is what was there before any write: 0"},
      {"plume-either.txt", "", 2, "the initial value is 0, but key 0 was also written so"},
      {"plume-both.txt", "", 2, "the initial value is 0, but key 0 was read as nil"},
      {"dbcop-zero.bincode", "", 0},
      {"dbcop-lost.bincode", "read-atomic", 0},
      {"dbcop-lost.bincode", "snapshot-isolation", 1, "lost-update"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.file);
    CAPTURE(c.model);
    std::vector<std::string> arguments = {"check", session_history(c.file)};
    if (*c.model != '\0') arguments.insert(arguments.end(), {"--model", c.model});
    const Answered answered = faultline_command(arguments);
    CAPTURE(answered.out);
    CHECK(answered.code == c.code);
    CHECK(answered.out.find(c.says) != std::string::npos);
    CHECK(answered.out.find("-realtime") == std::string::npos);
  }
}

TEST_CASE("check: of a model about real time, without it, only a violation can be said") {
  const Answered open = faultline_command(
      {"check", "--model", "strict-serializable", session_history("awdit-stale.txt")});
  CHECK(open.code == 2);
  CHECK(open.out.find("the history has no order in real time, and strict-serializable is about it; "
                      "the strongest that can be judged is strong-session-serializable, and that "
                      "holds") != std::string::npos);
  // Who is not even serializable is not strictly so.
  const Answered refuted = faultline_command(
      {"check", "--model", "strict-serializable", session_history("awdit-skew.txt")});
  CHECK(refuted.code == 1);
  const Answered weak = faultline_command(
      {"check", "--model", "strong-snapshot-isolation", session_history("awdit-skew.txt")});
  CHECK(weak.code == 2);
  CHECK(weak.out.find("strong-session-snapshot-isolation, and that holds") != std::string::npos);
  // What a check that cannot do without says.
  const Answered other =
      faultline_command({"check", "--checks", "linearizable", session_history("awdit-stale.txt")});
  CHECK(other.code == 2);
  CHECK(other.out.find("this check is about the order in real time") != std::string::npos);
}

TEST_CASE("check --json: without real time, no model about it is left open") {
  const Answered valid = faultline_command({"check", "--json", session_history("awdit-stale.txt")});
  CHECK(valid.out.find(R"("not_ruled_out":["strong-session-serializable"])") != std::string::npos);
  const Answered skew = faultline_command(
      {"check", "--json", "--model", "serializable", session_history("awdit-skew.txt")});
  CHECK(skew.out.find("strong-session-snapshot-isolation") != std::string::npos);
  CHECK(skew.out.find(R"("not_ruled_out":["strong-snapshot)") == std::string::npos);
}

TEST_CASE("check: with positions that mean real time, the same history is stale") {
  const TemporaryFolder folder;
  const std::string history = (folder / "h.jsonl").string();
  std::string text;
  const char* const lines[] = {"0 w 1", "1 w 2", "2 r 1"};
  for (const std::string line : lines)
    for (const char* type : {"invoke", "ok"})
      text += std::string(R"({"type":")") + type + R"(","process":)" + line[0] +
              R"(,"f":"txn","value":[[")" + line[2] + R"(",0,)" + line[4] + "]]}\n";
  std::ofstream(history) << text;
  const Answered stale = faultline_command({"check", "--checks", "rw-register", history});
  CHECK(stale.code == 1);
  CHECK(stale.out.find("-realtime") != std::string::npos);
}

}  // namespace
}  // namespace faultline
