#include "harness/core/text.h"

#include <array>

#include <doctest/doctest.h>

namespace faultline {
namespace {

using namespace std::chrono_literals;

TEST_CASE("text: durations as people write them") {
  CHECK(parse_duration("8s") == 8s);
  CHECK(parse_duration("500ms") == 500ms);
  CHECK(parse_duration("1.5s") == 1500ms);
  CHECK(parse_duration("2m") == 2min);
  CHECK(parse_duration("1h") == 1h);
  CHECK(parse_duration("250us") == 250us);
  CHECK(parse_duration("7ns") == 7ns);
  CHECK(parse_duration("0") == 0ns);
  for (const char* text :
       {"", "s", "8", "8 s", "8sec", "-1s", "1s2", "inf", "nans", "1e30h", "0x1s"})
    CHECK_MESSAGE(!parse_duration(text), text);
}

TEST_CASE("text: a formatted duration is the same duration") {
  CHECK(format_duration(8s) == "8s");
  CHECK(format_duration(1500ms) == "1500ms");
  CHECK(format_duration(120s) == "2m");
  CHECK(format_duration(0ns) == "0s");
  for (const auto duration :
       {1ns, 999ns, 1000ns, 1'000'001ns, 60'000'000'000ns, 7'200'000'000'000ns})
    CHECK(parse_duration(format_duration(duration)) == duration);
  CHECK(format_seconds(3'204'000'000) == "3.20 s");
}

TEST_CASE("text: rates") {
  CHECK(parse_rate("2000/s") == 2000);
  CHECK(parse_rate("0.5") == 0.5);
  CHECK(parse_rate("unlimited") == 0);
  CHECK(parse_rate("0") == 0);
  for (const char* text : {"", "/s", "5/m", "-5", "5 /s"}) CHECK_MESSAGE(!parse_rate(text), text);
}

TEST_CASE("text: sizes") {
  CHECK(parse_size("4GiB") == std::uint64_t{4} << 30);
  CHECK(parse_size("512MiB") == std::uint64_t{512} << 20);
  CHECK(parse_size("64KiB") == 65536);
  CHECK(parse_size("1TiB") == std::uint64_t{1} << 40);
  CHECK(parse_size("1000000") == 1'000'000);
  CHECK(parse_size("17B") == 17);
  CHECK(parse_size("18446744073709551615") == UINT64_MAX);
  for (const char* text :
       {"", "GiB", "4GB", "4 GiB", "-1", "1.5GiB", "18446744073709551616", "16777216TiB"})
    CHECK_MESSAGE(!parse_size(text), text);
}

TEST_CASE("text: thousands") {
  CHECK(with_thousands(0) == "0");
  CHECK(with_thousands(999) == "999");
  CHECK(with_thousands(1000) == "1,000");
  CHECK(with_thousands(1234567) == "1,234,567");
}

TEST_CASE("text: the nearest word is near enough to be meant") {
  constexpr auto words = std::to_array<std::string_view>({"kill", "pause", "partition", "clock"});
  CHECK(nearest_word("kil", words) == "kill");
  CHECK(nearest_word("puase", words) == "pause");  // two neighbours exchanged
  CHECK(nearest_word("partitoin", words) == "partition");
  CHECK(nearest_word("kill", words) == "kill");
  CHECK_FALSE(nearest_word("restart", words));
  CHECK_FALSE(nearest_word("", words));
  CHECK_FALSE(nearest_word("kill", {}));
}

TEST_CASE("text: what a shell reads back") {
  CHECK(shell_quoted("configs/a.yaml") == "configs/a.yaml");
  CHECK(shell_quoted("time=10s") == "time=10s");
  CHECK(shell_quoted("") == "''");
  CHECK(shell_quoted("a b") == "'a b'");
  CHECK(shell_quoted("it's $HOME") == "'it'\\''s $HOME'");
}

}  // namespace
}  // namespace faultline
