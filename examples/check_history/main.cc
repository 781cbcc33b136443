// A history of two clients of one register, made in memory and judged: is it linearizable?
#include <iostream>

#include <checkers/checkers.h>

using namespace faultline;

int main() {
  HistoryBuilder history;
  const ValueHandle one = history.values().integer(1);
  for (const Status& event : {
           history.invoke({.process = 0, .function = Function::write, .argument = one}),
           history.complete({.process = 0, .fate = Fate::ok}),
           history.invoke({.process = 1, .function = Function::read}),
           history.complete({.process = 1, .fate = Fate::ok, .output = ValueHandle::nil()}),
       })
    if (!event) return std::cerr << event.error().what << '\n', 64;

  const ConfigNode defaults;
  Params params(defaults, "linearizable");
  const auto checker = make_linearizable(params);
  if (!checker) return std::cerr << checker.error().what << '\n', 64;
  const Verdict verdict = (*checker)->check(history.finish(), Budget{});
  std::cout << name_of(verdict.validity) << ": " << verdict.summary << '\n';
}
