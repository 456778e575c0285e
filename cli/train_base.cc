// hat train base: a small Llama-family model.
#include <string>

#include "cli/torch_verbs.h"
#include "cli/train_options.h"
#include "core/error.h"
#include "runtime/tokenizer/tokenizer.h"

namespace {

constexpr char kTrainBaseDescription[] =
    "Trains a small Llama-family model, from scratch or going on from another, and writes it as a "
    "Hugging Face checkpoint: config.json, model.safetensors, tokenizer.model. Log, picture and "
    "checkpoint of the training go to its folder 'training'.";
constexpr char kTrainBaseExamples[] =
    "Example:\n"
    "  hat train base --text text/train --held-out text/held_out --tokenizer tokenizer.model "
    "--out model --budget-s 3600";

struct Sizes {
  int width = 192;
  int layers = 8;
  int heads = 3;
  int ffn = 512;
  int vocabulary = 2048;
  int positions = 2048;
};

// Of this width, these heads, ...; what follows from them, and how it is stored.
hat::ModelConfig NewModel(const Sizes& sizes) {
  if (sizes.width % (2 * sizes.heads) != 0) {
    throw hat::InputError("--width must be a multiple of twice --heads");
  }
  const hat::LayerShape layer = {sizes.heads, sizes.heads, sizes.width / sizes.heads, sizes.ffn};
  hat::ModelConfig config = hat::ConfigOfShape(
      hat::LikeLayers("trained", sizes.width, sizes.layers, layer, sizes.vocabulary,
                      /*tied_embeddings=*/true),
      sizes.positions);
  config.dtype = hat::Dtype::kFloat16;
  config.bos_token = 1;
  config.eos_tokens = {2};
  return config;
}

}  // namespace

int hat::TrainBaseVerb(CommandLine& line) {
  hat::KeepLargeBlocks();
  line.description(kTrainBaseDescription);
  line.footer(kTrainBaseExamples);
  hat::TrainingJob defaults;
  std::string folder, tokenizer;
  line.add_option("--tokenizer", tokenizer,
                  "A tokenizer.json or tokenizer.model; that of --start unless given");
  line.add_option("--out", folder, "Folder for the model")->required();
  Sizes sizes;
  hat::BaseOptions base;
  CLI::Option* const start =
      line.add_option("--start", base.start,
                      "Folder of a model to begin with, its sizes and its adapter's weights");
  const auto size = [&](const char* name, int& value, const char* text) {
    line.add_option(name, value, text)
        ->capture_default_str()
        ->check(CLI::Range(1, 1 << 20))
        ->excludes(start);
  };
  size("--width", sizes.width, "Hidden size");
  size("--layers", sizes.layers, "Decoder layers");
  size("--heads", sizes.heads, "Attention heads; they divide the width");
  size("--ffn", sizes.ffn, "Width of the feed-forward part");
  size("--vocabulary", sizes.vocabulary, "Pieces of the tokenizer");
  size("--positions", sizes.positions, "Longest context");
  line.add_option("--split", base.split, "Depth of the exit")
      ->capture_default_str()
      ->check(CLI::Range(1, 1 << 20));
  line.add_option("--exit-weight", base.exit_weight,
                  "Add this times the loss of an adapter on the states at the split")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 100.0));
  double muon_share = 0;
  line.add_option("--muon-share", muon_share,
                  "Above 0: Muon steps the layers' matrices, at this times the learning rate")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1000.0));
  const hat::TrainOptions options(line, defaults);
  line.Parse();
  hat::TrainingJob job = options.Read();
  job.tokenizer = tokenizer;
  job.work_folder = folder + "/training";
  job.options.optimizer.muon_share = muon_share;
  const hat::ModelConfig config =
      base.start.empty() ? NewModel(sizes) : hat::ReadModelConfig(base.start);
  if (tokenizer.empty()) {
    if (base.start.empty()) throw hat::InputError("--tokenizer is required without --start");
    job.tokenizer = hat::TokenizerFileOr("", base.start);
  }
  return hat::RunTraining(options, job, "base model", folder, [&](const hat::TrainingWatch& watch) {
    return hat::TrainBase(job, config, base, folder, watch);
  });
}
