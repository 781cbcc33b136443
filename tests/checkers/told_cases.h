// Whether the cases of a verdict, which pages are made from, say what its text says and what is in
// the history: the text is written anew from the cases alone, and every edge is looked up.
#pragma once

#include <algorithm>
#include <array>
#include <cstdio>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "checkers/transactional/isolation.h"
#include "harness/core/checker.h"
#include "harness/core/text.h"
#include "tests/checkers/value_parts.h"

namespace faultline::told_cases {

class Agreement {
 public:
  Agreement(const History& history, const Value& one) : history_(history), case_(one) {
    for (const Value& t : list_at(case_, "transactions")) {
      const auto index = static_cast<std::uint64_t>(number_at(t, "index"));
      OperationId row = 0;
      while (row < history.size() && history.index_of(history.begin()[row]) != index) ++row;
      REQUIRE(row < history.size());
      rows_.push_back(row);
      CHECK(text_at(t, "name") == "T" + std::to_string(rows_.size()));
    }
    CHECK(std::set(rows_.begin(), rows_.end()).size() == rows_.size());
  }

  const std::vector<OperationId>& rows() const { return rows_; }

  void check_transactions() const {
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const Value& t = list_at(case_, "transactions")[i];
      const OperationId row = rows_[i];
      CHECK(number_at(t, "process") == history_.process()[row]);
      CHECK(text_at(t, "fate") == name_of(history_.fate()[row]));
      const NodeId node = history_.node()[row];
      CHECK(at(t, "node") == (node == no_node ? Value() : Value(history_.node_name(node))));
      const auto time = [](std::int64_t v) { return v == no_time ? Value() : Value(v); };
      CHECK(at(t, "begin") == time(history_.begin_time()[row]));
      const Position end = history_.end()[row];
      CHECK(at(t, "end") == (end == never ? Value() : time(history_.end_time()[row])));
      CHECK(at(t, "end_index") == (end == never ? Value() : Value(history_.index_of(end))));
      check_operations(t, row);
    }
  }

  /// As the explanation has it. Of branches nothing: they are looked for in it.
  std::string text() const {
    const std::string name = text_at(case_, "anomaly");
    if (find(case_, "branches") != nullptr) return "";
    const Value* more = find(case_, "transactions_left_out");
    if (find(case_, "transaction") != nullptr || list_at(case_, "edges").empty())
      return name + ": " + text_at(case_, "sentence") + "\n" + table() +
             (more == nullptr
                  ? ""
                  : "  and " + with_thousands(static_cast<std::uint64_t>(*more->integer())) +
                        " more of them\n");
    return name + ": let\n" + table() + "  then\n" + chain(list_at(case_, "edges"));
  }
  std::string table() const {
    std::vector<std::array<std::string, 5>> lines;
    std::array<std::size_t, 5> widths{};
    for (const Value& t : list_at(case_, "transactions")) {
      std::string did;
      for (const Value& operation : list_at(t, "operations"))
        did += (did.empty() ? "" : ", ") + text_at(operation, "text");
      if (find(t, "operations_left_out") != nullptr) did += ", …";
      const std::string process = "process " + to_text(at(t, "process"));
      lines.push_back({text_at(t, "name"),
                       at(t, "node").is_nil() ? process : text_at(t, "node") + ", " + process,
                       moment(t, "begin", "index") + " to " + moment(t, "end", "end_index"),
                       text_at(t, "fate"), did});
      for (std::size_t c = 0; c < 5; ++c) widths[c] = std::max(widths[c], lines.back()[c].size());
    }
    std::string out;
    for (const auto& line : lines) {
      out += " ";
      for (std::size_t c = 0; c < 4; ++c) out += " " + padded(line[c], widths[c]) + " ";
      out += " " + line[4] + "\n";
    }
    return out;
  }
  static std::string chain(const List& edges) {
    std::string out;
    for (std::size_t i = 0; i < edges.size(); ++i) {
      const bool is_last = i + 1 == edges.size();
      out += std::string("  ") + (is_last ? "but " : "    ") + text_at(edges[i], "from") + " < " +
             text_at(edges[i], "to") + ", because " + text_at(edges[i], "text") +
             (is_last ? ": a contradiction\n" : "\n");
    }
    return out;
  }

  void check_edges(const Verdict& verdict) const {
    const List& edges = list_at(case_, "edges");
    for (const Value& edge : edges) check_edge(edge);
    if (find(case_, "transaction") == nullptr) check_circle(edges);
    const Value* branches = find(case_, "branches");
    if (branches == nullptr) return;
    CHECK(edges.empty());
    for (const Value& branch : *branches->list()) {
      for (const Value& given : list_at(branch, "given")) {
        CHECK(text_at(given, "text") == to_text(at(given, "before")) + " was before " +
                                            to_text(at(given, "after")) + " in key " +
                                            to_text(at(given, "key")));
        CHECK(verdict.explanation.find(text_at(given, "text") + ":\n") != std::string::npos);
      }
      const List& circle = list_at(branch, "edges");
      REQUIRE(!circle.empty());
      for (const Value& edge : circle) {
        check_edge(edge);
        if (text_at(edge, "source") == "assumed") CHECK(is_given(branch, edge));
        CHECK(verdict.explanation.find(text_at(edge, "from") + " < " + text_at(edge, "to") +
                                       ", because " + text_at(edge, "text")) != std::string::npos);
      }
      check_circle(circle);
    }
  }

  void check_offence() const {
    const Value* who = find(case_, "transaction");
    if (who == nullptr) return;
    const std::string sentence = text_at(case_, "sentence"), name = text_at(case_, "anomaly");
    const OperationId row = row_of(*who);
    CHECK(sentence.find(to_text(at(case_, "key"))) != std::string::npos);
    const Value* other = find(case_, "other");
    const Value* value = find(case_, "value");
    const bool is_cyclic = name.starts_with("cyclic-versions");
    if (!is_cyclic) {
      // Whoever the sentence names, and nobody else.
      for (const Value& t : list_at(case_, "transactions")) {
        // What was there at first is told without who recorded it.
        const bool is_other = other != nullptr && at(t, "name") == *other &&
                              sentence.find(", which was there at first") == sentence.npos;
        const bool is_named = at(t, "name") == *who || is_other;
        CHECK((sentence.find("(" + text_at(t, "name") + ")") != std::string::npos) == is_named);
      }
      CHECK((find(case_, "operation") != nullptr || name == "dirty-update"));
    }
    CHECK((find(case_, "edges_left_out") != nullptr) == sentence.ends_with(", …"));
    if (value != nullptr)
      CHECK((sentence.find(to_text(*value)) != std::string::npos ||
             (value->is_nil() && sentence.find("nothing") != std::string::npos) ||
             name == "dirty-update"));
    if (const Value* operation = find(case_, "operation")) check_operation(*operation, row);
    if (name == "G1a" || name == "dirty-update") {
      REQUIRE(other != nullptr);
      CHECK(history_.fate()[row_of(*other)] == Fate::fail);
    }
    if (name == "G1a" || name == "G1b") {
      REQUIRE(value != nullptr);
      CHECK(wrote(row_of(*other), at(case_, "key"), *value));
      CHECK(met(row, at(case_, "key"), *value));
    }
    if (name == "dirty-update" || name == "G-cursor") {
      REQUIRE(value != nullptr);
      CHECK(wrote(row, at(case_, "key"), *value));
    }
    if (name == "garbage-read" || name == "future-read" || name == "duplicate-elements") {
      REQUIRE(value != nullptr);
      CHECK(met(row, at(case_, "key"), *value));
    }
    if (name == "incompatible-order") {
      CHECK(value == nullptr);
      check_operation(at(case_, "other_operation"), row_of(*other));
    }
    for (const Value& edge : list_at(case_, "edges"))
      CHECK(sentence.find(text_at(edge, "text")) != std::string::npos);
    if (!is_cyclic) return;
    CHECK(!list_at(case_, "edges").empty());
    CHECK(find(case_, "operation") == nullptr);
  }

 private:
  static std::string moment(const Value& t, const char* time, const char* index) {
    if (at(t, index).is_nil()) return "?";
    if (at(t, time).is_nil()) return "event " + to_text(at(t, index));
    char buffer[64];
    std::snprintf(buffer, sizeof buffer, "%.3f s", static_cast<double>(number_at(t, time)) / 1e9);
    return buffer;
  }

  OperationId row_of(const Value& name) const {
    REQUIRE(name.text() != nullptr);
    const List& all = list_at(case_, "transactions");
    for (std::size_t i = 0; i < all.size(); ++i)
      if (text_at(all[i], "name") == *name.text()) return rows_[i];
    FAIL("nobody is called " << *name.text());
    return 0;
  }

  /// What a transaction did, as it stands in the history.
  List micros(OperationId row) const {
    const bool is_ok = history_.fate()[row] == Fate::ok;
    const Value value =
        history_.values().value(is_ok ? history_.output()[row] : history_.argument()[row]);
    if (value.list() != nullptr) return *value.list();
    List all;
    for (const auto& [key, written] : *value.map()) {
      List one;
      one.push_back("w");
      one.push_back(key);
      one.push_back(written);
      all.emplace_back(std::move(one));
    }
    return all;
  }
  static const List& parts(const Value& micro) { return *micro.list(); }
  static Value content(const Value& micro) {
    return parts(micro).size() > 2 ? parts(micro)[2] : Value();
  }
  /// The rows that it found, as pairs.
  static std::vector<std::pair<Value, Value>> found(const Value& micro) {
    std::vector<std::pair<Value, Value>> all;
    const Value rows = content(micro);
    if (rows.map() != nullptr)
      for (const auto& [key, value] : *rows.map()) all.emplace_back(Value(key), value);
    if (rows.list() != nullptr)
      for (const Value& row : *rows.list()) all.emplace_back((*row.list())[0], (*row.list())[1]);
    return all;
  }
  static bool is_search(const Value& micro) {
    const std::string& name = *parts(micro)[0].text();
    return name == "rp" || name.ends_with("-where");
  }

  void check_operations(const Value& t, OperationId row) const {
    const List all = micros(row), &told = list_at(t, "operations");
    const Value* left_out = find(t, "operations_left_out");
    CHECK(told.size() +
              (left_out == nullptr ? 0 : static_cast<std::size_t>(*left_out->integer())) ==
          all.size());
    CHECK(told.size() == std::min<std::size_t>(all.size(), 8));
    for (std::size_t i = 0; i < told.size(); ++i)
      CHECK_MESSAGE(is_told(told[i], all[i], row), to_text(told[i]));
  }
  void check_operation(const Value& told, OperationId row) const {
    bool is_there = false;
    for (const Value& micro : micros(row)) is_there = is_there || is_told(told, micro, row);
    CHECK_MESSAGE(is_there, to_text(told));
  }
  bool is_told(const Value& told, const Value& micro, OperationId row) const {
    const bool is_ok = history_.fate()[row] == Fate::ok;
    std::string kind = *parts(micro)[0].text();
    if (kind == "rp") kind = "r-where";
    if (kind == "insert") kind = "w";
    if (text_at(told, "kind") != kind) return false;
    if (is_search(micro)) return is_search_told(told, micro, is_ok);
    if (at(told, "key") != parts(micro)[1]) return false;
    const Value* value = find(told, "value");
    if (kind == "delete" || (kind == "r" && !is_ok)) return value == nullptr;
    return value != nullptr && is_value(*value, find(told, "value_left_out"), content(micro));
  }
  static bool is_search_told(const Value& told, const Value& micro, bool is_ok) {
    if (at(told, "predicate") != parts(micro)[1]) return false;
    if (!is_ok) return find(told, "rows") == nullptr;
    const auto rows = found(micro);
    const List& some = list_at(told, "rows");
    const Value* left_out = find(told, "rows_left_out");
    if (some.size() + (left_out == nullptr ? 0 : static_cast<std::size_t>(*left_out->integer())) !=
        rows.size())
      return false;
    for (std::size_t i = 0; i < some.size(); ++i)
      if ((*some[i].list())[0] != rows[i].first || (*some[i].list())[1] != rows[i].second)
        return false;
    return some.size() == std::min<std::size_t>(rows.size(), 4);
  }
  /// Of a list its last items may be told alone.
  static bool is_value(const Value& told, const Value* left_out, const Value& whole) {
    if (told.list() == nullptr) return told == whole;
    const List none, &all = whole.list() == nullptr ? none : *whole.list(), &some = *told.list();
    const std::size_t missing =
        left_out == nullptr ? 0 : static_cast<std::size_t>(*left_out->integer());
    return some.size() == std::min<std::size_t>(all.size(), 6) &&
           some.size() + missing == all.size() &&
           std::equal(some.begin(), some.end(), all.begin() + static_cast<std::ptrdiff_t>(missing));
  }

  bool wrote(OperationId row, const Value& key, const Value& value) const {
    for (const Value& micro : micros(row)) {
      const std::string& name = *parts(micro)[0].text();
      if (name == "append" || name == "w" || name == "insert") {
        if (parts(micro)[1] == key && content(micro) == value) return true;
      } else if (name == "delete" && parts(micro)[1] == key && value.is_nil()) {
        return true;
      } else if (name == "delete-where" && value.is_nil()) {
        for (const auto& [k, v] : found(micro))
          if (k == key) return true;
      }
    }
    return false;
  }
  /// Read it, or a list with it, or found it.
  bool met(OperationId row, const Value& key, const Value& value) const {
    for (const Value& micro : micros(row)) {
      if (is_search(micro)) {
        for (const auto& [k, v] : found(micro))
          if (k == key && v == value) return true;
      } else if (*parts(micro)[0].text() == "r" && parts(micro)[1] == key) {
        const Value read = content(micro);
        if (read == value) return true;
        if (read.list() != nullptr && std::ranges::find(*read.list(), value) != read.list()->end())
          return true;
      }
    }
    return false;
  }
  /// Read just that: a list that ends so, a value; or looked for it and did not find it.
  bool saw(OperationId row, const Value& edge, const Value& value) const {
    for (const Value& micro : micros(row)) {
      if (const Value* predicate = find(edge, "predicate")) {
        if (!is_search(micro) || parts(micro)[1] != *predicate) continue;
        const bool is_missed = text_at(edge, "source") == "predicate";
        bool is_found = false, is_it = false;
        for (const auto& [k, v] : found(micro)) {
          is_found = is_found || k == at(edge, "key");
          is_it = is_it || (k == at(edge, "key") && v == value);
        }
        if (is_missed ? !is_found : is_it) return true;
      } else if (!is_search(micro) && *parts(micro)[0].text() == "r" &&
                 parts(micro)[1] == at(edge, "key")) {
        const Value read = content(micro);
        if (is_value(value, find(edge, "before_left_out"), read)) return true;
        if (read.list() != nullptr && !read.list()->empty() && read.list()->back() == value)
          return true;
      }
    }
    return false;
  }

  void check_edge(const Value& edge) const {
    CAPTURE(to_text(edge));
    const OperationId from = row_of(at(edge, "from")), to = row_of(at(edge, "to"));
    CHECK(from != to);
    const std::string kind = text_at(edge, "kind"), source = text_at(edge, "source");
    if (kind == "process") {
      CHECK(source == kind);
      CHECK(history_.process()[from] == history_.process()[to]);
      CHECK(history_.begin()[from] < history_.begin()[to]);
      return;
    }
    if (kind == "realtime") {
      CHECK(source == kind);
      CHECK(history_.end()[from] < history_.begin()[to]);
      return;
    }
    static const std::set<std::string> sources{"list",    "unread",   "read",     "initial",
                                               "reads",   "process",  "known",    "realtime",
                                               "assumed", "versions", "predicate"};
    CHECK(sources.contains(source));
    CHECK((kind == "wr") == (find(edge, "after") == nullptr));
    if (kind != "rw") CHECK(wrote(from, at(edge, "key"), at(edge, "before")));
    if (kind == "rw") CHECK(saw(from, edge, at(edge, "before")));
    if (kind == "wr") CHECK(saw(to, edge, at(edge, "before")));
    if (kind != "wr") CHECK(wrote(to, at(edge, "key"), at(edge, "after")));
    if (source == "initial") CHECK(at(edge, "before").is_nil());
    if (source == "read") CHECK(kind == "wr");
    for (const char* who : {"by", "through"})
      if (const Value* names = find(edge, who))
        for (const Value& name : *names->list()) {
          (void)row_of(name);
          const bool is_named = text_at(edge, "text").find(*name.text()) != std::string::npos;
          CHECK((is_named || (kind == "rw" && source == "initial")));
        }
    const std::string text = text_at(edge, "text");
    CHECK((source == "process") == (text.find(" of the same process met ") != text.npos));
    CHECK((find(edge, "through") != nullptr) == (text.find(" through ") != text.npos));
    if (source == "list" || source == "unread") {
      bool is_read = false;
      for (OperationId row = 0; row < history_.size(); ++row)
        is_read = is_read || (history_.fate()[row] == Fate::ok &&
                              met(row, at(edge, "key"), at(edge, "after")));
      CHECK((source == "list") == is_read);
    }
    if (source == "reads" || source == "known" || source == "process" || source == "realtime")
      check_by(edge, source, text);
  }
  /// By whom it is known: as the text has it.
  static void check_by(const Value& edge, const std::string& source, const std::string& text) {
    const List& by = list_at(edge, "by");
    const auto says = [&](const std::string& part) { return text.find(part) != text.npos; };
    REQUIRE(by.size() == (source == "process" || source == "realtime" ? 2u : 1u));
    const std::string first = *by.front().text(), last = *by.back().text();
    if (source == "reads") CHECK(says(first + " read "));
    if (source == "process")
      CHECK((says(first + " of the same process met ") && says(" before " + last + " met ")));
    if (source == "realtime")
      CHECK((says(first + " met ") && says(", " + last + " met ") && says(first + " had ended")));
    if (source != "known") return;
    const Value* through = find(edge, "through");
    if (through == nullptr) {
      CHECK((says(first + " read of ") || says(first + " came after ")));
      return;
    }
    std::string names;
    const List& all = *through->list();
    for (std::size_t i = 0; i < all.size(); ++i)
      names += (i == 0 ? "" : i + 1 == all.size() ? " and " : ", ") + *all[i].text();
    CHECK(says(" through " + names + ","));
    CHECK(says(first + " knew of "));
  }
  static void check_circle(const List& edges) {
    for (std::size_t i = 0; i < edges.size(); ++i)
      CHECK(at(edges[i], "to") == at(edges[(i + 1) % edges.size()], "from"));
  }
  static bool is_given(const Value& branch, const Value& edge) {
    for (const Value& given : list_at(branch, "given"))
      if (at(given, "key") == at(edge, "key") && at(given, "before") == at(edge, "before") &&
          at(given, "after") == at(edge, "after"))
        return true;
    return false;
  }

  const History& history_;
  const Value& case_;
  std::vector<OperationId> rows_;  ///< Of its transactions.
};

inline std::size_t count(const std::string& text, const std::string& part) {
  std::size_t times = 0;
  for (std::size_t from = 0; (from = text.find(part, from)) != text.npos; from += part.size())
    ++times;
  return times;
}

/// The weakest that it rules out.
inline void check_not(const Value& one) {
  const auto names = transactional::anomaly_names();
  const auto at_name = std::ranges::find(names, text_at(one, "anomaly"));
  REQUIRE(at_name != names.end());
  List expected;
  for (const std::string& model : transactional::weakest_of(transactional::ruled_out_by(
           static_cast<transactional::Anomaly>(at_name - names.begin()))))
    expected.emplace_back(model);
  CHECK(at(one, "not") == Value(expected));
}

/// Of a verdict on transactions.
inline void check(const History& history, const Verdict& verdict) {
  CAPTURE(verdict.explanation);
  if (verdict.validity != Validity::invalid) {
    CHECK(verdict.cases.empty());
    return;
  }
  std::vector<std::pair<std::string, std::uint64_t>> anomalies;
  std::string whole;
  std::size_t branch_edges = 0;
  bool has_branches = false;
  for (const Value& one : verdict.cases) {
    CAPTURE(to_text(one));
    anomalies.emplace_back(text_at(one, "anomaly"),
                           static_cast<std::uint64_t>(number_at(one, "count")));
    const Agreement agreement(history, one);
    agreement.check_transactions();
    agreement.check_edges(verdict);
    agreement.check_offence();
    if (anomalies.size() == 1) {
      CHECK(verdict.summary == anomalies[0].first + ": " + text_at(one, "sentence"));
      auto rows = agreement.rows();
      std::ranges::sort(rows);
      CHECK(verdict.witness == rows);
    }
    check_not(one);
    whole += (whole.empty() ? "" : "\n") + agreement.text();
    if (const Value* branches = find(one, "branches")) {
      has_branches = true;
      for (const Value& branch : *branches->list()) branch_edges += list_at(branch, "edges").size();
      CHECK(verdict.explanation.find(anomalies.back().first + ": let\n" + agreement.table()) !=
            std::string::npos);
      CHECK((branches->list()->empty() == (find(one, "more_branches_than") != nullptr)));
    }
    branch_edges += find(one, "transaction") == nullptr ? list_at(one, "edges").size() : 0;
  }
  std::ranges::sort(anomalies);
  CHECK(anomalies == verdict.anomalies);
  CHECK(count(verdict.explanation, ", because ") == branch_edges);
  if (!verdict.incomplete.empty()) whole += "\nnot finished: " + verdict.incomplete + "\n";
  if (!has_branches) CHECK(whole == verdict.explanation);
}

}  // namespace faultline::told_cases
