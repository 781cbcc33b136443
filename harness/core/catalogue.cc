#include "harness/core/catalogue.h"

#include "harness/core/text.h"

namespace faultline {

Error unknown_component(std::string_view kind, std::string_view name,
                        std::span<const std::string_view> names) {
  std::string what = "unknown " + std::string(kind) + " \"" + std::string(name) + "\"";
  if (const auto near = nearest_word(name, names)) {
    what += ", did you mean \"" + std::string(*near) + "\"?";
  } else {
    what += "; there is";
    for (std::size_t i = 0; i < names.size(); ++i)
      what += (i == 0 ? " " : ", ") + std::string(names[i]);
  }
  return {std::move(what), ErrorKind::usage};
}

}  // namespace faultline
