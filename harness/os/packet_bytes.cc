#include "harness/os/packet_bytes.h"

#include <algorithm>

namespace faultline {
namespace {

constexpr unsigned ipv4_type = 0x0800, ipv6_type = 0x86dd;
constexpr unsigned tcp_protocol = 6, udp_protocol = 17, icmp6_protocol = 58, hop_by_hop = 0;
constexpr std::size_t ipv4_bytes = 20, ipv6_bytes = 40, tcp_bytes = 20, udp_bytes = 8;

unsigned word_at(ConstBytes bytes, std::size_t at) {
  return static_cast<unsigned>(bytes[at]) << 8 | bytes[at + 1];
}

void put_word(Bytes bytes, std::size_t at, unsigned word) {
  bytes[at] = static_cast<std::uint8_t>(word >> 8);
  bytes[at + 1] = static_cast<std::uint8_t>(word);
}

unsigned folded(std::uint32_t sum) {
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

/// RFC 1071; what stands in the checksum's own place is part of it.
void finish_checksum(VirtioHeader& header, Bytes frame) {
  const std::size_t start = header.checksum_start, place = start + header.checksum_offset;
  if ((header.flags & needs_checksum) == 0 || place + 2 > frame.size()) return;
  std::uint32_t sum = 0;
  for (std::size_t at = start; at + 1 < frame.size(); at += 2) sum += word_at(frame, at);
  if ((frame.size() - start) % 2 != 0) sum += static_cast<unsigned>(frame.back()) << 8;
  const unsigned result = ~folded(sum) & 0xffff;
  put_word(frame, place, result == 0 ? 0xffff : result);
  header.flags &= static_cast<std::uint8_t>(~needs_checksum);
}

void turn_over(Bytes frame, std::size_t first, std::size_t end, std::uint64_t random) {
  frame[first + (random >> 3) % (end - first)] ^= static_cast<std::uint8_t>(1u << (random & 7));
}

PacketLayout transport_layout(ConstBytes frame, unsigned protocol, std::size_t transport,
                              std::size_t end) {
  PacketLayout layout{transport, end, 0, end};
  if (protocol == tcp_protocol && end - transport >= tcp_bytes) {
    layout.checksum = transport + 16;
    layout.payload = std::min(end, transport + std::size_t{frame[transport + 12]} / 16 * 4);
  } else if (protocol == udp_protocol && end - transport >= udp_bytes) {
    layout.checksum = transport + 6;
    layout.payload = transport + udp_bytes;
  }
  return layout;
}

}  // namespace

bool is_housekeeping(ConstBytes frame) {
  if (frame.size() < ethernet_bytes) return true;
  const unsigned type = word_at(frame, 12);
  if (type != ipv6_type) return type != ipv4_type;
  if (frame.size() > ethernet_bytes + 6 && frame[ethernet_bytes + 6] == hop_by_hop) return true;
  const std::size_t icmp = ethernet_bytes + ipv6_bytes;
  constexpr std::uint8_t router_solicitation = 133, neighbour_advertisement = 136;
  return frame.size() > icmp && frame[ethernet_bytes + 6] == icmp6_protocol &&
         frame[icmp] >= router_solicitation && frame[icmp] <= neighbour_advertisement;
}

PacketLayout layout_of(ConstBytes frame) {
  constexpr std::size_t ip = ethernet_bytes;
  if (frame.size() < ip + ipv4_bytes) return {};
  if (word_at(frame, 12) == ipv4_type) {
    const std::size_t transport = ip + std::size_t{frame[ip]} % 16 * 4;
    const std::size_t end = std::min(frame.size(), ip + word_at(frame, ip + 2));
    if (end <= transport) return {};
    const bool fragment = (word_at(frame, ip + 6) & 0x3fff) != 0;
    return transport_layout(frame, fragment ? 0 : frame[ip + 9], transport, end);
  }
  if (word_at(frame, 12) != ipv6_type || frame.size() < ip + ipv6_bytes) return {};
  const std::size_t transport = ip + ipv6_bytes;
  const std::size_t end = std::min(frame.size(), transport + word_at(frame, ip + 4));
  if (end <= transport) return {};
  return transport_layout(frame, frame[ip + 6], transport, end);
}

bool corrupt(VirtioHeader& header, Bytes frame, std::uint64_t random) {
  const PacketLayout layout = layout_of(frame);
  if (layout.end == layout.transport || header.gso_type != 0) return false;
  finish_checksum(header, frame);
  turn_over(frame, layout.transport, layout.end, random);
  return true;
}

bool corrupt_unseen(const VirtioHeader& header, Bytes frame, std::uint64_t random) {
  const PacketLayout layout = layout_of(frame);
  if (layout.payload >= layout.end || header.gso_type != 0) return false;
  const std::size_t place = layout.payload + (random >> 3) % (layout.end - layout.payload);
  // The checksum is of words from the transport header on; the last may be half of one.
  const bool high = (place - layout.transport) % 2 == 0;
  const auto bit = static_cast<std::uint8_t>(1u << (random & 7));
  const unsigned before = frame[place];
  frame[place] ^= bit;
  const unsigned after = frame[place];
  const unsigned sum = word_at(frame, layout.checksum);
  const bool udp = layout.checksum == layout.transport + 6;
  if ((header.flags & needs_checksum) != 0 || (udp && sum == 0)) return true;
  // RFC 1624, equation 3.
  const unsigned old_word = high ? before << 8 : before, new_word = high ? after << 8 : after;
  const unsigned result = ~folded((~sum & 0xffff) + (~old_word & 0xffff) + new_word) & 0xffff;
  put_word(frame, layout.checksum, udp && result == 0 ? 0xffff : result);
  return true;
}

}  // namespace faultline
