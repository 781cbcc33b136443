// A replica's copy in modes quorum and multi: per key the value with the largest tag. What it shows
// is on its disk: a value that a crash could still take back is shown to nobody.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>

#include "targets/refkv/engine.h"

namespace refkv {

class Registers {
 public:
  struct Version {
    Tag tag{};
    std::string value = "null";
  };

  explicit Registers(Runtime& runtime) : runtime_(runtime) {}

  const Version& get(const std::string& key) const {
    static const Version never_written;
    const auto found = versions_.find(key);
    return found == versions_.end() ? never_written : found->second;
  }

  /// Calls `done` once this version or a newer one is on the disk. A full disk: never.
  void store(const std::string& key, const Version& version, std::function<void()> done) {
    if (version.tag <= get(key).tag) return done();
    if (runtime_.disk_full()) return;
    const Record record{.epoch = {},
                        .tag = version.tag,
                        .call = {.op = Op::write, .key = key, .value = version.value}};
    runtime_.persist(record, [this, key, version, then = std::move(done)] {
      keep(key, version);
      then();
    });
  }

  /// What is on the disk already.
  void keep(const std::string& key, const Version& version) {
    Version& mine = versions_[key];
    if (mine.tag < version.tag) mine = version;
  }

  const std::map<std::string, Version>& all() const { return versions_; }

 private:
  Runtime& runtime_;
  std::map<std::string, Version> versions_;
};

}  // namespace refkv
