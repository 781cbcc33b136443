// Entering the world: refusals with a remedy, the host left alone, capabilities. What changes the
// process for good runs in a child: a skipped case of this very program.
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/os/netlink.h"
#include "harness/os/program.h"
#include "tests/system/stage.h"

namespace faultline::system_test {
namespace {

/// A user namespace in which this process is root, where it was an ordinary user.
void become_root_of_a_user_namespace() {
  const std::string user = std::to_string(::geteuid()), group = std::to_string(::getegid());
  REQUIRE(::unshare(CLONE_NEWUSER) == 0);
  write_file("/proc/self/setgroups", "deny");
  write_file("/proc/self/uid_map", "0 " + user + " 1");
  write_file("/proc/self/gid_map", "0 " + group + " 1");
}

std::string field(const Map& map, const std::string& name) {
  for (const auto& [key, value] : map)
    if (key == name) return *value.text();
  FAIL(name);
  return {};
}

TEST_CASE("child: a changed host is noticed from inside the world" * doctest::skip()) {
  // A pretended host, which may be changed.
  become_root_of_a_user_namespace();
  REQUIRE(::unshare(CLONE_NEWNET | CLONE_NEWNS) == 0);
  REQUIRE(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0);
  auto host = Netlink::open();
  REQUIRE(host);
  const HostFingerprint fingerprint;
  const Map before = fingerprint.take();
  CHECK(field(before, "interfaces").find("lo index 1 down") != std::string::npos);

  require_ok(enter_world());
  CHECK(Value(fingerprint.take()) == Value(before));

  const auto differs = [&](const std::string& name) {
    return field(fingerprint.take(), name) != field(before, name);
  };
  CHECK_FALSE(differs("interfaces"));
  host->add_bridge("other", MacAddress{2, 0, 0, 0, 0, 1});
  require_ok(host->flush());
  CHECK(differs("interfaces"));
  CHECK_FALSE(differs("addresses"));
  host->set_up(1, "lo up");
  const std::array<std::uint8_t, 4> address = {10, 1, 2, 3};
  host->add_address(1, address, 24, "address");
  require_ok(host->flush());
  CHECK(differs("addresses"));
  CHECK(differs("routes"));
  CHECK(field(fingerprint.take(), "addresses").find("10.1.2.3/24 on 1") != std::string::npos);
  CHECK_FALSE(differs("rules"));
  CHECK_FALSE(differs("mounts"));
  REQUIRE(::mount("tmpfs", "/sys", "tmpfs", 0, nullptr) == 0);
  CHECK(differs("mounts"));
}

TEST_CASE("a changed host is noticed from inside the world, and the world does not change it") {
  run_case_in_child("child: a changed host is noticed*");
}

TEST_CASE("child: a cluster leaves the host's fingerprint as it was" * doctest::skip()) {
  const HostFingerprint fingerprint;
  const Map before = fingerprint.take();
  {
    Shells shells(3);
    require_ok(shells.cluster->start(0));
    require_ok(shells.cluster->cut(std::vector<Edge>{{0, 1}}));
    const Map during = fingerprint.take();
    for (const char* name : {"interfaces", "addresses", "routes", "rules", "nftables"})
      CHECK(field(during, name) == field(before, name));
    // Other programs of this machine may mount what they like meanwhile; ours would be named.
    CHECK(field(during, "mounts").find(shells.folder.path().string()) == std::string::npos);
  }
}

TEST_CASE("a cluster leaves the host's fingerprint as it was") {
  run_case_in_child("child: a cluster leaves*");
}

TEST_CASE("child: namespaces that are forbidden" * doctest::skip()) {
  // As on a machine where user.max_user_namespaces is 0; then as an ordinary user there.
  become_root_of_a_user_namespace();
  write_file("/proc/sys/user/max_user_namespaces", "0");
  write_file("/proc/sys/user/max_net_namespaces", "0");
  const Status entered = enter_world();
  REQUIRE_FALSE(entered);
  CHECK(entered.error().kind == ErrorKind::capability);
  CHECK(entered.error().what ==
        "make a network namespace: No space left on device; sysctl user.max_net_namespaces=10000");

  const std::vector<Capability> capabilities = probe_capabilities();
  CHECK(rung_of(capabilities).empty());
  bool said = false;
  for (const Capability& capability : capabilities)
    if (capability.name == "user namespaces") {
      said = true;
      CHECK_FALSE(capability.present);
      CHECK(capability.remedy ==
            "user.max_user_namespaces is 0: sysctl user.max_user_namespaces=10000");
    }
  CHECK(said);
}

TEST_CASE("where namespaces are forbidden the refusal names the remedy") {
  run_case_in_child("child: namespaces that are forbidden");
}

TEST_CASE("child: the world is entered by a single thread, once" * doctest::skip()) {
  {
    std::jthread second([](std::stop_token stop) {
      while (!stop.stop_requested()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    });
    const Status refused = enter_world();
    REQUIRE_FALSE(refused);
    CHECK(refused.error().what.find("threads already") != std::string::npos);
  }
  // One that was joined is counted for another moment.
  CHECK(eventually(
      [] { return read_file("/proc/self/status").find("Threads:\t1\n") != std::string::npos; }));
  ClusterOptions options;
  options.directory = "/tmp";
  const auto early = make_cluster(options);
  REQUIRE_FALSE(early);
  CHECK(early.error().what == "make a cluster: enter_world() was not called");
  require_ok(enter_world());
  CHECK_FALSE(enter_world());
  options.directory = "relative";
  CHECK_FALSE(make_cluster(options));
  options.directory = "/tmp";
  options.nodes = 251;
  CHECK_FALSE(make_cluster(options));
  options.nodes = 0;
  CHECK_FALSE(make_cluster(options));
}

TEST_CASE("the world is entered by a single thread, once") {
  run_case_in_child("child: the world is entered*");
}

TEST_CASE("child: no program nft" * doctest::skip()) {
  become_root_of_a_user_namespace();
  REQUIRE(::unshare(CLONE_NEWNS) == 0);
  REQUIRE(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0);
  while (!find_program("nft").empty())
    REQUIRE(::mount("/dev/null", find_program("nft").c_str(), nullptr, MS_BIND, nullptr) == 0);

  Shells shells(2);
  Cluster& cluster = *shells.cluster;
  CHECK(cluster.rung().starts_with("bridge, no nftables, root"));
  require_ok(cluster.start(0));
  const auto passed = cluster.probe({0, 1}, std::chrono::seconds(5));
  REQUIRE(passed);
  CHECK(*passed);
  const std::vector<Edge> edges = {{0, 1}};
  for (const Status& refused : {cluster.can_cut(), cluster.cut(edges)}) {
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == ErrorKind::capability);
    CHECK(refused.error().what ==
          "links cannot be cut: there is no program nft; apt-get install nftables");
  }
  CHECK_FALSE(cluster.drops(edges));
}

TEST_CASE("without nft there are clusters, whose links cannot be cut") {
  run_case_in_child("child: no program nft");
}

TEST_CASE("doctor's capabilities say what make_cluster() will say") {
  const std::vector<Capability> capabilities = probe_capabilities();
  for (const Capability& capability : capabilities) {
    CHECK_MESSAGE((capability.present || !capability.required), capability.name, ": ",
                  capability.detail, " → ", capability.remedy);
    CHECK((capability.present == capability.remedy.empty()));
  }
  CHECK(capabilities.size() == 15);
}

TEST_CASE("child: the rung is the one that was foretold" * doctest::skip()) {
  const std::string foretold = rung_of(probe_capabilities());
  Shells shells(1);
  CHECK(shells.cluster->rung() == foretold);
  if (::geteuid() == 0) CHECK(foretold != "");
}

TEST_CASE("the rung is the one that was foretold") { run_case_in_child("child: the rung is*"); }

}  // namespace
}  // namespace faultline::system_test
