// hat profile check: composed profiles beside real whole steps.
#include <fmt/format.h>

#include <chrono>
#include <string>
#include <vector>

#include "cli/measure_verbs.h"
#include "cli/progress_line.h"
#include "cli/shipped.h"
#include "core/error.h"
#include "core/files.h"
#include "core/program.h"
#include "experiments/scenario/limits.h"
#include "runtime/profile/check.h"

namespace {

constexpr char kProfileCheckDescription[] =
    "Holds profiles against this machine: what a profile's composition says of a step beside the "
    "time that the whole step takes here, all layers of a device or a cloud, over a grid of "
    "batches. Exit code 1 if the median error is above the limit.";
constexpr char kProfileCheckExamples[] =
    "Example:\n"
    "  hat profile check --model models/small --profile device.json --profile cloud.json";

std::string TableOf(const hat::CheckReport& report) {
  std::string text =
      fmt::format("{} ({}), {} layers\n{:<10}{:>7}{:>9}{:>11}{:>13}{:>13}{:>9}\n", report.profile,
                  hat::Name(report.role), report.layers, "step", "tokens", "context", "sequences",
                  "measured, ms", "composed, ms", "error");
  for (const hat::CheckedStep& step : report.steps) {
    text += fmt::format("{:<10}{:>7}{:>9}{:>11}{:>13.3f}{:>13.3f}{:>8.1f}%\n", step.name,
                        step.tokens(), step.most_context(), step.parts.size(), step.measured_ms,
                        step.composed_ms, 100 * step.error());
  }
  if (!report.reference_then.empty()) {
    text += fmt::format("a fixed product of matrices: {}; in the profile {}\n",
                        report.reference_now, report.reference_then);
  }
  return text + fmt::format("error: median {:.1f}%, largest {:.1f}%\n", 100 * report.MedianError(),
                            100 * report.LargestError());
}

}  // namespace

int hat::ProfileCheckVerb(CommandLine& line) {
  hat::CheckJob job;
  double limit_percent = 10;
  line.description(kProfileCheckDescription);
  line.footer(kProfileCheckExamples);
  line.add_option("--profile", job.profiles, "A profile; may be given several times")->required();
  line.add_option("--model", job.model,
                  "The profiles' model: a checkpoint's folder, a shape's name or a config.json")
      ->required()
      ->transform(hat::ShippedPath);
  line.add_option("--device", job.device, "cpu or cuda:N")->capture_default_str();
  line.add_option("--threads", job.threads, "CPU threads; as the profiles say unless given")
      ->check(CLI::Range(1, hat::kMostThreads));
  line.add_option("--split", job.split, "Layers on the device; as the profile says unless given")
      ->check(CLI::Range(1, 10000));
  line.add_option("--layers", job.layers,
                  "Of the real steps; unless given a device's in front of the split, a cloud's "
                  "after it")
      ->check(CLI::Range(1, 10000));
  line.add_option("--rounds", job.rounds, "How often every step is timed, at least")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  line.add_option("--limit", limit_percent, "Largest median error in percent")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1000.0));
  line.Parse();
  hat::ProgressLine progress(std::chrono::seconds(60));
  std::string text;
  int outside = 0;
  for (const hat::CheckReport& report : hat::CheckProfiles(job, [&](const hat::Progress& now) {
         progress.Update(now, [&] { return fmt::format("{:.0f}% of the steps", 100 * now.done); });
       })) {
    text += (text.empty() ? "" : "\n") + TableOf(report);
    if (report.MedianError() > limit_percent / 100) ++outside;
  }
  progress.Clear();
  hat::PrintResult(text);
  if (outside == 0) return 0;
  throw hat::RunError(fmt::format("the median error of {} of {} profiles is above {:g}%", outside,
                                  job.profiles.size(), limit_percent));
}
