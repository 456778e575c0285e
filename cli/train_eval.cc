// hat train eval: what a model and its drafters are worth on held-out text.
#include <filesystem>
#include <string>

#include "cli/run_plot.h"
#include "cli/shipped.h"
#include "cli/torch_verbs.h"
#include "cli/train_options.h"
#include "core/error.h"
#include "core/files.h"
#include "experiments/scenario/limits.h"
#include "runtime/tokenizer/tokenizer.h"
#include "runtime/train/evaluate.h"

namespace {

constexpr char kTrainEvalDescription[] =
    "Measures a model on held-out text: perplexity beside an interpolated Kneser-Ney n-gram model "
    "of the same tokens and, along the model's own greedy output, the acceptance of an adapter's "
    "and of Medusa heads' guesses. With --out it also draws the adapter's.";
constexpr char kTrainEvalExamples[] =
    "Example:\n"
    "  hat train eval --model model --adapter model/adapter.safetensors --text text/train "
    "--held-out text/held_out --out eval.png";

void DeclareOptions(hat::CommandLine& line, hat::EvalOptions& eval) {
  line.add_option("--model", eval.model, "Folder of a Hugging Face checkpoint")
      ->required()
      ->transform(hat::ShippedPath);
  line.add_option("--tokenizer", eval.tokenizer,
                  "a tokenizer's file; the model's own unless given");
  line.add_option("--text", eval.text, "The text it was trained on, for the n-gram model")
      ->required();
  line.add_option("--held-out", eval.held_out, "The text to measure on")->required();
  line.add_flag("--special-tokens", eval.finds_controls,
                "Names of special tokens in the texts are these tokens, as in dialogues");
  line.add_option("--adapter", eval.adapter, "Adapter file");
  line.add_option("--medusa", eval.medusa, "File of Medusa heads");
  const auto number = [&](const char* name, int& value, int low, const char* text) {
    line.add_option(name, value, text)->capture_default_str()->check(CLI::Range(low, 1 << 20));
  };
  number("--split", eval.split, 1, "Depth of the adapter's states");
  number("--length", eval.length, 2, "Tokens of a window for perplexity");
  number("--long-length", eval.long_length, 4, "Likewise, to measure late positions");
  number("--windows", eval.windows, 1, "Windows of a genre");
  number("--ngram-order", eval.ngram_order, 1, "Of the n-gram model");
  number("--prompts", eval.prompts, 1, "Prompts of a genre");
  number("--prompt-tokens", eval.prompt_tokens, 2, "Their length");
  number("--output-tokens", eval.output_tokens, 2, "Tokens after each");
  number("--max-draft", eval.max_draft, 1, "Longest draft");
  line.add_option("--device", eval.compute.device, "cpu or cuda:N")->capture_default_str();
}

}  // namespace

int hat::TrainEvalVerb(CommandLine& line) {
  hat::KeepLargeBlocks();
  line.description(kTrainEvalDescription);
  line.footer(kTrainEvalExamples);
  hat::EvalOptions eval;
  std::string image;
  int threads = 0;
  DeclareOptions(line, eval);
  line.add_option("--threads", threads, "CPU threads; all cores unless given")
      ->check(CLI::Range(1, hat::kMostThreads));
  line.add_option("--out", image, "Image to draw, .png; its numbers go beside it, as .csv");
  line.Parse();
  if (!image.empty() && std::filesystem::path(image).extension() != ".png") {
    throw hat::InputError("--out must end in .png, got '" + image + "'");
  }
  eval.tokenizer = hat::TokenizerFileOr(eval.tokenizer, eval.model);
  if (threads > 0) hat::SetThreads(threads);
  const hat::EvalReport report = hat::Evaluate(eval);
  const std::string csv = std::filesystem::path(image).replace_extension(".csv");
  const bool draws = !image.empty() && !eval.adapter.empty();
  if (!image.empty()) hat::WriteFileAtomically(csv, report.csv);
  if (draws) hat::RunPlot("train_eval.py", csv, image);
  hat::PrintResult(report.table);
  if (!image.empty()) hat::SayWritten(csv);
  if (draws) hat::SayWritten(image);
  return 0;
}
