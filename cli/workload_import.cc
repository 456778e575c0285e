// hat workload import: a workload from a trace of requests that others have published.
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <memory>

#include "cli/import_report.h"
#include "cli/plain_verbs.h"
#include "core/error.h"
#include "core/files.h"
#include "experiments/import/request_formats.h"
#include "runtime/tokenizer/tokenizer.h"

namespace {

constexpr char kWorkloadImportExamples[] =
    "Examples:\n"
    "  hat workload import auto AzureLLMInferenceTrace_conv.csv --out conv.csv\n"
    "  hat workload import burstgpt BurstGPT_1.csv --out day.csv --from 86400 --for 86400 "
    "--scale-rate 0.5\n"
    "  hat workload import spec-bench question.jsonl --tokens-per-word 1.33 --out questions.csv\n"
    "  hat workload import sharegpt sg.json --tokenizer vicuna-7b/tokenizer.model --out sg.csv";

struct WorkloadImportOptions {
  std::string format, input, output;
  hat::TraceCut cut;
  hat::ImportOptions import;
  std::string tokenizer;
  bool replace = false;
};

void AddOptions(WorkloadImportOptions& options, hat::CommandLine& line) {
  line.description("Makes a workload (CSV) from a trace of requests (docs/formats.md)");
  line.footer(kWorkloadImportExamples);
  line.add_option("format", options.format,
                  fmt::format("{}, or auto: by the content", hat::RequestFormatNames()))
      ->required();
  line.add_option("file", options.input, "The trace")->required();
  line.add_option("--out", options.output, "The CSV to write")->required();
  line.add_option("--from", options.cut.from_s, "Leaves out so many seconds at the beginning")
      ->check(CLI::Range(0.0, 1e10));
  line.add_option("--for", options.cut.for_s, "Takes so many seconds from there on")
      ->check(CLI::Range(1e-9, 1e10));
  line.add_option("--scale-rate", options.cut.scale_rate,
                  "So many times as many requests in a second: divides all times")
      ->check(CLI::Range(1e-6, 1e6));
  line.add_option("--tokens-per-word", options.import.tokens_per_word,
                  "Of formats that hold text: estimates its tokens")
      ->check(CLI::Range(0.1, 100.0))
      ->excludes(line.add_option("--tokenizer", options.tokenizer,
                                 "Of formats that hold text: counts its tokens; a tokenizer.json "
                                 "or tokenizer.model, or the folder of a checkpoint with one"));
  line.add_flag("--force", options.replace, "Replace an existing file of other content");
}

nlohmann::ordered_json GivenOptions(const WorkloadImportOptions& options) {
  nlohmann::ordered_json given = nlohmann::ordered_json::object();
  if (options.cut.from_s > 0) given["from_s"] = options.cut.from_s;
  if (options.cut.for_s) given["for_s"] = *options.cut.for_s;
  if (options.cut.scale_rate) given["scale_rate"] = *options.cut.scale_rate;
  if (!options.tokenizer.empty()) {
    given["tokenizer"] = options.tokenizer;
    given["tokenizer_sha256"] = hat::Sha256Hex(hat::ReadFile(options.tokenizer));
  }
  if (options.import.tokens_per_word) given["tokens_per_word"] = *options.import.tokens_per_word;
  return given;
}

// Texts are counted as they stand: no begin-of-text token, no chat template.
void UseTokenizer(WorkloadImportOptions& options) {
#ifdef HAT_HAS_TOKENIZER
  if (std::filesystem::is_directory(options.tokenizer)) {
    options.tokenizer = hat::TokenizerFileOr("", options.tokenizer);
  }
  const auto tokenizer = std::make_shared<hat::Tokenizer>(options.tokenizer, 0);
  options.import.tokenizer = options.tokenizer;
  options.import.count_tokens = [tokenizer](const std::string& text) {
    return static_cast<int>(tokenizer->Encode(text).size());
  };
#else
  throw hat::InputError(fmt::format(
      "--tokenizer {}: this build has no sentencepiece (packages.txt)", options.tokenizer));
#endif
}

}  // namespace

int hat::WorkloadImportVerb(CommandLine& line) {
  WorkloadImportOptions options;
  AddOptions(options, line);
  line.Parse();
  if (!options.tokenizer.empty()) UseTokenizer(options);
  std::string text = ReadFile(options.input);
  ImportedFile file{options.input, "", Sha256Hex(text), GivenOptions(options), {}};
  auto [format, trace] =
      ReadRequestTrace(options.format, std::move(text), options.input, options.import);
  CutTrace(trace, options.cut, options.input);
  trace.tally.notes.push_back(LongestText(trace));
  file.format = format;
  file.tally = trace.tally;
  WriteImport(file, options.output, WorkloadCsv(trace), options.replace);
  std::fputs(fmt::format("in a scenario beside it:\n{}",
                         WorkloadToml(trace, std::filesystem::path(options.output).filename()))
                 .c_str(),
             stderr);
  return 0;
}
