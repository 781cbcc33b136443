// The two ways to check a history: as registers, which have engines of their own, and as objects of
// any model.
#pragma once

#include "checkers/linearizable/model.h"

namespace faultline::linearizable {

enum class Engine : std::uint8_t { automatic, zones, search, general };

struct Options {
  Engine engine = Engine::automatic;
  std::string model;  ///< As configured; "auto": what the history's operations say.
  Setup setup;
};

/// A register or cas-register per key: each key goes to the zones where its values are unique
/// (linear time), else to the search; the worst key decides.
void check_registers(const History& history, const Budget& budget, const Options& options,
                     Verdict& verdict);

/// An object of the model per key: each goes to the model's fast engine where it has one that
/// applies, else to the general engine; the worst key decides.
void check_objects(const History& history, const Budget& budget, const Options& options,
                   const ModelEntry& model, Verdict& verdict);

/// What the history's operations say of the model.
struct Inference {
  const ModelEntry* model = nullptr;  ///< nullptr: they do not say, or say nothing that fits.
  std::string why_not;                ///< A sentence with the candidates.
};
Inference infer_model(const History& history);

}  // namespace faultline::linearizable
