// What is shown of a fault is what it does: the same links, the same draws.
#include "nemesis/by_hand.h"

#include <fmt/format.h>

#include "tests/nemesis/fixture.h"

using namespace faultline;
using namespace faultline::nemesis_tests;

namespace {

ByHand hand_of(const Nemesis& nemesis, const Cluster& cluster, const Nodes& victims,
               const Nodes& leaders = {}, std::uint64_t seed = 1) {
  const auto hand = nemesis.by_hand(cluster, victims, leaders, Rng(seed));
  REQUIRE_MESSAGE(hand, (hand ? "" : hand.error().what));
  return *hand;
}

std::string told(const std::vector<HandCommand>& commands) {
  std::string text;
  for (const HandCommand& command : commands) text += command.on + ": " + command.text + "\n";
  return text;
}

/// "iptables -I INPUT -s $n2,$n3 -j DROP; ip6tables -I INPUT -s $n2_6,$n3_6 -j DROP".
std::string drops(const char* verb, const std::vector<std::string>& from,
                  const std::string& more = "") {
  std::string v4, v6;
  for (const std::string& end : from) {
    v4 += (v4.empty() ? "$" : ",$") + end;
    v6 += (v6.empty() ? "$" : ",$") + end + "_6";
  }
  const std::string rule = std::string(" ") + verb + " INPUT -s ";
  return "iptables" + rule + v4 + more + " -j DROP; ip6tables" + rule + v6 + more + " -j DROP";
}

/// The links that iptables is told to cut, "n2>n3", sorted; and ip6tables the same.
std::vector<std::string> cut_links(const ByHand& hand) {
  std::vector<std::string> links;
  for (const HandCommand& command : hand.strike) {
    const std::string_view before = "iptables -I INPUT -s ";
    REQUIRE(command.text.starts_with(before));
    std::string sources = command.text.substr(before.size());
    sources.resize(sources.find(' '));
    std::vector<std::string> ends;
    for (std::size_t at = 0; at < sources.size(); at = sources.find(',', at) + 1) {
      ends.push_back(sources.substr(at + 1, sources.find(',', at) - at - 1));
      if (sources.find(',', at) == std::string::npos) break;
    }
    REQUIRE(command.text == drops("-I", ends));
    for (std::size_t at = 0; at < sources.size();) {
      const std::size_t end = std::min(sources.find(',', at), sources.size());
      links.push_back(sources.substr(at + 1, end - at - 1) + ">" + command.on);
      at = end + 1;
    }
  }
  std::ranges::sort(links);
  return links;
}

}  // namespace

TEST_CASE("by hand: every fault says how to strike and how to heal, on every victim") {
  FakeCluster cluster(3, 2);
  for (const NemesisEntry& entry : nemeses()) {
    CAPTURE(entry.name);
    const auto nemesis = make(entry.name);
    const Nodes victims = nemesis->strikes_clients() ? Nodes{3, 4} : Nodes{0, 1, 2};
    const ByHand hand = hand_of(*nemesis, cluster, victims);
    for (const auto* commands : {&hand.strike, &hand.heal}) {
      CHECK_FALSE(commands->empty());
      for (const HandCommand& command : *commands) CHECK_FALSE(command.text.empty());
      for (const std::size_t victim : victims)
        CHECK(std::ranges::any_of(*commands, [&](const HandCommand& command) {
          return command.on == machine_of(cluster, victim).name;
        }));
    }
  }
}

TEST_CASE("by hand: a partition cuts the links that it would cut") {
  for (const std::string kind : {"halves", "majority-minority", "isolate-one", "isolate-leader",
                                 "bridge", "majority-ring", "one-way", "clients"})
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
      CAPTURE(kind);
      CAPTURE(seed);
      World world(5, 1);
      const auto nemesis = make("partition", {{"kind", kind}});
      const Nodes victims = {0, 1, 2, 3, 4}, leaders = {2};
      const ByHand hand = hand_of(*nemesis, world.cluster, victims, leaders, seed);
      const Attestation cut = world.inject(*nemesis, a, victims, leaders, seed);
      std::vector<std::string> links;
      for (const Value& link : *find(cut.evidence, "cut")->list())
        links.push_back(*link.list()->at(0).text() + ">" + *link.list()->at(1).text());
      std::ranges::sort(links);
      CHECK(cut_links(hand) == links);
      CHECK(hand.heal.size() == hand.strike.size());
      for (std::size_t i = 0; i < hand.heal.size(); ++i) {
        std::string text = hand.strike[i].text;
        for (int family = 0; family < 2; ++family) text.replace(text.find("-I"), 2, "-D");
        CHECK(hand.heal[i].text == text);
        CHECK(hand.heal[i].on == hand.strike[i].on);
      }
    }
  FakeCluster cluster(3);
  CHECK_FALSE(make("partition", {{"kind", "isolate-leader"}})
                  ->by_hand(cluster, Nodes{0, 1, 2}, {}, Rng(1)));
}

TEST_CASE("by hand: processes") {
  FakeCluster cluster(3, 1);
  CHECK(told(hand_of(*make("kill"), cluster, {0, 2}).strike) ==
        "n1: pkill -KILL $STORE\nn3: pkill -KILL $STORE\n");
  CHECK(told(hand_of(*make("kill"), cluster, {1}).heal) == "n2: systemctl start $STORE\n");
  CHECK(told(hand_of(*make("pause"), cluster, {1}).strike) == "n2: pkill -STOP $STORE\n");
  CHECK(told(hand_of(*make("pause"), cluster, {1}).heal) == "n2: pkill -CONT $STORE\n");
  CHECK(told(hand_of(*make("pause", {{"kind", "machine"}}), cluster, {1}).strike) ==
        "n2: pkill -STOP $STORE\n"
        "n1: iptables -I INPUT -s $n2 -j DROP; ip6tables -I INPUT -s $n2_6 -j DROP\n"
        "n2: " +
            drops("-I", {"n1", "n3", "c1", "clients"}) + "\nn3: " + drops("-I", {"n2"}) +
            "\nc1: " + drops("-I", {"n2"}) + "\nclients: " + drops("-I", {"n2"}) + "\n");
  CHECK(told(hand_of(*make("client-stall"), cluster, {3}).strike) == "c1: pkill -STOP $CLIENT\n");
  // The links go first, that nobody is told; they come back last.
  const ByHand crash = hand_of(*make("crash"), cluster, {0});
  CHECK(crash.strike.back().text == "pkill -KILL $STORE; ss --tcp --kill");
  CHECK(crash.heal.front().text == "systemctl start $STORE");
  CHECK(crash.heal.size() == crash.strike.size());
}

TEST_CASE("by hand: packets, on the links that it would shape, in netem's words") {
  FakeCluster cluster(3);
  const auto hand = [&](std::vector<std::pair<std::string, std::string>> params,
                        std::uint64_t seed = 1) {
    return hand_of(*make("packets", std::move(params)), cluster, {0}, {}, seed);
  };
  const ByHand slow = hand({{"direction", "out"}});
  CHECK(told(slow.strike) ==
        "n1: tc qdisc replace dev eth0 root handle 1: prio bands 16\n"
        "n1: tc qdisc add dev eth0 parent 1:$band netem delay 100ms 20ms\n"
        "n1: for to in $n2 $n3; do tc filter add dev eth0 parent 1: protocol ip pref 0x$band u32 "
        "match ip dst $to flowid 1:$band; done; for to in $n2_6 $n3_6; do tc filter add dev eth0 "
        "parent 1: protocol ipv6 pref 0x1$band u32 match ip6 dst $to flowid 1:$band; done\n");
  CHECK(told(slow.heal) ==
        "n1: tc filter del dev eth0 parent 1: protocol ip pref 0x$band; tc filter del dev eth0 "
        "parent 1: protocol ipv6 pref 0x1$band; tc qdisc del dev eth0 parent 1:$band\n");
  const auto words = [&](std::vector<std::pair<std::string, std::string>> params,
                         std::size_t command = 1) {
    params.emplace_back("direction", "out");
    const std::string text = hand(std::move(params)).strike.at(command).text;
    return text.substr(text.find("netem"));
  };
  CHECK(words({{"delay", "50ms"}, {"jitter", "1500us"}, {"distribution", "normal"}}) ==
        "netem delay 50ms 1.5ms distribution normal");
  CHECK(words({{"loss", "5%"}, {"duplicate", "10%"}, {"corrupt", "0.1%"}, {"rate", "10mbit"}}) ==
        "netem loss 5% duplicate 10% corrupt 0.1% rate 10000000bit");
  // netem sends its share at once, without the delay, and holds the others back.
  CHECK(words({{"reorder", "10%"}, {"reorder-by", "30ms"}}) == "netem delay 30ms reorder 90%");
  CHECK(words({{"reorder", "100%"}, {"reorder-by", "30ms"}}) == "netem delay 30ms");
  CHECK(told(hand({{"reorder", "10%"}, {"reorder-by", "30ms"}, {"delay", "5ms"}}).strike)
            .find("n1: tc qdisc add dev eth0 parent 1:$band handle 1$band: netem delay 5ms\n"
                  "n1: tc qdisc add dev eth0 parent 1$band:1 netem delay 30ms reorder 90%\n") !=
        std::string::npos);
  CHECK(told(hand({{"kind", "flapping"}, {"down", "200ms"}, {"direction", "in"}}).strike) ==
        "n1: while :; do " + drops("-I", {"n2", "n3"}) + "; sleep 0.2; " +
            drops("-D", {"n2", "n3"}) + "; sleep 0.3; done &\n");
  const std::string unseen = told(hand({{"corrupt-unseen", "1%"}}).strike);
  CHECK(unseen == "n1: # no common tool corrupts packets and mends their checksums\n");
  CHECK(told(hand({{"cut-nth", "2"}, {"drop-nth", "2"}}).strike) ==
        "n1: # no common tool drops the n-th message alone\n"
        "n1: # no common tool cuts a message in its middle\n");
  const ByHand seventh = hand({{"drop-every", "7"}, {"direction", "in"}});
  const std::string every = " -p tcp --tcp-flags PSH PSH -m statistic --mode nth --every 7";
  CHECK(told(seventh.strike) == "n1: " + drops("-I", {"n2", "n3"}, every) + "\n");
  CHECK(told(seventh.heal) == "n1: " + drops("-D", {"n2", "n3"}, every) + "\n");
  // The one link of gray is the one that it would draw.
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    World world(5);
    const auto gray = make("packets", {{"kind", "gray"}, {"direction", "out"}});
    const std::string text = told(hand_of(*gray, world.cluster, {1}, {}, seed).strike);
    REQUIRE(gray->inject(world.levers, a, Nodes{1}, {}, Rng(seed)));
    const Edge link = world.cluster.plane.now().begin()->first;
    CHECK(text.find("for to in $" + machine_of(world.cluster, link.to).name + ";") !=
          std::string::npos);
  }
}

TEST_CASE("by hand: clocks, by what each victim would draw") {
  World world(2);
  const auto hand = [&](std::vector<std::pair<std::string, std::string>> params) {
    return hand_of(*make("clock", std::move(params)), world.cluster, {1});
  };
  const ByHand jump = hand({{"by", "-90s"}});
  CHECK(told(jump.strike) == "n2: timedatectl set-ntp false; date -s '-90 seconds'\n");
  CHECK(told(jump.heal) == "n2: date -s '90 seconds'; timedatectl set-ntp true\n");
  CHECK(told(hand({{"by", "50us"}}).strike).find("date -s '0.00005 seconds'") != std::string::npos);
  CHECK(told(hand({{"by", "-1h"}}).strike).find("date -s '-3600 seconds'") != std::string::npos);
  CHECK(told(hand({{"kind", "drift"}, {"ppm", "-510"}}).strike) ==
        "n2: timedatectl set-ntp false; adjtimex --tick 9995 --frequency -655360\n");
  CHECK(told(hand({{"kind", "strobe"}, {"by", "30s"}, {"period", "200ms"}}).strike) ==
        "n2: timedatectl set-ntp false; while date -s '30 seconds'; sleep 0.1; date -s '-30 "
        "seconds'; do sleep 0.1; done &\n");
  CHECK(told(hand({{"kind", "freeze"}}).strike).find("date -s @$now") != std::string::npos);
  CHECK(told(hand({{"kind", "random-walk"}, {"by", "250ms"}, {"period", "500ms"}}).strike)
            .find("*0.25}\") seconds\"; do sleep 0.5; done &") != std::string::npos);

  const auto drawn = make("clock");
  const std::string text = told(hand_of(*drawn, world.cluster, {1}, {}, 7).strike);
  REQUIRE(drawn->inject(world.levers, a, Nodes{1}, {}, Rng(7)));
  const auto by = static_cast<double>(world.levers.skews(1).front().by_ns) / 1e9;
  CHECK(text.find("'" + fmt::format("{:.9g}", by) + " seconds'") != std::string::npos);
}
