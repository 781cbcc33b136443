#include "harness/os/http.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <curl/curl.h>

#include "harness/core/check.h"

namespace faultline {
namespace {

/// curl_global_init is not thread-safe before 7.84 and must precede every handle; a static does
/// both.
void initialise_once() {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  FAULTLINE_CHECK(code == CURLE_OK);
}

struct Upload {
  std::string_view left;
};

std::size_t read_body(char* buffer, std::size_t size, std::size_t count, void* user) {
  auto& upload = *static_cast<Upload*>(user);
  const std::size_t n = std::min(size * count, upload.left.size());
  std::memcpy(buffer, upload.left.data(), n);
  upload.left.remove_prefix(n);
  return n;
}

/// libcurl calls this when it has a connection, new or kept, and is about to send the request on
/// it. The only reliable sign of that: where a kept connection dies after it took the request,
/// libcurl tries a new one by itself, and what it reports in the end ("connection refused", with
/// times of the last attempt) says nothing of the first.
int about_to_send(void* user, char*, char*, int, int) {
  *static_cast<bool*>(user) = true;
  return CURL_PREREQFUNC_OK;
}

struct Download {
  std::string body;
  bool whole_head = false;
  bool too_long = false;
};

/// Taking fewer bytes than offered makes libcurl end the exchange with CURLE_WRITE_ERROR.
std::size_t write_body(char* data, std::size_t size, std::size_t count, void* user) {
  auto& download = *static_cast<Download*>(user);
  if (download.body.size() + size * count > Http::reply_bytes_max) {
    download.too_long = true;
    return 0;
  }
  download.body.append(data, size * count);
  return size * count;
}

/// libcurl calls it success when the connection ends between two header lines.
std::size_t read_header(char* data, std::size_t size, std::size_t count, void* user) {
  const std::string_view line(data, size * count);
  bool& whole_head = static_cast<Download*>(user)->whole_head;
  if (line.starts_with("HTTP/")) whole_head = false;
  if (line == "\r\n" || line == "\n") whole_head = true;
  return size * count;
}

std::string describe(CURLcode code, const Download& download) {
  if (download.too_long) return "reply too long";
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return "timeout";
    case CURLE_COULDNT_CONNECT:
      return "connection refused";
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_SEND_FAIL_REWIND:
      return "connection lost";
    case CURLE_PARTIAL_FILE:
      return "reply cut short";
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return "not an HTTP reply";
    default:
      return curl_easy_strerror(code);
  }
}

}  // namespace

struct Http::Impl {
  explicit Impl(std::string its_origin) : origin(std::move(its_origin)) {
    initialise_once();
    headers = curl_slist_append(headers, "Content-Type: application/json");
    headers = curl_slist_append(headers, "Expect:");  // no 100-continue round trip for long bodies
    FAULTLINE_CHECK(headers != nullptr);
    open();
  }
  ~Impl() {
    curl_easy_cleanup(handle);
    curl_slist_free_all(headers);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  template <typename T>
  void set(CURLoption option, T value) {
    FAULTLINE_CHECK(curl_easy_setopt(handle, option, value) == CURLE_OK);
  }

  void open() {
    handle = curl_easy_init();
    FAULTLINE_CHECK(handle != nullptr);
    set(CURLOPT_NOSIGNAL, 1L);  // timeouts without SIGALRM: there are other threads
    set(CURLOPT_NOPROXY, "*");
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_PROTOCOLS_STR, "http");
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(CURLOPT_HTTPHEADER, headers);
    set(CURLOPT_READFUNCTION, read_body);
    set(CURLOPT_WRITEFUNCTION, write_body);
    set(CURLOPT_PREREQFUNCTION, about_to_send);
    set(CURLOPT_PREREQDATA, &may_have_left);
    set(CURLOPT_HEADERFUNCTION, read_header);
    set(CURLOPT_TCP_NODELAY, 1L);
    set(CURLOPT_MAXCONNECTS, 1L);
  }

  /// The only way to be sure that a connection is not reused: the handle owns its connections.
  void close() {
    curl_easy_cleanup(handle);
    open();
  }

  HttpReply exchange(std::string_view path, const std::string_view* body, Deadline deadline) {
    HttpReply reply;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return {.body = {}, .error = "timeout", .never_sent = true};

    Upload upload{body ? *body : std::string_view{}};
    Download download;
    set(CURLOPT_URL, (origin + std::string(path)).c_str());
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(left.count()));
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(left.count()));
    set(CURLOPT_WRITEDATA, &download);
    set(CURLOPT_HEADERDATA, &download);
    if (body) {
      set(CURLOPT_POST, 1L);
      set(CURLOPT_READDATA, &upload);
      set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body->size()));
    } else {
      set(CURLOPT_HTTPGET, 1L);
    }

    may_have_left = false;
    CURLcode code = curl_easy_perform(handle);
    if (code == CURLE_OK && !download.whole_head) code = CURLE_PARTIAL_FILE;
    if (code != CURLE_OK) {
      reply.error = describe(code, download);
      reply.never_sent = !may_have_left;
      close();
      return reply;
    }
    long status = 0;
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    reply.status = static_cast<int>(status);
    reply.body = std::move(download.body);
    return reply;
  }

  std::string origin;
  CURL* handle = nullptr;
  curl_slist* headers = nullptr;
  bool may_have_left = false;  ///< A byte of the current request, or all of it.
};

Http::Http(std::string origin) : impl_(std::make_unique<Impl>(std::move(origin))) {}
Http::~Http() = default;

HttpReply Http::post(std::string_view path, std::string_view body, Deadline deadline) {
  return impl_->exchange(path, &body, deadline);
}

HttpReply Http::get(std::string_view path, Deadline deadline) {
  return impl_->exchange(path, nullptr, deadline);
}

}  // namespace faultline
