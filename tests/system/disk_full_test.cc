// A disk that is full, from the start or at any later time: one sentence, exit 70, nothing left,
// and what was recorded is never taken for the whole. On a small file system in memory, in a mount
// namespace of the test's own.
#include <sys/mount.h>

#include "harness/io/load.h"
#include "tests/system/stage.h"

namespace faultline::system_test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

const std::string full_config =
    "name: full\n"
    "target: { name: refkv, nodes: 3, mode: quorum }\n"
    "workload: { name: register, keys: 3, concurrency: 4, rate: 400/s }\n"
    "time: 20s\n"
    "expect: valid\n";

/// Mounts a file system of this size for the stage's runs.
void mount_small(const Stage& stage, const std::string& options) {
  fs::create_directory(stage.runs);
  REQUIRE(::mount("tmpfs", stage.runs.c_str(), "tmpfs", 0, options.c_str()) == 0);
}

/// Fills what is free but `left` bytes.
void fill(const fs::path& directory, std::uintmax_t left) {
  const Fd file(::open((directory / "ballast").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  REQUIRE(file);
  const auto available = fs::space(directory).available;
  if (left > 0) {
    REQUIRE(::posix_fallocate(file.get(), 0, static_cast<off_t>(available - left)) == 0);
    return;
  }
  const std::string block(4096, 'x');
  while (::write(file.get(), block.data(), block.size()) > 0) {
  }
}

void require_no_temporary_files(const Stage& stage) {
  for (const auto& entry : fs::recursive_directory_iterator(stage.runs))
    CHECK_MESSAGE(!is_half_written(entry.path().filename().string()), entry.path());
}

/// Exit 70 and one sentence of these words; nothing is left.
void require_refused(const Stage& stage, const ChildResult& result, const std::string& words) {
  const std::string errors = stage.errors();
  INFO(errors);
  CHECK(result.exit_code == 70);
  CHECK(errors.find(words) != std::string::npos);
  CHECK(result.output.empty());
  CHECK(eventually(Adopter::alone, 60s));
  require_no_temporary_files(stage);
}

TEST_CASE("child: a disk that is too small from the start" * doctest::skip()) {
  enter_user_and_mount_namespaces();
  const Adopter adopter;
  {
    const Stage stage;
    mount_small(stage, "size=4m");
    require_refused(stage, stage.run(full_config),
                    " is full: 4096 KiB are free, a run needs 8 MiB");
    CHECK(text_in(parsed(read_file(stage.latest("full") / "results.json")), "verdict") == "error");
    CHECK(stage.call({stage.program.string(), "check", stage.latest("full").string()}).exit_code ==
          64);
    REQUIRE(::umount(stage.runs.c_str()) == 0);  // Or something still uses it.
  }
  {
    const Stage stage;
    mount_small(stage, "size=64m,nr_inodes=12");
    require_refused(stage, stage.run(full_config), ": No space left on device");
    REQUIRE(::umount(stage.runs.c_str()) == 0);
  }
}

TEST_CASE("child: a disk that fills up under load" * doctest::skip()) {
  enter_user_and_mount_namespaces();
  const Adopter adopter;
  for (const std::uintmax_t left : {std::uintmax_t{0}, std::uintmax_t{2} << 20}) {
    CAPTURE(left);
    const Stage stage;
    mount_small(stage, "size=64m");
    const int pid = stage.start(stage.command(full_config));
    const fs::path history = stage.runs / "full/latest/history.jsonl";
    CHECK(eventually([&] { return fs::exists(history) && fs::file_size(history) > 5000; }, 60s));
    fill(stage.runs, left);
    const auto code = wait_program(pid, 5min);
    INFO(stage.errors());
    REQUIRE(code);
    CHECK(*code == 70);
    const Value results = parsed(read_file(stage.folder.path() / "stdout"));
    CHECK(text_in(results, "verdict") == "unknown");
    CHECK(text_in(results, "reason") == "incomplete");
    CHECK(*member_of(results, "exit_code") == Value(70));
    const std::string why = text_in(results, "error");
    CHECK_MESSAGE((why.find(" is full: ") != std::string::npos ||
                   why.find("No space left on device") != std::string::npos),
                  why);
    CHECK(text_in(results, "summary") == why);
    CHECK(eventually(Adopter::alone, 60s));
    require_no_temporary_files(stage);

    const fs::path run = stage.latest("full");
    if (left > 0) CHECK(fs::exists(run / "results.json"));  // There was still room for them.
    const auto loaded = load_history(run);
    REQUIRE_MESSAGE(loaded, loaded.error().what);
    CHECK(loaded->history.size() > 0);
    const ChildResult checked =
        stage.call({stage.program.string(), "check", "--json", run.string()});
    CHECK(checked.exit_code == 2);
    CHECK(text_in(parsed(checked.output), "reason") == "incomplete");
    REQUIRE(::umount(stage.runs.c_str()) == 0);
  }
}

TEST_CASE("a disk that is too small from the start is one sentence") {
  run_case_in_child("child: a disk that is too small*", 5min);
}

TEST_CASE("a disk that fills up under load ends the run, whose verdict is never valid") {
  run_case_in_child("child: a disk that fills up*", 5min);
}

}  // namespace
}  // namespace faultline::system_test
