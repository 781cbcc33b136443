// A learning-free Ethernet switch in user space: one thread of its own carries every frame between
// its ports over AF_PACKET sockets (packet(7), PACKET_VNET_HDR: frames pass with their offloads as
// they are), does to packets what the rules of their link say, and holds back what must wait in a
// heap of timers. Hardware addresses are those of addresses.h; nothing is learned.
//
// The rules of all links are one table that changes with one pointer: every link is changed at one
// instant. Frames on their way when a link is cut are lost; otherwise they stay on it, and nothing
// overtakes them.
//
// The data path allocates only where more frames are held than ever before. Private to harness/os.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "harness/core/result.h"
#include "harness/os/fd.h"
#include "harness/os/link_rules.h"
#include "harness/os/packet_log.h"

namespace faultline {

/// By from * ports + to.
using LinkTable = std::vector<LinkRule>;

class PacketSwitch {
 public:
  /// `devices` of the current network namespace, up: the machines' ports by index, and last the
  /// controller's. Every decision is a function of `seed`. `log`: by port; none: no frame is kept.
  static Result<std::unique_ptr<PacketSwitch>> open(const std::vector<std::string>& devices,
                                                    std::uint64_t seed,
                                                    std::unique_ptr<PacketLog> log = nullptr);
  ~PacketSwitch();
  PacketSwitch(const PacketSwitch&) = delete;
  PacketSwitch& operator=(const PacketSwitch&) = delete;

  std::size_t ports() const { return ports_.size(); }
  /// On return the table is in force. How long that took from when it was published: before it no
  /// link had it, then all did. By one thread at a time.
  std::chrono::nanoseconds apply(LinkTable table);

  // By any thread; counted since the switch was opened.
  PacketCounters counters(std::size_t from, std::size_t to) const;
  LinkTraffic traffic(std::size_t from, std::size_t to) const;
  std::uint64_t cut_drops(std::size_t from, std::size_t to) const;
  /// Frames that came, frames lost since a buffer was full, and those that the log left out.
  PlaneCost cost() const;

 private:
  using Count = std::atomic<std::uint64_t>;
  /// Written by the switch's thread alone. A packet that nothing befalls touches one cache line.
  struct alignas(64) Counts {
    Count packets = 0, bytes = 0, shaped = 0, delayed = 0, lost = 0, duplicated = 0, reordered = 0,
          corrupted = 0, corrupted_unseen = 0, slowed = 0, overflowed = 0, flapped = 0,
          messages = 0, dropped = 0, cut_short = 0, cut = 0;
  };
  struct Held {
    std::int64_t due_ns;
    std::uint64_t sequence;
    std::uint8_t* frame;
    std::uint32_t bytes;
    std::uint16_t from, to;
    bool operator<(const Held& other) const {  // The heap's top is the greatest.
      return due_ns != other.due_ns ? due_ns > other.due_ns : sequence > other.sequence;
    }
  };
  struct Batch;

  PacketSwitch(std::vector<Fd> ports, Fd epoll, Fd wake, std::uint64_t seed,
               std::unique_ptr<PacketLog> log);
  void run();
  void wait(Batch& batch);
  void receive(std::size_t from, Batch& batch, std::int64_t now_ns);
  void route(std::size_t from, std::uint8_t* frame, std::size_t bytes, std::int64_t now_ns);
  void carry(std::size_t from, std::size_t to, std::uint8_t* frame, std::size_t bytes,
             std::int64_t now_ns);
  /// Turns over what its fate says. Changes the frame.
  static void alter(const PacketFate& fate, std::uint8_t* frame, std::size_t bytes, Counts& counts);
  static void count_fate(const PacketFate& fate, Counts& counts);
  /// Half of a message, and then resets for both of its ends.
  void cut_short(std::size_t from, std::size_t to, const std::uint8_t* frame, std::size_t bytes,
                 std::int64_t due_ns, std::int64_t now_ns);
  void deliver(std::size_t from, std::size_t to, const std::uint8_t* frame, std::size_t bytes,
               std::int64_t due_ns, std::int64_t now_ns);
  void hold(std::size_t from, std::size_t to, const std::uint8_t* frame, std::size_t bytes,
            std::int64_t due_ns);
  void release(std::int64_t now_ns);
  void send(std::size_t to, const std::uint8_t* frame, std::size_t bytes);
  void note(std::size_t port, const std::uint8_t* frame, std::size_t bytes);
  std::size_t link(std::size_t from, std::size_t to) const { return from * ports_.size() + to; }
  static void add(Count& count, std::uint64_t more = 1) {
    count.store(count.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
  }

  /// Frames that are held, in two sizes; kept for the next ones.
  struct Pool {
    std::uint8_t* take(std::size_t bytes);
    void give(std::uint8_t* frame, std::size_t bytes);
    std::vector<std::unique_ptr<std::uint8_t[]>> all;
    std::vector<std::uint8_t*> small, large;
    std::size_t bytes = 0;
  };

  std::vector<Fd> ports_;
  Fd epoll_, wake_;
  std::vector<LinkState> states_;
  std::vector<Counts> counts_;
  std::vector<Held> held_;  ///< A heap.
  std::vector<std::uint8_t> scratch_;
  std::uint64_t sequence_ = 0;
  Pool pool_;
  std::unique_ptr<PacketLog> log_;
  std::int64_t now_ns_ = 0;  ///< Of the round.
  Count frames_ = 0, lost_ = 0;
  mutable Count overrun_ = 0;  ///< As the sockets said so far.

  std::unique_ptr<const LinkTable> current_;      ///< The controller's.
  std::atomic<const LinkTable*> table_{nullptr};  ///< What is to hold.
  std::atomic<const LinkTable*> in_force_{nullptr};
  std::int64_t in_force_since_ns_ = 0;  ///< Written before in_force_ is.
  const LinkTable* rules_ = nullptr;    ///< The switch's thread's.
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace faultline
