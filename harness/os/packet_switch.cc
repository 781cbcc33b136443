#include "harness/os/packet_switch.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <ctime>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "harness/core/check.h"
#include "harness/os/addresses.h"
#include "harness/os/links.h"
#include "harness/os/packet_bytes.h"

namespace faultline {
namespace {

constexpr std::size_t header_bytes = sizeof(VirtioHeader);
/// A segment before it is cut up may be 64 KiB with its IP header.
constexpr std::size_t frame_bytes_max = header_bytes + ethernet_bytes + 4 + 65536;
constexpr std::size_t small_bytes = 2048;
constexpr std::size_t held_bytes_max = std::size_t{256} << 20;
constexpr std::size_t batch_frames = 32;
constexpr int socket_bytes = 16 << 20;
/// How long a frame that is due may wait for company: a timer for each costs more than its way.
constexpr std::int64_t lateness_ns = 50'000;

std::int64_t steady_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

/// More than rmem_max is granted to whoever may, else the kernel clips it.
void set_buffers(int socket) {
  const int bytes = socket_bytes;
  if (::setsockopt(socket, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0)
    ::setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  if (::setsockopt(socket, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) != 0)
    ::setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

Result<Fd> packet_socket() {
  // Of no protocol until it is bound: it hears nothing of other devices.
  Fd socket(::socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return os_error("open an AF_PACKET socket");
  const int one = 1;
  for (const auto& [option, name] : {std::pair(PACKET_VNET_HDR, "PACKET_VNET_HDR"),
                                     std::pair(PACKET_IGNORE_OUTGOING, "PACKET_IGNORE_OUTGOING"),
                                     std::pair(PACKET_QDISC_BYPASS, "PACKET_QDISC_BYPASS")})
    if (::setsockopt(socket.get(), SOL_PACKET, option, &one, sizeof one) != 0)
      return os_error(std::string("set ") + name);
  set_buffers(socket.get());
  return socket;
}

Result<Fd> open_port(const std::string& device) {
  auto socket = packet_socket();
  if (!socket) return socket;
  sockaddr_ll at{};
  at.sll_family = AF_PACKET;
  at.sll_protocol = htons(ETH_P_ALL);
  at.sll_ifindex = static_cast<int>(::if_nametoindex(device.c_str()));
  if (at.sll_ifindex == 0 ||
      ::bind(socket->get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0)
    return os_error("open port " + device);
  packet_mreq everything{};
  everything.mr_ifindex = at.sll_ifindex;
  everything.mr_type = PACKET_MR_PROMISC;
  if (::setsockopt(socket->get(), SOL_PACKET, PACKET_ADD_MEMBERSHIP, &everything,
                   sizeof everything) != 0)
    return os_error("open port " + device + " for all addresses");
  return socket;
}

VirtioHeader read_header(const std::uint8_t* frame) {
  VirtioHeader header;
  std::memcpy(&header, frame, sizeof header);
  return header;
}

}  // namespace

/// Where a port's frames are read to, many with one call.
struct PacketSwitch::Batch {
  Batch() : bytes(batch_frames * frame_bytes_max) {
    for (std::size_t i = 0; i < batch_frames; ++i) {
      parts[i] = {bytes.data() + i * frame_bytes_max, frame_bytes_max};
      messages[i].msg_hdr.msg_iov = &parts[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
  }
  /// Whose an event is: a port, or their number for the controller's call.
  std::size_t port(int event) const { return events[static_cast<std::size_t>(event)].data.u64; }
  std::vector<std::uint8_t> bytes;
  std::array<iovec, batch_frames> parts{};
  std::array<mmsghdr, batch_frames> messages{};
  std::array<epoll_event, 64> events{};
  int ready = 0;
};

std::uint8_t* PacketSwitch::Pool::take(std::size_t wanted) {
  auto& free = wanted <= small_bytes ? small : large;
  const std::size_t size = wanted <= small_bytes ? small_bytes : frame_bytes_max;
  if (free.empty()) {
    if (bytes + size > held_bytes_max) return nullptr;
    bytes += size;
    all.emplace_back(new std::uint8_t[size]);
    return all.back().get();
  }
  std::uint8_t* frame = free.back();
  free.pop_back();
  return frame;
}

void PacketSwitch::Pool::give(std::uint8_t* frame, std::size_t size) {
  (size <= small_bytes ? small : large).push_back(frame);
}

Result<std::unique_ptr<PacketSwitch>> PacketSwitch::open(const std::vector<std::string>& devices,
                                                         std::uint64_t seed,
                                                         std::unique_ptr<PacketLog> log) {
  Fd epoll(::epoll_create1(EPOLL_CLOEXEC)), wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!epoll || !wake) return os_error("make the switch's descriptors");
  std::vector<Fd> ports;
  for (const std::string& device : devices) {
    auto port = open_port(device);
    if (!port) return port.error();
    ports.push_back(std::move(*port));
  }
  for (std::size_t i = 0; i <= ports.size(); ++i) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = i;
    const int watched = i < ports.size() ? ports[i].get() : wake.get();
    if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, watched, &event) != 0)
      return os_error("watch a port");
  }
  return std::unique_ptr<PacketSwitch>(
      new PacketSwitch(std::move(ports), std::move(epoll), std::move(wake), seed, std::move(log)));
}

PacketSwitch::PacketSwitch(std::vector<Fd> ports, Fd epoll, Fd wake, std::uint64_t seed,
                           std::unique_ptr<PacketLog> log)
    : ports_(std::move(ports)),
      epoll_(std::move(epoll)),
      wake_(std::move(wake)),
      counts_(ports_.size() * ports_.size()),
      log_(std::move(log)) {
  for (std::size_t from = 0; from < ports_.size(); ++from)
    for (std::size_t to = 0; to < ports_.size(); ++to)
      states_.emplace_back(link_seed(seed, from, to));
  held_.reserve(4096);
  scratch_.resize(frame_bytes_max);
  current_ = std::make_unique<const LinkTable>(states_.size());
  table_ = in_force_ = rules_ = current_.get();
  // Signals are for the controller's main thread.
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { run(); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

PacketSwitch::~PacketSwitch() {
  stop_ = true;
  ::eventfd_write(wake_.get(), 1);
  thread_.join();
}

std::chrono::nanoseconds PacketSwitch::apply(LinkTable table) {
  FAULTLINE_CHECK(table.size() == states_.size());
  auto next = std::make_unique<const LinkTable>(std::move(table));
  const LinkTable* wanted = next.get();
  const LinkTable* before = current_.get();
  const std::int64_t published_ns = steady_ns();
  table_.store(wanted, std::memory_order_release);
  ::eventfd_write(wake_.get(), 1);
  in_force_.wait(before, std::memory_order_acquire);
  current_ = std::move(next);  // Nobody reads the former any more.
  return std::chrono::nanoseconds(in_force_since_ns_ - published_ns);
}

PacketCounters PacketSwitch::counters(std::size_t from, std::size_t to) const {
  const Counts& counts = counts_[link(from, to)];
  const auto get = [](const Count& count) { return count.load(std::memory_order_relaxed); };
  return {get(counts.shaped),           get(counts.delayed),   get(counts.lost),
          get(counts.duplicated),       get(counts.reordered), get(counts.corrupted),
          get(counts.corrupted_unseen), get(counts.slowed),    get(counts.overflowed),
          get(counts.flapped),          get(counts.messages),  get(counts.dropped),
          get(counts.cut_short)};
}

LinkTraffic PacketSwitch::traffic(std::size_t from, std::size_t to) const {
  const Counts& counts = counts_[link(from, to)];
  const auto get = [](const Count& count) { return count.load(std::memory_order_relaxed); };
  return {get(counts.packets), get(counts.bytes), get(counts.cut)};
}

std::uint64_t PacketSwitch::cut_drops(std::size_t from, std::size_t to) const {
  return counts_[link(from, to)].cut.load(std::memory_order_relaxed);
}

PlaneCost PacketSwitch::cost() const {
  for (const Fd& port : ports_) {
    tpacket_stats stats{};
    socklen_t size = sizeof stats;
    // The kernel counts from 0 again after each answer.
    if (::getsockopt(port.get(), SOL_PACKET, PACKET_STATISTICS, &stats, &size) == 0)
      overrun_ += stats.tp_drops;
  }
  return {frames_.load(std::memory_order_relaxed), lost_ + overrun_, log_ ? log_->missed() : 0};
}

void PacketSwitch::run() {
  ::prctl(PR_SET_NAME, "fl-switch");
  ::prctl(PR_SET_TIMERSLACK, 1);
  // It must not wait behind the stores that it connects. Who may not stays as it is.
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)), -15);
  Batch batch;
  while (!stop_.load(std::memory_order_relaxed)) {
    wait(batch);
    // Before the table is looked at: a change that comes after that look must wake this again.
    for (int i = 0; i < batch.ready; ++i)
      if (eventfd_t ignored = 0; batch.port(i) == ports_.size())
        ::eventfd_read(wake_.get(), &ignored);
    const LinkTable* wanted = table_.load(std::memory_order_acquire);
    if (wanted != rules_) {
      rules_ = wanted;
      in_force_since_ns_ = steady_ns();
      in_force_.store(wanted, std::memory_order_release);
      in_force_.notify_all();
    }
    // One time for the whole round: what is due by then leaves before what came.
    const std::int64_t now_ns = now_ns_ = steady_ns();
    release(now_ns);
    for (int i = 0; i < batch.ready; ++i)
      if (batch.port(i) < ports_.size()) receive(batch.port(i), batch, now_ns);
  }
}

void PacketSwitch::wait(Batch& batch) {
  timespec limit{};
  if (!held_.empty()) {
    const std::int64_t due_ns = held_.front().due_ns + lateness_ns;
    const std::int64_t left = std::max<std::int64_t>(due_ns - steady_ns(), 0);
    limit = {left / 1'000'000'000, left % 1'000'000'000};
  }
  batch.ready =
      ::epoll_pwait2(epoll_.get(), batch.events.data(), static_cast<int>(batch.events.size()),
                     held_.empty() ? nullptr : &limit, nullptr);
}

void PacketSwitch::receive(std::size_t from, Batch& batch, std::int64_t now_ns) {
  // MSG_TRUNC: the length that a frame had, which tells the one that did not fit.
  const int got = ::recvmmsg(ports_[from].get(), batch.messages.data(), batch_frames,
                             MSG_DONTWAIT | MSG_TRUNC, nullptr);
  if (got < 0 && errno == EINVAL) {
    // One frame is gone: no virtio header can say which offloads it has.
    add(frames_);
    add(lost_);
  }
  for (int i = 0; i < got; ++i) {
    const auto index = static_cast<std::size_t>(i);
    const std::size_t bytes = batch.messages[index].msg_len;
    std::uint8_t* frame = batch.bytes.data() + index * frame_bytes_max;
    add(frames_);
    if (bytes > frame_bytes_max) {
      add(lost_);
    } else if (bytes >= header_bytes + ethernet_bytes) {
      note(from, frame, bytes);
      route(from, frame, bytes, now_ns);
    }
  }
}

void PacketSwitch::route(std::size_t from, std::uint8_t* frame, std::size_t bytes,
                         std::int64_t now_ns) {
  const std::uint8_t* mac = frame + header_bytes;
  const std::size_t controller = ports_.size() - 1;
  if (mac[0] & 1) {
    for (std::size_t to = 0; to < ports_.size(); ++to)
      if (to != from) carry(from, to, frame, bytes, now_ns);
    return;
  }
  std::size_t to = ports_.size();
  if (std::memcmp(mac, switch_mac.data(), switch_mac.size()) == 0) {
    to = controller;
  } else if (std::memcmp(mac, node_mac(0).data(), 4) == 0) {
    to = (std::size_t{mac[4]} << 8 | mac[5]) - 1;
    if (to >= controller) to = ports_.size();
  }
  if (to < ports_.size() && to != from) carry(from, to, frame, bytes, now_ns);
}

void PacketSwitch::carry(std::size_t from, std::size_t to, std::uint8_t* frame, std::size_t bytes,
                         std::int64_t now_ns) {
  const std::size_t at = link(from, to);
  const LinkRule& rule = (*rules_)[at];
  LinkState& state = states_[at];
  Counts& counts = counts_[at];
  add(counts.packets);
  add(counts.bytes, bytes - header_bytes);
  if (rule.plain() && !rule.cut && state.idle(now_ns)) return send(to, frame, bytes);
  const Bytes packet(frame + header_bytes, bytes - header_bytes);
  if (is_housekeeping(packet)) return send(to, frame, bytes);
  if (rule.cut) return add(counts.cut);
  const PacketFate fate = state.next(rule, packet.size(), now_ns);
  if (rule.counts_messages() && is_message(read_header(frame), packet)) {
    add(counts.messages);
    const auto message = rule.next_message();
    if (message != LinkRule::MessageFate::pass) {
      add(counts.shaped);
      if (message == LinkRule::MessageFate::drop) return add(counts.dropped);
      add(counts.cut_short);
      const bool lost = fate.loss != PacketFate::Loss::none;
      return cut_short(from, to, frame, bytes, lost ? now_ns : fate.due_ns, now_ns);
    }
  }
  if (rule.by_fault) count_fate(fate, counts);
  if (fate.loss != PacketFate::Loss::none) return;
  if (fate.corrupt || fate.corrupt_unseen) {
    // A copy, for a frame to a group goes to others as it is.
    std::memcpy(scratch_.data(), frame, bytes);
    frame = scratch_.data();
    alter(fate, frame, bytes, counts);
  }
  for (int copy = 0; copy <= static_cast<int>(fate.duplicate); ++copy)
    deliver(from, to, frame, bytes, fate.due_ns, now_ns);
}

void PacketSwitch::deliver(std::size_t from, std::size_t to, const std::uint8_t* frame,
                           std::size_t bytes, std::int64_t due_ns, std::int64_t now_ns) {
  if (due_ns <= now_ns)
    send(to, frame, bytes);
  else
    hold(from, to, frame, bytes, due_ns);
}

void PacketSwitch::cut_short(std::size_t from, std::size_t to, const std::uint8_t* frame,
                             std::size_t bytes, std::int64_t due_ns, std::int64_t now_ns) {
  const ConstBytes message(frame + header_bytes, bytes - header_bytes);
  std::array<std::uint8_t, header_bytes + reset_bytes_max> reset{};
  const Bytes segment = Bytes(reset).subspan(header_bytes);
  // Before the message is halved where it may be for others too: a copy.
  std::memcpy(scratch_.data(), frame, bytes);
  VirtioHeader header = read_header(frame);
  const std::size_t half = keep_half(header, Bytes(scratch_.data() + header_bytes, message.size()));
  std::memcpy(scratch_.data(), &header, sizeof header);
  if (half > 0) deliver(from, to, scratch_.data(), header_bytes + half, due_ns, now_ns);
  const std::size_t on = make_reset(message, ResetTo::receiver, segment);
  deliver(from, to, reset.data(), header_bytes + on, due_ns, now_ns);
  const std::size_t back = make_reset(message, ResetTo::sender, segment);
  if (!(*rules_)[link(to, from)].cut) send(from, reset.data(), header_bytes + back);
}

void PacketSwitch::count_fate(const PacketFate& fate, Counts& counts) {
  add(counts.shaped);
  if (fate.loss == PacketFate::Loss::chance) return add(counts.lost);
  if (fate.loss == PacketFate::Loss::flap) return add(counts.flapped);
  if (fate.loss == PacketFate::Loss::overflow) return add(counts.overflowed);
  if (fate.delayed) add(counts.delayed);
  if (fate.duplicate) add(counts.duplicated);
  if (fate.reordered) add(counts.reordered);
  if (fate.slowed) add(counts.slowed);
}

void PacketSwitch::alter(const PacketFate& fate, std::uint8_t* frame, std::size_t bytes,
                         Counts& counts) {
  VirtioHeader header = read_header(frame);
  const Bytes packet(frame + header_bytes, bytes - header_bytes);
  if (fate.corrupt_unseen && corrupt_unseen(header, packet, fate.random))
    add(counts.corrupted_unseen);
  if (fate.corrupt && corrupt(header, packet, fate.random >> 1)) add(counts.corrupted);
  std::memcpy(frame, &header, sizeof header);
}

void PacketSwitch::hold(std::size_t from, std::size_t to, const std::uint8_t* frame,
                        std::size_t bytes, std::int64_t due_ns) {
  std::uint8_t* kept = pool_.take(bytes);
  if (kept == nullptr) return add(lost_);
  std::memcpy(kept, frame, bytes);
  held_.push_back({due_ns, sequence_++, kept, static_cast<std::uint32_t>(bytes),
                   static_cast<std::uint16_t>(from), static_cast<std::uint16_t>(to)});
  std::push_heap(held_.begin(), held_.end());
}

void PacketSwitch::release(std::int64_t now_ns) {
  while (!held_.empty() && held_.front().due_ns <= now_ns) {
    std::pop_heap(held_.begin(), held_.end());
    const Held held = held_.back();
    held_.pop_back();
    const std::size_t at = link(held.from, held.to);
    if ((*rules_)[at].cut)
      add(counts_[at].cut);
    else
      send(held.to, held.frame, held.bytes);
    pool_.give(held.frame, held.bytes);
  }
}

void PacketSwitch::send(std::size_t to, const std::uint8_t* frame, std::size_t bytes) {
  if (::send(ports_[to].get(), frame, bytes, MSG_DONTWAIT) >= 0) return note(to, frame, bytes);
  // A port whose machine is gone takes nothing more, and loses nothing.
  if (errno != ENETDOWN && errno != ENXIO && errno != ENODEV) add(lost_);
}

void PacketSwitch::note(std::size_t port, const std::uint8_t* frame, std::size_t bytes) {
  if (log_) log_->note(port, {frame + header_bytes, bytes - header_bytes}, now_ns_);
}

Status try_packet_switch() {
  const auto socket = packet_socket();
  if (!socket)
    return Error{"packets cannot be shaped: " + socket.error().what +
                     "; needs Linux 5.11 with CONFIG_PACKET",
                 ErrorKind::capability};
  timespec none{};
  epoll_event event{};
  const Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (::epoll_pwait2(epoll.get(), &event, 1, &none, nullptr) < 0)
    return Error{
        "packets cannot be shaped: epoll_pwait2: " + error_text(errno) + "; needs Linux 5.11",
        ErrorKind::capability};
  return Ok{};
}

}  // namespace faultline
