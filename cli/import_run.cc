#include "cli/import_run.h"

#include <fmt/format.h>

#include <filesystem>
#include <memory>

#include "cli/progress_line.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "runtime/convert/gguf_model.h"
#include "runtime/convert/torch_folder.h"

namespace hat {

namespace {

std::unique_ptr<const ImportedModel> Open(const std::string& source) {
  if (!std::filesystem::is_directory(source)) return std::make_unique<GgufModel>(source);
  if (HasTorchWeights(source)) return std::make_unique<TorchFolder>(source);
  throw InputError(source +
                   ": a folder without pytorch_model.bin or its index; of llama.cpp's models the "
                   "file is given, .gguf");
}

}  // namespace

void ImportModel(const std::string& source, std::optional<Dtype> dtype, const std::string& out,
                 bool replace) {
  const auto model = Open(source);
  const std::string name = std::filesystem::path(source).lexically_normal().filename();
  ProgressLine line;
  WriteImport(*model, dtype.value_or(model->widest()), out, replace, name,
              [&](size_t done, size_t all) {
                line.Update({double(done), double(all)},
                            [&] { return fmt::format("{}: {} of {} tensors", name, done, all); });
                return !IsInterrupted();
              });
}

}  // namespace hat
