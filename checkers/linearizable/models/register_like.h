// What register, cas-register and key-value have in common: one value.
#pragma once

#include "checkers/linearizable/model.h"

namespace faultline::linearizable {

/// `with_revisions`: answers may be maps {"value": …, "revision": n}, where every change gives the
/// entry a revision larger than before.
std::unique_ptr<Model> make_register_like(const Operations& all, const Setup& setup,
                                          bool with_revisions);
std::string register_like_objection(const Operation& o, const Operations& all);

/// As in an answer that carries one; nullopt if it carries none.
std::optional<std::int64_t> revision_of(ValueHandle answer, const ValuePool& pool);
/// The answer without its revision.
ValueHandle value_of(ValueHandle answer, const ValuePool& pool);

}  // namespace faultline::linearizable
