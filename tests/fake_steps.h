// A store in memory whose transactions are asked step by step, at a level of isolation that the
// test chooses. Small enough to be obviously what it says; used by one thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "harness/core/predicate.h"
#include "harness/core/target.h"
#include "harness/core/transaction.h"

namespace faultline::fakes {

enum class Level {
  none,              ///< Writes in place, without locks.
  read_uncommitted,  ///< Writes in place, with locks until the end.
  read_committed,    ///< Reads what is committed now.
  snapshot,          ///< Reads what was committed at its first access; the first writer wins.
  two_phase,         ///< Everything that is read or written, predicates included, stays locked.
};

using Cells = std::map<std::string, std::int64_t>;

class StepStore {
 public:
  explicit StepStore(Level level) : level_(level) {}
  struct Transaction {
    std::map<std::string, std::optional<std::int64_t>> own;  ///< Written, not committed; or undo.
    std::optional<Cells> snapshot;
    std::uint64_t seen_commits = 0;
    std::optional<std::vector<std::string>> candidates;  ///< Of the deletion under way.
    std::set<std::string> reads, ranges;                 ///< Locked for reading.
    std::set<const Transaction*> waits_for;
  };

  StepReport access(Transaction& t, const Value& value) {
    const auto predicate = predicate_access_of(value);
    const auto item = access_of(value);
    if (level_ == Level::snapshot && !t.snapshot) {
      t.snapshot = data_;
      t.seen_commits = commits_;
    }
    open_.insert(&t);
    if (predicate)
      return predicate->deletes ? erase(t, value, predicate->predicate)
                                : find(t, value, predicate->predicate);
    const std::string& key = *item->key->text();
    if (item->kind == Access::Kind::read) return read(t, value, key);
    return write(t, value, key, *item->value->integer());
  }
  void commit(Transaction& t) {
    if (!in_place())
      for (const auto& [key, cell] : t.own) put(key, cell);
    ++commits_;
    for (const auto& [key, cell] : t.own) changed_[key] = commits_;
    forget(t);
  }
  void abort(Transaction& t) {
    if (in_place())
      for (const auto& [key, cell] : t.own) put(key, cell);
    forget(t);
  }

 private:
  bool in_place() const { return level_ == Level::none || level_ == Level::read_uncommitted; }
  void put(const std::string& key, std::optional<std::int64_t> cell) {
    if (cell)
      data_[key] = *cell;
    else
      data_.erase(key);
  }
  void forget(Transaction& t) {
    open_.erase(&t);
    std::erase_if(owners_, [&](const auto& owner) { return owner.second == &t; });
    t = {};
  }
  Cells view(const Transaction& t) const {
    Cells cells = level_ == Level::snapshot ? *t.snapshot : data_;
    if (in_place()) return cells;
    for (const auto& [key, cell] : t.own) {
      if (cell)
        cells[key] = *cell;
      else
        cells.erase(key);
    }
    return cells;
  }
  static StepReport answered(const Value& access, Value answer) {
    Value done = access;
    std::get<List>(done.content)[2] = std::move(answer);
    return {StepReport::Kind::done, std::move(done), {}};
  }

  /// Waits for `others`, unless one of them waits for `t` already, in however many steps.
  StepReport wait(Transaction& t, std::set<const Transaction*> others) {
    t.waits_for = others;
    std::vector<const Transaction*> left(others.begin(), others.end());
    std::set<const Transaction*> met;
    while (!left.empty()) {
      const Transaction* one = left.back();
      left.pop_back();
      if (one == &t) return {StepReport::Kind::refused, {}, "deadlock"};
      if (!met.insert(one).second) continue;
      left.insert(left.end(), one->waits_for.begin(), one->waits_for.end());
    }
    return {StepReport::Kind::waiting, {}, {}};
  }

  std::set<const Transaction*> writers(const Transaction& t, const std::string& prefix,
                                       bool whole_key) const {
    std::set<const Transaction*> others;
    for (const auto& [key, owner] : owners_)
      if (owner != &t && (whole_key ? key == prefix : key.starts_with(prefix)))
        others.insert(owner);
    return others;
  }
  std::set<const Transaction*> readers(const Transaction& t, const std::string& key) const {
    std::set<const Transaction*> others;
    for (const Transaction* one : open_) {
      if (one == &t) continue;
      bool reads = one->reads.contains(key);
      for (const std::string& prefix : one->ranges) reads = reads || key.starts_with(prefix);
      if (reads) others.insert(one);
    }
    return others;
  }

  /// Nothing if `t` may write `key` now.
  std::optional<StepReport> lock(Transaction& t, const std::string& key) {
    if (level_ == Level::none) return std::nullopt;
    auto others = writers(t, key, true);
    if (level_ == Level::two_phase) others.merge(readers(t, key));
    if (!others.empty()) return wait(t, std::move(others));
    t.waits_for.clear();
    if (level_ == Level::snapshot && changed_[key] > t.seen_commits)
      return StepReport{StepReport::Kind::refused, {}, "written meanwhile"};
    owners_[key] = &t;
    return std::nullopt;
  }
  void change(Transaction& t, const std::string& key, std::optional<std::int64_t> cell) {
    if (!in_place()) {
      t.own[key] = cell;
      return;
    }
    const auto at = data_.find(key);
    t.own.emplace(key, at == data_.end() ? std::nullopt : std::optional(at->second));
    put(key, cell);
  }

  StepReport read(Transaction& t, const Value& access, const std::string& key) {
    if (level_ == Level::two_phase) {
      if (auto others = writers(t, key, true); !others.empty()) return wait(t, std::move(others));
      t.waits_for.clear();
      t.reads.insert(key);
    }
    const Cells cells = view(t);
    const auto at = cells.find(key);
    return answered(access, at == cells.end() ? Value() : Value(at->second));
  }
  StepReport find(Transaction& t, const Value& access, const Predicate& predicate) {
    if (level_ == Level::two_phase) {
      if (auto others = writers(t, predicate.prefix, false); !others.empty())
        return wait(t, std::move(others));
      t.waits_for.clear();
      t.ranges.insert(predicate.prefix);
    }
    List rows;
    for (const auto& [key, value] : view(t))
      if (predicate.matches(key, value)) rows.emplace_back(List{key, value});
    return answered(access, std::move(rows));
  }
  StepReport write(Transaction& t, const Value& access, const std::string& key,
                   std::int64_t value) {
    if (auto cannot = lock(t, key)) return *cannot;
    change(t, key, value);
    return {StepReport::Kind::done, access, {}};
  }
  /// What matched at first is waited for, and deleted if it still matches, as PostgreSQL does.
  StepReport erase(Transaction& t, const Value& access, const Predicate& predicate) {
    if (level_ == Level::two_phase)
      if (const StepReport found = find(t, access, predicate); !found.is_over()) return found;
    if (!t.candidates) {
      t.candidates.emplace();
      for (const auto& [key, value] : view(t))
        if (predicate.matches(key, value)) t.candidates->push_back(key);
    }
    for (const std::string& key : *t.candidates)
      if (auto cannot = lock(t, key)) return *cannot;
    List rows;
    const Cells now = view(t);
    for (const std::string& key : *t.candidates) {
      const auto at = now.find(key);
      if (at == now.end() || !predicate.matches(key, at->second)) continue;
      rows.emplace_back(List{key, at->second});
      change(t, key, std::nullopt);
    }
    t.candidates.reset();
    return answered(access, std::move(rows));
  }

  const Level level_;
  Cells data_;
  std::map<std::string, const Transaction*> owners_;  ///< Who has written a key.
  std::map<std::string, std::uint64_t> changed_;      ///< By which commit.
  std::uint64_t commits_ = 0;
  std::set<const Transaction*> open_;
};

class StepTransaction : public OpenTransaction {
 public:
  explicit StepTransaction(std::shared_ptr<StepStore> store) : store_(std::move(store)) {}
  ~StepTransaction() override { store_->abort(transaction_); }
  void send(const Step& step, Deadline) override { step_ = step; }
  StepReport look(Deadline) override {
    if (step_.kind == Step::Kind::access) return store_->access(transaction_, step_.access);
    if (step_.kind == Step::Kind::commit) store_->commit(transaction_);
    if (step_.kind == Step::Kind::abort) store_->abort(transaction_);
    return {StepReport::Kind::done, {}, {}};
  }

 private:
  std::shared_ptr<StepStore> store_;
  StepStore::Transaction transaction_;
  Step step_;
};

/// A target that nobody starts.
class StepTarget : public Target {
 public:
  explicit StepTarget(Level level) : store_(std::make_shared<StepStore>(level)) {}
  std::string_view name() const override { return "steps"; }
  std::vector<Function> functions() const override { return {Function::txn}; }
  Status available() const override { return Ok{}; }
  std::filesystem::path program() const override { return "/bin/true"; }
  std::string version() const override { return "1"; }
  Result<Launch> launch(const Node&, std::span<const Node>) const override {
    return Launch{{"/bin/true"}, {}};
  }
  Status ready(const Node&, Deadline) const override { return Ok{}; }
  Result<std::unique_ptr<Client>> connect(const Node&) const override {
    return Error{"only steps"};
  }
  bool has_steps() const override { return true; }
  Result<std::unique_ptr<OpenTransaction>> open_transaction(const Node&) const override {
    return std::unique_ptr<OpenTransaction>(std::make_unique<StepTransaction>(store_));
  }

 private:
  std::shared_ptr<StepStore> store_;
};

}  // namespace faultline::fakes
