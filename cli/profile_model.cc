// hat profile model: a profile from the roofline of a hardware preset.
#include <fmt/format.h>

#include <filesystem>
#include <string>

#include "cli/plain_verbs.h"
#include "core/error.h"
#include "core/files.h"
#include "core/program.h"
#include "core/terminal_text.h"
#include "profiles/hardware.h"
#include "profiles/model_shape.h"
#include "profiles/modelled_profile.h"
#include "profiles/profile_report.h"

namespace {

constexpr char kProfileModelDescription[] =
    "Writes a latency profile from the roofline of a hardware preset: what a device or a cloud GPU "
    "takes for each operation of a "
    "model. Its provenance is 'modelled': use it where nothing was measured.";
constexpr char kProfileModelExamples[] =
    "Examples:\n"
    "  hat profile model --list\n"
    "  hat profile model --hardware agx-orin:30w --model vicuna-7b --role device\n"
    "  hat profile model --hardware a6000 --model models/my-llama/config.json --role cloud --out "
    "a6000.json";

struct ProfileModelOptions {
  std::string hardware, model, role, out;
  std::string dtype = "fp16";
  hat::ModelledLimits limits;
  bool list = false;
  bool replace = false;
};

std::string ListText() {
  static constexpr char kFormat[] = "{:<20}{:>5}{:>8}{:>7}  {}\n";
  std::string text =
      fmt::format(kFormat, "hardware[:mode]", "GiB", "TFLOPS", "GB/s", "(peaks; FP16, dense)");
  for (const hat::Hardware& hardware : hat::HardwareTable()) {
    for (const hat::PowerMode& mode : hardware.modes) {
      const std::string name = mode.name.empty() ? hardware.name : hardware.name + ":" + mode.name;
      text += fmt::format(kFormat, name, hardware.memory_gib, mode.peak_tflops, mode.peak_gb_per_s,
                          hardware.title);
    }
    text += hat::Paragraph("    source: ", hardware.source);
    if (!hardware.assumed.empty()) text += hat::Paragraph("    assumed: ", hardware.assumed);
  }
  text += "\nmodels:\n";
  for (const std::string& name : hat::ModelShapeNames()) {
    text += hat::Paragraph(fmt::format("  {:<16}", name), hat::Describe(hat::FindModelShape(name)));
  }
  return text + "  or the path of a Hugging Face config.json of the Llama architecture\n";
}

std::string OutputPath(const ProfileModelOptions& options, const std::string& id) {
  if (options.out.empty()) return id + ".json";
  std::error_code error;
  if (options.out.ends_with('/') || std::filesystem::is_directory(options.out, error)) {
    return std::filesystem::path(options.out) / (id + ".json");
  }
  return options.out;
}

}  // namespace

int hat::ProfileModelVerb(CommandLine& line) {
  ProfileModelOptions options;
  line.description(kProfileModelDescription);
  line.footer(kProfileModelExamples);
  line.add_flag("--list", options.list, "List hardware with its power modes, and models, and end");
  line.add_option("--hardware", options.hardware,
                  "NAME or NAME:MODE (see --list); without a mode the first, most powerful one");
  line.add_option("--model", options.model,
                  "A model's name (see --list) or the path of its config.json");
  line.add_option("--role", options.role,
                  "device (first layers, adapter, head) or cloud (a pipeline stage's layers)");
  line.add_option("--dtype", options.dtype, "fp16 or bf16 (the same latencies); default fp16");
  line.add_option("--max-tokens", options.limits.max_tokens,
                  "New tokens of an operation that it covers; default 4096 for a device, 16384 for "
                  "a cloud")
      ->check(CLI::Range(1, hat::ModelledLimits::kMost));
  line.add_option("--max-context", options.limits.max_context, "Context that it covers")
      ->capture_default_str()
      ->check(CLI::Range(1, hat::ModelledLimits::kMost));
  line.add_option("--out", options.out,
                  "File or folder to write; default ./HARDWARE[-MODE]_MODEL_ROLE.json");
  line.add_flag("--force", options.replace, "Replace an existing file of other content");
  line.Parse();
  if (options.list) {
    hat::PrintResult(ListText());
    return 0;
  }
  for (const auto& [flag, value] :
       {std::pair("--hardware", &options.hardware), std::pair("--model", &options.model),
        std::pair("--role", &options.role)}) {
    if (value->empty())
      throw hat::InputError(fmt::format("{} is required (--list shows what there is)", flag));
  }
  const hat::ProfileData data = hat::ModelProfile(
      hat::FindHardware(options.hardware), hat::FindModelShape(options.model),
      hat::ParseRole(options.role, "--role"),
      hat::ParseDtype(options.dtype, "--dtype", hat::kModelledDtypes), options.limits);
  const std::string text = hat::ProfileText(data);
  const std::string path = OutputPath(options, data.info.id);
  const std::string summary = hat::ProfileSummary(data);
  if (!options.replace) hat::RefuseToReplace(path, text);
  hat::WriteFileAtomically(path, text);
  hat::PrintResult(fmt::format("{}\n{}", hat::ProfileTitle(data.info), summary));
  hat::SayWritten(path);
  return 0;
}
