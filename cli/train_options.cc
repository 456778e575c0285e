#include "cli/train_options.h"

#include <fmt/format.h>
#include <malloc.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <optional>
#include <utility>

#include "cli/progress_line.h"
#include "cli/run_plot.h"
#include "cli/shipped.h"
#include "core/error.h"
#include "core/files.h"
#include "experiments/scenario/limits.h"
#include "protocol/frame.h"
#include "runtime/tokenizer/tokenizer.h"

namespace hat {
namespace {

// fp16 is too narrow for gradients.
constexpr auto kTrainingDtypes = {Dtype::kFloat32, Dtype::kBfloat16, Dtype::kFloat64};

// Shows how far a training has come; of a resumed one the time counts from its first step.
class TrainProgress {
 public:
  explicit TrainProgress(std::string title) : title_(std::move(title)) {}

  void Show(const TrainingProgress& now) {
    if (!first_tokens_) first_tokens_ = now.tokens;
    line_.Update(now, [&] {
      return fmt::format("{}: step {}, {:.0f}%, {:.2f} M tokens, loss {:.3f}, {:.0f} tokens/s",
                         title_, now.step, 100 * now.done, double(now.tokens) / 1e6, now.loss,
                         double(now.tokens - *first_tokens_) / line_.elapsed_s());
    });
  }
  void Clear() { line_.Clear(); }

 private:
  std::string title_;
  ProgressLine line_{std::chrono::seconds(60)};
  std::optional<int64_t> first_tokens_;
};

}  // namespace

TrainOptions::TrainOptions(CommandLine& line, TrainingJob defaults) : job_(std::move(defaults)) {
  TrainingOptions& training = job_.options;
  const double huge = 1e12;
  const auto flag = [&](const std::string& name, auto& value, const std::string& text) {
    return line.add_option(name, value, text)->capture_default_str();
  };
  const int64_t most = std::numeric_limits<int32_t>::max();
  line.add_option("--text", job_.text,
                  "UTF-8 text to train on: a file, or a folder whose *.txt files are genres")
      ->required();
  line.add_option("--held-out", job_.held_out,
                  "Text to measure on, likewise; without it every genre's last 5% are held out");
  flag("--seed", training.seed, "Of weights and of the text's order");
  CLI::Option* steps =
      flag("--steps", training.steps, "Length of the run")->check(CLI::Range(int64_t{1}, most));
  line.add_option("--budget-s", training.budget_s,
                  "Length in seconds instead; such a run does not repeat bit for bit")
      ->check(CLI::Range(1.0, huge))
      ->excludes(steps);
  flag("--batch-tokens", training.batch_tokens, "Tokens of a step")
      ->check(CLI::Range(int64_t{1}, most));
  flag("--micro-tokens", training.micro_tokens, "Of these at once: for memory and caches")
      ->check(CLI::Range(int64_t{1}, most));
  flag("--length", training.length, "Tokens of a window of text")
      ->check(CLI::Range(int64_t{2}, most));
  flag("--long-length", training.long_length, "Likewise, in the last part of the run")
      ->check(CLI::Range(int64_t{2}, most));
  flag("--long-share", training.long_share, "That part")->check(CLI::Range(0.0, 1.0));
  flag("--learning-rate", training.schedule.peak, "Its highest value")->check(CLI::Range(0.0, 1.0));
  flag("--final-rate", training.schedule.final_fraction, "Its last value, of the highest")
      ->check(CLI::Range(0.0, 1.0));
  flag("--warmup-steps", training.schedule.warmup_steps, "Steps up to the highest")
      ->check(CLI::Range(int64_t{0}, most));
  flag("--weight-decay", training.optimizer.weight_decay, "Of matrices")
      ->check(CLI::Range(0.0, 10.0));
  flag("--clip-norm", training.optimizer.clip_norm, "Longest gradient; 0: any")
      ->check(CLI::Range(0.0, huge));
  flag("--dtype", dtype_, "fp32, bf16 or fp64: what the layers are computed in");
  flag("--device", job_.compute.device, "cpu or cuda:N");
  line.add_option("--threads", threads_, "CPU threads; all cores unless given")
      ->check(CLI::Range(1, kMostThreads));
  line.add_flag("--resume", job_.resume, "Go on from the checkpoint of an earlier run, if any");
}

TrainingJob TrainOptions::Read() const {
  TrainingJob job = job_;
  job.compute.dtype = ParseDtype(dtype_, "--dtype", kTrainingDtypes);
  return job;
}

DrafterFlags::DrafterFlags(CommandLine& line) {
  line.add_option("--model", model, "Folder of a Hugging Face checkpoint")
      ->required()
      ->transform(ShippedPath);
  line.add_option("--out", file, "File to write, .safetensors")->required();
  line.add_option("--tokenizer", tokenizer, "a tokenizer's file; the model's own unless given");
  line.add_flag("--special-tokens", finds_controls,
                "Names of special tokens in the text are these tokens, as in dialogues");
  CLI::Option* states = line.add_option(
      "--keep-states", states_folder,
      "Folder for what the frozen model says of the text: computed once, read in later epochs; "
      "windows are then cut the same way in each");
  line.add_option("--keep-gb", states_gb,
                  "At most so much of it (2.7 GB a million tokens at width 576)")
      ->capture_default_str()
      ->check(CLI::Range(0.001, 1e6))
      ->needs(states);
  line.add_option(
          "--other-tokens", other_tokens,
          "Of the tokens that the model names nowhere in a micro-batch a step looks at about "
          "so many, evenly spread; 0: at all")
      ->capture_default_str()
      ->check(CLI::Range(0, 1 << 24));
  line.add_option("--file-dtype", file_dtype, "Of the tensors in the file: fp32, fp16, bf16")
      ->capture_default_str();
}

TrainingJob JobBeside(TrainingJob job, const DrafterFlags& flags) {
  job.tokenizer = TokenizerFileOr(flags.tokenizer, flags.model);
  job.finds_controls = flags.finds_controls;
  job.file_dtype = ParseDtype(flags.file_dtype, "--file-dtype", kWireDtypes);
  job.states_folder = flags.states_folder;
  job.states_gb = flags.states_gb;
  job.options.has_fixed_windows = !flags.states_folder.empty();
  job.work_folder = flags.file + ".training";
  if (!job.resume && std::filesystem::exists(flags.file)) {
    throw InputError(fmt::format("'{}' exists; give another name", flags.file));
  }
  return job;
}

void KeepLargeBlocks() {
  ::mallopt(M_MMAP_THRESHOLD, 1 << 30);
  ::mallopt(M_TRIM_THRESHOLD, 2000000000);
}

int RunTraining(const TrainOptions& options, const TrainingJob& job, const std::string& title,
                const std::string& result,
                const std::function<TrainingRun(const TrainingWatch&)>& train) {
  CatchInterrupts();
  if (options.threads() > 0) SetThreads(options.threads());
  TrainProgress progress(title);
  const TrainingRun run = train([&](const TrainingProgress& now) {
    progress.Show(now);
    return !IsInterrupted();
  });
  progress.Clear();
  if (run.is_interrupted) {
    throw RunError(
        fmt::format("interrupted at step {}; --resume goes on from there", run.progress.step));
  }
  const std::string log = job.work_folder + "/training.csv";
  const std::string image = job.work_folder + "/training.png";
  RunPlot("train.py", log, image, {"--title", title});
  std::string report = fmt::format("{} steps, {} tokens, {:.0f} s\n", run.progress.step,
                                   run.progress.tokens, run.progress.elapsed_s);
  for (const auto& [measure, value] : run.held_out) {
    report += fmt::format("{}: {:.4f}\n", measure, value);
  }
  PrintResult(report);
  for (const std::string& path : {log, image, result}) SayWritten(path);
  return 0;
}

}  // namespace hat
