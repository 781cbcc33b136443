// `faultline check --model`: names of isolation models, of whatever transactions.
#include <fstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/cli/command.h"

namespace faultline {
namespace {

/// Transactions of one process each, one after the other, as JSON lines.
std::string history_of(const std::vector<std::string>& transactions) {
  std::string text;
  for (std::size_t i = 0; i < transactions.size(); ++i)
    for (const char* type : {"invoke", "ok"})
      text += std::string(R"({"type":")") + type + R"(","process":)" + std::to_string(i) +
              R"(,"f":"txn","value":)" + transactions[i] + "}\n";
  return text;
}

Answered check(const std::vector<std::string>& transactions, const std::string& model) {
  const TemporaryFolder folder;
  const std::string path = (folder / "h.jsonl").string();
  std::ofstream(path) << history_of(transactions);
  return faultline_command({"check", "--model", model, path});
}

const std::vector<std::string> appends = {R"([["append","x",1]])", R"([["r","x",[1]]])"};

TEST_CASE("check --model: of an unknown name the nearest of all models is told") {
  const Answered wrong = check(appends, "snapshot-isolaton");
  CHECK(wrong.code == 64);
  CHECK(wrong.err.find("--model: unknown model \"snapshot-isolaton\", did you mean "
                       "\"snapshot-isolation\"?") != std::string::npos);
  CHECK(check(appends, "SI,serialisable").err.find("did you mean \"serializable\"?") !=
        std::string::npos);
  CHECK(check(appends, "cas-registr").err.find("did you mean \"cas-register\"?") !=
        std::string::npos);
  CHECK(check(appends, "qwertyuiop").err.find("faultline list models") != std::string::npos);
}

TEST_CASE("check --model: a model of isolation is judged by a checker of transactions") {
  CHECK(check(appends, "snapshot-isolation").out.find("list-append") != std::string::npos);
  struct Case {
    std::vector<std::string> transactions;
    int code;
    const char* says;
  };
  const Case cases[] = {
      {{R"([["w","x",1]])", R"([["w","x",1]])", R"([["r","x",1]])"}, 2, "values written must be"},
      {{R"([["w","x",null]])", R"([["r","x",null]])"}, 2, "value that is not null"},
      {{R"([["r","x",1]])"}, 1, "garbage-read"},
      {{R"([["r","x",[1]]])"}, 1, "list-append"},
      {{R"([["r","x",null]])"}, 0, "rw-register"},
  };
  for (const Case& c : cases) {
    const Answered answered = check(c.transactions, "serializable");
    CAPTURE(answered.out);
    CHECK(answered.code == c.code);
    CHECK(answered.out.find(c.says) != std::string::npos);
  }
}

TEST_CASE("check --model: what a model is called elsewhere") {
  const std::vector<std::string> skew = {R"([["r","x",[]],["append","y",1]])",
                                         R"([["r","y",[]],["append","x",1]])",
                                         R"([["r","x",[1]],["r","y",[1]]])"};
  const TemporaryFolder folder;
  const std::string path = (folder / "h.jsonl").string();
  std::string text;
  const auto event = [&](const char* type, int process, const std::string& value) {
    text += std::string(R"({"type":")") + type + R"(","process":)" + std::to_string(process) +
            R"(,"f":"txn","value":)" + value + "}\n";
  };
  for (int i : {0, 1}) event("invoke", i, skew[static_cast<std::size_t>(i)]);
  for (int i : {0, 1}) event("ok", i, skew[static_cast<std::size_t>(i)]);
  event("invoke", 2, skew[2]);
  event("ok", 2, skew[2]);
  std::ofstream(path) << text;
  for (const char* weak : {"RU", "RC", "RA", "MAV", "CC", "CCv", "TCC", "consistent-prefix", "PSI",
                           "SI", "strong-session-SI", "strong-SI", "strong-session-PL-1",
                           "strong-session-PL-2", "strong-PL-1", "strong-PL-2"}) {
    CAPTURE(weak);
    CHECK(faultline_command({"check", "--model", weak, path}).code == 0);
  }
  for (const char* strong : {"RR", "SER", "conflict-serializable", "SSER"}) {
    CAPTURE(strong);
    CHECK(faultline_command({"check", "--model", strong, path}).code == 1);
  }
}

TEST_CASE("explain, list: aliases of models") {
  CHECK(faultline_command({"explain", "SI"}).out.find("is snapshot-isolation: ") !=
        std::string::npos);
  CHECK(faultline_command({"explain", "PL-SI"}).out.find("is snapshot-isolation: ") !=
        std::string::npos);
  const std::string models = faultline_command({"list", "models"}).out;
  for (const char* alias : {"SI", "PL-2.99", "TCC", "strong-session-PL-1"})
    CHECK_MESSAGE(models.find("\n  " + std::string(alias) + " ") != std::string::npos, alias);
}

}  // namespace
}  // namespace faultline
