#include "harness/run/session.h"

#include <exception>
#include <utility>

#include "harness/core/check.h"
#include "harness/run/client_machines.h"

namespace faultline {

Outcome ask_over(std::unique_ptr<Client>& client,
                 const std::function<Result<std::unique_ptr<Client>>()>& open,
                 const Request& request, Nanoseconds timeout) {
  if (client == nullptr) {
    try {
      auto opened = open();
      if (!opened) return Outcome::fail("connect: " + opened.error().what);
      client = std::move(*opened);
    } catch (const std::exception& error) {
      return Outcome::fail(std::string("connect: ") + error.what());
    }
  }
  try {
    return client->invoke(request, std::chrono::steady_clock::now() + timeout);
  } catch (const std::exception& error) {
    client.reset();
    return Outcome::lost(request, std::string("exception: ") + error.what());
  } catch (...) {
    client.reset();
    return Outcome::lost(request, "exception of no known type");
  }
}

Session::Session(const SessionSettings& settings)
    : settings_(settings), process_(settings.process), clients_(settings.nodes.size()) {}

Fate Session::ask(std::size_t node, Request request) {
  FAULTLINE_CHECK(node < clients_.size());
  if (request.expects_last_seen) {
    FAULTLINE_CHECK(settings_.tracks_seen && request.value.list() != nullptr &&
                    request.value.list()->size() == 2);
    const auto seen = seen_.find(request.key);
    std::get<List>(request.value.content)[0] = seen == seen_.end() ? Value() : seen->second;
  }
  settings_.recorder.invoke(settings_.lane, process_, node, request);
  const auto open = [&] {
    const Node& to = settings_.nodes[node];
    return settings_.machines ? settings_.machines->connect(settings_.lane, to)
                              : settings_.target.connect(to);
  };
  const Outcome outcome = ask_over(clients_[node], open, request, settings_.request_timeout);
  settings_.recorder.complete(settings_.lane, process_, node, request, outcome);
  if (outcome.fate() == Fate::info) {
    process_ += settings_.process_step;
    for (std::unique_ptr<Client>& client : clients_) client.reset();
    seen_.clear();
  } else if (settings_.tracks_seen && outcome.fate() == Fate::ok) {
    remember(request, outcome);
  }
  return outcome.fate();
}

void Session::remember(const Request& request, const Outcome& outcome) {
  if (request.function == Function::read)
    seen_[request.key] = outcome.output();
  else if (request.function == Function::write)
    seen_[request.key] = request.value;
  else if (request.function == Function::cas && request.value.list() != nullptr &&
           request.value.list()->size() == 2)
    seen_[request.key] = (*request.value.list())[1];
}

}  // namespace faultline
