// hat model import: other programs' model files as a checkpoint.
#include <fmt/format.h>

#include <optional>
#include <string>

#include "cli/import_run.h"
#include "cli/shipped.h"
#include "cli/torch_verbs.h"
#include "core/error.h"
#include "core/files.h"
#include "core/interrupt.h"
#include "core/program.h"
#include "runtime/convert/medusa_import.h"

namespace hat {

int ModelImportVerb(CommandLine& line) {
  std::string source, out, dtype, medusa_of;
  bool replace = false;
  line.description(
      "Makes a checkpoint, as everything here takes it, of a model of the Llama family in another "
      "form: a GGUF file (llama.cpp's; quantised weights, Q4_0 to Q8_0 and Q4_K to Q6_K, become "
      "numbers again), or a folder with pytorch_model*.bin (whose pickle is read, never run).");
  line.footer(
      "Examples:\n  hat model import SmolLM2-135M-Instruct.Q4_1.gguf --out smollm2\n"
      "  hat generate --model smollm2 --system whole --chat 'What is the capital of France?'");
  line.add_option("source", source, "a file, .gguf, or a folder")->required();
  line.add_option("--out", out, "folder to make")->required();
  line.add_option("--dtype", dtype,
                  "of the weights written: fp32, fp16, bf16 (default: the narrowest that holds "
                  "what is stored, fp16 for quantised ones)");
  line.add_option("--medusa-of", medusa_of,
                  "the source is published Medusa heads (medusa_lm_head.pt or .safetensors) of the "
                  "checkpoint in this folder; --out is a file")
      ->transform(ShippedPath);
  line.add_flag("--force", replace, "replace an earlier import there");
  line.Parse();
  std::optional<Dtype> wanted;
  if (!dtype.empty()) wanted = ParseDtype(dtype, "--dtype", kWireDtypes);
  CatchInterrupts();
  if (!medusa_of.empty()) {
    if (IsThere(out) && !replace) {
      throw InputError(fmt::format("'{}' exists; give another name, or --force", out));
    }
    ImportMedusa(source, medusa_of, wanted.value_or(Dtype::kFloat16), out);
    SayWritten(out);
    return 0;
  }
  ImportModel(source, wanted, out, replace);
  SayWritten(out);
  return 0;
}

}  // namespace hat
