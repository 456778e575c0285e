#include "cli/profile_options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <cstdio>
#include <string>

#include "cli/progress_line.h"
#include "cli/shipped.h"
#include "core/error.h"
#include "core/files.h"
#include "experiments/scenario/limits.h"
#include "profiles/modelled_profile.h"
#include "profiles/profile_report.h"
#include "runtime/profile/measure.h"

namespace hat {
namespace {

void ShowPlan(const ProfilePlan& plan, int points, bool resumed) {
  std::fputs(
      fmt::format("{}about {:.0f} s: {} points, {} rounds; tokens {}; contexts {}{}\n",
                  resumed ? "goes on with a plan of " : "", plan.seconds, points, plan.rounds,
                  fmt::join(plan.axes.tokens, ","), fmt::join(plan.axes.contexts, ","),
                  plan.is_dense ? "" : " (thinned to fit --budget-s)")
          .c_str(),
      stderr);
}

void DeclareOptions(CommandLine& line, ProfileJob& job, double& pause_ms, std::string& dtype) {
  line.add_option("--model", job.model,
                  "A checkpoint's folder, a shape's name (hat profile model --list) or the path of "
                  "a config.json: random weights where there are none")
      ->required()
      ->transform(ShippedPath);
  line.add_option("--out", job.out, "Profile to write; its name without .json is the id")
      ->required();
  line.add_option("--device", job.compute.device, "cpu or cuda:N")->capture_default_str();
  line.add_option("--dtype", dtype, "fp32, bf16, fp16 (GPUs only) or fp64: weights and computation")
      ->capture_default_str();
  line.add_option("--threads", job.threads, "CPU threads; all cores unless given")
      ->check(CLI::Range(1, kMostThreads));
  line.add_option("--split", job.split, "Layers on the device")->capture_default_str();
  line.add_option("--budget-s", job.budget_s,
                  "Seconds to measure for: the grid is thinned to fit, more rounds fill it")
      ->capture_default_str()
      ->check(CLI::Range(1.0, 1e6));
  line.add_option("--pause-ms", pause_ms,
                  "Idle time before each call: what operations take that come one by one, as a "
                  "device's do, or those of a cloud that waits for frames")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1000.0));
  line.add_option("--max-tokens", job.limits.max_tokens,
                  "New tokens of an operation that the profile covers")
      ->capture_default_str()
      ->check(CLI::Range(kFewestTokens, ModelledLimits::kMost));
  line.add_option("--max-context", job.limits.max_context, "Context that it covers")
      ->capture_default_str()
      ->check(CLI::Range(0, ModelledLimits::kMost));
  line.add_option("--hardware", job.hardware, "Its name; as the machine says unless given");
  line.add_option("--seed", job.seed, "Of the points' order")->capture_default_str();
  line.add_flag("--resume", job.resume, "Go on with the journal of a run that did not end, if any");
  line.add_flag("--force", job.replace, "Replace an existing profile; begin anew");
}

}  // namespace

int RunProfileProgram(CommandLine& line, Role role, const char* description, const char* examples) {
  ProfileJob job;
  job.role = role;
  double pause_ms = 0;
  std::string dtype = "fp32";
  line.description(description);
  line.footer(examples);
  DeclareOptions(line, job, pause_ms, dtype);
  line.Parse();
  if (!job.out.ends_with(".json")) {
    throw InputError(fmt::format("--out must end in .json, got '{}'", job.out));
  }
  job.pause = Milliseconds(pause_ms);
  job.compute.dtype = ParseDtype(dtype, "--dtype");
  CatchInterrupts();
  ProgressLine progress(std::chrono::seconds(15));
  ProfileWatch watch;
  watch.on_plan = ShowPlan;
  watch.on_progress = [&](const Progress& now) {
    progress.Update(now, [&] { return fmt::format("{} of {} visits", now.done, *now.total); });
  };
  watch.is_interrupted = IsInterrupted;
  const ProfileData data = MeasureProfile(job, watch);
  progress.Clear();
  const auto warning = data.measurement.find("warning");
  if (warning != data.measurement.end()) {
    std::fputs(fmt::format("warning: {}\n", warning->second).c_str(), stderr);
  }
  PrintResult(fmt::format("{}\n{}", ProfileTitle(data.info), ProfileSummary(data)));
  SayWritten(job.out);
  return 0;
}

}  // namespace hat
