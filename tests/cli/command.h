// The command line as its users see it, in this process: what is on stdout and stderr, and the exit
// code.
#pragma once

#include <sstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include "checkers/checkers.h"
#include "harness/cli/command_line.h"
#include "harness/cli/console.h"
#include "harness/io/document.h"
#include "harness/io/json.h"
#include "nemesis/nemeses.h"
#include "targets/targets.h"
#include "tests/io/temporary_folder.h"
#include "workloads/workloads.h"

namespace faultline {

/// Points a descriptor at a file as long as it lives.
class Redirected {
 public:
  Redirected(int fd, const std::filesystem::path& path) : fd_(fd), saved_(::dup(fd)) {
    std::fflush(nullptr);
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ::dup2(file, fd_);
    ::close(file);
  }
  ~Redirected() {
    std::fflush(nullptr);
    ::dup2(saved_, fd_);
    ::close(saved_);
  }
  Redirected(const Redirected&) = delete;
  Redirected& operator=(const Redirected&) = delete;

 private:
  int fd_, saved_;
};

inline Catalogues all_catalogues() { return {checkers(), nemeses(), workloads(), targets()}; }

struct Answered {
  int code = -1;
  std::string out, err;
};

/// `faultline ARGUMENTS…`.
inline Answered faultline_command(const std::vector<std::string>& arguments) {
  const TemporaryFolder folder;
  const Catalogues catalogues = all_catalogues();
  Invocation invocation{catalogues, {"faultline"}, {}};
  invocation.argv.insert(invocation.argv.end(), arguments.begin(), arguments.end());
  Answered answered;
  console() = {};
  {
    const Redirected out(STDOUT_FILENO, folder / "out"), err(STDERR_FILENO, folder / "err");
    answered.code = run_command_line(invocation);
  }
  console() = {};
  answered.out = content_of(folder / "out");
  answered.err = content_of(folder / "err");
  return answered;
}

/// What an object holds under this name, which must be there.
inline Value at(const Value& value, std::string_view name) {
  const Value* found = member_of(value, name);
  REQUIRE_MESSAGE(found != nullptr, "no field ", name, " in ", to_json(value));
  return *found;
}

/// The words of a command line without quotes.
inline std::vector<std::string> words_of(const std::string& line) {
  std::istringstream in(line);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

}  // namespace faultline
