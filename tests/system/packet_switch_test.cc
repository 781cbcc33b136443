// The switch in user space, frame by frame: where each goes, what becomes of it on its way, and
// what is counted.
#include <bit>

#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>

#include "tests/system/packet_lab.h"

namespace faultline::system_test {
namespace {

using namespace std::chrono_literals;

LinkRule cut() {
  LinkRule rule;
  rule.cut = true;
  return rule;
}

TEST_CASE("packet switch: a frame goes to the port of its address, as it is, and nowhere else") {
  Lab lab(4);  // n1, n2, n3, and the controller's.
  const Frame to_second = datagram(node_mac(1), 0, 'a');
  lab.send(0, to_second);
  const auto second = lab.arrived(1, 0);
  REQUIRE(second.size() == 1);
  CHECK(second[0].frame == to_second);
  CHECK(lab.arrived(2, 0).empty());
  CHECK(lab.arrived(3, 0).empty());
  lab.send(0, datagram(switch_mac, 0, 'b'));
  CHECK(lab.arrived(3, 0).size() == 1);
  // Nobody's: of no machine, of none that there is, of the controller's port as if it were one.
  lab.send(0, datagram({0x02, 0x11, 0, 0, 0, 2}, 0, 'c'));
  for (const std::size_t machine : {3, 4, 200}) lab.send(0, datagram(node_mac(machine), 0, 'd'));
  lab.send(0, datagram(node_mac(0), 0, 'e'));
  for (const std::size_t port : {0, 1, 2, 3}) CHECK(lab.arrived(port, 0).empty());
  lab.send(3, datagram(node_mac(2), 3, 'f'));
  CHECK(lab.arrived(2, 3).size() == 1);
}

TEST_CASE("packet switch: a frame to a group goes to all but its sender, and each gets its own") {
  Lab lab(4);
  const Frame frame = datagram(everybody, 1, 'a');
  lab.send(1, frame);
  for (const std::size_t port : {0, 2, 3}) {
    const auto came = lab.arrived(port, 1);
    REQUIRE(came.size() == 1);
    CHECK(came[0].frame == frame);
  }
  CHECK(lab.arrived(1, 1).empty());
  // What a link does to its copy is nothing to the others.
  lab.fault({1, 0}, {.corrupt = 1});
  lab.send(1, frame);
  CHECK(lab.arrived(0, 1).at(0).frame != frame);
  CHECK(lab.arrived(2, 1).at(0).frame == frame);
  lab.fault({1, 0}, {.nth = {NthMessage{NthMessage::Fate::cut, 1}}});
  const Frame message = packet(everybody, 1, 6, 100, 'b');
  lab.send(1, message);
  CHECK(lab.arrived(0, 1).at(0).frame.size() == 54 + 50);
  CHECK(lab.arrived(2, 1).at(0).frame == message);
}

TEST_CASE("packet switch: each frame is counted once, on its link, without what stands before it") {
  Lab lab;
  for (int i = 0; i < 10; ++i) lab.send(0, datagram(node_mac(1), 0, 'a', 58));
  lab.send(1, datagram(node_mac(0), 1, 'b', 158));
  CHECK(lab.arrived(1, 0).size() == 10);
  CHECK(lab.arrived(0, 1).size() == 1);
  const LinkTraffic there = lab->traffic(0, 1), back = lab->traffic(1, 0);
  CHECK(there.packets == 10 + 1);  // And a marker of 60 bytes.
  CHECK(there.bytes == 10 * 100 + 60);
  CHECK(there.cut == 0);
  CHECK(back.packets == 1 + 1);
  CHECK(back.bytes == 200 + 60);
  CHECK(lab->traffic(0, 2).packets == 0);
  // What it sends itself is not received again.
  CHECK(lab->cost().packets == 13);
  CHECK(lab->cost().dropped == 0);
  CHECK(lab->cost().uncaptured == 0);
}

TEST_CASE("packet switch: a cut link passes housekeeping alone, and counts what it does not pass") {
  Lab lab;
  lab.rule({{{0, 1}, cut()}});
  for (int i = 0; i < 5; ++i) lab.send(0, datagram(node_mac(1), 0, 'a'));
  const Frame neighbour = housekeeping(node_mac(1), 0, 'n');
  lab.send(0, neighbour);
  const auto came = lab.arrived(1, 0);
  REQUIRE(came.size() == 1);
  CHECK(came[0].frame == neighbour);
  CHECK(lab->cut_drops(0, 1) == 5);
  CHECK(lab->traffic(0, 1).cut == 5);
  CHECK(lab->cut_drops(1, 0) == 0);
  CHECK(lab->counters(0, 1).shaped == 0);
  lab.send(1, datagram(node_mac(0), 1, 'b'));
  CHECK(lab.arrived(0, 1).size() == 1);
  lab.rule({});
  lab.send(0, datagram(node_mac(1), 0, 'c'));
  CHECK(lab.arrived(1, 0).size() == 1);
  CHECK(lab->cost().dropped == 0);
}

TEST_CASE("packet switch: a change holds for all that is sent once it has returned") {
  Lab lab;
  std::size_t passed = 0;
  for (int round = 0; round < 300; ++round) {
    // It is in the middle of these when the rules change.
    for (int i = 0; i < 10; ++i) lab.send(0, datagram(node_mac(1), 0, 'b'));
    lab.rule({{{0, 1}, cut()}});
    lab.send(0, datagram(node_mac(1), 0, 'a'));
    for (const Arrived& one : lab.arrived(1, 0)) {
      CHECK(one.frame.back() == 'b');
      ++passed;
    }
    lab.rule({});
  }
  CHECK(lab->cut_drops(0, 1) == 300 * 11 - passed);
  CHECK(lab->cost().dropped == 0);
}

TEST_CASE("packet switch: no change goes unnoticed, however soon after another") {
  Lab lab;
  for (int round = 0; round < 300; ++round) {
    for (int i = 0; i < 10; ++i) lab.send(0, datagram(node_mac(1), 0, 'b'));
    for (int change = 0; change < 10; ++change) {
      lab.rule({{{0, 1}, cut()}});
      lab.rule({});
    }
    lab.send(0, datagram(node_mac(1), 0, 'a'));
    const auto came = lab.arrived(1, 0);
    REQUIRE(!came.empty());
    CHECK(came.back().frame.back() == 'a');
  }
}

TEST_CASE("packet switch: what waits leaves in its order, or is lost where its link is cut") {
  Lab lab;
  lab.fault({0, 1}, {.delay = 20ms});
  const auto sent = std::chrono::steady_clock::now();
  for (int i = 0; i < 100; ++i)
    lab.send(0, datagram(node_mac(1), 0, static_cast<std::uint8_t>(i), 20 + 10 * (i % 7)));
  for (int i = 0; i < 100; ++i) CHECK(lab.next(1).frame.back() == i);
  CHECK(std::chrono::steady_clock::now() - sent >= 20ms);
  CHECK(lab->counters(0, 1).delayed == 100);
  // Nor does what comes when the delay has ended overtake it.
  lab.fault({0, 1}, {.delay = 100ms});
  lab.send(0, datagram(node_mac(1), 0, 'a'));
  CHECK(lab.arrived(2, 0).empty());  // The switch has it.
  lab.rule({});
  lab.send(0, datagram(node_mac(1), 0, 'b'));
  CHECK(lab.next(1).frame.back() == 'a');
  CHECK(lab.next(1).frame.back() == 'b');

  lab.fault({0, 1}, {.delay = 1s});
  lab.send(0, datagram(node_mac(1), 0, 'c'));
  CHECK(lab.arrived(2, 0).empty());
  lab.rule({{{0, 1}, cut()}});
  CHECK(eventually([&] { return lab->cut_drops(0, 1) == 1; }));
  CHECK(lab.arrived(1, 0).empty());
}

/// "shaped 4, lost 4": what is not 0.
std::string told(const PacketCounters& counters) {
  constexpr std::array names = {
      "shaped", "delayed",    "lost",    "duplicated", "reordered", "corrupted", "corrupted_unseen",
      "slowed", "overflowed", "flapped", "messages",   "dropped",   "cut_short"};
  const auto counts = std::bit_cast<std::array<std::uint64_t, names.size()>>(counters);
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i)
    if (counts[i] > 0)
      text += (text.empty() ? "" : ", ") + std::string(names[i]) + " " + std::to_string(counts[i]);
  return text;
}

TEST_CASE("packet switch: what befalls a packet is counted by its name, and nothing else is") {
  using Nth = NthMessage;
  struct Asked {
    LinkPolicy policy;
    std::string counted;
    std::size_t come;  ///< Of four messages, and resets among them.
  };
  for (const Asked& asked :
       {Asked{{}, "shaped 4", 4}, Asked{{.delay = 1ms}, "shaped 4, delayed 4", 4},
        Asked{{.loss = 1}, "shaped 4, lost 4", 0},
        Asked{{.duplicate = 1}, "shaped 4, duplicated 4", 8},
        Asked{{.reorder = 1, .reorder_by = 1ms}, "shaped 4, reordered 4", 4},
        Asked{{.corrupt = 1}, "shaped 4, corrupted 4", 4},
        Asked{{.corrupt_unseen = 1}, "shaped 4, corrupted_unseen 4", 4},
        Asked{{.rate = 1e9}, "shaped 4, slowed 4", 4},
        Asked{{.rate = 2000}, "shaped 4, slowed 1, overflowed 3", 1},
        Asked{{.flaps = {{1h, 1ms}}}, "shaped 4, flapped 4", 0},
        Asked{{.nth = {Nth{Nth::Fate::drop, 2}}}, "shaped 4, messages 4, dropped 1", 3},
        Asked{{.nth = {Nth{Nth::Fate::cut, 2}}}, "shaped 4, messages 4, cut_short 1", 5},
        Asked{{.loss = 1, .nth = {Nth{Nth::Fate::drop, 2}}},
              "shaped 4, lost 3, messages 4, dropped 1",
              0},
        Asked{{.duplicate = 1, .nth = {Nth{Nth::Fate::drop, 2}}},
              "shaped 4, duplicated 3, messages 4, dropped 1",
              6}}) {
    CAPTURE(asked.counted);
    Lab lab;
    lab.fault({0, 1}, asked.policy);
    for (int i = 0; i < 4; ++i) lab.send(0, packet(node_mac(1), 0, 6, 100, 'a'));
    CHECK(lab.arrived(2, 0).empty());
    CHECK(told(lab->counters(0, 1)) == asked.counted);
    for (std::size_t i = 0; i < asked.come; ++i) (void)lab.next(1);
    CHECK(lab.arrived(1, 0).empty());
    CHECK(lab->traffic(0, 1).packets == 4 + 1);
    for (const Edge other : {Edge{1, 0}, Edge{0, 2}, Edge{2, 1}})
      CHECK(told(lab->counters(other.from, other.to)).empty());
    CHECK(lab->cost().dropped == 0);
  }
}

TEST_CASE(
    "packet switch: a checksum left to the device is finished where corruption is to be seen") {
  Lab lab;
  const VirtioHeader open{needs_checksum, 0, 0, 0, 34, 6};
  const auto flags = [&](const LinkPolicy& policy) {
    lab.fault({0, 1}, policy);
    lab.send(0, datagram(node_mac(1), 0, 'a'), open);
    return lab.arrived(1, 0).at(0).header.flags;
  };
  CHECK(flags({}) == needs_checksum);
  CHECK(flags({.corrupt_unseen = 1}) == needs_checksum);  // Whoever finishes it makes it fit.
  CHECK(flags({.corrupt = 1}) == 0);
}

TEST_CASE("packet switch: what a link does by its nature is done, and not counted") {
  Lab lab;
  lab.rule(
      {{{0, 1}, LinkRule({.loss = 1}, false, 0)}, {{1, 0}, LinkRule({.delay = 20ms}, false, 0)}});
  lab.send(0, datagram(node_mac(1), 0, 'a'));
  CHECK(lab.arrived(1, 0).empty());
  const auto sent = std::chrono::steady_clock::now();
  lab.send(1, datagram(node_mac(0), 1, 'b'));
  CHECK(lab.next(0).frame.back() == 'b');
  CHECK(std::chrono::steady_clock::now() - sent >= 20ms);
  CHECK(told(lab->counters(0, 1)).empty());
  CHECK(told(lab->counters(1, 0)).empty());
}

TEST_CASE("packet switch: only a segment with payload is a message, and not one of several") {
  Lab lab;
  lab.fault({0, 1}, {.nth = {NthMessage{NthMessage::Fate::drop, 1, true}}});
  lab.send(0, datagram(node_mac(1), 0, 'a'));
  lab.send(0, packet(node_mac(1), 0, 6, 0, 'a'));
  lab.send(0, packet(node_mac(1), 0, 6, 3000, 'a'), segments);
  CHECK(lab.arrived(1, 0).size() == 3);
  CHECK(told(lab->counters(0, 1)) == "shaped 3");
  lab.send(0, packet(node_mac(1), 0, 6, 1, 'a'));
  CHECK(lab.arrived(1, 0).empty());
  CHECK(told(lab->counters(0, 1)) == "shaped 4, messages 1, dropped 1");
}

bool is_reset(const Frame& frame) { return frame.size() == 54 && frame[47] == 0x14; }

TEST_CASE("packet switch: of a cut message half goes on, then a reset, and one goes back") {
  Lab lab;
  const NthMessage first{NthMessage::Fate::cut, 1};
  const auto cut_at = [&](std::size_t bytes, const LinkPolicy& policy) {
    lab.fault({0, 1}, policy);
    lab.send(0, packet(node_mac(1), 0, 6, bytes, 'm'),
             VirtioHeader{needs_checksum, 0, 0, 0, 34, 16});
    CHECK(lab.arrived(2, 0).empty());
  };
  // Lost besides: that is no message less that is cut, and it is late no more.
  for (const LinkPolicy& policy :
       {LinkPolicy{.nth = {first}}, LinkPolicy{.delay = 1h, .loss = 1, .nth = {first}}}) {
    cut_at(100, policy);
    const auto on = lab.arrived(1, 0);
    REQUIRE(on.size() == 2);
    CHECK(on[0].frame.size() == 54 + 50);
    CHECK(on[0].frame.back() == 'm');
    CHECK(on[0].header.flags == 0);  // Its checksum is its own.
    CHECK(is_reset(on[1].frame));
    CHECK(std::equal(on[1].frame.begin(), on[1].frame.begin() + 6, node_mac(1).begin()));
    const auto back = lab.arrived(0, 0);
    REQUIRE(back.size() == 1);
    CHECK(is_reset(back[0].frame));
    CHECK(std::equal(back[0].frame.begin(), back[0].frame.begin() + 6, node_mac(0).begin()));
  }
  // A late half has a late reset behind it; the sender is reset at once.
  cut_at(100, {.delay = 1s, .nth = {first}});
  CHECK(lab.arrived(0, 0).size() == 1);
  CHECK(lab.arrived(1, 0).empty());
  CHECK(lab.next(1).frame.size() == 54 + 50);
  CHECK(is_reset(lab.next(1).frame));
  // Of a single byte there is no half.
  cut_at(1, {.nth = {first}});
  const auto on = lab.arrived(1, 0);
  REQUIRE(on.size() == 1);
  CHECK(is_reset(on[0].frame));
  CHECK(lab.arrived(0, 0).size() == 1);
  CHECK(lab->cost().dropped == 0);  // Nor is nothing sent for it.
  // Nothing goes back over a link that is cut.
  const LinkRule cuts({.nth = {first}}, true, 0, {std::make_shared<std::uint64_t>(0)});
  lab.rule({{{0, 1}, cuts}, {{1, 0}, cut()}});
  lab.send(0, packet(node_mac(1), 0, 6, 100, 'm'));
  CHECK(lab.arrived(1, 0).size() == 2);
  CHECK(lab.arrived(0, 0).empty());
}

TEST_CASE("packet switch: small and large frames that wait are kept whole, again and again") {
  Lab lab;
  lab.fault({0, 1}, {.delay = 30ms});
  for (int round = 0; round < 24; ++round) {
    // Around the size at which room is made for the largest; each buffer is another's next. No more
    // at once than an ordinary user's sockets hold.
    std::vector<Frame> frames;
    for (const std::size_t bytes : {50u, 1400u, 1984u, 1985u, 3000u, 40'000u, 65'000u})
      frames.push_back(packet(node_mac(1), 0, 6, bytes, static_cast<std::uint8_t>(round)));
    if (round % 3 == 1) std::ranges::reverse(frames);
    for (const Frame& frame : frames)
      lab.send(0, frame, frame.size() > 1514 ? segments : VirtioHeader{});
    for (const Frame& frame : frames) {
      const Arrived came = lab.next(1);
      CHECK(came.frame == frame);
      CHECK(came.header.gso_type == (frame.size() > 1514 ? segments.gso_type : 0));
      CHECK(came.header.gso_bytes == (frame.size() > 1514 ? segments.gso_bytes : 0));
    }
  }
  CHECK(lab->cost().dropped == 0);
}

TEST_CASE("packet switch: the room of what has left is there for others") {
  Lab lab;
  lab.fault({0, 1}, {.delay = 1ms});
  // More than there is room for at once (the test below).
  for (int i = 0; i < 4200; ++i) {
    lab.send(0, packet(node_mac(1), 0, 6, 2500, 'a'), segments);
    if (i % 20 == 19)
      for (int waiting = 0; waiting < 20; ++waiting) (void)lab.next(1);
  }
  CHECK(lab->counters(0, 1).delayed == 4200);
  CHECK(lab->cost().dropped == 0);
}

TEST_CASE("packet switch: what has no room to wait is lost, and counted as its own") {
  Lab lab;
  lab.fault({0, 1}, {.delay = 1h});
  const auto held = [&] { return lab->counters(0, 1).delayed; };
  // Small ones take little: as many of the largest would be too many.
  for (int i = 0; i < 5000; ++i) {
    lab.send(0, datagram(node_mac(1), 0, 'a', 1000));
    if (i % 20 == 19) CHECK(lab.arrived(2, 0).empty());
  }
  CHECK(held() == 5000);
  CHECK(lab->cost().dropped == 0);
  for (int i = 0; i < 4200; ++i) {
    lab.send(0, packet(node_mac(1), 0, 6, 2500, 'b'), segments);
    if (i % 20 == 19) CHECK(lab.arrived(2, 0).empty());
  }
  CHECK(held() == 9200);
  const std::uint64_t lost = lab->cost().dropped;
  CHECK(lost > 0);
  CHECK(lost < 1000);
  CHECK(lab->cost().dropped == lost);
}

TEST_CASE("packet switch: a frame larger than any that it knows is lost, and counted as its own") {
  Lab lab;
  lab.set_number("m0", IFLA_GSO_MAX_SIZE, 131'072);
  if (!lab.changed()) {
    MESSAGE("skipped: this kernel has no frames beyond 64 KiB: ", lab.changed().error().what);
    return;
  }
  Frame frame = ethernet(node_mac(1), 0, 0x86dd);
  put_bytes(frame, {0x60, 0, 0, 0, 0, 0, 6, 64});
  frame.resize(14 + 40 + 20, 1);
  frame[14 + 40 + 12] = 0x50;
  frame.resize(66'000, 'x');
  const VirtioHeader header{needs_checksum, 4, 74, 1428, 54, 16};
  lab.send(0, frame, header);
  CHECK(lab.arrived(1, 0).empty());
  CHECK(lab->cost().dropped == 1);
  CHECK(lab->cost().packets == 2);
  CHECK(lab->traffic(0, 1).packets == 1);  // The marker: what is left of the frame goes nowhere.
  frame.resize(65'000);
  lab.send(0, frame, header);
  CHECK(lab.arrived(1, 0).at(0).frame.size() == 65'000);
  CHECK(lab->cost().dropped == 1);
}

TEST_CASE("packet switch: what a device does not take is lost as its own; what has none is not") {
  Lab lab;
  for (const char* device : {"p0", "m0"}) {
    lab.set_number(device, IFLA_MTU, 9000);
    require_ok(lab.changed());
  }
  lab.send(0, datagram(node_mac(1), 0, 'a', 5000));
  CHECK(lab.arrived(1, 0).empty());
  CHECK(lab->cost().dropped == 1);
  // Its machine is gone.
  auto netlink = Netlink::open();
  REQUIRE(netlink);
  ifinfomsg down{};
  down.ifi_change = IFF_UP;
  netlink->begin(RTM_NEWLINK, 0, &down, sizeof down, "take p1 down");
  netlink->attribute(IFLA_IFNAME, std::string("p1"));
  require_ok(netlink->flush());
  lab.send(0, datagram(node_mac(1), 0, 'b'));
  CHECK(lab.arrived(2, 0).empty());
  CHECK(lab->traffic(0, 1).packets == 3);
  CHECK(lab->cost().dropped == 1);
}

/// A device of which the test is the wire.
Fd open_tap(const std::string& name) {
  Fd tap(::open("/dev/net/tun", O_RDWR | O_CLOEXEC));
  if (!tap) return tap;
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
  if (::ioctl(tap.get(), TUNSETIFF, &request) != 0) return Fd();
  auto netlink = Netlink::open();
  REQUIRE(netlink);
  netlink->set_up(static_cast<int>(::if_nametoindex(name.c_str())), "bring " + name + " up");
  require_ok(netlink->flush());
  return tap;
}

TEST_CASE("packet switch: what the kernel cannot hand over is lost, and counted as its own") {
  Lab lab(2);
  const Fd tap = open_tap("tap0");
  if (!tap) {
    MESSAGE("skipped: no /dev/net/tun for us: ", error_text(errno));
    return;
  }
  auto opened = PacketSwitch::open({"tap0", "p1"}, 1);
  REQUIRE(opened);
  const auto put = [&](std::size_t payload, const VirtioHeader& header) {
    Frame bytes(sizeof header);
    std::memcpy(bytes.data(), &header, sizeof header);
    const Frame frame = datagram(switch_mac, 0, 'x', payload);
    bytes.insert(bytes.end(), frame.begin(), frame.end());
    return ::write(tap.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
  };
  // Fragments of one datagram (UFO): no header that a socket may hand over says so.
  constexpr VirtioHeader fragments{needs_checksum, 3, 42, 1400, 34, 6};
  for (const bool with_others : {false, true}) {
    const PlaneCost before = (*opened)->cost();
    for (int i = 0; i < 3; ++i) {
      REQUIRE(put(3000, fragments));
      if (with_others) REQUIRE(put(100, {}));
    }
    const std::uint64_t frames = with_others ? 6 : 3;
    CHECK(eventually([&] { return (*opened)->cost().packets >= before.packets + frames; }));
    CHECK((*opened)->cost().packets == before.packets + frames);
    CHECK((*opened)->cost().dropped == before.dropped + 3);
  }
  CHECK((*opened)->traffic(0, 1).packets == 3);
}

}  // namespace
}  // namespace faultline::system_test
