#include "harness/os/log_drain.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include <doctest/doctest.h>
#include <stdlib.h>

namespace faultline {
namespace {

struct Log {
  Log() { REQUIRE(::mkdtemp(folder.data()) != nullptr); }
  ~Log() { std::filesystem::remove_all(folder); }
  std::string path() const { return folder + "/stdout.log"; }
  std::string text() const {
    std::ifstream file(path());
    return {std::istreambuf_iterator<char>(file), {}};
  }
  /// One start of a store: it writes `text`, and ends.
  void write(const std::string& text, std::int64_t bytes_max) const {
    Fd end;
    auto drain = LogDrain::open(path(), bytes_max, end);
    REQUIRE(drain);
    CHECK(drain->drain());  // Nothing there yet is not the end.
    REQUIRE(::write(end.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    CHECK(drain->drain());
    end.reset();
    CHECK_FALSE(drain->drain());
  }
  std::string folder = (std::filesystem::temp_directory_path() / "log_drain-XXXXXX").string();
};

constexpr const char* notice = "\nfaultline: the log is full, the rest is dropped\n";

TEST_CASE("a log keeps what each start wrote") {
  const Log log;
  log.write("one\n", 100);
  log.write("two\n", 100);
  CHECK(log.text() == "one\ntwo\n");
}

TEST_CASE("a full log says so once, and drops the rest without blocking the writer") {
  const Log log;
  log.write("12345", 8);
  log.write("6789", 8);
  CHECK(log.text() == std::string("12345678") + notice);
  log.write("more", 8);
  CHECK(log.text() == std::string("12345678") + notice);
}

TEST_CASE("a log that is exactly full has not dropped anything yet") {
  const Log log;
  log.write("12345678", 8);
  CHECK(log.text() == "12345678");
  log.write("9", 8);
  CHECK(log.text() == std::string("12345678") + notice);
}

TEST_CASE("a log that cannot be opened is an error that names it") {
  Fd end;
  const auto drain = LogDrain::open("/nowhere/stdout.log", 8, end);
  REQUIRE_FALSE(drain);
  CHECK(drain.error().what == "open /nowhere/stdout.log: No such file or directory");
}

}  // namespace
}  // namespace faultline
