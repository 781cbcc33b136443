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

std::uint32_t sum_of_words(ConstBytes bytes, std::size_t first, std::size_t end) {
  std::uint32_t sum = 0;
  std::size_t at = first;
  for (; at + 1 < end; at += 2) sum += word_at(bytes, at);
  if (at < end) sum += static_cast<unsigned>(bytes[at]) << 8;
  return sum;
}

/// RFC 1071; what stands in the checksum's own place is part of it.
void finish_checksum(VirtioHeader& header, Bytes frame) {
  const std::size_t start = header.checksum_start, place = start + header.checksum_offset;
  if ((header.flags & needs_checksum) == 0 || place + 2 > frame.size()) return;
  const unsigned result = ~folded(sum_of_words(frame, start, frame.size())) & 0xffff;
  put_word(frame, place, result == 0 ? 0xffff : result);
  header.flags &= static_cast<std::uint8_t>(~needs_checksum);
}

void turn_over(Bytes frame, std::size_t first, std::size_t end, std::uint64_t random) {
  frame[first + (random >> 3) % (end - first)] ^= static_cast<std::uint8_t>(1u << (random & 7));
}

bool is_v6(ConstBytes frame) { return word_at(frame, 12) == ipv6_type; }

/// Of an IP packet of TCP that ends where the frame does: its lengths and checksums.
void finish_segment(Bytes frame, std::size_t transport) {
  constexpr std::size_t ip = ethernet_bytes;
  const std::size_t bytes = frame.size() - transport;
  const std::size_t place = transport + 16;
  std::size_t addresses = ip + 8;
  if (is_v6(frame)) {
    put_word(frame, ip + 4, static_cast<unsigned>(bytes));
  } else {
    addresses = ip + 12;
    put_word(frame, ip + 2, static_cast<unsigned>(frame.size() - ip));
    put_word(frame, ip + 10, 0);
    put_word(frame, ip + 10, ~folded(sum_of_words(frame, ip, transport)) & 0xffff);
  }
  const std::size_t addresses_end = ip + (is_v6(frame) ? ipv6_bytes : ipv4_bytes);
  put_word(frame, place, 0);
  const std::uint32_t sum = tcp_protocol + static_cast<std::uint32_t>(bytes) +
                            sum_of_words(frame, addresses, addresses_end) +
                            sum_of_words(frame, transport, frame.size());
  put_word(frame, place, ~folded(sum) & 0xffff);
}

std::uint32_t number_at(ConstBytes frame, std::size_t at) {
  return word_at(frame, at) << 16 | word_at(frame, at + 2);
}
void put_number(Bytes frame, std::size_t at, std::uint32_t number) {
  put_word(frame, at, number >> 16);
  put_word(frame, at + 2, number & 0xffff);
}

std::size_t half_of(const PacketLayout& layout) { return (layout.end - layout.payload) / 2; }

void swap_ends(Bytes frame, std::size_t first, std::size_t bytes) {
  const auto begin = frame.begin() + static_cast<std::ptrdiff_t>(first);
  const auto middle = begin + static_cast<std::ptrdiff_t>(bytes);
  std::swap_ranges(begin, middle, middle);
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

bool is_message(const VirtioHeader& header, ConstBytes frame) {
  if (header.gso_type != 0) return false;
  const PacketLayout layout = layout_of(frame);
  return layout.checksum == layout.transport + 16 && layout.payload < layout.end;
}

std::size_t keep_half(VirtioHeader& header, Bytes frame) {
  const PacketLayout layout = layout_of(frame);
  const std::size_t half = half_of(layout);
  if (half == 0) return 0;
  header.flags &= static_cast<std::uint8_t>(~needs_checksum);
  constexpr std::uint8_t fin = 1;
  frame[layout.transport + 13] &= static_cast<std::uint8_t>(~fin);  // It came behind the rest.
  finish_segment(frame.first(layout.payload + half), layout.transport);
  return layout.payload + half;
}

std::size_t make_reset(ConstBytes message, ResetTo to, Bytes frame) {
  constexpr std::size_t ip = ethernet_bytes;
  const PacketLayout layout = layout_of(message);
  const bool v6 = is_v6(message);
  const std::size_t tcp = ip + (v6 ? ipv6_bytes : ipv4_bytes), bytes = tcp + tcp_bytes;
  std::fill_n(frame.begin(), bytes, std::uint8_t{0});
  std::copy_n(message.begin(), tcp, frame.begin());
  std::copy_n(message.begin() + static_cast<std::ptrdiff_t>(layout.transport), 4,
              frame.begin() + static_cast<std::ptrdiff_t>(tcp));
  if (!v6) frame[ip] = 0x45;  // Without the options that it may have had.
  const std::uint32_t next =
      number_at(message, layout.transport + 4) + static_cast<std::uint32_t>(half_of(layout));
  const std::uint32_t acknowledged = number_at(message, layout.transport + 8);
  const bool back = to == ResetTo::sender;
  if (back) {
    swap_ends(frame, 0, 6);
    swap_ends(frame, ip + (v6 ? 8 : 12), v6 ? 16 : 4);
    swap_ends(frame, tcp, 2);
  }
  put_number(frame, tcp + 4, back ? acknowledged : next);
  put_number(frame, tcp + 8, back ? next : acknowledged);
  frame[tcp + 12] = tcp_bytes / 4 << 4;
  frame[tcp + 13] = 0x14;  // RST, ACK.
  finish_segment(frame.first(bytes), tcp);
  return bytes;
}

}  // namespace faultline
