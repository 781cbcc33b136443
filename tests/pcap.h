// Reads capture files back (pcap-savefile(5)), of this machine's order of bytes.
#pragma once

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace faultline::pcap {

struct Record {
  std::int64_t when_ns = 0;
  std::string frame;
};

inline std::uint32_t number_in(const std::string& bytes, std::size_t at) {
  std::uint32_t number = 0;
  REQUIRE(at + sizeof number <= bytes.size());
  std::memcpy(&number, bytes.data() + at, sizeof number);
  return number;
}

/// All records; the file must end with a whole one.
inline std::vector<Record> read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes(std::istreambuf_iterator<char>(file), {});
  REQUIRE(number_in(bytes, 0) == 0xa1b23c4d);  // Nanoseconds.
  CHECK(number_in(bytes, 4) == (4u << 16 | 2u));
  CHECK(number_in(bytes, 16) > 65550);  // The longest frame.
  CHECK(number_in(bytes, 20) == 1);     // Ethernet.
  std::vector<Record> records;
  for (std::size_t at = 24; at < bytes.size();) {
    const std::uint32_t kept = number_in(bytes, at + 8);
    CHECK(number_in(bytes, at + 12) == kept);
    REQUIRE(at + 16 + kept <= bytes.size());
    records.push_back(
        {std::int64_t{number_in(bytes, at)} * 1'000'000'000 + number_in(bytes, at + 4),
         bytes.substr(at + 16, kept)});
    at += 16 + kept;
  }
  return records;
}

}  // namespace faultline::pcap
