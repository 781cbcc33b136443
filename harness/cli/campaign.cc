// faultline campaign CONFIG: many tests, a child process `faultline run` each, one table and one
// exit code.
#include "harness/campaign/campaign.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "harness/campaign/record.h"
#include "harness/campaign/report.h"
#include "harness/campaign/shard.h"
#include "harness/campaign/summary.h"
#include "harness/cli/child_run.h"
#include "harness/cli/commands.h"
#include "harness/cli/console.h"
#include "harness/cli/report_options.h"
#include "harness/cli/run.h"
#include "harness/cli/version.h"
#include "harness/core/text.h"
#include "harness/io/json.h"
#include "harness/io/run_dir.h"
#include "harness/os/child.h"
#include "harness/run/yaml.h"

namespace faultline {
namespace {

struct CampaignArguments {
  std::string config;
  std::string runs_dir = "runs";
  std::optional<std::uint64_t> seed;
  std::string shard;
  std::size_t jobs = 1;
  std::string max_time;
  bool fail_fast = false;
  std::string resume;
  std::vector<std::string> report;
  std::string report_dir;
  bool json = false;
};

void print(FILE* to, const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), to);
  std::fflush(to);
}

/// Runs tests as children of this process.
class Processes : public CampaignRunner {
 public:
  Processes(std::filesystem::path program, std::string called, std::filesystem::path directory,
            std::chrono::nanoseconds timeout)
      : program_(std::move(program)),
        called_(std::move(called)),
        directory_(std::move(directory)),
        timeout_(timeout) {}

  void start(const CampaignTask& task, const CampaignTest& test) override {
    const std::size_t id = begun_.size();
    begun_.push_back({task, child_of(task, test), command_of(task, test)});
    const std::uint64_t seed = begun_.back().child.seed;
    say(Level::debug, "run-begins", test.label + ", seed " + std::to_string(seed),
        {{"test", test.label}, {"seed", seed}});
    if (const Status started = children_.start(id, options_of(begun_[id].child)); !started) {
      CampaignRun run;
      run.error = started.error().what;
      failed_.emplace_back(id, std::move(run));
    }
  }

  std::pair<CampaignTask, CampaignRun> wait() override {
    std::size_t id = 0;
    CampaignRun run;
    if (!failed_.empty()) {
      std::tie(id, run) = std::move(failed_.back());
      failed_.pop_back();
    } else {
      ChildResult ended;
      std::tie(id, ended) = children_.wait();
      run = result_of(begun_[id].child, ended);
    }
    run.seed = begun_[id].child.seed;
    run.command = begun_[id].command;
    return {begun_[id].task, std::move(run)};
  }

  bool interrupted() override {
    interrupted_ = interrupted_ || signals_.take() != 0 || children_.signals_taken() > 0;
    return interrupted_;
  }

 private:
  struct Begun {
    CampaignTask task;
    ChildRun child;
    std::string command;
  };

  /// The options that make the run what it is.
  static std::vector<std::string> run_arguments(const CampaignTask& task,
                                                const CampaignTest& test) {
    std::vector<std::string> words = {"run", test.config.string(), "--seed",
                                      std::to_string(test.seeds[task.seed])};
    for (const std::string& setting : test.settings) {
      words.push_back("--set");
      words.push_back(setting);
    }
    return words;
  }
  std::string command_of(const CampaignTask& task, const CampaignTest& test) const {
    std::vector<std::string> words = run_arguments(task, test);
    words.insert(words.begin(), called_);
    return shell_text(words);
  }
  ChildRun child_of(const CampaignTask& task, const CampaignTest& test) const {
    ChildRun child;
    child.argv = run_arguments(task, test);
    child.argv.insert(child.argv.begin(), program_.string());
    child.argv.insert(child.argv.end(), {"--runs-dir", directory_.string(), "--json"});
    child.seed = test.seeds[task.seed];
    // A seed that is listed twice gets a log of its own: the two may run side by side.
    const auto twins =
        std::count(test.seeds.begin(), test.seeds.begin() + static_cast<std::ptrdiff_t>(task.seed),
                   child.seed);
    child.log = directory_ / (file_name_of(test.name) + "-s" + std::to_string(child.seed) +
                              (twins > 0 ? "-" + std::to_string(twins + 1) : "") + ".log");
    child.timeout = timeout_;
    return child;
  }

  Signals signals_;
  Children children_{&signals_};
  std::filesystem::path program_;
  std::string called_;
  std::filesystem::path directory_;
  std::chrono::nanoseconds timeout_;
  std::vector<Begun> begun_;
  std::vector<std::pair<std::size_t, CampaignRun>> failed_;  ///< To start.
  bool interrupted_ = false;
};

/// The campaign as `origin` asks for it, with every file that it names read once: a misspelt test
/// is said now, not in an hour.
Result<Campaign> campaign_of(const CampaignOrigin& origin) {
  const auto root = load_config(origin.config);
  if (!root) return root.error();
  auto campaign =
      make_campaign(*root, origin.config.parent_path(), origin.config.stem().string(), origin.seed);
  if (!campaign) return campaign.error();
  for (const CampaignTest& test : campaign->tests)
    if (const auto config = load_config(test.config); !config) return config.error();
  if (origin.shard.empty()) return campaign;
  const auto shard = parse_shard(origin.shard);
  if (!shard) return shard.error();
  if (const Status applied = apply_shard(*campaign, *shard); !applied) return applied.error();
  return campaign;
}

/// One campaign from its first line to its last: prints, keeps the record and writes the reports.
class Session {
 public:
  Session(const CampaignArguments& options, CampaignQueue queue, RunDir directory,
          CampaignRecord record, Reports reports)
      : options_(options),
        queue_(std::move(queue)),
        directory_(std::move(directory)),
        record_(std::move(record)),
        reports_(std::move(reports)) {
    for (const CampaignTest& test : queue_.campaign().tests) planned_ += test.seeds.size();
    done_ = record_.kept();
  }

  int run(const CampaignOptions& how, const std::filesystem::path& program,
          const std::string& called) {
    const auto clock = std::chrono::steady_clock::now();
    if (!options_.resume.empty())
      say(Level::info, "resuming",
          "resuming " + directory_.path().string() +
              ": finished runs that are kept: " + std::to_string(record_.kept()),
          {{"directory", directory_.path().string()}, {"kept", record_.kept()}});
    // Now, so that no older report can be taken for this campaign's, however it ends.
    if (const Status written = reports_.write(snapshot(clock)); !written)
      return complain(written.error());
    Processes processes(program, called, directory_.path(), queue_.campaign().timeout);
    show_state();
    run_campaign(queue_, how, processes, [&](const CampaignTask& task, const CampaignRun& run) {
      finished(task, run);
      if (queue_.has_ended(task.test))
        (void)reports_.write(snapshot(clock));  // The last one's failure counts.
    });
    return conclude(snapshot(clock), called);
  }

 private:
  CampaignResult snapshot(std::chrono::steady_clock::time_point clock) const {
    CampaignResult result = queue_.result();
    result.began = began_;
    result.directory = directory_.path();
    const auto elapsed = std::chrono::steady_clock::now() - clock;
    result.seconds = std::chrono::duration<double>(elapsed).count();
    return result;
  }

  void finished(const CampaignTask& task, const CampaignRun& run) {
    ++done_;
    const CampaignTest& test = queue_.test(task);
    keep(record_.append(task, test, run));
    if (!console().quiet || !run.matched()) {
      std::string line = run_line(test, run);
      line.pop_back();  // its newline
      tell(options_.json, "run-ended", line,
           {{"test", test.label},
            {"seed", run.seed},
            {"exit_code", static_cast<std::int64_t>(run.exit_code)},
            {"directory", run.directory}});
    }
    show_state();
  }

  int conclude(const CampaignResult& result, const std::string& called) {
    const Value document = campaign_value(result);
    keep(directory_.write("campaign.json", to_json_pretty(document)));
    keep(reports_.write(result));
    const ExitCode code = worse(result.exit_code(), failed_);
    const std::string directory = directory_.path().string();
    std::string text = "\n" + campaign_table(result);
    if (code != result.exit_code())
      text += "exit code " + std::to_string(static_cast<int>(code)) +
              " in the end: not everything could be written\n";
    text += "in " + directory;
    if (result.stopped != Stop::none)
      text += "\nto go on: " + shell_text({called, "campaign", "--resume", directory});
    if (!console().quiet || !options_.json)
      tell(options_.json, "campaign-ended", text,
           {{"exit_code", static_cast<std::int64_t>(code)}, {"directory", directory}});
    if (options_.json) print(stdout, to_json(document) + "\n");
    return static_cast<int>(code);
  }

  /// What could not be written is said at once, and keeps the campaign from passing.
  void keep(const Status& written) {
    if (written) return;
    failed_ = worse(failed_, ExitCode::internal);
    complain(written.error());
  }

  void show_state() const {
    if (rewrites_progress() && !console().quiet)
      show_progress(std::to_string(done_) + " of up to " + std::to_string(planned_) + " runs done");
  }

  const CampaignArguments& options_;
  CampaignQueue queue_;
  RunDir directory_;
  CampaignRecord record_;
  Reports reports_;
  std::string began_ = time_text_now();
  std::size_t planned_ = 0, done_ = 0;
  ExitCode failed_ = ExitCode::valid;
};

/// The directory itself where a link to it is given: `latest` will point elsewhere some day, and
/// what is written down is to stay true.
std::filesystem::path behind_links(std::filesystem::path path) {
  if (!path.has_filename()) path = path.parent_path();  // "runs/x/latest/"
  std::error_code failed;
  const auto target = std::filesystem::read_symlink(path, failed);
  return failed ? path : path.parent_path() / target;
}

Result<CampaignOptions> how_of(const CampaignArguments& options) {
  CampaignOptions how;
  how.jobs = options.jobs;
  how.fail_fast = options.fail_fast;
  if (!options.max_time.empty()) {
    how.max_time = parse_duration(options.max_time);
    if (!how.max_time || how.max_time->count() == 0)
      return Error{"--max-time " + options.max_time + ": expected a duration as 2h or 90m",
                   ErrorKind::usage};
  }
  return how;
}

Result<CampaignOrigin> campaign_origin(const CampaignArguments& options) {
  if (!options.resume.empty()) return read_origin(options.resume);
  if (options.config.empty())
    return Error{"campaign: expected CONFIG, the list of tests, or --resume DIR", ErrorKind::usage};
  if (!options.shard.empty())
    if (const auto shard = parse_shard(options.shard); !shard) return shard.error();
  return CampaignOrigin{options.config, options.seed, options.shard, build::program};
}

int run(const CampaignArguments& given, const Invocation& invocation) {
  CampaignArguments options = given;
  if (!options.resume.empty()) options.resume = behind_links(options.resume).string();
  const auto how = how_of(options);
  if (!how) return complain(how.error());
  if (const Status known = Reports::check(options.report); !known) return complain(known.error());
  auto origin = campaign_origin(options);
  if (!origin) return complain(origin.error());
  origin->program = build::program;
  auto campaign = campaign_of(*origin);
  if (!campaign) return complain(campaign.error());
  const auto program = own_program();
  if (!program) return complain(program.error());
  // Before anything is made: a directory that cannot be written to leaves no trace.
  Result<Reports> reports = Reports();
  if (!options.report_dir.empty()) reports = Reports::open(options.report, options.report_dir);
  if (!reports) return complain(reports.error());

  auto directory = options.resume.empty()
                       ? RunDir::create(options.runs_dir, campaign->name, campaign->seed)
                       : RunDir::open(options.resume);
  if (!directory) return complain(directory.error());
  if (options.report_dir.empty()) reports = Reports::open(options.report, directory->path());
  if (!reports) return complain(reports.error());
  CampaignQueue queue(*std::move(campaign));
  auto record = options.resume.empty()
                    ? CampaignRecord::create(*directory, queue.campaign(), *origin)
                    : CampaignRecord::reopen(*directory, *origin, queue);
  if (!record) return complain(record.error());
  Session session(options, std::move(queue), *std::move(directory), *std::move(record),
                  *std::move(reports));
  return session.run(*how, *program, invocation.argv.front());
}

}  // namespace

void add_campaign(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<CampaignArguments>();
  CLI::App* command = app.add_subcommand("campaign", std::string(command_doc("campaign")));
  command->add_option("config", options->config, "the list of tests, YAML")->type_name("CONFIG");
  CLI::Option* runs_dir =
      command->add_option("--runs-dir", options->runs_dir, "where run directories are made")
          ->type_name("DIR")
          ->capture_default_str();
  CLI::Option* seed =
      command->add_option("--seed", options->seed, "of the campaign: counted seeds derive from it")
          ->type_name("N");
  CLI::Option* shard =
      command->add_option("--shard", options->shard, "only the K-th of N parts, as 2/8")
          ->type_name("K/N");
  command->add_option("--jobs", options->jobs, "runs side by side, each with a cluster of its own")
      ->type_name("N")
      ->check(CLI::Range(std::size_t{1}, std::size_t{256}))
      ->capture_default_str();
  command->add_option("--max-time", options->max_time, "begin no run after this long, as 2h")
      ->type_name("DURATION");
  command->add_flag("--fail-fast", options->fail_fast, "begin no run once a test has failed");
  command
      ->add_option("--resume", options->resume,
                   "instead of CONFIG: goes on with the campaign in this directory")
      ->type_name("DIR")
      ->excludes("config")
      ->excludes(runs_dir)
      ->excludes(seed)
      ->excludes(shard);
  add_report_options(*command, options->report, options->report_dir);
  command->add_flag("--json", options->json, "one JSON document on stdout, lines on stderr");
  command->callback([options, &invocation] {
    invocation.action = [options, &invocation] { return run(*options, invocation); };
  });
}

}  // namespace faultline
