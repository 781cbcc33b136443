// Sequential specifications of objects, for the general engine: what state an object begins in, and
// how one operation after another changes it. One file per model in models/, one line in
// models/list.def. The engine numbers states and remembers every step, so a model may be slow and
// plain; it must be right.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "checkers/linearizable/operation.h"
#include "checkers/linearizable/passage.h"

namespace faultline::linearizable {

/// A state is a few numbers whose meaning only its model knows. Equal states must be equal numbers:
/// unequal ones of the same meaning would only cost time.
using State = std::vector<std::uint32_t>;
using StateView = std::span<const std::uint32_t>;

/// The specification of one object, made for its operations. Not thread-safe: a model may keep
/// tables of its own.
class Model {
 public:
  virtual ~Model() = default;

  /// `state` is empty on entry.
  virtual void begin(State& state) = 0;
  /// May the operation happen in `state`, with the answer that it gave (an info gave none, so any)?
  /// Then `next`, empty on entry, is the state after it. Deterministic.
  virtual bool step(StateView state, const Operation& operation, State& next) = 0;
  /// It never changes the state, whatever that is. When in doubt, false.
  virtual bool observes(const Operation& operation) const = 0;
  /// Of an info: from any linearization in which it happens later than this, it can be left out,
  /// and perhaps other infos with it. 0: from any at all. When in doubt, `never`.
  virtual Position useful_until(const Operation&) const { return never; }
  /// Promises, of a take: whenever the state allows it, it can happen at once. Of a put and its
  /// take: whenever the state after both is the same, they can happen at once.
  virtual Passage passage(const Operation&) const { return {}; }
  /// A guess how hard it will be to go on from this state: the smaller, the better. Decides only
  /// what is tried first.
  virtual std::uint64_t strain(StateView) const { return 0; }
};

/// What a model may be told besides the operations.
struct Setup {
  Value initial;  ///< nil unless configured.
};

/// What of a linearizable history can be left out so that the rest is one as well, besides
/// operations that only observe.
enum class Parts : std::uint8_t {
  observers,  ///< Nothing else.
  by_value,   ///< All operations about one value.
  by_hold,    ///< An acquire with its release, unless somebody was refused.
};

/// Everything about a model that does not depend on a history.
struct ModelTraits {
  std::vector<Function> functions;  ///< What may be asked of the object.
  std::vector<Function> refusable;  ///< Of those, the ones whose refusal says something.
  /// … and the ones whose refusal says nothing, but may well occur: it changes no verdict.
  std::vector<Function> ignorable;
  /// Who asks matters, not only what.
  bool by_process = false;
  /// So does when: nanoseconds, not only which came first.
  bool by_time = false;
  Parts parts = Parts::observers;
  /// In place of `parts`: places of operations that go together, each way to leave some out by
  /// itself. Any number of them together must be sound too.
  std::vector<std::vector<std::size_t>> (*units)(const Operations&) = nullptr;
  /// What is wrong with the operation's argument or answer, as "expected …"; empty if nothing.
  std::string (*objection)(const Operation&, const Operations&) = nullptr;
  /// nullopt: fine; else what is wrong with the initial value, as "expected …".
  std::optional<std::string> (*initial_objection)(const Value&) = nullptr;
  std::unique_ptr<Model> (*make)(const Operations&, const Setup&) = nullptr;
  /// Its engine in linear or almost linear time, if it has one, with that engine's name.
  Decision (*fast)(const Operations&, Meter&, const Setup&) = nullptr;
  std::string_view fast_name;
};

struct ModelEntry {
  std::string_view name, doc;
  ModelTraits (*traits)();
};

#define MODEL(file, name, doc) ModelTraits file##_traits();
#include "checkers/linearizable/models/list.def"
#undef MODEL

/// Of models/list.def, in its order.
std::span<const ModelEntry> model_entries();
const ModelEntry* find_model(std::string_view name);

// For models and for those who explain them.

/// What an ok operation answered; nil where it is nil.
inline ValueHandle output_of(const Operation& o, const Operations& all) {
  return o.output == no_value ? ValueHandle::nil() : all.values[o.output];
}
inline ValueHandle argument_of(const Operation& o, const Operations& all) {
  return o.argument == no_value ? ValueHandle::nil() : all.values[o.argument];
}
inline bool is_integer(ValueHandle h) {
  return h.kind() == ValueHandle::Kind::integer || h.kind() == ValueHandle::Kind::big_integer;
}
inline bool is_list(ValueHandle h) { return h.kind() == ValueHandle::Kind::list; }
/// true, false, or neither: an echo, or nothing.
std::optional<bool> truth_of(const Operation& o, const Operations& all);

}  // namespace faultline::linearizable
