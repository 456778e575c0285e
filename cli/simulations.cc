#include "cli/simulations.h"

#include <fmt/format.h>

#include <cstdio>
#include <utility>

#include "cli/progress_line.h"
#include "core/error.h"

namespace hat {
namespace {

std::string Begin(int done, const Plan& plan, int jobs) {
  const size_t all = plan.cells.size();
  const std::string already = done == 0 ? "" : fmt::format(", {} of them done already", done);
  return fmt::format("{} simulations{}, {} at once\n", all, already, jobs);
}

// What the next call finds, if anything.
std::string Kept(const PlanOutcome& outcome, const Plan& plan, const SimulationsOptions& options) {
  if (outcome.done == 0 || !options.stays) return "";
  return fmt::format(
      "{} of {} simulations are done and stay in '{}': the same command goes on there",
      outcome.done, plan.cells.size(), options.plan.folder);
}

std::string Commands(const Plan& plan, const std::vector<CellFailure>& failures) {
  std::string text;
  for (const CellFailure& failure : failures) {
    const Cell& cell = plan.cells[failure.cell];
    text += fmt::format("{}: {}\n  alone: {}\n", cell.name, failure.reason, CommandOf(plan, cell));
  }
  return text;
}

[[noreturn]] void Fail(const std::string& message, int exit_code) {
  if (exit_code == 2) throw InputError(message);
  throw RunError(message);
}

}  // namespace

void RunSimulations(const Plan& plan, const SimulationsOptions& options) {
  PlanOptions plan_options = options.plan;
  plan_options.program = {ProgramFolder() + "/hat", "simulate"};
  ProgressLine progress;
  const auto all = static_cast<double>(plan.cells.size());
  // What an earlier run has done says nothing about the time left.
  const auto show = [&](int done) {
    if (options.is_quiet) return;
    progress.Update({.done = double(done), .total = all, .counts_from_first = true},
                    [&] { return fmt::format("{} of {} simulations done", done, all); });
  };
  plan_options.on_done = [&](int done) {
    if (options.plan.on_done) options.plan.on_done(done);
    show(done);
  };
  PlanRun run(plan, std::move(plan_options));
  if (!options.is_quiet) std::fputs(Begin(run.done(), plan, options.plan.jobs).c_str(), stderr);
  show(run.done());
  const PlanOutcome outcome = run.Run();
  progress.Clear();
  const std::string kept = Kept(outcome, plan, options);
  if (outcome.is_interrupted) {
    throw RunError("interrupted; " + (kept.empty() ? "nothing was written" : kept));
  }
  if (outcome.failures.empty()) return;
  if (!options.is_quiet) std::fputs(Commands(plan, outcome.failures).c_str(), stderr);
  const CellFailure& first = outcome.failures.front();
  std::string message = fmt::format("{}: {}", plan.cells[first.cell].name, first.reason);
  if (outcome.failures.size() > 1) {
    message = fmt::format("{} simulations failed; the first: {}", outcome.failures.size(), message);
  }
  if (!kept.empty()) message += "; " + kept;
  Fail(message, first.exit_code);
}

}  // namespace hat
