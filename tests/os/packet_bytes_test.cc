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

TEST_CASE("packet bytes: of UDP, no checksum stays none, and none is told by a sum of 0") {
  Frame none = packet(false, 17, "hello");
  none[40] = none[41] = 0;
  REQUIRE(corrupt_unseen({}, none, 1));
  CHECK(none[40] + none[41] == 0);
  bool met = false;
  for (unsigned word = 0; word < 0x10000; word += 2) {
    Frame frame = packet(false, 17, {static_cast<char>(word >> 8), static_cast<char>(word)});
    REQUIRE(corrupt_unseen({}, frame, 8));  // The last bit.
    met = met || (frame[40] & frame[41]) == 0xff;
    if (frame[40] + frame[41] == 0) FAIL("a checksum of 0 at word ", word);
  }
  CHECK(met);
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

/// The IPv4 header's own checksum: 0 if right.
unsigned header_sum(const Frame& frame) {
  std::uint64_t sum = 0;
  for (std::size_t i = 14; i < 34; ++i) sum += i % 2 == 0 ? frame[i] << 8 : frame[i];
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<unsigned>(~sum & 0xffff);
}

/// A message with numbers that carry over, and a FIN.
Frame message(bool v6, const std::string& payload, VirtioHeader* open = nullptr) {
  Frame frame = packet(v6, 6, payload, open);
  const std::size_t tcp = v6 ? 54 : 34;
  if (!v6) frame[24] = 0xab;  // A checksum of its own, as every header has.
  const Frame numbers = {0xff, 0xff, 0xff, 0xfe, 0x12, 0x34, 0x56, 0x78, 0x50, 0x19};
  std::copy(numbers.begin(), numbers.end(), frame.begin() + static_cast<std::ptrdiff_t>(tcp + 4));
  return frame;
}

/// What the IP header says of its length, and what is there.
bool length_is_told(const Frame& frame) {
  const bool v6 = frame[12] == 0x86;
  const std::size_t at = v6 ? 18 : 16, before = v6 ? 54 : 14;
  return std::size_t{frame[at]} * 256 + frame[at + 1] == frame.size() - before;
}

std::uint32_t number(const Frame& frame, std::size_t at) {
  return std::uint32_t{frame[at]} << 24 | std::uint32_t{frame[at + 1]} << 16 |
         std::uint32_t{frame[at + 2]} << 8 | frame[at + 3];
}

TEST_CASE("packet bytes: a message is a segment with payload, by itself") {
  VirtioHeader super;
  super.gso_type = 1;
  for (const bool v6 : {false, true}) {
    CHECK(is_message({}, packet(v6, 6, "x")));
    CHECK_FALSE(is_message(super, packet(v6, 6, "x")));
    CHECK_FALSE(is_message({}, packet(v6, 6, "")));
    CHECK_FALSE(is_message({}, packet(v6, 17, "x")));
    CHECK_FALSE(is_message({}, packet(v6, 1, "x")));
    Frame padded = packet(v6, 6, "");
    padded.resize(padded.size() + 6);
    CHECK_FALSE(is_message({}, padded));
  }
  CHECK_FALSE(is_message({}, Frame(20)));
}

TEST_CASE("packet bytes: half of a message is a whole segment, and says nothing of the rest") {
  for (const bool v6 : {false, true})
    for (const bool open : {false, true})
      for (const std::string payload : {"ab", "odd", "hello world"}) {
        VirtioHeader header;
        const Frame whole = message(v6, payload, open ? &header : nullptr);
        Frame frame = whole;
        const std::size_t length = keep_half(header, frame);
        const std::size_t tcp = v6 ? 54 : 34;
        REQUIRE(length == tcp + 20 + payload.size() / 2);
        frame.resize(length);
        CHECK((header.flags & needs_checksum) == 0);
        CHECK(check_sum(frame) == 0);
        CHECK(length_is_told(frame));
        if (!v6) CHECK(header_sum(frame) == 0);
        const PacketLayout layout = layout_of(frame);
        CHECK(layout.end == length);
        CHECK(layout.payload == tcp + 20);
        CHECK(frame[tcp + 13] == 0x18);  // Without FIN.
        CHECK(std::equal(frame.begin() + static_cast<std::ptrdiff_t>(layout.payload), frame.end(),
                         payload.begin()));
        CHECK(bits_apart(whole, frame, tcp, tcp + 13) == 0);
      }
  VirtioHeader header;
  Frame one = message(false, "x");
  CHECK(keep_half(header, one) == 0);
}

TEST_CASE("packet bytes: a reset ends the connection where the half does, for either end") {
  for (const bool v6 : {false, true}) {
    const std::size_t tcp = v6 ? 54 : 34, addresses = v6 ? 22 : 26, bytes = v6 ? 16 : 4;
    Frame sent = message(v6, "hello world");
    for (std::size_t i = 0; i < 12; ++i) sent[i] = static_cast<std::uint8_t>(2 + i);
    sent[tcp] = 0x12, sent[tcp + 2] = 0x34;
    const auto reset = [&](ResetTo to) {
      Frame frame(reset_bytes_max, 0xee);
      frame.resize(make_reset(sent, to, frame));
      REQUIRE(frame.size() == tcp + 20);
      CHECK(check_sum(frame) == 0);
      if (!v6) CHECK(header_sum(frame) == 0);
      CHECK(length_is_told(frame));
      CHECK(layout_of(frame).end == frame.size());
      CHECK(frame[tcp + 12] == 0x50);
      CHECK(frame[tcp + 13] == 0x14);
      return frame;
    };
    const Frame on = reset(ResetTo::receiver), back = reset(ResetTo::sender);
    CHECK(number(on, tcp + 4) == 3);  // 0xfffffffe and 5 bytes.
    CHECK(number(on, tcp + 8) == 0x12345678);
    CHECK(number(back, tcp + 4) == 0x12345678);
    CHECK(number(back, tcp + 8) == 3);
    CHECK(bits_apart(sent, on, 0, 14) == 0);
    CHECK(bits_apart(sent, on, addresses, tcp + 4) == 0);
    const auto part = [](const Frame& frame, std::size_t from, std::size_t size) {
      const auto begin = frame.begin() + static_cast<std::ptrdiff_t>(from);
      return Frame(begin, begin + static_cast<std::ptrdiff_t>(size));
    };
    for (const auto& [first, size] :
         {std::pair<std::size_t, std::size_t>(0, 6), {addresses, bytes}, {tcp, 2}}) {
      CHECK(part(back, first, size) == part(sent, first + size, size));
      CHECK(part(back, first + size, size) == part(sent, first, size));
    }
  }
  // What options a header had are not in the reset.
  Frame with_options = message(false, "hello");
  with_options[14] = 0x46;
  with_options[17] = static_cast<std::uint8_t>(with_options[17] + 4);
  with_options.insert(with_options.begin() + 34, {1, 1, 1, 1});
  Frame frame(reset_bytes_max);
  CHECK(make_reset(with_options, ResetTo::receiver, frame) == 54);
  frame.resize(54);
  CHECK(frame[14] == 0x45);
  CHECK(length_is_told(frame));
  CHECK(header_sum(frame) == 0);
  CHECK(number(frame, 38) == 0);  // 0xfffffffe and 2.
}

}  // namespace
}  // namespace faultline
