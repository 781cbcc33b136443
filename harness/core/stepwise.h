// Transactions a step at a time, so that several can be open at once and be interleaved as a script
// says. What a client does in one invoke() is here begun, asked access by access, and ended; and
// the store is asked whether the step that is under way waits for another transaction, so that
// whoever plays a script never has to guess that from time.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "harness/core/client.h"
#include "harness/core/value.h"

namespace faultline {

struct Step {
  enum class Kind { begin, access, commit, abort };

  Kind kind = Kind::begin;
  Value access = {};  ///< As transaction.h and predicate.h have it; nil but for an access.
};

/// What has become of a step.
struct StepReport {
  enum class Kind {
    running,  ///< No answer yet, and the store does not say that it waits.
    waiting,  ///< No answer yet: the store says that it waits for another open transaction.
    done,     ///< Carried out.
    refused,  ///< The store undid the transaction because of others: a conflict, a deadlock.
    failed,   ///< The transaction certainly has no effect, for any other reason.
    lost,     ///< Of a commit alone: nobody knows whether it took place.
  };

  Kind kind = Kind::running;
  Value access = {};     ///< Of an access that is done: with its answer.
  std::string why = {};  ///< Of refused, failed and lost.

  bool is_over() const { return kind != Kind::running && kind != Kind::waiting; }
};

/// One transaction on a connection of its own. The destructor ends the connection, and with it what
/// was not committed, without waiting for the store. Used by a single thread; what is thrown before
/// a commit was sent is as `failed`, and after that as `lost`.
class OpenTransaction {
 public:
  virtual ~OpenTransaction() = default;
  /// Hands over the next step, and does not wait for its answer. The first is to begin; none is
  /// sent while another is under way, nor after one that was not done. What cannot be sent by
  /// `deadline` is reported as failed by look().
  virtual void send(const Step& step, Deadline deadline) = 0;
  /// Looks once, for some milliseconds at most, and by `deadline`. Running may mean anything: look
  /// again. Waiting was true at a moment after the call.
  virtual StepReport look(Deadline deadline) = 0;
};

/// Carries out a whole request step by step, as a client's invoke() does: begins, asks access by
/// access, and commits. Before the commit is sent, whatever goes wrong is a fail, and so is a lost
/// commit of what changes nothing. `transaction` is new, and of no use afterwards.
Outcome invoke_by_steps(OpenTransaction& transaction, const Request& request, Deadline deadline);

/// An interleaving of transactions: they begin in the order of their first steps.
struct Script {
  struct Part {
    std::size_t transaction = 0;  ///< Dense from 0.
    Step step;                    ///< An access or an end; the begin goes without saying.
  };

  std::string name;
  /// In the order in which they are to be sent. Those of one that waits are held back until its
  /// answer is here, those of one that was undone are left out.
  std::vector<Part> parts;
};

/// The error in a history of a transaction that was refused begins so, and of one that a script
/// aborted it is this.
inline constexpr std::string_view refusal_mark = "refused: ";
inline constexpr std::string_view abort_mark = "aborted, as the script says";

/// What each transaction of the script asks, as its invocation is written down.
std::vector<List> transactions_of(const Script& script);

}  // namespace faultline
