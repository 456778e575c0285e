#include "runtime/train/jobs.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <stdexcept>
#include <string>

#include "core/csv.h"
#include "core/files.h"
#include "runtime/model/adapter.h"
#include "runtime/model/medusa.h"
#include "runtime/model/weights.h"
#include "runtime/train/evaluate.h"
#include "tests/core/expect_error.h"
#include "tests/core/temp_folder.h"
#include "tests/runtime/tokenizer_file.h"

namespace hat {
namespace {

constexpr int kVocabulary = 280;

// A text that repeats itself, a tokenizer, and jobs of a few small steps.
class JobsTest : public testing::Test {
 protected:
  JobsTest() {
    WriteFileAtomically(folder_ / "tokenizer.model", TokenizerFileOfSize(kVocabulary));
    std::string text;
    for (int i = 0; i < 60; ++i) text += "one two three four five\n";
    WriteFileAtomically(folder_ / "text.txt", text);
    config_ = ConfigOfShape(LikeLayers("small", 16, 3, {2, 2, 8, 24}, kVocabulary, true), 64);
    config_.bos_token = 1;
  }

  TrainingJob Job(const std::string& work, int64_t steps) const {
    TrainingJob job;
    job.text = folder_ / "text.txt";
    job.tokenizer = folder_ / "tokenizer.model";
    job.work_folder = folder_ / work;
    job.options.steps = steps;
    job.options.batch_tokens = 64;
    job.options.micro_tokens = 32;
    job.options.length = 16;
    job.options.long_length = 32;
    job.options.schedule = {1e-2, 0.1, 3};
    job.options.log_every_steps = 1;
    job.options.checkpoint_every_s = 0;
    return job;
  }

  TrainingRun Base(
      const std::string& out, int64_t steps, bool resume = false,
      const TrainingWatch& watch = [](const TrainingProgress&) { return true; }) {
    TrainingJob job = Job(out + "/training", steps);
    job.resume = resume;
    return TrainBase(job, config_, {1, 0.3, ""}, folder_ / out, watch);
  }

  // Goes on from the model in `start`.
  TrainingRun From(
      const std::string& start, const std::string& out, bool resume = false,
      const TrainingWatch& watch = [](const TrainingProgress&) { return true; }) {
    TrainingJob job = Job(out + "/training", 4);
    job.resume = resume;
    return TrainBase(job, config_, {1, 0.3, folder_ / start}, folder_ / out, watch);
  }

  std::string File(const std::string& name) const { return ReadFile(folder_ / name); }

  // The first and the last value of a measure in a log.
  std::pair<double, double> Ends(const std::string& log, const std::string& measure) {
    const CsvFile csv = CsvFile::Parse(log, "log");
    double first = 0, last = 0;
    bool is_first = true;
    for (int row = 0; row < csv.rows(); ++row) {
      if (csv.Text(row, csv.ColumnIndex("measure")) != measure) continue;
      last = csv.Number(row, csv.ColumnIndex("value"), Range{});
      if (is_first) first = last;
      is_first = false;
    }
    return {first, last};
  }

  TempFolder folder_;
  ModelConfig config_;
};

TEST_F(JobsTest, LossFallsOnATextThatRepeatsAndTheModelLoads) {
  const TrainingRun run = Base("model", 30);
  EXPECT_FALSE(run.is_interrupted);
  const auto [first, last] = Ends(run.log, "training loss");
  EXPECT_GT(first, 5);
  EXPECT_LT(last, 0.7 * first);
  const auto [exit_first, exit_last] = Ends(run.log, "training exit loss");
  EXPECT_LT(exit_last, 0.7 * exit_first);
  EXPECT_LT(run.held_out.back().second, 0.8 * first);
  const Model model = OpenModel(folder_ / "model");
  EXPECT_EQ(model.config.bos_token, 1);
  EXPECT_EQ(File("model/tokenizer.model"), File("tokenizer.model"));
  EXPECT_EQ(LoadAdapter(folder_ / "model/adapter.safetensors", model, 1).draft_temperature, 1);
}

TEST_F(JobsTest, ARunThatWasKilledGoesOnBitForBit) {
  Base("whole", 20);
  EXPECT_THROW(Base("killed", 20, false,
                    [](const TrainingProgress& progress) {
                      // Steps 11 and 12 are lost with the process: nothing is saved after this.
                      if (progress.step == 11) throw std::logic_error("killed");
                      return true;
                    }),
               std::logic_error);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "killed/model.safetensors"));
  const TrainingRun rest = Base("killed", 20, true);
  EXPECT_EQ(rest.progress.step, 20);
  EXPECT_EQ(File("killed/model.safetensors"), File("whole/model.safetensors"));
  const TensorFile killed = ReadTensorFile(folder_ / "killed/training/checkpoint.safetensors");
  const TensorFile whole = ReadTensorFile(folder_ / "whole/training/checkpoint.safetensors");
  for (const auto& [name, tensor] : whole.tensors) {
    EXPECT_TRUE(killed.tensors.at(name).equal(tensor)) << name;
  }
}

TEST_F(JobsTest, AnInterruptedRunWritesACheckpointAndNoModel) {
  const TrainingRun run =
      Base("model", 20, false, [](const TrainingProgress& progress) { return progress.step < 4; });
  EXPECT_TRUE(run.is_interrupted);
  EXPECT_EQ(run.progress.step, 4);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "model/model.safetensors"));
  EXPECT_INPUT_ERROR(Base("model", 20), testing::HasSubstr("--resume"));
  EXPECT_EQ(Base("model", 20, true).progress.step, 20);
}

TEST_F(JobsTest, ACheckpointOfOtherOptionsOrNoneIsRefused) {
  Base("model", 2);
  EXPECT_INPUT_ERROR(Base("model", 3, true),
                     testing::HasSubstr("made with 'steps = 2', this run has 'steps = 3'"));
  for (LayerShape& layer : config_.shape.layers) layer.ffn = 32;
  EXPECT_INPUT_ERROR(Base("model", 2, true), testing::HasSubstr("FFN 24"));
  WriteTensorFile(folder_ / "model/training/checkpoint.safetensors", {{{"x", at::zeros({1})}}, {}});
  EXPECT_INPUT_ERROR(Base("model", 2, true), testing::HasSubstr("not a training checkpoint"));
  WriteFileAtomically(folder_ / "model/training/checkpoint.safetensors", "junk");
  EXPECT_INPUT_ERROR(Base("model", 2, true), testing::HasSubstr("checkpoint.safetensors"));
}

TEST_F(JobsTest, ATrainingThatStartsFromAModelBeginsWithItsLosses) {
  const TrainingRun scratch = Base("model", 30);
  const TrainingRun run = From("model", "next");
  for (const char* measure : {"training loss", "training exit loss"}) {
    const auto [first, last] = Ends(scratch.log, measure);
    EXPECT_LT(Ends(run.log, measure).first, 0.8 * first) << measure;
    EXPECT_NEAR(Ends(run.log, measure).first, last, 0.1 * first) << measure;
  }
  EXPECT_EQ(OpenModel(folder_ / "next").config.shape.layer_count(), 3);
}

TEST_F(JobsTest, ARunThatIsResumedMustStartFromTheSameModel) {
  Base("model", 2);
  Base("other", 3);
  From("model", "next", false, [](const TrainingProgress&) { return false; });
  EXPECT_INPUT_ERROR(From("other", "next", true), testing::HasSubstr("this run has 'start = "));
  EXPECT_INPUT_ERROR(Base("next", 4, true), testing::HasSubstr("made with 'start = "));
  EXPECT_EQ(From("model", "next", true).progress.step, 4);
}

TEST_F(JobsTest, AStartThatDoesNotFitIsRefused) {
  Base("model", 2);
  EXPECT_INPUT_ERROR(From("none", "next"), testing::HasSubstr("none"));
  EXPECT_INPUT_ERROR(
      TrainBase(Job("w", 2), config_, {2, 0.3, folder_ / "model"}, folder_ / "next", {}),
      testing::HasSubstr("trained for a split of 1, not 2"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "next"));
}

TEST_F(JobsTest, ImpossibleSplitsAndWindowsAreRefused) {
  EXPECT_INPUT_ERROR(TrainBase(Job("w", 2), config_, {3, 0, ""}, folder_ / "m", {}),
                     testing::HasSubstr("must be 1..2"));
  TrainingJob job = Job("w", 2);
  job.options.long_length = 65;
  EXPECT_INPUT_ERROR(TrainBase(job, config_, {1, 0, ""}, folder_ / "m", {}),
                     testing::HasSubstr("64 positions"));
}

// Three epochs, of which two read what the first has kept, in fp16 and 64 tokens of 280.
TEST_F(JobsTest, ADrafterThatLearnsFromKeptStatesIsNearlyTheSame) {
  Base("model", 30);
  AdapterOptions options;
  options.split = 1;
  const auto train = [&](const std::string& name, const std::string& states) {
    TrainingJob job = Job(name, 40);
    job.options.long_share = 0;
    job.options.has_fixed_windows = true;
    job.states_folder = states;
    TrainAdapter(job, folder_ / "model", options, folder_ / name + ".safetensors",
                 [](const TrainingProgress&) { return true; });
    return LoadAdapter(folder_ / name + ".safetensors", OpenModel(folder_ / "model"), 1);
  };
  const AdapterFile computed = train("computed", "");
  const AdapterFile kept = train("kept", folder_ / "states");
  EXPECT_GT(std::filesystem::file_size(folder_ / "states/records.bin"), 0U);
  const at::Tensor q = computed.weights.attention.q;
  const double change = (kept.weights.attention.q - q).abs().max().item<double>();
  EXPECT_LT(change, 0.1 * q.abs().max().item<double>());
  EXPECT_GT(change, 0) << "fp16 is not fp32";
}

TEST_F(JobsTest, AdapterAndHeadsLearnFromAModelThatStaysAsItIs) {
  Base("model", 60);
  const std::string weights = File("model/model.safetensors");
  const auto watch = [](const TrainingProgress&) { return true; };
  AdapterOptions options;
  options.split = 1;
  const TrainingRun adapter = TrainAdapter(Job("a", 25), folder_ / "model", options,
                                           folder_ / "adapter.safetensors", watch);
  const auto [first, last] = Ends(adapter.log, "training loss");
  EXPECT_LT(last, 0.9 * first);
  EXPECT_NEAR(Ends(adapter.log, "training state loss").second +
                  0.1 * Ends(adapter.log, "training cross-entropy").second,
              last, 1e-6);
  const Model model = OpenModel(folder_ / "model");
  EXPECT_EQ(LoadAdapter(folder_ / "adapter.safetensors", model, 1).draft_temperature,
            adapter.held_out.back().second);
  options.mlp_width = 24;
  const TrainingRun with_mlp =
      TrainAdapter(Job("b", 25), folder_ / "model", options, folder_ / "mlp.safetensors", watch);
  EXPECT_LT(Ends(with_mlp.log, "training loss").second, 0.9 * first);
  EXPECT_EQ(LoadAdapter(folder_ / "mlp.safetensors", model, 1).weights.gate.size(0), 24);
  options.mlp_width = 0;
  options.start = folder_ / "mlp.safetensors";
  EXPECT_INPUT_ERROR(TrainAdapter(Job("c", 1), folder_ / "model", options, folder_ / "c", watch),
                     testing::HasSubstr("an MLP of width 24, not 0"));

  TrainingJob job = Job("m", 25);
  job.options.held_out_every_steps = 1;
  const TrainingRun heads = TrainMedusa(job, folder_ / "model", {.heads = 2, .decay = 0.5},
                                        folder_ / "medusa.safetensors", watch);
  // The loss has a floor, the entropy of the model itself, so equal windows are compared.
  const auto [head_first, head_last] = Ends(heads.log, "held-out head 2 loss (text)");
  EXPECT_LT(head_last, head_first);
  EXPECT_NEAR((2 * Ends(heads.log, "training head 1 loss").second +
               Ends(heads.log, "training head 2 loss").second) /
                  3,
              Ends(heads.log, "training loss").second, 1e-5);
  EXPECT_EQ(LoadMedusa(folder_ / "medusa.safetensors", model).heads.size(), 2u);
  EXPECT_EQ(File("model/model.safetensors"), weights);

  EvalOptions eval;
  eval.model = folder_ / "model";
  eval.tokenizer = folder_ / "tokenizer.model";
  eval.text = eval.held_out = folder_ / "text.txt";
  eval.adapter = folder_ / "adapter.safetensors";
  eval.medusa = folder_ / "medusa.safetensors";
  eval.split = 1;
  eval.length = 16;
  eval.long_length = 32;
  eval.prompts = eval.windows = 4;
  eval.prompt_tokens = 8;
  eval.output_tokens = 12;
  const CsvFile report = CsvFile::Parse(Evaluate(eval).csv, "report");
  eval.split = 2;
  EXPECT_INPUT_ERROR(Evaluate(eval), testing::HasSubstr("trained for a split of 1, not 2"));
  double trained = 0, counted = 0, lengths = 0, shares = 0, trees = 0;
  for (int row = 0; row < report.rows(); ++row) {
    const double value = report.Number(row, report.ColumnIndex("value"), Range{});
    const std::string& measure = report.Text(row, report.ColumnIndex("measure"));
    if (measure == "perplexity") trained = value;
    if (measure == "n-gram perplexity") counted = value;
    if (measure == "accept length") ++lengths;
    if (measure == "accepted of drafted") ++shares;
    if (measure == "medusa accept length") ++trees;
  }
  EXPECT_LT(trained, 0.5 * kVocabulary);
  EXPECT_LT(counted, 1.5);
  EXPECT_EQ(lengths, 10);
  EXPECT_EQ(shares, 10);
  EXPECT_EQ(trees, 1);
}

}  // namespace
}  // namespace hat
