// The bytes of an Ethernet frame as AF_PACKET hands them over with PACKET_VNET_HDR: where its
// headers end, and one bit of it turned over, with or without its checksum telling. Pure. Private
// to harness/os.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace faultline {

/// Stands before each frame (virtio specification 1.2, 5.1.6; <linux/virtio_net.h> is no C++).
struct VirtioHeader {
  std::uint8_t flags = 0, gso_type = 0;
  std::uint16_t header_bytes = 0, gso_bytes = 0;
  std::uint16_t checksum_start = 0, checksum_offset = 0;
};
static_assert(sizeof(VirtioHeader) == 10);
/// The sender left the checksum to the device: what is there is the sum of the pseudo header.
inline constexpr std::uint8_t needs_checksum = 1;

inline constexpr std::size_t ethernet_bytes = 14;

using Bytes = std::span<std::uint8_t>;
using ConstBytes = std::span<const std::uint8_t>;

/// Anything but an IP packet, and of IPv6 neighbour discovery and the listener reports that go with
/// it (MLD, the only packets with hop-by-hop options): what finds machines, not what they say. The
/// kernel sends it when it likes, so that it has no number either.
bool is_housekeeping(ConstBytes frame);

/// Where the parts of an IP packet begin; all 0 if it is none. A part that is not there begins at
/// `end`.
struct PacketLayout {
  std::size_t transport = 0;  ///< Behind the IP header.
  std::size_t payload = 0;    ///< Behind the TCP or UDP header; `end` for other protocols.
  std::size_t checksum = 0;   ///< Of TCP or UDP; 0: none.
  std::size_t end = 0;        ///< Of the IP packet: the frame may be longer.
};
PacketLayout layout_of(ConstBytes frame);

/// Turns one bit over behind the IP header, chosen by `random`. A checksum that the sender left
/// open is finished first, so that it tells. False if there is nothing to turn over.
bool corrupt(VirtioHeader& header, Bytes frame, std::uint64_t random);
/// The same in the payload of TCP or UDP, and the checksum fits again: who does not look at the
/// payload does not see it. False if there is no payload.
bool corrupt_unseen(const VirtioHeader& header, Bytes frame, std::uint64_t random);

}  // namespace faultline
