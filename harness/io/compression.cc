#include "harness/io/compression.h"

#include <algorithm>
#include <memory>
#include <vector>

#include <zlib.h>
#include <zstd.h>

namespace faultline {
namespace {

constexpr std::size_t piece_bytes = 1u << 20;
/// A file of a few kilobytes can say that it holds terabytes.
constexpr std::uint64_t content_bytes_max = std::uint64_t{32} << 30;

Error broken(std::string_view kind, const std::string& what) {
  return {"expected a whole " + std::string(kind) + " file: " + what, ErrorKind::usage};
}

/// The bytes of a source, a piece at a time.
class Pieces {
 public:
  explicit Pieces(const Source& source) : source_(source), buffer_(piece_bytes) {}
  /// Empty at the end.
  Result<std::string_view> next() {
    const std::uint64_t size = std::min<std::uint64_t>(buffer_.size(), source_.size() - offset_);
    if (Status done = source_.read(offset_, buffer_.data(), size); !done) return done.error();
    offset_ += size;
    return std::string_view(buffer_.data(), size);
  }

 private:
  const Source& source_;
  std::vector<char> buffer_;
  std::uint64_t offset_ = 0;
};

/// Pieces of content, until there are too many.
class Content {
 public:
  char* room() { return piece_.data(); }
  static constexpr std::size_t room_bytes = piece_bytes;
  bool take(std::size_t size) {
    text.append(piece_.data(), size);
    return text.size() <= content_bytes_max;
  }
  std::string text;

 private:
  std::vector<char> piece_ = std::vector<char>(room_bytes);
};

Error too_large(std::string_view kind) { return broken(kind, "it holds more than 32 GiB"); }

Result<std::string> gunzip(const Source& source) {
  z_stream stream{};
  constexpr int gzip_only = 16 + MAX_WBITS;
  if (::inflateInit2(&stream, gzip_only) != Z_OK) return Error{"zlib: out of memory"};
  const std::unique_ptr<z_stream, int (*)(z_stream*)> guard(&stream, ::inflateEnd);
  Pieces pieces(source);
  Content content;
  bool is_ended = false;
  for (;;) {
    const auto piece = pieces.next();
    if (!piece) return piece.error();
    if (piece->empty()) break;
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece->data()));
    stream.avail_in = static_cast<uInt>(piece->size());
    bool is_full = false;  // more may come out although nothing is left to go in
    while (stream.avail_in > 0 || is_full) {
      if (is_ended && ::inflateReset(&stream) != Z_OK) return Error{"zlib: out of memory"};
      stream.next_out = reinterpret_cast<Bytef*>(content.room());
      stream.avail_out = static_cast<uInt>(Content::room_bytes);
      const int done = ::inflate(&stream, Z_NO_FLUSH);
      if (done != Z_OK && done != Z_STREAM_END && !(is_full && done == Z_BUF_ERROR))
        return broken("gzip", stream.msg != nullptr ? stream.msg : "it is damaged");
      if (!content.take(Content::room_bytes - stream.avail_out)) return too_large("gzip");
      is_ended = done == Z_STREAM_END;
      is_full = stream.avail_out == 0 && !is_ended;
    }
  }
  if (!is_ended) return broken("gzip", "it ends too early");
  return std::move(content.text);
}

Result<std::string> unzstd(const Source& source) {
  const std::unique_ptr<ZSTD_DStream, std::size_t (*)(ZSTD_DStream*)> stream(::ZSTD_createDStream(),
                                                                             ::ZSTD_freeDStream);
  if (stream == nullptr) return Error{"zstd: out of memory"};
  Pieces pieces(source);
  Content content;
  std::size_t wanted = 1;  // 0 at the end of a frame
  for (;;) {
    const auto piece = pieces.next();
    if (!piece) return piece.error();
    if (piece->empty()) break;
    ZSTD_inBuffer in{piece->data(), piece->size(), 0};
    bool is_full = false;  // more may come out although nothing is left to go in
    while (in.pos < in.size || is_full) {
      ZSTD_outBuffer out{content.room(), Content::room_bytes, 0};
      wanted = ::ZSTD_decompressStream(stream.get(), &out, &in);
      if (::ZSTD_isError(wanted) != 0) return broken("zstd", ::ZSTD_getErrorName(wanted));
      if (!content.take(out.pos)) return too_large("zstd");
      is_full = out.pos == out.size && wanted != 0;
    }
  }
  if (wanted != 0) return broken("zstd", "it ends too early");
  return std::move(content.text);
}

}  // namespace

Compression compression_of(std::string_view head) {
  if (head.starts_with("\x1f\x8b")) return Compression::gzip;
  if (head.starts_with("\x28\xb5\x2f\xfd")) return Compression::zstd;
  return Compression::none;
}

Result<std::string> decompressed(const Source& source, Compression kind) {
  return kind == Compression::gzip ? gunzip(source) : unzstd(source);
}

}  // namespace faultline
