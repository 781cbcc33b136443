// What is compressed is read like what is not, and what is damaged is refused.
#include <array>
#include <cstdint>
#include <fstream>
#include <string>

#include <doctest/doctest.h>

#include "harness/io/load.h"
#include "tests/io/temporary_folder.h"

namespace faultline {
namespace {

const std::string one_write = R"({"type":"invoke","process":0,"f":"write","value":7}
{"type":"ok","process":0,"f":"write","value":7}
)";

std::string little_endian(std::uint64_t v, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(v >> 8 * i & 0xff);
  return out;
}

std::uint32_t crc32_of(std::string_view text) {
  std::uint32_t crc = 0xffffffffu;
  for (const char c : text) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
  }
  return ~crc;
}

/// RFC 1952 around one stored block of RFC 1951.
std::string gzipped(const std::string& text) {
  return std::string("\x1f\x8b\x08\0\0\0\0\0\0\x03\x01", 11) + little_endian(text.size(), 2) +
         little_endian(~text.size(), 2) + text + little_endian(crc32_of(text), 4) +
         little_endian(text.size(), 4);
}

std::string zstd_block(bool is_last, bool is_run, std::uint64_t size, const std::string& content) {
  return little_endian((is_last ? 1u : 0u) | (is_run ? 2u : 0u) | size << 3, 3) + content;
}

/// RFC 8878: `runs` blocks of 128 KiB of blanks, then the text as it is.
std::string zstandard(const std::string& text, unsigned runs = 0) {
  constexpr std::uint64_t run_bytes = 128 << 10;
  std::string out = "\x28\xb5\x2f\xfd\xa0" + little_endian(runs * run_bytes + text.size(), 4);
  for (unsigned i = 0; i < runs; ++i) out += zstd_block(false, true, run_bytes, " ");
  return out + zstd_block(true, false, text.size(), text);
}

std::string outcome(std::string_view bytes) {
  LoadError error;
  const auto loaded = load_history_text(bytes, "h", {}, &error);
  if (!loaded) return loaded.error().what;
  return loaded->format + " " + std::to_string(loaded->history.size());
}

TEST_CASE("compression: gzip and zstd, of one part or several, in any format") {
  CHECK(outcome(gzipped(one_write)) == "jsonl 1");
  CHECK(outcome(zstandard(one_write)) == "jsonl 1");
  CHECK(outcome(gzipped(one_write.substr(0, 60)) + gzipped(one_write.substr(60))) == "jsonl 1");
  CHECK(outcome(zstandard(one_write.substr(0, 60)) + zstandard(one_write.substr(60))) == "jsonl 1");
  CHECK(outcome(gzipped("{:type :invoke :process 1 :f :read}")) == "edn 1");
  CHECK(outcome(zstandard(one_write, 50)) == "jsonl 1");
}

TEST_CASE("compression: of a file, whatever its name is") {
  const TemporaryFolder folder;
  std::ofstream(folder.path() / "h") << zstandard(one_write, 20);
  const auto loaded = load_history(folder.path() / "h");
  REQUIRE(loaded);
  CHECK(loaded->history.size() == 1);
}

TEST_CASE("compression: what is damaged, cut off or compressed twice is refused") {
  for (const std::string& whole : {gzipped(one_write), zstandard(one_write, 3)})
    for (std::size_t size = 5; size < whole.size(); ++size) {
      const std::string what = outcome(whole.substr(0, size));
      CHECK_MESSAGE(what.find("it ends too early") != std::string::npos, size, ": ", what);
    }
  std::string damaged = gzipped(one_write);
  damaged[20] = 'X';
  CHECK(outcome(damaged) == "h: expected a whole gzip file: incorrect data check");
  CHECK(outcome("\x28\xb5\x2f\xfd****************").find("h: expected a whole zstd file: ") == 0);
  CHECK(outcome(gzipped(zstandard(one_write))) ==
        "h: expected a history, found a file that was compressed twice");
}

}  // namespace
}  // namespace faultline
