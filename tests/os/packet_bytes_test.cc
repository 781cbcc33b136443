#include "harness/os/packet_bytes.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace faultline {
namespace {

using Frame = std::vector<std::uint8_t>;

void append_word(Frame& frame, unsigned word) {
  frame.push_back(static_cast<std::uint8_t>(word >> 8));
  frame.push_back(static_cast<std::uint8_t>(word));
}

/// The Internet checksum over everything behind the IP header with its pseudo header: 0 if right.
/// Written apart from what it judges.
unsigned check_sum(const Frame& frame) {
  const bool v6 = frame[12] == 0x86;
  const std::size_t transport = v6 ? 54 : 34, addresses = v6 ? 22 : 26;
  std::uint64_t sum = v6 ? frame[20] : frame[23];
  sum += frame.size() - transport;
  for (std::size_t i = addresses; i < frame.size(); ++i)
    sum += i % 2 == 0 ? std::uint64_t{frame[i]} << 8 : frame[i];
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<unsigned>(~sum & 0xffff);
}

/// Of `protocol` over IPv4 or IPv6 with that payload, checksum included; or left to the device.
Frame packet(bool v6, unsigned protocol, const std::string& payload, VirtioHeader* open = nullptr) {
  Frame frame(12, 2);
  const std::size_t header = protocol == 6 ? 20 : 8;
  const auto length = static_cast<unsigned>(header + payload.size());
  append_word(frame, v6 ? 0x86dd : 0x0800);
  if (v6) {
    append_word(frame, 0x6000);
    append_word(frame, 0);
    append_word(frame, length);
    frame.push_back(static_cast<std::uint8_t>(protocol));
    frame.push_back(64);
    for (int i = 0; i < 32; ++i) frame.push_back(static_cast<std::uint8_t>(i * 7));
  } else {
    append_word(frame, 0x4500);
    append_word(frame, 20 + length);
    append_word(frame, 1);
    append_word(frame, 0x4000);
    append_word(frame, 0x4000 | protocol);
    append_word(frame, 0);
    for (const int part : {10, 88, 0, 1, 10, 88, 0, 2})
      frame.push_back(static_cast<std::uint8_t>(part));
  }
  const std::size_t transport = frame.size(), place = transport + (protocol == 6 ? 16 : 6);
  frame.resize(transport + header, 0);
  frame[transport + 1] = 80;
  if (protocol == 6) frame[transport + 12] = 0x50;
  if (protocol == 17) frame[transport + 5] = static_cast<std::uint8_t>(length);
  frame.insert(frame.end(), payload.begin(), payload.end());
  unsigned sum = check_sum(frame);
  if (open != nullptr) {
    // What the kernel leaves there: the pseudo header's sum, not complemented.
    open->flags = needs_checksum;
    open->checksum_start = static_cast<std::uint16_t>(transport);
    open->checksum_offset = static_cast<std::uint16_t>(place - transport);
    Frame pseudo(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(transport));
    const std::size_t bytes = frame.size();
    std::uint64_t total = protocol + (bytes - transport);
    for (std::size_t i = v6 ? 22 : 26; i < transport; ++i)
      total += i % 2 == 0 ? std::uint64_t{pseudo[i]} << 8 : pseudo[i];
    while (total >> 16) total = (total & 0xffff) + (total >> 16);
    sum = static_cast<unsigned>(total);
  }
  frame[place] = static_cast<std::uint8_t>(sum >> 8);
  frame[place + 1] = static_cast<std::uint8_t>(sum);
  return frame;
}

int bits_apart(const Frame& one, const Frame& other, std::size_t from, std::size_t to) {
  int bits = 0;
  for (std::size_t i = from; i < to; ++i)
    bits += __builtin_popcount(static_cast<unsigned>(one[i] ^ other[i]));
  return bits;
}

TEST_CASE("packet bytes: what finds machines is told from what they say") {
  CHECK_FALSE(is_housekeeping(packet(false, 6, "x")));
  CHECK_FALSE(is_housekeeping(packet(true, 17, "x")));
  Frame arp = packet(false, 6, "x");
  arp[13] = 6;
  CHECK(is_housekeeping(arp));
  Frame icmp = packet(true, 58, "x");
  for (const int type : {133, 134, 135, 136}) {
    icmp[54] = static_cast<std::uint8_t>(type);
    CHECK(is_housekeeping(icmp));
  }
  icmp[54] = 128;  // An echo request.
  CHECK_FALSE(is_housekeeping(icmp));
  CHECK(is_housekeeping(packet(true, 0, "listener report")));
  CHECK(is_housekeeping(Frame(13)));
}

TEST_CASE("packet bytes: the layout of TCP and UDP in both families, and of the rest") {
  for (const bool v6 : {false, true}) {
    const std::size_t transport = v6 ? 54 : 34;
    Frame tcp = packet(v6, 6, "hello");
    tcp.resize(tcp.size() + 7);  // Padding of the frame is none of the packet's.
    const PacketLayout layout = layout_of(tcp);
    CHECK(layout.transport == transport);
    CHECK(layout.payload == transport + 20);
    CHECK(layout.checksum == transport + 16);
    CHECK(layout.end == transport + 25);
    CHECK(layout_of(packet(v6, 17, "hello")).payload == transport + 8);
    CHECK(layout_of(packet(v6, 17, "hello")).checksum == transport + 6);
    CHECK(layout_of(packet(v6, 1, "hello")).checksum == 0);
    CHECK(layout_of(packet(v6, 1, "hello")).payload == layout_of(packet(v6, 1, "hello")).end);
  }
  Frame fragment = packet(false, 17, "hello");
  fragment[20] = 0x20;
  CHECK(layout_of(fragment).checksum == 0);
  CHECK(layout_of(Frame(20)).end == 0);
  for (std::size_t bytes = 0; bytes < 80; ++bytes) {  // Torn anywhere: nothing lies behind its end.
    Frame torn = packet(true, 6, "hello");
    torn.resize(std::min(bytes, torn.size()));
    const PacketLayout layout = layout_of(torn);
    CHECK(layout.end <= torn.size());
    CHECK(layout.payload <= layout.end);
    CHECK(layout.transport <= layout.end);
  }
}

TEST_CASE("packet bytes: a checksum tells a flipped bit, wherever it is") {
  for (const bool v6 : {false, true})
    for (const unsigned protocol : {6u, 17u})
      for (std::uint64_t random = 0; random < 8 * 40; ++random) {
        VirtioHeader header;
        Frame frame = packet(v6, protocol, "some payload");
        REQUIRE(check_sum(frame) == 0);
        const Frame before = frame;
        REQUIRE(corrupt(header, frame, random));
        CHECK(bits_apart(before, frame, 0, frame.size()) == 1);
        CHECK(check_sum(frame) != 0);
      }
}

TEST_CASE("packet bytes: a checksum that the sender left open is finished before the bit flips") {
  for (const bool v6 : {false, true}) {
    VirtioHeader header;
    Frame frame = packet(v6, 6, "odd", &header);
    const Frame whole = packet(v6, 6, "odd");
    REQUIRE(check_sum(whole) == 0);
    REQUIRE(corrupt(header, frame, 8 * 22));
    CHECK((header.flags & needs_checksum) == 0);
    CHECK(bits_apart(whole, frame, 0, frame.size()) == 1);
    CHECK(check_sum(frame) != 0);
  }
}

TEST_CASE("packet bytes: unseen, one bit of the payload flips and the checksum fits again") {
  for (const bool v6 : {false, true})
    for (const unsigned protocol : {6u, 17u})
      for (const std::string payload : {"odd", "even", "x"})
        for (std::uint64_t random = 0; random < 64; ++random) {
          Frame frame = packet(v6, protocol, payload);
          const Frame before = frame;
          const PacketLayout layout = layout_of(frame);
          REQUIRE(corrupt_unseen({}, frame, random));
          CHECK(bits_apart(before, frame, layout.payload, layout.end) == 1);
          CHECK(bits_apart(before, frame, 0, layout.checksum) == 0);
          CHECK(check_sum(frame) == 0);
        }
}

TEST_CASE(
    "packet bytes: what has no payload cannot be corrupted unseen, nor super-segments at all") {
  Frame empty = packet(false, 6, "");
  const Frame before = empty;
  CHECK_FALSE(corrupt_unseen({}, empty, 1));
  CHECK(empty == before);
  VirtioHeader super;
  super.gso_type = 1;
  Frame frame = packet(false, 6, "hello");
  CHECK_FALSE(corrupt(super, frame, 1));
  CHECK_FALSE(corrupt_unseen(super, frame, 1));
  CHECK(frame == packet(false, 6, "hello"));
}

}  // namespace
}  // namespace faultline
