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

/// A TCP segment with payload, as it goes over a wire: not one that is yet to be cut into several.
bool is_message(const VirtioHeader& header, ConstBytes frame);
/// Leaves the first half of a message's payload, as if the sender had sent no more; its checksums
/// are right. Returns how long the frame is now; 0: half of it is nothing.
std::size_t keep_half(VirtioHeader& header, Bytes frame);
/// Where a reset goes: on to who was to get the message, or back to who sent it.
enum class ResetTo : std::uint8_t { receiver, sender };
inline constexpr std::size_t reset_bytes_max = ethernet_bytes + 40 + 20;
/// Writes the reset that ends the connection of `message` where keep_half() ended it, as if it came
/// from the other end. Returns its length.
std::size_t make_reset(ConstBytes message, ResetTo to, Bytes frame);

}  // namespace faultline
