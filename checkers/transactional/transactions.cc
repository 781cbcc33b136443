#include "checkers/transactional/transactions.h"

#include <algorithm>
#include <bit>
#include <optional>

#include <boost/unordered/unordered_flat_map.hpp>

#include "checkers/transactional/prefixes.h"

namespace faultline::transactional {
namespace {

std::uint64_t mixed(std::uint64_t bits) {
  bits = (bits ^ bits >> 32) * 0x9e3779b97f4a7c15ull;
  return bits ^ bits >> 29;
}

}  // namespace

/// Takes the history apart, row by row.
class Transactions::Reader {
 public:
  Reader(Transactions& into, Objects objects, Prefixes* prefixes)
      : into_(into),
        history_(*into.history_),
        pool_(history_.values()),
        words_(words_of(objects)),
        prefixes_(prefixes) {}

  void read() {
    const std::size_t rows = history_.size();
    into_.offsets_.reserve(rows + 1);
    into_.offsets_.push_back(0);
    reserve();
    for (std::size_t row = 0; row < rows; ++row) {
      ask_for_later_rows(row);
      if (!read_row(row)) {
        into_.offsets_.assign(1, 0);
        into_.micro_.clear(), into_.appends_.clear(), into_.keys_.clear();
        into_.searches_.clear(), into_.found_.clear();
        return;
      }
      into_.offsets_.push_back(into_.micro_.size());
    }
  }

 private:
  struct Words {
    Objects objects;
    std::string_view of, write;
    const char *write_form, *read_form;
  };
  static Words words_of(Objects objects) {
    if (objects == Objects::lists)
      return {objects, "appends and reads of lists", "append", "[\"append\", key, element]",
              "[\"r\", key, list]"};
    if (objects == Objects::rows)
      return {objects, "rows that are written, deleted, read and looked for", "w",
              "[\"w\" or \"insert\", key, value that is not null], [\"delete\", key]",
              "[\"r\", key, value], [\"r-where\" or \"delete-where\" or \"rp\", predicate, rows]"};
    return {objects, "writes and reads of registers", "w", "[\"w\", key, value that is not null]",
            "[\"r\", key, value]"};
  }

  /// The transaction with what became of it, or as it was asked for.
  ValueHandle transaction_of(std::size_t row) const {
    return history_.fate()[row] == Fate::ok ? history_.output()[row] : history_.argument()[row];
  }

  /// Room for as many micro-operations as there are likely to be: they are many megabytes, and
  /// moving them costs as much as writing them.
  void reserve() {
    constexpr std::size_t sample_every = 64;
    const std::size_t rows = history_.size();
    std::size_t sampled = 0, micros = 0;
    for (std::size_t row = 0; row < rows; row += sample_every, ++sampled)
      if (const ValueHandle value = transaction_of(row); value.is_compound())
        micros += pool_.items(value).size();
    if (sampled < sample_every) return;
    const std::size_t expected = rows / sampled * micros / 16 * 17;
    into_.micro_.reserve(expected);
    into_.appends_.reserve(expected / 2);
    if (prefixes_ != nullptr) prefixes_->reserve(expected);
  }

  /// A transaction is a list of lists that may hold lists, far from each other: what comes next is
  /// on its way from memory while this row is read.
  void ask_for_later_rows(std::size_t row) const {
    constexpr std::size_t list_ahead = 24, parts_ahead = 16, read_ahead = 8;
    const std::size_t rows = history_.size();
    if (row + list_ahead < rows) pool_.prefetch(transaction_of(row + list_ahead), 5);
    if (row + parts_ahead < rows) {
      const ValueHandle value = transaction_of(row + parts_ahead);
      if (value.is_compound())
        for (const ValueHandle item : pool_.items(value)) pool_.prefetch(item, 4);
    }
    if (row + read_ahead < rows) {
      const ValueHandle value = transaction_of(row + read_ahead);
      if (!value.is_compound()) return;
      for (const ValueHandle item : pool_.items(value)) {
        if (!item.is_compound()) continue;
        const auto parts = pool_.items(item);
        if (parts.size() == 3) pool_.prefetch(parts[2], 64);
      }
    }
  }

  bool may_be_read(ValueHandle value) const {
    if (words_.objects != Objects::lists) return !value.is_compound();
    return value.is_nil() || value.kind() == ValueHandle::Kind::list;
  }

  bool refuse(std::size_t row, const std::string& why) {
    into_.unsupported_ = "not a history of " + std::string(words_.of) +
                         ": the operation with invoke index " +
                         std::to_string(history_.index_of(history_.begin()[row])) + " " + why;
    return false;
  }

  bool read_row(std::size_t row) {
    const bool is_ok = history_.fate()[row] == Fate::ok;
    const ValueHandle value = transaction_of(row);
    if (words_.objects == Objects::rows && into_.is_initial(static_cast<Transaction>(row)))
      return read_initial(row) || refuse(row, "has at first what is no value");
    if (value.kind() != ValueHandle::Kind::list)
      return refuse(row, "has the value " + pool_.to_text(value) + ", expected a list of " +
                             words_.write_form + " and " + words_.read_form);
    for (const ValueHandle item : pool_.items(value))
      if (!read_micro(row, item, is_ok)) return false;
    return true;
  }

  bool read_micro(std::size_t row, ValueHandle item, bool is_ok) {
    const auto wrong = [&] {
      return refuse(row, "has the micro-operation " + pool_.to_text(item) + ", expected " +
                             words_.write_form + " or " + words_.read_form);
    };
    if (item.kind() != ValueHandle::Kind::list) return wrong();
    const auto parts = pool_.items(item);
    if (words_.objects == Objects::rows)
      if (const auto done = read_row_access(row, parts, is_ok)) return *done || wrong();
    if (parts.size() < 2 || parts.size() > 3 || parts[1].is_compound()) return wrong();
    const ValueHandle last = parts.size() == 3 ? parts[2] : ValueHandle();
    MicroOperation micro{last, key_of(parts[1]), no_append};
    if (is_named(parts[0], words_.write, append_)) {
      if (last.is_nil() || last.is_compound()) return wrong();
      micro.append = static_cast<AppendId>(into_.appends_.size());
      into_.appends_.push_back({last, micro.key, static_cast<Transaction>(row)});
      if (prefixes_ != nullptr) prefixes_->skip();
    } else if (is_named(parts[0], "r", read_)) {
      if (is_ok && !may_be_read(last)) return wrong();
      if (!is_ok) micro.value = {};
      into_.reads_ += is_ok;
      if (prefixes_ != nullptr) tell_of(micro, static_cast<Transaction>(row), is_ok);
    } else {
      return wrong();
    }
    into_.micro_.push_back(micro);
    return true;
  }

  void add_write(std::size_t row, ValueHandle key, ValueHandle value) {
    const MicroOperation micro{value, key_of(key), static_cast<AppendId>(into_.appends_.size())};
    into_.appends_.push_back({value, micro.key, static_cast<Transaction>(row)});
    into_.micro_.push_back(micro);
  }
  bool read_initial(std::size_t row) {
    const auto pairs = pool_.items(history_.argument()[row]);
    for (std::size_t i = 0; i + 1 < pairs.size(); i += 2) {
      if (pairs[i].is_compound() || pairs[i + 1].is_compound() || pairs[i + 1].is_nil())
        return false;
      add_write(row, pairs[i], pairs[i + 1]);
    }
    return true;
  }

  /// What registers do not have. Nothing if it is none of that; false if it is, and wrong.
  std::optional<bool> read_row_access(std::size_t row, std::span<const ValueHandle> parts,
                                      bool is_ok) {
    if (parts.empty() || parts[0].kind() != ValueHandle::Kind::text) return std::nullopt;
    const std::string_view name = pool_.as_text(parts[0]);
    const auto is_key = [&] { return !parts[1].is_compound(); };
    if (name == "insert") {
      const bool fine =
          parts.size() == 3 && is_key() && !parts[2].is_nil() && !parts[2].is_compound();
      if (fine) add_write(row, parts[1], parts[2]);
      return fine;
    }
    if (name == "delete") {
      const bool fine = parts.size() >= 2 && parts.size() <= 3 && is_key();
      if (fine) add_write(row, parts[1], {});
      return fine;
    }
    if (name != "r-where" && name != "rp" && name != "delete-where") return std::nullopt;
    if (parts.size() < 2 || parts.size() > 3) return false;
    return read_search(parts, name == "delete-where", is_ok);
  }

  /// What it found is [[key, value], …] or {key: value, …}.
  bool read_search(std::span<const ValueHandle> parts, bool deletes, bool is_ok) {
    RowSearch search{parts[1], into_.found_.size(), 0, deletes};
    const ValueHandle rows = is_ok && parts.size() == 3 ? parts[2] : ValueHandle();
    const auto items = rows.is_compound() ? pool_.items(rows) : std::span<const ValueHandle>();
    if (is_ok && !rows.is_compound() && !rows.is_nil()) return false;
    if (rows.kind() == ValueHandle::Kind::map) {
      for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
        if (items[i].is_compound() || items[i + 1].is_compound() || items[i + 1].is_nil())
          return false;
        into_.found_.push_back({key_of(items[i]), items[i + 1]});
      }
    } else {
      for (const ValueHandle item : items) {
        if (item.kind() != ValueHandle::Kind::list || pool_.items(item).size() != 2) return false;
        const auto pair = pool_.items(item);
        if (pair[0].is_compound() || pair[1].is_compound() || pair[1].is_nil()) return false;
        into_.found_.push_back({key_of(pair[0]), pair[1]});
      }
    }
    search.end = into_.found_.size();
    into_.reads_ += is_ok;
    const auto number = static_cast<KeyIndex>(into_.searches_.size());
    into_.searches_.push_back(search);
    into_.micro_.push_back({rows, MicroOperation::search_bit | number, no_append});
    return true;
  }

  void tell_of(const MicroOperation& read, Transaction t, bool is_ok) {
    if (is_ok)
      prefixes_->read(read.key, t, into_.list(read));
    else
      prefixes_->skip();
  }

  /// Texts are interned, so that the handle of a name that was seen is the name.
  bool is_named(ValueHandle name, std::string_view text, ValueHandle& seen) const {
    if (name == seen) return true;
    if (name.kind() != ValueHandle::Kind::text || pool_.as_text(name) != text) return false;
    seen = name;
    return true;
  }

  KeyIndex key_of(ValueHandle key) {
    constexpr std::int64_t direct_max = 1 << 22;
    const bool is_direct =
        key.is_small_integer() && key.small_integer() >= 0 && key.small_integer() < direct_max;
    KeyIndex* at = nullptr;
    if (is_direct) {
      const auto place = static_cast<std::size_t>(key.small_integer());
      if (place >= direct_.size()) direct_.resize(std::max(place + 1, 2 * direct_.size()), unknown);
      at = &direct_[place];
    } else {
      at = &others_.try_emplace(key.bits(), unknown).first->second;
    }
    if (*at == unknown) {
      *at = static_cast<KeyIndex>(into_.keys_.size());
      into_.keys_.push_back(key);
    }
    return *at;
  }

  static constexpr KeyIndex unknown = 0xffffffffu;

  Transactions& into_;
  const History& history_;
  const ValuePool& pool_;
  const Words words_;
  Prefixes* const prefixes_;
  mutable ValueHandle append_ = ValueHandle::of_bits(~std::uint64_t{0});
  mutable ValueHandle read_ = append_;
  std::vector<KeyIndex> direct_;
  boost::unordered_flat_map<std::uint64_t, KeyIndex> others_;
};

Transactions::Transactions(const History& history, Objects objects, Prefixes* prefixes)
    : history_(&history) {
  Reader(*this, objects, prefixes).read();
}

bool Transactions::has_micro(const History& history, std::size_t row, std::string_view name) {
  const ValuePool& pool = history.values();
  const ValueHandle value = history.argument()[row];
  if (value.kind() != ValueHandle::Kind::list) return false;
  return std::ranges::any_of(pool.items(value), [&](ValueHandle item) {
    if (item.kind() != ValueHandle::Kind::list || pool.items(item).size() != 3) return false;
    const ValueHandle first = pool.items(item)[0];
    return first.kind() == ValueHandle::Kind::text && pool.as_text(first) == name;
  });
}

void Transactions::take_for_nil(std::int64_t initial) {
  for (MicroOperation& m : micro_)
    if (!m.is_append() && m.value.is_small_integer() && m.value.small_integer() == initial)
      m.value = {};
}

std::uint64_t Transactions::bytes() const {
  return offsets_.capacity() * sizeof(std::uint64_t) + micro_.capacity() * sizeof(MicroOperation) +
         appends_.capacity() * sizeof(Append) + keys_.capacity() * sizeof(ValueHandle) +
         searches_.capacity() * sizeof(RowSearch) + found_.capacity() * sizeof(FoundRow);
}

Elements::Elements(const Transactions& transactions)
    : transactions_(&transactions), tables_(transactions.key_count()) {
  struct Range {
    std::int64_t lowest = INT64_MAX, highest = INT64_MIN;
    std::uint64_t count = 0;
    bool integers = true;
  };
  std::vector<Range> ranges(tables_.size());
  for (const Append& append : transactions.appends()) {
    Range& range = ranges[append.key];
    ++range.count;
    if (!append.element.is_small_integer()) {
      range.integers = false;
      continue;
    }
    range.lowest = std::min(range.lowest, append.element.small_integer());
    range.highest = std::max(range.highest, append.element.small_integer());
  }
  std::uint64_t total = 0;
  for (std::size_t k = 0; k < tables_.size(); ++k) {
    Table& table = tables_[k];
    const Range& range = ranges[k];
    const bool integers = range.count > 0 && range.integers;
    const std::uint64_t span =
        integers ? static_cast<std::uint64_t>(range.highest - range.lowest) + 1 : 0;
    table.begin = total;
    table.is_direct = integers && span <= 4 * range.count + 64;
    table.lowest = range.lowest;
    table.size = table.is_direct ? span : range.count > 0 ? std::bit_ceil(2 * range.count) : 0;
    total += table.size;
  }
  slots_.assign(total, no_append);
  const auto appends = transactions.appends();
  for (AppendId a = 0; a < appends.size(); ++a) {
    AppendId& at = slots_[place_of(tables_[appends[a].key], appends[a].element)];
    if (at != no_append && repeated_ == no_append) repeated_ = at, repeated_by_ = a;
    at = a;
  }
}

/// Where the element is, or would be. Half of the slots of a hashed table are free.
std::uint64_t Elements::place_of(const Table& table, ValueHandle element) const {
  if (table.is_direct)
    return table.begin + static_cast<std::uint64_t>(element.small_integer() - table.lowest);
  const auto appends = transactions_->appends();
  std::uint64_t at = mixed(element.bits()) & (table.size - 1);
  while (slots_[table.begin + at] != no_append &&
         appends[slots_[table.begin + at]].element != element)
    at = (at + 1) & (table.size - 1);
  return table.begin + at;
}

AppendId Elements::find(KeyIndex key, ValueHandle element) const {
  const Table& table = tables_[key];
  if (table.size == 0) return no_append;
  if (table.is_direct &&
      (!element.is_small_integer() || element.small_integer() < table.lowest ||
       static_cast<std::uint64_t>(element.small_integer() - table.lowest) >= table.size))
    return no_append;
  return slots_[place_of(table, element)];
}

std::uint64_t Elements::bytes() const {
  return tables_.capacity() * sizeof(Table) + slots_.capacity() * sizeof(AppendId);
}

}  // namespace faultline::transactional
