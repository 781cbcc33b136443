#include "targets/refkv/journal.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <utility>

#include <boost/crc.hpp>
#include <fcntl.h>
#include <unistd.h>

namespace refkv {
namespace {

constexpr std::size_t crc_digits = 8;

std::uint32_t crc_of(std::string_view text) {
  boost::crc_32_type crc;
  crc.process_bytes(text.data(), text.size());
  return crc.checksum();
}

/// The record in `line` (without its newline), or nothing if it is damaged.
bool unframe(std::string_view line, std::string_view& text) {
  if (line.size() <= crc_digits || line[crc_digits] != ' ') return false;
  std::uint32_t crc = 0;
  const char* begin = line.data();
  const char* end = begin + crc_digits;
  const auto [rest, error] = std::from_chars(begin, end, crc, 16);
  if (error != std::errc{} || rest != end) return false;
  text = line.substr(crc_digits + 1);
  return crc_of(text) == crc;
}

/// fsyncgate: after a failed fsync the page cache may have forgotten the data, so that a second
/// fsync succeeds without them. The only honest reaction is to stop.
[[noreturn]] void die(const char* what) {
  std::fprintf(stderr, "refkv: %s: %s\n", what, std::strerror(errno));
  std::_Exit(1);
}

void sync_directory(const std::filesystem::path& directory) {
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0 || ::fsync(fd) != 0) die("fsync of the data directory");
  ::close(fd);
}

}  // namespace

std::string frame_record(std::string_view text) {
  std::array<char, crc_digits + 2> head{};
  std::snprintf(head.data(), head.size(), "%08x ", crc_of(text));
  std::string line(head.data(), crc_digits + 1);
  line.append(text);
  line.push_back('\n');
  return line;
}

std::uint64_t replay_records(std::string_view content,
                             const std::function<void(std::string_view)>& each) {
  std::uint64_t good = 0;
  while (good < content.size()) {
    const std::size_t end = content.find('\n', good);
    std::string_view text;
    if (end == std::string_view::npos) break;  // torn: its newline never made it
    if (!unframe(content.substr(good, end - good), text)) {
      if (end + 1 == content.size()) break;  // torn in the middle of the last line
      throw std::runtime_error("journal damaged at byte " + std::to_string(good));
    }
    each(text);
    good = end + 1;
  }
  return good;
}

Journal::Journal(const std::filesystem::path& file,
                 const std::function<void(std::string_view)>& each, Post post,
                 bool acknowledge_unwritten)
    : post_(std::move(post)), acknowledge_unwritten_(acknowledge_unwritten) {
  std::string content;
  if (std::ifstream in(file, std::ios::binary); in) {
    content.assign(std::istreambuf_iterator<char>(in), {});
  }
  bytes_ = replay_records(content, each);
  fd_ = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd_ < 0) throw std::runtime_error(file.string() + ": " + std::strerror(errno));
  if (::ftruncate(fd_, static_cast<off_t>(bytes_)) != 0 || ::fsync(fd_) != 0) die("fsync");
  sync_directory(file.parent_path());
  writer_ = std::thread([this] { run(); });
}

Journal::~Journal() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  writer_.join();
  ::close(fd_);
}

void Journal::append(std::string_view record, Done done) {
  const std::string line = record.empty() ? std::string{} : frame_record(record);
  bytes_ += line.size();
  {
    const std::lock_guard lock(mutex_);
    buffer_ += line;
    if (!acknowledge_unwritten_) waiting_.push_back(std::exchange(done, {}));
  }
  if (done) post_({std::move(done)});  // acknowledged unwritten
  wake_.notify_one();
}

void Journal::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (acknowledge_unwritten_) {
      wake_.wait_for(lock, flush_interval, [&] { return stop_; });
    } else {
      wake_.wait(lock, [&] { return stop_ || !buffer_.empty() || !waiting_.empty(); });
    }
    const std::string data = std::exchange(buffer_, {});
    std::vector<Done> done = std::exchange(waiting_, {});
    const bool last = stop_;
    lock.unlock();
    if (!data.empty()) write_out(data);
    if (!done.empty() && !last) post_(std::move(done));
    if (last) return;
    lock.lock();
  }
}

void Journal::write_out(std::string_view data) {
  while (!data.empty()) {
    const ssize_t n = ::write(fd_, data.data(), data.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) die("write to the journal");
    data.remove_prefix(static_cast<std::size_t>(n));
  }
  if (::fdatasync(fd_) != 0) die("fdatasync of the journal");
}

}  // namespace refkv
